//! The host's counters of packets that routing drops without a word.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use netwright_sys::{Error, Result};

/// A counter: its file, its group and name, and what it counts.
const SILENT: [(usize, &str, &str, &str); 3] = [
    (
        0,
        "TcpExt",
        "IPReversePathFilter",
        "the reverse path filter dropped it: answers to its source would leave by another link",
    ),
    (
        1,
        "Ip",
        "InAddrErrors",
        "routing dropped it: it is not for this host, and the link it came in by does not forward",
    ),
    (2, "", "Ip6InAddrErrors", "routing dropped it: it is not for this host, and IPv6 forwarding is off"),
];

const FILES: [&str; 3] = ["netstat", "snmp", "snmp6"];

/// The files with the counters of one namespace.
#[derive(Debug)]
pub(crate) struct Counters {
    /// One that this kernel has not is missing.
    files: [Option<File>; 3],
    before: [u64; 3],
}

impl Counters {
    /// Those of the calling thread's namespace.
    pub(crate) fn open() -> Self {
        let files = FILES.map(|name| File::open(format!("/proc/thread-self/net/{name}")).ok());
        Counters { files, before: [0; 3] }
    }

    /// Counts from here on.
    pub(crate) fn reset(&mut self) -> Result<()> {
        self.before = self.read()?;
        Ok(())
    }

    /// What has been counted since.
    pub(crate) fn dropped(&mut self) -> Result<Option<&'static str>> {
        let now = self.read()?;
        let mut counted = SILENT.iter().zip(self.before.iter().zip(now));
        Ok(counted.find(|(_, (before, now))| now > before).map(|((.., text), _)| *text))
    }

    /// How many messages of ICMP of either family the host wanted to send, and found no room for.
    pub(crate) fn without_room(&mut self) -> Result<u64> {
        Ok(self.value(1, "Icmp", "OutErrors")? + self.value(2, "", "Icmp6OutErrors")?)
    }

    fn read(&mut self) -> Result<[u64; 3]> {
        let mut values = [0; 3];
        for ((file, group, name, _), value) in SILENT.iter().zip(&mut values) {
            *value = self.value(*file, group, name)?;
        }
        Ok(values)
    }

    fn value(&mut self, file: usize, group: &str, name: &str) -> Result<u64> {
        let Some(Some(file)) = self.files.get_mut(file) else { return Ok(0) };
        let mut text = String::new();
        file.seek(SeekFrom::Start(0))
            .and_then(|_| file.read_to_string(&mut text))
            .map_err(|error| Error::new("read the host's network counters", error))?;
        Ok(find(&text, group, name).unwrap_or(0))
    }
}

/// A counter in a file of lines of names and lines of values, or of lines of both.
fn find(text: &str, group: &str, name: &str) -> Option<u64> {
    if group.is_empty() {
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(name).filter(|rest| rest.starts_with([' ', '\t'])));
        return line?.trim().parse().ok();
    }
    let mut lines = text.lines().filter_map(|line| line.strip_prefix(group)?.strip_prefix(':'));
    let (names, values) = (lines.next()?, lines.next()?);
    let mut pairs = names.split_whitespace().zip(values.split_whitespace());
    pairs.find(|(key, _)| *key == name)?.1.parse().ok()
}

#[cfg(test)]
mod tests;
