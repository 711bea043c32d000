//! Datagrams: each flow has one socket outside, connected to the destination, and one inside that stands for the destination.
//!
//! The first datagram of a flow comes to the listener, later ones to the socket inside. ICMP errors about what went out
//! are passed on inside.

mod flows;

use std::net::SocketAddr;
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use netwright_confine::{Datagrams, Enclosure, SocketRequest};
use netwright_sys::IcmpError;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, connect, socket_with, sockopt};

use self::flows::{Flow, Flows};
use super::allowance::Allowance;
use super::injector::Injector;
use super::packet::{IcmpMessage, Packet, Unreachable, datagram_start};
use super::poll::{EventFlags, Events, Poll, Stop, Waker};
use super::review::Review;
use super::tcp::Totals;
use super::tuple::Tuple;
use super::{Admission, Report, Reporter, notices};
use crate::Protocol;
use crate::constants::{OWN_IPV4, OWN_IPV6, SUPERVISOR_MARK};

/// Datagrams that are received at once, each of up to so many bytes.
const BATCH: usize = 32;
const LONGEST: usize = 1 << 16;
/// Room for datagrams that wait for this process.
const LISTENER_BUFFER: u32 = 4 << 20;
const FLOW_BUFFER: u32 = 1 << 20;

/// Numbers of what is waited for; flows have those from [`FLOWS`] on, even ones for their sockets inside.
const STOP: u64 = 0;
const LISTENERS: u64 = 1;
const FLOWS: u64 = 1 << 8;

/// What datagrams are relayed with.
pub(crate) struct Parts {
    pub(crate) enclosure: Arc<Enclosure>,
    /// The transparent listeners inside, with their ports.
    pub(crate) listeners: Vec<(OwnedFd, u16)>,
    pub(crate) injector: Injector,
    pub(crate) allowance: Allowance,
    pub(crate) totals: Arc<Totals>,
    pub(crate) admission: Admission,
    pub(crate) review: Review,
    pub(crate) report: Reporter,
    pub(crate) waker: Waker,
}

/// Relays datagrams.
pub(crate) struct Udp {
    poll: Poll,
    parts: Parts,
    flows: Flows,
    datagrams: Datagrams,
}

/// What a listener is.
pub(crate) fn listener(bind: SocketAddr) -> SocketRequest {
    SocketRequest {
        nonblocking: true,
        transparent: true,
        original_destination: true,
        v6_only: bind.is_ipv6().then_some(true),
        mark: Some(SUPERVISOR_MARK),
        reuse_address: true,
        receive_buffer: Some(LISTENER_BUFFER),
        bind: Some(bind),
        ..SocketRequest::udp(bind.is_ipv6())
    }
}

impl Udp {
    pub(crate) fn new(parts: Parts) -> rustix::io::Result<Self> {
        let poll = Poll::new()?;
        poll.add(&parts.waker, STOP, EventFlags::IN)?;
        for ((listener, _), number) in parts.listeners.iter().zip(LISTENERS..FLOWS) {
            poll.add(listener, number, EventFlags::IN)?;
        }
        Ok(Udp { poll, parts, flows: Flows::default(), datagrams: Datagrams::new(BATCH, LONGEST) })
    }

    /// Works until it is told to stop, and woken.
    pub(crate) fn run(mut self, stop: &AtomicBool) {
        let mut events = Events::new();
        let mut next_end: Option<Instant> = None;
        let mut reviewed = self.parts.review.number();
        let mut stop = Stop::new(stop);
        loop {
            let timeout = stop.timeout(next_end.map(|end| end.saturating_duration_since(Instant::now())));
            self.poll.wait(&mut events, timeout);
            if stop.is_over(&events) {
                return;
            }
            let now = Instant::now();
            let number = self.parts.review.number();
            if std::mem::replace(&mut reviewed, number) != number {
                let review = &self.parts.review;
                self.flows.retain(|tuple| review.keeps(Protocol::Udp, tuple));
            }
            // Datagrams at the listeners are older than those at the flows' own sockets.
            events.sort_by_key(|(number, _)| *number);
            for (number, flags) in events.drain(..) {
                match number {
                    STOP => self.parts.waker.rest(),
                    LISTENERS..FLOWS => self.listen((number - LISTENERS) as usize, now),
                    _ => self.forward(number - FLOWS, flags, now),
                }
            }
            if next_end.is_none_or(|end| end <= now) {
                next_end = self.flows.sweep(now);
            } else if self.flows.is_empty() {
                next_end = None;
            }
        }
    }

    /// Takes datagrams of new flows.
    fn listen(&mut self, listener: usize, now: Instant) {
        loop {
            let Some((socket, port)) = self.parts.listeners.get(listener) else { return };
            let port = *port;
            let Ok(count) = self.datagrams.receive(socket) else { return };
            let mut start = 0;
            while start < count {
                let tuple = self.tuple(start, port);
                let same =
                    (start..count).take_while(|&index| self.tuple(index, port) == tuple).count().max(1);
                if let Some(tuple) = tuple {
                    self.arrived(tuple, start..start + same, now);
                }
                start += same;
            }
            if count < BATCH {
                return;
            }
        }
    }

    /// Who sent a received datagram to what. Nothing is behind the listener itself: a datagram to it was not meant for anybody.
    fn tuple(&self, index: usize, port: u16) -> Option<Tuple> {
        let datagram = self.datagrams.get(index)?;
        let (source, destination) = (plain(datagram.source?), plain(datagram.destination?));
        let ip = destination.ip();
        let own = ip.is_loopback() || ip.is_unspecified() || ip == OWN_IPV4 || ip == OWN_IPV6;
        (!own || destination.port() != port).then_some(Tuple { source, destination })
    }

    fn arrived(&mut self, tuple: Tuple, range: Range<usize>, now: Instant) {
        let is_known = self.flows.find(&tuple).is_some();
        if !is_known && !self.parts.admission.admits(Protocol::Udp, tuple.destination) {
            let length = self.datagrams.get(range.start).map_or(0, |datagram| datagram.bytes.len());
            let start = datagram_start(tuple.source, tuple.destination, length);
            if let Some(packet) = Packet::read(&start) {
                notices::refuse(&self.parts.report, &self.parts.injector, packet);
            }
            return;
        }
        let number = self.flows.find(&tuple).map_or_else(|| self.open(tuple, now), Ok);
        match number {
            Ok(number) => self.send_out(number, range, now),
            Err((unreachable, reason)) => {
                let length = self.datagrams.get(range.start).map_or(0, |datagram| datagram.bytes.len());
                let message = unreachable.map(|unreachable| unreachable.message(tuple.source.is_ipv6()));
                self.refused(tuple, length, message, reason);
            }
        }
    }

    /// Opens a flow.
    fn open(&mut self, tuple: Tuple, now: Instant) -> Result<u64, (Option<Unreachable>, String)> {
        let permit = self.parts.allowance.take(2).or_else(|| {
            self.flows.give_way();
            self.parts.allowance.take(2)
        });
        let permit = permit
            .ok_or_else(|| (None, "the supervisor has as many flows as it may have files open".to_owned()))?;
        let outside =
            outside(tuple.destination).map_err(|errno| (Some(unreachable(errno)), errno.to_string()))?;
        let request = SocketRequest {
            nonblocking: true,
            transparent: true,
            reuse_address: true,
            mark: Some(SUPERVISOR_MARK),
            receive_buffer: Some(FLOW_BUFFER),
            bind: Some(tuple.destination),
            connect: Some(tuple.source),
            ..SocketRequest::udp(tuple.source.is_ipv6())
        };
        let inside = self.parts.enclosure.socket(&request).map_err(|error| (None, error.to_string()))?;
        let flow = Flow { tuple, inside, outside, used: now, replied: false, _permit: permit };
        let number = self.flows.add(flow);
        if let Some(flow) = self.flows.get(number) {
            let watch = |socket, end| self.poll.add(socket, FLOWS + (number << 1 | end), EventFlags::IN);
            watch(&flow.inside, INSIDE)
                .and_then(|()| watch(&flow.outside, OUTSIDE))
                .map_err(|errno| (None, errno.to_string()))?;
        }
        Ok(number)
    }

    /// Sends received datagrams to the destination of a flow.
    fn send_out(&mut self, number: u64, mut range: Range<usize>, now: Instant) {
        let mut tries = 0;
        while let Some(flow) = self.flows.get(number).filter(|_| !range.is_empty()) {
            flow.used = now;
            match self.datagrams.send(&flow.outside, range.clone()) {
                Ok(sent) => {
                    let bytes =
                        |index| self.datagrams.get(index).map_or(0, |datagram| datagram.bytes.len() as u64);
                    let bytes: u64 = (range.start..range.start + sent).map(bytes).sum();
                    self.parts.totals.sent.fetch_add(bytes, Ordering::Relaxed);
                    range.start += sent.max(1);
                }
                Err(error) => {
                    let errno = Errno::from_io_error(&error).unwrap_or(Errno::IO);
                    let is_late =
                        matches!(errno, Errno::CONNREFUSED | Errno::HOSTUNREACH | Errno::NETUNREACH);
                    self.hear_errors(number, (!is_late || tries > 0).then_some(errno));
                    // An error of an earlier datagram comes once; an error of this one comes again.
                    range.start += usize::from(!is_late || tries > 0);
                    tries += 1;
                }
            }
        }
    }

    /// Moves datagrams of a flow.
    fn forward(&mut self, number: u64, flags: EventFlags, now: Instant) {
        let (number, end) = (number >> 1, number & 1);
        if end == OUTSIDE && flags.contains(EventFlags::ERR) {
            self.hear_errors(number, None);
        }
        let Some(flow) = self.flows.get(number) else { return };
        let socket = if end == INSIDE { &flow.inside } else { &flow.outside };
        match self.datagrams.receive(socket) {
            Ok(count) if end == INSIDE => self.send_out(number, 0..count, now),
            Ok(count) => self.send_in(number, count, now),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            // Whoever sent the datagrams is there no more.
            Err(_) if end == INSIDE => self.flows.remove(number),
            Err(_) => {}
        }
    }

    /// Sends received datagrams to the client of a flow.
    fn send_in(&mut self, number: u64, count: usize, now: Instant) {
        let mut start = 0;
        while let Some(flow) = self.flows.get(number).filter(|_| start < count) {
            (flow.used, flow.replied) = (now, true);
            match self.datagrams.send(&flow.inside, start..count) {
                Ok(sent) => {
                    let bytes =
                        |index| self.datagrams.get(index).map_or(0, |datagram| datagram.bytes.len() as u64);
                    let bytes: u64 = (start..start + sent).map(bytes).sum();
                    self.parts.totals.received.fetch_add(bytes, Ordering::Relaxed);
                    start += sent.max(1);
                }
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
                    self.flows.remove(number)
                }
                Err(_) => start += 1, // it does not fit in the queue, and is lost as on any network
            }
        }
    }

    /// Passes on what the network said about datagrams that went out; where it said nothing, what this host did.
    fn hear_errors(&mut self, number: u64, errno: Option<Errno>) {
        let Some(flow) = self.flows.get(number) else { return };
        let tuple = flow.tuple;
        let mut messages = Vec::new();
        while let Ok(Some(error)) = IcmpError::take(&flow.outside) {
            messages.push((IcmpMessage { kind: error.kind, code: error.code }, error.errno.to_string()));
        }
        let _ = sockopt::socket_error(&flow.outside); // it is one of these
        if let (true, Some(errno)) = (messages.is_empty(), errno) {
            let message = unreachable(errno).message(tuple.source.is_ipv6());
            messages.push((message, errno.to_string()));
        }
        for (message, reason) in messages {
            // The kernel outside has cut later datagrams to what fits already.
            let is_too_big =
                matches!((tuple.source.is_ipv6(), message.kind, message.code), (false, 3, 4) | (true, 2, _));
            if !is_too_big {
                self.refused(tuple, 0, Some(message), reason);
            }
        }
    }

    fn refused(&self, tuple: Tuple, length: usize, message: Option<IcmpMessage>, reason: String) {
        let Tuple { source, destination } = tuple;
        let start = datagram_start(source, destination, length);
        if let (Some(message), Some(packet)) = (message, Packet::read(&start)) {
            self.parts.injector.send(&packet.error(message));
        }
        self.parts.report.tell(Report::Failed { protocol: Protocol::Udp, source, destination, reason });
    }
}

/// The end inside.
const INSIDE: u64 = 0;
/// The end outside.
const OUTSIDE: u64 = 1;

/// A socket that is connected to a destination.
fn outside(destination: SocketAddr) -> rustix::io::Result<OwnedFd> {
    let family = if destination.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = socket_with(family, SocketType::DGRAM, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK, None)?;
    IcmpError::keep(&socket, destination.is_ipv6())
        .map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
    let _ = sockopt::set_socket_recv_buffer_size(&socket, FLOW_BUFFER as usize);
    connect(&socket, &destination)?;
    Ok(socket)
}

fn unreachable(errno: Errno) -> Unreachable {
    match errno {
        Errno::NETUNREACH | Errno::NETDOWN | Errno::AFNOSUPPORT => Unreachable::Network,
        Errno::HOSTUNREACH | Errno::HOSTDOWN | Errno::ADDRNOTAVAIL => Unreachable::Host,
        Errno::CONNREFUSED => Unreachable::Port,
        _ => Unreachable::Prohibited,
    }
}

/// Without the interface, which is the inside's.
fn plain(mut address: SocketAddr) -> SocketAddr {
    if let SocketAddr::V6(address) = &mut address {
        address.set_scope_id(0);
    }
    address
}
