//! Echo requests: the supervisor asks the destination itself, and answers inside where an answer comes.
//!
//! What leaves is made here, as long as the original; nothing of the original's bytes does. Where the kernel lets
//! this process send echo requests only through raw sockets, which root may have, those are used.

mod requests;

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use netwright_sys::IcmpError;
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, Protocol, RecvFlags, SendFlags, SocketFlags, SocketType, connect, ipproto, recv, send,
    socket_with,
};

pub(super) use self::requests::Requests;
use super::injector::Injector;
use super::packet::{IcmpMessage, Packet, Unreachable};
use super::poll::{EventFlags, Poll};
use super::{Admission, Report, Reporter, notices};

/// More destinations are not asked at once.
const DESTINATIONS: usize = 64;
/// How long a reply is waited for, and a socket kept that nothing is asked through.
const PATIENCE: Duration = Duration::from_secs(15);

/// Why no echo requests can be sent, where the kernel forbids it.
const FORBIDDEN: &str = "a rule allows it, but this host's kernel lets your group send no pings: net.ipv4.ping_group_range must have it, or root run this";

/// Why there is no socket for a destination.
#[derive(Debug)]
enum Unopened {
    /// The kernel lets this process send no echo requests.
    Forbidden,
    /// Something else.
    Failed(String),
}

impl From<String> for Unopened {
    fn from(reason: String) -> Self {
        Unopened::Failed(reason)
    }
}

/// Asks destinations.
#[derive(Debug)]
pub(crate) struct Pinger {
    injector: Injector,
    admission: Admission,
    report: Reporter,
    numbers: Range<u64>,
    targets: HashMap<u64, Target>,
    buffer: Vec<u8>,
}

/// A destination that is asked.
#[derive(Debug)]
struct Target {
    address: IpAddr,
    socket: OwnedFd,
    used: Instant,
    requests: Requests,
}

impl Pinger {
    /// Its sockets have these numbers among what is waited for.
    pub(crate) fn new(
        numbers: Range<u64>,
        injector: Injector,
        admission: Admission,
        report: Reporter,
    ) -> Self {
        Pinger { injector, admission, report, numbers, targets: HashMap::new(), buffer: vec![0; 1 << 16] }
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.targets.is_empty()
    }

    /// Sends an echo request on.
    pub(crate) fn request(&mut self, poll: &Poll, packet: &Packet<'_>, now: Instant) {
        let Some(echo) = packet.echo_request() else { return };
        let address = packet.destination().ip();
        if !self.admission.admits(crate::Protocol::Icmp, packet.destination()) {
            return notices::refuse(&self.report, &self.injector, *packet);
        }
        let target = match self.target(poll, address, now) {
            Ok(target) => target,
            Err(Unopened::Forbidden) => {
                let (source, destination) = (packet.source(), packet.destination());
                let (protocol, reason) = (crate::Protocol::Icmp, FORBIDDEN.to_owned());
                self.report.tell(Report::Unable { protocol, source, destination, reason });
                return self.answer(packet, Unreachable::Prohibited);
            }
            Err(Unopened::Failed(reason)) => return self.refused(packet, Unreachable::Prohibited, reason),
        };
        target.used = now;
        let request = target.requests.next(echo.payload.len());
        let mut sent = send(&target.socket, &request, SendFlags::NOSIGNAL);
        if matches!(sent, Err(Errno::CONNREFUSED | Errno::HOSTUNREACH | Errno::NETUNREACH)) {
            sent = send(&target.socket, &request, SendFlags::NOSIGNAL); // that was about an earlier one
        }
        match sent {
            Ok(_) => target.requests.sent(packet, now),
            Err(errno) => self.refused(packet, unreachable(errno), errno.to_string()),
        }
    }

    /// The socket for a destination.
    fn target(&mut self, poll: &Poll, address: IpAddr, now: Instant) -> Result<&mut Target, Unopened> {
        let known =
            self.targets.iter().find(|(_, target)| target.address == address).map(|(number, _)| *number);
        let number = match known {
            Some(number) => number,
            None => {
                if self.targets.len() >= DESTINATIONS
                    && let Some(oldest) = self.targets.iter().min_by_key(|(_, target)| target.used)
                {
                    let oldest = *oldest.0;
                    self.targets.remove(&oldest);
                }
                let number = self.numbers.next().ok_or("too many destinations were asked".to_owned())?;
                let (socket, is_raw) = open(address)?;
                poll.add(&socket, number, EventFlags::IN).map_err(|errno| errno.to_string())?;
                let raw_identifier = is_raw.then_some((number as u16) ^ (std::process::id() as u16));
                let requests = Requests::new(address.is_ipv6(), raw_identifier);
                let target = Target { address, socket, used: now, requests };
                self.targets.insert(number, target);
                number
            }
        };
        self.targets.get_mut(&number).ok_or_else(|| Unopened::Failed(String::new()))
    }

    /// Hears what came for a destination.
    pub(crate) fn heard(&mut self, number: u64) {
        let Some(target) = self.targets.get_mut(&number) else { return };
        loop {
            match recv(&target.socket, &mut self.buffer[..], RecvFlags::DONTWAIT) {
                Ok((_, length)) => {
                    let message = self.buffer.get(..length).unwrap_or_default();
                    if let Some(reply) = target.requests.answered(message) {
                        self.injector.send(&reply);
                    }
                }
                Err(Errno::AGAIN) => return,
                Err(Errno::INTR) => {}
                Err(errno) => {
                    let message = match IcmpError::take(&target.socket) {
                        Ok(Some(error)) => IcmpMessage { kind: error.kind, code: error.code },
                        _ => unreachable(errno).message(target.address.is_ipv6()),
                    };
                    if let Some((error, request)) = target.requests.failed(message) {
                        self.injector.send(&error);
                        if let Some(packet) = Packet::read(&request) {
                            report(&self.report, &packet, errno.to_string());
                        }
                    }
                }
            }
        }
    }

    /// Forgets what waits for too long.
    pub(crate) fn sweep(&mut self, poll: &Poll, now: Instant) {
        self.targets.retain(|_, target| {
            target.requests.sweep(PATIENCE, now);
            let keep = now < target.used + PATIENCE;
            if !keep {
                let _ = poll.remove(&target.socket);
            }
            keep
        });
    }

    fn refused(&self, packet: &Packet<'_>, unreachable: Unreachable, reason: String) {
        self.answer(packet, unreachable);
        report(&self.report, packet, reason);
    }

    fn answer(&self, packet: &Packet<'_>, unreachable: Unreachable) {
        self.injector.send(&packet.error(unreachable.message(packet.destination().is_ipv6())));
    }
}

fn report(reporter: &Reporter, packet: &Packet<'_>, reason: String) {
    let (source, destination) = (packet.source(), packet.destination());
    reporter.tell(Report::Failed { protocol: crate::Protocol::Icmp, source, destination, reason });
}

/// A socket for echo requests to one destination, and whether it is a raw one.
fn open(address: IpAddr) -> Result<(OwnedFd, bool), Unopened> {
    let (family, protocol): (_, Protocol) = match address {
        IpAddr::V4(_) => (AddressFamily::INET, ipproto::ICMP),
        IpAddr::V6(_) => (AddressFamily::INET6, ipproto::ICMPV6),
    };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let make = |kind| socket_with(family, kind, flags, Some(protocol));
    let (socket, is_raw) = match make(SocketType::DGRAM) {
        Ok(socket) => (socket, false),
        Err(Errno::ACCESS | Errno::PERM) => match make(SocketType::RAW) {
            Ok(socket) => (socket, true),
            Err(_) => return Err(Unopened::Forbidden),
        },
        Err(errno) => return Err(errno.to_string().into()),
    };
    IcmpError::keep(&socket, address.is_ipv6()).map_err(|error| error.to_string())?;
    connect(&socket, &SocketAddr::new(address, 0)).map_err(|errno| errno.to_string())?;
    Ok((socket, is_raw))
}

/// What an error of sending means for the destination.
fn unreachable(errno: Errno) -> Unreachable {
    match errno {
        Errno::NETUNREACH | Errno::NETDOWN => Unreachable::Network,
        Errno::ACCESS | Errno::PERM | Errno::INVAL => Unreachable::Prohibited,
        Errno::CONNREFUSED => Unreachable::Port,
        _ => Unreachable::Host,
    }
}
