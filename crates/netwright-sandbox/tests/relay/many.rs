//! Many connections, and the end of all.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use netwright_confine::SocketRequest;
use netwright_lab::{Failure, Lab, Outcome, ensure, ensure_eq, wait_until};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::net::{connect, listen};
use rustix::process::{Resource, getrlimit};

use crate::world::{World, servers};

/// Each has four descriptors in this process.
fn count() -> usize {
    const WANTED: u64 = 2000;
    let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    WANTED.min(files.saturating_sub(1000) / 4) as usize
}

fn echo(mut stream: TcpStream) {
    let mut buffer = [0; 64];
    while let Ok(length @ 1..) = stream.read(&mut buffer) {
        let _ = stream.write_all(&buffer[..length]);
    }
}

fn accept(listener: &TcpListener, count: usize) -> std::io::Result<Vec<TcpStream>> {
    (0..count).map(|_| listener.accept().map(|(stream, _)| stream)).collect()
}

pub(crate) fn two_thousand_connections_at_once(lab: &mut Lab) -> Outcome {
    let world = World::new(lab, &["any"])?;
    let (listener, at) = world.listen(servers()[0])?;
    let count = count();
    // With a shorter queue (it has 128 places), the server's kernel forgets connections that are made faster than they are accepted, until
    // they carry something.
    listen(&listener, i32::try_from(count).unwrap_or(i32::MAX))?;
    ensure!(count >= 100, "the process may open only {count} connections");
    thread::scope(|scope| {
        let server = scope.spawn(|| accept(&listener, count));
        let request = SocketRequest { nonblocking: true, ..SocketRequest::tcp(false) };
        let mut clients = Vec::new();
        for _ in 0..count {
            let socket = world.enclosure.socket(&request)?;
            ensure_eq!(connect(&socket, &at), Err(Errno::INPROGRESS));
            clients.push(socket);
        }
        let mut streams = Vec::new();
        for socket in clients {
            poll(&mut [PollFd::new(&socket, PollFlags::OUT)], None)?;
            rustix::net::sockopt::socket_error(&socket)??;
            let stream = TcpStream::from(socket);
            stream.set_nonblocking(false)?;
            stream.set_read_timeout(Some(Duration::from_secs(10)))?;
            streams.push(stream);
        }
        let accepted = server.join().map_err(|_| Failure::wrong("the server panicked"))??;
        wait_until("all are open", || Ok((world.relay.counters().open == count as u64).then_some(())))?;
        for (number, mut stream) in streams.iter().enumerate() {
            stream.write_all(&(number as u64).to_be_bytes())?;
        }
        for mut stream in accepted {
            let mut number = [0; 8];
            stream.read_exact(&mut number)?;
            stream.write_all(&number)?;
        }
        for (number, mut stream) in streams.iter().enumerate() {
            let mut echoed = [0; 8];
            stream.read_exact(&mut echoed)?;
            ensure_eq!(u64::from_be_bytes(echoed), number as u64);
        }
        Outcome::Ok(())
    })?;
    wait_until("all are closed", || Ok((world.relay.counters().open == 0).then_some(())))
}

pub(crate) fn a_relay_that_is_dropped_is_gone(lab: &mut Lab) -> Outcome {
    let world = World::new(lab, &["any"])?;
    let (listener, at) = world.listen(servers()[0])?;
    let (mut client, server) = world.pair(&listener, at)?;
    let server = thread::spawn(move || echo(server));
    client.write_all(b"x")?;
    client.read_exact(&mut [0; 1])?;
    drop(world.relay);
    ensure_eq!(client.read(&mut [0; 1])?, 0);
    server.join().map_err(|_| Failure::wrong("the server panicked"))?;
    Ok(())
}

/// A program sends something and ends, and so does the relay at once.
pub(crate) fn what_was_sent_before_the_end_arrives(lab: &mut Lab) -> Outcome {
    const LENGTH: usize = 3 << 20;
    let world = World::new(lab, &["any"])?;
    let (listener, at) = world.listen(servers()[0])?;
    let (receiver, receives_at) = world.receive(servers()[0])?;
    receiver.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut client = world.connect(at)??;
    let sender = thread::spawn(move || client.write_all(&vec![7; LENGTH]));
    let reader = thread::spawn(move || -> std::io::Result<usize> {
        let (mut stream, _) = listener.accept()?;
        thread::sleep(Duration::from_millis(50));
        stream.read_to_end(&mut Vec::new())
    });
    sender.join().map_err(|_| Failure::wrong("the sender panicked"))??;
    world.datagram_socket(false)?.send_to(b"last words", receives_at)?;
    drop(world.relay);
    ensure_eq!(reader.join().map_err(|_| Failure::wrong("the reader panicked"))??, LENGTH);
    ensure_eq!(receiver.recv(&mut [0; 64])?, 10);
    Ok(())
}
