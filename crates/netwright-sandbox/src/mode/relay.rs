//! The inside where the supervisor makes all connections: every destination is one of the sandbox's own, so that what is sent
//! meets the filter and then the supervisor's listeners.

use std::net::IpAddr;

use netwright_route::address::AddressFlags;
use netwright_route::link::{Change, Set};
use netwright_route::route::RouteKind;
use netwright_route::{Add, Address, Family, LinkId, Prefix, Route, Rule, Table};
use netwright_sys::{Connection, Result};

use crate::constants::{OWN_IPV4, OWN_IPV6};

/// A routing table of its own: what the table `main` had, the kernel would take for addresses that can be bound.
const ANYWHERE: Table = Table(0x6e77);
/// Behind the rules of the tables `local` (0) and `main` (32766).
const PRIORITY: u32 = 32_800;

/// Prepares the inside.
pub(crate) fn configure(connection: &mut Connection, ipv6: bool) -> Result<()> {
    let lo = loopback();
    connection.acknowledge(&Set { link: lo.clone(), change: &Change::up() })?;
    everything(connection, &lo, OWN_IPV4.into())?;
    if ipv6 {
        everything(connection, &lo, OWN_IPV6.into())?;
    }
    Ok(())
}

/// The loopback interface, which is the first of every namespace.
pub(super) fn loopback() -> LinkId {
    LinkId::named(1, "lo")
}

fn everything(connection: &mut Connection, lo: &LinkId, own: IpAddr) -> Result<()> {
    let (all, length) = match own {
        IpAddr::V4(_) => (Prefix::ALL_IPV4, 32),
        IpAddr::V6(_) => (Prefix::ALL_IPV6, 128),
    };
    let mut address = Address::new(own, length).on(lo.clone());
    address.flags = AddressFlags::NO_DUPLICATE_DETECTION;
    connection.acknowledge(&Add(&address))?;
    let route =
        Route::to(all).of_kind(RouteKind::LOCAL).dev(lo.clone()).table(ANYWHERE).preferred_source(own);
    connection.acknowledge(&Add(&route))?;
    let rule = Rule::lookup(ANYWHERE).priority(PRIORITY).family(Family::of(own));
    connection.acknowledge(&Add(&rule))
}
