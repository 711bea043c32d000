//! The session that a command is started in, where it shares a terminal with others: the kernel may share out processors by sessions (`sched_autogroup`), and
//! lets each member set how much all of one count.

use std::fs;
use std::io::ErrorKind;
use std::thread;
use std::time::Duration;

const FILE: &str = "/proc/self/autogroup";

/// What the session of this process counted for at the start.
#[derive(Debug)]
pub(super) struct Session(Option<i32>);

impl Session {
    pub(super) fn now() -> Self {
        Session(priority())
    }

    /// Sets it back to that, where somebody has changed it. The kernel lets one change in a tenth of a second through, whoever makes it.
    pub(super) fn restore(&self) {
        const TRIES: usize = 20;
        let Some(before) = self.0 else { return };
        for _ in 0..TRIES {
            if priority().is_none_or(|now| now == before) {
                return;
            }
            match fs::write(FILE, before.to_string()) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    thread::sleep(Duration::from_millis(50))
                }
                _ => return,
            }
        }
    }
}

/// The number behind `nice` in `/autogroup-4711 nice 0`.
fn priority() -> Option<i32> {
    fs::read_to_string(FILE).ok()?.trim_end().rsplit_once(" nice ")?.1.parse().ok()
}
