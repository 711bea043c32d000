//! `netwright run --netns`: what goes out, goes out from another network namespace.

use std::fs::{self, File};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use netwright_confine::{enter_network, has_user};
use rustix::io::Errno;
use rustix::process::{getegid, geteuid};

use crate::failure::{Failure, reason};

/// Where namespaces have names.
const NAMED: &str = "/run/netns";
/// What names the name servers of a machine.
const RESOLVER: &str = "etc/resolv.conf";

/// What is known of a namespace that was entered.
#[derive(Debug, Default)]
pub(super) struct Entered {
    /// The file that names its name servers, where that is known.
    pub(super) name_servers: Option<PathBuf>,
    /// The user and group that this process was of, where a user namespace was entered as well, in which they have other numbers.
    pub(super) numbers: Option<(u32, u32)>,
}

/// Enters a network namespace by its name, a path or the number of a process. This process must have no other thread.
pub(super) fn enter(wanted: &str) -> Result<Entered, Failure> {
    let place = Place::of(wanted);
    let refused = |why: String, help: &'static str| {
        Failure::said(format!("cannot enter the network namespace {wanted}: {why}")).with_help(Some(help))
    };
    let path = place.path();
    let namespace = File::open(&path).map_err(|error| refused(reason(&error), place.missing()))?;
    // It is looked for before this process is in another user namespace, which may not let it be.
    let name_servers = place.name_servers().filter(|path| File::open(path).is_ok());
    if is_own(&namespace) {
        return Ok(Entered { name_servers, numbers: None });
    }
    let (user, group) = (geteuid().as_raw(), getegid().as_raw());
    let has_entered_user = enter_network(namespace.as_fd()).map_err(|errno| match errno {
        Errno::INVAL => refused(
            format!("{} is no network namespace", path.display()),
            "Name one of /run/netns, a file that one is mounted on, or the number of a process.",
        ),
        errno => refused(
            reason(&errno.into()),
            "It takes root, or a namespace that belongs to a user namespace of your own, as those of rootless containers do.",
        ),
    })?;
    if has_entered_user && !has_user(geteuid().as_raw()) {
        return Err(refused(
            "you have no number in the user namespace that it belongs to".into(),
            "Let your user exist there (`unshare --map-root-user`, `podman run`), or run this as root.",
        ));
    }
    Ok(Entered { name_servers, numbers: has_entered_user.then_some((user, group)) })
}

/// Where a namespace is.
enum Place {
    Named(String),
    Process(u32),
    Path(PathBuf),
}

impl Place {
    /// A name goes before a number. Paths of either are understood, too.
    fn of(wanted: &str) -> Self {
        if wanted.contains('/') {
            return Place::of_path(Path::new(wanted));
        }
        match wanted.parse() {
            Ok(process) if !Path::new(NAMED).join(wanted).exists() => Place::Process(process),
            _ => Place::Named(wanted.into()),
        }
    }

    fn of_path(path: &Path) -> Self {
        let above = path.parent().and_then(|above| fs::canonicalize(above).ok());
        let name = path.file_name().and_then(|name| name.to_str());
        let (Some(above), Some(name)) = (above, name) else { return Place::Path(path.into()) };
        if fs::canonicalize(NAMED).is_ok_and(|named| above == named) {
            return Place::Named(name.into());
        }
        let process = above.strip_prefix("/proc").ok().filter(|_| name == "net");
        let process = process.and_then(|rest| rest.to_str()?.strip_suffix("/ns")?.parse().ok());
        process.map_or_else(|| Place::Path(path.into()), Place::Process)
    }

    fn path(&self) -> PathBuf {
        match self {
            Place::Named(name) => Path::new(NAMED).join(name),
            Place::Process(process) => format!("/proc/{process}/ns/net").into(),
            Place::Path(path) => path.clone(),
        }
    }

    fn name_servers(&self) -> Option<PathBuf> {
        match self {
            Place::Named(name) => Some(Path::new("/etc/netns").join(name).join("resolv.conf")),
            Place::Process(process) => {
                Some(within(&PathBuf::from(format!("/proc/{process}/root")), RESOLVER))
            }
            Place::Path(_) => None,
        }
    }

    /// What to do where it is not there, or cannot be looked at.
    fn missing(&self) -> &'static str {
        match self {
            Place::Process(_) => "Name a process that runs, and is one of your own.",
            Place::Named(_) | Place::Path(_) => {
                "`netwright netns list` tells what names there are; the number of a process will do, too."
            }
        }
    }
}

/// Where a path leads below another root directory: links begin at that one.
fn within(root: &Path, path: &str) -> PathBuf {
    let mut found = root.join(path);
    // as many links as the kernel follows
    for _ in 0..40 {
        let Ok(target) = fs::read_link(&found) else { break };
        found = match target.strip_prefix("/") {
            Ok(rest) => root.join(rest),
            Err(_) => found.parent().unwrap_or(root).join(target),
        };
    }
    found
}

/// Whether this process is in it already.
fn is_own(namespace: &File) -> bool {
    let numbers = |found: fs::Metadata| (found.dev(), found.ino());
    let own = fs::metadata("/proc/self/ns/net").map(numbers);
    matches!((namespace.metadata().map(numbers), own), (Ok(one), Ok(other)) if one == other)
}
