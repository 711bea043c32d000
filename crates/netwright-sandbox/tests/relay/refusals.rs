//! Connections that do not come about.

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use netwright_confine::SocketRequest;
use netwright_lab::{Failure, Lab, Outcome, ensure, ensure_eq};
use netwright_route::route::RouteKind;
use netwright_route::{Add, Route};
use netwright_sandbox::Protocol;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{SendFlags, connect, sendto};

use crate::world::{PATIENCE, Told, World, servers};

/// Flags of TCP segments.
const RST: u8 = 0x04;
const ACK: u8 = 0x10;

/// Destinations that the host drops, refuses a route to, and has none to.
fn surroundings(lab: &mut Lab, world: &mut World) -> Outcome {
    for silent in ["198.51.100.0/24", "2001:db8:1::/48"] {
        world.neighbour.request(&Add(&Route::to(silent.parse()?).of_kind(RouteKind::BLACKHOLE)))?;
        let via = if silent.contains(':') { Lab::NEIGHBOUR[1] } else { Lab::NEIGHBOUR[0] };
        lab.host.route(silent, via)?;
    }
    for (kind, prefixes) in [
        (RouteKind::UNREACHABLE, ["203.0.113.0/25", "2001:db8:2::/48"]),
        (RouteKind::PROHIBIT, ["203.0.113.128/25", "2001:db8:3::/48"]),
    ] {
        for prefix in prefixes {
            lab.host.request(&Add(&Route::to(prefix.parse()?).of_kind(kind)))?;
        }
    }
    Ok(())
}

pub(crate) fn connecting_fails_as_it_would_without_a_relay(lab: &mut Lab) -> Outcome {
    let mut world = World::new(lab, &["any"])?;
    surroundings(lab, &mut world)?;
    world.drop_repeated_segments()?;
    let closed = |address: IpAddr| SocketAddr::new(address, 1);
    let [ipv4, ipv6] = servers();
    let cases: [(SocketAddr, Errno); 6] = [
        (closed(ipv4), Errno::CONNREFUSED),
        (closed(ipv6), Errno::CONNREFUSED),
        ("203.0.113.1:80".parse()?, Errno::HOSTUNREACH),
        ("[2001:db8:2::1]:80".parse()?, Errno::HOSTUNREACH),
        ("198.18.0.1:80".parse()?, Errno::NETUNREACH),
        ("[2001:db8:9::1]:80".parse()?, Errno::NETUNREACH),
    ];
    for (to, errno) in cases {
        let direct = std::net::TcpStream::connect(to).err().and_then(|error| error.raw_os_error());
        ensure_eq!(direct, Some(errno.raw_os_error()));
        let inside = world.connect(to)?.err().and_then(|error| error.raw_os_error());
        ensure_eq!((to, inside), (to, direct));
        let told =
            world.hear(|told| matches!(told, Told::Failed { destination, .. } if *destination == to))?;
        let reason = std::io::Error::from(errno).to_string();
        let Told::Failed { reason: why, protocol, .. } = told else { return Err(Failure::wrong("not so")) };
        ensure!(reason.starts_with(&why) || why == Errno::to_string(&errno), "{why} for {reason}");
        ensure_eq!(protocol, Protocol::Tcp);
    }
    for prohibited in ["203.0.113.129:80", "[2001:db8:3::1]:80"] {
        let error = world.connect(prohibited.parse()?)?.err().and_then(|error| error.raw_os_error());
        ensure!(error.is_some_and(|error| error != Errno::TIMEDOUT.raw_os_error()), "{error:?}");
    }
    Ok(())
}

pub(crate) fn what_the_policy_allows_is_told(lab: &mut Lab) -> Outcome {
    let world = World::new(lab, &["any"])?;
    for address in servers() {
        let (listener, at) = world.listen(address)?;
        world.pair(&listener, at)?;
        world.hear(|told| *told == Told::Seen { protocol: Some(Protocol::Tcp), destination: at })?;
        world.datagram_socket(at.is_ipv6())?.send_to(b"datagram", at)?;
        world.hear(|told| *told == Told::Seen { protocol: Some(Protocol::Udp), destination: at })?;
    }
    Ok(())
}

pub(crate) fn nobody_is_connected_before_the_destination_answers(lab: &mut Lab) -> Outcome {
    let mut world = World::new(lab, &["any"])?;
    surroundings(lab, &mut world)?;
    for silent in ["198.51.100.7:80", "[2001:db8:1::7]:80"] {
        let silent: SocketAddr = silent.parse()?;
        let request = SocketRequest { nonblocking: true, ..SocketRequest::tcp(silent.is_ipv6()) };
        let socket = world.enclosure.socket(&request)?;
        ensure_eq!(connect(&socket, &silent), Err(Errno::INPROGRESS));
        let patience = Timespec::try_from(Duration::from_millis(1500))?;
        let mut waits = [PollFd::new(&socket, PollFlags::OUT)];
        ensure_eq!(poll(&mut waits, Some(&patience))?, 0);
    }
    ensure_eq!(world.relay.counters().connections, 0);
    Ok(())
}

pub(crate) fn what_the_policy_refuses_is_told_first(lab: &mut Lab) -> Outcome {
    let world = World::new(lab, &["192.0.2.2:1-1000"])?;
    let (listener, at) = world.listen(servers()[0])?;
    let (other, at_ipv6) = world.listen(servers()[1])?;
    world.drop_repeated_segments()?;
    for at in [at, at_ipv6] {
        let error = world.connect(at)?.err().map(|error| error.kind());
        ensure_eq!(error, Some(ErrorKind::ConnectionRefused));
        match world.told.try_recv() {
            Ok(Told::Refused { protocol, destination, source }) => {
                ensure_eq!((protocol, destination), (Some(Protocol::Tcp), at));
                ensure!(source.port() != 0);
            }
            other => return Err(Failure::wrong(format_args!("{other:?}"))),
        }
        let socket = world.datagram_socket(at.is_ipv6())?;
        let error = socket.send_to(b"datagram", at).err().map(|error| error.kind());
        ensure_eq!(error, Some(ErrorKind::PermissionDenied));
        world.hear(|told| matches!(told, Told::Refused { protocol: Some(Protocol::Udp), destination, .. } if *destination == at))?;
    }
    for listener in [listener, other] {
        listener.set_nonblocking(true)?;
        ensure_eq!(listener.accept().err().map(|error| error.kind()), Some(ErrorKind::WouldBlock));
    }
    Ok(())
}

/// Nothing is behind the listeners themselves, neither here nor on the host.
pub(crate) fn listeners_take_nothing_that_was_not_held(lab: &mut Lab) -> Outcome {
    let world = World::new(lab, &["any"])?;
    let port = world.relay.port_ipv4();
    let listener = std::net::TcpListener::bind(("127.0.0.1", port));
    ensure!(world.connect(SocketAddr::new("127.0.0.1".parse()?, port))?.is_err());
    ensure_eq!(world.relay.counters().connections, 0);
    drop(listener);
    Ok(())
}

/// What looks like data of a connection that is not there is looked at twice, and reset then.
pub(crate) fn data_of_no_connection_is_reset(lab: &mut Lab) -> Outcome {
    const OWN_PORT: u16 = 4000;
    const EXPECTED: u32 = 0x0102_0304;
    let world = World::new(lab, &["any"])?;
    for address in servers() {
        let protocol = rustix::net::ipproto::TCP.as_raw().get() as i32;
        let request =
            SocketRequest { protocol, header_included: false, ..SocketRequest::raw(address.is_ipv6()) };
        let raw = UdpSocket::from(world.enclosure.socket(&request)?);
        raw.set_read_timeout(Some(PATIENCE))?;
        let mut segment = [OWN_PORT.to_be_bytes(), 80_u16.to_be_bytes()].concat();
        segment.extend([1_u32.to_be_bytes(), EXPECTED.to_be_bytes()].concat());
        segment.extend([5 << 4, ACK, 0xff, 0xff, 0, 0, 0, 0]); // the supervisor completes the checksum
        segment.extend(b"data");
        sendto(&raw, &segment, SendFlags::empty(), &SocketAddr::new(address, 0))?;
        let start = Instant::now();
        let mut buffer = [0; 200];
        let reset = loop {
            let (length, _) = raw.recv_from(&mut buffer)?;
            let received = &buffer[if address.is_ipv4() { 20 } else { 0 }..length];
            if received.get(2..4) == Some(&OWN_PORT.to_be_bytes()) {
                break received.to_vec();
            }
            ensure!(start.elapsed() < PATIENCE, "no answer");
        };
        ensure_eq!(reset.get(4..8), Some(&EXPECTED.to_be_bytes()[..]));
        ensure_eq!(reset.get(13), Some(&RST));
        ensure!(start.elapsed() >= Duration::from_millis(1));
    }
    Ok(())
}
