//! A policy for processes of the host that run already, by their control group.
//!
//! The filter is a table of its own in the host's namespace, which binds the processes of one group and nothing else. Their questions to
//! name servers are led to a resolver on the loopback, by IPv4 and IPv6. Sockets that a process had before it got into its group are known by a
//! mark, and connections that exist go on.

mod group;
mod members;
mod sockets;

use std::io;
use std::iter;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;

use netwright_netfilter::log::Listen;
use netwright_route::socket_diagnosis::SOCKET_DIAGNOSIS_PROTOCOL;
use netwright_sys::{Cause, Connection, Error, Namespace, Result, capability, protocol};
use netwright_wire::Errno;
use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd, poll};

use self::group::Group;
use crate::attribution::{namespace_of, processes_of};
use crate::filter::{self, Filter, FilterOptions};
use crate::follow::Follower;
use crate::mode;
use crate::own::OwnAddresses;
use crate::policy::LocalNetworks;
use crate::relay::injector::Injector;
use crate::relay::{AFTER_FAILURE, Report, logged};
use crate::resolver::Sockets;
use crate::sandbox::enforced::{Enforced, Whose};
use crate::sandbox::files::Files;
use crate::sandbox::neighbourhood;
use crate::sandbox::reports::Reports;
use crate::sandbox::shared::{ResolverParts, Shared, start_resolver};
use crate::{Attribution, Event, Policy, Undecided};

pub use self::group::AttachTarget;
pub(crate) use self::group::root as control_group_root;
use self::members::Members;

/// Log groups are everybody's on a host; these are ours from this number on, each with the number of the control group.
const LOG_GROUPS: u16 = 0x6e00;
/// As many control groups have numbers of their own.
const NUMBERS: u64 = 0x100;
/// How far behind the group of what is refused that of what is let through is.
const SEEN: u16 = 0x100;

/// How a policy is put in force for processes that run already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AttachOptions {
    /// Everything but what is denied is let through, and told: for learning what the processes need.
    pub open: bool,
    /// What rules let through is told as well ([`Action::Allowed`](crate::Action::Allowed)), as it is with the one above. Of each
    /// connection and flow the process is searched then.
    pub tell_allowed: bool,
}

/// A policy that is in force for a control group. Dropped, it stays in force without a resolver and nobody tells what it refuses;
/// [`Attached::detach`] takes it away.
#[derive(Debug)]
pub struct Attached {
    _neighbourhood: Follower,
    _members: Members,
    enforced: Arc<Enforced>,
    events: Receiver<Event>,
    listener: Listener,
    group: Group,
}

impl Attached {
    /// Puts the processes of a group behind a policy.
    ///
    /// # Errors
    /// The group is not there, is behind a policy already or has processes that this filter cannot bind, or the privileges do not suffice.
    pub fn attach(target: &AttachTarget, policy: &Policy, options: AttachOptions) -> Result<Self> {
        let group = Group::of(target)?;
        let policy = Policy { local: LocalNetworks::of_host()?, ..policy.clone() };
        let started = Attached::start(&group, &policy, options).and_then(|(enforced, events, listener)| {
            let (follows, known) = (Arc::clone(&enforced), policy.local.clone());
            // Where it fails, the old networks stay left out.
            let neighbourhood = neighbourhood::watch(known, move |local| drop(follows.moved(local)))?;
            let members = Members::watch(group.clone(), mark_of(&group), Arc::clone(&enforced.reports))?;
            Ok((neighbourhood, members, enforced, events, listener))
        });
        match started {
            Ok((neighbourhood, members, enforced, events, listener)) => Ok(Attached {
                _neighbourhood: neighbourhood,
                _members: members,
                enforced,
                events,
                listener,
                group,
            }),
            Err(error) => {
                if group.is_new {
                    group.release();
                }
                Err(error)
            }
        }
    }

    fn start(group: &Group, policy: &Policy, options: AttachOptions) -> Result<Parts> {
        let AttachOptions { open, tell_allowed } = options;
        let refused_group = LOG_GROUPS + (group.number % NUMBERS) as u16;
        let seen_group = (open || tell_allowed).then_some(refused_group + SEEN);
        let (sender, events) = channel();
        let namespace = Namespace::current()?.identity()?;
        check(&group.directory, namespace)?;
        let sockets = Connection::open(SOCKET_DIAGNOSIS_PROTOCOL)?;
        let attribution = Attribution::of_group(sockets, namespace, group.directory.clone());
        let connections = attribution.connections_of(&group.directory);
        let reports = Reports::new(attribution, OwnAddresses::here()?, policy.clone(), sender.clone());
        let undecided = if open { Undecided::Allow } else { Undecided::Refuse };
        let listener = Listener::start(refused_group, seen_group, Arc::clone(&reports))?;
        let (sockets, port) = resolver_sockets()?;
        let attached = filter::Attached { group: group.number, level: group.level, resolver: port };
        let options = FilterOptions {
            undecided,
            own: Vec::new(),
            table: table(group),
            refused_group,
            seen_group,
            connections,
            ..FilterOptions::new(filter::Mode::Attached(attached))
        };
        let filter = Filter::install(Connection::open(protocol::NETFILTER)?, policy, options)
            .map_err(|error| match error.errno() {
                Some(Errno::EEXIST) => error.with_help(
                    "One that was killed has left its filter, which still binds these processes: take it away with --detach.",
                ),
                _ => error,
            })?;
        let filter = Shared::new(filter);
        for process in sockets::mark(&group.directory, mark_of(group)) {
            reports.has_unbound_sockets(process);
        }
        let resolver = start_resolver(ResolverParts {
            sockets,
            files: Files::read(&policy.dns, None),
            policy,
            undecided,
            ipv6: mode::has_ipv6(),
            filter: &filter,
            events: sender,
            reports: &reports,
        })?;
        Ok((
            Arc::new(Enforced::new(
                resolver,
                filter,
                reports,
                policy.clone(),
                Whose::Group(group.directory.clone()),
            )),
            events,
            listener,
        ))
    }

    /// What the processes of the group try.
    #[must_use]
    pub fn events(&self) -> &Receiver<Event> {
        &self.events
    }

    /// The same to be read elsewhere.
    pub fn take_events(&mut self) -> Receiver<Event> {
        std::mem::replace(&mut self.events, channel().1)
    }

    /// Puts another policy in force.
    ///
    /// # Errors
    /// The kernel does not take it; then the old one is still in force.
    pub fn reload(&self, policy: &Policy) -> Result<()> {
        self.enforced.reload(policy)
    }

    /// Takes away what [`Attached::attach`] brought, and nothing else.
    ///
    /// # Errors
    /// The kernel does not take the table away.
    pub fn detach(self) -> Result<()> {
        let Attached { listener, group, _members, .. } = self;
        drop((listener, _members));
        remove(&group)
    }

    /// Takes away what was left behind by one that was killed.
    ///
    /// # Errors
    /// There is no such group, or nothing is attached to it.
    pub fn detach_left(target: &AttachTarget) -> Result<()> {
        remove(&Group::left(target)?)
    }
}

type Parts = (Arc<Enforced>, Receiver<Event>, Listener);

fn table(group: &Group) -> String {
    format!("netwright_attached_{}", group.number)
}

/// The mark of sockets that were made before their process came into a group.
fn mark_of(group: &Group) -> u32 {
    filter::Attached { group: group.number, level: group.level, resolver: 0 }.mark()
}

fn remove(group: &Group) -> Result<()> {
    sockets::unmark(&group.directory, mark_of(group));
    let mut connection = Connection::open(protocol::NETFILTER)?;
    let removed = filter::remove(&mut connection, &table(group));
    group.release();
    removed.map_err(|error| match error.is_not_found() {
        true => Error::new(
            format!("detach {}", group.directory.display()),
            Cause::Invalid("no policy is attached to it".into()),
        ),
        false => error,
    })
}

/// An error where processes of a group would not be bound, or the supervisor itself would.
fn check(directory: &Path, namespace: (u64, u64)) -> Result<()> {
    let refused = |what: String| {
        Error::new(format!("bind the processes of {}", directory.display()), Cause::Invalid(what))
    };
    for process in processes_of(directory) {
        if process == std::process::id() {
            return Err(refused("this command is one of them".into())
                .with_help("Start it outside of the group, or name a group below it."));
        }
        let there = namespace_of(&Path::new("/proc").join(process.to_string()));
        if there.is_some_and(|there| there != namespace) {
            return Err(refused(format!(
                "process {process} has another network namespace, which the filter does not reach"
            ))
            .with_help(
                "Run this command there: `nsenter --net --target PROCESS netwright run --attach …`.",
            ));
        }
    }
    Ok(())
}

/// Sockets of the resolver: a free port of the loopback, the same for both protocols and, where the host has IPv6, both families.
fn resolver_sockets() -> Result<(Vec<Sockets>, u16)> {
    const TRIES: usize = 16;
    let failed = |error: io::Error| Error::new("open the resolver's sockets", error);
    for _ in 1..TRIES {
        match resolver_sockets_once() {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
            result => return result.map_err(failed),
        }
    }
    resolver_sockets_once().map_err(failed)
}

fn resolver_sockets_once() -> io::Result<(Vec<Sockets>, u16)> {
    let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = udp.local_addr()?.port();
    let pair = |udp: UdpSocket, loopback: IpAddr| -> io::Result<Sockets> {
        let tcp = TcpListener::bind(SocketAddr::new(loopback, port))?;
        Ok(Sockets { udp: udp.into(), tcp: tcp.into() })
    };
    let mut sockets = vec![pair(udp, Ipv4Addr::LOCALHOST.into())?];
    match UdpSocket::bind((Ipv6Addr::LOCALHOST, port)) {
        Ok(udp) => sockets.push(pair(udp, Ipv6Addr::LOCALHOST.into())?),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => return Err(error),
        Err(_) => {} // the host has no IPv6 loopback, so nothing can be led there
    }
    Ok((sockets, port))
}

/// Hears what the filter logs, on a thread of its own.
#[derive(Debug)]
struct Listener {
    stop: OwnedFd,
    thread: Option<JoinHandle<()>>,
}

impl Listener {
    fn start(refused: u16, seen: Option<u16>, reports: Arc<Reports>) -> Result<Self> {
        const BYTES: u32 = 512;
        let failed = |error: std::io::Error| Error::new("listen to what is refused", error);
        let mut log = Connection::open(protocol::NETFILTER)?;
        for group in iter::once(refused).chain(seen) {
            // who listens there has attached a policy to the same group
            let listening = log.acknowledge(&Listen { group, bytes: Some(BYTES) });
            listening.map_err(|error| match error.is_permission() && capability::net_admin() {
                true => error.with_help("A policy is attached to these processes already."),
                false => error,
            })?;
        }
        let injector = Injector::here()?;
        let stop = eventfd(0, EventfdFlags::CLOEXEC).map_err(|errno| failed(errno.into()))?;
        let stopped = stop.try_clone().map_err(failed)?;
        let thread = std::thread::Builder::new().name("attached".to_owned());
        let thread = thread.spawn(move || listen(&log, &stopped, &reports, &injector)).map_err(failed)?;
        Ok(Listener { stop, thread: Some(thread) })
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = rustix::io::write(&self.stop, &1_u64.to_ne_bytes());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn listen(log: &Connection, stop: &OwnedFd, reports: &Reports, injector: &Injector) {
    let mut buffer = Vec::new();
    loop {
        let mut sources = [
            PollFd::new(stop, PollFlags::IN),
            PollFd::from_borrowed_fd(std::os::fd::AsFd::as_fd(log.socket()), PollFlags::IN),
        ];
        match poll(&mut sources, None) {
            Ok(_) if !sources[0].revents().is_empty() => return,
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(_) => std::thread::sleep(AFTER_FAILURE),
        }
        while let Some(packets) = logged::hear(log.socket(), &mut buffer) {
            for (group, packet) in packets {
                if group >= LOG_GROUPS + SEEN {
                    reports.hear(Report::Seen(packet));
                    continue;
                }
                reports.hear(Report::Refused(packet));
                // who connects is still there while it is looked for, and hears of it now
                if let Some(reset) = packet.reset() {
                    injector.send(&reset);
                }
            }
        }
    }
}
