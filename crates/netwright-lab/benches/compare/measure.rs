//! Measuring, each time in a process of its own in a fresh network namespace.

use std::ffi::OsStr;
use std::fmt;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use netwright_sys::isolate;
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
use rustix::time::{ClockId, clock_gettime};

use crate::Result;

/// The argument by which a process knows that it is there for one measurement.
pub(crate) const APART: &str = "--measure";

/// What some work took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Measured {
    /// By the clock.
    pub(crate) wall: Duration,
    /// Of processors, in the program and in the kernel on its behalf.
    pub(crate) processor: Duration,
    /// The most memory at once, in KiB: of a tool all that it had, of work of this process what came to that before.
    pub(crate) peak: u64,
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.wall.as_nanos(), self.processor.as_nanos(), self.peak)
    }
}

impl Measured {
    fn read(text: &str) -> Option<Self> {
        let mut numbers = text.split_whitespace().map(str::parse);
        let mut next = || numbers.next()?.ok();
        let (wall, processor) = (Duration::from_nanos(next()?), Duration::from_nanos(next()?));
        Some(Measured { wall, processor, peak: next()? })
    }
}

/// Measures some work of this process.
pub(crate) fn measure<T>(work: impl FnOnce() -> Result<T>) -> Result<(Measured, T)> {
    // the peak so far is forgotten; where it cannot be, none is told
    let forgotten = std::fs::write("/proc/self/clear_refs", "5").is_ok();
    let before = memory("self", "VmRSS:");
    let (start, processor) = (Instant::now(), own_processor_time());
    let done = work()?;
    let (wall, processor) = (start.elapsed(), own_processor_time().saturating_sub(processor));
    let peak = if forgotten { memory("self", "VmHWM:").saturating_sub(before) } else { 0 };
    Ok((Measured { wall, processor, peak }, done))
}

/// A line about the memory of a process, in KiB; 0 where it has none any more.
fn memory(process: &str, line: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let found = status.lines().find_map(|one| one.strip_prefix(line));
    found.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}

/// Looks at the most memory that a process had so far, again and again until it has ended: often at first, since some soon end.
fn peak_until(ended: &AtomicBool, process: &str) -> u64 {
    const SOON: Duration = Duration::from_millis(10);
    const OFTEN: [Duration; 2] = [Duration::from_micros(20), Duration::from_micros(500)];
    let (start, mut peak) = (Instant::now(), 0);
    while !ended.load(Ordering::Relaxed) {
        peak = memory(process, "VmHWM:").max(peak);
        std::thread::sleep(OFTEN[usize::from(start.elapsed() > SOON)]);
    }
    peak
}

fn own_processor_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec as u32)
}

/// Measures a tool from its start to its end; an error where it fails.
pub(crate) fn measure_tool(tool: &str, arguments: &[&str]) -> Result<Measured> {
    measure_program(crate::find(tool)?.program(), arguments)
}

/// As [`measure_tool`], of any program.
pub(crate) fn measure_program(program: impl AsRef<OsStr>, arguments: &[&str]) -> Result<Measured> {
    let mut command = Command::new(program);
    command.args(arguments).stdout(Stdio::null());
    let start = Instant::now();
    let mut child = command.spawn()?;
    let pid = Pid::from_child(&child);
    // As long as it has not been waited for, the kernel still knows what it has used.
    let (ended, process) = (AtomicBool::new(false), pid.to_string());
    let (wall, peak) = std::thread::scope(|scope| {
        let looking = scope.spawn(|| peak_until(&ended, &process));
        let waited = waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT);
        let wall = start.elapsed();
        ended.store(true, Ordering::Relaxed);
        waited.map(|_| (wall, looking.join().unwrap_or_default()))
    })?;
    let used = std::fs::read_to_string(format!("/proc/{pid}/schedstat"))?;
    let status = child.wait()?;
    if !status.success() {
        return Err(format!("{command:?} failed ({status})").into());
    }
    let nanoseconds = used.split(' ').next().unwrap_or_default().parse()?;
    Ok(Measured { wall, processor: Duration::from_nanos(nanoseconds), peak })
}

/// A file with a tool's input, in this process's own `/run/netns`, which ends with it.
pub(crate) fn input(text: &str) -> Result<String> {
    let file = "/run/netns/input";
    std::fs::create_dir_all("/run/netns")?;
    std::fs::write(file, text)?;
    Ok(file.to_owned())
}

/// Starts this program again for one measurement, in namespaces of its own.
pub(crate) fn measure_apart(workload: &str, peer: &str, size: usize) -> Result<Measured> {
    let mut command = isolate::command(std::env::current_exe()?);
    command.args([APART, workload, peer, &size.to_string()]).stderr(Stdio::inherit());
    let output = command.output().map_err(isolate::failed)?;
    let measured = Measured::read(&String::from_utf8_lossy(&output.stdout));
    Ok(measured.ok_or_else(|| format!("{workload} with {size} by {peer} failed ({})", output.status))?)
}

/// Waits until the namespaces of measurements before are gone, which the kernel takes down in the background and under the lock
/// that making one needs.
pub(crate) fn settle() -> Result<()> {
    const QUICK: Duration = Duration::from_millis(30);
    for _ in 0..100 {
        let start = Instant::now();
        isolate::command("true").status().map_err(isolate::failed)?;
        if start.elapsed() < QUICK {
            break;
        }
        std::thread::sleep(5 * QUICK);
    }
    Ok(())
}
