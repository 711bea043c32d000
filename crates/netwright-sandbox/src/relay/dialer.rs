//! Connections under way: who connects from inside is held until the destination has answered outside.
//!
//! The first segment of a connection that the policy allows is logged and dropped. The dialer connects to the destination, and only
//! then sends that very segment on to the listener inside, so that connecting takes as long, and fails in the same way, as
//! it would without a relay. Echo requests take a similar way, through [`super::icmp`].

mod delayed;
mod held;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use netwright_sys::Connection;
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, SocketAddrAny, SocketFlags, SocketType, acceptfrom_with, connect, getsockname,
    socket_with, sockopt,
};

use self::delayed::Delayed;
use self::held::{Next, Table};
use super::allowance::Allowance;
use super::handover::{Handovers, Outside};
use super::icmp::Pinger;
use super::injector::Injector;
use super::packet::{Packet, Unreachable};
use super::poll::{EventFlags, Events, Poll, Stop, Waker};
use super::review::Review;
use super::tuple::Tuple;
use super::{Admission, Report, Reporter, logged, notices};
use crate::Protocol;
use crate::constants::{HELD_GROUP, PING_GROUP};

/// Numbers of what is waited for; connections under way have those from [`DIALLED`] on, sockets for echo requests those from [`PINGS`] on.
const STOP: u64 = 0;
const LOG: u64 = 1;
const LISTENERS: u64 = 2;
const PINGS: u64 = 16;
const DIALLED: u64 = 1 << 32;

/// So many messages are read, or connections accepted, before others get their turn.
const TURN: usize = 256;
/// A connection for which there is no room is refused after so long: at its third first segment.
const STARVED: Duration = Duration::from_millis(2500);
/// And after so long it has given up by itself.
const FORGOTTEN: Duration = Duration::from_secs(60);
/// How often it is looked who has given up.
const SWEEP: Duration = Duration::from_secs(1);
/// A process that is still in the midst of connecting does not hear an ICMP error, so it is sent more than once. A process that
/// has heard it pays no heed to another.
const TELL_AFTER: [Duration; 3] =
    [Duration::from_millis(1), Duration::from_millis(20), Duration::from_millis(200)];
/// A segment whose connection was not found is sent once more after this time: the kernel is done with replacing a request then.
const MOMENT: Duration = Duration::from_millis(1);

/// What the dialer works with.
pub(crate) struct Parts {
    pub(crate) log: Connection,
    /// The transparent listeners inside.
    pub(crate) listeners: Vec<OwnedFd>,
    pub(crate) injector: Injector,
    pub(crate) allowance: Allowance,
    pub(crate) handovers: Handovers,
    pub(crate) admission: Admission,
    pub(crate) review: Review,
    pub(crate) report: Reporter,
    pub(crate) waker: Waker,
}

/// Holds, dials and hands over.
pub(crate) struct Dialer {
    poll: Poll,
    parts: Parts,
    table: Table,
    pinger: Pinger,
    delayed: Delayed,
    /// Connections for which there was no room, and since when.
    starved: HashMap<Tuple, Instant>,
    swept: Instant,
    buffer: Vec<u8>,
}

impl Dialer {
    pub(crate) fn new(parts: Parts) -> rustix::io::Result<Self> {
        let poll = Poll::new()?;
        poll.add(&parts.waker, STOP, EventFlags::IN)?;
        poll.add(parts.log.socket(), LOG, EventFlags::IN)?;
        for (listener, number) in parts.listeners.iter().zip(LISTENERS..PINGS) {
            poll.add(listener, number, EventFlags::IN)?;
        }
        let pinger = Pinger::new(
            PINGS..DIALLED,
            parts.injector.clone(),
            parts.admission.clone(),
            parts.report.clone(),
        );
        Ok(Dialer {
            poll,
            parts,
            table: Table::default(),
            pinger,
            delayed: Delayed::default(),
            starved: HashMap::new(),
            swept: Instant::now(),
            buffer: Vec::new(),
        })
    }

    /// Works until it is told to stop, and woken.
    pub(crate) fn run(mut self, stop: &AtomicBool) {
        let mut events = Events::new();
        let mut stop = Stop::new(stop);
        loop {
            let timeout = stop.timeout(self.timeout(Instant::now()));
            self.poll.wait(&mut events, timeout);
            if stop.is_over(&events) {
                return;
            }
            let now = Instant::now();
            for (number, _) in events.drain(..) {
                match number {
                    STOP => self.parts.waker.rest(),
                    LOG => self.listen(now),
                    LISTENERS..PINGS => self.accept((number - LISTENERS) as usize, now),
                    PINGS..DIALLED => self.pinger.heard(number),
                    _ => self.dialled(number - DIALLED, now),
                }
            }
            self.on_time(now);
        }
    }

    /// How long there is nothing to do by itself.
    fn timeout(&self, now: Instant) -> Option<Duration> {
        let idle = self.table.is_empty() && self.pinger.is_idle() && self.starved.is_empty();
        let sweep = (!idle).then(|| self.swept + SWEEP);
        let next = [self.delayed.next(), sweep].into_iter().flatten().min()?;
        Some(next.saturating_duration_since(now))
    }

    fn on_time(&mut self, now: Instant) {
        while let Some(packet) = self.delayed.due(now) {
            self.parts.injector.send(&packet);
        }
        if now >= self.swept + SWEEP {
            self.swept = now;
            self.table.sweep(now);
            self.pinger.sweep(&self.poll, now);
            self.starved.retain(|_, since| now.duration_since(*since) < FORGOTTEN);
        }
    }

    /// Reads what was logged.
    fn listen(&mut self, now: Instant) {
        let mut buffer = std::mem::take(&mut self.buffer);
        for _ in 0..TURN {
            let Some(packets) = logged::hear(self.parts.log.socket(), &mut buffer) else { break };
            for (group, packet) in packets.filter(|(_, packet)| !packet.is_cut()) {
                match group {
                    HELD_GROUP => self.held(&packet, now),
                    PING_GROUP => self.pinger.request(&self.poll, &packet, now),
                    _ => {}
                }
            }
        }
        self.buffer = buffer;
    }

    fn held(&mut self, packet: &Packet<'_>, now: Instant) {
        let Some(segment) = packet.segment() else { return };
        if !segment.opens() {
            return self.delayed.add(now + MOMENT, &packet.completed());
        }
        let tuple = Tuple { source: packet.source(), destination: packet.destination() };
        match self.table.arrived(tuple, segment.sequence, packet.bytes(), now) {
            Next::Wait => {}
            Next::Release => self.parts.injector.send(&packet.completed()),
            Next::Dial => self.dial(tuple, segment.sequence, packet, now),
        }
    }

    /// Connects to the destination. Where there are too many connections, the first segment is repeated, and dialled again.
    fn dial(&mut self, tuple: Tuple, sequence: u32, packet: &Packet<'_>, now: Instant) {
        let judged = self.parts.review.number(); // before it is judged: what changes meanwhile counts
        if !self.parts.admission.admits(Protocol::Tcp, tuple.destination) {
            return notices::refuse(&self.parts.report, &self.parts.injector, *packet);
        }
        let Some(permit) = self.parts.allowance.take(2) else {
            // It comes again by itself, and there may be room by then. In the end who connects must hear of it.
            let since = *self.starved.entry(tuple).or_insert(now);
            if now.duration_since(since) >= STARVED {
                self.starved.remove(&tuple);
                if let Some(reset) = packet.reset() {
                    self.parts.injector.send(&reset);
                }
            }
            return self.parts.report.tell(Report::Unable {
                protocol: Protocol::Tcp,
                source: packet.source(),
                destination: packet.destination(),
                reason: "the limit of open files (`ulimit -n`) allows no more connections at once".to_owned(),
            });
        };
        match start(tuple.destination) {
            Ok(socket) => {
                let outside = Outside { socket, permit, tuple: Some(tuple), judged };
                let number = self.table.dialled(tuple, sequence, packet.bytes(), outside, now);
                let watched = self.table.outside(number).map(|(_, socket)| {
                    self.poll.add(socket, DIALLED + number, EventFlags::OUT | EventFlags::ONESHOT)
                });
                if !matches!(watched, Some(Ok(()))) {
                    self.table.failed(number);
                }
            }
            Err(errno) => self.refused(packet, errno, now),
        }
    }

    /// A destination has answered, or failed to.
    fn dialled(&mut self, number: u64, now: Instant) {
        let Some((_, socket)) = self.table.outside(number) else { return };
        let result = sockopt::socket_error(socket).and_then(|result| result);
        match result {
            Ok(()) => {
                let _ = self.poll.remove(socket);
                if let Some(packet) = self.table.answered(number, now).and_then(Packet::read) {
                    self.parts.injector.send(&packet.completed());
                }
            }
            Err(errno) => {
                if let Some(segment) = self.table.failed(number)
                    && let Some(packet) = Packet::read(&segment)
                {
                    self.refused(&packet, errno, now);
                }
            }
        }
    }

    /// Tells who connects what the destination's error was.
    fn refused(&mut self, packet: &Packet<'_>, errno: Errno, now: Instant) {
        let unreachable = match errno {
            Errno::CONNREFUSED | Errno::CONNRESET => {
                if let Some(reset) = packet.reset() {
                    self.parts.injector.send(&reset);
                }
                return self.failed(packet, errno.to_string());
            }
            Errno::HOSTUNREACH | Errno::HOSTDOWN | Errno::ADDRNOTAVAIL => Some(Unreachable::Host),
            Errno::NETUNREACH | Errno::NETDOWN | Errno::AFNOSUPPORT => Some(Unreachable::Network),
            Errno::ACCESS | Errno::PERM | Errno::INVAL => Some(Unreachable::Prohibited),
            _ => None,
        };
        if let Some(unreachable) = unreachable {
            let error = packet.error(unreachable.message(packet.source().is_ipv6()));
            for after in TELL_AFTER {
                self.delayed.add(now + after, &error);
            }
        }
        self.failed(packet, errno.to_string());
    }

    fn failed(&self, packet: &Packet<'_>, reason: String) {
        self.parts.report.tell(Report::Failed {
            protocol: Protocol::Tcp,
            source: packet.source(),
            destination: packet.destination(),
            reason,
        });
    }

    /// Accepts connections and hands them over with their other halves. Those that nobody was held for are closed.
    fn accept(&mut self, listener: usize, now: Instant) {
        for _ in 0..TURN {
            let Some(listener) = self.parts.listeners.get(listener) else { return };
            match acceptfrom_with(listener, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK) {
                Ok((inside, peer)) => {
                    if let Some(outside) =
                        tuple(&inside, peer).and_then(|tuple| self.table.accepted(&tuple, now))
                    {
                        self.parts.handovers.hand_over(inside, outside);
                    } else {
                        let _ = sockopt::set_socket_linger(&inside, Some(Duration::ZERO));
                    }
                }
                Err(Errno::AGAIN) => return,
                Err(Errno::INTR | Errno::CONNABORTED) => {}
                Err(_) => {
                    // Most likely others in this process have all descriptors: it is no use to ask again at once.
                    std::thread::sleep(Duration::from_millis(10));
                    return;
                }
            }
        }
    }
}

/// Starts to connect.
fn start(destination: SocketAddr) -> rustix::io::Result<OwnedFd> {
    let family = if destination.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK, None)?;
    sockopt::set_tcp_nodelay(&socket, true)?;
    match connect(&socket, &destination) {
        Ok(()) | Err(Errno::INPROGRESS) => Ok(socket),
        Err(errno) => Err(errno),
    }
}

/// The addresses of an accepted connection: its peer, and where that wanted to.
fn tuple(inside: &OwnedFd, peer: Option<SocketAddrAny>) -> Option<Tuple> {
    let plain = |mut address: SocketAddr| {
        if let SocketAddr::V6(address) = &mut address {
            address.set_scope_id(0);
        }
        address
    };
    let source = SocketAddr::try_from(peer?).ok()?;
    let destination = SocketAddr::try_from(getsockname(inside).ok()?).ok()?;
    Some(Tuple { source: plain(source), destination: plain(destination) })
}
