//! Commands inside an enclosure: what they cannot do, and what they still can.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::env;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::fd::AsRawFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::Command;

use common::{Address, Link, Links, SetUp, route};
use netwright_sys::{Confinement, Enclosure, EnclosureOptions, Mask, Namespace, User, isolate};
use rustix::io::Errno;
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use rustix::net::{AddressFamily, Protocol, SocketFlags, SocketType, socket_with};
use rustix::process::{Pid, test_kill_process};

const INSIDE: &str = "NETWRIGHT_TEST_CONFINED";
const SUPERVISOR: &str = "NETWRIGHT_TEST_SUPERVISOR";
const WARDEN: &str = "NETWRIGHT_TEST_WARDEN";
const DIRECTORY: &str = "NETWRIGHT_TEST_DIRECTORY";

fn enclosure() -> Enclosure {
    Enclosure::create(&EnclosureOptions::default())
        .unwrap_or_else(|error| panic!("{error}. {:?}", error.help()))
}

/// This test once more, as a command.
fn again(test: &str, place: &str) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args([test, "--exact", "--nocapture"]).env(INSIDE, place).env("RUST_BACKTRACE", "0");
    command
}

fn place() -> Option<String> {
    env::var(INSIDE).ok()
}

fn check(mut command: Command) {
    let output =
        command.output().unwrap_or_else(|error| panic!("{error}: {:?}", Confinement::refusal(&error)));
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("1 passed"), "the test did not run inside: {text}");
}

/// Runs this test once more inside, where [`place`] tells so.
fn inside(test: &str, enclosure: &Enclosure, confinement: &Confinement, directory: Option<&Path>) {
    let mut command = again(test, "inside");
    command.env(SUPERVISOR, std::process::id().to_string()).env(WARDEN, enclosure.warden().to_string());
    command.envs(directory.map(|directory| (DIRECTORY, directory)));
    enclosure.confine(&mut command, confinement).unwrap();
    check(command);
}

fn number(variable: &str) -> i32 {
    env::var(variable).unwrap().parse().unwrap()
}

fn status(name: &str) -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(":\t"));
    line.unwrap_or_else(|| panic!("no {name} in {status}")).to_owned()
}

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

fn no_power_over_the_network() {
    let mut route = route();
    assert_eq!(route.dump_all(&Links).unwrap(), ["lo"]);
    let loopback = route.query(&Link("lo")).unwrap();
    assert!(route.acknowledge(&SetUp(loopback, true)).unwrap_err().is_permission());
    let address = Address { address: "192.0.2.1".parse().unwrap(), add: true };
    assert!(route.acknowledge(&address).unwrap_err().is_permission());
}

#[test]
fn the_confined_have_no_privileges() {
    if place().is_some() {
        for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
            assert_eq!(status(set), "0000000000000000", "{set}");
        }
        assert_eq!(status("NoNewPrivs"), "1");
        assert_eq!(status("Seccomp"), "2");
        return no_power_over_the_network();
    }
    inside("the_confined_have_no_privileges", &enclosure(), &Confinement::default(), None);
}

#[test]
fn other_sockets_and_ways_are_refused() {
    if place().is_none() {
        return inside("other_sockets_and_ways_are_refused", &enclosure(), &Confinement::default(), None);
    }
    let open = |family: i32, kind: SocketType, protocol: u32| {
        let family = AddressFamily::from_raw(u16::try_from(family).unwrap());
        let protocol = std::num::NonZeroU32::new(protocol).map(Protocol::from_raw);
        socket_with(family, kind, SocketFlags::CLOEXEC, protocol).map(drop)
    };
    for family in
        [libc::AF_VSOCK, libc::AF_PACKET, libc::AF_ALG, libc::AF_BLUETOOTH, libc::AF_TIPC, libc::AF_XDP]
    {
        assert_eq!(open(family, SocketType::DGRAM, 0), Err(Errno::AFNOSUPPORT), "family {family}");
    }
    for family in [libc::AF_INET, libc::AF_INET6] {
        assert_eq!(open(family, SocketType::RAW, 1), Err(Errno::PERM));
        assert_eq!(open(family, SocketType::STREAM, 132), Err(Errno::PROTONOSUPPORT));
        assert_eq!(open(family, SocketType::STREAM, 0), Ok(()));
        assert_eq!(open(family, SocketType::DGRAM, 17), Ok(()));
    }
    assert_eq!(open(libc::AF_NETLINK, SocketType::RAW, 12), Err(Errno::PROTONOSUPPORT));
    assert_eq!(open(libc::AF_NETLINK, SocketType::RAW, 0), Ok(()));
    assert_eq!(open(libc::AF_UNIX, SocketType::STREAM, 0), Ok(()));
    assert_eq!(call(libc::SYS_io_uring_setup, 1), libc::ENOSYS);
    assert_eq!(call(libc::SYS_request_key, 0), libc::ENOSYS);
    assert_eq!(call(libc::SYS_bpf, 0), libc::EPERM);
    assert_eq!(ioctl(libc::TIOCSTI), libc::EPERM);
    assert_eq!(ioctl(libc::TIOCLINUX), libc::EPERM);
    assert_ne!(ioctl(libc::TIOCGWINSZ), libc::EPERM);
}

/// The error number of a call with this argument and no others.
#[allow(unsafe_code)]
fn call(number: libc::c_long, argument: libc::c_long) -> i32 {
    // SAFETY: the callers' calls find null pointers only, which the kernel refuses.
    let result = unsafe { libc::syscall(number, argument, 0, 0, 0, 0, 0) };
    assert_eq!(result, -1);
    io::Error::last_os_error().raw_os_error().unwrap()
}

#[allow(unsafe_code)]
fn ioctl(request: libc::Ioctl) -> i32 {
    let null = File::open("/dev/null").unwrap();
    // SAFETY: these requests are not known to the device, and the pointer is null.
    let result = unsafe { libc::ioctl(null.as_raw_fd(), request, std::ptr::null_mut::<u8>()) };
    assert_eq!(result, -1);
    io::Error::last_os_error().raw_os_error().unwrap()
}

#[test]
fn no_descriptor_is_inherited() {
    if place().is_some() {
        let open =
            fs::read_dir("/proc/self/fd").unwrap().filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
        let open: Vec<_> = open.collect();
        assert!(open.iter().all(|path| !path.starts_with("/etc")), "{open:?}");
        assert!(open.len() <= 4, "{open:?}"); // 0 to 2 and the directory itself
        return;
    }
    let file = File::open("/etc/passwd").unwrap();
    let inherited = rustix::io::dup(&file).unwrap();
    assert!(!rustix::io::fcntl_getfd(&inherited).unwrap().contains(rustix::io::FdFlags::CLOEXEC));
    inside("no_descriptor_is_inherited", &enclosure(), &Confinement::default(), None);
}

#[test]
fn processes_outside_are_out_of_reach() {
    if place().is_none() {
        let enclosure = enclosure();
        inside("processes_outside_are_out_of_reach", &enclosure, &Confinement::default(), None);
        if enclosure.has_all_users() {
            let confinement = Confinement { capabilities: true, ..Confinement::default() };
            inside("processes_outside_are_out_of_reach", &enclosure, &confinement, None);
        }
        return;
    }
    for process in [number(SUPERVISOR), number(WARDEN)] {
        for file in ["mem", "environ", "maps", "ns/net", "ns/user", "ns/mnt", "exe", "root/etc/passwd"] {
            let opened = File::open(format!("/proc/{process}/{file}"));
            assert_eq!(opened.unwrap_err().kind(), ErrorKind::PermissionDenied, "{file} of {process}");
        }
        // The numbers may be seen, what they stand for may not.
        for entry in fs::read_dir(format!("/proc/{process}/fd")).into_iter().flatten() {
            let path = entry.unwrap().path();
            assert!(fs::read_link(&path).is_err() && File::open(&path).is_err(), "{}", path.display());
        }
        assert!(Namespace::of_pid(process.unsigned_abs()).is_err());
        assert_eq!(attach(process), libc::EPERM);
        if has_signal_scope() {
            assert_eq!(test_kill_process(Pid::from_raw(process).unwrap()), Err(Errno::PERM));
        }
    }
}

#[allow(unsafe_code)]
fn attach(process: i32) -> i32 {
    // SAFETY: this request takes no pointers; it must fail, and nothing is traced if it does not.
    let result = unsafe { libc::ptrace(libc::PTRACE_SEIZE, process, 0, 0) };
    assert_eq!(result, -1);
    io::Error::last_os_error().raw_os_error().unwrap()
}

/// Whether the kernel has Landlock with scoped signals (version 6).
#[allow(unsafe_code)]
fn has_signal_scope() -> bool {
    const VERSION: u32 = 1;
    // SAFETY: a null pointer with the length 0 and this flag asks for the version only.
    unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, std::ptr::null::<u8>(), 0_usize, VERSION) >= 6 }
}

#[test]
fn without_a_warden_the_inside_stays_as_it_was() {
    if place().is_some() {
        return no_power_over_the_network();
    }
    let enclosure = enclosure();
    let warden = Pid::from_raw(enclosure.warden().cast_signed()).unwrap();
    rustix::process::kill_process(warden, rustix::process::Signal::KILL).unwrap();
    let error = enclosure.write_sysctl("net/ipv4/ip_forward", "0").unwrap_err();
    assert!(error.to_string().contains("has ended"), "{error}");
    inside("without_a_warden_the_inside_stays_as_it_was", &enclosure, &Confinement::default(), None);
}

/// The kernel lets user number 0 make user namespaces with a map only if it has capabilities (user_namespaces(7)).
fn able_to_make_namespaces() -> Confinement {
    Confinement { capabilities: rustix::process::geteuid().is_root(), ..Confinement::default() }
}

#[test]
fn namespaces_below_can_be_made() {
    match place().as_deref() {
        None => inside("namespaces_below_can_be_made", &enclosure(), &able_to_make_namespaces(), None),
        Some("inside") => {
            let mut below = isolate::command(env::current_exe().unwrap());
            below.args(["namespaces_below_can_be_made", "--exact", "--nocapture"]).env(INSIDE, "below");
            check(below);
        }
        Some(_) => {
            assert_ne!(status("CapEff"), "0000000000000000");
            let mut route = route();
            let loopback = route.query(&Link("lo")).unwrap();
            route.acknowledge(&SetUp(loopback, true)).unwrap();
        }
    }
}

#[test]
fn abstract_sockets_outside_are_not_seen() {
    let name = |number: i32| SocketAddr::from_abstract_name(format!("netwright-test-{number}")).unwrap();
    if place().is_some() {
        let error = UnixStream::connect_addr(&name(number(SUPERVISOR))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        return;
    }
    let name = name(std::process::id().cast_signed());
    let _listener = UnixListener::bind_addr(&name).unwrap();
    assert!(UnixStream::connect_addr(&name).is_ok());
    inside("abstract_sockets_outside_are_not_seen", &enclosure(), &Confinement::default(), None);
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
            let mut below = isolate::command(env::current_exe().unwrap());
            check({
                below.args([MASKS, "--exact", "--nocapture"]).env(INSIDE, "below");
                below
            });
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
    let error = enclosure.mask(&[Mask::Nothing { path: path("missing") }]).unwrap_err();
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
fn results_and_errors_arrive() {
    let enclosure = enclosure();
    let run = |program: &str, arguments: &[&str]| {
        let mut command = Command::new(program);
        command.args(arguments);
        enclosure.confine(&mut command, &Confinement::default()).unwrap();
        command.output()
    };
    assert_eq!(run("sh", &["-c", "exit 42"]).unwrap().status.code(), Some(42));
    let killed = run("sh", &["-c", "kill -TERM $$"]).unwrap().status;
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&killed), Some(libc::SIGTERM));
    let error = run("/nowhere/program", &[]).unwrap_err();
    assert_eq!((error.kind(), Confinement::refusal(&error)), (ErrorKind::NotFound, None));
    let error = run("/etc/passwd", &[]).unwrap_err();
    assert_eq!((error.kind(), Confinement::refusal(&error)), (ErrorKind::PermissionDenied, None));
    let here = env::current_dir().unwrap();
    assert_eq!(run("sh", &["-c", "pwd -P"]).unwrap().stdout, format!("{}\n", here.display()).into_bytes());
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

#[test]
fn another_user_is_taken_on() {
    if place().is_some() {
        assert_eq!(status("Uid"), "65534\t65534\t65534\t65534");
        assert_eq!(status("Groups").trim(), "4 65534");
        assert_eq!(status("CapBnd"), "0000000000000000");
        return;
    }
    let enclosure = enclosure();
    let user = User { uid: 65534, gid: 65534, groups: vec![4, 65534] };
    let confinement = Confinement { user: Some(user), ..Confinement::default() };
    if enclosure.has_all_users() {
        inside("another_user_is_taken_on", &enclosure, &confinement, None);
    } else {
        assert!(enclosure.confine(&mut Command::new("true"), &confinement).is_err());
    }
}

#[test]
fn capabilities_of_root_give_no_power() {
    if place().is_some() {
        assert_ne!(status("CapEff"), "0000000000000000");
        no_power_over_the_network();
        assert!(mount(c"tmpfs", c"/mnt", c"tmpfs", MountFlags::empty(), None).is_err());
        let error = fs::write("/proc/sys/kernel/domainname", "inside").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ReadOnlyFilesystem);
        return;
    }
    let enclosure = enclosure();
    enclosure
        .mask(&[Mask::ReadOnly { path: "/proc/sys".into() }, Mask::ReadOnly { path: "/sys".into() }])
        .unwrap();
    let confinement = Confinement { capabilities: true, ..Confinement::default() };
    if rustix::process::geteuid().is_root() {
        inside("capabilities_of_root_give_no_power", &enclosure, &confinement, None);
    } else {
        // Executing a program takes them from everybody but root.
        let mut command = Command::new("grep");
        enclosure
            .confine(command.args(["CapEff:\t0000000000000000", "/proc/self/status"]), &confinement)
            .unwrap();
        assert!(command.output().unwrap().status.success());
    }
}

#[test]
fn a_command_can_end_with_the_thread_that_started_it() {
    let enclosure = enclosure();
    let mut child = std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            let mut command = Command::new("sleep");
            let confinement = Confinement { die_with_thread: true, ..Confinement::default() };
            enclosure.confine(command.arg("60"), &confinement).unwrap();
            command.spawn().unwrap()
        });
        thread.join().unwrap()
    });
    let status = child.wait().unwrap();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(libc::SIGKILL));
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

#[test]
#[cfg(target_arch = "x86_64")]
fn calls_of_other_kinds_of_programs_are_refused() {
    const TEST: &str = "calls_of_other_kinds_of_programs_are_refused";
    const SOCKETCALL: u32 = 102;
    const SOCKET: u32 = 359;
    const X32: libc::c_long = 0x4000_0000;
    let stream = libc::SOCK_STREAM as u32;
    let by_x32 = |family: libc::c_long| call(X32 + libc::SYS_socket, family);
    match place().as_deref() {
        None => {
            let outside = again(TEST, "outside").status().unwrap();
            if outside.success() {
                inside(TEST, &enclosure(), &Confinement::default(), None);
            } else {
                println!("not tested: this kernel does not run 32-bit programs");
            }
        }
        Some("outside") => assert!(call_32(SOCKET, libc::AF_UNIX as u32, stream) >= 0),
        Some(_) => {
            assert_eq!(call_32(SOCKETCALL, 1, 0), -libc::ENOSYS);
            assert_eq!(call_32(SOCKET, libc::AF_VSOCK as u32, stream), -libc::EAFNOSUPPORT);
            assert_eq!(call_32(SOCKET, libc::AF_INET as u32, libc::SOCK_RAW as u32), -libc::EPERM);
            assert!(call_32(SOCKET, libc::AF_INET as u32, stream) >= 0);
            assert_eq!(by_x32(libc::c_long::from(libc::AF_INET)), libc::ENOSYS);
        }
    }
}

/// Makes a system call as 32-bit programs do, with no more arguments than two.
#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code)]
fn call_32(number: u32, first: u32, second: u32) -> i32 {
    let result: i32;
    // SAFETY: the calls that are made this way take numbers only, or are refused for a null pointer.
    unsafe {
        std::arch::asm!(
            "push rbx",
            "mov ebx, {first:e}",
            "int 0x80",
            "pop rbx",
            first = in(reg) first,
            inlateout("eax") number => result,
            in("ecx") second,
            in("edx") 0,
            out("r8") _, out("r9") _, out("r10") _, out("r11") _,
        );
    }
    result
}

#[test]
fn a_limit_that_forbids_namespaces_is_named() {
    const TEST: &str = "a_limit_that_forbids_namespaces_is_named";
    let own = || fs::read_link("/proc/self/ns/user").unwrap();
    match place().as_deref() {
        None => {
            let outside = own().into_os_string();
            let mut command = again(TEST, "inside");
            let enclosure = enclosure();
            enclosure.confine(command.env(DIRECTORY, &outside), &able_to_make_namespaces()).unwrap();
            check(command);
        }
        Some("inside") => {
            let mut below = isolate::command(env::current_exe().unwrap());
            below.args([TEST, "--exact", "--nocapture"]).env(INSIDE, "below");
            check(below);
        }
        Some(_) => {
            assert_ne!(
                Some(own().into_os_string()),
                env::var_os(DIRECTORY),
                "the machine's limits stay as they are"
            );
            fs::write("/proc/sys/user/max_user_namespaces", "0").unwrap();
            let error = Enclosure::create(&EnclosureOptions::default()).unwrap_err();
            assert!(
                error.help().unwrap().contains("user.max_user_namespaces"),
                "{error}. {:?}",
                error.help()
            );
        }
    }
}
