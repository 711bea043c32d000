//! Sockets of a network namespace, as the kernel tells of them (`SOCK_DIAG_BY_FAMILY`, `linux/inet_diag.h`).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use netwright_wire::{Acknowledged, Dump, Malformed, Message, Query, Request, Subject, Writer};

use crate::message::{unexpected, write_header};
use crate::{Family, NetworkOrder};

/// The netlink protocol of these requests (`NETLINK_SOCK_DIAG`).
pub const SOCKET_DIAGNOSIS_PROTOCOL: i32 = 4;

/// Type of the requests and of the answers (`SOCK_DIAG_BY_FAMILY`).
const BY_FAMILY: u16 = 20;
/// Type of the request that ends a socket (`SOCK_DESTROY`).
const DESTROY: u16 = 21;
/// A cookie that any socket has (`INET_DIAG_NOCOOKIE`).
const ANY_COOKIE: u64 = u64::MAX;

netwright_wire::header! {
    /// `struct inet_diag_sockid`, the ends of a socket.
    pub struct SocketEnds: Native {
        source_port: NetworkOrder<u16>,
        destination_port: NetworkOrder<u16>,
        /// An IPv4 address is in the first four bytes.
        source: [u8; 16],
        destination: [u8; 16],
        /// Index of the link that it is bound to.
        link: u32,
        cookie: [u8; 8],
    }

    /// `struct inet_diag_req_v2`.
    pub struct SocketRequest: Native {
        family: u8,
        protocol: u8,
        extensions: u8,
        padding: u8,
        /// A bit for each state that is asked for.
        states: u32,
        ends: SocketEnds,
    }

    /// `struct inet_diag_msg`.
    pub struct SocketHeader: Native {
        family: u8,
        state: SocketState,
        timer: u8,
        retransmits: u8,
        ends: SocketEnds,
        expires: u32,
        receive_queue: u32,
        send_queue: u32,
        user: u32,
        inode: u32,
    }
}

netwright_wire::open_enum! {
    /// Protocols whose sockets can be asked for (`IPPROTO_*`).
    pub struct Transport(u8) {
        /// TCP.
        #[doc(alias = "IPPROTO_TCP")]
        TCP = 6 "tcp",
        /// UDP.
        #[doc(alias = "IPPROTO_UDP")]
        UDP = 17 "udp",
    }

    /// State of a socket (`TCP_*` of `net/tcp_states.h`); of UDP sockets the connected ones are established, the others closed.
    pub struct SocketState(u8) {
        /// Connected.
        ESTABLISHED = 1 "established",
        /// Waiting for an answer to its first segment.
        SYN_SENT = 2 "syn-sent",
        /// Has answered a first segment.
        #[doc(alias = "TCP_SYN_RECV")]
        SYN_RECEIVED = 3 "syn-recv",
        /// Has closed, and waits for the acknowledgement.
        #[doc(alias = "TCP_FIN_WAIT1")]
        FIN_WAIT_1 = 4 "fin-wait-1",
        /// Has closed, and waits for the other end to.
        #[doc(alias = "TCP_FIN_WAIT2")]
        FIN_WAIT_2 = 5 "fin-wait-2",
        /// Closed on both ends.
        TIME_WAIT = 6 "time-wait",
        /// Nobody's any more, or not connected.
        #[doc(alias = "TCP_CLOSE")]
        CLOSED = 7 "close",
        /// The other end has closed.
        CLOSE_WAIT = 8 "close-wait",
        /// Both ends have closed, and this waits for the acknowledgement.
        #[doc(alias = "TCP_LAST_ACK")]
        LAST_ACKNOWLEDGEMENT = 9 "last-ack",
        /// Waits for connections.
        #[doc(alias = "TCP_LISTEN")]
        LISTENING = 10 "listen",
        /// Both ends have closed at once.
        CLOSING = 11 "closing",
    }
}

/// A socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(alias = "inet_diag_msg")]
pub struct Socket {
    /// Its state.
    pub state: SocketState,
    /// Its own address and port; unspecified where it is not bound.
    pub local: SocketAddr,
    /// Those of the other end; unspecified where it is not connected.
    pub remote: SocketAddr,
    /// Its owner, as a number of the asking process's user namespace.
    pub user: u32,
    /// What `/proc/PID/fd` calls it by: `socket:[inode]`. Zero where no process has it any more.
    pub inode: u32,
}

impl Socket {
    /// Reads an answer; `None` where the message is another one.
    pub fn read(message: &Message<'_>) -> Result<Option<Self>, Malformed> {
        if message.header.kind != BY_FAMILY {
            return Ok(None);
        }
        let header: SocketHeader = message.fixed()?;
        let SocketEnds { source, source_port, destination, destination_port, .. } = header.ends;
        Ok(Some(Socket {
            state: header.state,
            local: SocketAddr::new(address(header.family, source), source_port.0),
            remote: SocketAddr::new(address(header.family, destination), destination_port.0),
            user: header.user,
            inode: header.inode,
        }))
    }
}

/// Asks for the socket that a packet belongs to.
///
/// An IPv6 socket that speaks IPv4 is found by IPv4 addresses where the packet is IPv4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Find {
    /// The protocol.
    pub transport: Transport,
    /// The packet's source, where the socket is its sender.
    pub local: SocketAddr,
    /// The packet's destination.
    pub remote: SocketAddr,
}

impl Subject for Find {
    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "find the {} socket from {} to {}", self.transport, self.local, self.remote)
    }
}

impl Request for Find {
    const PROTOCOL: i32 = SOCKET_DIAGNOSIS_PROTOCOL;

    fn kind(&self) -> u16 {
        BY_FAMILY
    }

    fn write(&self, writer: &mut Writer) {
        // Of UDP the kernel takes the sender for the socket's end, of TCP the receiver.
        let (source, destination) = match self.transport {
            Transport::UDP => (self.remote, self.local),
            _ => (self.local, self.remote),
        };
        let request = SocketRequest {
            family: Family::of(self.local.ip()).0,
            protocol: self.transport.0,
            states: u32::MAX,
            ends: SocketEnds {
                source_port: NetworkOrder(source.port()),
                destination_port: NetworkOrder(destination.port()),
                source: octets(source.ip()),
                destination: octets(destination.ip()),
                link: 0,
                cookie: ANY_COOKIE.to_ne_bytes(),
            },
            ..SocketRequest::default()
        };
        write_header(&request, writer);
    }
}

impl Query for Find {
    type Output = Socket;

    fn read(&self, message: &Message<'_>) -> Result<Socket, Malformed> {
        Socket::read(message)?.ok_or_else(|| unexpected("a socket", message.payload))
    }
}

/// Ends a connected socket: its process gets an error (`ECONNABORTED`), and of TCP the other end is reset. It needs `CAP_NET_ADMIN`, and a
/// kernel that was built with it (`CONFIG_INET_DIAG_DESTROY`).
#[doc(alias = "SOCK_DESTROY")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Destroy {
    /// The protocol.
    pub transport: Transport,
    /// The socket's own address and port.
    pub local: SocketAddr,
    /// Those of the other end.
    pub remote: SocketAddr,
}

impl Subject for Destroy {
    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "end the {} socket from {} to {}", self.transport, self.local, self.remote)
    }
}

impl Request for Destroy {
    const PROTOCOL: i32 = SOCKET_DIAGNOSIS_PROTOCOL;

    fn kind(&self) -> u16 {
        DESTROY
    }

    fn write(&self, writer: &mut Writer) {
        Find { transport: self.transport, local: self.local, remote: self.remote }.write(writer);
    }
}

impl Acknowledged for Destroy {}

/// Lists the sockets of one family and protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct List {
    /// IPv4 or IPv6.
    pub family: Family,
    /// The protocol.
    pub transport: Transport,
}

impl Subject for List {
    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "list the {} {} sockets", self.family, self.transport)
    }
}

impl Request for List {
    const PROTOCOL: i32 = SOCKET_DIAGNOSIS_PROTOCOL;

    fn kind(&self) -> u16 {
        BY_FAMILY
    }

    fn write(&self, writer: &mut Writer) {
        let request = SocketRequest {
            family: self.family.0,
            protocol: self.transport.0,
            states: u32::MAX,
            ..SocketRequest::default()
        };
        write_header(&request, writer);
    }
}

impl Dump for List {
    type View<'a> = Socket;
    type Output = Socket;

    fn view<'a>(&self, message: &Message<'a>) -> Result<Option<Socket>, Malformed> {
        Socket::read(message)
    }

    fn own(&self, view: Socket) -> Result<Socket, Malformed> {
        Ok(view)
    }
}

fn address(family: u8, octets: [u8; 16]) -> IpAddr {
    match Family(family) {
        Family::IPV6 => Ipv6Addr::from(octets).into(),
        _ => {
            let [a, b, c, d, ..] = octets;
            Ipv4Addr::new(a, b, c, d).into()
        }
    }
}

fn octets(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => {
            let mut octets = [0; 16];
            octets[..4].copy_from_slice(&address.octets());
            octets
        }
        IpAddr::V6(address) => address.octets(),
    }
}

#[cfg(test)]
mod tests;
