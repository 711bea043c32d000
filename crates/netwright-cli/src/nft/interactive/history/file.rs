//! The text of the file.

use std::fmt::Write;

/// The first line of the file, by which the editor of nft knows it.
pub(crate) const HEAD: &str = "_HiStOrY_V2_";
/// How many lines of the file are remembered.
pub(crate) const LINES: usize = 1000;

/// The lines of earlier sessions, the oldest first.
pub(crate) fn lines(bytes: &[u8]) -> Vec<String> {
    let lines: Vec<&[u8]> = bytes.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()).collect();
    let lines = lines.iter().filter(|line| **line != HEAD.as_bytes()).map(|line| decoded(line));
    let mut lines: Vec<String> = lines.collect();
    lines.drain(..lines.len().saturating_sub(LINES));
    lines
}

/// A line as the file keeps it, without blanks: everything but visible ASCII is a backslash and three octal digits.
pub(crate) fn kept(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    for byte in line.bytes() {
        // writing into a String cannot fail
        let _ = match byte {
            b'\\' => write!(text, "\\134"),
            byte if byte.is_ascii_graphic() => write!(text, "{}", char::from(byte)),
            byte => write!(text, "\\{byte:03o}"),
        };
    }
    // What looks like the first line is no line.
    if text == HEAD { text.replacen('_', "\\137", 1) } else { text }
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
