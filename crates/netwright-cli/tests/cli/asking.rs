//! `netwright run --ask` on a terminal.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags, open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::support::{isolated, run};

/// A terminal, and a shell script on it.
pub(crate) struct Terminal {
    keyboard: File,
    /// All that was printed and not looked at yet.
    said: String,
    script: Child,
}

impl Terminal {
    /// Runs a script in namespaces of its own, on a terminal that is its own too, with `$2` as this path.
    pub(crate) fn run(script: &str, path: &Path) -> Self {
        let master =
            openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).expect("a terminal");
        grantpt(&master).expect("a terminal");
        unlockpt(&master).expect("a terminal");
        let name = ptsname(&master, Vec::new()).expect("its name");
        let screen = || {
            Stdio::from(open(&*name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).expect("its other side"))
        };
        let mut command =
            isolated(&format!("exec setsid --ctty --wait sh -euc '{script}' \"$0\" \"$1\" \"$2\""));
        command.env("NO_COLOR", "1").arg(path).stdin(screen()).stdout(screen()).stderr(screen());
        let script = command.spawn().expect("the script starts");
        Terminal { keyboard: File::from(master), said: String::new(), script }
    }

    /// Waits for these words, and returns what was printed before them.
    fn expect(&mut self, words: &str) -> String {
        loop {
            if let Some((before, rest)) = self.said.split_once(words) {
                let before = before.to_owned();
                self.said = rest.to_owned();
                return before;
            }
            assert!(self.read(), "{words:?} was not said: {:?}", self.said);
        }
    }

    fn type_in(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).expect("the terminal takes it");
    }

    /// Waits for the end: the exit code, and what else was printed.
    pub(crate) fn end(mut self) -> (i32, String) {
        while self.read() {}
        let status = self.script.wait().expect("it ends");
        (status.code().expect("it ends by itself"), std::mem::take(&mut self.said))
    }

    /// Reads some; false where there is no more, or nothing for long.
    fn read(&mut self) -> bool {
        let mut ready = [PollFd::new(&self.keyboard, PollFlags::IN)];
        let patience = Timespec { tv_sec: 20, tv_nsec: 0 };
        let mut bytes = [0; 4096];
        // A terminal that nobody has open any more is an error.
        let is_ready = poll(&mut ready, Some(&patience)).is_ok_and(|ready| ready > 0);
        let Ok(count @ 1..) = self.keyboard.read(if is_ready { &mut bytes } else { &mut [] }) else {
            return false;
        };
        self.said.push_str(&String::from_utf8_lossy(&bytes[..count]));
        true
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.script.kill();
        let _ = self.script.wait();
    }
}

fn folder(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("netwright-asking-{}-{name}", std::process::id()));
    fs::create_dir_all(&path).expect("a directory");
    path
}

/// Connects to addresses of 192.0.2.0/24 at port 80. Outside there is no route to them, inside none of that is known.
const CONNECT: &str = "for last in 9 10 9 77; do (exec 3<>/dev/tcp/192.0.2.$last/80) || true; done";

#[test]
fn answers_are_kept_and_written() {
    let folder = folder("answers");
    let file = folder.join("learned.toml");
    let script = format!(
        r#""$0" run --mode relay --allow 192.0.2.77:80 --deny 192.0.2.78 --learn "$2" --ask bash -c "{}""#,
        CONNECT.replace('$', "\\$")
    );
    let mut terminal = Terminal::run(&script, &file);
    let before = terminal.expect(") wants 192.0.2.9:80/tcp. Allow? ");
    assert!(before.contains("bash ("), "{before:?}");
    terminal.type_in("?\n");
    terminal.expect("  y  let it through");
    terminal.expect(") wants 192.0.2.9:80/tcp. Allow? ");
    terminal.type_in("Yes\n");
    terminal.expect("192.0.2.9/80: Network is unreachable");
    terminal.expect(") wants 192.0.2.10:80/tcp. Allow? ");
    terminal.type_in("\n");
    terminal.expect("192.0.2.10/80: Connection refused");
    let (code, rest) = terminal.end();
    assert_eq!(code, 0, "{rest}");
    assert!(!rest.contains("wants"), "it was asked again: {rest}");
    assert!(rest.contains("wrote 2 rules") && rest.contains("blocked 1 attempt"), "{rest}");
    assert!(rest.contains("the answer was no") && rest.contains("--allow '192.0.2.10:80/tcp'"), "{rest}");
    let learned = fs::read_to_string(&file).expect("a policy");
    assert!(learned.contains("\"192.0.2.9:80/tcp\"") && learned.contains("\"192.0.2.77:80\""), "{learned}");
    assert!(
        learned.contains("deny = [\n    \"192.0.2.78\",\n]") && !learned.contains("192.0.2.10"),
        "{learned}"
    );
    let _ = fs::remove_dir_all(folder);
}

#[test]
fn stopping_refuses_the_rest_and_what_was_typed_before_is_no_answer() {
    let folder = folder("stop");
    let script = format!(
        r#""$0" run --mode relay --ask bash -c "until test -e \"\$0\"/go; do sleep 0.05; done; {}" "$2""#,
        CONNECT.replace('$', "\\$")
    );
    let mut terminal = Terminal::run(&script, &folder);
    terminal.type_in("y\ny\n");
    terminal.expect("y\r\ny\r\n");
    fs::write(folder.join("go"), "").expect("a file");
    terminal.expect(") wants 192.0.2.9:80/tcp. Allow? ");
    terminal.type_in("stop\n");
    let (code, rest) = terminal.end();
    assert_eq!(code, 0, "{rest}");
    assert_eq!(rest.matches("/80: Connection refused").count(), 4, "{rest}");
    assert!(!rest.contains("wants") && rest.contains("nothing is asked any more"), "{rest}");
    let _ = fs::remove_dir_all(folder);
}

#[test]
fn in_the_background_and_at_the_end_of_input_the_answer_is_no() {
    let folder = folder("background");
    let command = r#""$0" run --mode relay --ask bash -c "(exec 3<>/dev/tcp/192.0.2.9/80)""#;
    let mut terminal = Terminal::run(&format!("set -m; {command} & wait $! || true"), &folder);
    terminal.expect("nobody can answer (the command is not in the terminal");
    terminal.expect("192.0.2.9/80: Connection refused");
    drop(terminal);
    let mut terminal = Terminal::run(command, &folder);
    terminal.expect("Allow? ");
    terminal.type_in("\x04");
    terminal.expect("192.0.2.9/80: Connection refused");
    let _ = fs::remove_dir_all(folder);
}

#[test]
fn without_a_terminal_nothing_starts() {
    let fails = |arguments: &str| {
        let script = format!("setsid --wait \"$0\" run --mode relay {arguments} sh -c 'echo started'");
        let (code, out, err) = run(&mut isolated(&script));
        assert_eq!((code, out.as_str()), (125, ""), "{err}");
        err
    };
    let err = fails("--ask");
    assert!(err.contains("there is no terminal to ask on") && err.contains("leave out --ask"), "{err}");
    assert!(fails("--ask --no-network").contains("cannot be used with"));
    assert!(fails("--learn /nonexistent/x --allow 192.0.2.1").contains("Add --ask"));
    let (code, _, err) = run(&mut isolated("\"$0\" run --attach 1 --ask"));
    assert!(code == 125 && err.contains("'--attach <TARGET>' cannot be used with"), "{code} {err}");
}
