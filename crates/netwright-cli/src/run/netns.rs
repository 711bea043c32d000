//! `netwright run --netns`: what goes out, goes out from another network namespace.

use std::fs::File;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use netwright_confine::enter_network;

use crate::failure::{Failure, reason};

/// Where namespaces have names.
const NAMED: &str = "/run/netns";

/// Enters a network namespace by its name, a path or the number of a process; where its name servers are named, if that is known. The process must
/// have no other thread.
pub(super) fn enter(wanted: &str) -> Result<Option<PathBuf>, Failure> {
    let named = Path::new(NAMED).join(wanted);
    let process = wanted.parse::<u32>().ok();
    let (path, name_servers) = match process {
        _ if wanted.contains('/') => (PathBuf::from(wanted), None),
        Some(process) if !named.exists() => (
            PathBuf::from(format!("/proc/{process}/ns/net")),
            Some(PathBuf::from(format!("/proc/{process}/root/etc/resolv.conf"))),
        ),
        _ => (named, Some(Path::new("/etc/netns").join(wanted).join("resolv.conf"))),
    };
    let refused = |why: String, help: &'static str| {
        Failure::said(format!("cannot enter the network namespace {wanted}: {why}")).with_help(Some(help))
    };
    let namespace = File::open(&path).map_err(|error| {
        let help = match process {
            Some(_) => "Name a process that runs, and is one of your own.",
            None => {
                "`netwright netns list` tells what names there are; the number of a process will do, too."
            }
        };
        refused(reason(&error), help)
    })?;
    // It is read before the process is in another user namespace, which may not let it be.
    let name_servers = name_servers.filter(|path| File::open(path).is_ok());
    enter_network(namespace.as_fd()).map_err(|error| {
        refused(reason(&error.into()), "It takes root, or a namespace that belongs to a user namespace of your own, as those of rootless containers do.")
    })?;
    Ok(name_servers)
}
