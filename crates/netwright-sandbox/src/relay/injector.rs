//! Packets that the supervisor sends inside.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use netwright_confine::{Enclosure, SocketRequest};
use netwright_sys::Result;
use rustix::net::{SendFlags, sendto};

use super::packet::Packet;
use crate::constants::SUPERVISOR_MARK;
use crate::own::OwnAddresses;

/// Sends packets inside that come with their IP header.
#[derive(Clone, Debug)]
pub(crate) struct Injector(Arc<Sockets>);

#[derive(Debug)]
struct Sockets {
    ipv4: OwnedFd,
    ipv6: Option<OwnedFd>,
    /// Where what is sent must be for this host, its addresses: what answers a packet goes to where that said that it came from.
    only: Option<OwnAddresses>,
}

impl Injector {
    /// What it sends passes the filter.
    pub(crate) fn new(enclosure: &Enclosure, ipv6: bool) -> Result<Self> {
        Self::marked(enclosure, ipv6, Some(SUPERVISOR_MARK))
    }

    /// What it sends meets the filter as if the command sent it.
    pub(crate) fn judged(enclosure: &Enclosure, ipv6: bool) -> Result<Self> {
        Self::marked(enclosure, ipv6, None)
    }

    fn marked(enclosure: &Enclosure, ipv6: bool, mark: Option<u32>) -> Result<Self> {
        let raw = |ipv6| enclosure.socket(&request(ipv6, mark));
        let ipv6 = ipv6.then(|| raw(true)).transpose()?;
        // The filter lets what it sends go to the loopback alone.
        Ok(Injector(Arc::new(Sockets { ipv4: raw(false)?, ipv6, only: None })))
    }

    /// In the network namespace of the calling thread, past the filter there, to addresses of this host. Without IPv6 in the kernel, there is none.
    pub(crate) fn here() -> Result<Self> {
        let raw = |ipv6| request(ipv6, Some(SUPERVISOR_MARK)).open();
        let only = Some(OwnAddresses::here()?);
        Ok(Injector(Arc::new(Sockets { ipv4: raw(false)?, ipv6: raw(true).ok(), only })))
    }

    /// Sends a packet. That it is lost where a queue is full is as on any network.
    pub(crate) fn send(&self, bytes: &[u8]) {
        let Some(packet) = Packet::read(bytes) else { return };
        let to = SocketAddr::new(packet.destination().ip(), 0);
        if self.0.only.as_ref().is_some_and(|own| !own.has(to.ip())) {
            return;
        }
        let socket = match to {
            SocketAddr::V4(_) => Some(&self.0.ipv4),
            SocketAddr::V6(_) => self.0.ipv6.as_ref(),
        };
        if let Some(socket) = socket {
            let _ = sendto(socket, bytes, SendFlags::NOSIGNAL, &to);
        }
    }
}

fn request(ipv6: bool, mark: Option<u32>) -> SocketRequest {
    SocketRequest { mark, nonblocking: true, ..SocketRequest::raw(ipv6) }
}
