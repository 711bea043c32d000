//! The servers for datagrams.

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};

use super::running::Running;
use super::{NAME_SERVERS, OTHER_NAME_SERVERS, Record, dns, zone};
use netwright_lab::Failure;

/// Ports at which datagrams are sent back, at every address of a name.
pub(super) const ECHO_PORTS: [u16; 5] = [7, 123, 443, 5000, 4433];

/// Starts all servers in the namespace of the calling thread.
pub(super) fn serve(record: &Record) -> Result<Running, Failure> {
    let mut sockets = Vec::new();
    for server in NAME_SERVERS.into_iter().chain(OTHER_NAME_SERVERS) {
        sockets.push(UdpSocket::bind((server, 53))?);
        sockets.push(UdpSocket::bind((server, 443))?);
    }
    for address in zone::addresses() {
        for port in ECHO_PORTS {
            sockets.push(bind(address, port)?);
        }
    }
    let (record, mut buffer) = (record.clone(), vec![0; 70_000]);
    Ok(Running::start("datagrams", sockets, move |socket| {
        let _ = one(socket, &record, &mut buffer);
    })?)
}

fn bind(address: IpAddr, port: u16) -> io::Result<UdpSocket> {
    UdpSocket::bind(SocketAddr::new(address, port))
}

/// Answers one datagram; errors are those of ICMP for answers before.
fn one(socket: &UdpSocket, record: &Record, buffer: &mut [u8]) -> io::Result<()> {
    const LONGEST_NTP: usize = 48;
    let at = socket.local_addr()?;
    let (length, from) = socket.recv_from(buffer)?;
    let payload = buffer.get(..length).unwrap_or_default();
    match at.port() {
        53 => {
            let Some(question) = dns::Question::read(payload) else { return Ok(()) };
            record.add("dns", at, format!("{} {}", question.name, question.kind));
            socket.send_to(&dns::answer(&question, true), from)?;
        }
        123 => {
            record.bytes("ntp", at, payload);
            let mut reply = payload.get(..LONGEST_NTP.min(length)).unwrap_or_default().to_vec();
            // Mode 4, a server's, in the version asked for.
            if let Some(first) = reply.first_mut() {
                *first = (*first & 0x38) | 4;
            }
            socket.send_to(&reply, from)?;
        }
        _ => {
            record.bytes("udp", at, payload);
            socket.send_to(payload, from)?;
        }
    }
    Ok(())
}
