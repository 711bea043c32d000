//! Name servers are asked.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use rustix::event::PollFlags;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, connect, socket_with};

use super::config::ResolverConfig;
use super::message::Question;
use super::query::{Match, match_answer, upstream_query};

/// Datagrams that are read from one socket in one go: forged ones must not keep the loop.
const DATAGRAMS: usize = 16;
/// The largest datagram that is read: servers are told to send fewer bytes.
const DATAGRAM: usize = 4096;

/// The name servers, and which of them answered last.
#[derive(Debug)]
pub(super) struct Servers {
    addresses: Vec<SocketAddr>,
    timeout: Duration,
    attempts: u32,
    rotate: bool,
    first: usize,
}

impl Servers {
    pub(super) fn new(config: &ResolverConfig) -> Self {
        Self {
            addresses: config.servers.clone(),
            timeout: config.timeout,
            attempts: config.attempts.max(1),
            rotate: config.rotate,
            first: 0,
        }
    }

    /// Whom to ask for the next question, in this order.
    fn plan(&mut self) -> Vec<SocketAddr> {
        let (before, from) = self.addresses.split_at(self.first.min(self.addresses.len()));
        let round: Vec<SocketAddr> = from.iter().chain(before).copied().collect();
        if self.rotate {
            self.first = (self.first + 1) % self.addresses.len().max(1);
        }
        (0..self.attempts).flat_map(|_| round.iter().copied()).collect()
    }

    /// Why there is no answer, where none came.
    pub(super) fn silence(&self) -> String {
        let addresses: Vec<String> = self.addresses.iter().map(|server| server.ip().to_string()).collect();
        match addresses.as_slice() {
            [] => "there is no name server to ask".to_owned(),
            addresses => format!("no name server gives an answer ({})", addresses.join(", ")),
        }
    }

    /// A server said nothing: others are asked first from now on.
    fn is_silent(&mut self, server: SocketAddr) {
        let count = self.addresses.len().max(1);
        if self.addresses.get(self.first) == Some(&server) {
            self.first = (self.first + 1) % count;
        }
    }
}

/// One question, and the servers that are asked one after the other until one answers.
#[derive(Debug)]
pub(super) struct Exchange {
    question: Question,
    checks: bool,
    /// The servers that are left, the next one last.
    plan: Vec<SocketAddr>,
    server: SocketAddr,
    timeout: Duration,
    deadline: Instant,
    id: u16,
    extended: bool,
    line: Line,
}

/// How it is asked now.
#[derive(Debug)]
enum Line {
    Udp(UdpSocket),
    Tcp(Stream),
    /// Not at all: every server was.
    None,
}

#[derive(Debug)]
pub(super) struct Stream<S = TcpStream> {
    stream: S,
    /// What is left to send.
    output: Vec<u8>,
    input: Vec<u8>,
}

/// How far it is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Progress {
    Waiting,
    /// With the server's message, which matches the question.
    Answered(Vec<u8>),
    /// No server answered.
    Failed,
}

impl Exchange {
    /// Asks the first server.
    pub(super) fn start(servers: &mut Servers, question: Question, checks: bool, now: Instant) -> Self {
        let mut plan = servers.plan();
        plan.reverse();
        let mut exchange = Self {
            question,
            checks,
            plan,
            server: SocketAddr::from(([0, 0, 0, 0], 0)),
            timeout: servers.timeout,
            deadline: now,
            id: 0,
            extended: true,
            line: Line::None,
        };
        exchange.ask_next(now);
        exchange
    }

    /// The socket to wait for, and what for; `None` where nothing more will come.
    pub(super) fn socket(&self) -> Option<(BorrowedFd<'_>, PollFlags)> {
        match &self.line {
            Line::Udp(socket) => Some((socket.as_fd(), PollFlags::IN)),
            Line::Tcp(stream) if stream.output.is_empty() => Some((stream.stream.as_fd(), PollFlags::IN)),
            Line::Tcp(stream) => Some((stream.stream.as_fd(), PollFlags::OUT)),
            Line::None => None,
        }
    }

    /// When to call [`Exchange::advance`] at the latest.
    pub(super) fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Goes on, after its socket became ready or its deadline passed.
    pub(super) fn advance(&mut self, servers: &mut Servers, is_ready: bool, now: Instant) -> Progress {
        if is_ready {
            let heard = match &mut self.line {
                Line::Udp(_) => self.hear_datagrams(now),
                Line::Tcp(_) => self.hear_stream(now),
                Line::None => None,
            };
            if let Some(message) = heard {
                return Progress::Answered(message);
            }
        }
        if !matches!(self.line, Line::None) && now >= self.deadline {
            servers.is_silent(self.server);
            self.ask_next(now);
        }
        if matches!(self.line, Line::None) { Progress::Failed } else { Progress::Waiting }
    }

    fn hear_datagrams(&mut self, now: Instant) -> Option<Vec<u8>> {
        let mut buffer = [0; DATAGRAM];
        for _ in 0..DATAGRAMS {
            let Line::Udp(socket) = &self.line else { return None };
            match socket.recv(&mut buffer) {
                Ok(length) => {
                    let message = buffer.get(..length).unwrap_or_default();
                    match match_answer(message, self.id, &self.question, self.extended) {
                        Match::Foreign => {}
                        Match::Whole => return Some(message.to_vec()),
                        Match::Truncated => self.ask_again(now, Self::stream),
                        Match::Unextended => {
                            self.extended = false;
                            self.ask_again(now, Self::datagram);
                        }
                        Match::Unable => self.ask_next(now),
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return None,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // Nobody listens there.
                Err(_) => self.ask_next(now),
            }
        }
        None
    }

    fn hear_stream(&mut self, now: Instant) -> Option<Vec<u8>> {
        let Line::Tcp(stream) = &mut self.line else { return None };
        match stream.advance() {
            Ok(None) => None,
            Ok(Some(message)) => match match_answer(&message, self.id, &self.question, self.extended) {
                Match::Whole => Some(message),
                _ => {
                    self.ask_next(now);
                    None
                }
            },
            Err(_) => {
                self.ask_next(now);
                None
            }
        }
    }

    /// Asks the next server that can be asked at all.
    fn ask_next(&mut self, now: Instant) {
        self.line = Line::None;
        self.extended = true;
        while matches!(self.line, Line::None)
            && let Some(server) = self.plan.pop()
        {
            self.server = server;
            self.ask_again(now, Self::datagram);
        }
    }

    /// Asks the same server in another way, and the next one where that does not work.
    fn ask_again(&mut self, now: Instant, open: fn(&Self) -> io::Result<Line>) {
        self.deadline = now + self.timeout;
        let line = random().and_then(|id| {
            self.id = id;
            open(self)
        });
        match line {
            Ok(line) => self.line = line,
            Err(_) if matches!(self.line, Line::None) => {}
            Err(_) => self.ask_next(now),
        }
    }

    /// A fresh socket for each question: its port is as hard to guess as its number.
    fn datagram(&self) -> io::Result<Line> {
        let any = if self.server.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        let socket = UdpSocket::bind(any)?;
        socket.set_nonblocking(true)?;
        socket.connect(self.server)?;
        socket.send(&self.query())?;
        Ok(Line::Udp(socket))
    }

    fn stream(&self) -> io::Result<Line> {
        let family = if self.server.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
        let socket =
            socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK, None)?;
        match connect(&socket, &self.server) {
            Ok(()) | Err(Errno::INPROGRESS) => {}
            Err(error) => return Err(error.into()),
        }
        let query = self.query();
        // A question is far shorter than that.
        let output = [&(query.len() as u16).to_be_bytes(), query.as_slice()].concat();
        Ok(Line::Tcp(Stream::new(socket.into(), output)))
    }

    fn query(&self) -> Vec<u8> {
        upstream_query(self.id, &self.question, self.checks, self.extended)
    }
}

impl<S: Read + Write> Stream<S> {
    pub(super) fn new(stream: S, output: Vec<u8>) -> Self {
        Stream { stream, output, input: Vec::new() }
    }

    /// Sends and reads what can be; the message once it is whole.
    pub(super) fn advance(&mut self) -> io::Result<Option<Vec<u8>>> {
        while !self.output.is_empty() {
            match self.stream.write(&self.output) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(length) => drop(self.output.drain(..length)),
                Err(error) => return if is_passing(&error) { Ok(None) } else { Err(error) },
            }
        }
        loop {
            let wanted = match self.input.first_chunk() {
                Some(&length) => 2 + usize::from(u16::from_be_bytes(length)),
                None => 2,
            };
            if self.input.len() >= wanted {
                let message = self.input.split_off(2);
                return if message.is_empty() {
                    Err(ErrorKind::InvalidData.into())
                } else {
                    Ok(Some(message))
                };
            }
            let mut buffer = [0; DATAGRAM];
            // No more than belongs to the message.
            let part = (wanted - self.input.len()).min(DATAGRAM);
            match self.stream.read(buffer.get_mut(..part).unwrap_or_default()) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(length) => self.input.extend_from_slice(buffer.get(..length).unwrap_or_default()),
                Err(error) => return if is_passing(&error) { Ok(None) } else { Err(error) },
            }
        }
    }
}

/// Whether an error means to wait and do the same once more.
pub(super) fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

/// A number that nobody can guess.
fn random() -> io::Result<u16> {
    let mut bytes = [0; 2];
    rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())?;
    Ok(u16::from_ne_bytes(bytes))
}
