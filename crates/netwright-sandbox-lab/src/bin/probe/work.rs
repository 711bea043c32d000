//! What must work as it does without a sandbox: each says what was wrong where it does not.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::{UnixListener, UnixStream};
use std::thread;
use std::time::{Duration, Instant};

use crate::net::named;
use crate::{Came, Outcome, Way, temporary, word};

pub(crate) const WAYS: &[Way] = &[
    ("echo", |words| echo(named(word(words, 0)?, word(words, 1)?.parse()?)?, 1)),
    ("half-close", half_close),
    ("half-close-by-server", half_close_by_server),
    ("idle", idle),
    ("many", many),
    ("burst", burst),
    ("websocket", websocket),
    ("upload", upload),
    ("download", download),
    ("refusals", refusals),
    ("non-blocking", non_blocking),
    ("udp-kinds", udp_kinds),
    ("time", time),
    ("own-servers", |_| own_servers()),
    ("both-families", both_families),
    ("listen", listen),
    ("ask-for", ask_for),
];

const PATIENCE: Duration = Duration::from_secs(10);

fn open(words: &[&str]) -> Result<TcpStream, Box<dyn std::error::Error>> {
    let to = named(word(words, 0)?, word(words, 1)?.parse()?)?;
    let stream = TcpStream::connect_timeout(&to, PATIENCE).map_err(|error| format!("{to}: {error}"))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(stream)
}

fn done(what: impl Into<String>) -> Outcome {
    Ok(Came::Reached(what.into()))
}

fn echo(to: SocketAddr, times: usize) -> Outcome {
    let mut stream = TcpStream::connect_timeout(&to, PATIENCE).map_err(|error| format!("{to}: {error}"))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    for _ in 0..times {
        exchange(&mut stream, b"hello")?;
    }
    done(format!("{to}"))
}

/// Writes, and reads the same.
fn exchange(stream: &mut (impl Read + Write), data: &[u8]) -> Result<(), Box<dyn std::error::Error>> {
    stream.write_all(data)?;
    let mut answer = vec![0; data.len()];
    stream.read_exact(&mut answer)?;
    if answer == data { Ok(()) } else { Err("the echo differs".into()) }
}

/// The client closes its half first and still gets all that comes back.
fn half_close(words: &[&str]) -> Outcome {
    let mut stream = open(words)?;
    let sent = vec![7; 300_000];
    let mut writer = stream.try_clone()?;
    let data = sent.clone();
    let written = thread::spawn(move || {
        writer.write_all(&data)?;
        writer.shutdown(Shutdown::Write)
    });
    let mut received = Vec::new();
    stream.read_to_end(&mut received)?;
    written.join().map_err(|_| "the writer panicked")??;
    if received == sent {
        done("all came back")
    } else {
        Err(format!("{} bytes came back", received.len()).into())
    }
}

/// The server closes its half first (it is asked over HTTP/1.0) and the client sees the end.
fn half_close_by_server(words: &[&str]) -> Outcome {
    let mut stream = open(words)?;
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
    let mut received = Vec::new();
    stream.read_to_end(&mut received)?;
    if received.ends_with(b"\n") { done("the end was seen") } else { Err("the answer is not whole".into()) }
}

/// Says nothing for so many milliseconds, both ways after that.
fn idle(words: &[&str]) -> Outcome {
    let mut stream = open(words)?;
    exchange(&mut stream, b"before")?;
    thread::sleep(Duration::from_millis(word(words, 2)?.parse()?));
    exchange(&mut stream, b"after")?;
    done("still open")
}

/// So many connections at once, each used twice.
fn many(words: &[&str]) -> Outcome {
    let to = named(word(words, 0)?, word(words, 1)?.parse()?)?;
    let wanted: usize = word(words, 2)?.parse()?;
    let start = Instant::now();
    let mut streams = Vec::with_capacity(wanted);
    for number in 0..wanted {
        let stream = TcpStream::connect_timeout(&to, PATIENCE);
        let mut stream = stream.map_err(|error| format!("connection {number}: {error}"))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        exchange(&mut stream, b"first").map_err(|error| format!("connection {number}: {error}"))?;
        streams.push(stream);
    }
    for (number, stream) in streams.iter_mut().enumerate() {
        exchange(stream, &number.to_be_bytes()).map_err(|error| format!("again {number}: {error}"))?;
    }
    done(format!("{wanted} connections in {:?}", start.elapsed()))
}

/// Datagrams of 1200 bytes, so many at a time, as QUIC sends them; nearly all must come back.
fn burst(words: &[&str]) -> Outcome {
    let to = named(word(words, 0)?, word(words, 1)?.parse()?)?;
    let (bursts, size): (u32, u32) = (word(words, 2)?.parse()?, word(words, 3)?.parse()?);
    let socket = UdpSocket::bind(if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" })?;
    socket.connect(to)?;
    socket.set_read_timeout(Some(Duration::from_millis(500)))?;
    let (mut back, mut datagram) = (0, vec![0; 1200]);
    for burst in 0..bursts {
        for number in 0..size {
            datagram.splice(..8, [burst, number].map(u32::to_be_bytes).concat());
            socket.send(&datagram)?;
        }
        let mut answer = vec![0; 1500];
        for _ in 0..size {
            match socket.recv(&mut answer) {
                Ok(length) if length == datagram.len() => back += 1,
                Ok(length) => return Err(format!("a datagram of {length} bytes came back").into()),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error.into()),
            }
        }
    }
    let sent = bursts * size;
    if back * 100 >= sent * 99 {
        done(format!("{back} of {sent}"))
    } else {
        Err(format!("{back} of {sent}").into())
    }
}

fn websocket(words: &[&str]) -> Outcome {
    let mut stream = open(words)?;
    stream.write_all(
        b"GET /chat HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
          Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
    )?;
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        head.extend(byte);
    }
    if !head.starts_with(b"HTTP/1.1 101") {
        return Err(String::from_utf8_lossy(&head).into());
    }
    for number in 0..50_u8 {
        exchange(&mut stream, &[0x82, 4, number, number, number, number])?;
    }
    done("upgraded, frames go both ways")
}

/// Sends so many bytes to the server that sums them.
fn upload(words: &[&str]) -> Outcome {
    let mut stream = open(words)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let length: usize = word(words, 2)?.parse()?;
    let data: Vec<u8> = (0..length as u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    stream.write_all(&data)?;
    stream.shutdown(Shutdown::Write)?;
    let mut said = String::new();
    stream.read_to_string(&mut said)?;
    let expected = format!("{length} {:016x}\n", sum(&data));
    if said == expected { done(said.trim()) } else { Err(format!("{said:?} instead of {expected:?}").into()) }
}

fn sum(data: &[u8]) -> u64 {
    data.iter()
        .fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Takes so many bytes of a known pattern.
fn download(words: &[&str]) -> Outcome {
    let mut stream = open(words)?;
    let length: usize = word(words, 2)?.parse()?;
    writeln!(stream, "{length}")?;
    let mut data = Vec::new();
    stream.read_to_end(&mut data)?;
    let pattern = |at: usize| (((at % (64 << 10)) as u32).wrapping_mul(2_654_435_761) >> 24) as u8;
    if data.len() != length {
        return Err(format!("{} of {length} bytes", data.len()).into());
    }
    match data.iter().enumerate().find(|(at, byte)| **byte != pattern(*at)) {
        Some((at, _)) => Err(format!("byte {at} is wrong").into()),
        None => done(format!("{length} bytes")),
    }
}

/// A connection fails as it would without a sandbox: `ADDRESS PORT refused|unreachable|timeout`.
fn refusals(words: &[&str]) -> Outcome {
    let to = SocketAddr::new(word(words, 0)?.parse()?, word(words, 1)?.parse()?);
    let start = Instant::now();
    let kind = match TcpStream::connect_timeout(&to, Duration::from_millis(1500)) {
        Ok(mut stream) => {
            stream.set_read_timeout(Some(Duration::from_secs(1)))?;
            let read = stream.read(&mut [0]);
            return Err(format!("{to} took the connection, then {read:?}").into());
        }
        Err(error) => error.kind(),
    };
    let expected: &[ErrorKind] = match word(words, 2)? {
        "refused" => &[ErrorKind::ConnectionRefused],
        "unreachable" => &[ErrorKind::HostUnreachable, ErrorKind::NetworkUnreachable],
        _ => &[ErrorKind::TimedOut],
    };
    match expected.contains(&kind) {
        true => done(format!("{kind} after {:?}", start.elapsed())),
        false => Err(format!("{kind} instead of {}", word(words, 2)?).into()),
    }
}

/// Connects without waiting, and waits by poll.
fn non_blocking(words: &[&str]) -> Outcome {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::net::{AddressFamily, SocketFlags, SocketType, connect, socket_with, sockopt};
    let to = named(word(words, 0)?, word(words, 1)?.parse()?)?;
    let family = if to.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = socket_with(family, SocketType::STREAM, SocketFlags::NONBLOCK, None)?;
    match connect(&socket, &to) {
        Err(rustix::io::Errno::INPROGRESS) => {}
        other => return Err(format!("connect said {other:?}, not that it is in progress").into()),
    }
    let patience = Timespec::try_from(PATIENCE)?;
    let mut polled = [PollFd::new(&socket, PollFlags::OUT)];
    if poll(&mut polled, Some(&patience))? != 1 {
        return Err("poll waited in vain".into());
    }
    sockopt::socket_error(&socket)??;
    let mut stream = TcpStream::from(socket);
    stream.set_nonblocking(false)?;
    exchange(&mut stream, b"hello")?;
    done("connected")
}

/// Datagrams by a connected socket, and by one that is not; the sender's address must be that of the server.
fn udp_kinds(words: &[&str]) -> Outcome {
    let to = named(word(words, 0)?, word(words, 1)?.parse()?)?;
    let any = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let mut answer = [0; 64];
    let connected = UdpSocket::bind(any)?;
    connected.connect(to)?;
    connected.set_read_timeout(Some(PATIENCE))?;
    for _ in 0..3 {
        connected.send(b"connected")?;
        connected.recv(&mut answer)?;
    }
    let free = UdpSocket::bind(any)?;
    free.set_read_timeout(Some(PATIENCE))?;
    for _ in 0..3 {
        free.send_to(b"free", to)?;
        let (_, from) = free.recv_from(&mut answer)?;
        if from != to {
            return Err(format!("the answer came from {from}").into());
        }
    }
    done("both")
}

/// A client of NTP: the answer must be that of a server.
fn time(words: &[&str]) -> Outcome {
    let to = named(word(words, 0)?, 123)?;
    let socket = UdpSocket::bind(if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" })?;
    socket.connect(to)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    let mut request = [0; 48];
    request[0] = 0x23;
    socket.send(&request)?;
    let mut answer = [0; 64];
    match (socket.recv(&mut answer)?, answer[0]) {
        (48, 0x24) => done("the server's time"),
        other => Err(format!("{other:?}").into()),
    }
}

/// Servers inside: TCP and UDP on loopback of both families, and unix sockets.
fn own_servers() -> Outcome {
    for address in ["127.0.0.1:0", "[::1]:0", "127.1.2.3:0"] {
        let listener = TcpListener::bind(address)?;
        let to = listener.local_addr()?;
        let served = thread::spawn(move || -> std::io::Result<()> {
            let (mut stream, _) = listener.accept()?;
            let mut data = [0; 5];
            stream.read_exact(&mut data)?;
            stream.write_all(&data)
        });
        echo(to, 1)?;
        served.join().map_err(|_| "the server panicked")??;
        let (server, client) = (UdpSocket::bind(address)?, UdpSocket::bind(address)?);
        server.set_read_timeout(Some(PATIENCE))?;
        client.send_to(b"hello", server.local_addr()?)?;
        server.recv(&mut [0; 8]).map_err(|error| format!("UDP at {address}: {error}"))?;
    }
    let path = temporary("own");
    let listener = UnixListener::bind(&path)?;
    let connected = UnixStream::connect(&path);
    std::fs::remove_file(&path)?;
    connected?.write_all(b"hello")?;
    listener.accept()?.0.read_exact(&mut [0; 5])?;
    done("TCP, UDP and unix sockets")
}

/// The name leads to both families, asked at once by many threads.
fn both_families(words: &[&str]) -> Outcome {
    use std::net::ToSocketAddrs;
    let name = word(words, 0)?.to_owned();
    let asking: Vec<_> = (0..8)
        .map(|_| {
            let name = name.clone();
            thread::spawn(move || (name.as_str(), 443).to_socket_addrs().map(Iterator::collect::<Vec<_>>))
        })
        .collect();
    for asked in asking {
        let found = asked.join().map_err(|_| "a thread panicked")??;
        if !found.iter().any(SocketAddr::is_ipv4) || !found.iter().any(SocketAddr::is_ipv6) {
            return Err(format!("{name} is only {found:?}").into());
        }
    }
    done("both families")
}

/// Listens on a port of every address and answers one client; says so on the way.
fn listen(words: &[&str]) -> Outcome {
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, word(words, 0)?.parse()?))?;
    println!("listening");
    let (mut stream, _) = listener.accept()?;
    stream.write_all(b"published\n")?;
    done("one client")
}

/// The name's first address is this: `NAME ADDRESS`.
fn ask_for(words: &[&str]) -> Outcome {
    let found = named(word(words, 0)?, 0)?.ip().to_string();
    if found == word(words, 1)? { done(found) } else { Err(format!("it is {found}").into()) }
}
