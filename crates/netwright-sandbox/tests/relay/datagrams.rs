//! Datagrams.

use std::collections::HashSet;
use std::io::ErrorKind;
use std::net::SocketAddr;

use netwright_lab::{Lab, Outcome, ensure, ensure_eq};
use netwright_sandbox::Protocol;

use crate::world::{Told, World, servers};

const BURST: u32 = 1000;

pub(crate) fn a_burst_is_answered_from_the_right_address(lab: &mut Lab) -> Outcome {
    let world = World::new(lab, &["any"])?;
    for address in servers() {
        let (server, at) = world.receive(address)?;
        let client = world.datagram_socket(at.is_ipv6())?;
        // As many at once as sockets take by themselves; the rest follow the answers.
        const AT_ONCE: u32 = 50;
        let mut answered = HashSet::new();
        let mut buffer = [0; 2000];
        for first in (0..BURST).step_by(AT_ONCE as usize) {
            for number in first..first + AT_ONCE {
                let mut datagram = [0; 1200];
                datagram[..4].copy_from_slice(&number.to_be_bytes());
                client.send_to(&datagram, at)?;
            }
            let mut from = HashSet::new();
            for _ in 0..AT_ONCE {
                let (length, source) = server.recv_from(&mut buffer)?;
                from.insert(source);
                server.send_to(&buffer[..length], source)?;
            }
            ensure_eq!(from.len(), 1);
            for _ in 0..AT_ONCE {
                let (length, source) = client.recv_from(&mut buffer)?;
                ensure_eq!((length, source), (1200, at));
                answered.insert(buffer.first_chunk::<4>().copied());
            }
        }
        ensure_eq!(answered.len(), BURST as usize);
    }
    Ok(())
}

pub(crate) fn datagrams_of_all_lengths_pass(lab: &mut Lab) -> Outcome {
    let world = World::new(lab, &["any"])?;
    for address in servers() {
        let (server, at) = world.receive(address)?;
        let client = world.datagram_socket(at.is_ipv6())?;
        let mut buffer = vec![0; 1 << 16];
        for length in [0, 1, 1400, 9000, 65_507] {
            client.send_to(&vec![7; length], at)?;
            let (received, source) = server.recv_from(&mut buffer)?;
            ensure_eq!(received, length);
            server.send_to(&vec![9; length], source)?;
            let (received, source) = client.recv_from(&mut buffer)?;
            ensure_eq!((received, source), (length, at));
            ensure!(buffer.iter().take(length).all(|byte| *byte == 9));
        }
    }
    Ok(())
}

pub(crate) fn one_socket_has_many_destinations(lab: &mut Lab) -> Outcome {
    let world = World::new(lab, &["any"])?;
    for address in servers() {
        let servers: Vec<_> = (0..50).map(|_| world.receive(address)).collect::<Result<_, _>>()?;
        let client = world.datagram_socket(address.is_ipv6())?;
        let other = world.datagram_socket(address.is_ipv6())?;
        let mut buffer = [0; 16];
        for (_, at) in &servers {
            client.send_to(b"client", at)?;
            other.send_to(b"other", at)?;
        }
        for (server, _) in &servers {
            for _ in 0..2 {
                let (length, source) = server.recv_from(&mut buffer)?;
                server.send_to(&buffer[..length], source)?;
            }
        }
        for (socket, word) in [(&client, &b"client"[..]), (&other, b"other")] {
            let mut heard: HashSet<SocketAddr> = HashSet::new();
            for _ in 0..servers.len() {
                let (length, source) = socket.recv_from(&mut buffer)?;
                ensure_eq!(&buffer[..length], word);
                heard.insert(source);
            }
            ensure_eq!(heard, servers.iter().map(|(_, at)| *at).collect());
        }
    }
    Ok(())
}

pub(crate) fn nobody_listens(lab: &mut Lab) -> Outcome {
    let world = World::new(lab, &["any"])?;
    for address in servers() {
        let closed = SocketAddr::new(address, 1);
        let client = world.datagram_socket(closed.is_ipv6())?;
        client.connect(closed)?;
        client.send(b"anybody?")?;
        let error = client.recv(&mut [0; 8]).err().map(|error| error.kind());
        ensure_eq!(error, Some(ErrorKind::ConnectionRefused));
        world.hear(|told| {
            matches!(told, Told::Failed { protocol: Protocol::Udp, destination, .. } if *destination == closed)
        })?;
        // The flow is as good as before.
        client.send(b"anybody?")?;
        let error = client.recv(&mut [0; 8]).err().map(|error| error.kind());
        ensure_eq!(error, Some(ErrorKind::ConnectionRefused));
    }
    Ok(())
}
