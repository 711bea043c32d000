//! Every way to name a socket of the file system.

use std::fs;
use std::io::Write;
use std::net::Shutdown;
use std::os::fd::AsRawFd;
use std::os::unix::fs::symlink;
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::{Path, PathBuf};

use netwright_confine::attempt::{Argument, call};

use super::counted;
use crate::{Came, Outcome, token, word};

/// A way to another name: what the socket is called then.
type Rename = fn(&Path) -> std::io::Result<PathBuf>;

pub(super) fn sweep(words: &[&str]) -> Outcome {
    let path = PathBuf::from(word(words, 0)?);
    let mut combinations = 0;
    for rename in NAMES {
        let Ok(name) = rename(&path) else { continue };
        combinations += 1;
        if let Ok(mut stream) = UnixStream::connect(&name) {
            let _ = stream.write_all(token().as_bytes());
            let _ = stream.shutdown(Shutdown::Write);
        }
        if let Ok(socket) = UnixDatagram::unbound() {
            combinations += 1;
            let _ = socket.send_to(token().as_bytes(), &name);
            let _ = socket.connect(&name).and_then(|()| socket.send(token().as_bytes()));
        }
    }
    counted("socket-name", combinations);
    Ok(Came::Reached("the end of the names".into()))
}

const NAMES: &[Rename] = &[
    |path| Ok(path.to_owned()),
    |path| {
        std::env::set_current_dir(parent(path))?;
        Ok(PathBuf::from(name(path)))
    },
    |path| Ok(Path::new(".").join(name(path))),
    |path| Ok(parent(path).join(".").join(name(path))),
    |path| Ok(parent(path).join("..").join(name(parent(path))).join(name(path))),
    |path| Ok(PathBuf::from(format!("//{}", path.display()))),
    |path| Ok(PathBuf::from(format!("/proc/self/root{}", path.display()))),
    |path| Ok(PathBuf::from(format!("/proc/thread-self/root{}", path.display()))),
    |path| Ok(Path::new("/proc/self/cwd").join(name(path))),
    |path| Ok(Path::new("/proc/1/cwd").join(path.strip_prefix("/").unwrap_or(path))),
    |path| Ok(PathBuf::from(format!("/proc/1/root{}", path.display()))),
    |path| link(path, "link", |from, to| symlink(from, to)),
    |path| link(path, "link\n1", |from, to| symlink(from, to)),
    |path| link(path, "hard", |from, to| fs::hard_link(from, to)),
    |path| link(path, "hard\n", |from, to| fs::hard_link(from, to)),
    |path| {
        let directory = link(path, "directory", |from, to| symlink(parent(from), to))?;
        Ok(directory.join(name(path)))
    },
    // by a descriptor of the directory, and of the socket itself
    |path| Ok(descriptor(parent(path))?.join(name(path))),
    |path| descriptor(path),
    |path| Ok(PathBuf::from(format!("/dev/fd/{}", number(&descriptor(path)?)))),
    // moved
    |path| link(path, "moved", |from, to| fs::rename(from, to)),
    |path| {
        let moved = beside(path, "moved");
        if moved.exists() {
            fs::rename(&moved, path)?;
        }
        Ok(path.to_owned())
    },
    // mounted elsewhere, in namespaces of one's own: these come last
    |path| {
        let place = beside(path, "mounted");
        fs::create_dir_all(&place)?;
        in_own_namespaces()?;
        mount(parent(path), &place)?;
        Ok(place.join(name(path)))
    },
    |path| {
        let place = beside(path, "file");
        fs::write(&place, "")?;
        mount(path, &place)?;
        Ok(place)
    },
    |path| {
        call(libc::SYS_chroot, [Argument::Bytes(&text(parent(path)))])?;
        Ok(Path::new("/").join(name(path)))
    },
];

fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(path)
}

fn name(path: &Path) -> &std::ffi::OsStr {
    path.file_name().unwrap_or_default()
}

fn beside(path: &Path, what: &str) -> PathBuf {
    PathBuf::from(format!("{}-{what}", path.display()))
}

fn link(
    path: &Path,
    what: &str,
    make: impl Fn(&Path, &Path) -> std::io::Result<()>,
) -> std::io::Result<PathBuf> {
    let place = beside(path, what);
    let _ = fs::remove_file(&place);
    make(path, &place)?;
    Ok(place)
}

/// A name by a descriptor, which stays open.
fn descriptor(path: &Path) -> std::io::Result<PathBuf> {
    let opened = rustix::fs::open(path, rustix::fs::OFlags::PATH, rustix::fs::Mode::empty())?;
    let number = opened.as_raw_fd();
    std::mem::forget(opened);
    Ok(PathBuf::from(format!("/proc/self/fd/{number}")))
}

fn number(descriptor: &Path) -> String {
    name(descriptor).to_string_lossy().into_owned()
}

fn text(path: &Path) -> Vec<u8> {
    [path.as_os_str().as_encoded_bytes(), b"\0"].concat()
}

fn in_own_namespaces() -> std::io::Result<()> {
    let (user, group) = (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw());
    call(libc::SYS_unshare, [(libc::CLONE_NEWUSER | libc::CLONE_NEWNS).into()])?;
    fs::write("/proc/self/setgroups", "deny")?;
    fs::write("/proc/self/uid_map", format!("0 {user} 1"))?;
    fs::write("/proc/self/gid_map", format!("0 {group} 1"))
}

fn mount(what: &Path, place: &Path) -> std::io::Result<()> {
    let (what, place) = (text(what), text(place));
    let flags = i64::from(libc::MS_BIND as u32);
    let arguments = [Argument::Bytes(&what), Argument::Bytes(&place), 0.into(), flags.into(), 0.into()];
    call(libc::SYS_mount, arguments).map(drop)
}
