//! What TCP connections carry.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use netwright_lab::{Failure, Lab, Outcome, ensure, ensure_eq, wait_until};
use rustix::net::sockopt;

use crate::world::{World, servers};

const LONG: usize = 64 << 20;

/// Bytes that depend on their place and on a seed.
fn pattern(seed: u64, at: usize, buffer: &mut [u8]) {
    for (index, chunk) in buffer.chunks_mut(8).enumerate() {
        let place = (at / 8 + index) as u64;
        let number = place.wrapping_add(seed).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        chunk.copy_from_slice(number.to_be_bytes().get(..chunk.len()).unwrap_or_default());
    }
}

fn write_all(mut stream: &TcpStream, seed: u64) -> std::io::Result<()> {
    let mut buffer = vec![0; 1 << 16];
    for at in (0..LONG).step_by(buffer.len()) {
        pattern(seed, at, &mut buffer);
        stream.write_all(&buffer)?;
    }
    stream.shutdown(Shutdown::Write)
}

/// Reads to the end; where the data is not as it should be.
fn read_all(mut stream: &TcpStream, seed: u64) -> std::io::Result<Option<usize>> {
    let (mut buffer, mut expected) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    for at in (0..LONG).step_by(buffer.len()) {
        stream.read_exact(&mut buffer)?;
        pattern(seed, at, &mut expected);
        if buffer != expected {
            return Ok(Some(at));
        }
    }
    Ok((stream.read(&mut buffer)? != 0).then_some(LONG))
}

pub(crate) fn data_goes_both_ways(lab: &mut Lab) -> Outcome {
    let world = World::new(lab, &["any"])?;
    for address in servers() {
        let (listener, at) = world.listen(address)?;
        let (client, server) = world.pair(&listener, at)?;
        thread::scope(|scope| {
            let writers = [(&client, 1), (&server, 2)]
                .map(|(stream, seed)| scope.spawn(move || write_all(stream, seed)));
            let readers = [(&server, 1), (&client, 2)]
                .map(|(stream, seed)| scope.spawn(move || read_all(stream, seed)));
            for reader in readers {
                ensure_eq!(reader.join().map_err(|_| Failure::wrong("a reader panicked"))??, None);
            }
            for writer in writers {
                writer.join().map_err(|_| Failure::wrong("a writer panicked"))??;
            }
            Outcome::Ok(())
        })?;
    }
    let counters = world.relay.counters();
    ensure_eq!(
        (counters.connections, counters.sent, counters.received),
        (2, 2 * LONG as u64, 2 * LONG as u64)
    );
    wait_until("both are closed", || Ok((world.relay.counters().open == 0).then_some(())))
}

pub(crate) fn each_direction_ends_by_itself(lab: &mut Lab) -> Outcome {
    let world = World::new(lab, &["any"])?;
    for address in servers() {
        let (listener, at) = world.listen(address)?;
        for inside_first in [true, false] {
            let (client, server) = world.pair(&listener, at)?;
            let (mut first, mut second) = if inside_first { (client, server) } else { (server, client) };
            first.write_all(b"question")?;
            first.shutdown(Shutdown::Write)?;
            let mut heard = String::new();
            second.read_to_string(&mut heard)?;
            ensure_eq!(heard, "question");
            thread::sleep(Duration::from_millis(50));
            second.write_all(b"answer")?;
            drop(second);
            heard.clear();
            first.read_to_string(&mut heard)?;
            ensure_eq!(heard, "answer");
        }
    }
    Ok(())
}

/// Closes with a reset.
fn reset(stream: TcpStream) -> Outcome {
    Ok(sockopt::set_socket_linger(&stream, Some(Duration::ZERO))?)
}

pub(crate) fn resets_are_passed_on(lab: &mut Lab) -> Outcome {
    let world = World::new(lab, &["any"])?;
    for address in servers() {
        let (listener, at) = world.listen(address)?;
        for inside_first in [true, false] {
            let (client, server) = world.pair(&listener, at)?;
            let (first, mut second) = if inside_first { (client, server) } else { (server, client) };
            reset(first)?;
            let error = second.read(&mut [0; 8]).err().map(|error| error.kind());
            ensure_eq!(error, Some(ErrorKind::ConnectionReset));
        }
    }
    wait_until("all are closed", || Ok((world.relay.counters().open == 0).then_some(())))
}

/// A server that answers and closes without having read everything resets the connection; the answer arrives all the same.
pub(crate) fn data_before_a_reset_arrives(lab: &mut Lab) -> Outcome {
    let world = World::new(lab, &["any"])?;
    let (listener, at) = world.listen(servers()[0])?;
    let (mut client, mut server) = world.pair(&listener, at)?;
    client.write_all(&[0; 1000])?;
    server.read_exact(&mut [0; 10])?;
    wait_until("all of it arrived", || Ok((world.relay.counters().sent == 1000).then_some(())))?;
    server.write_all(b"too much")?;
    drop(server);
    let mut heard = [0; 8];
    client.read_exact(&mut heard)?;
    ensure_eq!(&heard, b"too much");
    let end = client.read(&mut heard).map_err(|error| error.kind());
    ensure_eq!(end, Err(ErrorKind::ConnectionReset));
    Ok(())
}

pub(crate) fn a_slow_reader_slows_its_writer(lab: &mut Lab) -> Outcome {
    let world = World::new(lab, &["any"])?;
    let (listener, at) = world.listen(servers()[0])?;
    let (client, server) = world.pair(&listener, at)?;
    client.set_nonblocking(true)?;
    let mut taken = 0usize;
    let mut quiet = 0;
    while quiet < 20 {
        match (&client).write(&[7; 1 << 16]) {
            Ok(length) => (taken, quiet) = (taken + length, 0),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                quiet += 1;
                thread::sleep(Duration::from_millis(10));
            }
            Err(error) => return Err(error.into()),
        }
        ensure!(taken < 256 << 20, "nobody reads, and {taken} bytes were taken");
    }
    client.set_nonblocking(false)?;
    client.shutdown(Shutdown::Write)?;
    let mut read = 0;
    let mut buffer = vec![0; 1 << 20];
    loop {
        match (&server).read(&mut buffer)? {
            0 => break,
            length => {
                ensure!(buffer.iter().take(length).all(|byte| *byte == 7));
                read += length;
            }
        }
    }
    ensure_eq!(read, taken);
    Ok(())
}

pub(crate) fn ports_of_the_host_are_its_loopback(lab: &mut Lab) -> Outcome {
    let mut pairs = Vec::new();
    for address in ["127.0.0.1", "::1"] {
        pairs.push((TcpListener::bind((address, 0))?, TcpListener::bind((address, 0))?));
    }
    let mut rules = Vec::new();
    for (allowed, _) in &pairs {
        rules.push(format!("host:{}", allowed.local_addr()?.port()));
    }
    let world = World::new(lab, &rules.iter().map(String::as_str).collect::<Vec<_>>())?;
    for (allowed, other) in pairs {
        let (mut client, mut server) = world.pair(&allowed, allowed.local_addr()?)?;
        client.write_all(b"hello")?;
        let mut heard = [0; 5];
        server.read_exact(&mut heard)?;
        ensure_eq!(&heard, b"hello");
        let refused = world.connect(other.local_addr()?)?.err().map(|error| error.kind());
        ensure_eq!(refused, Some(ErrorKind::ConnectionRefused));
        other.set_nonblocking(true)?;
        ensure_eq!(other.accept().err().map(|error| error.kind()), Some(ErrorKind::WouldBlock));
    }
    Ok(())
}
