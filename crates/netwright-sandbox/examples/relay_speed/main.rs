//! How fast the relay is, beside the loopback and a veth pair on the same machine: `cargo run --release -p netwright-sandbox --example
//! relay_speed`.

#[path = "../../tests/relay/world.rs"]
#[allow(dead_code)] // the tests use more of it
mod world;

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use netwright_confine::SocketRequest;
use netwright_lab::{Failure, Lab, Outcome, Test};
use rustix::net::connect;

use world::{World, servers};

/// How long each figure is measured.
const TIME: Duration = Duration::from_secs(3);
/// How much data is written at once.
const PART: usize = 128 << 10;

/// Writes for a while what the other end reads; bits per second.
fn throughput(client: TcpStream, listener: &TcpListener) -> Result<f64, Failure> {
    let (mut server, _) = listener.accept()?;
    let writer = thread::spawn(move || write_for(client, TIME));
    let (mut buffer, mut bytes, start) = (vec![0; PART], 0, Instant::now());
    while let length @ 1.. = server.read(&mut buffer)? {
        bytes += length;
    }
    writer.join().map_err(|_| Failure::wrong("the writer panicked"))??;
    Ok(bytes as f64 * 8.0 / start.elapsed().as_secs_f64())
}

fn write_for(mut client: TcpStream, time: Duration) -> std::io::Result<()> {
    let (data, start) = (vec![0; PART], Instant::now());
    while start.elapsed() < time {
        client.write_all(&data)?;
    }
    Ok(())
}

/// Asks and answers one byte at a time; the time of one question.
fn latency(mut client: TcpStream, listener: &TcpListener) -> Result<Duration, Failure> {
    const QUESTIONS: u32 = 5000;
    let (mut server, _) = listener.accept()?;
    for stream in [&client, &server] {
        stream.set_nodelay(true)?;
    }
    let answers = thread::spawn(move || {
        let mut byte = [0];
        while let Ok(1) = server.read(&mut byte) {
            let _ = server.write_all(&byte);
        }
    });
    let start = Instant::now();
    for _ in 0..QUESTIONS {
        client.write_all(&[1])?;
        client.read_exact(&mut [0])?;
    }
    let time = start.elapsed() / QUESTIONS;
    drop(client);
    answers.join().map_err(|_| Failure::wrong("the server panicked"))?;
    Ok(time)
}

/// Connects one after the other; connections per second, and the longest time that one took.
fn rate(
    listener: &TcpListener,
    connect: impl Fn() -> Result<TcpStream, Failure>,
) -> Result<(f64, Duration), Failure> {
    const CONNECTIONS: u32 = 3000;
    let (start, mut slowest) = (Instant::now(), Duration::ZERO);
    for _ in 0..CONNECTIONS {
        let begin = Instant::now();
        let client = connect()?;
        slowest = slowest.max(begin.elapsed());
        let server = listener.accept()?;
        drop((client, server));
    }
    Ok((f64::from(CONNECTIONS) / start.elapsed().as_secs_f64(), slowest))
}

fn figures(name: &str, listener: &TcpListener, connect: impl Fn() -> Result<TcpStream, Failure>) -> Outcome {
    let bits = throughput(connect()?, listener)?;
    let time = latency(connect()?, listener)?;
    let (rate, slowest) = rate(listener, &connect)?;
    println!(
        "{name:<24} {:>6.1} Gbit/s {time:>10.1?} a question {rate:>8.0} connections/s, the slowest {slowest:.1?}",
        bits / 1e9
    );
    Ok(())
}

fn relay(lab: &mut Lab) -> Outcome {
    println!();
    let local = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let here = local.local_addr()?;
    let world = World::new(lab, &["any", &format!("host:{}", here.port())])?;
    let (distant, there) = world.listen(servers()[0])?;
    let inside = |to: SocketAddr| -> Result<TcpStream, Failure> {
        let socket = world.enclosure.socket(&SocketRequest::tcp(false))?;
        connect(&socket, &to)?;
        Ok(socket.into())
    };
    figures("loopback", &local, || Ok(TcpStream::connect(here)?))?;
    figures("relay to the loopback", &local, || inside(here))?;
    figures("veth", &distant, || Ok(TcpStream::connect(there)?))?;
    figures("relay to the veth", &distant, || inside(there))
}

fn main() -> std::process::ExitCode {
    netwright_lab::run(&[Test { name: "relay", body: relay }])
}
