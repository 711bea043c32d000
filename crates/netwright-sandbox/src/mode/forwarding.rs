//! Forwarding on the host: switched on where it is off, for the interfaces that there are, and off again by the last who needs it.
//!
//! Meanwhile a table of the host's drops what these interfaces would forward besides the sandboxes' packets, as the host did before.
//! What was switched on is noted in a file, so that it is known also when its sandbox was killed.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{Read, Seek, Write};
use std::path::Path;

use netwright_route::LinkId;
use netwright_route::link::List;
use netwright_sys::{Cause, Connection, Error, Namespace, Result, Sysctl, protocol};
use rustix::fs::FlockOperation;

use super::PREFIX;
use super::table;

/// Where notes are kept, one file for each network namespace.
const NOTES: &str = "/run/netwright";
const TABLE: &str = "netwright_forwarding";
const ASKED: &str = "let the host forward for the sandbox";

/// Forwarding that is needed, until this is dropped.
#[derive(Debug)]
pub(super) struct Forwarding {
    notes: File,
    /// Whether IPv6 is forwarded, too.
    pub(super) ipv6: bool,
}

/// An interface that forwards since it was switched on: the setting's family and the interface's name.
type Switched = (Family, String);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Family {
    Ipv4,
    Ipv6,
}

impl Family {
    const ALL: [Family; 2] = [Family::Ipv4, Family::Ipv6];

    fn name(self) -> &'static str {
        match self {
            Family::Ipv4 => "ipv4",
            Family::Ipv6 => "ipv6",
        }
    }

    /// The setting of an interface. IPv6 forwards for all interfaces, or (since Linux 6.17) for those that are told to.
    fn setting(self) -> &'static str {
        match self {
            Family::Ipv4 => "forwarding",
            Family::Ipv6 => "force_forwarding",
        }
    }

    fn key(self, link: &str) -> [&str; 4] {
        [self.name(), "conf", link, self.setting()]
    }
}

impl Forwarding {
    /// Lets the host forward between an interface and all others.
    pub(super) fn switch_on(link: &LinkId, ipv6: bool) -> Result<Self> {
        let namespace = Namespace::current()?;
        let notes = open_notes(&namespace).map_err(|error| {
            Error::new(ASKED, error).with_help("Use `--mode relay`, which needs no forwarding.")
        })?;
        let settings = Sysctl::new(&namespace);
        let lock = Lock::take(&notes)?;
        let mut switched = read_notes(&notes);
        let name = link.name().unwrap_or_default();
        let ipv6 = ipv6 && ipv6_can_be_forwarded(&settings, name);
        let families: &[Family] = if ipv6 { &Family::ALL } else { &[Family::Ipv4] };
        let off: Vec<Switched> =
            families.iter().flat_map(|&family| links_without(&settings, family)).collect();
        let before = switched.len();
        switched.extend(off.iter().cloned());
        if switched.len() > before {
            // noted and guarded first, so that nothing is open or forgotten whenever this process ends
            write_notes(&notes, &switched)?;
            guard(&switched)?;
        }
        let own = families.iter().map(|&family| (family, name.to_owned()));
        for (family, link) in off.into_iter().chain(own) {
            match settings.write(&family.key(&link), 1) {
                Err(error) if !error.is_not_found() => {
                    return Err(error.with_help(
                        "Where the host's settings cannot be changed, as in containers, use `--mode relay`.",
                    ));
                }
                _ => {}
            }
        }
        drop(lock);
        Ok(Forwarding { notes, ipv6 })
    }

    /// Switches off what was switched on, where no other sandbox needs it.
    fn switch_off(&mut self) -> Result<()> {
        let _lock = Lock::take(&self.notes)?;
        let links = Connection::open(protocol::ROUTE)?.dump_all(&List::of_kind("veth"))?;
        let switched = read_notes(&self.notes);
        if switched.is_empty() || links.iter().any(|link| link.name.starts_with(PREFIX)) {
            return Ok(());
        }
        let settings = Sysctl::new(&Namespace::current()?);
        for (family, link) in &switched {
            let _ = settings.write(&family.key(link), 0); // the interface may be gone
        }
        table::commit(
            &mut Connection::open(protocol::NETFILTER)?,
            &format!("add table inet {TABLE}\ndelete table inet {TABLE}\n"),
        )?;
        write_notes(&self.notes, &BTreeSet::new())
    }
}

impl Drop for Forwarding {
    fn drop(&mut self) {
        let _ = self.switch_off();
    }
}

/// The notes of this namespace. The file stays, empty: who waits for its lock must not get one that nobody else sees.
fn open_notes(namespace: &Namespace) -> std::io::Result<File> {
    fs::create_dir_all(NOTES)?;
    let (_, inode) = namespace.identity().map_err(|error| std::io::Error::other(error.to_string()))?;
    let path = Path::new(NOTES).join(format!("forwarding-{inode}"));
    File::options().read(true).write(true).create(true).truncate(false).open(path)
}

/// The lock of the notes.
struct Lock<'f>(&'f File);

impl<'f> Lock<'f> {
    fn take(file: &'f File) -> Result<Self> {
        rustix::fs::flock(file, FlockOperation::LockExclusive).map_err(|errno| Error::new(ASKED, errno))?;
        // the handle's copy has the same lock
        Ok(Lock(file))
    }
}

impl Drop for Lock<'_> {
    fn drop(&mut self) {
        let _ = rustix::fs::flock(self.0, FlockOperation::Unlock);
    }
}

fn read_notes(mut notes: &File) -> BTreeSet<Switched> {
    let mut text = String::new();
    let _ = notes.rewind().and_then(|()| notes.read_to_string(&mut text));
    let line = |line: &str| {
        let (family, link) = line.split_once(' ')?;
        let family = Family::ALL.into_iter().find(|known| known.name() == family)?;
        Some((family, link.to_owned()))
    };
    text.lines().filter_map(line).collect()
}

fn write_notes(mut notes: &File, switched: &BTreeSet<Switched>) -> Result<()> {
    let text: String = switched.iter().map(|(family, link)| format!("{} {link}\n", family.name())).collect();
    let written =
        notes.set_len(0).and_then(|()| notes.rewind()).and_then(|()| notes.write_all(text.as_bytes()));
    written.map_err(|error| Error::new("note what is switched on", error))
}

/// Interfaces that do not forward. Of IPv6, none where it forwards for all.
fn links_without(settings: &Sysctl, family: Family) -> Vec<Switched> {
    if family == Family::Ipv6
        && settings.read(&["ipv6", "conf", "all", "forwarding"]).is_ok_and(|on| on == "1")
    {
        return Vec::new();
    }
    let links = fs::read_dir(format!("/proc/sys/net/{}/conf", family.name())).into_iter().flatten().flatten();
    let names = links.filter_map(|link| link.file_name().to_str().map(str::to_owned));
    names
        .filter(|link| !matches!(link.as_str(), "all" | "default" | "lo") && !link.starts_with(PREFIX))
        .filter(|link| settings.read(&family.key(link)).is_ok_and(|value| value == "0"))
        .map(|link| (family, link))
        .collect()
}

fn ipv6_can_be_forwarded(settings: &Sysctl, link: &str) -> bool {
    settings.read(&["ipv6", "conf", "all", "forwarding"]).is_ok_and(|on| on == "1")
        || settings.read(&Family::Ipv6.key(link)).is_ok()
}

/// Drops what interfaces would forward that did not before, but to sandboxes.
fn guard(switched: &BTreeSet<Switched>) -> Result<()> {
    let rules: String = switched
        .iter()
        .map(|(family, link)| {
            let family = family.name();
            format!("meta nfproto {family} iifname \"{link}\" oifname != \"{PREFIX}*\" drop\n")
        })
        .collect();
    if switched.iter().any(|(_, link)| link.contains(['"', '\\'])) {
        return Err(Error::new(ASKED, Cause::Invalid("the name of an interface has a quote in it".into())));
    }
    // The chain is emptied and not made anew: whoever takes a table away waits for all that packets still do.
    let text = format!(
        "table inet {TABLE} {{
            chain forward {{
                type filter hook forward priority filter - 10
            }}
        }}
        flush chain inet {TABLE} forward
        table inet {TABLE} {{
            chain forward {{
                {rules}
            }}
        }}"
    );
    table::commit(&mut Connection::open(protocol::NETFILTER)?, &text)
}
