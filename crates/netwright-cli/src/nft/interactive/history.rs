//! The lines of earlier sessions, in the file that nft keeps them in.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

mod file;

/// The file in the home of the user.
const FILE: &str = ".nft.history";

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
        file::lines(&std::fs::read(&self.path).unwrap_or_default())
    }

    /// Keeps a line, for the user's eyes only.
    pub(super) fn add(&self, line: &str) {
        let opened = OpenOptions::new().append(true).create(true).mode(0o600).open(&self.path);
        let Ok(mut opened) = opened else { return };
        let new = opened.metadata().is_ok_and(|data| data.len() == 0);
        let head = if new { format!("{}\n", file::HEAD) } else { String::new() };
        // a line that cannot be kept is forgotten
        let _ = opened.write_all(format!("{head}{}\n", file::kept(line)).as_bytes());
    }
}

#[cfg(test)]
mod tests;
