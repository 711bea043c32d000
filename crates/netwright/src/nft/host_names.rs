//! What this host calls numbers.

use std::collections::BTreeMap;
use std::fs;
use std::net::IpAddr;
use std::os::unix::fs::{DirEntryExt as _, MetadataExt as _};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use netwright_nft::table::{Database, Names};
use netwright_sys::{Namespace, host_name};

use super::ask::interfaces;

/// The files that name things, each followed by those that are read where it is absent.
const FILES: [(Database, &[&str]); 8] = [
    (Database::Protocols, &["/etc/protocols"]),
    (Database::Services, &["/etc/services"]),
    (Database::Marks, &["/etc/iproute2/rt_marks", "/usr/share/iproute2/rt_marks"]),
    (Database::Realms, &["/etc/iproute2/rt_realms", "/usr/share/iproute2/rt_realms"]),
    (Database::DeviceGroups, &["/etc/iproute2/group", "/usr/share/iproute2/group"]),
    (Database::Labels, &["/etc/connlabel.conf", "/etc/xtables/connlabel.conf"]),
    (Database::Users, &["/etc/passwd"]),
    (Database::Groups, &["/etc/group"]),
];

/// Where control groups of version 2 are mounted, alone or beside those of version 1.
const CONTROL_GROUPS: [&str; 2] = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"];

/// What the files of this host say, and which control groups it has; each is read when a name of its kind is first
/// looked up. A file that is not there, or cannot be read, names nothing. The sources are those of nft(8).
#[must_use]
pub fn host_names() -> Names {
    let mut names = Names::new();
    for (database, paths) in FILES {
        names.later_shared(database, move || in_files(database, paths));
    }
    names.later(Database::ControlGroups, || {
        let mut names = Names::new();
        let mounts = CONTROL_GROUPS.map(Path::new);
        if let Some(mount) = mounts.into_iter().find(|mount| mount.join("cgroup.controllers").exists()) {
            control_groups(&mut names, mount);
        }
        names
    });
    names.find_addresses(|name| addresses_in(&text_of("/etc/hosts").unwrap_or_default(), name));
    names
}

/// The addresses that a hosts file has for a name.
fn addresses_in(hosts: &str, name: &str) -> Vec<IpAddr> {
    let mut found = Vec::new();
    for line in hosts.lines() {
        let mut words = line.split('#').next().unwrap_or_default().split_whitespace();
        let Some(address) = words.next().and_then(|word| word.parse().ok()) else { continue };
        if words.any(|word| word.eq_ignore_ascii_case(name)) && !found.contains(&address) {
            found.push(address);
        }
    }
    found
}

/// The names of this host, of the interfaces of a namespace, and of hosts by their addresses; each is found when it is
/// first looked up. Where the kernel does not tell interfaces, they are numbers.
#[must_use]
pub fn names_in(namespace: &Namespace) -> Names {
    let mut names = host_names();
    names.find_hosts(host_name);
    let namespace = namespace.clone();
    names.later(Database::Interfaces, move || {
        let mut names = Names::new();
        // what the kernel does not tell has no name
        let _ = interfaces(&namespace, &mut names);
        names
    });
    names
}

/// What tells one state of a file from another.
#[derive(Clone, Copy, PartialEq, Eq)]
struct State {
    place: (u64, u64),
    size: u64,
    written: (i64, i64),
    changed: (i64, i64),
}

impl State {
    fn of(path: &str) -> Option<Self> {
        let file = fs::metadata(path).ok()?;
        Some(State {
            place: (file.dev(), file.ino()),
            size: file.size(),
            written: (file.mtime(), file.mtime_nsec()),
            changed: (file.ctime(), file.ctime_nsec()),
        })
    }
}

/// What files said when they were last read: a session that runs many scripts looks at them for each.
static READ: Mutex<BTreeMap<&str, (State, Arc<Names>)>> = Mutex::new(BTreeMap::new());

/// What the first of the files says that is there.
fn in_files(database: Database, paths: &[&'static str]) -> Arc<Names> {
    paths.iter().find_map(|path| in_file(database, path)).unwrap_or_default()
}

/// What a file says; it is read where it is not as it was.
fn in_file(database: Database, path: &'static str) -> Option<Arc<Names>> {
    let state = State::of(path)?;
    let read = |known: &BTreeMap<&str, (State, Arc<Names>)>| {
        known.get(path).filter(|(before, _)| *before == state).map(|(_, names)| names.clone())
    };
    if let Some(names) = read(&READ.lock().unwrap_or_else(PoisonError::into_inner)) {
        return Some(names);
    }
    let mut names = Names::new();
    names.read(database, &text_of(path)?);
    let names = Arc::new(names);
    // one that is written just now may change again without a sign
    if State::of(path) == Some(state) && is_settled(state) {
        let mut known = READ.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(path, (state, names.clone()));
    }
    Some(names)
}

/// Whether a file was changed so long ago that another change has another time.
fn is_settled(state: State) -> bool {
    const SECONDS: i64 = 2;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    i64::try_from(now).is_ok_and(|now| state.changed.0 + SECONDS < now)
}

fn text_of(path: &str) -> Option<String> {
    String::from_utf8(fs::read(path).ok()?).ok()
}

/// The file of this host that names the values of a database, and what it says, in its order.
pub(super) fn listed(database: Database) -> Option<(&'static str, Vec<(String, u64)>)> {
    let (_, paths) = FILES.into_iter().find(|(one, _)| *one == database)?;
    let (path, text) = paths.iter().find_map(|path| Some((*path, text_of(path)?)))?;
    let named = |line: &str| {
        let mut names = Names::new();
        names.read(database, line);
        let name = names.all(database).next()?.to_owned();
        let number = names.number(database, &name)?;
        Some((name, number))
    };
    Some((path, text.lines().filter_map(named).collect()))
}

/// Names the control groups below a folder by their paths in it; the id of one is the inode number of its folder.
fn control_groups(names: &mut Names, mount: &Path) {
    if let Ok(root) = fs::metadata(mount) {
        names.insert(Database::ControlGroups, "/", root.ino());
    }
    let mut folders = vec![mount.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        for entry in entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
            let path = entry.path();
            if let Some(name) = path.strip_prefix(mount).ok().and_then(Path::to_str) {
                names.insert(Database::ControlGroups, name, entry.ino());
            }
            folders.push(path);
        }
    }
}

#[cfg(test)]
mod tests;
