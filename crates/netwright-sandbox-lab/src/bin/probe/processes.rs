//! Ways by the processes that stay outside, and by what they hand down.

use std::fs;
use std::io::Read;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::net::tcp;
use crate::{Came, Outcome, Way, token, word};
use netwright_confine::attempt::{self, Argument, call};

pub(crate) const WAYS: &[Way] = &[
    ("under", under),
    ("wait", |_| {
        std::thread::sleep(Duration::from_secs(10));
        Err("waited".into())
    }),
    ("with-descriptor", with_descriptor),
    ("inherited", inherited),
    ("descriptors", |_| descriptors()),
    ("trace", |words| attach(target(word(words, 0)?)?)),
    ("memory", |words| memory(target(word(words, 0)?)?)),
    ("memory-by-call", |words| memory_by_call(target(word(words, 0)?)?)),
    ("take-descriptor", |words| take_descriptor(target(word(words, 0)?)?)),
    ("open-descriptor", |words| open_descriptor(target(word(words, 0)?)?)),
    ("environment", |words| read_file(target(word(words, 0)?)?, "environ")),
    ("maps", |words| read_file(target(word(words, 0)?)?, "maps")),
    ("kill-then-tcp", kill_then_tcp),
    ("push-input", |_| push_input()),
];

/// The process that started the sandbox: this one's parent, or that parent's where it is only in between.
pub(crate) fn supervisor() -> Result<i32, Box<dyn std::error::Error>> {
    Ok(parent_of("self").ok_or("the parent is not known")?)
}

/// Another child of the supervisor.
pub(crate) fn helper() -> Result<i32, Box<dyn std::error::Error>> {
    let (above, own) = (supervisor()?, std::process::id() as i32);
    let processes = fs::read_dir("/proc")?.flatten();
    let mut numbers = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let found = numbers.find(|&process| process != own && parent_of(&process.to_string()) == Some(above));
    Ok(found.ok_or("there is none")?)
}

fn parent_of(process: &str) -> Option<i32> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let parent = status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()?;
    (parent > 0).then_some(parent)
}

fn target(word: &str) -> Result<i32, Box<dyn std::error::Error>> {
    match word {
        "supervisor" => supervisor(),
        "helper" => helper(),
        other => Ok(other.parse()?),
    }
}

/// Runs this program again below this process, beside another child: as the supervisor does.
fn under(words: &[&str]) -> Outcome {
    let this = std::env::current_exe()?;
    let mut beside = Command::new(&this).arg("wait").spawn()?;
    let output = Command::new(&this).args(words).stdin(Stdio::inherit()).output()?;
    let _ = beside.kill();
    let _ = beside.wait();
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    match text.split_once(": ") {
        Some(("reached", what)) => Ok(Came::Reached(what.into())),
        Some(("breach", what)) => Ok(Came::Breach(what.into())),
        _ => Err(text.into()),
    }
}

/// Opens a connection as descriptor 9 and one end of a pair as 8, behind which descriptors are handed out, and becomes
/// another program, which inherits both.
fn with_descriptor(words: &[&str]) -> Outcome {
    let to = SocketAddr::new(word(words, 0)?.parse()?, word(words, 1)?.parse()?);
    let stream = TcpStream::connect(to)?;
    let (ours, theirs) = UnixStream::pair()?;
    duplicate(&stream, 9)?;
    duplicate(&ours, 8)?;
    std::mem::forget(theirs);
    Err(Command::new(word(words, 2)?).args(words.get(3..).unwrap_or_default()).exec().into())
}

fn duplicate(from: &impl AsRawFd, to: i32) -> std::io::Result<()> {
    call(libc::SYS_dup2, [from.as_raw_fd().into(), to.into()]).map(drop)
}

/// Uses whatever was inherited beyond the three standard ones.
fn inherited(_: &[&str]) -> Outcome {
    let data = token().into_bytes();
    let mut used = Vec::new();
    for fd in 3..64 {
        let length = data.len() as i64;
        if call(libc::SYS_write, [fd.into(), Argument::Bytes(&data), length.into()]).is_ok() {
            used.push(fd);
        }
    }
    match used.is_empty() {
        true => Err("nothing was inherited".into()),
        false => Ok(Came::Breach(format!("descriptors {used:?} took data"))),
    }
}

/// Whether there are descriptors beyond the three standard ones, of any kind.
fn descriptors() -> Outcome {
    let mut open = Vec::new();
    for fd in 3..1024_i32 {
        if call(libc::SYS_fcntl, [fd.into(), libc::F_GETFD.into(), 0.into()]).is_ok() {
            let what = fs::read_link(format!("/proc/self/fd/{fd}")).unwrap_or_default();
            open.push(format!("{fd}: {}", what.display()));
        }
    }
    match open.is_empty() {
        true => Err("none".into()),
        false => Ok(Came::Breach(format!("{open:?}"))),
    }
}

fn attach(process: i32) -> Outcome {
    call(libc::SYS_ptrace, [i64::from(libc::PTRACE_SEIZE).into(), process.into(), 0.into(), 0.into()])?;
    Ok(Came::Breach(format!("process {process} is traced")))
}

fn memory(process: i32) -> Outcome {
    fs::OpenOptions::new().read(true).write(true).open(format!("/proc/{process}/mem"))?;
    Ok(Came::Breach(format!("the memory of process {process} is open")))
}

fn memory_by_call(process: i32) -> Outcome {
    let mut room = [0; 8];
    // struct iovec, ours and theirs: an address that is not mapped is told apart from one that may not be read.
    let ours = [attempt::address(&room), 8].map(u64::to_ne_bytes).concat();
    let theirs = [4096_u64, 8].map(u64::to_ne_bytes).concat();
    let one = || Argument::Number(1);
    let read = call(
        libc::SYS_process_vm_readv,
        [process.into(), Argument::Bytes(&ours), one(), Argument::Bytes(&theirs), one(), 0.into()],
    );
    room.fill(0);
    match read.err().and_then(|error| error.raw_os_error()) {
        Some(libc::EFAULT) | None => Ok(Came::Breach(format!("the memory of process {process} can be read"))),
        Some(code) => Err(std::io::Error::from_raw_os_error(code).into()),
    }
}

fn take_descriptor(process: i32) -> Outcome {
    let handle = call(libc::SYS_pidfd_open, [process.into(), 0.into()])?;
    let handle = attempt::owned(handle);
    let mut refusal = None;
    for fd in 0..64_i32 {
        match call(libc::SYS_pidfd_getfd, [handle.as_raw_fd().into(), fd.into(), 0.into()]) {
            Ok(taken) => {
                drop(attempt::owned(taken));
                return Ok(Came::Breach(format!("descriptor {fd} of process {process}")));
            }
            Err(error) => refusal = Some(error),
        }
    }
    Err(refusal.map_or("nothing".into(), |error| error.into()))
}

fn open_descriptor(process: i32) -> Outcome {
    let mut refusal = Err("nothing is open there".into());
    for entry in fs::read_dir(format!("/proc/{process}/fd"))?.flatten() {
        match fs::OpenOptions::new().read(true).open(entry.path()) {
            Ok(_) => return Ok(Came::Breach(format!("{} was opened", entry.path().display()))),
            Err(error) => refusal = Err(error.into()),
        }
    }
    refusal
}

fn read_file(process: i32, file: &str) -> Outcome {
    let mut byte = [0];
    fs::File::open(format!("/proc/{process}/{file}"))?.read_exact(&mut byte)?;
    Ok(Came::Breach(format!("{file} of process {process} can be read")))
}

/// Sends a signal to the supervisor or the helper, then connects: `WHO SIGNAL ADDRESS PORT`. What was stopped is woken again.
fn kill_then_tcp(words: &[&str]) -> Outcome {
    let process = target(word(words, 0)?)?;
    let signal: i32 = word(words, 1)?.parse()?;
    let to = SocketAddr::new(word(words, 2)?.parse()?, word(words, 3)?.parse()?);
    // What ends when it hears of the death of its parent must not end this attempt.
    let kill = call(libc::SYS_kill, [process.into(), signal.into()]);
    let mut outcome = Err(Box::from("never tried"));
    for _ in 0..3 {
        std::thread::sleep(Duration::from_millis(150));
        outcome = tcp(to);
    }
    if signal == libc::SIGSTOP {
        let _ = call(libc::SYS_kill, [process.into(), libc::SIGCONT.into()]);
    }
    outcome.map_err(|error: Box<dyn std::error::Error>| format!("signal: {kill:?}; {error}").into())
}

/// Puts characters into the terminal's input, as if somebody had typed them.
fn push_input() -> Outcome {
    const PUSH: i64 = 0x5412; // TIOCSTI
    let terminal = fs::OpenOptions::new().read(true).write(true).open("/dev/tty")?;
    call(libc::SYS_ioctl, [terminal.as_raw_fd().into(), PUSH.into(), Argument::Bytes(b"x")])?;
    Ok(Came::Breach("a character was put into the terminal's input".into()))
}
