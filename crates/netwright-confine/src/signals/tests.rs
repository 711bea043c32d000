use std::os::unix::process::ExitStatusExt;
use std::thread;

use super::*;

#[test]
#[allow(unsafe_code)]
fn a_signal_becomes_a_message_and_restored_commands_are_not_deaf() {
    let body = || {
        let signals = Signals::receive(&[Signal::USR2]).unwrap();
        assert_eq!(signals.next().unwrap(), None);
        let mut command = Command::new("sh");
        signals.restore_in(&mut command);
        let status = command.args(["-c", "kill -USR2 $$; exec true"]).status().unwrap();
        assert_eq!(status.signal(), Some(libc::SIGUSR2), "the command had it blocked");
        // SAFETY: the signal goes to this thread, which has it blocked.
        assert_eq!(unsafe { libc::raise(libc::SIGUSR2) }, 0);
        assert_eq!(signals.next().unwrap(), Some(Came { signal: libc::SIGUSR2, by_process: true }));
        assert_eq!(signals.next().unwrap(), None);
    };
    thread::spawn(body).join().unwrap();
}
