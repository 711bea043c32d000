//! Measuring, each time in a process of its own in a fresh network namespace.

use std::fmt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use netwright_sys::isolate;
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
use rustix::time::{ClockId, clock_gettime};

use crate::Result;

/// The argument by which a process knows that it is there for one measurement.
pub(crate) const APART: &str = "--measure";

/// How long some work took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Measured {
    /// By the clock.
    pub(crate) wall: Duration,
    /// Of processors, in the program and in the kernel on its behalf.
    pub(crate) processor: Duration,
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.wall.as_nanos(), self.processor.as_nanos())
    }
}

impl Measured {
    fn read(text: &str) -> Option<Self> {
        let (wall, processor) = text.trim().split_once(' ')?;
        let nanoseconds = |text: &str| text.parse().ok().map(Duration::from_nanos);
        Some(Measured { wall: nanoseconds(wall)?, processor: nanoseconds(processor)? })
    }
}

/// Measures some work of this process.
pub(crate) fn measure<T>(work: impl FnOnce() -> Result<T>) -> Result<(Measured, T)> {
    let (start, processor) = (Instant::now(), own_processor_time());
    let done = work()?;
    Ok((Measured { wall: start.elapsed(), processor: own_processor_time().saturating_sub(processor) }, done))
}

fn own_processor_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec as u32)
}

/// Measures a tool from its start to its end; an error where it fails.
pub(crate) fn measure_tool(tool: &str, arguments: &[&str]) -> Result<Measured> {
    let program = crate::find(tool)?;
    let mut command = Command::new(program.program());
    command.args(arguments).stdout(Stdio::null());
    let start = Instant::now();
    let mut child = command.spawn()?;
    let pid = Pid::from_child(&child);
    // As long as it has not been waited for, the kernel still knows what it has used.
    waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT)?;
    let wall = start.elapsed();
    let used = std::fs::read_to_string(format!("/proc/{pid}/schedstat"))?;
    let status = child.wait()?;
    if !status.success() {
        return Err(format!("{tool} {} failed ({status})", arguments.join(" ")).into());
    }
    let nanoseconds = used.split(' ').next().unwrap_or_default().parse()?;
    Ok(Measured { wall, processor: Duration::from_nanos(nanoseconds) })
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
