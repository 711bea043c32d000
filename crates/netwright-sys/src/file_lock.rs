//! Files that one process at a time has (flock(2)).

use std::io;
use std::os::fd::AsFd;

use rustix::fs::{FlockOperation, flock};

/// Locks an open file for as long as it is open here or in a child. Tells whether it could be had; with `wait` it is waited
/// for.
pub fn lock(file: impl AsFd, wait: bool) -> io::Result<bool> {
    let operation =
        if wait { FlockOperation::LockExclusive } else { FlockOperation::NonBlockingLockExclusive };
    loop {
        match flock(&file, operation) {
            Ok(()) => return Ok(true),
            Err(rustix::io::Errno::WOULDBLOCK) => return Ok(false),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}
