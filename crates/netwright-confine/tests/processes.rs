//! Commands with a namespace of processes of their own.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::env;
use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::{Duration, Instant};

use common::{again, below, check, enclosure, place};
use netwright_confine::{Confinement, Enclosure, Limits, Mask};
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use rustix::process::{Pid, Signal, kill_process, kill_process_group, setsid};

const OWN_PROCESSES: Confinement = Confinement {
    user: None,
    capabilities: false,
    die_with_thread: false,
    processes: true,
    ipc: true,
    sockets: None,
    written: None,
    mounts: false,
    socket_reporter: None,
    file_reporter: None,
    core_dumps: false,
    limits: Limits { data: None, processes: None, control_group: None },
};

fn shell_as(enclosure: &Enclosure, script: &str, confinement: &Confinement) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    enclosure.confine(&mut command, confinement).unwrap();
    command
}

fn shell(enclosure: &Enclosure, script: &str) -> Command {
    shell_as(enclosure, script, &OWN_PROCESSES)
}

fn output(command: &mut Command) -> Output {
    command.output().unwrap_or_else(|error| panic!("{error}: {:?}", Confinement::refusal(&error)))
}

fn said(command: &mut Command) -> String {
    let output = output(command);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn pid(child: &Child) -> Pid {
    Pid::from_child(child)
}

/// Starts a script that says when it is ready, and waits for that.
fn ready(command: &mut Command) -> (Child, ChildStdout) {
    let mut child = command.spawn().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let mut line = [0; 6];
    stdout.read_exact(&mut line).unwrap();
    assert_eq!(&line, b"ready\n");
    (child, stdout)
}

/// Waits until nobody holds the other end.
fn rest(mut stdout: ChildStdout) -> String {
    let mut text = String::new();
    stdout.read_to_string(&mut text).unwrap();
    text
}

fn processes() -> Vec<u32> {
    let entries = fs::read_dir("/proc").unwrap();
    entries.filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok()).collect()
}

#[test]
fn only_its_own_processes_are_seen() {
    if place().is_none() {
        let mut command = again("only_its_own_processes_are_seen", "inside");
        enclosure().confine(&mut command, &OWN_PROCESSES).unwrap();
        return check(command);
    }
    assert_eq!(std::process::id(), 2);
    assert_eq!(processes(), [1, 2]);
    assert_eq!(fs::read_link("/proc/self").unwrap().to_str(), Some("2"));
    for file in ["mem", "environ", "maps", "fd/0", "ns/net", "ns/user", "exe", "root/etc/passwd"] {
        let error = File::open(format!("/proc/1/{file}")).unwrap_err();
        let closed = file == "fd/0" && error.kind() == ErrorKind::NotFound;
        assert!(
            closed || error.kind() == ErrorKind::PermissionDenied,
            "{file} of the first process: {error}"
        );
    }
    assert_eq!(attach(1), libc::EPERM);
    let status = |process: &str, name: &str| {
        let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
        status.lines().find_map(|line| line.strip_prefix(name).map(str::to_owned)).unwrap()
    };
    // The first process goes its own way, beside the command.
    let end = Instant::now() + Duration::from_secs(10);
    while status("1", "Seccomp:").trim() != "2" && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(1));
    }
    for process in ["1", "self"] {
        for set in ["CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"] {
            assert_eq!(status(process, set).trim(), "0000000000000000", "{set} of {process}");
        }
        assert_eq!(status(process, "NoNewPrivs:").trim(), "1");
        assert_eq!(status(process, "Seccomp:").trim(), "2");
    }
    assert!(mount(c"tmpfs", c"/mnt", c"tmpfs", MountFlags::empty(), None).is_err());
    assert!(unmount(c"/proc", UnmountFlags::DETACH).is_err());
}

#[allow(unsafe_code)]
fn attach(process: i32) -> i32 {
    // SAFETY: this request takes no pointers; it must fail, and nothing is traced if it does not.
    let result = unsafe { libc::ptrace(libc::PTRACE_SEIZE, process, 0, 0) };
    assert_eq!(result, -1);
    std::io::Error::last_os_error().raw_os_error().unwrap()
}

/// What the command does not see: the guardian, which is outside, has no more power than the command.
#[test]
fn the_guardian_has_no_power() {
    let enclosure = enclosure();
    let (mut child, _stdout) = ready(&mut shell(&enclosure, "echo ready; exec sleep 60"));
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    for line in ["CapPrm:\t0000000000000000", "CapBnd:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2"] {
        assert!(status.contains(line), "{line}: {status}");
    }
    // It is not dumpable, so that its files are root's.
    if let Ok(mut open) = fs::read_dir(format!("/proc/{}/fd", child.id())) {
        assert!(open.next().is_none(), "it holds no descriptors");
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn killing_everything_kills_nothing_outside() {
    let enclosure = enclosure();
    let mut outside = Command::new("sleep").arg("60").spawn().unwrap();
    let script = "sleep 60 & kill -9 -1; wait $!; echo $?";
    assert_eq!(said(&mut shell(&enclosure, script)), "137\n");
    assert!(outside.try_wait().unwrap().is_none());
    enclosure.write_sysctl("net/ipv4/ip_forward", "0").unwrap(); // the helper lives on
    outside.kill().unwrap();
    outside.wait().unwrap();
}

#[test]
fn what_is_left_behind_ends_with_the_command() {
    let enclosure = enclosure();
    let begin = Instant::now();
    // The pipe of the output stays open as long as anything has it.
    said(&mut shell(&enclosure, "trap '' HUP TERM; (setsid sleep 60 &); sleep 60 & exit 0"));
    assert!(begin.elapsed() < Duration::from_secs(30));
    // Orphans that have ended before leave nothing behind.
    let script = "(sleep 0.01 &); sleep 0.2; cat /proc/[0-9]*/status | grep -c '^State:.Z'; true";
    assert_eq!(said(&mut shell(&enclosure, script)), "0\n");
}

#[test]
fn it_ends_as_the_command_does() {
    let enclosure = enclosure();
    let end = |script: &str| output(&mut shell(&enclosure, script)).status;
    assert_eq!(end("exit 42").code(), Some(42));
    assert_eq!(end("exit 0").code(), Some(0));
    for (name, number) in
        [("TERM", libc::SIGTERM), ("KILL", libc::SIGKILL), ("SEGV", libc::SIGSEGV), ("ALRM", libc::SIGALRM)]
    {
        let status = end(&format!("kill -{name} $$"));
        assert_eq!((status.signal(), status.core_dumped()), (Some(number), false), "{name}");
    }
}

#[test]
fn programs_that_cannot_be_executed_are_told() {
    let enclosure = enclosure();
    for (program, kind) in
        [("/nowhere/program", ErrorKind::NotFound), ("/etc/passwd", ErrorKind::PermissionDenied)]
    {
        let mut command = Command::new(program);
        enclosure.confine(&mut command, &OWN_PROCESSES).unwrap();
        let error = command.spawn().unwrap_err();
        assert_eq!((error.kind(), Confinement::refusal(&error)), (kind, None));
    }
}

#[test]
fn signals_reach_the_command() {
    let enclosure = enclosure();
    let loops = "echo ready; while :; do sleep 0.05; done";
    for (trap, signal, code) in
        [("TERM", Signal::TERM, 7), ("USR1", Signal::USR1, 8), ("CHLD", Signal::TERM, -1)]
    {
        let script = format!("trap 'exit {code}' {}; {loops}", if code < 0 { "USR2" } else { trap });
        let (mut child, _stdout) = ready(&mut shell(&enclosure, &script));
        kill_process(pid(&child), signal).unwrap();
        let status = child.wait().unwrap();
        match code {
            0.. => assert_eq!(status.code(), Some(code)),
            _ => assert_eq!(status.signal(), Some(signal.as_raw())),
        }
    }
}

#[test]
fn killing_it_kills_all_inside() {
    let enclosure = enclosure();
    let script = "trap '' HUP TERM; (setsid sleep 60 &); echo ready; sleep 60";
    let (mut child, stdout) = ready(&mut shell(&enclosure, script));
    child.kill().unwrap();
    assert_eq!(child.wait().unwrap().signal(), Some(libc::SIGKILL));
    assert_eq!(rest(stdout), "");
}

#[test]
fn it_can_end_with_the_thread_that_started_it() {
    let enclosure = enclosure();
    let confinement = Confinement { die_with_thread: true, ..OWN_PROCESSES };
    let (mut child, stdout) = std::thread::scope(|scope| {
        let start =
            || ready(&mut shell_as(&enclosure, "(setsid sleep 60 &); echo ready; sleep 60", &confinement));
        scope.spawn(start).join().unwrap()
    });
    assert_eq!(child.wait().unwrap().signal(), Some(libc::SIGKILL));
    assert_eq!(rest(stdout), "");
}

#[test]
#[allow(unsafe_code)]
fn what_the_caller_ignores_stays_ignored() {
    let enclosure = enclosure();
    let mut command = Command::new("grep");
    command.args(["-hs", "SigIgn", "/proc/self/status", "/nowhere"]).stdout(Stdio::piped());
    // SAFETY: the closure makes one system call.
    unsafe {
        command.pre_exec(|| {
            libc::signal(libc::SIGCHLD, libc::SIG_IGN);
            Ok(())
        });
    }
    enclosure.confine(&mut command, &OWN_PROCESSES).unwrap();
    let output = output(&mut command);
    assert_eq!(output.status.code(), Some(2), "a file is missing: {output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let ignored = u64::from_str_radix(text.trim().strip_prefix("SigIgn:\t").unwrap(), 16).unwrap();
    assert_eq!(ignored >> (libc::SIGCHLD - 1) & 1, 1, "{text}");
}

#[test]
fn stopping_and_continuing() {
    let enclosure = enclosure();
    let (mut child, _stdout) =
        ready(&mut shell(&enclosure, "trap 'exit 9' TERM; echo ready; kill -STOP $$; exit 5"));
    assert!(libc::WIFSTOPPED(change(&child)));
    kill_process(pid(&child), Signal::CONT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(5));
}

/// What has become of a child: it has stopped or ended.
#[allow(unsafe_code)]
fn change(child: &Child) -> i32 {
    let mut status = 0;
    // SAFETY: the kernel writes the status only.
    let changed = unsafe { libc::waitpid(child.id().cast_signed(), &mut status, libc::WUNTRACED) };
    assert_eq!(changed, child.id().cast_signed());
    status
}

#[test]
#[allow(unsafe_code)]
fn the_keys_of_a_terminal() {
    const TEST: &str = "the_keys_of_a_terminal";
    if place().is_none() {
        let mut command = again(TEST, "inside");
        // SAFETY: the closure makes one system call.
        unsafe { command.pre_exec(|| Ok(setsid().map(drop)?)) };
        return check(command);
    }
    let (mut keys, terminal) = terminal();
    let enclosure = enclosure();
    let mut command = shell(&enclosure, "echo ready; exec sleep 60");
    let (child, stdout) = ready(command.stdin(terminal.try_clone().unwrap()).process_group(0));
    // SAFETY: the call takes numbers only.
    assert_eq!(unsafe { libc::tcsetpgrp(terminal.as_raw_fd(), child.id().cast_signed()) }, 0);
    for _ in 0..3 {
        keys.write_all(b"\x1a").unwrap();
        assert!(libc::WIFSTOPPED(change(&child)));
        kill_process_group(pid(&child), Signal::CONT).unwrap();
    }
    keys.write_all(b"\x03").unwrap();
    let status = change(&child);
    assert!(libc::WIFSIGNALED(status) && libc::WTERMSIG(status) == libc::SIGINT, "{status:x}");
    assert_eq!(rest(stdout), "");
    std::mem::forget(keys); // closing it would hang this process up
}

/// A terminal that controls this session, and what its keyboard is connected to.
#[allow(unsafe_code)]
fn terminal() -> (File, OwnedFd) {
    let (mut keys, mut terminal) = (-1, -1);
    let null = std::ptr::null_mut();
    // SAFETY: the first call writes two descriptors that nobody else owns, the second takes numbers only.
    unsafe {
        assert_eq!(libc::openpty(&mut keys, &mut terminal, null, null.cast(), null.cast()), 0);
        assert_eq!(libc::ioctl(terminal, libc::TIOCSCTTY, 0), 0);
        (File::from_raw_fd(keys), OwnedFd::from_raw_fd(terminal))
    }
}

#[test]
fn settings_that_are_covered_stay_so() {
    let enclosure = enclosure();
    let script = "grep -c ' /proc/sys ro' /proc/self/mountinfo; ls /proc/sys | wc -l";
    let without = said(&mut shell(&enclosure, script));
    let entries = without.strip_prefix("0\n").unwrap_or_else(|| panic!("{without}"));
    enclosure.mask(&[Mask::ReadOnly { path: "/proc/sys".into() }]).unwrap();
    // The old one lies below.
    assert_eq!(said(&mut shell(&enclosure, script)), format!("2\n{entries}"));
    let writes = "echo inside > /proc/sys/kernel/domainname || exit 4";
    assert_eq!(output(&mut shell(&enclosure, writes)).status.code(), Some(4));
}

#[test]
fn later_masks_reach_it() {
    let path = env::temp_dir().join(format!("netwright-later-mask-{}", std::process::id()));
    fs::write(&path, "outside").unwrap();
    let enclosure = enclosure();
    let script = format!("echo ready; read line; cat {}", path.display());
    let (mut child, stdout) = ready(shell(&enclosure, &script).stdin(Stdio::piped()));
    enclosure.mask(&[Mask::File { path: path.clone(), content: b"inside".to_vec() }]).unwrap();
    drop(child.stdin.take());
    assert_eq!(rest(stdout), "inside");
    assert!(child.wait().unwrap().success());
    fs::remove_file(path).unwrap();
}

#[test]
fn namespaces_below_can_be_made() {
    let enclosure = enclosure();
    let script = "unshare --user --map-root-user --mount --pid --fork --mount-proc sh -c 'echo $$ $(readlink /proc/self)'";
    let confinement = Confinement { capabilities: rustix::process::geteuid().is_root(), ..OWN_PROCESSES };
    assert_eq!(said(&mut shell_as(&enclosure, script, &confinement)), "1 2\n");
}

#[test]
fn an_obscured_file_system_of_processes_is_told() {
    const TEST: &str = "an_obscured_file_system_of_processes_is_told";
    if place().is_none() {
        return check(below(TEST));
    }
    mount(c"tmpfs", c"/proc/tty", c"tmpfs", MountFlags::empty(), None).unwrap();
    let error = shell(&enclosure(), "true").spawn().unwrap_err();
    let refusal = Confinement::refusal(&error).unwrap();
    assert!(refusal.is_permission() && refusal.to_string().contains("at /proc"), "{refusal}");
    assert!(refusal.help().unwrap().contains("container"), "{refusal:?}");
}
