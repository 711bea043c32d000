//! Child processes inside a namespace.

use std::ffi::{CStr, CString, OsStr};
use std::fs;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use rustix::mount::{
    MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_bind, mount_change, unmount,
};
use rustix::thread::UnshareFlags;

use super::{Namespace, enter, unshare};
use crate::{Error, Result};

/// Files that lie over those of `/etc` for processes in a namespace of that name, in a directory of its name.
const FILES: &str = "/etc/netns";

impl Namespace {
    /// A command whose process runs inside. Entering happens between fork and exec, so a refusal is the error of `spawn`.
    #[allow(unsafe_code)]
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        let fd = self.fd.clone();
        // SAFETY: between fork and exec the closure makes one system call and does not allocate.
        unsafe { command.pre_exec(move || Ok(enter(fd.as_fd())?)) };
        command
    }

    /// A command whose process sees this namespace also in the file system, as under `ip netns exec`: in a mount
    /// namespace of its own, `/sys` shows this namespace's interfaces, and for a namespace with a name the files of `/etc/netns/NAME` lie
    /// over those of `/etc`.
    #[allow(unsafe_code)]
    pub fn command_with_files(&self, program: impl AsRef<OsStr>) -> Result<Command> {
        let mut command = Command::new(program);
        let fd = self.fd.clone();
        let files = match &self.name {
            Some(name) => overlays(&Path::new(FILES).join(name), Path::new("/etc"))
                .map_err(|error| Error::new(format!("read {FILES}/{name}"), error))?,
            None => Vec::new(),
        };
        // SAFETY: between fork and exec the closure makes system calls only, on texts that exist before; it does not allocate.
        unsafe {
            command.pre_exec(move || {
                enter(fd.as_fd())?;
                Ok(mount_view(&files)?)
            });
        }
        Ok(command)
    }
}

/// The files of a directory, each with the existing file of the same name that it is to lie over.
fn overlays(from: &Path, over: &Path) -> io::Result<Vec<(CString, CString)>> {
    let entries = match fs::read_dir(from) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut pairs = Vec::new();
    for entry in entries {
        let entry = entry?;
        let target = over.join(entry.file_name());
        if target.exists() {
            pairs.push((c_path(&entry.path())?, c_path(&target)?));
        }
    }
    Ok(pairs)
}

fn c_path(path: &Path) -> io::Result<CString> {
    Ok(CString::new(path.as_os_str().as_bytes())?)
}

/// Gives the process a mount namespace of its own with the network namespace's `/sys` and files.
fn mount_view(files: &[(CString, CString)]) -> rustix::io::Result<()> {
    const ROOT: &CStr = c"/";
    const SYS: &CStr = c"/sys";
    unshare(UnshareFlags::NEWNS)?;
    // Nothing mounted here spreads to the machine, while the machine's mounts still arrive here.
    mount_change(ROOT, MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC)?;
    // In a user namespace the old one cannot be taken away, and the new one lies over it.
    let _ = unmount(SYS, UnmountFlags::DETACH);
    mount(SYS, SYS, c"sysfs", MountFlags::empty(), None)?;
    for (file, target) in files {
        mount_bind(file.as_c_str(), target.as_c_str())?;
    }
    Ok(())
}
