//! What servers saw.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// Something that reached a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Which server.
    pub server: &'static str,
    /// Where it was reached: an address and port, or a path.
    pub at: String,
    /// What came: the first bytes, or a question's name.
    pub what: String,
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}: {:?}", self.server, self.at, self.what)
    }
}

/// What all servers of one internet saw; clones are the same record.
#[derive(Clone, Debug, Default)]
pub struct Record(Arc<Mutex<Vec<Seen>>>);

impl Record {
    /// Adds a line.
    pub fn add(&self, server: &'static str, at: impl fmt::Display, what: impl Into<String>) {
        let seen = Seen { server, at: at.to_string(), what: what.into() };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(seen);
    }

    /// Adds bytes, of which the first are kept.
    pub fn bytes(&self, server: &'static str, at: impl fmt::Display, bytes: &[u8]) {
        let start = bytes.get(..64).unwrap_or(bytes);
        self.add(server, at, String::from_utf8_lossy(start));
    }

    /// All that was seen.
    #[must_use]
    pub fn all(&self) -> Vec<Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Those of one server.
    #[must_use]
    pub fn of(&self, server: &str) -> Vec<Seen> {
        self.all().into_iter().filter(|seen| seen.server == server).collect()
    }
}
