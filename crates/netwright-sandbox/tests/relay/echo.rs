//! Echo requests.

use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;
use std::time::Instant;

use netwright_confine::SocketRequest;
use netwright_lab::{Failure, Lab, Outcome, ensure, ensure_eq};
use netwright_sandbox::Protocol;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, ipproto, recv, sendto, socket_with,
};

use crate::world::{PATIENCE, Told, World, servers};

const PAYLOAD: &[u8] = b"a secret of the sandbox, 32 bytes";

/// An echo request; the kernel fills in the checksum of ICMPv6.
fn request(ipv6: bool) -> Vec<u8> {
    let mut request = vec![if ipv6 { 128 } else { 8 }, 0, 0, 0, 0x12, 0x34, 0, 7];
    request.extend(PAYLOAD);
    if !ipv6 {
        let mut sum: u32 = 0;
        for pair in request.chunks(2) {
            sum += u32::from(pair[0]) << 8 | pair.get(1).copied().map_or(0, u32::from);
        }
        let sum = !((sum & 0xffff) + (sum >> 16)) as u16;
        request[2..4].copy_from_slice(&sum.to_be_bytes());
    }
    request
}

/// The next ICMP message of a type, without its IP header.
fn next(socket: &OwnedFd, ipv6: bool, kind: u8) -> Result<Vec<u8>, Failure> {
    let end = Instant::now() + PATIENCE;
    let mut buffer = [0; 2048];
    loop {
        let left = Timespec::try_from(end.saturating_duration_since(Instant::now()))?;
        if poll(&mut [PollFd::new(socket, PollFlags::IN)], Some(&left))? == 0 {
            return Err(Failure::wrong(format_args!("no ICMP message of the type {kind} came")));
        }
        let (_, length) = recv(socket, &mut buffer[..], RecvFlags::DONTWAIT)?;
        let start = if ipv6 { 0 } else { usize::from(buffer[0] & 0xf) * 4 };
        let message = buffer.get(start..length).unwrap_or_default();
        if message.first() == Some(&kind) {
            return Ok(message.to_vec());
        }
    }
}

fn inside(world: &World, ipv6: bool) -> Result<OwnedFd, Failure> {
    let (family, protocol) = if ipv6 { (AddressFamily::INET6, 58) } else { (AddressFamily::INET, 1) };
    let kind = i32::try_from(SocketType::RAW.as_raw())?;
    Ok(world.enclosure.socket(&SocketRequest::new(family.as_raw().into(), kind, protocol))?)
}

fn outside(world: &World, ipv6: bool) -> Result<OwnedFd, Failure> {
    let (family, protocol) =
        if ipv6 { (AddressFamily::INET6, ipproto::ICMPV6) } else { (AddressFamily::INET, ipproto::ICMP) };
    Ok(world
        .neighbour
        .run(|| socket_with(family, SocketType::RAW, SocketFlags::CLOEXEC, Some(protocol)))??)
}

pub(crate) fn replies_have_the_original_payload(lab: &mut Lab) -> Outcome {
    let world = World::new(lab, &["icmp"])?;
    for address in servers() {
        let ipv6 = address.is_ipv6();
        let (client, witness) = (inside(&world, ipv6)?, outside(&world, ipv6)?);
        for _ in 0..3 {
            sendto(&client, &request(ipv6), SendFlags::empty(), &SocketAddr::new(address, 0))?;
            let reply = next(&client, ipv6, if ipv6 { 129 } else { 0 })?;
            ensure_eq!(reply[4..], request(ipv6)[4..]);
            let left = next(&witness, ipv6, if ipv6 { 128 } else { 8 })?;
            ensure_eq!(left.len(), reply.len());
            ensure!(left.windows(8).all(|part| PAYLOAD.windows(8).all(|secret| secret != part)));
        }
    }
    Ok(())
}

pub(crate) fn what_cannot_be_reached_is_told(lab: &mut Lab) -> Outcome {
    let world = World::new(lab, &["icmp"])?;
    for (address, kind) in [("198.18.0.1", 3), ("2001:db8:9::1", 1)] {
        let address: IpAddr = address.parse()?;
        let client = inside(&world, address.is_ipv6())?;
        sendto(&client, &request(address.is_ipv6()), SendFlags::empty(), &SocketAddr::new(address, 0))?;
        let error = next(&client, address.is_ipv6(), kind)?;
        ensure!(error.windows(PAYLOAD.len()).any(|part| part == PAYLOAD), "it quotes the request");
        world.hear(|told| {
            matches!(told, Told::Failed { protocol: Protocol::Icmp, destination, .. } if destination.ip() == address)
        })?;
    }
    Ok(())
}
