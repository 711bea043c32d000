//! Which files a command uses, by the calls that it makes, for telling and for learning.

use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use rustix::io::{Errno, Result};

use super::process::Process;
use crate::confinement::{FileCall, UseOf};
use crate::notify::Call;

/// A file that a command is about to use. By what it says, nothing may be decided: the command can change it meanwhile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsedFile {
    /// The process, in the namespace of this one.
    pub process: u32,
    /// The file's whole path, without `.` and `..`; links in it are not followed.
    pub path: PathBuf,
    /// Whether it is changed, made or removed.
    pub writes: bool,
}

/// Hears of files that are used.
#[derive(Clone)]
pub struct FileReporter(Arc<dyn Fn(UsedFile) + Send + Sync>);

impl FileReporter {
    /// They are given to this closure, while the command waits.
    pub fn new(hear: impl Fn(UsedFile) + Send + Sync + 'static) -> Self {
        FileReporter(Arc::new(hear))
    }

    pub(super) fn tell(&self, used: UsedFile) {
        (self.0)(used);
    }
}

impl fmt::Debug for FileReporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FileReporter")
    }
}

/// Two reporters are the same if they tell the same closure.
impl PartialEq for FileReporter {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for FileReporter {}

/// The file that a call is about.
pub(super) fn used(call: &Call, file: FileCall) -> Result<UsedFile> {
    let argument = |place: usize| call.arguments.get(place).copied().ok_or(Errno::INVAL);
    let process = Process::open(call.thread)?;
    let path = process.text(argument(file.path)?)?;
    let path = Path::new(OsStr::from_bytes(&path));
    let directory = file.directory.map(argument).transpose()?.map(|number| number as i32);
    let base = match directory.filter(|number| *number != libc::AT_FDCWD) {
        _ if path.is_absolute() => PathBuf::new(),
        None => std::fs::read_link(process.file("cwd")).map_err(|_| Errno::NOENT)?,
        Some(number) => std::fs::read_link(process.file(&format!("fd/{number}"))).map_err(|_| Errno::BADF)?,
    };
    let writes = match file.use_of {
        UseOf::Read => false,
        UseOf::Write => true,
        UseOf::Flags(place) => writes(argument(place)?),
        UseOf::FlagsAt(place) => {
            let mut flags = [0; 8];
            process.read(argument(place)?, &mut flags)?;
            writes(u64::from_ne_bytes(flags))
        }
    };
    Ok(UsedFile { process: call.thread, path: plain_path(&base.join(path)), writes })
}

/// Whether flags of opening say that something is changed or made.
fn writes(flags: u64) -> bool {
    let flags = flags as i32;
    flags & libc::O_ACCMODE != libc::O_RDONLY || flags & (libc::O_CREAT | libc::O_TRUNC) != 0
}

/// A path without `.` and `..`, by its words alone: no link is followed.
pub fn plain_path(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => drop(plain.pop()),
            Component::CurDir => {}
            other => plain.push(other),
        }
    }
    plain
}
