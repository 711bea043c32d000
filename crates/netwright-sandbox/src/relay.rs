//! The relay of a sandbox: it makes the real connections outside for those that are allowed inside.
//!
//! The namespace inside has one interface, `lo`, which every destination is routed to. The filter's rules hand over what the policy
//! allows: the first segments of TCP connections and echo requests by logging them, the rest of connections and datagrams by `tproxy`
//! to transparent listeners. The relay uses sockets of the inside that the [`Enclosure`] gives it, and sockets of the namespace
//! that it was started in.
//!
//! - `dialer`: connections are held until the destination has answered;
//! - `handover`: the way from there to their data;
//! - `tcp`: their data;
//! - `udp`: datagrams;
//! - `icmp`: echo requests;
//! - `notices`: what was refused or seen is told, and refused at once;
//! - `asked`: what somebody is asked about before it is sent on or refused;
//! - `review`: what is open is judged again when the policy has changed.

mod allowance;
mod asked;
mod dialer;
mod dry_run;
mod handover;
mod icmp;
pub(crate) mod injector;
pub(crate) mod logged;
mod notices;
mod packet;
mod poll;
mod review;
mod tcp;
mod tuple;
mod udp;

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use netwright_confine::{Enclosure, SocketRequest};
use netwright_sys::{Error, Result};
use rustix::net::getsockname;

pub(crate) use self::asked::Asked;
#[doc(hidden)]
pub use self::dry_run::{Dry, Heard, of_heard, of_messages, of_packet};
pub use self::packet::Packet;
pub(crate) use self::packet::number;
pub(crate) use self::poll::{AFTER_FAILURE, EventFlags, Events, Poll, Waker};

use self::allowance::Allowance;
use self::dialer::Dialer;
use self::handover::{Handover, Handovers, Outside};
use self::injector::Injector;
use self::notices::Notices;
use self::review::Review;
pub(crate) use self::review::Reviewer;
use self::tcp::{Totals, Worker};
use self::udp::Udp;
use crate::Protocol;
use crate::constants::{HELD_GROUP, PING_GROUP, REFUSED_GROUP, SEEN_GROUP, SUPERVISOR_MARK};

/// How a relay is started.
#[derive(Clone, Debug)]
pub struct RelayOptions {
    /// The inside. Its `lo` must be up.
    pub enclosure: Arc<Enclosure>,
    /// Whether IPv6 is relayed.
    pub ipv6: bool,
    /// Says once more what may be reached: whatever comes here although the filter did not mean it is not carried.
    pub admission: Admission,
    /// Says whether what is open may go on, when the policy has changed ([`Relay::review`]).
    pub keeps: Admission,
    /// Hears what happens.
    pub reporter: Reporter,
}

/// Says what may be reached, by which protocol. It is asked before each connection, flow and echo request.
#[derive(Clone)]
pub struct Admission(Arc<dyn Fn(Protocol, SocketAddr) -> bool + Send + Sync>);

impl Admission {
    /// This closure says so.
    pub fn new(admits: impl Fn(Protocol, SocketAddr) -> bool + Send + Sync + 'static) -> Self {
        Admission(Arc::new(admits))
    }

    fn admits(&self, protocol: Protocol, to: SocketAddr) -> bool {
        (self.0)(protocol, to)
    }
}

impl fmt::Debug for Admission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Admission")
    }
}

/// Something that happened at the edge of the sandbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report<'a> {
    /// The filter refused a packet (log group [`REFUSED_GROUP`]). Its sender is told after this was heard.
    Refused(Packet<'a>),
    /// The filter let the first packet of a flow through and was asked to tell (log group [`SEEN_GROUP`]).
    Seen(Packet<'a>),
    /// The policy allows it, and this process could not carry it: something on this host keeps it from that.
    Unable {
        /// By which protocol.
        protocol: Protocol,
        /// From where; of an echo request, the port is its identifier.
        source: SocketAddr,
        /// Where to.
        destination: SocketAddr,
        /// Why.
        reason: String,
    },
    /// It was open, and the policy does not allow it any more.
    Cut {
        /// By which protocol.
        protocol: Protocol,
        /// From where.
        source: SocketAddr,
        /// Where to.
        destination: SocketAddr,
    },
    /// The policy allows it, and the network did not.
    Failed {
        /// By which protocol.
        protocol: Protocol,
        /// From where; of an echo request, the port is its identifier.
        source: SocketAddr,
        /// Where to.
        destination: SocketAddr,
        /// Why.
        reason: String,
    },
}

/// Hears reports, on the relay's threads: what takes its time holds others up.
#[derive(Clone)]
pub struct Reporter(Arc<dyn Fn(Report<'_>) + Send + Sync>);

impl Reporter {
    /// Reports are given to this closure.
    pub fn new(hear: impl Fn(Report<'_>) + Send + Sync + 'static) -> Self {
        Reporter(Arc::new(hear))
    }

    fn tell(&self, report: Report<'_>) {
        (self.0)(report);
    }
}

impl fmt::Debug for Reporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reporter")
    }
}

/// What a relay has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// TCP connections that came about.
    pub connections: u64,
    /// Those of them that are open.
    pub open: u64,
    /// Bytes of TCP and UDP that were sent out.
    pub sent: u64,
    /// Bytes that came back.
    pub received: u64,
}

/// A relay that runs. Dropped, it carries out what was sent before, stops, and its connections end.
#[derive(Debug)]
pub struct Relay {
    port_ipv4: u16,
    port_ipv6: Option<u16>,
    totals: Arc<Totals>,
    /// The threads that carry data.
    workers: Vec<Thread>,
    /// The threads that give them something to carry, or that have nothing to do with them.
    others: Vec<Thread>,
    carrier: Carrier,
    review: Review,
}

/// A thread, and how it is told to stop.
#[derive(Debug)]
struct Thread {
    handle: JoinHandle<()>,
    stop: Arc<AtomicBool>,
    waker: Waker,
}

/// Carries the data of connections that were made elsewhere.
#[derive(Clone, Debug)]
pub(crate) struct Carrier {
    handovers: Handovers,
    allowance: Allowance,
}

impl Carrier {
    /// Carries between two connections, whose calls do not wait, until both have ended. They end at once where there are too many.
    pub(crate) fn carry(&self, inside: OwnedFd, outside: OwnedFd) {
        if let Some(permit) = self.allowance.take(2) {
            self.handovers.hand_over(inside, Outside { socket: outside, permit, tuple: None, judged: 0 });
        }
    }
}

/// Connections that wait to be accepted.
const BACKLOG: u16 = 4096;
/// More threads do not move data.
const WORKERS: usize = 4;
/// So much of a packet that was refused or seen is enough to say what it is, and to quote it.
const NOTICED: u32 = 1280;

impl Relay {
    /// Starts one. What goes out, goes out from the calling thread's network namespace.
    pub fn start(options: &RelayOptions) -> Result<Self> {
        let RelayOptions { enclosure, ipv6, admission, keeps, reporter } = options;
        let review = Review::new(keeps.clone(), reporter.clone());
        let injector = Injector::new(enclosure, *ipv6)?;
        let allowance = Allowance::of_process();
        let listeners = Listeners::open(enclosure, *ipv6)?;
        let mut relay = Relay {
            port_ipv4: listeners.port_ipv4,
            port_ipv6: listeners.port_ipv6,
            totals: Arc::default(),
            workers: Vec::new(),
            others: Vec::new(),
            carrier: Carrier { handovers: Handovers::default(), allowance: allowance.clone() },
            review: review.clone(),
        };
        relay.carrier.handovers = relay.start_workers()?;
        let dialer = dialer::Parts {
            log: logged::listen(enclosure, [(HELD_GROUP, None), (PING_GROUP, None)])?,
            listeners: listeners.tcp,
            injector: injector.clone(),
            allowance: allowance.clone(),
            handovers: relay.carrier.handovers.clone(),
            admission: admission.clone(),
            review: review.clone(),
            report: reporter.clone(),
            waker: waker()?,
        };
        let wakes = dialer.waker.clone();
        let dialer = Dialer::new(dialer).map_err(|errno| Error::new(ASKED, errno))?;
        relay.others.push(Thread::start("dialer", wakes, |stop| dialer.run(stop))?);
        let udp = udp::Parts {
            enclosure: Arc::clone(enclosure),
            listeners: listeners.udp,
            injector: injector.clone(),
            allowance,
            totals: Arc::clone(&relay.totals),
            admission: admission.clone(),
            review,
            report: reporter.clone(),
            waker: waker()?,
        };
        let wakes = udp.waker.clone();
        let udp = Udp::new(udp).map_err(|errno| Error::new(ASKED, errno))?;
        relay.others.push(Thread::start("udp", wakes, |stop| udp.run(stop))?);
        let log = logged::listen(enclosure, [(REFUSED_GROUP, Some(NOTICED)), (SEEN_GROUP, Some(NOTICED))])?;
        let notices = Notices { log, injector, report: reporter.clone(), waker: waker()? };
        relay.others.push(Thread::start("notices", notices.waker.clone(), |stop| notices.run(stop))?);
        Ok(relay)
    }

    /// Port of the listeners inside, TCP and UDP, that `tproxy` hands IPv4 over to.
    #[must_use]
    pub fn port_ipv4(&self) -> u16 {
        self.port_ipv4
    }

    /// The same for IPv6, where that is relayed.
    #[must_use]
    pub fn port_ipv6(&self) -> Option<u16> {
        self.port_ipv6
    }

    /// What it has done so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        let Totals { connections, open, sent, received } = &*self.totals;
        let [connections, open, sent, received] =
            [connections, open, sent, received].map(|total| total.load(Ordering::Relaxed));
        Counters { connections, open, sent, received }
    }

    /// Ends what is open and may not go on, on the relay's threads; connections are told ([`Report::Cut`]), flows of datagrams are not.
    pub fn review(&self) {
        self.reviewer().begin();
    }

    pub(crate) fn reviewer(&self) -> Reviewer {
        let threads = self.workers.iter().chain(&self.others);
        Reviewer { review: self.review.clone(), wakers: threads.map(|thread| thread.waker.clone()).collect() }
    }

    /// Carries what was connected elsewhere.
    pub(crate) fn carrier(&self) -> Carrier {
        self.carrier.clone()
    }

    fn start_workers(&mut self) -> Result<Handovers> {
        let count = thread::available_parallelism().map_or(1, |count| count.get().min(WORKERS));
        let handover = |_| {
            let waker = waker()?;
            let handover = Handover::new(waker.clone());
            let worker = Worker::new(handover.clone(), Arc::clone(&self.totals), self.review.clone());
            let worker = worker.map_err(|errno| Error::new(ASKED, errno))?;
            self.workers.push(Thread::start("data", waker, |stop| worker.run(stop))?);
            Ok(handover)
        };
        (0..count).map(handover).collect::<Result<_>>().map(Handovers::new)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        // The workers come last, so that they get what the others still accept.
        for threads in [&mut self.others, &mut self.workers] {
            threads.iter().for_each(Thread::stop);
            for thread in threads.drain(..) {
                let _ = thread.handle.join();
            }
        }
    }
}

impl Thread {
    fn start(name: &str, waker: Waker, work: impl FnOnce(&AtomicBool) + Send + 'static) -> Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let handle = thread::Builder::new().name(format!("netwright-{name}")).spawn(move || work(&told));
        let handle = handle.map_err(|error| Error::new(ASKED, error))?;
        Ok(Thread { handle, stop, waker })
    }

    /// Tells it to stop.
    fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
        self.waker.wake();
    }
}

const ASKED: &str = "start the relay";

/// The transparent listeners.
struct Listeners {
    tcp: Vec<OwnedFd>,
    udp: Vec<(OwnedFd, u16)>,
    port_ipv4: u16,
    port_ipv6: Option<u16>,
}

impl Listeners {
    fn open(enclosure: &Enclosure, ipv6: bool) -> Result<Self> {
        let (tcp, udp, port_ipv4) = pair(enclosure, SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0))?;
        let mut listeners =
            Listeners { tcp: vec![tcp], udp: vec![(udp, port_ipv4)], port_ipv4, port_ipv6: None };
        if ipv6 {
            let (tcp, udp, port) = pair(enclosure, SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), 0))?;
            listeners.tcp.push(tcp);
            listeners.udp.push((udp, port));
            listeners.port_ipv6 = Some(port);
        }
        Ok(listeners)
    }
}

/// Listeners for TCP and UDP at the same port.
fn pair(enclosure: &Enclosure, any: SocketAddr) -> Result<(OwnedFd, OwnedFd, u16)> {
    let tcp = enclosure.socket(&SocketRequest {
        nonblocking: true,
        transparent: true,
        v6_only: any.is_ipv6().then_some(true),
        mark: Some(SUPERVISOR_MARK),
        bind: Some(any),
        listen: Some(BACKLOG),
        ..SocketRequest::tcp(any.is_ipv6())
    })?;
    let name = getsockname(&tcp).map_err(|errno| Error::new(ASKED, errno))?;
    let bound = SocketAddr::try_from(name).map_err(|errno| Error::new(ASKED, errno))?;
    let udp = enclosure.socket(&udp::listener(bound))?;
    Ok((tcp, udp, bound.port()))
}

fn waker() -> Result<Waker> {
    Waker::new().map_err(|errno| Error::new(ASKED, errno))
}
