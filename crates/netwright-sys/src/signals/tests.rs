use std::os::unix::process::ExitStatusExt;
use std::process::{Command, id};
use std::thread;

use rustix::process::{Pid, kill_process};

use super::*;

#[test]
fn a_signal_becomes_a_message_and_children_are_not_deaf() {
    let read = || {
        let signals = Signals::receive(&[Signal::USR2]).unwrap();
        assert_eq!(signals.next().unwrap(), None);
        let status = Command::new("sh").args(["-c", "kill -USR2 $$; sleep 9"]).status().unwrap();
        assert_eq!(status.signal(), Some(libc::SIGUSR2), "the command had it blocked");
        rustix::thread::kill(&signals);
        assert_eq!(signals.next().unwrap(), Some(Came { signal: libc::SIGUSR2, by_process: true }));
    };
    thread::spawn(read).join().unwrap();
    let _ = (Pid::from_raw(id().cast_signed()), kill_process);
}
