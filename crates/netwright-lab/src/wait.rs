//! Waiting for what happens by itself.

use std::time::{Duration, Instant};

use crate::Failure;

/// How long anything may take that happens by itself on an otherwise idle machine, with a wide margin for a busy one.
const PATIENCE: Duration = Duration::from_secs(10);

/// Asks again and again, at growing distances of at most 20 ms, until there is an answer; a failure after ten seconds.
#[track_caller]
pub fn wait_until<T>(what: &str, mut ask: impl FnMut() -> Result<Option<T>, Failure>) -> Result<T, Failure> {
    let start = Instant::now();
    let mut pause = Duration::from_micros(100);
    loop {
        if let Some(answer) = ask()? {
            return Ok(answer);
        }
        if start.elapsed() > PATIENCE {
            return Err(Failure::wrong(format_args!("waited {PATIENCE:?} in vain until {what}")));
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}
