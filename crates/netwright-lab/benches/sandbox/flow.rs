//! Throughput, connections per second and latency.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use crate::Result;
use crate::measure::median;
use crate::peers::{Peer, SERVER, World};

/// The argument by which this program knows that it is the client.
pub(crate) const CLIENT: &str = "--client";

const SINK: u16 = 9001;
const SOURCE: u16 = 9002;
const ECHO: u16 = 9003;
const BLOCK: usize = 128 << 10;
/// The peers take turns this often.
const TURNS: usize = 3;

/// What is measured: its name, the streams, its unit, and whether more is better.
const KINDS: [(&str, usize, &str, bool); 7] = [
    ("up", 1, "Gbit/s", true),
    ("up", 8, "Gbit/s", true),
    ("down", 1, "Gbit/s", true),
    ("down", 8, "Gbit/s", true),
    ("connections", 1, "1/s", true),
    ("p50", 1, "µs", false),
    ("p99", 1, "µs", false),
];

/// Prints what each peer reaches, and its share of the plain veth's and pasta's.
pub(crate) fn table(world: &World, seconds: f64) -> Result<()> {
    world.server.run(serve).map_err(|failure| format!("{failure:?}"))??;
    println!("\n| flow | streams | peer | value | unit | / loopback | / veth | / pasta |");
    println!("|---|---:|---|---:|---|---:|---:|---:|");
    for (kind, streams, unit, _) in KINDS {
        let peers = world.peers();
        let mut results: Vec<(Peer, Vec<f64>)> = peers.into_iter().map(|peer| (peer, Vec::new())).collect();
        for _ in 0..TURNS {
            for (peer, values) in &mut results {
                match measure(world, *peer, kind, seconds, streams) {
                    Ok(value) => values.push(value),
                    Err(error) => println!("{} {kind}: {error}", peer.name()),
                }
            }
        }
        let medians: Vec<(Peer, f64)> =
            results.into_iter().map(|(peer, values)| (peer, median(values))).collect();
        let of = |wanted: Peer| medians.iter().find(|(peer, _)| *peer == wanted).map(|(_, value)| *value);
        for (peer, value) in &medians {
            let ratio =
                |other| of(other).filter(|other| *other > 0.0).map(|other| format!("{:.2}", value / other));
            let ratio = |other| ratio(other).unwrap_or_else(|| "-".to_owned());
            println!(
                "| {kind} | {streams} | {} | {value:.1} | {unit} | {} | {} | {} |",
                peer.name(),
                ratio(Peer::Loopback),
                ratio(Peer::Plain),
                ratio(Peer::Pasta),
            );
        }
    }
    Ok(())
}

fn measure(world: &World, peer: Peer, kind: &str, seconds: f64, streams: usize) -> Result<f64> {
    let this = std::env::current_exe()?.display().to_string();
    let address = if peer == Peer::Loopback { "127.0.0.1" } else { SERVER };
    let (seconds, streams) = (seconds.to_string(), streams.to_string());
    let mut command = world.command(peer, &[&this, CLIENT, kind, address, &seconds, &streams]);
    command.stdin(Stdio::null());
    let output = match world.namespace(peer) {
        Some(namespace) => namespace.run(|| command.output())??,
        None => command.output()?,
    };
    let said = String::from_utf8_lossy(&output.stdout);
    let value = said.lines().last().and_then(|line| line.trim().parse().ok());
    Ok(value.ok_or_else(|| format!("{said} {}", String::from_utf8_lossy(&output.stderr)))?)
}

/// Starts the server in the namespace of the calling thread.
fn serve() -> std::io::Result<()> {
    for (port, service) in
        [(SINK, sink as fn(TcpStream) -> std::io::Result<()>), (SOURCE, source), (ECHO, echo)]
    {
        let listener = TcpListener::bind(("0.0.0.0", port))?;
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                thread::spawn(move || service(connection));
            }
        });
    }
    Ok(())
}

fn sink(mut connection: TcpStream) -> std::io::Result<()> {
    let mut block = vec![0; BLOCK];
    while connection.read(&mut block)? > 0 {}
    connection.write_all(b".")
}

fn source(mut connection: TcpStream) -> std::io::Result<()> {
    let block = vec![7; BLOCK];
    loop {
        connection.write_all(&block)?;
    }
}

fn echo(mut connection: TcpStream) -> std::io::Result<()> {
    connection.set_nodelay(true)?;
    let mut byte = [0];
    while connection.read(&mut byte)? > 0 {
        connection.write_all(&byte)?;
    }
    Ok(())
}

/// The client: measures and prints one number.
pub(crate) fn client(kind: &str, address: &str, seconds: &str, streams: &str) -> Result<()> {
    let time = Duration::from_secs_f64(seconds.parse()?);
    let address = address.to_owned();
    let value = match kind {
        "up" | "down" => {
            let up = kind == "up";
            let each: Vec<_> = (0..streams.parse()?)
                .map(|_: usize| {
                    let address = address.clone();
                    thread::spawn(move || bulk(&address, up, time))
                })
                .collect();
            let mut total = 0.0;
            for stream in each {
                total += stream.join().map_err(|_| "a stream panicked")??;
            }
            total
        }
        "connections" => connections(&address, time)?,
        "p50" => latency(&address, time, 0.5)?,
        _ => latency(&address, time, 0.99)?,
    };
    println!("{value}");
    Ok(())
}

fn connect(address: &str, port: u16) -> std::io::Result<TcpStream> {
    let address = address.parse().map_err(std::io::Error::other)?;
    TcpStream::connect_timeout(&SocketAddr::new(address, port), Duration::from_secs(5))
}

/// Gbit/s of one stream, until the server has everything.
fn bulk(address: &str, up: bool, time: Duration) -> std::io::Result<f64> {
    let mut connection = connect(address, if up { SINK } else { SOURCE })?;
    let mut block = vec![7; BLOCK];
    let (start, mut bytes) = (Instant::now(), 0_usize);
    while start.elapsed() < time {
        bytes += if up {
            connection.write_all(&block)?;
            BLOCK
        } else {
            connection.read(&mut block)?
        };
    }
    if up {
        connection.shutdown(std::net::Shutdown::Write)?;
        connection.read_exact(&mut [0])?;
    }
    Ok(bytes as f64 * 8e-9 / start.elapsed().as_secs_f64())
}

/// Connections per second, each with one byte both ways.
fn connections(address: &str, time: Duration) -> std::io::Result<f64> {
    let (start, mut number) = (Instant::now(), 0);
    while start.elapsed() < time {
        let mut connection = connect(address, ECHO)?;
        connection.write_all(b".")?;
        connection.read_exact(&mut [0])?;
        number += 1;
    }
    Ok(f64::from(number) / start.elapsed().as_secs_f64())
}

/// Microseconds that a byte takes there and back, of an open connection; that quantile.
fn latency(address: &str, time: Duration, quantile: f64) -> Result<f64> {
    let mut connection = connect(address, ECHO)?;
    connection.set_nodelay(true)?;
    let (start, mut times) = (Instant::now(), Vec::new());
    while start.elapsed() < time {
        let began = Instant::now();
        connection.write_all(b".")?;
        connection.read_exact(&mut [0])?;
        times.push(began.elapsed().as_secs_f64() * 1e6);
    }
    times.sort_by(f64::total_cmp);
    let at = (times.len() as f64 * quantile) as usize;
    Ok(times.get(at).copied().ok_or("nothing came back")?)
}
