//! The inside where the supervisor makes all connections: every destination is one of the sandbox's own, so that what is sent
//! meets the filter and then the supervisor's listeners.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use netwright_confine::Enclosure;
use netwright_route::address::AddressFlags;
use netwright_route::link::{Change, Set};
use netwright_route::route::RouteKind;
use netwright_route::rule::Mark;
use netwright_route::{Add, Address, Family, LinkId, Prefix, Route, Rule, Table};
use netwright_sys::{Connection, Result};

use super::LARGEST_PACKET;

/// A routing table of its own: what the table `main` had, the kernel would take for addresses that can be bound.
pub(crate) const ANYWHERE: Table = Table(0x6e77);
/// Behind the rules of the tables `local` (0) and `main` (32766).
const PRIORITY: u32 = 32_800;
/// Before the rule of the table `main`.
const DIVERTED: u32 = 100;
/// Of a mark.
const LOWER_HALF: u32 = 0xffff;

/// Nothing congests a loopback, so the cheapest way to find that out will do, which every kernel has and every namespace may choose. Where
/// the host has another, which namespaces get from it, that may need a timer for each packet, as BBR does.
const CONGESTION_CONTROL: &str = "reno";

/// Prepares the inside, with these addresses. Where there are none, all that is sent has those of the loopback, and meets the filter all the same.
pub(super) fn configure(
    enclosure: &Enclosure,
    connection: &mut Connection,
    own: &[IpAddr],
    ipv6: bool,
) -> Result<()> {
    let lo = loopback();
    connection.acknowledge(&Set { link: lo, change: &Change::up() })?;
    let large = Change {
        gso_maximum_size: Some(LARGEST_PACKET),
        gso_ipv4_maximum_size: Some(LARGEST_PACKET),
        ..Change::default()
    };
    // What the command sends goes no further than the supervisor. Where one of the two cannot be had, it is slower, and all the same right.
    let _ = connection.acknowledge(&Set { link: lo, change: &large });
    let _ = enclosure.write_sysctl("net/ipv4/tcp_congestion_control", CONGESTION_CONTROL);
    own.iter().try_for_each(|&address| add_own(connection, lo, address))?;
    let loopback = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
    for loopback in loopback.into_iter().filter(|loopback| loopback.is_ipv4() || ipv6) {
        let of_family = own.iter().find(|own| own.is_ipv4() == loopback.is_ipv4());
        everything(connection, *of_family.unwrap_or(&loopback))?;
    }
    Ok(())
}

/// Gives the inside an address of its own, to which packets can come at once: the kernel leaves the route that takes those of IPv6 to a worker, and where
/// that has to wait for a processor, the first answers would have none.
pub(super) fn add_own(connection: &mut Connection, link: LinkId, address: IpAddr) -> Result<()> {
    let length = if address.is_ipv4() { 32 } else { 128 };
    let mut own = Address::new(address, length).on(link);
    own.flags = AddressFlags::NO_DUPLICATE_DETECTION;
    connection.acknowledge(&Add(&own))?;
    if address.is_ipv6() {
        let taken = Route::to(Prefix { address, length }).of_kind(RouteKind::LOCAL).dev(link);
        connection.acknowledge(&Add(&taken))?;
    }
    Ok(())
}

/// The loopback interface, which is the first of every namespace.
pub(super) fn loopback() -> LinkId {
    LinkId::named(1, "lo")
}

/// Leads all of a family to the loopback, with this source.
fn everything(connection: &mut Connection, own: IpAddr) -> Result<()> {
    anywhere(connection, own)?;
    let rule = Rule::lookup(ANYWHERE).priority(PRIORITY).family(Family::of(own));
    connection.acknowledge(&Add(&rule))
}

/// Where packets leave by a link: leads those with a mark to the loopback that has this lower half. `own` is the source address of their family.
pub(super) fn divert(connection: &mut Connection, own: IpAddr, mark: u32) -> Result<()> {
    anywhere(connection, own)?;
    let mark = Mark { value: mark, mask: LOWER_HALF };
    let rule = Rule::lookup(ANYWHERE).priority(DIVERTED).family(Family::of(own)).mark(mark);
    connection.acknowledge(&Add(&rule))
}

/// The route of the table of its own.
fn anywhere(connection: &mut Connection, own: IpAddr) -> Result<()> {
    let all = if own.is_ipv4() { Prefix::ALL_IPV4 } else { Prefix::ALL_IPV6 };
    let route =
        Route::to(all).of_kind(RouteKind::LOCAL).dev(loopback()).table(ANYWHERE).preferred_source(own);
    connection.acknowledge(&Add(&route))
}
