//! What the kernel offers to everybody: its files, requests to change the network, file systems to mount, and handles of what has no name.

use std::collections::BTreeSet;
use std::fs::{self, File, Metadata};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use netwright_confine::attempt::{self, Argument, call};

use super::counted;
use crate::links::{CREATE, address_add, link_flags, message, netlink, route_add};
use crate::{Came, Outcome, temporary};

/// Files that all may open for writing, and that change nothing of others.
const HARMLESS: [&str; 2] = ["/proc/pressure/", "/proc/sys/kernel/ns_last_pid"];

/// What opening changes, where it is there at all.
const APART: [&str; 2] = ["/sys/kernel/debug", "/sys/kernel/tracing"];

/// Opens each file of the kernel for writing that has such a right for anybody.
pub(super) fn files() -> Outcome {
    let (mut tried, mut opened) = (0, Vec::new());
    let mut directories = vec![PathBuf::from("/proc"), PathBuf::from("/sys")];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory).into_iter().flatten().flatten() {
            let (path, kind) = (entry.path(), entry.file_type());
            let is_process = directory == Path::new("/proc")
                && entry.file_name().to_str().is_some_and(|name| name.parse::<u32>().is_ok());
            match kind {
                Ok(kind) if kind.is_dir() => {
                    let is_apart = is_process || APART.iter().any(|apart| path == Path::new(apart));
                    directories.extend((!is_apart).then_some(path));
                }
                Ok(kind)
                    if kind.is_file() && entry.metadata().is_ok_and(|found| found.mode() & 0o222 != 0) =>
                {
                    tried += 1;
                    let is_harmless = HARMLESS.iter().any(|harmless| path.starts_with(harmless));
                    if !is_harmless && is_writable(&path) {
                        opened.push(path.display().to_string());
                    }
                }
                _ => {}
            }
        }
    }
    counted("kernel-file", tried);
    match opened.is_empty() {
        true => Err("none could be written".into()),
        false => Ok(Came::Breach(format!("could be written: {}", opened.join(" ")))),
    }
}

fn is_writable(path: &Path) -> bool {
    File::options().write(true).custom_flags(libc::O_NONBLOCK).open(path).is_ok()
}

/// Asks for each change of the network.
pub(super) fn requests() -> Outcome {
    /// `RTM_BASE`, and behind the last one that there is.
    const KINDS: std::ops::Range<u16> = 16..144;
    /// Of each four numbers, the third asks for something.
    const ASKS: u16 = 2;
    // Without a sandbox the changes are made where they disturb nobody.
    if std::env::var_os("NETWRIGHT_AT_ONCE").is_some() {
        call(libc::SYS_unshare, [libc::CLONE_NEWNET.into()])?;
    }
    let mut done = Vec::new();
    let mut made = 0;
    for kind in KINDS.filter(|kind| kind % 4 != ASKS) {
        for family in [libc::AF_UNSPEC, libc::AF_INET, libc::AF_INET6, libc::AF_BRIDGE, libc::AF_PACKET] {
            for length in [4, 8, 12, 16, 20, 32] {
                let mut body = vec![0; length];
                body[0] = family as u8;
                for link in [0, 1] {
                    // Where the heads of links and addresses have a link.
                    if let Some(place) = body.get_mut(4) {
                        *place = link;
                    }
                    made += 1;
                    if netlink(libc::NETLINK_ROUTE, &message(kind, CREATE, &body)) == Ok(()) {
                        done.push(format!("{kind} of {length} bytes"));
                    }
                }
            }
        }
    }
    let whole = [route_add(), address_add(), link_flags(0), link_flags(1)];
    made += whole.len();
    counted("network-change", made);
    match done.is_empty() && whole.iter().all(Result::is_err) {
        true => Err(format!("all were refused: {whole:?}").into()),
        false => Ok(Came::Breach(format!("changes were made: {} {whole:?}", done.join(", ")))),
    }
}

/// Settings of the machine, by where they are in a file system that has them.
const SETTINGS: [&str; 9] = [
    "sys/kernel/core_pattern",
    "sys/vm/drop_caches",
    "sysrq-trigger",
    "irq/default_smp_affinity",
    "kernel/mm/transparent_hugepage/enabled",
    "kernel/uevent_helper",
    "power/state",
    "cgroup.procs",
    "cgroup.kill",
];

/// Mounts whatever can be mounted, and changes what is mounted, in namespaces of its own.
pub(super) fn mounts() -> Outcome {
    let mut command = Command::new("unshare");
    command.args([
        "--user",
        "--map-root-user",
        "--mount",
        "--pid",
        "--fork",
        "--kill-child",
        "--ipc",
        "--net",
        "--",
    ]);
    let output = command.arg(std::env::current_exe()?).arg("sweep-mounts-inside").output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    said.lines().filter(|line| line.starts_with("counted: ")).for_each(|line| println!("{line}"));
    match said.lines().find_map(|line| line.strip_prefix("breach: ")) {
        Some(breach) => Ok(Came::Breach(breach.to_owned())),
        None => Err(format!("{} {}", said.trim(), String::from_utf8_lossy(&output.stderr).trim()).into()),
    }
}

pub(super) fn mounts_inside() -> Outcome {
    let place = temporary("mounts");
    fs::create_dir_all(&place)?;
    let mut breaches = BTreeSet::new();
    let mut look = |how: &str| {
        for root in [&place, Path::new("/proc"), Path::new("/sys"), Path::new("/sys/fs/cgroup")] {
            for setting in SETTINGS.map(|setting| root.join(setting)) {
                if is_writable(&setting) {
                    breaches.insert(format!("{} after {how}", setting.display()));
                }
            }
        }
    };
    let mut tried = 0;
    let kinds = fs::read_to_string("/proc/filesystems")?;
    for kind in kinds.split_whitespace().filter(|word| *word != "nodev") {
        for (flags, data) in [
            (0, ""),
            (libc::MS_RDONLY, ""),
            (libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOEXEC, ""),
            (0, "nsdelegate"),
            (0, "subset=pid"),
        ] {
            tried += 1;
            if mount(kind, &place, kind, flags, data) {
                look(&format!("mounting {kind}"));
                unmount(&place);
            }
        }
    }
    let there = fs::read_to_string("/proc/self/mountinfo")?;
    for point in there.lines().filter_map(|line| line.split(' ').nth(4)) {
        let path = Path::new(point);
        for (flags, how) in [
            (libc::MS_REMOUNT | libc::MS_BIND, "remounting it writable"),
            (libc::MS_REMOUNT, "remounting all of it writable"),
            (libc::MS_PRIVATE, "making it private"),
        ] {
            tried += 1;
            if mount("", path, "", flags, "") {
                look(&format!("{how}: {point}"));
            }
        }
        for (flags, how) in [
            (libc::MS_BIND, "mounting it elsewhere"),
            (libc::MS_BIND | libc::MS_REC, "mounting all of it elsewhere"),
            (libc::MS_MOVE, "moving it"),
        ] {
            tried += 1;
            if mount(point, &place, "", flags, "") {
                look(&format!("{how}: {point}"));
                unmount(&place);
            }
        }
        tried += 1;
        unmount(path);
        look(&format!("unmounting {point}"));
    }
    let _ = fs::remove_dir(&place);
    counted("mount", tried);
    match breaches.is_empty() {
        true => Err("nothing could be written".into()),
        false => Ok(Came::Breach(breaches.into_iter().collect::<Vec<_>>().join("; "))),
    }
}

fn mount(what: &str, place: &Path, kind: &str, flags: libc::c_ulong, data: &str) -> bool {
    let [what, kind, data] = [what, kind, data].map(|text| [text.as_bytes(), b"\0"].concat());
    let place = [place.as_os_str().as_encoded_bytes(), b"\0"].concat();
    let arguments = [
        Argument::Bytes(&what),
        Argument::Bytes(&place),
        Argument::Bytes(&kind),
        i64::try_from(flags).unwrap_or_default().into(),
        Argument::Bytes(&data),
    ];
    call(libc::SYS_mount, arguments).is_ok()
}

fn unmount(place: &Path) {
    let place = [place.as_os_str().as_encoded_bytes(), b"\0"].concat();
    let _ = call(libc::SYS_umount2, [Argument::Bytes(&place), libc::MNT_DETACH.into()]);
}

/// Opens namespaces and processes by handles, which are numbers that can be guessed.
pub(super) fn handles() -> Outcome {
    /// `FD_PIDFS_ROOT` and `FD_NSFS_ROOT`, with the kinds of their handles.
    const PROCESSES: (i64, i32) = (-10002, 0xfe);
    const NAMESPACES: (i64, i32) = (-10003, 0xf1);
    let names = fs::read_dir("/proc/self/ns")?.flatten();
    let own: BTreeSet<u64> =
        names.filter_map(|name| fs::metadata(name.path()).ok()).map(|found| found.ino()).collect();
    let (mut tried, mut got) = (0, Vec::new());
    for id in 1..=16_u64 {
        for kind in [
            libc::CLONE_NEWNS,
            libc::CLONE_NEWNET,
            libc::CLONE_NEWUSER,
            libc::CLONE_NEWPID,
            libc::CLONE_NEWIPC,
            libc::CLONE_NEWCGROUP,
        ] {
            // the first namespaces have numbers from 0xeffffff8 on
            for number in [0].into_iter().chain(0xefff_fff0..0xf000_0010_u32) {
                tried += 1;
                let handle =
                    [id.to_ne_bytes().as_slice(), &kind.to_ne_bytes(), &number.to_ne_bytes()].concat();
                if let Ok(file) = open(NAMESPACES, &handle)
                    && file.metadata().is_ok_and(|found: Metadata| !own.contains(&found.ino()))
                {
                    got.push(format!("namespace {id}"));
                }
            }
        }
    }
    for number in 1..=4096_u64 {
        tried += 1;
        if let Ok(file) = open(PROCESSES, &number.to_ne_bytes()) {
            let told = fs::read_to_string(format!("/proc/self/fdinfo/{}", file.as_raw_fd()))?;
            let process = told.lines().find_map(|line| line.strip_prefix("Pid:")).unwrap_or_default().trim();
            if process.parse::<i32>().is_ok_and(|process| process <= 0) {
                got.push(format!("process {number}"));
            }
        }
    }
    counted("handle", tried);
    match got.is_empty() {
        true => Err("none led outside".into()),
        false => Ok(Came::Breach(format!("opened: {got:?}"))),
    }
}

fn open((root, kind): (i64, i32), handle: &[u8]) -> std::io::Result<File> {
    let head = [(handle.len() as u32).to_ne_bytes(), kind.to_ne_bytes()].concat();
    let bytes = [head.as_slice(), handle].concat();
    let opened = call(libc::SYS_open_by_handle_at, [root.into(), Argument::Bytes(&bytes), 0.into()])?;
    Ok(attempt::owned(opened).into())
}
