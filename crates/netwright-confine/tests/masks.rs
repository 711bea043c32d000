//! What covers paths inside an enclosure.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::env;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::Command;

use common::{DIRECTORY, able_to_make_namespaces, again, below, check, enclosure, inside, place};
use netwright_confine::{Confinement, Enclosure, Mask};
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};

/// A directory for one test, which is gone at its end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(test: &str) -> Self {
        let path = env::temp_dir().join(format!("netwright-{test}-{}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Scratch(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

const MASKS: &str = "masks_hold";

#[test]
fn masks_hold() {
    if let Some(place) = place() {
        let directory = PathBuf::from(env::var_os(DIRECTORY).unwrap());
        masks_are_seen(&directory);
        masks_cannot_be_removed(&directory, &place);
        masks_are_seen(&directory);
        if place == "inside" {
            check(below(MASKS));
        }
        return;
    }
    let scratch = Scratch::new(MASKS);
    let path = |name: &str| scratch.0.join(name);
    fs::write(path("conf"), "outside").unwrap();
    std::os::unix::fs::symlink("conf", path("link")).unwrap();
    let _listener = UnixListener::bind(path("socket")).unwrap();
    for directory in ["covered/kept", "read-only/below"] {
        fs::create_dir_all(path(directory)).unwrap();
    }
    for file in ["covered/gone", "covered/file", "covered/kept/file", "read-only/below/file"] {
        fs::write(path(file), "outside").unwrap();
    }
    std::os::unix::fs::symlink("file", path("covered/link")).unwrap();
    let enclosure = enclosure();
    let keep = ["kept", "file", "link", "missing"].map(String::from).to_vec();
    let masks = [
        Mask::File { path: path("link"), content: b"inside".repeat(50_000) },
        Mask::Nothing { path: path("socket") },
        Mask::Directory { path: path("covered"), keep },
        Mask::ReadOnly { path: path("read-only") },
    ];
    enclosure.mask(&masks).unwrap_or_else(|error| panic!("{error}"));
    let gone =
        enclosure.mask(&[Mask::Nothing { path: path("missing") }, Mask::Nothing { path: path("socket") }]);
    gone.unwrap_or_else(|error| panic!("{error}"));
    let error = enclosure.mask(&[Mask::ReadOnly { path: path("missing") }]).unwrap_err();
    assert!(error.is_not_found() && error.to_string().contains("missing"), "{error}");
    inside(MASKS, &enclosure, &able_to_make_namespaces(), Some(&scratch.0));
    assert_eq!(fs::read_to_string(path("conf")).unwrap(), "outside");
    assert!(path("covered/gone").exists() && UnixStream::connect(path("socket")).is_ok());
}

fn masks_are_seen(directory: &Path) {
    let path = |name: &str| directory.join(name);
    for name in ["conf", "link"] {
        assert_eq!(fs::read(path(name)).unwrap(), b"inside".repeat(50_000));
    }
    assert!(File::options().write(true).open(path("conf")).is_err());
    assert_eq!(UnixStream::connect(path("socket")).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    assert!(fs::remove_file(path("socket")).is_err());
    assert!(!path("covered/gone").exists() && !path("covered/missing").exists());
    for file in ["covered/kept/file", "covered/file", "covered/link", "read-only/below/file"] {
        assert_eq!(fs::read_to_string(path(file)).unwrap(), "outside", "{file}");
    }
    fs::write(path("covered/new"), "").unwrap();
    fs::remove_file(path("covered/new")).unwrap();
    let error = fs::write(path("read-only/below/file"), "").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ReadOnlyFilesystem);
    let scratch = fs::read_dir("/proc/fs").unwrap().filter_map(|entry| Some(entry.ok()?.file_name()));
    assert!(!scratch.into_iter().any(|name| name == "content"));
}

fn masks_cannot_be_removed(directory: &Path, place: &str) {
    for name in ["conf", "socket", "covered", "covered/kept", "read-only"] {
        assert!(unmount(directory.join(name), UnmountFlags::DETACH).is_err(), "{name}");
    }
    let bind = |flags| mount(directory, "/mnt", c"", flags, None);
    if place == "inside" {
        assert!(bind(MountFlags::BIND | MountFlags::REC).is_err(), "mounting needs power over the mounts");
    } else {
        assert!(bind(MountFlags::BIND).is_err(), "a copy without what is mounted below would show it");
        bind(MountFlags::BIND | MountFlags::REC).unwrap();
        masks_are_seen(Path::new("/mnt"));
        assert!(unmount("/mnt/conf", UnmountFlags::DETACH).is_err());
        let writable = rustix::mount::mount_remount(directory.join("read-only"), MountFlags::BIND, c"");
        assert!(writable.is_err());
    }
}

#[test]
fn masks_within_what_another_mask_keeps_hold() {
    let scratch = Scratch::new("masks_within_masks");
    let path = |name: &str| scratch.0.join(name);
    for directory in ["first/second/third/gone", "first/second/gone", "first/gone"] {
        fs::create_dir_all(path(directory)).unwrap();
    }
    let directory = |name: &str, keep: &[&str]| Mask::Directory {
        path: path(name),
        keep: keep.iter().map(|&name| name.to_owned()).collect(),
    };
    let enclosure = enclosure();
    let masks = [
        directory("first", &["second"]),
        directory("first/second", &["third"]),
        directory("first/second/third", &[]),
    ];
    enclosure.mask(&masks).unwrap();
    let mut command = Command::new("find");
    command.arg(path("first")).args(["-mindepth", "1", "-printf", "%P\n"]);
    enclosure.confine(&mut command, &Confinement::default()).unwrap();
    let output = command.output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "second\nsecond/third\n");
}

#[test]
fn a_replaced_socket_is_covered_with_its_directory() {
    const TEST: &str = "a_replaced_socket_is_covered_with_its_directory";
    if let Some(place) = place() {
        let connected = UnixStream::connect(Path::new(&env::var_os(DIRECTORY).unwrap()).join("socket"));
        return match place.as_str() {
            "alone" => assert_eq!(connected.unwrap_err().kind(), ErrorKind::ConnectionRefused),
            "replaced" => drop(connected.unwrap()), // the kernel has taken the mask away with the entry
            "directory" => assert_eq!(connected.unwrap_err().kind(), ErrorKind::NotFound),
            other => panic!("{other}"),
        };
    }
    let scratch = Scratch::new("a_replaced_socket");
    let path = scratch.0.join("socket");
    let run = |enclosure: &Enclosure, place: &str| {
        let mut command = again(TEST, place);
        enclosure.confine(command.env(DIRECTORY, &scratch.0), &Confinement::default()).unwrap();
        check(command);
    };
    let mut listener = UnixListener::bind(&path).unwrap();
    let (alone, whole) = (enclosure(), enclosure());
    alone.mask(&[Mask::Nothing { path: path.clone() }]).unwrap();
    whole.mask(&[Mask::Directory { path: scratch.0.clone(), keep: Vec::new() }]).unwrap();
    run(&alone, "alone");
    for _ in 0..2 {
        fs::remove_file(&path).unwrap();
        listener = UnixListener::bind(&path).unwrap();
        run(&alone, "replaced");
        run(&whole, "directory");
    }
    alone.mask(&[Mask::Nothing { path: path.clone() }]).unwrap();
    run(&alone, "alone");
    drop(listener);
}

#[test]
fn a_covered_working_directory_is_not_kept() {
    let scratch = Scratch::new("a_covered_working_directory");
    let enclosure = enclosure();
    fs::create_dir(scratch.0.join("below")).unwrap();
    enclosure.mask(&[Mask::Directory { path: scratch.0.clone(), keep: Vec::new() }]).unwrap();
    let listed = |directory: &Path| {
        let mut command = Command::new("ls");
        command.arg("-A").current_dir(directory);
        enclosure.confine(&mut command, &Confinement::default()).unwrap();
        command.output()
    };
    assert_eq!(listed(&scratch.0).unwrap().stdout, b"", "it shows what covers it");
    let error = listed(&scratch.0.join("below")).unwrap_err();
    let refusal = Confinement::refusal(&error).unwrap();
    assert!(refusal.to_string().contains("working directory") && refusal.is_not_found(), "{refusal}");
}

/// A new file system of processes would show the settings without the mask.
#[test]
fn covered_settings_cannot_be_mounted_again() {
    let mount = |masked: bool| {
        let enclosure = enclosure();
        if masked {
            enclosure.mask(&[Mask::ReadOnly { path: "/proc/sys".into() }]).unwrap();
        }
        let mut command = Command::new("unshare");
        command.args([
            "--user",
            "--map-root-user",
            "--mount",
            "--pid",
            "--fork",
            "mount",
            "-t",
            "proc",
            "proc",
            "/mnt",
        ]);
        enclosure.confine(&mut command, &able_to_make_namespaces()).unwrap();
        command.output().unwrap().status.success()
    };
    if mount(false) {
        assert!(!mount(true));
    } else {
        println!("not tested: no file system of processes can be mounted here anyway");
    }
}
