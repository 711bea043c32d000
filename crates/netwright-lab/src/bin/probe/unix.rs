//! Ways by sockets of the host.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixStream};

use netwright_lab::internet::ABSTRACT;

use crate::processes::supervisor;
use crate::{Came, Outcome, Way, token, word};

pub(crate) const WAYS: &[Way] = &[
    ("abstract", |_| talk(UnixStream::connect_addr(&SocketAddr::from_abstract_name(ABSTRACT)?)?)),
    ("abstract-datagram", |_| {
        let name = format!("{ABSTRACT}-datagram");
        let socket = UnixDatagram::unbound()?;
        socket.connect_addr(&SocketAddr::from_abstract_name(&name)?)?;
        socket.send(token().as_bytes())?;
        Ok(Came::Reached("the abstract socket".into()))
    }),
    ("path", |words| path(word(words, 0)?)),
    // The supervisor is outside of the masks.
    ("path-by-root", |words| path(&format!("/proc/{}/root{}", supervisor()?, word(words, 0)?))),
    ("path-datagram", |words| {
        UnixDatagram::unbound()?.send_to(token().as_bytes(), word(words, 0)?)?;
        Ok(Came::Reached("the socket".into()))
    }),
];

fn path(path: &str) -> Outcome {
    talk(UnixStream::connect(path).map_err(|error| format!("{path}: {error}"))?)
}

/// Says something, and waits until the server has taken it.
fn talk(mut stream: UnixStream) -> Outcome {
    stream.write_all(token().as_bytes())?;
    stream.shutdown(Shutdown::Write)?;
    let _ = stream.read(&mut [0]);
    Ok(Came::Reached("the socket".into()))
}
