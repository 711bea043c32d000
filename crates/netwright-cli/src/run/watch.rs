//! The file of a policy while its command runs: what is changed outside counts, and what the command does to it must not.

use std::cell::{Cell, RefCell};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, open, openat, statat};
use rustix::io::Errno;

use super::policy::Source;
use crate::failure::{Failure, reason};

/// So long is waited for somebody to give a lease back.
const AGAIN: Duration = Duration::from_millis(100);

/// Watches the file of a policy, by its directory: editors put another file in its place. Where it is a link, what it leads to is watched as well.
pub(super) struct Watch<'a> {
    descriptor: OwnedFd,
    file: &'a Path,
    /// Where its name is, whatever becomes of the directory's own name.
    directory: OwnedFd,
    target: RefCell<Target>,
    protection: RefCell<Protection>,
    /// Whether somebody else holds the file's lease (fcntl(2), `F_SETLEASE`), which the command may do as well: it can be opened later.
    is_leased: Cell<bool>,
}

/// What a path led to when it was last looked at.
#[derive(Default)]
struct Target {
    path: PathBuf,
    /// By the numbers of the file system and of the file in it.
    identity: (u64, u64),
}

/// Whether changes of the file can be the command's.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Protection {
    /// It has no way to the file or a directory on the way to it.
    NotNeeded,
    /// It sees the file read-only, and cannot put another one in its place.
    Laid,
    /// It may do what it likes.
    Lost,
}

impl<'a> Watch<'a> {
    /// From now on; nothing where there is no file, or none that can be watched.
    pub(super) fn of(source: &Source<'a>) -> Option<Self> {
        let file = source.file()?;
        let descriptor = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK).ok()?;
        let directory = open(above(file), OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).ok()?;
        let (target, protection) = (RefCell::default(), RefCell::new(Protection::NotNeeded));
        let is_leased = Cell::new(false);
        let watch = Watch { descriptor, file, directory, target, protection, is_leased };
        watch.add(file)?;
        watch.follow();
        Some(watch)
    }

    /// The file that is to be protected from a command, where that may write it, or on the way to it.
    pub(super) fn protect(&self, may_write: impl Fn(&Path) -> bool) -> Option<PathBuf> {
        let file = fs::canonicalize(above(self.file)).ok()?.join(self.file.file_name()?);
        let mut ways = vec![file.clone(), fs::canonicalize(&file).ok()?];
        // As many links as the kernel follows.
        let mut link = file;
        for _ in 0..40 {
            let Ok(target) = fs::read_link(&link) else { break };
            link = link.parent()?.join(target);
            ways.push(link.clone());
        }
        let is_in_reach = ways.iter().flat_map(|way| way.ancestors()).any(may_write);
        if is_in_reach {
            self.protection.replace(Protection::Laid);
        }
        is_in_reach.then(|| self.target.borrow().path.clone())
    }

    /// The file as it is now, if it is what somebody outside has made of it; nothing where it must be tried again. `protect` protects another one from the
    /// command.
    pub(super) fn opened(&self, protect: impl Fn(&Path) -> bool) -> Result<Option<File>, Failure> {
        let unreadable = |why: String| Failure::said(format!("cannot read {}: {why}", self.file.display()));
        let name = self.file.file_name().unwrap_or_default();
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let opened = openat(&self.directory, name, flags, Mode::empty());
        self.is_leased.set(opened.as_ref().is_err_and(|errno| *errno == Errno::AGAIN));
        if self.is_leased.get() {
            return Ok(None);
        }
        let file = opened.map(File::from).map_err(|errno| unreadable(reason(&errno.into())))?;
        let protection = *self.protection.borrow();
        if protection == Protection::NotNeeded {
            return Ok(Some(file));
        }
        let found = file.metadata().map_err(|error| unreadable(reason(&error)))?;
        let is_link = statat(&self.directory, name, AtFlags::SYMLINK_NOFOLLOW)
            .is_ok_and(|found| FileType::from_raw_mode(found.st_mode) == FileType::Symlink);
        let is_same = self.target.borrow().identity == (found.dev(), found.ino());
        // Another name of it would be no way that is closed, and a link can be replaced.
        let is_outside = protection == Protection::Laid && found.nlink() == 1 && (is_same || !is_link);
        if !is_outside {
            self.protection.replace(Protection::Lost);
            let said = format!(
                "{} may have been changed by the command, which can write there",
                self.file.display()
            );
            return Err(Failure::said(said).with_help(Some(
                "Start the command again, with the policy in a file that it cannot write.",
            )));
        }
        if !is_same {
            let path = fs::canonicalize(self.file).unwrap_or_default();
            let is_it =
                || fs::metadata(&path).is_ok_and(|now| (now.dev(), now.ino()) == (found.dev(), found.ino()));
            if !(is_it() && protect(&path) && is_it()) {
                self.protection.replace(Protection::Lost); // this one still counts, and none after it
            }
            self.target.replace(Target { path, identity: (found.dev(), found.ino()) });
        }
        Ok(Some(file))
    }

    /// When it is to be tried again to open the file. The kernel takes a lease away that is not given back in time (`/proc/sys/fs/lease-break-time`).
    pub(super) fn again(&self) -> Option<Instant> {
        self.is_leased.get().then(|| Instant::now() + AGAIN)
    }

    fn add(&self, file: &Path) -> Option<()> {
        let events = WatchFlags::CLOSE_WRITE | WatchFlags::MOVED_TO;
        inotify::add_watch(&self.descriptor, above(file), events).ok().map(drop)
    }

    /// Watches what the path leads to now, and tells whether that is another file than before. One that is not there is none.
    fn follow(&self) -> bool {
        let (Ok(path), Ok(found)) = (self.file.canonicalize(), self.file.metadata()) else { return false };
        self.add(&path); // a directory that is watched already stays so
        let identity = (found.dev(), found.ino());
        let is_another = self.target.borrow().identity != identity;
        if *self.protection.borrow() == Protection::NotNeeded {
            self.target.replace(Target { path, identity });
        }
        is_another
    }

    /// Whether anything that happened in the directories was about the file.
    pub(super) fn is_about_file(&self) -> bool {
        let mut buffer = [std::mem::MaybeUninit::uninit(); 4096];
        let mut reader = inotify::Reader::new(&self.descriptor, &mut buffer);
        let mut is_named = false;
        while let Ok(event) = reader.next() {
            let about = event.file_name().map(|name| OsStr::from_bytes(name.to_bytes()));
            is_named |= about == self.file.file_name() || about == self.target.borrow().path.file_name();
        }
        self.follow() || is_named
    }
}

impl AsFd for Watch<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

/// The directory that a path is in.
fn above(file: &Path) -> &Path {
    file.parent().filter(|directory| !directory.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
