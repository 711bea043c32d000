//! What the command must not find in the file system: sockets that lead out of the sandbox, and files that tell of the host's network.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use netwright_sys::Mask;

use crate::attribution::all_processes;

/// Directories in which sockets come and go: they are replaced as a whole, so that no later one appears.
const PLACES: [&str; 3] = ["/run", "/tmp/.X11-unix", "/tmp/.ICE-unix"];
/// A directory with more entries than this below it is not searched any further, and counts as one with sockets.
const SEARCHED: usize = 10_000;

/// Everything to be covered, outer paths before inner ones.
///
/// `allowed` are the sockets that stay; `files` are given another content; `user` is whose directory in `/run/user` stays, empty.
pub(super) fn masks(allowed: &[PathBuf], files: Vec<(PathBuf, Vec<u8>)>, user: u32) -> Vec<Mask> {
    let real = |path: &Path| fs::canonicalize(path).ok();
    let files: Vec<(PathBuf, Vec<u8>)> =
        files.into_iter().filter_map(|(path, content)| Some((real(&path)?, content))).collect();
    let allowed = allowed.iter().filter_map(|path| real(path));
    let mut plan = Plan {
        kept: allowed.chain(files.iter().map(|(path, _)| path.clone())).collect(),
        emptied: Path::new("/run/user").join(user.to_string()),
        masks: Vec::new(),
    };
    let places: BTreeSet<PathBuf> = PLACES.iter().filter_map(|place| real(Path::new(place))).collect();
    for place in &places {
        plan.cover(place);
    }
    let mut sockets = listed_sockets(&fs::read("/proc/net/unix").unwrap_or_default());
    sockets.extend(temporary_sockets(Path::new("/tmp")));
    for socket in sockets {
        if !places.iter().any(|place| socket.starts_with(place)) && !plan.kept.contains(&socket) {
            plan.masks.push(Mask::Nothing { path: socket });
        }
    }
    plan.masks.extend(files.into_iter().map(|(path, content)| Mask::File { path, content }));
    plan.masks
}

struct Plan {
    /// What must stay although there are sockets beside it.
    kept: BTreeSet<PathBuf>,
    /// A directory of which the kept entries stay alone.
    emptied: PathBuf,
    masks: Vec<Mask>,
}

impl Plan {
    /// Replaces a directory by one without the sockets, and does the same in those below that lead to something kept.
    fn cover(&mut self, directory: &Path) {
        let mut keep = Vec::new();
        let mut deeper = Vec::new();
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            let path = entry.path();
            let Some(name) = entry.file_name().to_str().map(str::to_owned) else { continue };
            let Ok(kind) = entry.file_type() else { continue };
            let leads_on = path == self.emptied
                || self.emptied.starts_with(&path)
                || self.kept.iter().any(|kept| kept != &path && kept.starts_with(&path));
            let stays = directory != self.emptied && !kind.is_socket();
            if kind.is_dir() && leads_on {
                deeper.push(path);
                keep.push(name);
            } else if self.kept.contains(&path) || stays && !(kind.is_dir() && holds_socket(&path)) {
                keep.push(name);
            }
        }
        keep.sort();
        self.masks.push(Mask::Directory { path: directory.to_owned(), keep });
        for path in deeper {
            self.cover(&path);
        }
    }
}

/// Whether there is a socket anywhere below. A directory that cannot be searched counts as one with sockets.
fn holds_socket(directory: &Path) -> bool {
    let mut left = SEARCHED;
    let mut open = vec![directory.to_owned()];
    while let Some(directory) = open.pop() {
        let Ok(entries) = fs::read_dir(&directory) else { return true };
        for entry in entries {
            left = left.saturating_sub(1);
            match entry.and_then(|entry| Ok((entry.file_type()?, entry.path()))) {
                Ok((kind, _)) if kind.is_socket() || left == 0 => return true,
                Ok((kind, path)) if kind.is_dir() => open.push(path),
                Ok(_) => {}
                Err(_) => return true,
            }
        }
    }
    false
}

/// The sockets of `/proc/net/unix` that are in the file system here, each once.
fn listed_sockets(list: &[u8]) -> BTreeSet<PathBuf> {
    let lines = list.split(|&byte| byte == b'\n').skip(1); // the columns' names
    let paths: BTreeSet<&Path> = lines.filter_map(socket_path).collect();
    let (absolute, relative): (Vec<&Path>, Vec<&Path>) =
        paths.into_iter().partition(|path| path.is_absolute());
    let directories = if relative.is_empty() { BTreeSet::new() } else { working_directories() };
    let below = directories.iter().flat_map(|directory| relative.iter().map(|path| directory.join(path)));
    let is_socket = |path: &Path| fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket());
    below
        .chain(absolute.into_iter().map(PathBuf::from))
        .filter(|path| is_socket(path))
        .filter_map(|path| fs::canonicalize(path).ok())
        .collect()
}

/// Sockets in a directory and those below it: agents and servers of other network namespaces have theirs there, too, which the
/// list does not tell of.
fn temporary_sockets(directory: &Path) -> BTreeSet<PathBuf> {
    const DEPTH: usize = 2;
    let mut left = SEARCHED;
    let mut open = vec![(directory.to_owned(), 0)];
    let mut found = BTreeSet::new();
    while let Some((directory, depth)) = open.pop() {
        for entry in fs::read_dir(&directory).into_iter().flatten().flatten().take(left) {
            left -= 1;
            match entry.file_type() {
                Ok(kind) if kind.is_socket() => found.extend(fs::canonicalize(entry.path())),
                Ok(kind) if kind.is_dir() && depth < DEPTH => open.push((entry.path(), depth + 1)),
                _ => {}
            }
        }
    }
    found
}

/// Where processes work: a socket that was bound by a relative path most likely lies below one of them.
fn working_directories() -> BTreeSet<PathBuf> {
    let directory = |process| fs::read_link(format!("/proc/{process}/cwd")).ok();
    all_processes().into_iter().filter_map(directory).collect()
}

/// The path in a line of `/proc/net/unix`, which is behind seven other columns, as it was given when the socket was bound.
fn socket_path(line: &[u8]) -> Option<&Path> {
    const COLUMNS: usize = 7;
    let mut rest = line;
    for _ in 0..COLUMNS {
        rest = rest.trim_ascii_start();
        rest = rest.get(rest.iter().position(|&byte| byte == b' ')?..)?;
    }
    let path = rest.get(1..)?;
    (!path.is_empty() && !path.starts_with(b"@")).then(|| Path::new(OsStr::from_bytes(path)))
}

#[cfg(test)]
mod tests;
