//! Namespaces with a name: mounts in `/run/netns`, as `ip netns` has them.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::ErrorKind;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use rustix::mount::{
    MountPropagationFlags, UnmountFlags, mount_bind, mount_bind_recursive, mount_change, unmount,
};

use super::{Namespace, create, open};
use crate::{Cause, Error, Result, capability};

const DIRECTORY: &str = "/run/netns";

impl Namespace {
    /// Opens the one with this name.
    pub fn open_named(name: &str) -> Result<Self> {
        let failed = |cause| Error::new(format!("open the network namespace {name}"), cause);
        let path = path_of(name).map_err(failed)?;
        let namespace = open(&path).map_err(|cause| match cause {
            Cause::Invalid(_) => failed(cause)
                .with_help("What is left of a namespace that is gone: delete it and create it anew."),
            cause => failed(cause),
        })?;
        Ok(Namespace { name: Some(name.into()), ..namespace })
    }

    /// Makes one with a name, which lasts until it is deleted or the machine restarts. `ip netns` sees it too.
    pub fn create_named(name: &str) -> Result<Self> {
        create_named(name).map_err(|cause| failed(format!("create the network namespace {name}"), cause))
    }

    /// The names there are, sorted. What is in the directory and is no namespace is left out.
    pub fn list_named() -> Result<Vec<String>> {
        list_named().map_err(|cause| Error::new("list the network namespaces", cause))
    }

    /// Takes the name away. The namespace itself ends with the last process, descriptor or socket in it.
    pub fn delete_named(name: &str) -> Result<()> {
        delete_named(name).map_err(|cause| failed(format!("delete the network namespace {name}"), cause))
    }
}

/// An error with the privilege that mounting a name needs, which is another than that for what is inside.
fn failed(asked: String, cause: Cause) -> Error {
    let error = Error::new(asked, cause);
    if error.is_permission() && !capability::sys_admin() {
        return error.with_help("It needs CAP_SYS_ADMIN: names of namespaces are mounts. Run it as root.");
    }
    error
}

fn create_named(name: &str) -> std::result::Result<Namespace, Cause> {
    let path = path_of(name)?;
    prepare_directory()?;
    OpenOptions::new().write(true).create_new(true).mode(0o444).open(&path)?;
    let mounted = create().and_then(|namespace| {
        mount_bind(format!("/proc/thread-self/fd/{}", namespace.fd.as_raw_fd()), &path)?;
        Ok(namespace)
    });
    match mounted {
        Ok(namespace) => Ok(Namespace { name: Some(name.into()), ..namespace }),
        Err(cause) => {
            let _ = fs::remove_file(&path); // the first error is the one to tell
            Err(cause)
        }
    }
}

/// Makes the directory a mount point whose mounts spread to other mount namespaces, and which is told of their
/// unmounting: only so is a deleted namespace gone for a service with a mount namespace of its own too.
fn prepare_directory() -> std::result::Result<(), Cause> {
    fs::create_dir_all(DIRECTORY)?;
    let directory = File::open(DIRECTORY)?;
    flock(&directory, FlockOperation::LockExclusive)?; // two at once would mount it twice
    let share = || mount_change(DIRECTORY, MountPropagationFlags::SHARED | MountPropagationFlags::REC);
    match share() {
        Err(Errno::INVAL) => {
            // It is no mount point yet.
            fs::set_permissions(DIRECTORY, Permissions::from_mode(0o755))?;
            mount_bind_recursive(DIRECTORY, DIRECTORY)?;
            Ok(share()?)
        }
        other => Ok(other?),
    }
}

fn list_named() -> std::result::Result<Vec<String>, Cause> {
    let mut names = Vec::new();
    let entries = match fs::read_dir(DIRECTORY) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(names),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        if let (Ok(name), Ok(_)) = (entry.file_name().into_string(), open(&entry.path())) {
            names.push(name);
        }
    }
    names.sort_unstable();
    Ok(names)
}

fn delete_named(name: &str) -> std::result::Result<(), Cause> {
    let path = path_of(name)?;
    match unmount(&path, UnmountFlags::DETACH) {
        Ok(()) | Err(Errno::INVAL) => {} // what is left of one that is gone is no mount point
        Err(errno) => return Err(errno.into()),
    }
    Ok(fs::remove_file(&path)?)
}

fn path_of(name: &str) -> std::result::Result<PathBuf, Cause> {
    validate(name)?;
    Ok(Path::new(DIRECTORY).join(name))
}

/// A name is one component of a path.
pub(super) fn validate(name: &str) -> std::result::Result<(), Cause> {
    const LONGEST: usize = 255;
    let wrong = match name {
        "" => "the name is empty",
        "." | ".." => "«.» and «..» are no names",
        _ if name.contains(['/', '\0']) => "a name contains neither «/» nor a NUL",
        _ if name.len() > LONGEST => "a name has at most 255 bytes",
        _ => return Ok(()),
    };
    Err(Cause::Invalid(wrong.into()))
}
