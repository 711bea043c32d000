//! An ICMP message. Its arrival is seen by raw sockets at the receivers; echo requests are answered by the kernel.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicU16, Ordering};

use netwright_state::model::IcmpProbe;
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, SocketType, connect, recvfrom, send};

use super::{
    Order, Probe, Receiver, Seen, TOKEN, departure, icmp_error, icmp_protocol, local, meaning, token,
};
use crate::packet::{ICMP_HEADER, Tuple, behind_ipv4, icmp, icmp_message, ipv4_destination, protocol};

pub(super) struct Icmp {
    client: OwnedFd,
    from: IpAddr,
    to: IpAddr,
    kind: u8,
    identifier: u16,
    token: [u8; TOKEN],
    /// The type of the answer, where there is one.
    answer: Option<u8>,
    answered: bool,
    arrived: Option<(SocketAddr, SocketAddr)>,
}

impl Icmp {
    pub(super) fn start(order: &Order<'_>, probe: IcmpProbe) -> io::Result<Result<Box<dyn Probe>, Seen>> {
        static NEXT: AtomicU16 = AtomicU16::new(1);
        let (kind, answer) = match (probe, order.to) {
            (IcmpProbe::Echo | IcmpProbe::Type(icmp::ECHO), IpAddr::V4(_)) => {
                (icmp::ECHO, Some(icmp::ECHO_REPLY))
            }
            (IcmpProbe::Echo | IcmpProbe::Type(icmp::ECHO_V6), IpAddr::V6(_)) => {
                (icmp::ECHO_V6, Some(icmp::ECHO_REPLY_V6))
            }
            (IcmpProbe::Type(kind), _) => (kind, None),
        };
        let client = order.socket(SocketType::RAW, Some(icmp_protocol(order.to)))?;
        let (token, identifier) = (token(), NEXT.fetch_add(1, Ordering::Relaxed));
        let message = icmp_message(kind, identifier, 1, &token);
        let sent = connect(&client, &order.destination(0))
            .and_then(|()| send(&client, &message, SendFlags::empty()));
        if let Err(errno) = sent {
            match departure(errno)? {
                Seen::Waiting => {}
                seen => return Ok(Err(seen)),
            }
        }
        let from = local(&client)?.ip();
        let (answered, arrived) = (false, None);
        Ok(Ok(Box::new(Icmp {
            client,
            from,
            to: order.to,
            kind,
            identifier,
            token,
            answer,
            answered,
            arrived,
        })))
    }

    /// Reads a message of this try from a raw socket: its type, where it came from and where it went.
    fn read(&self, socket: &OwnedFd, at: SocketAddr) -> Result<Option<(u8, SocketAddr, SocketAddr)>, Errno> {
        let mut buffer = [0; 1500];
        let (_, length, from) = recvfrom(socket, &mut buffer[..], RecvFlags::DONTWAIT)?;
        let packet = buffer.get(..length).unwrap_or_default();
        let (message, at) = match self.to {
            IpAddr::V6(_) => (Some(packet), at),
            IpAddr::V4(_) => {
                let to = ipv4_destination(packet).map(|to| SocketAddr::new(to.into(), 0));
                (behind_ipv4(packet), to.unwrap_or(at))
            }
        };
        let ours = message.filter(|message| message.get(ICMP_HEADER..) == Some(&self.token[..]));
        let from = from.and_then(|from| SocketAddr::try_from(from).ok());
        Ok(ours.and_then(|message| message.first()).zip(from).map(|(&kind, mut from)| {
            // raw sockets have the protocol's number in place of a port
            from.set_port(0);
            (kind, from, at)
        }))
    }

    fn each(
        &self,
        socket: &OwnedFd,
        at: SocketAddr,
        wanted: u8,
    ) -> io::Result<Result<Option<(SocketAddr, SocketAddr)>, Errno>> {
        let mut found = None;
        loop {
            match self.read(socket, at) {
                Ok(Some((kind, from, at))) if kind == wanted => found = Some((from, at)),
                Ok(_) | Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Ok(Ok(found)),
                Err(errno) => return Ok(Err(errno)),
            }
        }
    }
}

impl Probe for Icmp {
    fn step(&mut self, receivers: &[Receiver]) -> io::Result<Seen> {
        if let Some(seen) = icmp_error(&self.client, self.to.is_ipv6())? {
            return Ok(seen);
        }
        for receiver in receivers {
            if let Some(arrived) = self.each(&receiver.socket, receiver.at, self.kind)?? {
                self.arrived = Some(arrived);
            }
        }
        let own = SocketAddr::new(self.from, 0);
        match self.each(&self.client, own, self.answer.unwrap_or(u8::MAX))? {
            Ok(answer) => self.answered |= answer.is_some(),
            Err(errno) => return meaning(errno, "an ICMP error"),
        }
        Ok(match self.arrived {
            Some((from, at)) if self.answered || self.answer.is_none() => Seen::Arrived { from, at },
            _ => Seen::Waiting,
        })
    }

    fn descriptors(&self) -> Vec<(BorrowedFd<'_>, bool)> {
        vec![(self.client.as_fd(), false)]
    }

    fn tuple(&self) -> Tuple {
        Tuple {
            protocol: if self.to.is_ipv4() { protocol::ICMP } else { protocol::ICMPV6 },
            source: self.from,
            source_port: self.identifier,
            destination: self.to,
            destination_port: self.kind.into(),
        }
    }
}
