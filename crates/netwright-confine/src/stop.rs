//! Stopping this process, as a shell's job stops, and going on when it is time (timer_create(2)).

use std::io;
use std::mem::MaybeUninit;
use std::time::{Duration, Instant};

use rustix::process::{Signal, getpid, kill_process};

use crate::signals::{change, set_of};

/// Stops this process with all its threads by a signal, of which its parent hears, until somebody continues it, or until a time. Where other threads do not
/// block the signal, this one may go on for a moment.
pub fn stop(by: Signal, until: Option<Instant>) -> io::Result<()> {
    let timer = until.map(Timer::new).transpose()?;
    let before = change(libc::SIG_UNBLOCK, &set_of(&[by]))?;
    let stopped = kill_process(getpid(), by);
    change(libc::SIG_SETMASK, &before)?;
    drop(timer);
    Ok(stopped?)
}

/// Continues this process at a time, and again and again from then on: the first time may come before it has stopped.
struct Timer(libc::timer_t);

impl Timer {
    #[allow(unsafe_code)]
    fn new(until: Instant) -> io::Result<Self> {
        const AGAIN: Duration = Duration::from_millis(100);
        // A time of zero would turn it off.
        let first = until.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        let times = libc::itimerspec { it_interval: time(AGAIN), it_value: time(first) };
        let mut timer = MaybeUninit::uninit();
        // SAFETY: all fields of the event are numbers and unions of such, for which zeroes are values; the kernel reads it and the times, and
        // fills the timer's number where it makes one, which is then that of a timer of this process.
        unsafe {
            let mut event = MaybeUninit::<libc::sigevent>::zeroed().assume_init();
            event.sigev_notify = libc::SIGEV_SIGNAL;
            event.sigev_signo = libc::SIGCONT;
            if libc::timer_create(libc::CLOCK_MONOTONIC, &mut event, timer.as_mut_ptr()) != 0 {
                return Err(io::Error::last_os_error());
            }
            let timer = Timer(timer.assume_init());
            if libc::timer_settime(timer.0, 0, &times, std::ptr::null_mut()) != 0 {
                return Err(io::Error::last_os_error());
            }
            Ok(timer)
        }
    }
}

impl Drop for Timer {
    #[allow(unsafe_code)]
    fn drop(&mut self) {
        // SAFETY: the timer was made by this, and nobody else deletes it.
        unsafe { libc::timer_delete(self.0) };
    }
}

fn time(duration: Duration) -> libc::timespec {
    libc::timespec {
        tv_sec: libc::time_t::try_from(duration.as_secs()).unwrap_or(libc::time_t::MAX),
        tv_nsec: duration.subsec_nanos().into(),
    }
}
