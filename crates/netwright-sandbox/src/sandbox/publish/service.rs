//! Carries what comes to published ports to the command's own ports, which are on the loopback inside.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use netwright_confine::{Enclosure, SocketRequest};
use netwright_sys::{Error, Result};
use netwright_wire::Errno;
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::net::sockopt;

use super::Publish;
use crate::Protocol;
use crate::constants::SUPERVISOR_MARK;
use crate::relay::{AFTER_FAILURE, Carrier};

/// Senders of datagrams to one port that are told apart; one more takes the place of the one that was silent longest.
const FLOWS: usize = 512;
/// So long the answers of one who is silent are waited for.
const IDLE: Duration = Duration::from_secs(120);
/// The longest datagram.
const DATAGRAM: usize = 1 << 16;
/// Datagrams, or connections, that are taken in one go.
const TURN: usize = 64;

/// Published ports. Dropped, they are closed; connections that were made go on.
#[derive(Debug)]
pub(crate) struct Publisher {
    stop: OwnedFd,
    thread: Option<JoinHandle<()>>,
}

impl Publisher {
    /// Opens the ports, in the calling thread's network namespace.
    pub(crate) fn start(ports: &[Publish], enclosure: &Arc<Enclosure>, carrier: Carrier) -> Result<Self> {
        let failed = |error: io::Error| Error::new("publish ports", error);
        let ports = ports.iter().map(Port::open).collect::<Result<Vec<_>>>()?.into_iter().flatten().collect();
        let stop = eventfd(0, EventfdFlags::CLOEXEC).map_err(|errno| failed(errno.into()))?;
        let service = Service {
            ports,
            stop: stop.try_clone().map_err(failed)?,
            enclosure: Arc::clone(enclosure),
            carrier,
        };
        let thread = std::thread::Builder::new().name("publish".to_owned()).spawn(move || service.run());
        Ok(Publisher { stop, thread: Some(thread.map_err(failed)?) })
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        let _ = rustix::io::write(&self.stop, &1_u64.to_ne_bytes());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A port that is open outside.
#[derive(Debug)]
struct Port {
    inside: u16,
    socket: Outside,
    flows: Vec<Flow>,
}

#[derive(Debug)]
enum Outside {
    Tcp(TcpListener),
    Udp(UdpSocket),
}

/// Datagrams of one sender.
#[derive(Debug)]
struct Flow {
    peer: SocketAddr,
    inside: UdpSocket,
    last: Instant,
}

impl Port {
    /// Opens a port: on the loopback of both families, where no address is given and the host has both.
    fn open(publish: &Publish) -> Result<Vec<Self>> {
        let Some(address) = publish.address else {
            let ipv4 = Port::open_at(publish, Ipv4Addr::LOCALHOST.into())?;
            return match Port::open_at(publish, Ipv6Addr::LOCALHOST.into()) {
                Ok(ipv6) => Ok(vec![ipv4, ipv6]),
                Err(error) if matches!(error.errno(), Some(Errno::EADDRNOTAVAIL | Errno::EAFNOSUPPORT)) => {
                    Ok(vec![ipv4])
                }
                Err(error) => Err(error),
            };
        };
        Port::open_at(publish, address).map(|port| vec![port])
    }

    fn open_at(publish: &Publish, address: IpAddr) -> Result<Self> {
        let outside = SocketAddr::new(address, publish.outside);
        let asked = || format!("publish port {outside}");
        let socket = match publish.protocol {
            Protocol::Udp => UdpSocket::bind(outside)
                .and_then(|socket| socket.set_nonblocking(true).map(|()| Outside::Udp(socket))),
            _ => TcpListener::bind(outside)
                .and_then(|socket| socket.set_nonblocking(true).map(|()| Outside::Tcp(socket))),
        };
        let socket = socket.map_err(|error| {
            let help = advice(&error);
            let error = Error::new(asked(), error);
            match help {
                Some(help) => error.with_help(help),
                None => error,
            }
        })?;
        Ok(Port { inside: publish.inside, socket, flows: Vec::new() })
    }
}

/// What to do about a port that cannot be opened.
fn advice(error: &io::Error) -> Option<&'static str> {
    match error.kind() {
        io::ErrorKind::PermissionDenied => Some(
            "The low ports are root's (below 1024, see net.ipv4.ip_unprivileged_port_start): take a higher one outside.",
        ),
        io::ErrorKind::AddrInUse => {
            Some("Something listens there already (`ss -ltunp` tells what): take another port outside.")
        }
        io::ErrorKind::AddrNotAvailable => {
            Some("This host has no such address: 0.0.0.0 and [::] mean all that it has.")
        }
        _ => None,
    }
}

/// The ports on which something came, and of which flows answers came: those by their port's place and their own.
type Ready = (Vec<usize>, Vec<(usize, usize)>);

struct Service {
    ports: Vec<Port>,
    stop: OwnedFd,
    enclosure: Arc<Enclosure>,
    carrier: Carrier,
}

impl Service {
    fn run(mut self) {
        let mut buffer = vec![0; DATAGRAM];
        while let Some((ports, flows)) = self.wait() {
            let now = Instant::now();
            for index in ports {
                match self.ports.get_mut(index) {
                    Some(Port { socket: Outside::Tcp(listener), inside, .. }) => {
                        accept(listener, *inside, &self.enclosure, &self.carrier);
                    }
                    Some(port) => port.take_in(&self.enclosure, &mut buffer, now),
                    None => {}
                }
            }
            for (index, flow) in flows {
                if let Some(port) = self.ports.get_mut(index) {
                    port.give_back(flow, &mut buffer, now);
                }
            }
            for port in &mut self.ports {
                port.flows.retain(|flow| now.duration_since(flow.last) < IDLE);
            }
        }
    }

    /// Waits for something to come; nothing when it is to stop.
    fn wait(&self) -> Option<Ready> {
        let mut sources = vec![PollFd::new(&self.stop, PollFlags::IN)];
        let mut flows = Vec::new();
        for port in &self.ports {
            let socket = match &port.socket {
                Outside::Tcp(socket) => socket.as_fd(),
                Outside::Udp(socket) => socket.as_fd(),
            };
            sources.push(PollFd::from_borrowed_fd(socket, PollFlags::IN));
        }
        for (index, port) in self.ports.iter().enumerate() {
            for (number, flow) in port.flows.iter().enumerate() {
                sources.push(PollFd::new(&flow.inside, PollFlags::IN));
                flows.push((index, number));
            }
        }
        let patience = Timespec { tv_sec: 60, tv_nsec: 0 };
        let timeout = (!flows.is_empty()).then_some(&patience);
        match poll(&mut sources, timeout) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(_) => return None,
        }
        let mut ready = sources.iter().map(|source| !source.revents().is_empty());
        if ready.next() == Some(true) {
            return None;
        }
        let ports = (0..self.ports.len())
            .zip(ready.by_ref())
            .filter(|(_, ready)| *ready)
            .map(|(index, _)| index)
            .collect();
        let flows = flows.into_iter().zip(ready).filter(|(_, ready)| *ready).map(|(flow, _)| flow).collect();
        Some((ports, flows))
    }
}

/// Accepts connections, each with another half inside. Where nobody listens inside, they are reset.
fn accept(listener: &TcpListener, port: u16, enclosure: &Enclosure, carrier: &Carrier) {
    for _ in 0..TURN {
        let outside = match listener.accept() {
            Ok((outside, _)) => outside,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
            // Most likely all descriptors are taken: it is no use to ask again at once.
            Err(_) => return std::thread::sleep(AFTER_FAILURE),
        };
        let ready = outside.set_nonblocking(true).and_then(|()| outside.set_nodelay(true));
        match ready.ok().and_then(|()| connect(enclosure, port, SocketRequest::tcp)) {
            Some(inside) => carrier.carry(inside, outside.into()),
            None => {
                let _ = sockopt::set_socket_linger(&outside, Some(Duration::ZERO));
            }
        }
    }
}

/// A connection to a port of the loopback inside, of whichever family.
fn connect(enclosure: &Enclosure, port: u16, socket: fn(bool) -> SocketRequest) -> Option<OwnedFd> {
    let loopback: [IpAddr; 2] = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
    loopback.into_iter().find_map(|address| {
        let request = SocketRequest {
            nonblocking: true,
            mark: Some(SUPERVISOR_MARK),
            connect: Some(SocketAddr::new(address, port)),
            ..socket(address.is_ipv6())
        };
        enclosure.socket(&request).ok()
    })
}

impl Port {
    /// Takes datagrams in from outside.
    fn take_in(&mut self, enclosure: &Enclosure, buffer: &mut [u8], now: Instant) {
        let Outside::Udp(outside) = &self.socket else { return };
        for _ in 0..TURN {
            let Ok((length, peer)) = outside.recv_from(buffer) else { return };
            let known = self.flows.iter().position(|flow| flow.peer == peer);
            let index = known.unwrap_or_else(|| {
                if self.flows.len() >= FLOWS {
                    let silent = (0..self.flows.len())
                        .min_by_key(|&index| self.flows.get(index).map(|flow| flow.last));
                    self.flows.swap_remove(silent.unwrap_or_default());
                }
                if let Some(inside) = connect(enclosure, self.inside, SocketRequest::udp) {
                    self.flows.push(Flow { peer, inside: inside.into(), last: now });
                }
                self.flows.len().saturating_sub(1)
            });
            if let (Some(flow), Some(bytes)) =
                (self.flows.get_mut(index).filter(|flow| flow.peer == peer), buffer.get(..length))
            {
                flow.last = now;
                let _ = flow.inside.send(bytes); // datagrams may be lost
            }
        }
    }

    /// Gives answers back.
    fn give_back(&mut self, flow: usize, buffer: &mut [u8], now: Instant) {
        let Outside::Udp(outside) = &self.socket else { return };
        let Some(flow) = self.flows.get_mut(flow) else { return };
        for _ in 0..TURN {
            let Ok(length) = flow.inside.recv(buffer) else { return };
            flow.last = now;
            if let Some(bytes) = buffer.get(..length) {
                let _ = outside.send_to(bytes, flow.peer);
            }
        }
    }
}
