//! Sockets that were named, as they were before the command began: what it renames, links and moves later leads to no others.

use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustix::fs::{Mode, OFlags, Stat, fstat, open};

use super::files::plain_path;

/// How deep sockets lie below a directory that was named, and how many entries are looked at.
const DEPTH: usize = 4;
const ENTRIES: usize = 4096;
/// The clock that files are given their times by is behind by so much at most.
const LAG: Duration = Duration::from_millis(20);
/// As many links as the kernel follows.
const LINKS: usize = 40;

/// What was named.
#[derive(Debug)]
pub(super) struct Named {
    places: Vec<Place>,
    since: Time,
}

/// Seconds and nanoseconds, as files have them.
type Time = (i64, i64);

#[derive(Debug)]
struct Place {
    /// Without links, as they led there at first.
    path: PathBuf,
    /// Held, so that no other file gets its number.
    file: OwnedFd,
    is_directory: bool,
}

impl Named {
    /// What is at these paths now.
    pub(super) fn new(paths: &[PathBuf]) -> Self {
        let now = SystemTime::now().checked_sub(LAG).unwrap_or(SystemTime::UNIX_EPOCH);
        let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let place = |path: &PathBuf| {
            let path = fs::canonicalize(path).ok()?;
            let file = open(&path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).ok()?;
            let is_directory = path.is_dir();
            Some(Place { path, file, is_directory })
        };
        Named {
            places: paths.iter().filter_map(place).collect(),
            since: (now.as_secs().cast_signed(), now.subsec_nanos().into()),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Whether a socket is one of them, which servers have bound by these names: it was there, or its server has bound it there later.
    pub(super) fn has<'b>(&self, status: &Stat, bound: impl Iterator<Item = &'b [u8]>) -> bool {
        let is_it = |file: &OwnedFd| {
            fstat(file).is_ok_and(|found| (found.st_dev, found.st_ino) == (status.st_dev, status.st_ino))
        };
        if self.places.iter().any(|place| !place.is_directory && is_it(&place.file)) {
            return true;
        }
        let names: Vec<PathBuf> =
            bound.filter_map(|name| self.led_to(Path::new(OsStr::from_bytes(name)))).collect();
        let same = |found: &Metadata| {
            found.file_type().is_socket() && (found.dev(), found.ino()) == (status.st_dev, status.st_ino)
        };
        self.places.iter().any(|place| match place.is_directory {
            true => {
                names.iter().any(|name| name.starts_with(&place.path))
                    && finds(&place.path, &same, DEPTH, &mut ENTRIES.clone())
            }
            false => {
                names.contains(&place.path)
                    && fs::symlink_metadata(&place.path).is_ok_and(|found| same(&found))
            }
        })
    }

    /// Where a name led to that a server gave its socket, by links that were there before: others may have been made so that it seems to lead
    /// elsewhere.
    fn led_to(&self, name: &Path) -> Option<PathBuf> {
        if !name.is_absolute() {
            return None;
        }
        let (parent, file) = (name.parent()?, name.file_name()?);
        let mut path = plain_path(parent);
        for _ in 0..LINKS {
            let parts = path.ancestors().collect::<Vec<_>>();
            let link = parts.into_iter().rev().find_map(|part| {
                let found = fs::symlink_metadata(part).ok()?;
                found.is_symlink().then(|| (part.to_owned(), (found.ctime(), found.ctime_nsec())))
            });
            let Some((link, changed)) = link else { return Some(path.join(file)) };
            if changed >= self.since {
                return None;
            }
            let target = link.parent()?.join(fs::read_link(&link).ok()?);
            let rest = path.strip_prefix(&link).ok()?.to_owned();
            path = plain_path(&target.join(rest));
        }
        None
    }
}

/// Whether there is a file below a directory.
fn finds(directory: &Path, is_it: &dyn Fn(&Metadata) -> bool, depth: usize, left: &mut usize) -> bool {
    let Ok(entries) = fs::read_dir(directory) else { return false };
    for entry in entries.flatten() {
        let Some(less) = left.checked_sub(1) else { return false };
        *left = less;
        let Ok(found) = entry.metadata() else { continue };
        if is_it(&found) || found.is_dir() && depth > 0 && finds(&entry.path(), is_it, depth - 1, left) {
            return true;
        }
    }
    false
}
