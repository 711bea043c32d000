//! What is told of events: each different attempt once, as a line of JSON and in the summary.

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use netwright_nft::json::Node;

use crate::{Action, Event, FileUse, Protocol, Rule};

/// Attempts in the order in which they were first made.
#[derive(Debug, Default)]
pub struct Log {
    attempts: Vec<Attempt>,
    places: HashMap<Key, usize>,
    more: u64,
}

/// An attempt, made at least once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// What happened the first time.
    pub event: Event,
    /// How often it was made.
    pub count: u64,
}

/// What makes attempts the same: the command and where it wanted to.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Key {
    action: Action,
    command: Option<String>,
    name: Option<String>,
    path: Option<PathBuf>,
    file_use: Option<FileUse>,
    address: Option<IpAddr>,
    port: Option<u16>,
    protocol: Option<Protocol>,
    /// What is said where there is no target.
    reason: Option<String>,
}

impl Log {
    /// More different attempts than this are only counted.
    const MOST: usize = 10_000;

    /// Adds what happened; whether such an attempt is new.
    pub fn add(&mut self, event: &Event) -> bool {
        let key = Key {
            action: event.action,
            command: event.process.as_ref().map(|process| process.command.clone()),
            name: event.name.clone(),
            path: event.path.clone(),
            file_use: event.file_use,
            // the addresses of a name are one target
            address: event.address.filter(|_| event.name.is_none()),
            port: event.port,
            protocol: event.protocol,
            reason: event.target().is_empty().then(|| event.reason.clone()),
        };
        if let Some(attempt) = self.places.get(&key).and_then(|&place| self.attempts.get_mut(place)) {
            attempt.count += 1;
            return false;
        }
        if self.attempts.len() >= Self::MOST {
            self.more += 1;
            return false;
        }
        self.places.insert(key, self.attempts.len());
        self.attempts.push(Attempt { event: event.clone(), count: 1 });
        true
    }

    /// The different attempts that came to this end.
    pub fn attempts(&self, action: Action) -> impl Iterator<Item = &Attempt> {
        self.attempts.iter().filter(move |attempt| attempt.event.action == action)
    }

    /// How many were too many to be told apart.
    #[must_use]
    pub fn more(&self) -> u64 {
        self.more
    }
}

/// The event as a line of JSON without its end. Keys, those without a value left out: `time` (RFC 3339, UTC), `action`, `pid`,
/// `command`, `name`, `path`, `use` (`read` or `write`, of a file),
/// `address`, `port`, `protocol`, `source`, `reason`, and `allow`, the rule that would let it through.
#[must_use]
pub fn json_line(event: &Event, allow: Option<&Rule>) -> String {
    let process = event.process.as_ref();
    Node::object()
        .with("time", timestamp(event.time))
        .with("action", event.action.to_string())
        .with_some("pid", process.map(|process| process.id))
        .with_some("command", process.map(|process| process.command.as_str()))
        .with_some("name", event.name.as_deref())
        .with_some("path", event.path.as_ref().map(|path| path.display().to_string()))
        .with_some("use", event.file_use.map(|file_use| file_use.to_string()))
        .with_some("address", event.address.map(|address| address.to_string()))
        .with_some("port", event.port)
        .with_some("protocol", event.protocol.map(|protocol| protocol.to_string()))
        .with_some("source", event.source.map(|source| source.to_string()))
        .with("reason", event.reason.as_str())
        .with_some("allow", allow.map(ToString::to_string))
        .to_string()
}

/// A time of day as RFC 3339 has it, in UTC with milliseconds.
fn timestamp(time: SystemTime) -> String {
    const DAY: u64 = 24 * 60 * 60;
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let (year, month, day) = date(since.as_secs() / DAY);
    let second = since.as_secs() % DAY;
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", since.subsec_millis())
}

/// Year, month and day of a number of days since the first of January 1970.
fn date(mut days: u64) -> (u64, u64, u64) {
    let leap = |year: u64| year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400);
    let mut year = 1970;
    while days >= 365 + u64::from(leap(year)) {
        days -= 365 + u64::from(leap(year));
        year += 1;
    }
    let lengths = [31, 28 + u64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 1;
    for length in lengths {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    (year, month, days + 1)
}

#[cfg(test)]
mod tests;
