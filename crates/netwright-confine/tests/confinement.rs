//! Commands inside an enclosure: what they cannot do, and what they still can.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::env;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::fd::AsRawFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::process::Command;

use common::{
    DIRECTORY, HELPER, SUPERVISOR, able_to_make_namespaces, add_address, again, below, check, enclosure,
    inside, links, place, set_loopback_up,
};
use netwright_confine::{Confinement, Enclosure, EnclosureOptions, Mask, User};
use netwright_sys::Namespace;
use netwright_sys::{Connection, protocol};
use rustix::io::Errno;
use rustix::mount::{MountFlags, mount};
use rustix::net::{AddressFamily, Protocol, SocketFlags, SocketType, socket_with};
use rustix::process::{Pid, test_kill_process};

fn number(variable: &str) -> i32 {
    env::var(variable).unwrap().parse().unwrap()
}

fn status(name: &str) -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(":\t"));
    line.unwrap_or_else(|| panic!("no {name} in {status}")).to_owned()
}

fn no_power_over_the_network() {
    let mut route = Connection::open(protocol::ROUTE).unwrap();
    assert_eq!(links(&mut route), ["lo"]);
    assert!(set_loopback_up(&mut route).unwrap_err().is_permission());
    assert!(add_address(&mut route, "192.0.2.1/32").unwrap_err().is_permission());
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
    assert_eq!(call(libc::SYS_syslog, 3), libc::EPERM);
    assert_eq!(ioctl(libc::TIOCSTI), libc::EPERM);
    assert_eq!(ioctl(libc::TIOCLINUX), libc::EPERM);
    assert_ne!(ioctl(libc::TIOCGWINSZ), libc::EPERM);
    // Keys of encrypted directories, and the question whether one is there.
    for request in [0xc050_6617, 0xc040_6618, 0xc040_6619] {
        assert_eq!(ioctl(request), libc::EPERM);
    }
    assert_ne!(ioctl(0xc080_661a), libc::EPERM);
}

/// Whoever opens a file that somebody has a lease of waits until that is given back.
#[test]
#[allow(unsafe_code)]
fn leases_of_files_are_refused() {
    let lease = |kind: i32| {
        let file = tempfile();
        // SAFETY: this call takes numbers only.
        match unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETLEASE, kind) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error().raw_os_error().unwrap()),
        }
    };
    if place().is_none() {
        assert_eq!(lease(libc::F_WRLCK), Ok(()), "without an enclosure it is had");
        return inside("leases_of_files_are_refused", &enclosure(), &Confinement::default(), None);
    }
    for kind in [libc::F_RDLCK, libc::F_WRLCK] {
        assert_eq!(lease(kind), Err(libc::EACCES));
    }
    let file = tempfile();
    // SAFETY: this call takes numbers only.
    assert_eq!(unsafe { libc::fcntl(file.as_raw_fd(), 1040, 0) }, -1);
}

/// A new file of this process's own, which has no name any more.
fn tempfile() -> File {
    let path = std::env::temp_dir().join(format!("netwright-lease-{}", std::process::id()));
    let file = File::create(&path).unwrap();
    std::fs::remove_file(path).unwrap();
    file
}

#[test]
fn the_confined_get_no_more_rights_from_who_connects_for_them() {
    if place().is_none() {
        // the supervisor makes each connection
        let confinement = Confinement { sockets: Some(Vec::new()), mounts: true, ..Confinement::default() };
        let enclosure = enclosure();
        return inside(
            "the_confined_get_no_more_rights_from_who_connects_for_them",
            &enclosure,
            &confinement,
            None,
        );
    }
    let connect = |port: u32, groups: u32| {
        let socket =
            socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, None).unwrap();
        rustix::net::connect(&socket, &rustix::net::netlink::SocketAddrNetlink::new(port, groups))
    };
    assert_eq!(connect(0, 0), Ok(()));
    for (port, groups) in [(1234, 0), (0, 1), (u32::MAX, 0), (1 << 24, 1 << 31)] {
        assert_eq!(connect(port, groups), Err(Errno::PERM));
    }
}

#[test]
fn no_core_dump_leaves_the_inside() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let before = getrlimit(Resource::Core);
    if place().is_none() {
        let enclosure = enclosure();
        inside("no_core_dump_leaves_the_inside", &enclosure, &Confinement::default(), None);
        return;
    }
    // a hard limit of 0 cannot be raised
    if before.maximum != Some(0) {
        let none = Rlimit { current: Some(1), maximum: Some(1) };
        assert_eq!(before, none);
        // at 0 the kernel would give it to a program
        setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) }).unwrap();
        assert_eq!(getrlimit(Resource::Core), none);
    }
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
    for process in [number(SUPERVISOR), number(HELPER)] {
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
fn without_a_helper_the_inside_stays_as_it_was() {
    if place().is_some() {
        return no_power_over_the_network();
    }
    let enclosure = enclosure();
    let helper = Pid::from_raw(enclosure.helper().cast_signed()).unwrap();
    rustix::process::kill_process(helper, rustix::process::Signal::KILL).unwrap();
    let error = enclosure.write_sysctl("net/ipv4/ip_forward", "0").unwrap_err();
    assert!(error.to_string().contains("has ended"), "{error}");
    inside("without_a_helper_the_inside_stays_as_it_was", &enclosure, &Confinement::default(), None);
}

#[test]
fn namespaces_below_can_be_made() {
    match place().as_deref() {
        None => inside("namespaces_below_can_be_made", &enclosure(), &able_to_make_namespaces(), None),
        Some("inside") => {
            check(below("namespaces_below_can_be_made"));
        }
        Some(_) => {
            assert_ne!(status("CapEff"), "0000000000000000");
            let mut route = Connection::open(protocol::ROUTE).unwrap();
            set_loopback_up(&mut route).unwrap();
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
            check(below(TEST));
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
