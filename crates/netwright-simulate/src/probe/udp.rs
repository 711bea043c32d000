//! A UDP datagram, which the receiver sends back.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, SocketType, connect, recv, recvfrom, send, sendto};

use super::{Order, Probe, Receiver, Seen, TOKEN, departure, icmp_error, local, meaning, token};
use crate::packet::{Tuple, protocol};

pub(super) struct Udp {
    client: OwnedFd,
    from: SocketAddr,
    to: SocketAddr,
    token: [u8; TOKEN],
    arrived: Option<(SocketAddr, SocketAddr)>,
}

impl Udp {
    pub(super) fn start(order: &Order<'_>, port: u16) -> io::Result<Result<Box<dyn Probe>, Seen>> {
        let client = order.socket(SocketType::DGRAM, None)?;
        let to = order.destination(port);
        let token = token();
        let sent = connect(&client, &to).and_then(|()| send(&client, &token, SendFlags::NOSIGNAL));
        if let Err(errno) = sent {
            match departure(errno)? {
                Seen::Waiting => {}
                seen => return Ok(Err(seen)),
            }
        }
        let from = local(&client)?;
        Ok(Ok(Box::new(Udp { client, from, to, token, arrived: None })))
    }

    /// Sends what came back, where it is this try's.
    fn echo(&mut self, receiver: &Receiver) -> io::Result<()> {
        let mut buffer = [0; TOKEN];
        loop {
            match recvfrom(&receiver.socket, &mut buffer[..], RecvFlags::DONTWAIT) {
                Ok((length, _, Some(from))) if buffer.get(..length) == Some(&self.token) => {
                    if let Ok(seen) = SocketAddr::try_from(from.clone()) {
                        self.arrived = Some((seen, receiver.at));
                    }
                    // a failure shows in that the client hears nothing
                    let _ = sendto(&receiver.socket, &self.token, SendFlags::empty(), &from);
                }
                Ok(_) | Err(Errno::INTR | Errno::CONNREFUSED) => {}
                Err(Errno::AGAIN) => return Ok(()),
                Err(errno) => return Err(errno.into()),
            }
        }
    }
}

impl Probe for Udp {
    fn step(&mut self, receivers: &[Receiver]) -> io::Result<Seen> {
        if let Some(seen) = icmp_error(&self.client, self.to.is_ipv6())? {
            return Ok(seen);
        }
        for receiver in receivers {
            self.echo(receiver)?;
        }
        let mut buffer = [0; TOKEN];
        match recv(&self.client, &mut buffer[..], RecvFlags::DONTWAIT) {
            Ok((length, _)) if buffer.get(..length) == Some(&self.token) => {}
            Ok(_) => return Ok(Seen::Waiting),
            Err(errno) => return meaning(errno, "ICMP port unreachable"),
        }
        Ok(self.arrived.map_or(Seen::Waiting, |(from, at)| Seen::Arrived { from, at }))
    }

    fn descriptors(&self) -> Vec<(BorrowedFd<'_>, bool)> {
        vec![(self.client.as_fd(), false)]
    }

    fn tuple(&self) -> Tuple {
        Tuple {
            protocol: protocol::UDP,
            source: self.from.ip(),
            source_port: self.from.port(),
            destination: self.to.ip(),
            destination_port: self.to.port(),
        }
    }
}
