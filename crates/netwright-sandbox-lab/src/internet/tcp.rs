//! The servers for connections: at every address, by port.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::thread;
use std::time::Duration;

use super::running::Running;
use super::{Record, dns, http, postgres};
use netwright_lab::Failure;

/// What answers at a port.
pub(super) type Service = fn(TcpStream, &Record) -> io::Result<()>;

/// The services and their ports.
const SERVICES: &[(u16, Service)] = &[
    (7, echo),
    (9, discard),
    (25, echo),
    (53, name_server),
    (80, http::serve),
    (443, http::serve),
    (853, name_server),
    (5000, echo),
    (5222, echo),
    (5432, postgres::serve),
    (8080, http::serve),
    (9000, source),
];

/// Starts all services in the namespace of the calling thread.
pub(super) fn serve(record: &Record) -> Result<Running, Failure> {
    let mut listeners = Vec::new();
    for (port, service) in SERVICES {
        listeners.push((TcpListener::bind(("::", *port))?, *service));
    }
    start(listeners, record)
}

/// Serves the connections of listeners, each by a thread that ends with its connection.
pub(super) fn start(listeners: Vec<(TcpListener, Service)>, record: &Record) -> Result<Running, Failure> {
    let listeners = listeners.into_iter().map(|(listener, service)| {
        listener.set_nonblocking(true)?;
        Ok(Listener(listener, service))
    });
    let listeners: Vec<Listener> = listeners.collect::<io::Result<_>>()?;
    let record = record.clone();
    Ok(Running::start("connections", listeners, move |Listener(listener, service)| {
        while let Ok((connection, _)) = listener.accept() {
            answer(connection, *service, &record);
        }
    })?)
}

struct Listener(TcpListener, Service);

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

fn answer(connection: TcpStream, service: Service, record: &Record) {
    const STACK: usize = 128 << 10;
    /// How long a client may be silent; it may have gone with its namespace, which nobody tells.
    const SILENCE: Duration = Duration::from_secs(30);
    let Ok(at) = connection.local_addr() else { return };
    record.add("tcp", plain(at), "");
    let record = record.clone();
    let _ = thread::Builder::new().name("connection".into()).stack_size(STACK).spawn(move || {
        let _ = connection.set_nonblocking(false);
        let _ = connection.set_nodelay(true);
        let _ = connection.set_read_timeout(Some(SILENCE));
        let _ = connection.set_write_timeout(Some(SILENCE));
        let _ = service(connection, &record);
    });
}

/// An address with that of IPv4 as such, which a socket of both families gives in IPv6 form.
pub(super) fn plain(at: SocketAddr) -> SocketAddr {
    SocketAddr::new(at.ip().to_canonical(), at.port())
}

/// Sends back what comes, and closes its half when the client has closed its own.
pub(super) fn echo(mut connection: TcpStream, record: &Record) -> io::Result<()> {
    let at = plain(connection.local_addr()?);
    let mut buffer = vec![0; 32 << 10];
    let mut first = true;
    loop {
        let length = connection.read(&mut buffer)?;
        let data = buffer.get(..length).unwrap_or_default();
        if data.is_empty() {
            return connection.shutdown(Shutdown::Write);
        }
        if std::mem::take(&mut first) {
            record.bytes("data", at, data);
        }
        connection.write_all(data)?;
    }
}

/// Reads until the client closes, then says how much came and its sum.
fn discard(mut connection: TcpStream, _: &Record) -> io::Result<()> {
    let mut buffer = vec![0; 64 << 10];
    let (mut total, mut sum) = (0_u64, Sum::default());
    loop {
        let length = connection.read(&mut buffer)?;
        if length == 0 {
            break;
        }
        total += length as u64;
        sum.add(buffer.get(..length).unwrap_or_default());
    }
    writeln!(connection, "{total} {:016x}", sum.0)
}

/// Reads a line with a number and sends so many bytes.
fn source(mut connection: TcpStream, _: &Record) -> io::Result<()> {
    let mut line = Vec::new();
    let mut byte = [0];
    while connection.read(&mut byte)? == 1 && byte != *b"\n" {
        line.extend(byte);
    }
    let wanted: u64 = String::from_utf8_lossy(&line).trim().parse().unwrap_or_default();
    pour(&mut connection, wanted)
}

/// Writes so many bytes that are not all the same.
pub(super) fn pour(to: &mut impl Write, mut wanted: u64) -> io::Result<()> {
    let pattern: Vec<u8> = (0..64_u32 << 10).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    while wanted > 0 {
        let length = wanted.min(pattern.len() as u64);
        to.write_all(pattern.get(..length as usize).unwrap_or_default())?;
        wanted -= length;
    }
    Ok(())
}

/// The FNV-1a sum of bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sum(pub(super) u64);

impl Default for Sum {
    fn default() -> Self {
        Sum(0xcbf2_9ce4_8422_2325)
    }
}

impl Sum {
    pub(super) fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

/// Answers questions that follow their length.
fn name_server(mut connection: TcpStream, record: &Record) -> io::Result<()> {
    let at = plain(connection.local_addr()?);
    loop {
        let mut length = [0; 2];
        connection.read_exact(&mut length)?;
        let mut message = vec![0; usize::from(u16::from_be_bytes(length))];
        connection.read_exact(&mut message)?;
        let Some(question) = dns::Question::read(&message) else { return Ok(()) };
        record.add("dns", at, format!("{} {}", question.name, question.kind));
        let answer = dns::answer(&question, false);
        let length = (answer.len() as u16).to_be_bytes();
        connection.write_all(&[&length[..], &answer].concat())?;
    }
}
