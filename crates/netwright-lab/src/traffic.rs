//! Real packets, from the namespace of the calling thread; [`crate::Node::run`] sends from another.

mod ping;

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::{Failure, wait_until};

pub use ping::ping;

/// How long to wait for what should arrive: long, as it costs nothing where it does.
pub const ARRIVES: Duration = Duration::from_secs(5);
/// How long to wait for what should not arrive. Between namespaces of one machine packets take well under a millisecond.
pub const SILENCE: Duration = Duration::from_millis(300);

/// What came of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It arrived, from this address and port as the receiver saw it; what [`ping`] sends has port 0.
    Arrived(SocketAddr),
    /// It was refused: a reset, or an ICMP error.
    Refused,
    /// Nothing was heard of it.
    Silence,
}

impl Answer {
    /// Whether it arrived, from whichever address.
    #[must_use]
    pub fn arrived(&self) -> bool {
        matches!(self, Answer::Arrived(_))
    }
}

/// A payload that no other packet has.
fn payload() -> [u8; 8] {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed).to_ne_bytes()
}

/// What an error of sending or connecting means, where it means something.
fn refusal(error: &std::io::Error) -> Option<Answer> {
    match error.kind() {
        ErrorKind::ConnectionRefused | ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => {
            Some(Answer::Refused)
        }
        // What a rule for outgoing packets drops fails with EPERM at once.
        ErrorKind::TimedOut | ErrorKind::WouldBlock | ErrorKind::PermissionDenied => Some(Answer::Silence),
        _ => None,
    }
}

/// Sends a datagram from a socket to an address, at which `receiver` listens in any namespace.
#[track_caller]
pub fn udp(
    sender: &UdpSocket,
    to: SocketAddr,
    receiver: &UdpSocket,
    patience: Duration,
) -> Result<Answer, Failure> {
    let sent = payload();
    sender.connect(to)?; // so that ICMP errors are heard
    if let Err(error) = sender.send(&sent) {
        return refusal(&error).ok_or_else(|| error.into());
    }
    let end = Instant::now() + patience;
    let mut received = [0; 64];
    sender.set_nonblocking(true)?;
    receiver.set_read_timeout(Some(Duration::from_millis(10)))?;
    while Instant::now() < end {
        match receiver.recv_from(&mut received) {
            Ok((length, from)) if received.get(..length) == Some(&sent) => return Ok(Answer::Arrived(from)),
            Ok(_) => {}
            Err(error) if refusal(&error) == Some(Answer::Silence) => {}
            Err(error) => return Err(error.into()),
        }
        if let Some(Answer::Refused) = sender.recv(&mut received).err().as_ref().and_then(refusal) {
            return Ok(Answer::Refused);
        }
    }
    Ok(Answer::Silence)
}

/// Connects to an address, at which `listener` listens in any namespace, and sends data both ways.
#[track_caller]
pub fn tcp(to: SocketAddr, listener: &TcpListener, patience: Duration) -> Result<Answer, Failure> {
    let client = match TcpStream::connect_timeout(&to, patience) {
        Ok(client) => client,
        Err(error) => return refusal(&error).ok_or_else(|| error.into()),
    };
    let (server, from) = accept(listener)?;
    for (mut writer, mut reader) in [(&client, &server), (&server, &client)] {
        let sent = payload();
        reader.set_read_timeout(Some(patience))?;
        writer.write_all(&sent)?;
        let mut received = [0; 8];
        match reader.read_exact(&mut received) {
            Ok(()) if received == sent => {}
            Ok(()) => return Err(Failure::wrong("TCP delivered other data than was sent")),
            Err(error) => return refusal(&error).ok_or_else(|| error.into()),
        }
    }
    Ok(Answer::Arrived(from))
}

fn accept(listener: &TcpListener) -> Result<(TcpStream, SocketAddr), Failure> {
    listener.set_nonblocking(true)?;
    let accepted = wait_until("the connection is accepted", || match listener.accept() {
        Ok(accepted) => Ok(Some(accepted)),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error.into()),
    })?;
    accepted.0.set_nonblocking(false)?;
    Ok(accepted)
}
