//! Throughput, connections per second and latency.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use crate::measure::median;
use crate::peers::{Peer, Place, World};
use crate::{Result, start};

/// The argument by which this program knows that it is the client.
pub(crate) const CLIENT: &str = "--client";

const SINK: u16 = 9001;
const SOURCE: u16 = 9002;
const ECHO: u16 = 9003;
const ONCE: u16 = 9004;
const BLOCK: usize = 128 << 10;
/// The peers take turns this often.
const TURNS: usize = 5;

/// What is measured.
struct Kind {
    name: &'static str,
    streams: usize,
    unit: &'static str,
    /// Whether a server behind a link is measured, too.
    away: bool,
}

const KINDS: [Kind; 7] = [
    Kind { name: "up", streams: 1, unit: "Gbit/s", away: true },
    Kind { name: "up", streams: 8, unit: "Gbit/s", away: false },
    Kind { name: "down", streams: 1, unit: "Gbit/s", away: true },
    Kind { name: "down", streams: 8, unit: "Gbit/s", away: false },
    Kind { name: "connections", streams: 1, unit: "1/s", away: true },
    Kind { name: "p50", streams: 1, unit: "µs", away: true },
    Kind { name: "p99", streams: 1, unit: "µs", away: false },
];

/// Prints what each peer reaches, and its share of what the loopback, the plain veth and pasta do.
pub(crate) fn table(world: &World, seconds: f64) -> Result<()> {
    world.server.run(serve).map_err(|failure| format!("{failure:?}"))??;
    serve()?;
    println!("\n| flow | streams | server | peer | value | unit | / loopback | / veth | / pasta |");
    println!("|---|---:|---|---|---:|---|---:|---:|---:|");
    for place in [Place::Here, Place::Away] {
        for kind in KINDS.iter().filter(|kind| kind.away || place == Place::Here) {
            rows(world, kind, place, seconds);
        }
    }
    Ok(())
}

fn rows(world: &World, kind: &Kind, place: Place, seconds: f64) {
    let peers = world.peers_of(place).into_iter();
    let mut results: Vec<(Peer, Vec<f64>)> = peers.map(|peer| (peer, Vec::new())).collect();
    for _ in 0..TURNS {
        for (peer, values) in &mut results {
            match measure(world, *peer, kind, place, seconds) {
                Ok(value) => values.push(value),
                Err(error) => println!("{} {}: {error}", peer.name(), kind.name),
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
        let Kind { name, streams, unit, .. } = kind;
        println!(
            "| {name} | {streams} | {} | {} | {value:.1} | {unit} | {} | {} | {} |",
            place.name(),
            peer.name(),
            ratio(Peer::Loopback),
            ratio(Peer::Veth),
            ratio(Peer::Pasta),
        );
    }
}

fn measure(world: &World, peer: Peer, kind: &Kind, place: Place, seconds: f64) -> Result<f64> {
    let this = std::env::current_exe()?.display().to_string();
    let address = world.address(peer, place);
    let (seconds, streams) = (seconds.to_string(), kind.streams.to_string());
    let mut command = world.command(peer, &[&this, CLIENT, kind.name, address, &seconds, &streams]);
    command.stdin(Stdio::null());
    let output = match world.namespace(peer, place) {
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
    let listener = TcpListener::bind(("0.0.0.0", ONCE))?;
    thread::spawn(move || listener.incoming().flatten().map(once).for_each(drop));
    Ok(())
}

/// Closes first, so that it is not the client's ports that are used up.
fn once(mut connection: TcpStream) -> std::io::Result<()> {
    let mut byte = [0];
    connection.read_exact(&mut byte)?;
    connection.write_all(&byte)
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
    if kind == start::NOW {
        println!("{}", start::now());
        return Ok(());
    }
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

/// Longer than this nothing is waited for: some versions of the peers lose connections.
const PATIENCE: Duration = Duration::from_secs(5);

fn connect(address: &str, port: u16) -> std::io::Result<TcpStream> {
    let address = address.parse().map_err(std::io::Error::other)?;
    let connection = TcpStream::connect_timeout(&SocketAddr::new(address, port), PATIENCE)?;
    connection.set_read_timeout(Some(PATIENCE))?;
    connection.set_write_timeout(Some(PATIENCE))?;
    Ok(connection)
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

/// Connections per second, each with one byte both ways, up to the end that the server makes.
fn connections(address: &str, time: Duration) -> std::io::Result<f64> {
    let (start, mut number) = (Instant::now(), 0);
    while start.elapsed() < time {
        let mut connection = connect(address, ONCE)?;
        connection.write_all(b".")?;
        connection.read_to_end(&mut Vec::new())?;
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
