//! A TCP connection, on which data go both ways.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::{
    RecvFlags, SendFlags, SocketFlags, SocketType, acceptfrom_with, connect, recv, send, sockopt,
};

use super::{Order, Probe, Receiver, Seen, TOKEN, departure, icmp_error, local, meaning, soon, token};
use crate::packet::{Tuple, protocol};

/// The client, and the connections that the receivers took. All stay open as long as this value.
pub(super) struct Tcp {
    client: OwnedFd,
    from: SocketAddr,
    to: SocketAddr,
    token: [u8; TOKEN],
    sent: bool,
    accepted: Vec<Accepted>,
    arrived: Option<(SocketAddr, SocketAddr)>,
    reply: Vec<u8>,
}

struct Accepted {
    socket: OwnedFd,
    from: SocketAddr,
    at: SocketAddr,
    received: Vec<u8>,
    done: bool,
}

const RESET: &str = "TCP reset";

impl Tcp {
    pub(super) fn start(order: &Order<'_>, port: u16) -> io::Result<Result<Box<dyn Probe>, Seen>> {
        let client = order.socket(SocketType::STREAM, None)?;
        sockopt::set_tcp_nodelay(&client, true)?;
        if order.source_port != 0 {
            // the next try has the same ports, so that nothing may be left of this connection
            sockopt::set_socket_linger(&client, Some(std::time::Duration::ZERO))?;
        }
        let to = order.destination(port);
        match soon(Errno::ADDRNOTAVAIL, || connect(&client, &to)) {
            Ok(()) | Err(Errno::INPROGRESS) => {}
            Err(errno) => match departure(errno)? {
                Seen::Waiting => {}
                seen => return Ok(Err(seen)),
            },
        }
        let from = local(&client)?;
        let (accepted, reply) = (Vec::new(), Vec::new());
        Ok(Ok(Box::new(Tcp {
            client,
            from,
            to,
            token: token(),
            sent: false,
            accepted,
            arrived: None,
            reply,
        })))
    }

    fn accept(&mut self, receiver: &Receiver) -> io::Result<()> {
        loop {
            match acceptfrom_with(&receiver.socket, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC) {
                Ok((socket, from)) => {
                    let from = from.and_then(|from| SocketAddr::try_from(from).ok()).unwrap_or(self.from);
                    let (received, done) = (Vec::new(), false);
                    self.accepted.push(Accepted { socket, from, at: receiver.at, received, done });
                }
                Err(Errno::AGAIN) => return Ok(()),
                Err(Errno::CONNABORTED | Errno::INTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
    }
}

impl Accepted {
    /// Reads what came and sends it back once it is the token. Connections of others end or stay silent.
    fn step(&mut self, token: &[u8; TOKEN]) -> bool {
        let mut buffer = [0; TOKEN];
        match recv(&self.socket, &mut buffer[..], RecvFlags::DONTWAIT) {
            Ok((0, _)) => self.done = true,
            Ok((length, _)) => self.received.extend(buffer.iter().take(length)),
            Err(Errno::AGAIN | Errno::INTR) => {}
            Err(_) => self.done = true,
        }
        let complete = self.received == token;
        if complete {
            self.done = true;
            // a failure shows in that the client hears nothing
            let _ = send(&self.socket, token, SendFlags::NOSIGNAL);
        }
        complete
    }
}

impl Probe for Tcp {
    fn step(&mut self, receivers: &[Receiver]) -> io::Result<Seen> {
        if let Some(seen) = icmp_error(&self.client, self.to.is_ipv6())? {
            return Ok(seen);
        }
        if !self.sent {
            match send(&self.client, &self.token, SendFlags::NOSIGNAL) {
                Ok(_) => self.sent = true,
                Err(errno) => match meaning(errno, RESET)? {
                    Seen::Waiting => {}
                    seen => return Ok(seen),
                },
            }
        }
        for receiver in receivers {
            self.accept(receiver)?;
        }
        for accepted in self.accepted.iter_mut().filter(|accepted| !accepted.done) {
            if accepted.step(&self.token) {
                self.arrived = Some((accepted.from, accepted.at));
            }
        }
        if !self.sent {
            return Ok(Seen::Waiting);
        }
        let mut buffer = [0; TOKEN];
        match recv(&self.client, &mut buffer[..], RecvFlags::DONTWAIT) {
            Ok((0, _)) => return Ok(Seen::Refused("the connection was closed".into())),
            Ok((length, _)) => self.reply.extend(buffer.iter().take(length)),
            Err(errno) => return meaning(errno, RESET),
        }
        Ok(match self.arrived {
            Some((from, at)) if self.reply == self.token => Seen::Arrived { from, at },
            _ => Seen::Waiting,
        })
    }

    fn descriptors(&self) -> Vec<(BorrowedFd<'_>, bool)> {
        let open = self.accepted.iter().filter(|accepted| !accepted.done);
        let others = open.map(|accepted| (accepted.socket.as_fd(), false));
        [(self.client.as_fd(), !self.sent)].into_iter().chain(others).collect()
    }

    fn tuple(&self) -> Tuple {
        Tuple {
            protocol: protocol::TCP,
            source: self.from.ip(),
            source_port: self.from.port(),
            destination: self.to.ip(),
            destination_port: self.to.port(),
        }
    }
}
