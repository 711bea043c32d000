//! Ways over TCP, UDP and ICMP.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs, UdpSocket};
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

use crate::{Came, Outcome, Way, token, word};
use netwright_confine::attempt::{self, Argument, call};

/// How long an answer may take.
pub(crate) const PATIENCE: Duration = Duration::from_millis(700);

pub(crate) const WAYS: &[Way] = &[
    ("tcp", |words| tcp(address(words, 0)?)),
    ("udp", |words| udp(address(words, 0)?, token().as_bytes())),
    ("large-udp", |words| udp(address(words, 0)?, &large(word(words, 2)?.parse()?))),
    ("name-tcp", |words| tcp(named(word(words, 0)?, word(words, 1)?.parse()?)?)),
    ("name-udp", |words| udp(named(word(words, 0)?, word(words, 1)?.parse()?)?, token().as_bytes())),
    ("resolve", |words| Ok(Came::Reached(format!("{}", named(word(words, 0)?, 0)?.ip())))),
    ("then-tcp", then_tcp),
    ("then-udp", then_udp),
    ("mapped", |words| {
        tcp_of(libc::AF_INET6, SocketAddr::new(mapped(address(words, 0)?.ip()), port(words)?))
    }),
    ("fast-open", fast_open),
    ("ip-options", ip_options),
    ("device", |words| with_option(words, libc::SOL_SOCKET, libc::SO_BINDTODEVICE, b"eth0\0")),
    ("device-udp", |words| udp_with(words, libc::SOL_SOCKET, libc::SO_BINDTODEVICE, b"eth0\0")),
    ("ended-connection", ended_connection),
    ("udp-from", |words| {
        let to = address(words, 1)?;
        let local: IpAddr =
            if to.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        udp_from(&UdpSocket::bind((local, word(words, 0)?.parse()?))?, to, token().as_bytes())
    }),
    ("mark", |words| with_option(words, libc::SOL_SOCKET, libc::SO_MARK, &0x6e77_u32.to_ne_bytes())),
    ("priority", |words| with_option(words, libc::SOL_SOCKET, libc::SO_PRIORITY, &6_u32.to_ne_bytes())),
    ("broadcast", |words| udp_with(words, libc::SOL_SOCKET, libc::SO_BROADCAST, &1_u32.to_ne_bytes())),
    ("transparent", |words| foreign_source(words, libc::IP_TRANSPARENT)),
    ("free-bind", |words| foreign_source(words, libc::IP_FREEBIND)),
    ("source-given", source_given),
    ("join-group", join_group),
    ("protocol", protocol),
    ("ping", ping),
    ("device-ping", |words| ping_by(words, Some(b"eth0\0"))),
    ("other-destination", other_destination),
    ("segments", segments),
    ("neighbours", neighbours),
    ("timestamps", |words| udp_with(words, libc::SOL_SOCKET, libc::SO_TIMESTAMPING, &0xff_u32.to_ne_bytes())),
];

fn port(words: &[&str]) -> Result<u16, Box<dyn std::error::Error>> {
    Ok(word(words, 1)?.parse()?)
}

/// Address and port from two words. A link is looked for by its name; where there is none, the last one with IPv6 is taken.
fn address(words: &[&str], at: usize) -> Result<SocketAddr, Box<dyn std::error::Error>> {
    let text = word(words, at)?;
    let port: u16 = word(words, at + 1)?.parse()?;
    let Some((address, link)) = text.split_once('%') else { return Ok(SocketAddr::new(text.parse()?, port)) };
    let table = std::fs::read_to_string("/proc/net/if_inet6").unwrap_or_default();
    let mut indices = table.lines().filter_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let index = u32::from_str_radix(fields.get(1)?, 16).ok()?;
        Some((*fields.last()? == link, index))
    });
    let index = indices.clone().find(|(named, _)| *named).or_else(|| indices.by_ref().last());
    Ok(std::net::SocketAddrV6::new(address.parse()?, port, 0, index.map_or(1, |(_, index)| index)).into())
}

/// What the name resolves to by the system's resolver, first of all.
pub(crate) fn named(name: &str, port: u16) -> Result<SocketAddr, Box<dyn std::error::Error>> {
    let mut found = (name, port).to_socket_addrs().map_err(|error| format!("{name}: {error}"))?;
    Ok(found.next().ok_or("no address")?)
}

fn large(length: usize) -> Vec<u8> {
    token().into_bytes().into_iter().cycle().take(length).collect()
}

/// Connects, says something, and waits a little for an answer.
pub(crate) fn tcp(to: SocketAddr) -> Outcome {
    let mut stream = TcpStream::connect_timeout(&to, PATIENCE).map_err(|error| format!("{to}: {error}"))?;
    stream.set_read_timeout(Some(Duration::from_millis(200)))?;
    stream.write_all(format!("GET /{} HTTP/1.0\r\n\r\n", token()).as_bytes())?;
    let mut answer = [0; 64];
    let length =
        stream.read(&mut answer).map_err(|error| format!("{to} took the connection, but: {error}"))?;
    Ok(Came::Reached(format!("{to}, which answered {length} bytes")))
}

/// Sends a datagram and waits a little for an answer.
pub(crate) fn udp(to: SocketAddr, payload: &[u8]) -> Outcome {
    let local: IpAddr =
        if to.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((local, 0))?;
    udp_from(&socket, to, payload)
}

fn udp_from(socket: &UdpSocket, to: SocketAddr, payload: &[u8]) -> Outcome {
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.send_to(payload, to).map_err(|error| format!("{to}: {error}"))?;
    let mut answer = [0; 70_000];
    let (length, from) = socket.recv_from(&mut answer).map_err(|error| format!("{to}: {error}"))?;
    Ok(Came::Reached(format!("{from} answered {length} bytes")))
}

/// Resolves a name, then connects elsewhere, after so many milliseconds. What the name leads to does not matter. Where
/// `NETWRIGHT_AT_ONCE` is set, nothing is waited for.
fn then_tcp(words: &[&str]) -> Outcome {
    let _ = named(word(words, 0)?, 0);
    let pause: u64 = words.get(3).map_or(Ok(0), |text| text.parse())?;
    if std::env::var_os("NETWRIGHT_AT_ONCE").is_none() {
        std::thread::sleep(Duration::from_millis(pause));
    }
    tcp(address(words, 1)?)
}

fn then_udp(words: &[&str]) -> Outcome {
    let _ = named(word(words, 0)?, 0);
    udp(address(words, 1)?, token().as_bytes())
}

fn mapped(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().into(),
        IpAddr::V6(_) => address,
    }
}

/// `struct sockaddr_in` or `sockaddr_in6`.
pub(crate) fn socket_address(to: SocketAddr) -> Vec<u8> {
    let port = to.port().to_be_bytes();
    match to {
        SocketAddr::V4(to) => {
            [&(libc::AF_INET as u16).to_ne_bytes()[..], &port, &to.ip().octets(), &[0; 8]].concat()
        }
        SocketAddr::V6(to) => [
            &(libc::AF_INET6 as u16).to_ne_bytes()[..],
            &port,
            &[0; 4],
            &to.ip().octets(),
            &to.scope_id().to_ne_bytes(),
        ]
        .concat(),
    }
}

fn family(to: SocketAddr) -> i32 {
    if to.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 }
}

pub(crate) fn option(socket: &OwnedFd, level: i32, name: i32, value: &[u8]) -> std::io::Result<()> {
    let fd = socket.as_raw_fd();
    let length = value.len() as i64;
    let arguments = [fd.into(), level.into(), name.into(), Argument::Bytes(value), length.into()];
    call(libc::SYS_setsockopt, arguments).map(drop)
}

/// Limits how long the socket's calls block.
fn hurry(socket: &OwnedFd) -> std::io::Result<()> {
    let time = [0_i64.to_ne_bytes(), 700_000_i64.to_ne_bytes()].concat();
    option(socket, libc::SOL_SOCKET, libc::SO_SNDTIMEO, &time)?;
    option(socket, libc::SOL_SOCKET, libc::SO_RCVTIMEO, &time)
}

fn connect(socket: &OwnedFd, to: SocketAddr) -> std::io::Result<()> {
    hurry(socket)?;
    let address = socket_address(to);
    let length = address.len() as i64;
    call(libc::SYS_connect, [socket.as_raw_fd().into(), Argument::Bytes(&address), length.into()]).map(drop)
}

fn talk(socket: OwnedFd, to: SocketAddr) -> Outcome {
    connect(&socket, to).map_err(|error| format!("{to}: {error}"))?;
    let mut stream = TcpStream::from(socket);
    stream.write_all(token().as_bytes())?;
    let mut answer = [0; 64];
    let length = stream.read(&mut answer)?;
    Ok(Came::Reached(format!("{to}, which answered {length} bytes")))
}

fn tcp_of(family: i32, to: SocketAddr) -> Outcome {
    talk(attempt::socket(family, libc::SOCK_STREAM, 0)?, to)
}

fn with_option(words: &[&str], level: i32, name: i32, value: &[u8]) -> Outcome {
    let to = address(words, 0)?;
    let socket = attempt::socket(family(to), libc::SOCK_STREAM, 0)?;
    // Goes on where the option is refused: the packet may leave all the same.
    let set = option(&socket, level, name, value).err();
    talk(socket, to).map_err(|error| format!("{error}; option: {set:?}").into())
}

fn udp_with(words: &[&str], level: i32, name: i32, value: &[u8]) -> Outcome {
    let to = address(words, 0)?;
    let socket = attempt::socket(family(to), libc::SOCK_DGRAM, 0)?;
    let _ = option(&socket, level, name, value);
    udp_from(&UdpSocket::from(socket), to, token().as_bytes())
}

/// Ends a connection with itself, from an address to another one, and still sends something to the end that is gone: the kernel answers for it.
fn ended_connection(words: &[&str]) -> Outcome {
    let source = SocketAddr::new(word(words, 0)?.parse()?, 0);
    let listener = std::net::TcpListener::bind(address(words, 1)?)?;
    let socket = attempt::socket(family(source), libc::SOCK_STREAM, 0)?;
    let name = socket_address(source);
    call(libc::SYS_bind, [socket.as_raw_fd().into(), Argument::Bytes(&name), (name.len() as i64).into()])?;
    connect(&socket, listener.local_addr()?)?;
    let (mut other, _) = listener.accept()?;
    drop(socket);
    let _ = other.read(&mut [0])?; // the end
    let _ = other.write_all(b"x");
    Ok(Came::Reached("the end of a connection".into()))
}

/// Data in the first segment.
fn fast_open(words: &[&str]) -> Outcome {
    let to = address(words, 0)?;
    let socket = attempt::socket(family(to), libc::SOCK_STREAM, 0)?;
    hurry(&socket)?;
    let _ = option(&socket, libc::IPPROTO_TCP, 34, &1_u32.to_ne_bytes()); // TCP_FASTOPEN_NO_COOKIE
    let (data, address) = (token().into_bytes(), socket_address(to));
    let length = address.len() as i64;
    call(
        libc::SYS_sendto,
        [
            socket.as_raw_fd().into(),
            Argument::Bytes(&data),
            (data.len() as i64).into(),
            libc::MSG_FASTOPEN.into(),
            Argument::Bytes(&address),
            length.into(),
        ],
    )?;
    let mut answer = [0; 64];
    let length = TcpStream::from(socket).read(&mut answer)?;
    Ok(Came::Reached(format!("{to}, which answered {length} bytes")))
}

/// A loose source route: by the first address to the second.
fn ip_options(words: &[&str]) -> Outcome {
    let via = address(words, 0)?;
    let IpAddr::V4(last) = word(words, 2)?.parse()? else { return Err("IPv4 only".into()) };
    let route = [&[131, 7, 4][..], &last.octets(), &[0]].concat();
    let record = [&[7, 7, 4][..], &[0; 5]].concat();
    let mut outcome = Err("no option was accepted".into());
    for options in [route, record] {
        let socket = attempt::socket(libc::AF_INET, libc::SOCK_DGRAM, 0)?;
        if option(&socket, libc::IPPROTO_IP, libc::IP_OPTIONS, &options).is_ok() {
            // Not the token: that it gets to the first address may be allowed.
            outcome = udp_from(&UdpSocket::from(socket), via, b"by another way");
        }
    }
    outcome
}

/// A datagram from an address that is not this host's.
fn foreign_source(words: &[&str], by: i32) -> Outcome {
    let (to, from) = (address(words, 0)?, SocketAddr::new(word(words, 2)?.parse()?, 0));
    let socket = attempt::socket(family(to), libc::SOCK_DGRAM, 0)?;
    let level = if to.is_ipv4() { libc::IPPROTO_IP } else { libc::IPPROTO_IPV6 };
    option(&socket, level, by, &1_u32.to_ne_bytes()).map_err(|error| format!("the option: {error}"))?;
    let source = socket_address(from);
    let length = source.len() as i64;
    call(libc::SYS_bind, [socket.as_raw_fd().into(), Argument::Bytes(&source), length.into()])?;
    udp_from(&UdpSocket::from(socket), to, token().as_bytes())
}

/// Sends data in one piece with what is said beside it, as `struct msghdr` has it.
pub(crate) fn send_message(
    socket: &OwnedFd,
    name: &[u8],
    data: &[u8],
    control: &[u8],
    flags: i32,
) -> std::io::Result<i64> {
    let piece = [attempt::address(data), data.len() as u64].map(u64::to_ne_bytes).concat();
    let message = [
        attempt::address(name),
        name.len() as u64,
        attempt::address(&piece),
        1,
        attempt::address(control),
        control.len() as u64,
        0,
    ];
    let message = message.map(u64::to_ne_bytes).concat();
    call(libc::SYS_sendmsg, [socket.as_raw_fd().into(), Argument::Bytes(&message), flags.into()])
}

/// The control message that gives a datagram its link and its source: `struct cmsghdr` and `struct in_pktinfo`.
pub(crate) fn packet_information(link: u32, source: Ipv4Addr) -> Vec<u8> {
    let head = [libc::IPPROTO_IP, libc::IP_PKTINFO].map(i32::to_ne_bytes).concat();
    [&28_u64.to_ne_bytes()[..], &head, &link.to_ne_bytes(), &source.octets(), &[0; 8]].concat()
}

/// A datagram whose source and link are said beside it.
fn source_given(words: &[&str]) -> Outcome {
    let to = address(words, 0)?;
    let IpAddr::V4(source) = word(words, 2)?.parse()? else { return Err("IPv4 only".into()) };
    let socket = attempt::socket(libc::AF_INET, libc::SOCK_DGRAM, 0)?;
    let (name, data) = (socket_address(to), token().into_bytes());
    let mut sent = Err(std::io::ErrorKind::Other.into());
    for link in [0_u32, 1, 2, 3] {
        let result = send_message(&socket, &name, &data, &packet_information(link, source), 0);
        if sent.is_err() {
            sent = result;
        }
    }
    sent?;
    hurry(&socket)?;
    let mut answer = [0; 64];
    let (_, from) = UdpSocket::from(socket).recv_from(&mut answer)?;
    Ok(Came::Reached(format!("{from} answered")))
}

fn join_group(words: &[&str]) -> Outcome {
    let to = address(words, 0)?;
    let socket = UdpSocket::bind(if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" })?;
    match to.ip() {
        IpAddr::V4(group) => {
            // The link must be named where no route leads to the group.
            let joined = socket.join_multicast_v4(&group, &Ipv4Addr::UNSPECIFIED);
            joined.or_else(|_| socket.join_multicast_v4(&group, &Ipv4Addr::LOCALHOST))?;
        }
        IpAddr::V6(group) => socket.join_multicast_v6(&group, 0)?,
    }
    udp_from(&socket, to, token().as_bytes())
}

/// A socket of another protocol: stream or datagram, by the protocol's number.
fn protocol(words: &[&str]) -> Outcome {
    let to = address(words, 0)?;
    let number: i32 = word(words, 2)?.parse()?;
    let kind = match word(words, 3)? {
        "stream" => libc::SOCK_STREAM,
        "datagram" => libc::SOCK_DGRAM,
        "sequence" => libc::SOCK_SEQPACKET,
        _ => libc::SOCK_DCCP,
    };
    let socket = attempt::socket(family(to), kind, number)?;
    connect(&socket, to).map_err(|error| format!("{to}: {error}"))?;
    let data = token().into_bytes();
    let length = data.len() as i64;
    call(libc::SYS_write, [socket.as_raw_fd().into(), Argument::Bytes(&data), length.into()])?;
    let mut answer = vec![0; 64];
    let read = call(libc::SYS_read, [socket.as_raw_fd().into(), Argument::Room(&mut answer), 64.into()])?;
    Ok(Came::Reached(format!("{to} by protocol {number} answered {read} bytes")))
}

/// An echo request with the token as its contents.
pub(crate) fn ping(words: &[&str]) -> Outcome {
    ping_by(words, None)
}

/// The same through a socket that is bound to a link.
fn ping_by(words: &[&str], link: Option<&[u8]>) -> Outcome {
    let to = SocketAddr::new(word(words, 0)?.parse()?, 0);
    let (protocol, request) =
        if to.is_ipv4() { (libc::IPPROTO_ICMP, 8) } else { (libc::IPPROTO_ICMPV6, 128) };
    let socket = attempt::socket(family(to), libc::SOCK_DGRAM, protocol)?;
    if let Some(link) = link {
        option(&socket, libc::SOL_SOCKET, libc::SO_BINDTODEVICE, link)?;
    }
    let payload =
        words.get(1).map_or_else(|| token().into_bytes(), |length| large(length.parse().unwrap_or(8)));
    let message = [&[request, 0, 0, 0, 0, 1, 0, 1][..], &payload].concat();
    connect(&socket, to).map_err(|error| format!("{to}: {error}"))?;
    let length = message.len() as i64;
    call(libc::SYS_write, [socket.as_raw_fd().into(), Argument::Bytes(&message), length.into()])?;
    let mut answer = vec![0; 70_000];
    let room = answer.len() as i64;
    let read = call(libc::SYS_read, [socket.as_raw_fd().into(), Argument::Room(&mut answer), room.into()])?;
    let came = answer.get(8..read as usize).unwrap_or_default();
    if came != payload {
        return Err(format!("{to} answered with other contents").into());
    }
    Ok(Came::Reached(format!("{to} answered {read} bytes")))
}

/// A socket that was used to talk to an allowed place, then sends elsewhere: to the name's port, then to the address.
fn other_destination(words: &[&str]) -> Outcome {
    let first = named(word(words, 0)?, word(words, 1)?.parse()?)?;
    let other = address(words, 2)?;
    let socket = UdpSocket::bind(if first.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" })?;
    udp_from(&socket, first, b"allowed").map_err(|error| format!("already the allowed one: {error}"))?;
    udp_from(&socket, other, token().as_bytes())
}

/// A large datagram that the kernel cuts into many.
fn segments(words: &[&str]) -> Outcome {
    const UDP_SEGMENT: i32 = 103;
    let to = address(words, 0)?;
    let socket = attempt::socket(family(to), libc::SOCK_DGRAM, 0)?;
    option(&socket, libc::IPPROTO_UDP, UDP_SEGMENT, &500_u32.to_ne_bytes())?;
    udp_from(&UdpSocket::from(socket), to, &large(4000))
}

/// The likely addresses of the other end of every link, and of this one.
fn neighbours(words: &[&str]) -> Outcome {
    let port: u16 = word(words, 0)?.parse()?;
    let mut outcome = Err("there is no neighbour".into());
    let table = std::fs::read_to_string("/proc/net/route")?;
    let gateways = table.lines().filter_map(|line| {
        let field = line.split_whitespace().nth(2)?;
        Some(Ipv4Addr::from(u32::from_str_radix(field, 16).ok()?.swap_bytes()))
    });
    let next = |address: Ipv4Addr| Ipv4Addr::from(u32::from(address).wrapping_add(1));
    for gateway in gateways.filter(|gateway| !gateway.is_unspecified()) {
        for address in [gateway, next(gateway)] {
            outcome = outcome.or_else(|_: Box<dyn std::error::Error>| tcp((address, port).into()));
        }
    }
    for link in 1..8 {
        // All nodes of the link, and all its routers.
        for group in ["ff02::1", "ff02::2"] {
            let to = std::net::SocketAddrV6::new(group.parse()?, port, 0, link);
            let socket = UdpSocket::bind("[::]:0")?;
            let _ = socket.send_to(token().as_bytes(), to);
        }
    }
    outcome
}
