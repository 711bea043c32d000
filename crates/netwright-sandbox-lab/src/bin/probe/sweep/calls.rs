//! Every system call with the number of a process outside.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::time::Duration;

use netwright_confine::attempt::{Argument, call};

use super::counted;
use crate::{Came, Outcome, word};

/// Numbers of system calls are below.
const CALLS: i64 = 512;
/// So long a call may take: others wait for what never comes.
const PATIENCE: Duration = Duration::from_millis(300);
/// They end the process, or make another one that would go on.
const SKIPPED: [i64; 8] = [
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_clone,
    libc::SYS_clone3,
    libc::SYS_rt_sigreturn,
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_vfork,
];

/// Makes all calls in processes of its own, since some end them or wait.
pub(super) fn sweep(words: &[&str]) -> Outcome {
    let victim = word(words, 0)?;
    let (mut next, mut made) = (0, 0);
    while next < CALLS {
        let mut command = Command::new("/proc/self/exe");
        command.args(["sweep-calls-from", &next.to_string(), victim]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).process_group(0);
        let mut child = command.spawn()?;
        let output = child.stdout.take().ok_or("no pipe")?;
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let mut reached = next;
        // Where nothing more is said, the call waits, or has ended the process.
        while let Ok(line) = lines.recv_timeout(PATIENCE) {
            if let Some(number) = line.strip_prefix("at ").and_then(|number| number.parse().ok()) {
                reached = number;
                made += PLACES * OTHERS.len();
            }
        }
        let _ = child.kill();
        let _ = child.wait();
        next = reached + 1;
    }
    counted("call-with-process", made);
    Ok(Came::Reached("the end of the calls".into()))
}

/// The number is each of the first arguments in turn.
const PLACES: usize = 4;
/// What the other arguments are: numbers, or memory with nothing in it.
const OTHERS: [Option<i64>; 4] = [Some(0), Some(1), Some(9), None];

/// Makes all calls from one on.
pub(super) fn from(words: &[&str]) -> Outcome {
    let first: i64 = word(words, 0)?.parse()?;
    let victim: i64 = word(words, 1)?.parse()?;
    let keeps = |number: &i64| !SKIPPED.contains(number) && *number != libc::SYS_fork;
    for number in (first..CALLS).filter(keeps) {
        println!("at {number}");
        for place in 0..PLACES {
            for other in OTHERS {
                let mut memory = [[0_u8; 4096]; 4];
                let [a, b, c, d] = &mut memory;
                let mut rooms = [a, b, c, d].into_iter();
                let mut argument = |at: usize| match (other, rooms.next()) {
                    _ if at == place => Argument::Number(victim),
                    (Some(number), _) => Argument::Number(number),
                    (None, Some(room)) => Argument::Room(room),
                    (None, None) => Argument::Number(0),
                };
                let arguments = [argument(0), argument(1), argument(2), argument(3)];
                let _ = call(number, arguments);
            }
        }
    }
    Ok(Came::Reached("the last call".into()))
}
