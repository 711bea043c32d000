//! What a command may use of the machine: by a control group of its own where one can be made, else by limits of each process.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use netwright_confine as confine;
use netwright_sys::{Cause, Error, Result};

use crate::attach::control_group_root;

/// What a command may use of the machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of memory, of all its processes together where a control group can be made, else of each.
    pub memory: Option<u64>,
    /// Processes and threads at a time.
    pub processes: Option<u64>,
}

/// Which limits were reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reached {
    /// Its processes were killed for want of memory.
    pub memory: bool,
    /// It could start no more processes.
    pub processes: bool,
}

/// The names of control groups for commands begin so, and end with the number of the supervisor.
const PREFIX: &str = "netwright-run-";
/// The guardian and the first process inside, which are there besides the command.
const OWN_PROCESSES: u64 = 2;

/// A control group for one command. Dropped, it is taken away, where nothing is left in it.
#[derive(Debug)]
pub(super) struct Group {
    directory: PathBuf,
    /// What had to be switched on for groups beside it.
    switched_on: Vec<&'static str>,
    /// Where this process went for that.
    aside: Option<PathBuf>,
}

impl Group {
    /// Makes one, where there is something to limit and one can be made. `as_root` says whether the command runs as the machine's root.
    ///
    /// # Errors
    /// None can be made, and a limit has no other way.
    pub(super) fn make(limits: &Limits, as_root: bool) -> Result<Option<Self>> {
        if *limits == Limits::default() {
            return Ok(None);
        }
        let made = own_directory().and_then(|(root, own)| {
            let above = own.ancestors().take_while(|directory| directory.starts_with(&root));
            above.into_iter().find_map(|directory| Group::below(directory, limits).ok())
        });
        if made.is_none() && limits.processes.is_some() && as_root {
            return Err(Error::new("limit the number of processes", Cause::Invalid(obstacle().into()))
                .with_help("The kernel limits root's processes by nothing else: boot with control groups of version 2, or run the command as another user (--user)."));
        }
        Ok(made)
    }

    fn below(directory: &Path, limits: &Limits) -> io::Result<Self> {
        clear_away(directory);
        let control = directory.join("cgroup.subtree_control");
        let there = fs::read_to_string(&control)?;
        let is_there = |name: &str| there.split_whitespace().any(|known| known == name);
        let wanted = [("memory", limits.memory.is_some()), ("pids", limits.processes.is_some())];
        let missing = wanted.into_iter().filter(|(name, wanted)| *wanted && !is_there(name));
        let mut group = Group {
            directory: directory.join(format!("{PREFIX}{}", std::process::id())),
            switched_on: Vec::new(),
            aside: None,
        };
        for (name, _) in missing {
            let switch_on = || fs::write(&control, format!("+{name}"));
            match switch_on() {
                // Groups with processes in them can have no controllers for those below: a delegated group that only this process is in.
                Err(error) if error.kind() == io::ErrorKind::ResourceBusy && group.aside.is_none() => {
                    group.step_aside(directory)?;
                    switch_on()?;
                }
                result => result?,
            }
            group.switched_on.push(name);
        }
        fs::create_dir(&group.directory)?;
        if let Some(bytes) = limits.memory {
            group.write("memory.max", &bytes.to_string())?;
            let _ = group.write("memory.swap.max", "0"); // where there is swap
            let _ = group.write("memory.oom.group", "1"); // all of it ends, and not some process of it
        }
        if let Some(count) = limits.processes {
            group.write("pids.max", &count.saturating_add(OWN_PROCESSES).to_string())?;
        }
        Ok(group)
    }

    /// Takes this process out of a group in which it is alone, to one below.
    fn step_aside(&mut self, directory: &Path) -> io::Result<()> {
        let own = std::process::id().to_string();
        let members = fs::read_to_string(directory.join("cgroup.procs"))?;
        if members.split_whitespace().any(|process| process != own) {
            return Err(io::ErrorKind::ResourceBusy.into());
        }
        let aside = directory.join(format!("{PREFIX}{own}-supervisor"));
        fs::create_dir(&aside)?;
        self.aside = Some(aside.clone());
        fs::write(aside.join("cgroup.procs"), own)
    }

    fn write(&self, file: &str, text: &str) -> io::Result<()> {
        fs::write(self.directory.join(file), text)
    }

    /// Which limits were reached so far.
    pub(super) fn reached(&self) -> Reached {
        let count = |file: &str, key: &str| {
            let text = fs::read_to_string(self.directory.join(file)).unwrap_or_default();
            let found = text.lines().filter_map(|line| line.split_once(' ')).find(|(name, _)| *name == key);
            found.is_some_and(|(_, count)| count.trim() != "0")
        };
        Reached { memory: count("memory.events", "oom_kill"), processes: count("pids.events", "max") }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        /// Processes that were killed just now are there for a moment.
        const TRIES: u32 = 50;
        let _ = self.write("cgroup.kill", "1"); // from Linux 5.14 on
        for _ in 0..TRIES {
            match fs::remove_dir(&self.directory) {
                Err(error) if error.kind() == io::ErrorKind::ResourceBusy => {
                    std::thread::sleep(std::time::Duration::from_millis(10));
                }
                _ => break,
            }
        }
        if let Some(above) = self.directory.parent() {
            for name in &self.switched_on {
                let _ = fs::write(above.join("cgroup.subtree_control"), format!("-{name}")); // others may need it by now
            }
            if let Some(aside) = &self.aside {
                let _ = fs::write(above.join("cgroup.procs"), std::process::id().to_string());
                let _ = fs::remove_dir(aside);
            }
        }
    }
}

/// The limits of a command's processes.
pub(super) fn of_processes(limits: &Limits, group: Option<&Group>, own_processes: bool) -> confine::Limits {
    match group {
        Some(group) => {
            confine::Limits { control_group: Some(group.directory.clone()), ..confine::Limits::default() }
        }
        None => confine::Limits {
            data: limits.memory,
            processes: limits
                .processes
                .map(|count| count.saturating_add(if own_processes { OWN_PROCESSES } else { 0 })),
            control_group: None,
        },
    }
}

/// Why root can make no control group that limits processes.
fn obstacle() -> &'static str {
    let controllers = control_group_root()
        .ok()
        .map(|root| fs::read_to_string(root.join("cgroup.controllers")).unwrap_or_default());
    match controllers {
        Some(controllers) if controllers.split_whitespace().any(|name| name == "pids") => {
            "no control group can be made here"
        }
        Some(_) => {
            "the control groups of version 2 have no controller `pids` here (one of version 1 may have it)"
        }
        None => "no control groups of version 2 are mounted",
    }
}

/// The root of the control groups, and the one that this process is in.
fn own_directory() -> Option<(PathBuf, PathBuf)> {
    let root = control_group_root().ok()?;
    let list = fs::read_to_string("/proc/self/cgroup").ok()?;
    let path = list.lines().find_map(|line| line.strip_prefix("0::/"))?;
    Some((root.clone(), if path.is_empty() { root } else { root.join(path) }))
}

/// Takes away what supervisors left that were killed: groups with nothing in them.
fn clear_away(directory: &Path) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let left = name.to_str().and_then(|name| {
            let number = name.strip_prefix(PREFIX)?;
            number.strip_suffix("-supervisor").unwrap_or(number).parse::<u32>().ok()
        });
        if left.is_some_and(|process| !Path::new(&format!("/proc/{process}")).exists()) {
            let _ = fs::remove_dir(entry.path());
        }
    }
}
