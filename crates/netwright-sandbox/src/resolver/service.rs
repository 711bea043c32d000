//! The loop: one thread that answers the questions of a sandbox.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::client::Client;
use super::config::{ResolverConfig, foreign_hosts};
use super::engine::{Decision, Engine};
use super::message::Question;
use super::query::{Outcome, Query, Transport};
use super::reporter::QuestionReporter;
use super::upstream::{Exchange, Progress, Servers};
use super::{Changed, NamePolicy, Release, Sockets};
use crate::relay::AFTER_FAILURE;

/// Questions that name servers are asked at the same time: each takes a descriptor.
const EXCHANGES: usize = 128;
/// Clients that wait for answers, over all questions.
const ASKERS: usize = 4096;
/// Connections from inside; one more takes the place of the one that was idle longest.
const CLIENTS: usize = 64;
/// Datagrams that are read in one go.
const DATAGRAMS: usize = 64;
/// The longest question that is read.
const DATAGRAM: usize = 4096;
/// The longest sleep, where nothing is waited for.
const SLEEP: Duration = Duration::from_secs(60);

/// What the loop shares with those who replace the policy.
#[derive(Debug)]
pub(super) struct Shared {
    state: Mutex<State>,
}

/// The policy, and what is known because of it. Who holds the lock may be sure that the rules' places are those of the filter.
pub(super) struct State {
    pub(super) engine: Engine,
    pub(super) policy: Arc<dyn NamePolicy>,
    pub(super) release: Arc<dyn Release>,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").field("engine", &self.engine).finish_non_exhaustive()
    }
}

impl Shared {
    pub(super) fn new(state: State) -> Self {
        Self { state: Mutex::new(state) }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a question is asked for once, however many ask it: the question, and whether signatures are checked by the client.
type Key = (Question, bool);

/// Where an answer goes.
#[derive(Clone, Copy, Debug)]
enum Destination {
    /// By the listener with this number.
    Udp(usize, Ends),
    /// The connection with this number.
    Tcp(u64, Ends),
}

/// Where a question came from, and the address of the listener.
type Ends = (SocketAddr, SocketAddr);

/// Where questions arrive, by both protocols.
pub(super) struct Listener {
    udp: UdpSocket,
    tcp: TcpListener,
    address: SocketAddr,
}

impl Listener {
    pub(super) fn new(sockets: Sockets) -> io::Result<Self> {
        let (udp, tcp) = (UdpSocket::from(sockets.udp), TcpListener::from(sockets.tcp));
        udp.set_nonblocking(true)?;
        tcp.set_nonblocking(true)?;
        let address = udp.local_addr()?;
        Ok(Self { udp, tcp, address })
    }
}

#[derive(Debug)]
struct Asker {
    query: Query,
    destination: Destination,
}

#[derive(Debug)]
struct Pending {
    key: Key,
    exchange: Exchange,
    askers: Vec<Asker>,
}

/// The name servers, and who knows when they are others.
pub(super) struct Upstream {
    servers: Servers,
    changed: Option<Box<Changed>>,
    asked: Option<Instant>,
}

impl Upstream {
    /// How often it is asked whether they have changed.
    const EACH: Duration = Duration::from_secs(1);

    pub(super) fn new(servers: Servers, changed: Option<Box<Changed>>) -> Self {
        Upstream { servers, changed, asked: None }
    }

    fn changed(&mut self, now: Instant) -> Option<(ResolverConfig, Vec<(String, IpAddr)>)> {
        if self.asked.is_some_and(|asked| now < asked + Upstream::EACH) {
            return None;
        }
        self.asked = Some(now);
        self.changed.as_mut().and_then(|changed| changed())
    }
}

/// The loop's own.
pub(super) struct Service {
    shared: Arc<Shared>,
    listeners: Vec<Listener>,
    stop: OwnedFd,
    upstream: Upstream,
    reporter: QuestionReporter,
    clients: HashMap<u64, Client>,
    next_client: u64,
    pending: Vec<Pending>,
    askers: usize,
}

/// What became ready.
#[derive(Debug, Default)]
struct Ready {
    stop: bool,
    /// UDP and TCP of each listener.
    listeners: Vec<(bool, bool)>,
    clients: Vec<(u64, PollFlags)>,
    exchanges: Vec<bool>,
}

impl Service {
    pub(super) fn new(
        shared: Arc<Shared>,
        listeners: Vec<Listener>,
        stop: OwnedFd,
        upstream: Upstream,
        reporter: QuestionReporter,
    ) -> Self {
        let (clients, pending) = (HashMap::new(), Vec::new());
        Self { shared, listeners, stop, upstream, reporter, clients, next_client: 0, pending, askers: 0 }
    }

    /// Runs until it is told to stop. Where the kernel cannot wait for want of memory, it goes on a little later.
    pub(super) fn run(mut self) {
        loop {
            let Ok(ready) = self.wait() else {
                std::thread::sleep(AFTER_FAILURE);
                continue;
            };
            if ready.stop {
                break;
            }
            let now = Instant::now();
            self.advance_exchanges(&ready.exchanges, now);
            for (number, (udp, tcp)) in ready.listeners.into_iter().enumerate() {
                if udp {
                    self.read_datagrams(number, now);
                }
                if tcp {
                    self.accept(number, now);
                }
            }
            for (client, flags) in ready.clients {
                self.serve(client, flags, now);
            }
            self.clients.retain(|_, client| !client.is_done(now));
            self.reporter.catch_up(now);
        }
        self.reporter.finish();
    }

    /// Whether one more question has room.
    fn may_ask(&self) -> bool {
        self.pending.len() < EXCHANGES && self.askers < ASKERS
    }

    fn wait(&self) -> io::Result<Ready> {
        let may_ask = self.may_ask();
        let reading = if may_ask { PollFlags::IN } else { PollFlags::empty() };
        let clients: Vec<(u64, &Client)> =
            self.clients.iter().map(|(&number, client)| (number, client)).collect();
        let mut polled = vec![PollFd::from_borrowed_fd(self.stop.as_fd(), PollFlags::IN)];
        for Listener { udp, tcp, .. } in &self.listeners {
            polled.push(PollFd::from_borrowed_fd(udp.as_fd(), reading));
            polled.push(PollFd::from_borrowed_fd(tcp.as_fd(), PollFlags::IN));
        }
        polled.extend(
            clients
                .iter()
                .map(|(_, client)| PollFd::from_borrowed_fd(client.stream.as_fd(), client.wants(may_ask))),
        );
        let sockets: Vec<_> = self.pending.iter().map(|pending| pending.exchange.socket()).collect();
        polled
            .extend(sockets.iter().flatten().map(|&(socket, wants)| PollFd::from_borrowed_fd(socket, wants)));
        match poll(&mut polled, Some(&self.timeout(Instant::now()))) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let mut flags = polled.iter().map(PollFd::revents);
        let mut next = || flags.next().unwrap_or(PollFlags::empty());
        Ok(Ready {
            stop: !next().is_empty(),
            listeners: self.listeners.iter().map(|_| (!next().is_empty(), !next().is_empty())).collect(),
            clients: clients.iter().map(|&(number, _)| (number, next())).collect(),
            exchanges: sockets.iter().map(|socket| socket.is_none() || !next().is_empty()).collect(),
        })
    }

    /// How long nothing needs to be done by itself.
    fn timeout(&self, now: Instant) -> Timespec {
        let exchanges = self.pending.iter().map(|pending| match pending.exchange.socket() {
            Some(_) => pending.exchange.deadline(),
            None => now,
        });
        let clients = self.clients.values().filter(|client| !client.is_waiting()).map(Client::deadline);
        let next = exchanges
            .chain(clients)
            .chain(self.reporter.deadline())
            .min()
            .map_or(SLEEP, |next| next.saturating_duration_since(now));
        // Up to the next millisecond, so that it has passed when it is looked at.
        let next = next.min(SLEEP) + Duration::from_millis(1);
        Timespec { tv_sec: next.as_secs().cast_signed(), tv_nsec: next.subsec_nanos().into() }
    }

    fn advance_exchanges(&mut self, ready: &[bool], now: Instant) {
        let mut index = 0;
        for &is_ready in ready {
            let Some(pending) = self.pending.get_mut(index) else { return };
            let outcome = match pending.exchange.advance(&mut self.upstream.servers, is_ready, now) {
                Progress::Waiting => {
                    index += 1;
                    continue;
                }
                Progress::Failed => {
                    Outcome::unreachable(pending.key.0.name.text(), self.upstream.servers.silence())
                }
                Progress::Answered(message) => {
                    let state = &mut *self.shared.lock();
                    let heard = state.engine.hear(&*state.policy, &pending.key.0, &message, now);
                    state.engine.settle(heard, &*state.release, now)
                }
            };
            // The order of the others is kept, which `ready` speaks of.
            let pending = self.pending.remove(index);
            self.askers = self.askers.saturating_sub(pending.askers.len());
            for asker in pending.askers {
                self.reply(&asker.query, &outcome, asker.destination, now);
            }
        }
    }

    fn read_datagrams(&mut self, listener: usize, now: Instant) {
        let mut buffer = [0; DATAGRAM];
        for _ in 0..DATAGRAMS {
            if !self.may_ask() {
                return;
            }
            let Some(Listener { udp, address, .. }) = self.listeners.get(listener) else { return };
            match udp.recv_from(&mut buffer) {
                Ok((length, source)) => {
                    let destination = Destination::Udp(listener, (source, *address));
                    self.take(buffer.get(..length).unwrap_or_default(), destination, now);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                // An earlier answer did not reach its client.
                Err(_) => {}
            }
        }
    }

    fn accept(&mut self, listener: usize, now: Instant) {
        for _ in 0..CLIENTS {
            let Some(Listener { tcp, address, .. }) = self.listeners.get(listener) else { return };
            let Ok((stream, source)) = tcp.accept() else { return };
            let ends = (source, *address);
            if stream.set_nonblocking(true).is_err() {
                continue;
            }
            let oldest =
                self.clients.iter().min_by_key(|(_, client)| client.active()).map(|(&number, _)| number);
            if self.clients.len() >= CLIENTS
                && let Some(oldest) = oldest
            {
                self.clients.remove(&oldest);
            }
            self.clients.insert(self.next_client, Client::new(stream, ends, now));
            self.next_client += 1;
        }
    }

    fn serve(&mut self, number: u64, flags: PollFlags, now: Instant) {
        let Some(client) = self.clients.get_mut(&number) else { return };
        let ends = client.ends;
        // A client that has only ended its own side does not hang up.
        let mut is_open = !flags.intersects(PollFlags::HUP | PollFlags::ERR);
        is_open &= !flags.contains(PollFlags::OUT) || client.write(now).is_ok();
        is_open &= !flags.contains(PollFlags::IN) || client.read(now).is_ok();
        while is_open && self.may_ask() {
            match self.clients.get_mut(&number).map(Client::next_question) {
                Some(Ok(Some(question))) => self.take(&question, Destination::Tcp(number, ends), now),
                Some(Err(_)) => is_open = false,
                _ => break,
            }
        }
        if !is_open {
            self.clients.remove(&number);
        }
    }

    /// Takes a client's message.
    fn take(&mut self, message: &[u8], destination: Destination, now: Instant) {
        let transport = match destination {
            Destination::Udp(..) => Transport::Udp,
            Destination::Tcp(..) => Transport::Tcp,
        };
        let decision = {
            let state = self.shared.lock();
            match state.engine.decide(&*state.policy, message, transport, now) {
                Decision::Answer(query, outcome) => {
                    Decision::Answer(query, state.engine.settle(outcome, &*state.release, now))
                }
                other => other,
            }
        };
        match decision {
            Decision::Silence => self.send(None, destination, now),
            Decision::Answer(query, outcome) => self.reply(&query, &outcome, destination, now),
            Decision::Ask(query, question) => self.ask(question, Asker { query, destination }, now),
        }
    }

    /// Asks a name server, or waits with others for what it says to the same question.
    fn ask(&mut self, question: Question, asker: Asker, now: Instant) {
        let key = (question, asker.query.checks());
        self.askers += 1;
        if let Some(pending) = self.pending.iter_mut().find(|pending| pending.key == key) {
            pending.askers.push(asker);
            return;
        }
        self.look_for_servers(now);
        let exchange = Exchange::start(&mut self.upstream.servers, key.0.clone(), key.1, now);
        self.pending.push(Pending { key, exchange, askers: vec![asker] });
    }

    /// Asks others where the host does by now.
    fn look_for_servers(&mut self, now: Instant) {
        if let Some((config, hosts)) = self.upstream.changed(now) {
            self.upstream.servers = Servers::new(&config);
            self.shared.lock().engine.reconfigure(config.search_names(), foreign_hosts(&hosts));
        }
    }

    fn reply(&mut self, query: &Query, outcome: &Outcome, destination: Destination, now: Instant) {
        // The log is told first: the process behind the question still waits for the answer.
        let (transport, (source, resolver)) = match destination {
            Destination::Udp(_, ends) => (Transport::Udp, ends),
            Destination::Tcp(_, ends) => (Transport::Tcp, ends),
        };
        for notice in &outcome.notices {
            self.reporter.tell(notice, transport, source, resolver, now);
        }
        self.send(Some(&query.answer(outcome)), destination, now);
    }

    fn send(&mut self, message: Option<&[u8]>, destination: Destination, now: Instant) {
        match (destination, message) {
            // A client that has gone, or reads too slowly, asks again.
            (Destination::Udp(listener, (source, _)), Some(message)) => {
                if let Some(Listener { udp, .. }) = self.listeners.get(listener) {
                    let _ = udp.send_to(message, source);
                }
            }
            (Destination::Udp(..), None) => {}
            (Destination::Tcp(number, _), message) => {
                if let Some(client) = self.clients.get_mut(&number)
                    && client.answer(message, now).is_err()
                {
                    self.clients.remove(&number);
                }
            }
        }
    }
}
