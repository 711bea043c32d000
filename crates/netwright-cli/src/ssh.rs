//! The ssh session that the command runs in, where it does.

use std::fs;
use std::net::{IpAddr, SocketAddr};

use netwright::Net;

/// Both ends of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Session {
    /// The other end.
    pub(crate) client: SocketAddr,
    /// This host's end.
    pub(crate) server: SocketAddr,
}

/// The session that this process or one of its parents was started in. `sudo` takes the variable out of the environment,
/// but not out of that of the shell before it.
pub(crate) fn session() -> Option<Session> {
    if let Ok(text) = std::env::var("SSH_CONNECTION") {
        return parse(&text);
    }
    let mut process = std::process::id();
    for _ in 0..32 {
        let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
        let parent = status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()?;
        if parent <= 1 {
            return None;
        }
        process = parent;
        let environment = fs::read(format!("/proc/{process}/environ")).unwrap_or_default();
        let variables = environment.split(|byte| *byte == 0);
        let mut values = variables.filter_map(|variable| variable.strip_prefix(b"SSH_CONNECTION="));
        if let Some(value) = values.next() {
            return parse(&String::from_utf8_lossy(value));
        }
    }
    None
}

/// `CLIENT PORT SERVER PORT`.
fn parse(text: &str) -> Option<Session> {
    let mut words = text.split(' ');
    let mut end = || {
        let address = words.next()?.split('%').next()?.parse::<IpAddr>().ok()?;
        Some(SocketAddr::new(address.to_canonical(), words.next()?.parse().ok()?))
    };
    Some(Session { client: end()?, server: end()? })
}

/// Whether all that was sent to the other end has been acknowledged.
///
/// # Errors
/// There is no such connection, or it cannot be found out.
pub(crate) fn is_answered(net: &Net, session: &Session) -> Result<bool, String> {
    let read = || ["tcp", "tcp6"].map(|name| fs::read_to_string(format!("/proc/thread-self/net/{name}")));
    let texts = net.namespace().run(read).map_err(|error| error.to_string())?;
    let mut lines = texts.iter().flatten().flat_map(|text| text.lines().skip(1));
    let found = lines.find_map(|line| {
        let mut words = line.split_whitespace().skip(1);
        let (local, remote) = (end(words.next()?)?, end(words.next()?)?);
        let queues = words.nth(1)?;
        let waits = u64::from_str_radix(queues.split(':').next()?, 16).ok()?;
        (local == session.server && remote == session.client).then_some(waits)
    });
    found.map(|waits| waits == 0).ok_or_else(|| format!("there is no connection with {}", session.client))
}

/// An end of a connection as `/proc/net/tcp` has it: words of 32 bits in the machine's order, in hexadecimal.
fn end(text: &str) -> Option<SocketAddr> {
    let (address, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let words = address.as_bytes().chunks(8).map(|word| {
        let word = std::str::from_utf8(word).ok()?;
        Some(u32::from_str_radix(word, 16).ok()?.to_ne_bytes())
    });
    let bytes: Vec<u8> = words.collect::<Option<Vec<_>>>()?.concat();
    let address = match <[u8; 4]>::try_from(bytes.as_slice()) {
        Ok(four) => IpAddr::from(four),
        Err(_) => IpAddr::from(<[u8; 16]>::try_from(bytes.as_slice()).ok()?),
    };
    Some(SocketAddr::new(address.to_canonical(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_are_read() {
        let session = parse("203.0.113.7 50022 2001:db8::1%eth0 22").unwrap();
        assert_eq!(session.client, "203.0.113.7:50022".parse().unwrap());
        assert_eq!(session.server, "[2001:db8::1]:22".parse().unwrap());
        assert_eq!(parse("203.0.113.7 50022"), None);
        assert_eq!(end("0100007F:0016"), Some("127.0.0.1:22".parse().unwrap()));
        assert_eq!(end("0000000000000000FFFF00000100007F:0016"), Some("127.0.0.1:22".parse().unwrap()));
    }
}
