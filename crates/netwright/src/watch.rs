//! Events: what changes in a namespace, as it happens, and a copy of it that is kept up to date.
//!
//! ```no_run
//! use netwright::watch::{Event, Kinds, Update};
//!
//! let net = netwright::Net::open()?;
//! for event in net.watch(Kinds::LINKS | Kinds::ADDRESSES)? {
//!     match event? {
//!         Event::Link(Update::Added(link)) => println!("{link} is new"),
//!         Event::Address(change) => println!("{}: {}", change.verb(), change.object()),
//!         _ => {}
//!     }
//! }
//! # Ok::<(), netwright::Error>(())
//! ```
//!
//! A watch first tells of what there is ([`Update::Existing`], then [`Event::Listed`]) if it is asked to
//! ([`Options::existing`]), and then of every change, without a gap between. It keeps a copy of what it watches
//! ([`Watch::store`]), so that it can say what an object was before it changed; where the kernel had more to tell than the
//! socket holds, it reads what there is again and tells the differences ([`Event::Resynchronised`]). What the kernel changes
//! without a word, such as routes that go with their link, is looked for and told too.
//!
//! [`Live`] keeps such a copy on a thread of its own, for programs that only look up.

mod event;
mod follow;
mod links;
mod live;
mod routes;
#[cfg(feature = "nft")]
mod ruleset;
#[cfg(not(feature = "nft"))]
#[path = "watch/without_ruleset.rs"]
mod ruleset;
mod snapshot;
mod store;
#[cfg(feature = "tokio")]
mod stream;

use std::collections::VecDeque;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use netwright_route::message::group;
use netwright_sys::{Cause, Error, Received, Socket, protocol, wait_for_any};
use netwright_wire::{MessageFlags, Messages, Writer, message_type};

#[allow(deprecated)] // for who knows it by its former name
#[doc(hidden)]
pub use event::Change;
#[cfg(feature = "nft")]
pub use event::SetElement;
pub use event::{Event, Kinds, Update};
pub use live::Live;
pub(crate) use routes::{is_same as is_same_route, share_place};
pub use store::Store;
#[cfg(feature = "tokio")]
pub use stream::AsyncWatch;

use crate::Result;
use crate::driver::{Blocking, Driver as _};
use follow::Follower;

/// `NFNLGRP_NFTABLES`, `NFNLGRP_NFTRACE`
const NFTABLES: u32 = 7;
const NFTRACE: u32 = 9;

const ASKED: &str = "follow the kernel's notifications";

/// How a watch is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// What is watched.
    pub kinds: Kinds,
    /// Whether what is there at the beginning is told first.
    pub existing: bool,
    /// How much the kernel may have to tell while nobody listens, in bytes of its memory, of which a notification takes about a
    /// thousand. A process without `CAP_NET_ADMIN` gets no more than `net.core.rmem_max`.
    pub buffer: usize,
}

impl Options {
    /// A watch of these kinds, with a buffer of 32 MiB.
    #[must_use]
    pub fn new(kinds: Kinds) -> Self {
        Options { kinds, existing: false, buffer: 32 << 20 }
    }

    /// The same, with what is there at the beginning told first.
    #[must_use]
    pub fn existing(mut self) -> Self {
        self.existing = true;
        self
    }

    /// The same with a buffer of this many bytes.
    #[must_use]
    pub fn buffer(mut self, bytes: usize) -> Self {
        self.buffer = bytes;
        self
    }
}

impl From<Kinds> for Options {
    fn from(kinds: Kinds) -> Self {
        Options::new(kinds)
    }
}

/// A watch, from [`Net::watch`](crate::Net::watch): an iterator that waits for the next event and does not end.
///
/// An error is one of the kernel's that does not go by itself, such as that there is no more memory; the watch can be
/// asked again afterwards. In a forked child every call is an error, since what the child takes its parent would never hear of.
#[derive(Debug)]
pub struct Watch {
    driver: Blocking,
    sockets: Vec<Socket>,
    core: Core,
    buffer: Vec<u8>,
}

/// What a watch knows, apart from how it listens.
#[derive(Debug)]
struct Core {
    follower: Follower,
    queue: VecDeque<Event>,
    /// Kinds of which notifications were lost.
    lost: Kinds,
    /// The process that listens.
    owner: u32,
}

impl Core {
    fn new(kinds: Kinds) -> Self {
        let (follower, owner) = (Follower::new(kinds), std::process::id());
        Core { follower, queue: VecDeque::new(), lost: Kinds::empty(), owner }
    }

    /// A forked child has the same sockets, and what it takes of them its parent would never hear of.
    fn is_own(&self) -> Result<()> {
        if self.owner == std::process::id() {
            return Ok(());
        }
        let what = "this watch is that of the process that this one was forked from";
        Err(Error::new(ASKED, Cause::Invalid(what.into())).with_help("Make another one in this process."))
    }

    /// Takes a datagram; whether it was the mark of this socket.
    fn take(&mut self, datagram: &[u8], port: u32) -> Result<bool> {
        let (follower, queue) = (&mut self.follower, &mut self.queue);
        for message in Messages::new(datagram) {
            let message = message.map_err(|error| Error::new(ASKED, error))?;
            if message.header.port == port && message.header.kind == message_type::ERROR {
                return Ok(true);
            }
            let taken = follower.take(&message, &mut |event| queue.push_back(event));
            taken.map_err(|error| Error::new(ASKED, error))?;
        }
        Ok(false)
    }

    /// Notes that notifications of a socket were lost.
    fn overrun(&mut self, protocol: i32) {
        let of_socket = match protocol {
            protocol::NETFILTER => Kinds::RULESET | Kinds::TRACES,
            _ => !(Kinds::RULESET | Kinds::TRACES),
        };
        self.lost |= self.follower.copied() & of_socket;
    }

    /// What must be read again before anything else is told, once nothing is queued any more.
    fn stale(&self) -> Kinds {
        (self.lost | self.follower.doubt) - Kinds::TRACES
    }

    /// Traces that were lost cannot be read again: that is told alone.
    fn lost_traces(&mut self) -> bool {
        let lost = self.lost.contains(Kinds::TRACES);
        if lost {
            self.lost -= Kinds::TRACES;
            self.queue.push_back(Event::Resynchronised(Kinds::TRACES));
        }
        lost
    }

    /// Takes a fresh copy over together with what was told while it was made; not where some of that was lost, which is to be read
    /// again.
    fn finish<'s>(
        &mut self,
        mut fresh: Fresh,
        buffer: &mut Vec<u8>,
        sockets: impl Iterator<Item = &'s Socket>,
    ) -> Result<bool> {
        let mut whole = true;
        for socket in sockets {
            let take = |datagram: &[u8]| fresh.take(datagram, self, socket.port());
            if take_up_to_mark(socket, buffer, take)? {
                self.overrun(socket.protocol());
                whole = false;
            }
        }
        if whole {
            self.adopt(fresh);
        }
        Ok(whole)
    }

    /// Takes a fresh copy over, in which what was told while it was made is considered.
    fn adopt(&mut self, fresh: Fresh) {
        let Fresh { follower, kinds } = fresh;
        let lost = self.lost & self.follower.kinds();
        self.lost -= kinds | Kinds::TRACES;
        if !lost.is_empty() {
            self.queue.push_back(Event::Resynchronised(lost));
        }
        let queue = &mut self.queue;
        self.follower.adopt(follower.store, kinds, &mut |event| queue.push_back(event));
        self.follower.doubt |= follower.doubt;
    }
}

/// A copy that is being made: what is told meanwhile is considered without being told on.
#[derive(Debug)]
struct Fresh {
    follower: Follower,
    kinds: Kinds,
}

impl Fresh {
    fn read(driver: &Blocking, kinds: Kinds) -> Result<Self> {
        // Names of links are wanted in all.
        let store = snapshot::read(driver, kinds | Kinds::LINKS)?;
        let mut follower = Follower::new(kinds);
        follower.store = store;
        follower.replayed = true;
        Ok(Fresh { follower, kinds: kinds | Kinds::LINKS })
    }

    /// Takes what is told meanwhile; what is of no kind that is read is told as ever, and so is what takes along objects of other kinds
    /// without a word. Whether it was the mark of this socket.
    fn take(&mut self, datagram: &[u8], core: &mut Core, port: u32) -> Result<bool> {
        for message in Messages::new(datagram) {
            let message = message.map_err(|error| Error::new(ASKED, error))?;
            if message.header.port == port && message.header.kind == message_type::ERROR {
                return Ok(true);
            }
            let of = follow::kinds_of(&message);
            let mut taken = Ok(());
            if self.kinds.intersects(of) {
                taken = self.follower.take(&message, &mut |_| {});
            }
            const TAKING_ALONG: Kinds = Kinds::LINKS.union(Kinds::ADDRESSES).union(Kinds::NEXTHOPS);
            if !self.kinds.contains(of) || of.is_empty() || of.intersects(TAKING_ALONG) {
                let (follower, queue) = (&mut core.follower, &mut core.queue);
                taken = taken.and(follower.take(&message, &mut |event| queue.push_back(event)));
            }
            taken.map_err(|error| Error::new(ASKED, error))?;
        }
        Ok(false)
    }
}

/// Asks for nothing, so that the answer stands behind all that has been told up to now.
fn mark(socket: &Socket) -> Result<()> {
    let mut writer = Writer::new();
    let message = writer.begin_message(message_type::NOOP, MessageFlags::REQUEST | MessageFlags::ACK, 1);
    writer.end_message(message);
    socket.send(writer.bytes()).map_err(|cause| Error::new(ASKED, cause))
}

/// How often a copy is made anew that too much changes under.
const TRIES: u32 = 20;

impl Watch {
    pub(crate) fn open(driver: Blocking, options: Options) -> Result<Self> {
        let sockets = sockets(&driver, options)?;
        let core = Core::new(options.kinds);
        let mut watch = Watch { driver, sockets, core, buffer: Vec::new() };
        watch.begin(options)?;
        Ok(watch)
    }

    /// Reads what there is, after the sockets have begun to listen.
    fn begin(&mut self, options: Options) -> Result<()> {
        self.refresh(self.core.follower.copied() - Kinds::TRACES)?;
        self.core.queue.clear();
        if options.existing {
            let queue = &mut self.core.queue;
            self.core.follower.list(&mut |event| queue.push_back(event));
        }
        Ok(())
    }

    /// What is known of the namespace: as the events that were handed out say, and maybe some more.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.core.follower.store
    }

    /// The next event, waiting for at most this long; `None` where there was none.
    pub fn next_timeout(&mut self, timeout: Duration) -> Result<Option<Event>> {
        self.next_until(Instant::now().checked_add(timeout))
    }

    /// The next event, if there is one already.
    pub fn try_next(&mut self) -> Result<Option<Event>> {
        self.next_until(Some(Instant::now()))
    }

    /// Takes all that has been told up to now into the store. The kernel tells of a change before the request for it returns, so
    /// what this process has changed before is in the store afterwards.
    pub fn update(&mut self) -> Result<()> {
        for _ in 0..TRIES {
            self.take_queued()?;
            let stale = self.core.stale();
            if stale.is_empty() {
                break;
            }
            self.refresh(stale)?;
        }
        Ok(())
    }

    fn next_until(&mut self, end: Option<Instant>) -> Result<Option<Event>> {
        loop {
            if let Some(event) = self.core.queue.pop_front() {
                return Ok(Some(event));
            }
            if self.take_some()? {
                continue;
            }
            let stale = self.core.stale();
            if !stale.is_empty() {
                self.refresh(stale)?;
                continue;
            }
            if self.core.lost_traces() {
                continue;
            }
            let left = end.map(|end| end.saturating_duration_since(Instant::now()));
            let sockets: Vec<_> = self.sockets.iter().map(AsFd::as_fd).collect();
            if left == Some(Duration::ZERO) || !wait_for_any(&sockets, left)? {
                return Ok(None);
            }
        }
    }

    /// Takes a datagram of each socket; whether there was any.
    fn take_some(&mut self) -> Result<bool> {
        self.core.is_own()?;
        let mut any = false;
        for socket in &self.sockets {
            match receive(socket, &mut self.buffer)? {
                Received::Nothing => continue,
                Received::Datagram(datagram) => _ = self.core.take(datagram, socket.port())?,
                Received::Overrun | Received::Truncated(_) => self.core.overrun(socket.protocol()),
            }
            any = true;
        }
        Ok(any)
    }

    /// Takes what is queued by now, and not what comes while it is taken.
    fn take_queued(&mut self) -> Result<()> {
        self.core.is_own()?;
        for socket in &self.sockets {
            let core = &mut self.core;
            let lost =
                take_up_to_mark(socket, &mut self.buffer, |datagram| core.take(datagram, socket.port()))?;
            if lost {
                self.core.overrun(socket.protocol());
            }
        }
        Ok(())
    }

    /// Reads some kinds again, and tells what is different.
    fn refresh(&mut self, kinds: Kinds) -> Result<()> {
        for _ in 0..TRIES {
            let fresh = Fresh::read(&self.driver, kinds)?;
            if self.finish(fresh)? {
                return Ok(());
            }
        }
        Err(Error::new("read what there is", Cause::Interrupted { tries: TRIES }))
    }

    /// Takes a fresh copy over together with what was told while it was made; not where some of that was lost.
    fn finish(&mut self, fresh: Fresh) -> Result<bool> {
        self.core.finish(fresh, &mut self.buffer, self.sockets.iter())
    }
}

/// Takes what is queued on a socket up to a mark that is set now; whether some was lost. After an overrun that is all that there
/// is: until it is empty the kernel adds nothing to a queue that has run over, and does not tell again that it drops what comes.
fn take_up_to_mark(
    socket: &Socket,
    buffer: &mut Vec<u8>,
    mut take: impl FnMut(&[u8]) -> Result<bool>,
) -> Result<bool> {
    mark(socket)?;
    let (mut lost, mut overrun) = (false, false);
    loop {
        match receive(socket, buffer)? {
            Received::Nothing => return Ok(lost),
            Received::Datagram(datagram) => {
                if take(datagram)? && !overrun {
                    return Ok(lost);
                }
            }
            Received::Overrun => (lost, overrun) = (true, true),
            Received::Truncated(_) => lost = true,
        }
    }
}

fn receive<'b>(socket: &Socket, buffer: &'b mut Vec<u8>) -> Result<Received<'b>> {
    socket.receive(buffer).map_err(|cause| Error::new(ASKED, cause))
}

/// Sockets that listen for what is wanted.
fn sockets(driver: &Blocking, options: Options) -> Result<Vec<Socket>> {
    let mut kinds = options.kinds | Kinds::LINKS;
    if cfg!(not(feature = "nft")) {
        kinds -= Kinds::RULESET | Kinds::TRACES;
    }
    let groups: [(i32, Kinds, &[u32]); 10] = [
        (protocol::ROUTE, Kinds::LINKS, &[group::LINK]),
        (protocol::ROUTE, Kinds::ADDRESSES, &[group::IPV4_ADDRESS, group::IPV6_ADDRESS]),
        (protocol::ROUTE, Kinds::ROUTES, &[group::IPV4_ROUTE, group::IPV6_ROUTE]),
        (protocol::ROUTE, Kinds::RULES, &[group::IPV4_RULE, group::IPV6_RULE]),
        (protocol::ROUTE, Kinds::NEIGHBOURS.union(Kinds::FORWARDING), &[group::NEIGHBOUR]),
        (protocol::ROUTE, Kinds::NEXTHOPS, &[group::NEXTHOP]),
        (protocol::ROUTE, Kinds::NAMESPACE_IDS, &[group::NAMESPACE_ID]),
        (protocol::NETFILTER, Kinds::RULESET, &[NFTABLES]),
        (protocol::NETFILTER, Kinds::TRACES, &[NFTRACE]),
        (protocol::ROUTE, Kinds::empty(), &[]),
    ];
    let mut sockets = Vec::<Socket>::new();
    for protocol in [protocol::ROUTE, protocol::NETFILTER] {
        let wanted = |of: &(i32, Kinds, &'static [u32])| of.0 == protocol && kinds.intersects(of.1);
        let joined: Vec<u32> = groups.iter().filter(|of| wanted(of)).flat_map(|of| of.2).copied().collect();
        if joined.is_empty() {
            continue;
        }
        let socket = Socket::open_in(driver.namespace(), protocol)?;
        socket.reserve_receive(options.buffer).map_err(|cause| Error::new(ASKED, cause))?;
        for group in joined {
            match socket.join(group) {
                // kernels without nexthop objects
                Err(error) if group == group::NEXTHOP && !error.is_permission() => {}
                joined => {
                    joined.map_err(|error| Error::new(asked(protocol, group), error.cause().clone()))?
                }
            }
        }
        sockets.push(socket);
    }
    Ok(sockets)
}

/// What is asked of a group.
fn asked(protocol: i32, group: u32) -> &'static str {
    match (protocol, group) {
        (protocol::NETFILTER, NFTABLES) => "follow the changes of the firewall",
        (protocol::NETFILTER, NFTRACE) => "follow the traces of packets",
        _ => ASKED,
    }
}

impl Iterator for Watch {
    type Item = Result<Event>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.next_until(None) {
                Ok(None) => {}
                Ok(Some(event)) => return Some(Ok(event)),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

#[cfg(test)]
mod tests;
