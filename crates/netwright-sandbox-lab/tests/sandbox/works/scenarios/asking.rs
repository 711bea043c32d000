//! Questions on a terminal.

use std::fs;
use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use netwright_lab::{Failure, Lab, Outcome, ensure};

use super::super::need;
use super::folder;
use crate::leak::{World, told};
use crate::run::{Mode, as_user, finish, sandboxed};
use crate::surroundings::surroundings;

/// A shell line on a terminal, and who types there.
struct Dialog {
    script: Child,
    keyboard: ChildStdin,
    screen: Receiver<String>,
    said: String,
}

impl Dialog {
    fn start(mode: Mode, line: &str) -> Result<Self, Failure> {
        need("script", "bsdutils")?;
        // Where users can only be made by a namespace, the line does it itself.
        let user = if surroundings()?.really_root { mode } else { Mode::Root };
        let mut command = as_user(user, "script")?;
        command.args(["-qec", line, "/dev/null"]).stdin(Stdio::piped()).env("SHELL", "/bin/sh");
        let mut script = command.spawn()?;
        let (Some(keyboard), Some(mut stdout)) = (script.stdin.take(), script.stdout.take()) else {
            return Err(Failure::wrong("no pipes"));
        };
        let (sender, screen) = channel();
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = stdout.read(&mut bytes) {
                let _ = sender.send(String::from_utf8_lossy(&bytes[..count]).into_owned());
            }
        });
        Ok(Dialog { script, keyboard, screen, said: String::new() })
    }

    /// Waits until a text is there that was not there before, and types.
    fn answer(&mut self, words: &str, keys: &str) -> Outcome {
        while !self.said.contains(words) {
            ensure!(self.read(), "{words:?} was not said: {}", self.said);
        }
        self.said = self.said.split_once(words).map_or_else(String::new, |(_, rest)| rest.to_owned());
        Ok(self.keyboard.write_all(keys.as_bytes())?)
    }

    /// All that is said until the end.
    fn end(mut self) -> Result<String, Failure> {
        while self.read() {}
        self.script.wait()?;
        Ok(std::mem::take(&mut self.said))
    }

    fn read(&mut self) -> bool {
        let more = self.screen.recv_timeout(Duration::from_secs(20));
        more.map(|text| self.said.push_str(&text)).is_ok()
    }
}

impl Drop for Dialog {
    fn drop(&mut self) {
        let _ = self.script.kill();
        let _ = self.script.wait();
    }
}

/// A command in a sandbox as words of a shell.
fn line(mode: Mode, policy: &[&str], script: &str) -> Result<String, Failure> {
    let inner = sandboxed(mode, policy, &["sh", "-c", script])?;
    let words = std::iter::once(inner.get_program()).chain(inner.get_args());
    Ok(words.map(|word| format!("\"{}\"", word.to_string_lossy())).collect::<Vec<_>>().join(" "))
}

/// Answers decide, and what was allowed works later by the policy that was written.
pub(super) fn answers(lab: &mut Lab, mode: Mode) -> Outcome {
    let _world = World::new(lab)?;
    let file = folder(mode)?.join("asked.toml");
    let (path, probe) = (file.display().to_string(), surroundings()?.probe.display());
    let script = format!(
        "{probe} echo good.example.org 7; {probe} echo rebind-private.example.org 7; {probe} tcp 203.0.113.66 443"
    );
    let mut dialog = Dialog::start(mode, &line(mode, &["--ask", "--learn", &path], &script)?)?;
    dialog.answer(") wants good.example.org:7/tcp. Allow? ", "y\n")?;
    dialog.answer(") wants 10.66.0.1:7/tcp (rebind-private.example.org). Allow? ", "y\n")?;
    dialog.answer(") wants 203.0.113.66:443/tcp. Allow? ", "n\n")?;
    let said = dialog.end()?;
    ensure!(said.contains("refused: ") && !said.contains("wants"), "{said}");
    let learned = fs::read_to_string(&file).unwrap_or_default();
    ensure!(!learned.contains("203.0.113.66"), "{learned}; {said}");
    let again = finish(&mut sandboxed(mode, &["--policy", &path], &["sh", "-c", &script])?)?;
    let reached = again.stdout.matches("reached: ").count();
    ensure!(reached == 2 && again.stdout.contains("refused: "), "with {learned}: {}", told(&again));
    Ok(())
}

/// The key that stops a command stops it while it waits for an answer, which can be given when it goes on.
pub(super) fn stopped(lab: &mut Lab, mode: Mode) -> Outcome {
    need("bash", "bash")?;
    let _world = World::new(lab)?;
    let probe = surroundings()?.probe.display();
    let run = line(mode, &["--ask"], &format!("{probe} echo 198.51.100.10 7"))?;
    let mut dialog = Dialog::start(mode, &format!("bash --norc -ic '{run}; echo status $?; sleep 1; fg'"))?;
    dialog.answer("Allow? ", "\x1a")?;
    dialog.answer("status 148", "")?;
    dialog.answer("echo 198.51.100.10 7", "y\n")?; // the shell tells what it lets go on
    let said = dialog.end()?;
    ensure!(said.contains("reached: "), "{said}");
    Ok(())
}
