//! All packets that come from the host.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use netwright_route::link;
use rustix::net::{AddressFamily, Protocol, RecvFlags, SocketFlags, SocketType, recv, socket_with, sockopt};

use super::dns;
use netwright_lab::{Failure, Node, wait_until};

/// Where markers are sent, to which nothing else sends.
const MARKERS: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(198, 18, 77, 77)),
    IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0x7777, 0, 0, 0, 0, 0x7777)),
];
const MARKER_PORT: u16 = 9;
/// `ETH_P_ALL` in network byte order.
const ALL: u32 = (3_u16.to_be()) as u32;
const ETHERNET: usize = 14;

/// A packet on the uplink, as the internet's end saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Protocol number of IP (6 is TCP); for frames that are not IP the ethertype, which is above 255.
    pub protocol: u16,
    /// From where.
    pub source: IpAddr,
    /// Where to.
    pub destination: IpAddr,
    /// Source and destination port of TCP, UDP and their like.
    pub ports: Option<(u16, u16)>,
    /// Whether the IPv4 header has options, or the IPv6 header routing or destination options.
    pub options: bool,
    /// The name that a question over UDP to port 53 asks for.
    pub question: Option<String>,
    /// The payload of UDP, or the packet behind the IP header.
    pub payload: Vec<u8>,
    /// The packet that an ICMP message says could not be delivered: somebody's to the host.
    pub refused: Option<Box<Packet>>,
}

impl fmt::Display for Packet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.protocol {
            6 => f.write_str("tcp")?,
            17 => f.write_str("udp")?,
            1 | 58 => f.write_str("icmp")?,
            other => write!(f, "protocol {other}")?,
        }
        write!(f, " to {}", self.destination)?;
        if let Some((_, port)) = self.ports {
            write!(f, " port {port}")?;
        }
        if let Some(name) = &self.question {
            write!(f, " asking for {name}")?;
        }
        match &self.refused {
            Some(refused) => write!(f, " about {refused} from {}", refused.source),
            None => Ok(()),
        }
    }
}

/// A running capture; it ends with the namespace's link.
#[derive(Debug)]
pub struct Capture {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    packets: Vec<Packet>,
    markers: Vec<Vec<u8>>,
    ended: bool,
}

impl Drop for Capture {
    fn drop(&mut self) {
        self.state().ended = true;
    }
}

impl Capture {
    /// Starts it on a node's `eth0`.
    pub(super) fn start(node: &mut Node) -> Result<Self, Failure> {
        let own = node.look(&link::Get::by_name("eth0"))?.address.and_then(|address| address.ethernet());
        let own = own.ok_or_else(|| Failure::wrong("eth0 has no Ethernet address"))?;
        let socket = node.run(|| {
            let protocol = NonZeroU32::new(ALL).map(Protocol::from_raw);
            socket_with(AddressFamily::PACKET, SocketType::RAW, SocketFlags::CLOEXEC, protocol)
        })??;
        let _ = sockopt::set_socket_recv_buffer_size(&socket, 8 << 20);
        sockopt::set_socket_timeout(&socket, sockopt::Timeout::Recv, Some(Duration::from_millis(200)))?;
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        thread::Builder::new().name("capture".into()).spawn(move || {
            let mut frame = vec![0; 70_000];
            loop {
                let received = recv(&socket, &mut frame[..], RecvFlags::empty());
                let mut state = shared.lock().unwrap_or_else(PoisonError::into_inner);
                if state.ended {
                    return;
                }
                if let Ok((_, length)) = received {
                    state.frame(frame.get(..length).unwrap_or_default(), own);
                }
            }
        })?;
        Ok(Capture { state })
    }

    /// Waits until packets of both families come through: the link needs a moment, and neighbours have to be found.
    pub(super) fn ready(&self) -> Result<(), Failure> {
        for marker in MARKERS {
            let (socket, token) = marked(marker)?;
            wait_until("packets come through", || {
                let _ = socket.send_to(&token, (marker, MARKER_PORT));
                std::thread::sleep(Duration::from_millis(1));
                Ok(self.state().markers.contains(&token).then_some(()))
            })?;
        }
        Ok(())
    }

    /// All packets that were sent until now.
    pub(super) fn packets(&self) -> Result<Vec<Packet>, Failure> {
        let [marker, _] = MARKERS;
        let (socket, token) = marked(marker)?;
        socket.send_to(&token, (marker, MARKER_PORT))?;
        wait_until("the capture has seen all packets", || {
            let state = self.state();
            Ok(state.markers.contains(&token).then(|| state.packets.clone()))
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A socket for a marker, and contents that no other one has.
fn marked(marker: IpAddr) -> Result<(UdpSocket, Vec<u8>), Failure> {
    let socket = UdpSocket::bind(if marker.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" })?;
    let token = format!("{:?} {:?}", socket.local_addr()?, Instant::now()).into_bytes();
    Ok((socket, token))
}

impl State {
    fn frame(&mut self, frame: &[u8], own: [u8; 6]) {
        if frame.get(6..12) == Some(&own) || frame.get(..6) == Some(&[0; 6]) {
            return; // what the internet itself sent, and its loopback
        }
        let Some(packet) = read(frame) else { return };
        if packet.ports.is_some_and(|(_, to)| to == MARKER_PORT) && MARKERS.contains(&packet.destination) {
            self.markers.push(packet.payload);
        } else {
            self.packets.push(packet);
        }
    }
}

/// A frame's packet; `None` for what is of no interest: ARP and neighbour discovery.
fn read(frame: &[u8]) -> Option<Packet> {
    const ARP: u16 = 0x0806;
    let kind = u16::from_be_bytes(frame.get(12..ETHERNET)?.try_into().ok()?);
    let packet = frame.get(ETHERNET..)?;
    match kind {
        ARP => None,
        0x0800 => read_ipv4(packet),
        0x86dd => read_ipv6(packet),
        other => Some(Packet {
            protocol: other,
            source: Ipv4Addr::UNSPECIFIED.into(),
            destination: Ipv4Addr::UNSPECIFIED.into(),
            ports: None,
            options: false,
            question: None,
            payload: packet.to_vec(),
            refused: None,
        }),
    }
}

fn read_ipv4(packet: &[u8]) -> Option<Packet> {
    let header = usize::from(packet.first()? & 15) * 4;
    let address = |at: usize| Some(Ipv4Addr::from(<[u8; 4]>::try_from(packet.get(at..at + 4)?).ok()?));
    let first = u16::from_be_bytes([*packet.get(6)? & 0x1f, *packet.get(7)?]) == 0;
    let protocol = *packet.get(9)?;
    let read = transport(protocol, address(12)?.into(), address(16)?.into(), packet.get(header..)?, first);
    const ICMP: u8 = 1;
    const UNREACHABLE: u8 = 3;
    let refused = refused(&read, (ICMP, UNREACHABLE), read_ipv4);
    Some(Packet { options: header > 20, refused, ..read })
}

/// What an ICMP message of this protocol and type is about.
fn refused(
    packet: &Packet,
    (protocol, kind): (u8, u8),
    read: fn(&[u8]) -> Option<Packet>,
) -> Option<Box<Packet>> {
    const HEADER: usize = 8;
    let about = packet.payload.get(HEADER..).filter(|_| packet.protocol == u16::from(protocol))?;
    if packet.payload.first() != Some(&kind) {
        return None;
    }
    read(about).map(Box::new)
}

fn read_ipv6(packet: &[u8]) -> Option<Packet> {
    const HOP_BY_HOP: u8 = 0;
    const ICMP: u8 = 58;
    let address = |at: usize| Some(Ipv6Addr::from(<[u8; 16]>::try_from(packet.get(at..at + 16)?).ok()?));
    let (mut protocol, mut body, mut first) = (*packet.get(6)?, packet.get(40..)?, true);
    let mut options = false;
    // Extension headers: hop-by-hop, routing, fragment, destination options.
    while [HOP_BY_HOP, 43, 44, 60].contains(&protocol) {
        let length = if protocol == 44 { 8 } else { (usize::from(*body.get(1)?) + 1) * 8 };
        options |= protocol != 44;
        first &= protocol != 44 || u16::from_be_bytes([*body.get(2)?, *body.get(3)?]) >> 3 == 0;
        (protocol, body) = (*body.first()?, body.get(length..)?);
    }
    if protocol == ICMP && body.first().is_some_and(|kind| (130..=137).contains(kind) || *kind == 143) {
        return None; // multicast listener reports and neighbour discovery
    }
    let read = transport(protocol, address(8)?.into(), address(24)?.into(), body, first);
    const UNREACHABLE: u8 = 1;
    let refused = refused(&read, (ICMP, UNREACHABLE), read_ipv6);
    Some(Packet { options, refused, ..read })
}

fn transport(protocol: u8, source: IpAddr, destination: IpAddr, body: &[u8], first: bool) -> Packet {
    /// TCP, UDP, DCCP, SCTP, UDP-Lite.
    const WITH_PORTS: [u8; 5] = [6, 17, 33, 132, 136];
    const UDP: u8 = 17;
    let ports = match body {
        [a, b, c, d, ..] if first && WITH_PORTS.contains(&protocol) => {
            Some((u16::from_be_bytes([*a, *b]), u16::from_be_bytes([*c, *d])))
        }
        _ => None,
    };
    let payload = if protocol == UDP && first { body.get(8..).unwrap_or_default() } else { body };
    let question = ports
        .filter(|(_, to)| *to == 53 && protocol == UDP)
        .and_then(|_| Some(dns::Question::read(payload)?.name));
    Packet {
        protocol: protocol.into(),
        source,
        destination,
        ports,
        options: false,
        question,
        payload: payload.to_vec(),
        refused: None,
    }
}
