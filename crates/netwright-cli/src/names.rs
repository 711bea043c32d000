//! What this host calls numbers and hours: names and the time zone.

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

/// Seconds that the time zone of the environment (`TZ`), else of the host, lies east of UTC now; UTC where it cannot be found out.
pub(crate) fn zone() -> i32 {
    let zone = match std::env::var("TZ") {
        Ok(text) if text.is_empty() => return 0,
        Ok(text) => tz::TimeZone::from_posix_tz(&text).ok(),
        Err(_) => tz::TimeZone::local().ok(),
    };
    zone.as_ref()
        .and_then(|zone| zone.find_current_local_time_type().ok())
        .map_or(0, |local| local.ut_offset())
}
