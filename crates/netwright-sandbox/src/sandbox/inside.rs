//! The inside of a sandbox with everything that serves it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, OnceLock};

use netwright_confine::{Confinement, Enclosure, Mask, SocketRequest};
use netwright_route::socket_diagnosis::SOCKET_DIAGNOSIS_PROTOCOL;
use netwright_sys::{Connection, Error, Result, protocol};
use rustix::process::getgid;

use super::Sandbox;
use super::asking::Asking;
use super::enforced::{self, Enforced, Whose};
use super::files::{self, Files};
use super::masking::Masking;
use super::neighbourhood;
use super::publish::Publisher;
use super::reports::Reports;
use super::shared::{ResolverParts, Shared, start_resolver};
use crate::constants::{RESOLVER, SEEN_GROUP};
use crate::filter::{self, Filter, FilterOptions};
use crate::follow::Follower;
use crate::mode::{self, Mode, Uplink};
use crate::own::OwnAddresses;
use crate::relay::{Admission, Asked, Relay, RelayOptions};
use crate::resolver::Sockets;
use crate::{Attribution, Event, Policy};

/// What serves the inside. Its parts end in the order in which they stand here.
#[derive(Debug)]
pub(super) struct Inside {
    _neighbourhood: Follower,
    asking: Option<Asking>,
    _publisher: Option<Publisher>,
    enforced: Arc<Enforced>,
    _relay: Relay,
    uplink: Uplink,
    /// Why packets are not routed, where the choice was left and the privileges suffice.
    not_routed: Option<Error>,
    events: Receiver<Event>,
    enclosure: Arc<Enclosure>,
}

impl Inside {
    /// Prepares the inside and starts what serves it. When this returns, a command can run inside.
    pub(super) fn start(
        enclosure: Enclosure,
        sandbox: &Sandbox,
        files: Files,
        masking: Masking<'_>,
    ) -> Result<Self> {
        let enclosure = Arc::new(enclosure);
        let ipv6 = mode::has_ipv6();
        let (mut uplink, not_routed) = Uplink::create(sandbox.mode, &enclosure, ipv6)?;
        settings(&enclosure, sandbox)?;
        let (sender, events) = channel();
        uplink.watch(&sender)?;
        let own = uplink.addresses();
        let reports = Reports::new(
            attribution(&enclosure)?,
            OwnAddresses::Sandbox(own.clone()),
            sandbox.policy.clone(),
            sender.clone(),
        );
        let admitting = Arc::new(OnceLock::<Shared>::new());
        let options = RelayOptions {
            enclosure: Arc::clone(&enclosure),
            ipv6,
            admission: admission(&admitting),
            keeps: keeps(&admitting, &reports),
            reporter: reports.reporter(),
        };
        let relay = Relay::start(&options)?;
        let resolver_sockets = resolver_sockets(&enclosure)?;
        let firewall = enclosure.connection(protocol::NETFILTER)?;
        masking.lay(&enclosure); // while the filter is made, which asks nothing of the enclosure
        let filter = install(firewall, sandbox, &relay, &uplink)?;
        let _ = admitting.set(filter.clone()); // it is set once
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
        let enforced = Arc::new(Enforced::new(
            resolver,
            filter,
            reports,
            sandbox.policy.clone(),
            Whose::Inside(relay.reviewer()),
        ));
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
        masking.finish()?;
        let follows = Arc::clone(&enforced);
        // Where it fails, the old networks stay left out.
        let moved = move |local| drop(follows.moved(local));
        let neighbourhood = neighbourhood::watch(sandbox.policy.local.clone(), moved)?;
        Ok(Inside {
            _neighbourhood: neighbourhood,
            asking,
            _publisher: publisher,
            enforced,
            _relay: relay,
            uplink,
            not_routed,
            events,
            enclosure,
        })
    }

    /// Makes a command run inside.
    pub(super) fn confine(&self, command: &mut Command, confinement: Confinement) -> Result<()> {
        let confinement = Confinement {
            // Of files, root stays root; over the network inside these capabilities give no power.
            capabilities: confinement.user.is_none() && self.enclosure.has_all_users(),
            socket_reporter: Some(self.enforced.reports.socket_reporter()),
            ..confinement
        };
        self.enclosure.confine(command, &confinement)
    }

    pub(super) fn settle(&self) -> Result<()> {
        self.enclosure.settle()
    }

    pub(super) fn protect(&self, path: &Path) -> Result<()> {
        self.enclosure.mask(&[Mask::ReadOnly { path: path.into() }])
    }

    pub(super) fn reports(&self) -> &Arc<Reports> {
        &self.enforced.reports
    }

    pub(super) fn mode(&self) -> Mode {
        self.uplink.mode()
    }

    pub(super) fn not_routed(&self) -> Option<&Error> {
        self.not_routed.as_ref()
    }

    pub(super) fn events(&self) -> &Receiver<Event> {
        &self.events
    }

    pub(super) fn take_events(&mut self) -> Receiver<Event> {
        std::mem::replace(&mut self.events, channel().1)
    }

    pub(super) fn reload(&self, policy: &Policy) -> Result<()> {
        match self.uplink {
            Uplink::None => self.enforced.reload(&policy.without_network())?,
            Uplink::Relay(_) | Uplink::Nat(_) => self.enforced.reload(policy)?,
        }
        if let Some(asking) = &self.asking {
            asking.policy_changed();
        }
        Ok(())
    }
}

/// What may be reached is what the filter says, as soon as there is one.
fn admission(filter: &Arc<OnceLock<Shared>>) -> Admission {
    let filter = Arc::clone(filter);
    Admission::new(move |protocol, to| filter.get().is_some_and(|filter| filter.lock().admits(protocol, to)))
}

/// The same of what is open when the policy has changed.
fn keeps(filter: &Arc<OnceLock<Shared>>, reports: &Arc<Reports>) -> Admission {
    let (filter, reports) = (Arc::clone(filter), Arc::clone(reports));
    Admission::new(move |protocol, to| {
        filter.get().is_some_and(|filter| enforced::keeps(filter, &reports, protocol, to))
    })
}

/// The command has no power over the network that is its own: so it may ping, and listen on every port.
fn settings(enclosure: &Enclosure, sandbox: &Sandbox) -> Result<()> {
    let groups = if enclosure.has_all_users() { all_groups() } else { None };
    let own = sandbox.numbers.map_or_else(|| getgid().as_raw(), |(_, group)| group);
    let (first, last) = groups.unwrap_or((own, own));
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
    Ok(Attribution::new(sockets, enclosure.namespace()?.identity()?, enclosure.helper()))
}

fn install(firewall: Connection, sandbox: &Sandbox, relay: &Relay, uplink: &Uplink) -> Result<Shared> {
    let ipv4 = relay.port_ipv4();
    let listeners = filter::Listeners { ipv4, ipv6: relay.port_ipv6().unwrap_or(ipv4) };
    let mode = match uplink {
        Uplink::Nat(_) => filter::Mode::Nat(Some(listeners)),
        Uplink::Relay(_) | Uplink::None => filter::Mode::Relay(listeners),
    };
    let options = FilterOptions {
        undecided: sandbox.undecided(),
        seen_group: sandbox.tells_allowed().then_some(SEEN_GROUP),
        own: uplink.addresses(),
        ..FilterOptions::new(mode)
    };
    Filter::install(firewall, &sandbox.policy, options).map(Shared::new)
}
