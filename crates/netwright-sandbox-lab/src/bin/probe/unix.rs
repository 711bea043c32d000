//! Ways by sockets of the host.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixListener, UnixStream};
use std::path::Path;
use std::time::{Duration, Instant};

use netwright_sandbox_lab::internet::ABSTRACT;

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
    // Says that it is there, and waits for the socket.
    ("path-later", |words| {
        let socket = word(words, 0)?;
        std::fs::write(format!("{socket}.ready"), "")?;
        await_path(socket)?;
        path(socket)
    }),
    // No attempt but a server: binds a path, when another one is there, and writes what comes to a file.
    ("serve-path", |words| {
        if let Some(before) = words.get(2) {
            await_path(before)?;
        }
        let listener = UnixListener::bind(word(words, 0)?)?;
        let mut came = Vec::new();
        listener.accept()?.0.read_to_end(&mut came)?;
        std::fs::write(word(words, 1)?, came)?;
        Ok(Came::Reached("the server".into()))
    }),
    // The supervisor is outside of the masks.
    ("path-by-root", |words| path(&format!("/proc/{}/root{}", supervisor()?, word(words, 0)?))),
    ("path-datagram", |words| {
        UnixDatagram::unbound()?.send_to(token().as_bytes(), word(words, 0)?)?;
        Ok(Came::Reached("the socket".into()))
    }),
];

fn await_path(path: &str) -> Result<(), String> {
    const LIMIT: Duration = Duration::from_secs(60);
    let begin = Instant::now();
    while !Path::new(path).exists() {
        if begin.elapsed() > LIMIT {
            return Err(format!("{path} does not appear"));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

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
