//! What this host calls numbers and hours: names and the time zone.

use std::fs;
use std::os::unix::fs::DirEntryExt as _;
use std::path::Path;
use std::sync::LazyLock;

use netwright::Net;
use netwright::sys::host_name;
use netwright_nft::table::{Database, Names};

use crate::files;

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
/// looked up. A file that is not there, or cannot be read, names nothing.
pub(crate) fn of_this_host() -> Names {
    let mut names = Names::new();
    for (database, paths) in FILES {
        names.later(database, move || in_files(database, paths));
    }
    names.later(Database::ControlGroups, || {
        let mut names = Names::new();
        let mounts = CONTROL_GROUPS.map(Path::new);
        if let Some(mount) = mounts.into_iter().find(|mount| mount.join("cgroup.controllers").exists()) {
            control_groups(&mut names, mount);
        }
        names
    });
    names
}

/// The names of this host and of the interfaces of a namespace; where the kernel does not tell these, they are numbers.
pub(crate) fn in_namespace(net: &Net) -> Names {
    let mut names = of_this_host();
    names.find_hosts(host_name);
    let namespace = net.namespace().clone();
    names.later(Database::Interfaces, move || {
        let mut names = Names::new();
        let links = Net::open_in(&namespace).and_then(|net| net.links().list());
        for link in links.unwrap_or_default() {
            names.insert(Database::Interfaces, &link.name, link.index.into());
        }
        names
    });
    names
}

/// What the first of the files says that is there.
fn in_files(database: Database, paths: &[&str]) -> Names {
    let mut names = Names::new();
    if let Some(text) = paths.iter().find_map(|path| files::read(Path::new(path)).ok()) {
        names.read(database, &text);
    }
    names
}

/// The file of this host that names the values of a database, and what it says, in its order.
pub(crate) fn listed(database: Database) -> Option<(&'static str, Vec<(String, u64)>)> {
    let (_, paths) = FILES.into_iter().find(|(one, _)| *one == database)?;
    let (path, text) = paths.iter().find_map(|path| Some((*path, files::read(Path::new(path)).ok()?)))?;
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

/// Seconds that the time zone of the environment (`TZ`), else of the host, lies east of UTC now; UTC where it cannot be
/// found out. It stays as it was when it was first asked for.
pub(crate) fn zone() -> i32 {
    static ZONE: LazyLock<i32> = LazyLock::new(zone_now);
    *ZONE
}

fn zone_now() -> i32 {
    let zone = match std::env::var("TZ") {
        Ok(text) if text.is_empty() => return 0,
        Ok(text) => tz::TimeZone::from_posix_tz(&text).ok(),
        Err(_) => tz::TimeZone::local().ok(),
    };
    zone.as_ref()
        .and_then(|zone| zone.find_current_local_time_type().ok())
        .map_or(0, |local| local.ut_offset())
}

#[cfg(test)]
mod tests;
