//! Just enough of a PostgreSQL server that `psql` runs a query: it asks for no password and answers all queries alike.

use std::io::{self, Read, Write};
use std::net::TcpStream;

use super::Record;

/// What every query returns.
pub const ANSWER: &str = "forty-two";

/// Speaks version 3 of the protocol.
pub(super) fn serve(mut connection: TcpStream, record: &Record) -> io::Result<()> {
    const TLS_WANTED: u32 = 80_877_103;
    const GSS_WANTED: u32 = 80_877_104;
    loop {
        let start = body(&mut connection)?;
        let version = start.get(..4).and_then(|bytes| bytes.try_into().ok()).map(u32::from_be_bytes);
        match version {
            Some(TLS_WANTED | GSS_WANTED) => connection.write_all(b"N")?,
            _ => break,
        }
    }
    message(&mut connection, b'R', &[0, 0, 0, 0])?;
    message(&mut connection, b'S', b"server_version\x0015.0\0")?;
    message(&mut connection, b'S', b"client_encoding\0UTF8\0")?;
    message(&mut connection, b'Z', b"I")?;
    loop {
        let mut kind = [0];
        connection.read_exact(&mut kind)?;
        let content = body(&mut connection)?;
        match kind {
            [b'Q'] => {
                record.bytes("postgres", super::tcp::plain(connection.local_addr()?), &content);
                let column: [&[u8]; 3] =
                    [b"\0\x01answer\0", &[0; 6], &[0, 0, 0, 25, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0]];
                message(&mut connection, b'T', &column.concat())?;
                let length = (ANSWER.len() as u32).to_be_bytes();
                message(&mut connection, b'D', &[b"\0\x01", &length[..], ANSWER.as_bytes()].concat())?;
                message(&mut connection, b'C', b"SELECT 1\0")?;
                message(&mut connection, b'Z', b"I")?;
            }
            [b'X'] => return Ok(()),
            _ => {}
        }
    }
}

/// What follows a length, which counts itself.
fn body(connection: &mut TcpStream) -> io::Result<Vec<u8>> {
    const LONGEST: usize = 64 << 10;
    let mut length = [0; 4];
    connection.read_exact(&mut length)?;
    let length = (u32::from_be_bytes(length) as usize).saturating_sub(4).min(LONGEST);
    let mut content = vec![0; length];
    connection.read_exact(&mut content)?;
    Ok(content)
}

fn message(connection: &mut TcpStream, kind: u8, content: &[u8]) -> io::Result<()> {
    let length = (content.len() as u32 + 4).to_be_bytes();
    connection.write_all(&[&[kind], &length[..], content].concat())
}
