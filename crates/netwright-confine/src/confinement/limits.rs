//! What a command may use of the machine.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use netwright_sys::Cause;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::above_stdio;

/// What a command may use of the machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of memory that each of its processes may fill (`RLIMIT_DATA`); files that are mapped do not count.
    pub data: Option<u64>,
    /// How many processes and threads it may have (`RLIMIT_NPROC`). Before Linux 5.14 all of its user's count, and of root's the kernel counts none.
    pub processes: Option<u64>,
    /// The directory of a control group of version 2 that it is put into, with all that it starts.
    pub control_group: Option<PathBuf>,
}

/// What is opened before the fork.
pub(super) struct Plan {
    data: Option<u64>,
    processes: Option<u64>,
    core: Option<u64>,
    group: Option<OwnedFd>,
}

/// With this limit no core dump is made at all. With 0 those are that a program takes.
const NO_CORE: u64 = 1;

impl Plan {
    pub(super) fn new(limits: &Limits, core_dumps: bool) -> std::result::Result<Self, Cause> {
        let open = |directory: &PathBuf| {
            let file = File::options().write(true).open(directory.join("cgroup.procs"))?;
            Ok::<_, std::io::Error>(above_stdio(file.into())?)
        };
        let group = limits.control_group.as_ref().map(open).transpose()?;
        let core = (!core_dumps).then_some(NO_CORE);
        Ok(Plan { data: limits.data, processes: limits.processes, core, group })
    }

    /// Whether the kernel counts the command's processes, by their user.
    pub(super) fn counts_processes(&self) -> bool {
        self.processes.is_some()
    }

    /// Puts the calling process into the control group.
    pub(super) fn join_group(&self) -> rustix::io::Result<()> {
        match &self.group {
            Some(group) => rustix::io::write(group, b"0").map(drop),
            None => Ok(()),
        }
    }

    /// Sets the limits of the calling process. None can be raised again.
    pub(super) fn set(&self) -> rustix::io::Result<()> {
        let limits =
            [(Resource::Data, self.data), (Resource::Nproc, self.processes), (Resource::Core, self.core)];
        for (resource, limit) in limits.into_iter().filter_map(|(resource, limit)| Some((resource, limit?))) {
            let before = getrlimit(resource);
            let limit = before.maximum.map_or(limit, |maximum| maximum.min(limit));
            setrlimit(resource, Rlimit { current: Some(limit), maximum: Some(limit) })?;
        }
        Ok(())
    }
}
