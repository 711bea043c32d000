//! The names that this host gives to numbers.

use std::path::Path;

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

/// What the files of this host say. A file that is not there, or cannot be read, names nothing.
pub(crate) fn of_this_host() -> Names {
    let mut names = Names::new();
    for (database, paths) in FILES {
        if let Some(text) = paths.iter().find_map(|path| files::read(Path::new(path)).ok()) {
            names.read(database, &text);
        }
    }
    names
}
