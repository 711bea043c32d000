//! The web servers.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Component, Path, PathBuf};
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use super::Record;
use super::tcp::{Sum, plain, pour};

static FILES: OnceLock<PathBuf> = OnceLock::new();

/// Lets all web servers of this process serve a folder's files under `/files/`. The first call counts.
pub fn serve_files(folder: PathBuf) {
    let _ = FILES.set(folder);
}

/// What a client asks for.
#[derive(Debug, Default)]
struct Asked {
    method: String,
    path: String,
    length: u64,
    chunked: bool,
    upgrade: bool,
    expects: bool,
    close: bool,
}

/// Answers requests until the client goes.
pub(super) fn serve(connection: TcpStream, record: &Record) -> io::Result<()> {
    let at = plain(connection.local_addr()?);
    let mut to = connection.try_clone()?;
    let mut from = BufReader::new(connection);
    while let Some(asked) = read(&mut from, |first| record.bytes("http", at, first.as_bytes()))? {
        if asked.expects {
            to.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        if asked.upgrade {
            to.write_all(
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
            )?;
            return echo(&mut from, &mut to);
        }
        let sum = uploaded(&asked, &mut from)?;
        respond(&asked, &sum, &at.to_string(), &mut to)?;
        if asked.close {
            return Ok(());
        }
    }
    Ok(())
}

fn read(from: &mut impl BufRead, tell: impl FnOnce(&str)) -> io::Result<Option<Asked>> {
    let mut line = String::new();
    if from.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    tell(line.trim_end());
    let mut words = line.split_whitespace().map(str::to_owned);
    let mut asked = Asked {
        method: words.next().unwrap_or_default(),
        path: words.next().unwrap_or_default(),
        close: words.next().as_deref() == Some("HTTP/1.0"),
        ..Asked::default()
    };
    loop {
        let mut line = String::new();
        if from.read_line(&mut line)? == 0 || line.trim().is_empty() {
            return Ok(Some(asked));
        }
        let line = line.to_lowercase();
        let (field, value) = line.split_once(':').unwrap_or((&line, ""));
        match (field, value.trim()) {
            ("content-length", value) => asked.length = value.parse().unwrap_or_default(),
            ("transfer-encoding", value) => asked.chunked = value.contains("chunked"),
            ("upgrade", value) => asked.upgrade = value.contains("websocket"),
            ("connection", value) => asked.close |= value.contains("close"),
            ("expect", _) => asked.expects = true,
            _ => {}
        }
    }
}

fn echo(from: &mut impl Read, to: &mut TcpStream) -> io::Result<()> {
    let mut buffer = [0; 4096];
    loop {
        match from.read(&mut buffer)? {
            0 => return Ok(()),
            length => to.write_all(buffer.get(..length).unwrap_or_default())?,
        }
    }
}

/// Reads what the client sends: its length and sum.
fn uploaded(asked: &Asked, from: &mut impl BufRead) -> io::Result<String> {
    let (mut total, mut sum) = (0, Sum::default());
    if asked.chunked {
        loop {
            let mut line = String::new();
            from.read_line(&mut line)?;
            let length = u64::from_str_radix(line.trim(), 16).unwrap_or_default();
            take(from, length, &mut sum)?;
            total += length;
            from.read_line(&mut line)?;
            if length == 0 {
                break;
            }
        }
    } else {
        take(from, asked.length, &mut sum)?;
        total = asked.length;
    }
    Ok(format!("{total} {:016x}", sum.0))
}

fn take(from: &mut impl Read, mut length: u64, sum: &mut Sum) -> io::Result<()> {
    let mut buffer = vec![0; 64 << 10];
    while length > 0 {
        let room = buffer.len().min(length as usize);
        let read = from.read(buffer.get_mut(..room).unwrap_or_default())?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        sum.add(buffer.get(..read).unwrap_or_default());
        length -= read as u64;
    }
    Ok(())
}

fn respond(asked: &Asked, uploaded: &str, at: &str, to: &mut TcpStream) -> io::Result<()> {
    let path = asked.path.split('?').next().unwrap_or_default();
    let (_, rest) = path.split_at(path.len().min(1));
    let (verb, argument) = rest.split_once('/').unwrap_or((rest, ""));
    match verb {
        "chunked" => {
            to.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")?;
            for part in 1..=5 {
                let text = format!("part {part}\n");
                write!(to, "{:x}\r\n{text}\r\n", text.len())?;
                thread::sleep(Duration::from_millis(5));
            }
            to.write_all(b"0\r\n\r\n")
        }
        "bytes" => {
            let length: u64 = argument.parse().unwrap_or_default();
            head(to, "200 OK", length)?;
            if asked.method == "HEAD" { Ok(()) } else { pour(to, length) }
        }
        "idle" => {
            thread::sleep(Duration::from_millis(argument.parse().unwrap_or_default()));
            text(to, "200 OK", "awake\n")
        }
        "files" => match file(argument) {
            Some(content) => {
                head(to, "200 OK", content.len() as u64)?;
                to.write_all(&content)
            }
            None => text(to, "404 Not Found", "no such file\n"),
        },
        _ if asked.method == "GET" => text(to, "200 OK", &format!("hello from {at}\n")),
        _ => text(to, "200 OK", &format!("received {uploaded}\n")),
    }
}

/// A file below the folder that is served.
fn file(path: &str) -> Option<Vec<u8>> {
    let path = Path::new(path);
    let below = path.components().all(|part| matches!(part, Component::Normal(_)));
    let folder = FILES.get().filter(|_| below)?;
    std::fs::read(folder.join(path)).ok()
}

fn head(to: &mut TcpStream, status: &str, length: u64) -> io::Result<()> {
    write!(to, "HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\n\r\n")
}

fn text(to: &mut TcpStream, status: &str, text: &str) -> io::Result<()> {
    head(to, status, text.len() as u64)?;
    to.write_all(text.as_bytes())
}
