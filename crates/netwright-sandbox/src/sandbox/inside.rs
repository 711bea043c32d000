//! The inside of a sandbox with everything that serves it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};

use netwright_route::socket_diagnosis::SOCKET_DIAGNOSIS_PROTOCOL;
use netwright_sys::{Connection, Enclosure, Result, SocketRequest, protocol};
use rustix::process::getgid;

use super::Sandbox;
use super::asking::Asking;
use super::covering::Covering;
use super::enforced::Enforced;
use super::files::{self, Files};
use super::publish::Publisher;
use super::reports::Reports;
use super::shared::{ResolverParts, Shared, start_resolver};
use crate::constants::{RESOLVER, SEEN_GROUP};
use crate::filter::{self, Filter, FilterOptions};
use crate::mode::nat::Uplink;
use crate::mode::{self, Mode, relay as loopback};
use crate::relay::{Asked, Relay, RelayOptions};
use crate::resolver::Sockets;
use crate::{Attribution, Event, Policy};

/// What serves the inside. Its parts end in the order in which they stand here.
#[derive(Debug)]
pub(super) struct Inside {
    asking: Option<Asking>,
    _publisher: Option<Publisher>,
    enforced: Arc<Enforced>,
    _relay: Relay,
    uplink: Option<Uplink>,
    events: Receiver<Event>,
    _enclosure: Arc<Enclosure>,
}

impl Inside {
    /// Prepares the inside and starts what serves it. When this returns, a command can run inside.
    pub(super) fn start(
        enclosure: Enclosure,
        sandbox: &Sandbox,
        files: Files,
        covering: Covering<'_>,
    ) -> Result<Self> {
        let enclosure = Arc::new(enclosure);
        let ipv6 = mode::has_ipv6();
        let uplink = connect(&enclosure, sandbox.mode, ipv6)?;
        settings(&enclosure)?;
        let (sender, events) = channel();
        let reports = Reports::new(attribution(&enclosure)?, sandbox.policy.clone(), sender.clone());
        let options = RelayOptions { enclosure: Arc::clone(&enclosure), ipv6, reporter: reports.reporter() };
        let relay = Relay::start(&options)?;
        let resolver_sockets = resolver_sockets(&enclosure)?;
        let firewall = enclosure.connection(protocol::NETFILTER)?;
        covering.lay(&enclosure); // while the filter is made, which asks nothing of the enclosure
        let filter = install(firewall, sandbox, &relay, uplink.as_ref())?;
        let resolver = start_resolver(ResolverParts {
            sockets: resolver_sockets,
            files,
            policy: &sandbox.policy,
            undecided: sandbox.undecided(),
            ipv6,
            filter: &filter,
            events: sender,
            reports: &reports,
        })?;
        let enforced = Arc::new(Enforced::new(resolver, filter, reports, sandbox.policy.clone()));
        let asking = match &sandbox.ask {
            None => None,
            Some(asker) => {
                let asked = Asked::open(&enclosure, ipv6)?;
                Some(Asking::start(asker.clone(), asked, Arc::clone(&enforced))?)
            }
        };
        let publisher = match sandbox.publish.as_slice() {
            [] => None,
            ports => Some(Publisher::start(ports, &enclosure, relay.carrier())?),
        };
        covering.finish()?;
        Ok(Inside {
            asking,
            _publisher: publisher,
            enforced,
            _relay: relay,
            uplink,
            events,
            _enclosure: enclosure,
        })
    }

    pub(super) fn mode(&self) -> Mode {
        if self.uplink.is_some() { Mode::Nat } else { Mode::Relay }
    }

    pub(super) fn events(&self) -> &Receiver<Event> {
        &self.events
    }

    pub(super) fn take_events(&mut self) -> Receiver<Event> {
        std::mem::replace(&mut self.events, channel().1)
    }

    pub(super) fn reload(&self, policy: &Policy) -> Result<()> {
        self.enforced.reload(policy)?;
        if let Some(asking) = &self.asking {
            asking.policy_changed();
        }
        Ok(())
    }
}

/// Joins the inside to the world, by the host's kernel or by the loopback alone.
fn connect(enclosure: &Enclosure, wanted: Mode, ipv6: bool) -> Result<Option<Uplink>> {
    let mut inside = enclosure.connection(protocol::ROUTE)?;
    match wanted {
        Mode::Nat => return Uplink::create(enclosure, &mut inside, ipv6).map(Some),
        Mode::Automatic if mode::nat_is_possible() => {
            if let Ok(uplink) = Uplink::create(enclosure, &mut inside, ipv6) {
                return Ok(Some(uplink));
            }
        }
        Mode::Automatic | Mode::Relay => {}
    }
    loopback::configure(enclosure, &mut inside, ipv6)?;
    Ok(None)
}

/// The command has no power over the network that is its own: so it may ping, and listen on every port.
fn settings(enclosure: &Enclosure) -> Result<()> {
    let groups = if enclosure.has_all_users() { all_groups() } else { None };
    let (first, last) = groups.unwrap_or_else(|| (getgid().as_raw(), getgid().as_raw()));
    enclosure.write_sysctl("net/ipv4/ping_group_range", &format!("{first} {last}"))?;
    enclosure.write_sysctl("net/ipv4/ip_unprivileged_port_start", "0")
}

/// The groups that exist here, of which the kernel wants the first and the last of one extent.
fn all_groups() -> Option<(u32, u32)> {
    /// The kernel takes no higher one.
    const HIGHEST: u32 = i32::MAX.cast_unsigned();
    let map = std::fs::read_to_string("/proc/self/gid_map").ok()?;
    let mut numbers = map.lines().next()?.split_whitespace().map(str::parse::<u32>);
    let (first, count) = (numbers.next()?.ok()?, numbers.nth(1)?.ok()?);
    Some((first, first.saturating_add(count.saturating_sub(1)).min(HIGHEST)))
}

/// Where the host has no file that names name servers, none can be laid over it, and programs ask their own machine.
fn resolver_sockets(enclosure: &Enclosure) -> Result<Vec<Sockets>> {
    let own_machine = (!Path::new(files::RESOLVER).exists()).then_some(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let addresses = [RESOLVER].into_iter().chain(own_machine);
    addresses.map(|address| resolver_sockets_at(enclosure, address)).collect()
}

fn resolver_sockets_at(enclosure: &Enclosure, address: IpAddr) -> Result<Sockets> {
    const PORT: u16 = 53;
    let bind = Some(SocketAddr::new(address, PORT));
    let udp = SocketRequest { bind, ..SocketRequest::udp(false) };
    let tcp = SocketRequest { bind, listen: Some(64), reuse_address: true, ..SocketRequest::tcp(false) };
    Ok(Sockets { udp: enclosure.socket(&udp)?, tcp: enclosure.socket(&tcp)? })
}

fn attribution(enclosure: &Enclosure) -> Result<Attribution> {
    let sockets = enclosure.connection(SOCKET_DIAGNOSIS_PROTOCOL)?;
    Ok(Attribution::new(sockets, enclosure.namespace()?.identity()?, enclosure.warden()))
}

fn install(
    firewall: Connection,
    sandbox: &Sandbox,
    relay: &Relay,
    uplink: Option<&Uplink>,
) -> Result<Shared> {
    let ipv4 = relay.port_ipv4();
    let listeners = filter::Listeners { ipv4, ipv6: relay.port_ipv6().unwrap_or(ipv4) };
    let mode = match uplink {
        Some(_) => filter::Mode::Nat(Some(listeners)),
        None => filter::Mode::Relay(listeners),
    };
    let mut options = FilterOptions {
        undecided: sandbox.undecided(),
        seen_group: sandbox.tells_allowed().then_some(SEEN_GROUP),
        ..FilterOptions::new(mode)
    };
    if let Some(uplink) = uplink {
        options.own.clone_from(&uplink.addresses);
    }
    Filter::install(firewall, &sandbox.policy, options).map(Shared::new)
}
