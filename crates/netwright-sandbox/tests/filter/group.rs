//! Control groups.

use std::process::Command;

use netwright_lab::Failure;

/// A control group of the test's own, below the root of version 2.
pub(crate) struct Group(pub(crate) std::path::PathBuf);

impl Group {
    pub(crate) fn new() -> Result<Group, Failure> {
        let mounts = std::fs::read_to_string("/proc/self/mountinfo")?;
        let root = mounts
            .lines()
            .filter(|line| line.contains(" - cgroup2 "))
            .find_map(|line| line.split(' ').nth(4));
        let root = root.ok_or_else(|| Failure::lacking("control groups of version 2 are not mounted"))?;
        let path = std::path::Path::new(root).join(format!("netwright-filter-{}", std::process::id()));
        std::fs::create_dir(&path)
            .map_err(|error| Failure::lacking(format_args!("no control group can be made: {error}")))?;
        Ok(Group(path))
    }

    /// Whether bash, within the group, can write to its `/dev/udp/…` or `/dev/tcp/…`.
    pub(crate) fn reaches(&self, place: &str) -> Result<bool, Failure> {
        let script = format!("echo $$ > {}/cgroup.procs && exec 3<> {place} && echo x >&3", self.0.display());
        Ok(Command::new("bash").args(["-c", &script]).stderr(std::process::Stdio::null()).status()?.success())
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // Nothing can be done where it fails; the directory is empty and harmless.
        let _ = std::fs::remove_dir(&self.0);
    }
}
