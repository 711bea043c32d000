//! Control groups of version 2: where they are, and which one a unit, a path or a process means.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use netwright_sys::{Cause, Error, Result};

/// What is put behind a policy: a process by its number, a unit (`nginx.service`), or the path of a control group, below the root of
/// the hierarchy (`/system.slice/nginx.service`) or in the file system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttachTarget {
    /// A process, with those that it starts from then on.
    Process(u32),
    /// The unit of this name, wherever it stands in the hierarchy.
    Unit(String),
    /// A control group.
    Path(PathBuf),
}

impl FromStr for AttachTarget {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        match text.parse() {
            Ok(0) => Err("0 is no process".into()),
            Ok(process) => Ok(AttachTarget::Process(process)),
            Err(_) if text.starts_with('/') => Ok(AttachTarget::Path(text.into())),
            Err(_) if text.is_empty() || text.contains('/') => {
                Err("write the number of a process, the name of a unit, or a path from `/` on".into())
            }
            Err(_) if text.contains('.') => Ok(AttachTarget::Unit(text.to_owned())),
            Err(_) => Ok(AttachTarget::Unit(format!("{text}.service"))),
        }
    }
}

/// A control group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Group {
    /// Its directory.
    pub(super) directory: PathBuf,
    /// The number of the directory's inode, by which the kernel knows it.
    pub(super) number: u64,
    /// How deep it lies below the root, whose level is 0.
    pub(super) level: u32,
    /// The process that it was made for, which goes back to the group above at the end.
    process: Option<u32>,
    /// Whether it was not there before.
    pub(super) is_new: bool,
}

/// A process in no group of its own gets one of this name.
fn own_name(process: u32) -> String {
    format!("netwright-{process}")
}

impl Group {
    /// The group of a target. A process gets one of its own, which is made where it is not there yet.
    pub(super) fn of(target: &AttachTarget) -> Result<Self> {
        let root = root()?;
        match target {
            AttachTarget::Unit(name) => {
                let directory = find(&root, name).ok_or_else(|| {
                    Error::new(
                        format!("find the control group of {name}"),
                        Cause::Invalid("there is none".into()),
                    )
                    .with_help("A unit has one while it runs: see `systemctl status`.")
                })?;
                Group::at(&root, directory, None)
            }
            AttachTarget::Path(path) => {
                if let Some(root) = roots().iter().find(|root| path.starts_with(root)) {
                    return Group::at(root, path.clone(), None);
                }
                let below = path.strip_prefix("/").unwrap_or(path);
                Group::at(&root, root.join(below), None)
            }
            AttachTarget::Process(process) => Group::of_process(&root, *process),
        }
    }

    /// The group of a target that a policy was attached to. That of a process is found by its name, as the process may have ended.
    pub(super) fn left(target: &AttachTarget) -> Result<Self> {
        let AttachTarget::Process(process) = target else { return Group::of(target) };
        let root = root()?;
        match find(&root, &own_name(*process)) {
            Some(directory) => Group::at(&root, directory, Some(*process)),
            None => Err(Error::new(
                format!("detach process {process}"),
                Cause::Invalid("no policy is attached to it".into()),
            )),
        }
    }

    fn of_process(root: &Path, process: u32) -> Result<Self> {
        let asked = || format!("put process {process} into a control group of its own");
        let failed = |error: io::Error| match error.kind() {
            io::ErrorKind::PermissionDenied => Error::new(asked(), error)
                .with_help("It takes root: for control groups of others, and for the firewall of this host."),
            _ => Error::new(asked(), error),
        };
        let list =
            fs::read_to_string(format!("/proc/{process}/cgroup")).map_err(|error| match error.kind() {
                io::ErrorKind::NotFound => {
                    Error::new(asked(), Cause::Invalid("there is no such process".into()))
                }
                _ => failed(error),
            })?;
        let path = list
            .lines()
            .find_map(|line| line.strip_prefix("0::/"))
            .ok_or_else(|| Error::new(asked(), Cause::Invalid("it is in none of version 2".into())))?;
        let directory = root.join(path);
        if directory.file_name().is_some_and(|name| name == own_name(process).as_str()) {
            return Group::at(root, directory, Some(process));
        }
        let own = directory.join(own_name(process));
        fs::create_dir(&own).map_err(failed)?;
        let group = Group { is_new: true, ..Group::at(root, own, Some(process))? };
        if let Err(error) = group.move_here(process) {
            let _ = fs::remove_dir(&group.directory);
            return Err(failed(error));
        }
        Ok(group)
    }

    fn at(root: &Path, directory: PathBuf, process: Option<u32>) -> Result<Self> {
        let asked = || format!("find the control group {}", directory.display());
        let found = fs::metadata(directory.join("cgroup.procs"))
            .and_then(|_| fs::metadata(&directory))
            .map_err(|error| Error::new(asked(), error))?;
        let level = directory.strip_prefix(root).map_or(0, |below| below.components().count());
        match u32::try_from(level) {
            Ok(level @ 1..) => Ok(Group { number: found.ino(), level, process, directory, is_new: false }),
            _ => Err(Error::new(asked(), Cause::Invalid("all processes are in the first group".into()))
                .with_help("Name a group below it, a unit or a process.")),
        }
    }

    /// Puts a process into it.
    pub(super) fn move_here(&self, process: u32) -> io::Result<()> {
        fs::write(self.directory.join("cgroup.procs"), process.to_string())
    }

    /// Takes a group that was made for a process away; the processes in it go back to the group above.
    pub(super) fn release(&self) {
        let (Some(_), Some(above)) = (self.process, self.directory.parent()) else { return };
        let processes = fs::read_to_string(self.directory.join("cgroup.procs")).unwrap_or_default();
        for process in processes.lines() {
            let _ = fs::write(above.join("cgroup.procs"), process); // it may have ended
        }
        let _ = fs::remove_dir(&self.directory);
    }
}

/// The root of the hierarchy, at its usual place where it is mounted there: it may be mounted at others, too.
pub(crate) fn root() -> Result<PathBuf> {
    let mut roots = roots();
    let usual = roots.iter().position(|root| USUAL.iter().any(|usual| root == Path::new(usual)));
    match usual.or((!roots.is_empty()).then_some(0)) {
        Some(place) => Ok(roots.swap_remove(place)),
        None => {
            let error =
                Error::new("find the control groups", Cause::Invalid("none of version 2 are mounted".into()));
            Err(error.with_help("Mount them: `mount -t cgroup2 none /sys/fs/cgroup`."))
        }
    }
}

/// Where the hierarchy of version 2 is mounted as a rule.
const USUAL: [&str; 2] = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"];

/// Everywhere where the whole hierarchy is mounted, and nothing over it.
fn roots() -> Vec<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let is_seen = |path: &PathBuf| path.join("cgroup.controllers").exists();
    mounts.lines().filter_map(mount_point).filter(is_seen).collect()
}

/// The mount point in a line of `mountinfo`, where a whole hierarchy of version 2 is mounted there.
fn mount_point(line: &str) -> Option<PathBuf> {
    const POINT: usize = 4;
    let (before, behind) = line.split_once(" - ")?;
    let is_whole = before.split(' ').nth(POINT - 1) == Some("/");
    behind.starts_with("cgroup2 ").then_some(())?;
    before.split(' ').nth(POINT).filter(|_| is_whole).map(PathBuf::from)
}

/// The directory of this name, nearest to the root.
fn find(root: &Path, name: &str) -> Option<PathBuf> {
    let mut level = vec![root.to_owned()];
    while !level.is_empty() {
        let mut below = Vec::new();
        for directory in level {
            let entries = fs::read_dir(directory).into_iter().flatten().flatten();
            for entry in entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
                if entry.file_name() == name {
                    return Some(entry.path());
                }
                below.push(entry.path());
            }
        }
        level = below;
    }
    None
}

#[cfg(test)]
mod tests;
