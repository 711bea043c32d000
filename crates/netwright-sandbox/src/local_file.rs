//! Looking for files whose names somebody else chose, without telling anybody their names.
//!
//! Where a file system lies on another machine or is made by a program (NFS, FUSE, autofs), each name that is looked for is sent there. The supervisor
//! must not look there for a command, from whose view such places may be hidden.

use std::ffi::{OsStr, OsString};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{Access, FileType, Mode, OFlags, access, fstat, fstatfs, major, open, openat, readlinkat};
use rustix::io::Errno;

/// As many links as the kernel follows.
const LINKS: usize = 40;

/// What a path leads to.
pub(crate) struct LocalFile {
    /// Without links.
    pub(crate) path: PathBuf,
    /// Whether it is there. If not, its directory is.
    pub(crate) exists: bool,
    /// It, or its directory.
    nearest: OwnedFd,
}

impl LocalFile {
    /// What is at a whole path, or where it would be made. `None` where neither is there, and where only others than this machine's kernel could say.
    pub(crate) fn find(path: &Path) -> Option<Self> {
        let root = || open("/", OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).ok();
        let mut rest = parts(path);
        let (mut place, mut nearest, mut links) = (PathBuf::from("/"), root()?, 0);
        while let Some(name) = rest.pop() {
            if name == ".." {
                place.pop();
                nearest = open_below(&nearest, &name).ok()?;
                continue;
            }
            if !is_local(&nearest) {
                return None;
            }
            let found = match open_below(&nearest, &name) {
                Err(Errno::NOENT) if rest.is_empty() => {
                    return Some(LocalFile { path: place.join(name), exists: false, nearest });
                }
                found => found.ok()?,
            };
            if FileType::from_raw_mode(fstat(&found).ok()?.st_mode) != FileType::Symlink {
                place.push(name);
                nearest = found;
                continue;
            }
            links += 1;
            let target = readlinkat(&found, "", Vec::new()).ok().filter(|_| links <= LINKS)?;
            let target = PathBuf::from(OsString::from_vec(target.into_bytes()));
            if target.is_absolute() {
                (place, nearest) = (PathBuf::from("/"), root()?);
            }
            rest.extend(parts(&target));
        }
        Some(LocalFile { path: place, exists: true, nearest })
    }

    /// Whether this process could write it, or make it.
    pub(crate) fn is_writable(&self) -> bool {
        access(format!("/proc/self/fd/{}", self.nearest.as_raw_fd()), Access::WRITE_OK).is_ok()
    }
}

/// Whether a file is at a path that somebody else chose. `None` where only another machine or a program could say, which would be told the path.
#[must_use]
pub fn is_there_locally(path: &Path) -> Option<bool> {
    LocalFile::find(path).map(|found| found.exists)
}

/// The names of a path, the last one first.
fn parts(path: &Path) -> Vec<OsString> {
    let names = path.components().filter_map(|component| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        Component::CurDir | Component::RootDir | Component::Prefix(_) => None,
    });
    let mut names: Vec<OsString> = names.collect();
    names.reverse();
    names
}

/// Opens what has a name in a directory, without following a link or having anything mounted there.
fn open_below(directory: &OwnedFd, name: &OsStr) -> rustix::io::Result<OwnedFd> {
    openat(directory, name, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())
}

/// Whether nobody but this machine's kernel is asked for the names in a directory.
fn is_local(directory: &OwnedFd) -> bool {
    /// `*_SUPER_MAGIC` of `linux/magic.h` and of the file systems themselves.
    const FUSE: u32 = 0x6573_5546;
    /// Those that lie on no device of their own: tmpfs, ramfs, overlayfs, btrfs, ZFS, bcachefs.
    const WITHOUT_DEVICE: [u32; 6] =
        [0x0102_1994, 0x8584_58f6, 0x794c_7630, 0x9123_683e, 0x2fc1_2fc1, 0xca45_1a4e];
    let (Ok(status), Ok(system)) = (fstat(directory), fstatfs(directory)) else { return false };
    // The field's type differs between machines, the number has 32 bits.
    let kind = system.f_type as u32;
    kind != FUSE && (major(status.st_dev) != 0 || WITHOUT_DEVICE.contains(&kind))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_path_is_followed_as_the_kernel_does() {
        let folder = std::env::temp_dir().join(format!("netwright-local-file-{}", std::process::id()));
        fs::create_dir_all(folder.join("a/b")).unwrap();
        fs::write(folder.join("a/b/file"), "").unwrap();
        let folder = fs::canonicalize(folder).unwrap();
        symlink("../a/b", folder.join("a/relative")).unwrap();
        symlink(folder.join("a/relative"), folder.join("absolute")).unwrap();
        symlink("round", folder.join("round")).unwrap();
        let found = |path: &str| LocalFile::find(&folder.join(path)).map(|found| (found.path, found.exists));
        for path in ["a/b/file", "absolute/file", "a/b/../relative/file", "./a//b/file", "absolute/../b/file"]
        {
            assert_eq!(found(path), Some((folder.join("a/b/file"), true)), "{path}");
        }
        assert_eq!(found("absolute/new"), Some((folder.join("a/b/new"), false)));
        for path in ["none/new", "round/file", "round", "a/b/file/below"] {
            assert_eq!(found(path), None, "{path}");
        }
        assert!(LocalFile::find(&folder).is_some_and(|found| found.is_writable()));
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn nothing_is_looked_for_where_others_would_be_told() {
        // The kernel makes these up, as a stand-in for what programs and other machines do.
        assert!(LocalFile::find(Path::new("/proc")).is_some());
        assert!(LocalFile::find(Path::new("/proc/version")).is_none());
        assert_eq!(is_there_locally(Path::new("/proc/self/root/etc")), None);
    }
}
