//! A flow with real sockets, and what captures and the host's traces say of it.

use std::io::Read as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::OwnedFd;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use netwright_lab::Failure;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, accept_with, bind, connect, getsockname,
    ipproto, listen, recv, recvfrom, send, sendto, socket_with, sockopt,
};

use crate::capture::{self, ACK, ICMP, ICMPV6, Packet, RST, SYN, TCP, UDP};
use crate::generate::{Flow, Host, LARGE, What, address};
use crate::trace::{DISCOVERY, REQUEST, Traced, packets};
use crate::world::{Tools, World};

/// What became of a flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Accept,
    Arrived,
    Drop,
    /// `tcp-reset`, or the type and code of ICMP or ICMPv6.
    Reject(String),
    NoPath,
}

/// What was found out.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    pub(crate) outcome: Outcome,
    /// Where it arrived, and from whom as the receiver saw it.
    pub(crate) at: Option<(IpAddr, u16)>,
    pub(crate) from: Option<IpAddr>,
    /// The ways of its first packet.
    pub(crate) ways: Vec<Traced>,
}

const QUESTION: &[u8] = b"is anybody there?";
const ANSWER: &[u8] = b"yes!";
/// How long nothing may happen before the flow is over, where it is not known that it is.
const PATIENCE: Duration = Duration::from_secs(4);
/// How long an answer may take after a packet is known to have arrived, or a refusal after it is known to be dropped.
const GRACE: Duration = Duration::from_millis(300);

struct Servers {
    tcp: Vec<OwnedFd>,
    udp: Vec<OwnedFd>,
    taken: Vec<OwnedFd>,
    /// Who has got a large datagram, and from whom.
    whole: Option<(IpAddr, IpAddr, u16)>,
}

/// A datagram that does not fit into one packet.
fn large() -> Vec<u8> {
    vec![b'x'; LARGE]
}

fn open(ipv4: bool, kind: SocketType) -> std::io::Result<OwnedFd> {
    let family = if ipv4 { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = socket_with(family, kind, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC, None)?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    if !ipv4 {
        sockopt::set_ipv6_v6only(&socket, true)?;
    }
    Ok(socket)
}

fn any(ipv4: bool) -> IpAddr {
    if ipv4 { IpAddr::V4(Ipv4Addr::UNSPECIFIED) } else { IpAddr::V6(Ipv6Addr::UNSPECIFIED) }
}

impl Servers {
    /// In the calling thread's namespace.
    fn open(ports: &[u16], ipv4: bool, addresses: &[IpAddr]) -> std::io::Result<Self> {
        let mut servers = Servers { tcp: Vec::new(), udp: Vec::new(), taken: Vec::new(), whole: None };
        for &port in ports {
            let tcp = open(ipv4, SocketType::STREAM)?;
            bind(&tcp, &SocketAddr::new(any(ipv4), port))?;
            listen(&tcp, 64)?;
            servers.tcp.push(tcp);
            // a socket for each address answers from it
            for address in addresses.iter().filter(|address| address.is_ipv4() == ipv4) {
                let udp = open(ipv4, SocketType::DGRAM)?;
                if bind(&udp, &SocketAddr::new(*address, port)).is_ok() {
                    servers.udp.push(udp);
                }
            }
        }
        Ok(servers)
    }

    fn step(&mut self) {
        let mut buffer = [0; 2 * LARGE];
        for socket in &self.tcp {
            while let Ok(taken) = accept_with(socket, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC) {
                self.taken.push(taken);
            }
        }
        for socket in &self.taken {
            if let Ok((length, _)) = recv(socket, &mut buffer[..], RecvFlags::DONTWAIT)
                && buffer.get(..length) == Some(QUESTION)
            {
                let _ = send(socket, ANSWER, SendFlags::NOSIGNAL);
            }
        }
        for socket in &self.udp {
            while let Ok((length, _, Some(from))) = recvfrom(socket, &mut buffer[..], RecvFlags::DONTWAIT) {
                let got = buffer.get(..length).unwrap_or_default();
                if got.len() == LARGE
                    && let (Ok(from), Some(own)) = (
                        SocketAddr::try_from(from.clone()),
                        getsockname(socket).ok().and_then(|own| own.try_into().ok()),
                    )
                {
                    let own: SocketAddr = own;
                    self.whole = Some((from.ip(), own.ip(), own.port()));
                }
                if got == QUESTION || got.len() == LARGE {
                    let _ = sendto(socket, ANSWER, SendFlags::empty(), &from);
                }
            }
        }
    }
}

/// The sender's socket.
struct Client {
    socket: OwnedFd,
    from: SocketAddr,
    said: bool,
    heard: bool,
    /// What the kernel said to the sender, where it is the host itself.
    error: Option<i32>,
    /// An ICMP error that came in for the socket.
    refused: Option<String>,
    /// Tells one echo request from another.
    number: u8,
}

impl Client {
    fn start(flow: &Flow, source: Option<IpAddr>, number: u8) -> std::io::Result<Client> {
        let ipv4 = flow.to.is_ipv4();
        let socket = match flow.what {
            What::Tcp(_) => open(ipv4, SocketType::STREAM)?,
            What::Udp(_) => open(ipv4, SocketType::DGRAM)?,
            What::Ping => {
                let family = if ipv4 { AddressFamily::INET } else { AddressFamily::INET6 };
                let protocol = if ipv4 { ipproto::ICMP } else { ipproto::ICMPV6 };
                let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
                socket_with(family, SocketType::RAW, flags, Some(protocol))?
            }
        };
        netwright_sys::IcmpError::keep(&socket, !ipv4)?;
        bind(&socket, &SocketAddr::new(source.unwrap_or(any(ipv4)), 0))?;
        let port = match flow.what {
            What::Tcp(port) | What::Udp(port) => port,
            What::Ping => 0,
        };
        let mut error = None;
        match connect(&socket, &SocketAddr::new(flow.to, port)) {
            Ok(()) | Err(rustix::io::Errno::INPROGRESS) => {}
            Err(errno) => error = Some(errno.raw_os_error()),
        }
        let from = SocketAddr::try_from(getsockname(&socket)?)?;
        let mut client = Client { socket, from, said: false, heard: false, error, refused: None, number };
        if flow.what != What::Tcp(port) {
            client.say(flow);
        }
        Ok(client)
    }

    fn say(&mut self, flow: &Flow) {
        let bytes = match flow.what {
            What::Ping => {
                let kind = if flow.to.is_ipv4() { 8 } else { 128 };
                let mut message = vec![kind, 0, 0, 0, 0x12, self.number, 0, 1];
                message.extend(QUESTION);
                let mut sum: u32 = message
                    .chunks(2)
                    .map(|pair| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0)))
                    .sum();
                while sum > 0xffff {
                    sum = (sum & 0xffff) + (sum >> 16);
                }
                message[2..4].copy_from_slice(&(!(sum as u16)).to_be_bytes());
                message
            }
            _ if flow.large => large(),
            _ => QUESTION.to_vec(),
        };
        match send(&self.socket, &bytes, SendFlags::NOSIGNAL) {
            Ok(_) => self.said = true,
            Err(rustix::io::Errno::NOTCONN | rustix::io::Errno::AGAIN | rustix::io::Errno::PERM) => {}
            Err(errno) => self.error = self.error.or(Some(errno.raw_os_error())),
        }
    }

    fn step(&mut self, flow: &Flow) {
        if let Ok(Some(error)) = netwright_sys::IcmpError::take(&self.socket) {
            let word = if flow.to.is_ipv4() { "icmp" } else { "icmpv6" };
            self.refused = Some(format!("{word} {}/{}", error.kind, error.code));
        }
        if matches!(flow.what, What::Tcp(_)) && !self.said && self.error.is_none() {
            self.say(flow);
        }
        let mut buffer = [0; 512];
        loop {
            match recv(&self.socket, &mut buffer[..], RecvFlags::DONTWAIT) {
                Ok((0, _)) => return,
                Ok((length, _)) => {
                    let got = buffer.get(..length).unwrap_or_default();
                    self.heard |= match flow.what {
                        What::Ping => {
                            let message = if flow.to.is_ipv4() { got.get(20..) } else { Some(got) };
                            let reply = if flow.to.is_ipv4() { 0 } else { 129 };
                            message.is_some_and(|message| {
                                message.first() == Some(&reply) && message.ends_with(QUESTION)
                            })
                        }
                        _ => got == ANSWER,
                    };
                }
                Err(rustix::io::Errno::AGAIN | rustix::io::Errno::NOTCONN) => return,
                Err(errno) => {
                    self.error = self.error.or(Some(errno.raw_os_error()));
                    return;
                }
            }
        }
    }
}

/// What was there before a flow was sent, again.
struct Before {
    /// How much was read of the traces.
    traces: usize,
    /// Ports that it was sent from.
    ports: Vec<u16>,
}

/// A running `nft monitor trace`.
struct Monitor {
    child: Child,
    text: String,
}

impl Monitor {
    fn start(world: &World, tools: &Tools) -> Result<Self, Failure> {
        let mut child = world.host.run(|| {
            std::process::Command::new(tools.nft.program())
                .args(["-n", "monitor", "trace"])
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
        })??;
        let stdout = child.stdout.take();
        let mut monitor = Monitor { child, text: String::new() };
        if let Some(stdout) = &stdout {
            rustix::io::ioctl_fionbio(stdout, true)?;
        }
        monitor.child.stdout = stdout;
        Ok(monitor)
    }

    fn read(&mut self) {
        let Some(stdout) = &mut self.child.stdout else { return };
        let mut buffer = [0; 16384];
        while let Ok(length @ 1..) = stdout.read(&mut buffer) {
            self.text.push_str(&String::from_utf8_lossy(buffer.get(..length).unwrap_or_default()));
        }
    }

    /// The whole lines from a place on.
    fn whole(&self, begun: usize) -> &str {
        let text = self.text.get(begun..).unwrap_or_default();
        text.rfind('\n').and_then(|end| text.get(..=end)).unwrap_or_default()
    }

    /// Reads until nothing more comes.
    fn read_all(&mut self) {
        let start = Instant::now();
        let mut quiet = 0;
        while quiet < 3 && start.elapsed() < PATIENCE {
            let length = self.text.len();
            std::thread::sleep(Duration::from_millis(2));
            self.read();
            quiet = if self.text.len() == length { quiet + 1 } else { 0 };
        }
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a flow in its world, and finds out what becomes of it.
pub(crate) fn attempt(world: &World, tools: &Tools, host: &Host, flow: &Flow) -> Result<Finding, Failure> {
    let ipv4 = flow.to.is_ipv4();
    let mut monitor = Monitor::start(world, tools)?;
    await_monitor(world, tools, &mut monitor)?;
    let own: Vec<IpAddr> =
        host.links.iter().flat_map(|link| link.own.iter()).map(|own| crate::generate::address(own)).collect();
    let mut servers = vec![world.host.run(|| Servers::open(&host.ports, ipv4, &own))??];
    let everywhere: Vec<IpAddr> = host
        .links
        .iter()
        .flat_map(|link| link.near.iter().copied())
        .chain(crate::generate::remote())
        .map(crate::generate::address)
        .collect();
    for machines in &world.machines {
        servers.push(machines.node.run(|| Servers::open(&host.ports, ipv4, &everywhere))??);
    }
    let mut kept: Vec<Client> = Vec::new();
    let mut finding = None;
    let before = flow.after.and_then(|number| host.flows.get(number));
    let acts: Vec<&Flow> = before
        .into_iter()
        .flat_map(|before| std::iter::repeat_n(before, before.times))
        .chain(std::iter::repeat_n(flow, flow.times))
        .collect();
    for (number, flow) in acts.iter().copied().enumerate() {
        drain(world);
        servers.iter_mut().for_each(|servers| servers.whole = None);
        monitor.read();
        let begun = monitor.text.len();
        let sender = flow.from.and_then(|card| world.machines.iter().find(|machines| machines.card == card));
        let start = || Client::start(flow, flow.from.map(|_| flow.source), number as u8);
        let client = match sender {
            Some(machines) => machines.node.run(start)??,
            None => world.host.run(start)??,
        };
        let before = Before { traces: begun, ports: kept.iter().map(|client| client.from.port()).collect() };
        let (found, client) = watch(world, host, flow, client, &before, &mut servers, &mut monitor)?;
        kept.push(client);
        if number + 1 == acts.len() {
            finding = Some(found);
        }
    }
    finding.ok_or_else(|| Failure::wrong("nothing was sent"))
}

/// Waits until the traces come through.
fn await_monitor(world: &World, tools: &Tools, monitor: &mut Monitor) -> Result<(), Failure> {
    let _ = tools;
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        world.host.run(|| -> std::io::Result<()> {
            let socket = open(true, SocketType::DGRAM)?;
            // the judge's own rules drop it before any other sees it
            let _ = sendto(&socket, b"x", SendFlags::empty(), &SocketAddr::from(([127, 0, 0, 1], 9)));
            Ok(())
        })??;
        std::thread::sleep(Duration::from_millis(2));
        monitor.read();
        if monitor.text.contains("127.0.0.1") {
            std::thread::sleep(Duration::from_millis(5));
            monitor.read();
            return Ok(());
        }
    }
    Err(Failure::wrong("nft monitor trace says nothing"))
}

fn drain(world: &World) {
    let mut buffer = [0; 2048];
    for machines in &world.machines {
        while let Ok(Some(_)) = machines.capture.receive(&mut buffer) {}
    }
}

fn watch(
    world: &World,
    host: &Host,
    flow: &Flow,
    mut client: Client,
    before: &Before,
    servers: &mut [Servers],
    monitor: &mut Monitor,
) -> Result<(Finding, Client), Failure> {
    let start = Instant::now();
    // what is known, and since when
    let mut since: Option<(bool, Instant)> = None;
    let (mut arrived, mut refused, mut misses) = (None, None, 0);
    let mut buffer = [0; 4096];
    let own: Vec<IpAddr> =
        host.links.iter().flat_map(|link| link.own.iter()).map(|own| address(own)).collect();
    loop {
        servers.iter_mut().for_each(Servers::step);
        client.step(flow);
        for machines in &world.machines {
            while let Ok(Some(frame)) = machines.capture.receive(&mut buffer) {
                // the loopback link
                if frame.link == 1 {
                    continue;
                }
                let Some(packet) = capture::frame(buffer.get(..frame.length).unwrap_or_default()) else {
                    continue;
                };
                // an earlier one may send its first segment again
                if matches!(flow.what, What::Tcp(_)) && before.ports.contains(&packet.source_port) {
                    continue;
                }
                let at_sender = flow.from == Some(machines.card);
                if std::env::var_os("JUDGE_PACKETS").is_some() {
                    println!("{} {:02x?} {packet:?}", machines.card, buffer.get(..14));
                }
                // what leaves the host for the host is a copy
                if !own.contains(&packet.destination) {
                    see(&packet, flow, &client, at_sender, &mut arrived, &mut refused);
                }
            }
        }
        if let Some(whole) = servers.iter().find_map(|servers| servers.whole).filter(|_| flow.large) {
            arrived = arrived.or(Some(whole));
        }
        monitor.read();
        let traced = packets(monitor.whole(before.traces), &world.handles);
        let ways = ways(&traced, flow, &client);
        // of a large one all fragments must be
        let taken = ways.iter().find(|way| way.taken && !flow.large);
        if let Some(way) = taken
            && let Some((source, destination, _, port)) = way.last
        {
            arrived = arrived.or(Some((source, destination, if flow.what == What::Ping { 0 } else { port })));
        }
        let dropped = ways.iter().any(|way| way.lines.iter().any(|line| line.verdict == "drop"));
        let told = client.refused.clone().filter(|_| flow.from.is_none());
        let local =
            // not permitted by a rule, and invalid where a route is a black hole
            client.error.filter(|error| flow.from.is_none() && ![1, 22].contains(error)).map(|error| match error {
                111 | 104 => "tcp-reset".to_owned(),
                error => format!("error {error}"),
            });
        let local = told.or(local);
        let answered = client.heard;
        let known = arrived.is_some() || dropped || refused.is_some() || local.is_some();
        // the answer to a segment that was sent again comes long after the first one was dropped
        if known && since.is_none_or(|(before, _)| before != arrived.is_some()) {
            since = Some((arrived.is_some(), Instant::now()));
        }
        // what remembers may let the second try through, a second later
        let again =
            host.remembers && matches!(flow.what, What::Tcp(_)) && arrived.is_none() && refused.is_none();
        let grace = if again { Duration::from_millis(1500) } else { GRACE };
        let over = answered
            || refused.is_some() && arrived.is_none()
            || since.is_some_and(|(_, since)| since.elapsed() > grace)
            || start.elapsed() > if again { PATIENCE } else { PATIENCE / 2 };
        if over {
            // traces come later than packets
            if misses < 10 && ways.is_empty() {
                misses += 1;
                std::thread::sleep(Duration::from_millis(2));
                continue;
            }
            monitor.read_all();
            if std::env::var_os("JUDGE_PACKETS").is_some() {
                println!("{}", monitor.text);
            }
            let traced = packets(monitor.whole(before.traces), &world.handles);
            let ways = self::ways(&traced, flow, &client);
            // what was refused later may have been taken before: the traces of both can come after the refusal
            if let Some((source, destination, _, port)) =
                ways.iter().find(|way| way.taken && !flow.large).and_then(|way| way.last)
            {
                let port = if flow.what == What::Ping { 0 } else { port };
                arrived = arrived.or(Some((source, destination, port)));
            }
            let unfound = dropped_discovery(&packets(monitor.whole(0), &world.handles), monitor);
            // that no neighbour is found is told much later: by a sender to itself, and by the host to others
            let late =
                |how: &String| unfound && !dropped && ["icmp 3/1", "icmpv6 1/3"].contains(&how.as_str());
            let refused = refused.filter(|how| !late(how)).or(local.filter(|_| !unfound));
            let outcome = match (answered, &arrived, refused) {
                // both are in one namespace, which delivers it without the host
                _ if ways.is_empty() && flow.class == "neighbours" => Outcome::NoPath,
                (true, ..) => Outcome::Accept,
                (_, Some(_), _) => Outcome::Arrived,
                (_, None, Some(how)) => Outcome::Reject(how),
                (_, None, None) if ways.is_empty() && flow.from.is_some() && !unfound => Outcome::NoPath,
                (_, None, None) => Outcome::Drop,
            };
            let arrived = arrived.filter(|_| outcome != Outcome::NoPath);
            let at = arrived.map(|(_, at, port)| (at, port));
            let from = arrived.map(|(from, ..)| from);
            return Ok((Finding { outcome, at, from, ways }, client));
        }
        std::thread::sleep(Duration::from_micros(500));
    }
}

/// Whether a search for a neighbour was dropped, so that the packet itself was never sent.
fn dropped_discovery(traced: &[Traced], monitor: &Monitor) -> bool {
    let dropped = |packet: &&Traced| packet.lines.iter().any(|line| line.verdict == "drop");
    let discovery = |packet: &&Traced| packet.first.is_none_or(|(.., from, to)| (from, to) == (0, DISCOVERY));
    traced.iter().filter(discovery).any(|packet| dropped(&packet))
        || monitor.text.contains("arp a i") && monitor.text.contains("(verdict drop)")
}

/// The ways of the flow's packets: what the host sends to itself comes in again.
fn ways(traced: &[Traced], flow: &Flow, client: &Client) -> Vec<Traced> {
    let port = if flow.what == What::Ping { 0 } else { client.from.port() };
    let to = match flow.what {
        What::Tcp(port) | What::Udp(port) => port,
        What::Ping => REQUEST,
    };
    let own = (client.from.ip(), flow.to, port, to);
    let mut found: Vec<Traced> = Vec::new();
    for packet in traced {
        if packet.first == Some(own) || found.iter().any(|earlier| earlier.last == packet.first) {
            found.push(packet.clone());
        }
    }
    found
}

/// Notes what a captured packet shows.
fn see(
    packet: &Packet,
    flow: &Flow,
    client: &Client,
    at_sender: bool,
    arrived: &mut Option<(IpAddr, IpAddr, u16)>,
    refused: &mut Option<String>,
) {
    let own = client.from;
    if let Some(about) = packet.about() {
        let port = flow.what == What::Ping || about.source_port == own.port();
        // a machine that finds nobody tells itself so
        let told = packet.source != own.ip();
        if at_sender && told && about.source == own.ip() && about.destination == flow.to && port {
            let word = if packet.protocol == ICMP { "icmp" } else { "icmpv6" };
            *refused = Some(format!("{word} {}/{}", packet.flags, packet.code));
        }
        return;
    }
    let for_sender =
        packet.destination == own.ip() && (flow.what == What::Ping || packet.destination_port == own.port());
    match (flow.what, packet.protocol) {
        (What::Tcp(_), TCP) => {
            if packet.flags & (SYN | ACK) == SYN {
                arrived.get_or_insert((packet.source, packet.destination, packet.destination_port));
            } else if packet.flags & RST != 0 && for_sender && at_sender {
                *refused = Some("tcp-reset".into());
            }
        }
        (What::Udp(_), UDP) if packet.payload == QUESTION => {
            arrived.get_or_insert((packet.source, packet.destination, packet.destination_port));
        }
        (What::Ping, ICMP | ICMPV6) => {
            let request = if packet.protocol == ICMP { 8 } else { 128 };
            if packet.flags == request && packet.payload == QUESTION {
                arrived.get_or_insert((packet.source, packet.destination, 0));
            }
        }
        _ => {}
    }
}
