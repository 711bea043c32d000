//! A policy for processes of the host that run already, by their control group.
//!
//! The filter is a table of its own in the host's namespace, which binds the processes of one group and nothing else. Their questions to
//! name servers are led to a resolver on the loopback. Sockets that a process had before it got into its group are not bound,
//! and connections that exist go on.

mod group;

use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;

use netwright_netfilter::log::{Listen, Logged};
use netwright_route::socket_diagnosis::SOCKET_DIAGNOSIS_PROTOCOL;
use netwright_sys::{Cause, Connection, Error, Namespace, Received, Result, capability, protocol};
use netwright_wire::Messages;
use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd, poll};

use self::group::Group;
use crate::filter::{self, Filter, FilterOptions};
use crate::mode;
use crate::relay::{Packet, Report};
use crate::resolver::{Resolver, Sockets};
use crate::sandbox::files::Files;
use crate::sandbox::reports::Reports;
use crate::sandbox::shared::{ResolverParts, Shared, start_resolver};
use crate::{Attribution, Event, Policy, Undecided};

pub use self::group::AttachTarget;

/// Log groups are everybody's on a host; these are ours from this number on, each with the number of the control group.
const LOG_GROUPS: u16 = 0x6e00;
/// As many control groups have numbers of their own.
const NUMBERS: u64 = 0x100;
/// How far behind the group of what is refused that of what is let through is.
const SEEN: u16 = 0x100;

/// A policy that is in force for a control group. Dropped, it stays in force without a resolver and nobody tells what it refuses;
/// [`Attached::detach`] takes it away.
#[derive(Debug)]
pub struct Attached {
    resolver: Resolver,
    reports: Arc<Reports>,
    filter: Shared,
    events: Receiver<Event>,
    listener: Listener,
    group: Group,
}

impl Attached {
    /// Puts the processes of a group behind a policy.
    ///
    /// # Errors
    /// The group is not there or is behind a policy already, or the privileges do not suffice.
    pub fn attach(target: &AttachTarget, policy: &Policy, open: bool) -> Result<Self> {
        let group = Group::of(target)?;
        match Attached::start(&group, policy, open) {
            Ok((resolver, reports, filter, events, listener)) => {
                Ok(Attached { resolver, reports, filter, events, listener, group })
            }
            Err(error) => {
                if group.is_new {
                    group.release();
                }
                Err(error)
            }
        }
    }

    fn start(group: &Group, policy: &Policy, open: bool) -> Result<Parts> {
        let log = LOG_GROUPS + (group.number % NUMBERS) as u16;
        let (sender, events) = channel();
        let namespace = Namespace::current()?.identity()?;
        let sockets = Connection::open(SOCKET_DIAGNOSIS_PROTOCOL)?;
        let attribution = Attribution::new(sockets, namespace, std::process::id());
        let reports = Reports::new(attribution, policy.clone(), sender.clone());
        let undecided = if open { Undecided::Allow } else { Undecided::Refuse };
        let listener = Listener::start(log, Arc::clone(&reports))?;
        let (sockets, port) = resolver_sockets()?;
        let attached = filter::Attached { group: group.number, level: group.level, resolver: port };
        let options = FilterOptions {
            undecided,
            own: Vec::new(),
            table: table(group),
            refused_group: log,
            seen_group: log + SEEN,
            ..FilterOptions::new(filter::Mode::Attached(attached))
        };
        let filter = Filter::install(Connection::open(protocol::NETFILTER)?, policy, options)?;
        let filter = Shared::new(filter);
        let resolver = start_resolver(ResolverParts {
            sockets,
            files: Files::read(policy),
            policy,
            undecided,
            ipv6: mode::has_ipv6(),
            filter: &filter,
            events: sender,
            reports: &reports,
        })?;
        Ok((resolver, reports, filter, events, listener))
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
        self.resolver.replace(Arc::new(policy.clone()), || self.filter.lock().replace(policy))?;
        self.reports.policy_changed(policy.clone());
        Ok(())
    }

    /// Takes away what [`Attached::attach`] brought, and nothing else.
    ///
    /// # Errors
    /// The kernel does not take the table away.
    pub fn detach(self) -> Result<()> {
        let Attached { listener, group, .. } = self;
        drop(listener);
        remove(&group)
    }

    /// Takes away what was left behind by one that was killed.
    ///
    /// # Errors
    /// There is no such group, or nothing is attached to it.
    pub fn detach_left(target: &AttachTarget) -> Result<()> {
        remove(&Group::of(target)?)
    }
}

type Parts = (Resolver, Arc<Reports>, Shared, Receiver<Event>, Listener);

fn table(group: &Group) -> String {
    format!("netwright_attached_{}", group.number)
}

fn remove(group: &Group) -> Result<()> {
    let mut connection = Connection::open(protocol::NETFILTER)?;
    let removed = mode::commit(&mut connection, &format!("delete table inet {}\n", table(group)));
    group.release();
    removed.map_err(|error| match error.is_not_found() {
        true => Error::new(
            format!("detach {}", group.directory.display()),
            Cause::Invalid("no policy is attached to it".into()),
        ),
        false => error,
    })
}

/// Sockets of the resolver: a free port of the loopback, the same for both protocols.
fn resolver_sockets() -> Result<(Sockets, u16)> {
    const TRIES: usize = 16;
    let failed = |error: std::io::Error| Error::new("open the resolver's sockets", error);
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    for tries in 1.. {
        let udp = UdpSocket::bind(any).map_err(failed)?;
        let address = udp.local_addr().map_err(failed)?;
        match TcpListener::bind(address) {
            Ok(tcp) => return Ok((Sockets { udp: udp.into(), tcp: tcp.into() }, address.port())),
            Err(_) if tries < TRIES => {}
            Err(error) => return Err(failed(error)),
        }
    }
    Err(failed(std::io::ErrorKind::AddrInUse.into()))
}

/// Hears what the filter logs, on a thread of its own.
#[derive(Debug)]
struct Listener {
    stop: OwnedFd,
    thread: Option<JoinHandle<()>>,
}

impl Listener {
    fn start(group: u16, reports: Arc<Reports>) -> Result<Self> {
        const BYTES: u32 = 512;
        let failed = |error: std::io::Error| Error::new("listen to what is refused", error);
        let mut log = Connection::open(protocol::NETFILTER)?;
        for group in [group, group + SEEN] {
            // who listens there has attached a policy to the same group
            let listening = log.acknowledge(&Listen { group, bytes: Some(BYTES) });
            listening.map_err(|error| match error.is_permission() && capability::net_admin() {
                true => error.with_help("A policy is attached to these processes already."),
                false => error,
            })?;
        }
        let stop = eventfd(0, EventfdFlags::CLOEXEC).map_err(|errno| failed(errno.into()))?;
        let stopped = stop.try_clone().map_err(failed)?;
        let thread = std::thread::Builder::new().name("attached".to_owned());
        let thread = thread.spawn(move || listen(&log, &stopped, &reports)).map_err(failed)?;
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

fn listen(log: &Connection, stop: &OwnedFd, reports: &Reports) {
    let mut buffer = Vec::new();
    loop {
        let mut sources = [
            PollFd::new(stop, PollFlags::IN),
            PollFd::from_borrowed_fd(std::os::fd::AsFd::as_fd(log.socket()), PollFlags::IN),
        ];
        match poll(&mut sources, None) {
            Ok(_) if !sources[0].revents().is_empty() => return,
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(_) => return,
        }
        loop {
            match log.socket().receive(&mut buffer) {
                Ok(Received::Datagram(datagram)) => {
                    for message in Messages::new(datagram).map_while(std::result::Result::ok) {
                        let Ok(Some(logged)) = Logged::view(&message) else { continue };
                        let payload = logged.packet.payload().ok().flatten();
                        if let Some(packet) = payload.and_then(Packet::read) {
                            let seen = logged.group >= LOG_GROUPS + SEEN;
                            reports.hear(if seen { Report::Seen(packet) } else { Report::Refused(packet) });
                        }
                    }
                }
                Ok(Received::Overrun | Received::Truncated(_)) => {}
                Ok(Received::Nothing) | Err(_) => break,
            }
        }
    }
}
