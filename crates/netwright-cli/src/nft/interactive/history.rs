//! The lines of earlier sessions, in the file that nft keeps them in.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

/// The file in the home of the user.
const FILE: &str = ".nft.history";
/// The first line of the file, by which the editor of nft knows it.
const HEAD: &str = "_HiStOrY_V2_";
/// How many lines of the file are remembered.
const LINES: usize = 1000;

/// Where lines are kept. What cannot be read or kept is forgotten: that is no reason to end a session.
pub(super) struct History {
    path: PathBuf,
}

impl History {
    /// That of the user; `None` without a home.
    pub(super) fn of_user() -> Option<Self> {
        let home = std::env::var_os("HOME").filter(|home| !home.is_empty())?;
        Some(History { path: PathBuf::from(home).join(FILE) })
    }

    /// The lines of earlier sessions, the oldest first.
    pub(super) fn load(&self) -> Vec<String> {
        let bytes = std::fs::read(&self.path).unwrap_or_default();
        let lines: Vec<&[u8]> = bytes.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()).collect();
        let lines = lines.iter().filter(|line| **line != HEAD.as_bytes()).map(|line| decoded(line));
        let mut lines: Vec<String> = lines.collect();
        lines.drain(..lines.len().saturating_sub(LINES));
        lines
    }

    /// Keeps a line, for the user's eyes only.
    pub(super) fn add(&self, line: &str) {
        let opened = OpenOptions::new().append(true).create(true).mode(0o600).open(&self.path);
        let Ok(mut file) = opened else { return };
        let new = file.metadata().is_ok_and(|data| data.len() == 0);
        let head = if new { format!("{HEAD}\n") } else { String::new() };
        // a line that cannot be kept is forgotten
        let _ = file.write_all(format!("{head}{}\n", encoded(line)).as_bytes());
    }
}

/// A line without blanks: everything but visible ASCII is a backslash and three octal digits.
fn encoded(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    for byte in line.bytes() {
        // writing into a String cannot fail
        let _ = match byte {
            b'\\' => write!(text, "\\134"),
            byte if byte.is_ascii_graphic() => write!(text, "{}", char::from(byte)),
            byte => write!(text, "\\{byte:03o}"),
        };
    }
    text
}

fn decoded(line: &[u8]) -> String {
    let mut bytes = Vec::with_capacity(line.len());
    let mut rest = line;
    while let Some((&byte, behind)) = rest.split_first() {
        let digits =
            behind.get(..3).filter(|_| byte == b'\\').and_then(|digits| std::str::from_utf8(digits).ok());
        let value = digits.and_then(|digits| u8::from_str_radix(digits, 8).ok());
        bytes.push(value.unwrap_or(byte));
        rest = if value.is_some() { behind.get(3..).unwrap_or_default() } else { behind };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests;
