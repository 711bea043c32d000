//! Files of the kernel, by which more than the network can be reached: settings, control groups, devices, and what is shared with other processes.

use std::fs;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use netwright_confine::{Mask, kernel_files, plain_path};
use netwright_sys::{Cause, Error, Result};
use rustix::termios::ttyname;

use super::Share;

/// Where the kernel tells of devices and has its control groups, which belong to an ordinary user where they were delegated.
const SYSTEM: &str = "/sys";

/// What is covered. Mounts of the kernel's file systems that are elsewhere than where they belong are covered, too: what lies over the usual ones
/// would be of no use.
pub(super) fn masks(is_root: bool) -> Vec<Mask> {
    // Root could change the host by its user number alone.
    let settings = if is_root { kernel_files() } else { Vec::new() };
    let mut masks: Vec<Mask> = settings.into_iter().map(|path| Mask::ReadOnly { path }).collect();
    masks.extend(Path::new(SYSTEM).exists().then_some(Mask::System));
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    masks.extend(mounts.lines().filter_map(elsewhere));
    masks.extend(mounted_by_name(&mounts).into_iter().filter(|mask| mask.path().is_dir()));
    masks
}

/// Directories in which a program outside mounts whatever is looked for (autofs): what is mounted there is left, and no name that somebody looks for
/// gets to that program, which may ask a network for it.
fn mounted_by_name(mounts: &str) -> Vec<Mask> {
    let points: Vec<PathBuf> = mounts.lines().filter_map(point).collect();
    let is_by_name = |line: &&str| {
        line.split_once(" - autofs ")
            .is_some_and(|(_, behind)| behind.split([' ', ',']).any(|option| option == "indirect"))
    };
    let directories = mounts.lines().filter(is_by_name).filter_map(point);
    let mask = |path: PathBuf| {
        let below = points.iter().filter(|point| point.parent() == Some(&path));
        let keep = below.filter_map(|point| Some(point.file_name()?.to_str()?.to_owned())).collect();
        Mask::Directory { path, keep }
    };
    directories.map(mask).collect()
}

/// Where something is mounted, by its line in `mountinfo`.
fn point(line: &str) -> Option<PathBuf> {
    const POINT: usize = 4;
    line.split(' ').nth(POINT).map(unescaped)
}

/// What lies over a mount, by its line in `mountinfo`.
fn elsewhere(line: &str) -> Option<Mask> {
    let (_, behind) = line.split_once(" - ")?;
    let path = point(line)?;
    let usual = |place: &str| path == Path::new(place) || path.starts_with(place);
    match behind.split(' ').next()? {
        "cgroup" | "cgroup2" if !usual(SYSTEM) => Some(Mask::ReadOnly { path }),
        "proc" if !usual("/proc") => Some(Mask::Directory { path, keep: Vec::new() }),
        "mqueue" | "devpts" if !usual("/dev") => Some(Mask::Directory { path, keep: Vec::new() }),
        _ => None,
    }
}

/// A path as `mountinfo` has it: space, tab, line break and backslash are three octal digits behind a backslash.
fn unescaped(text: &str) -> PathBuf {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, behind)) = rest.split_first() {
        let octal = behind.get(..3).filter(|_| first == b'\\');
        let octal = octal.and_then(|digits| std::str::from_utf8(digits).ok());
        match octal.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = behind.get(3..).unwrap_or_default();
            }
            None => {
                bytes.push(first);
                rest = behind;
            }
        }
    }
    PathBuf::from(std::ffi::OsString::from_vec(bytes))
}

/// Whether the kernel does not give core dumps to a program of root's. Those that go to files are written by who crashes; those that go to a socket
/// (from Linux 6.16 on) no limit keeps back.
pub(super) fn keeps_core_dumps() -> bool {
    core_pattern().is_some_and(|pattern| !pattern.starts_with('|'))
}

/// The socket outside that the kernel gives core dumps to.
pub(super) fn core_dump_socket() -> Option<String> {
    let pattern = core_pattern()?;
    Some(pattern.trim_end().trim_start_matches('@').to_owned()).filter(|_| pattern.starts_with('@'))
}

fn core_pattern() -> Option<String> {
    fs::read_to_string("/proc/sys/kernel/core_pattern").ok()
}

/// Refuses devices that are none, or not there.
pub(super) fn check_devices(devices: &[PathBuf]) -> Result<()> {
    for device in devices {
        let asked = || format!("let the device {} be used", device.display());
        let plain = plain_path(device);
        if !plain.starts_with("/dev") || plain == Path::new("/dev") {
            let cause = Cause::Invalid("it is not below /dev".into());
            return Err(Error::new(asked(), cause)
                .with_help("For all of /dev there is `--share devices`, for other files `--write`."));
        }
        device.metadata().map_err(|error| Error::new(asked(), error))?;
    }
    Ok(())
}

/// The `/dev` of the inside, with the terminals that the command is handed and with the devices that it is to have.
pub(super) fn devices(share: &Share, devices: &[PathBuf]) -> Option<Mask> {
    if share.devices {
        return None;
    }
    let mut keep = devices.to_vec();
    keep.extend(terminals());
    if share.ipc {
        keep.extend(["/dev/shm", "/dev/mqueue"].map(PathBuf::from));
    }
    Some(Mask::Devices { keep })
}

fn terminals() -> impl Iterator<Item = PathBuf> {
    let name = |descriptor: BorrowedFd<'_>| ttyname(descriptor, Vec::new()).ok();
    let names =
        [name(std::io::stdin().as_fd()), name(std::io::stdout().as_fd()), name(std::io::stderr().as_fd())];
    let paths =
        names.into_iter().flatten().map(|name| std::ffi::OsString::from_vec(name.into_bytes()).into());
    paths.filter(|path: &PathBuf| path.starts_with("/dev") && path != Path::new("/dev/tty"))
}

#[cfg(test)]
mod tests;
