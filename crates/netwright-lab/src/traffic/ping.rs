//! ICMP echo.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{
    AddressFamily, Protocol, RecvFlags, SendFlags, SocketFlags, SocketType, ipproto, recvfrom, sendto,
    socket_with,
};

use super::{Answer, refusal};
use crate::Failure;

/// Types of ICMP messages: echo request and reply, destination unreachable.
struct Kinds {
    request: u8,
    reply: u8,
    unreachable: u8,
}

/// RFC 792.
const V4: Kinds = Kinds { request: 8, reply: 0, unreachable: 3 };
/// RFC 4443.
const V6: Kinds = Kinds { request: 128, reply: 129, unreachable: 1 };

const HEADER: usize = 8;
const IPV6_HEADER: usize = 40;

/// Sends an echo request and waits for the reply or an error. Needs to be root in the namespace.
#[track_caller]
pub fn ping(to: IpAddr, patience: Duration) -> Result<Answer, Failure> {
    let (kinds, family, protocol): (_, _, Protocol) = match to {
        IpAddr::V4(_) => (V4, AddressFamily::INET, ipproto::ICMP),
        IpAddr::V6(_) => (V6, AddressFamily::INET6, ipproto::ICMPV6),
    };
    let socket = socket_with(family, SocketType::RAW, SocketFlags::CLOEXEC, Some(protocol))?;
    let request = request(&kinds);
    if let Err(errno) = sendto(&socket, &request, SendFlags::empty(), &SocketAddr::new(to, 0)) {
        return refusal(&errno.into()).ok_or_else(|| errno.into());
    }
    let end = Instant::now() + patience;
    let mut received = [0; 1500];
    while let Some(left) = end.checked_duration_since(Instant::now()) {
        let left = Timespec::try_from(left)?;
        if poll(&mut [PollFd::new(&socket, PollFlags::IN)], Some(&left))? == 0 {
            break;
        }
        let (_, length, from) = recvfrom(&socket, &mut received[..], RecvFlags::DONTWAIT)?;
        let packet = received.get(..length).unwrap_or_default();
        let message = if to.is_ipv4() { behind_ipv4(packet) } else { Some(packet) };
        let from = from.and_then(|from| SocketAddr::try_from(from).ok()).unwrap_or(SocketAddr::new(to, 0));
        if let Some(answer) = message.and_then(|message| answer(message, &request, &kinds, from)) {
            return Ok(answer);
        }
    }
    Ok(Answer::Silence)
}

/// An echo request with an identity of its own. The kernel fills in the checksum of IPv6, not that of IPv4.
fn request(kinds: &Kinds) -> [u8; HEADER] {
    static NEXT: AtomicU16 = AtomicU16::new(1);
    let [i0, i1] = (std::process::id() as u16).to_be_bytes();
    let [s0, s1] = NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes();
    let words =
        [u16::from_be_bytes([kinds.request, 0]), u16::from_be_bytes([i0, i1]), u16::from_be_bytes([s0, s1])];
    let sum: u32 = words.into_iter().map(u32::from).sum();
    let [c0, c1] = (!((sum & 0xffff) + (sum >> 16)) as u16).to_be_bytes();
    [kinds.request, 0, c0, c1, i0, i1, s0, s1]
}

/// What a message says about a request, if it is about this one: errors quote it with the IP header it had.
fn answer(message: &[u8], request: &[u8], kinds: &Kinds, from: SocketAddr) -> Option<Answer> {
    let kind = *message.first()?;
    let identity = request.get(4..)?;
    if kind == kinds.reply {
        return (message.get(4..HEADER)? == identity).then_some(Answer::Arrived(from));
    }
    let packet = message.get(HEADER..).filter(|_| kind == kinds.unreachable)?;
    let quoted =
        if kinds.request == V4.request { behind_ipv4(packet)? } else { packet.get(IPV6_HEADER..)? };
    (quoted.get(4..HEADER)? == identity).then_some(Answer::Refused)
}

fn behind_ipv4(packet: &[u8]) -> Option<&[u8]> {
    packet.get(usize::from(packet.first()? & 0xf) * 4..)
}
