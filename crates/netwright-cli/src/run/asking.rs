//! Questions on the terminal about what no rule decides.

use std::fs::File;
use std::io::{self, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use netwright_sandbox::{Answer, Asker, Protocol, Question};
use rustix::process::getpgrp;
use rustix::termios::{QueueSelector, tcflush, tcgetpgrp};

use crate::failure::{Failure, reason};
use crate::output;

/// So often a question is put until one of the answers is given.
const TRIES: usize = 5;
/// A line is no longer.
const LINE: usize = 256;

const HELP: [&str; 4] = [
    "  y  let it through until the command ends",
    "  n  refuse it, and do not ask again (so does Enter)",
    "  a  let TCP and UDP to all of its ports through, but for name servers'",
    "  s  refuse it, and whatever else no rule allows",
];

/// The terminal of this process. It may be the command's as well, whose modes stay as they are.
pub(super) struct Terminal {
    file: File,
    is_open: Arc<AtomicBool>,
}

/// Whether a question has no answer yet.
pub(super) struct Pending(Arc<AtomicBool>);

impl Terminal {
    pub(super) fn open() -> Result<Self, Failure> {
        let file = File::options().read(true).write(true).open("/dev/tty").map_err(|error| {
            let said = Failure::said(format!("there is no terminal to ask on: {}", reason(&error)));
            said.with_help(Some(
                "Run it from a terminal, or leave out --ask: what no rule allows is refused then, or with --learn let through and written.",
            ))
        })?;
        Ok(Terminal { file, is_open: Arc::default() })
    }

    pub(super) fn pending(&self) -> Pending {
        Pending(Arc::clone(&self.is_open))
    }

    pub(super) fn asker(mut self) -> Asker {
        Asker::new(move |question| {
            self.is_open.store(true, Ordering::Relaxed);
            let answer = self.ask(question);
            self.is_open.store(false, Ordering::Relaxed);
            answer.unwrap_or_else(|error| {
                let what =
                    format!("\nnobody can answer ({}), so {} is refused", reason(&error), question.rule);
                output::message(&output::plain(&what));
                Answer::No
            })
        })
    }

    fn ask(&mut self, question: &Question) -> io::Result<Answer> {
        if tcgetpgrp(&self.file).is_ok_and(|group| group != getpgrp()) {
            return Err(io::Error::other("the command is not in the terminal's foreground"));
        }
        let has_ports = question.rule.protocol != Some(Protocol::Icmp);
        let all = if has_ports { " [a]ll ports of it," } else { "" };
        let who = match &question.event.process {
            Some(process) => format!("{} ({})", process.command, process.id),
            None => "the command".to_owned(),
        };
        let text = format!(
            "{who} wants {}{}. Allow? [y]es, [n]o,{all} [s]top asking and refuse the rest, [?] help: ",
            question.rule,
            other_name(question)
        );
        // What was typed before was not meant for this.
        tcflush(&self.file, QueueSelector::IFlush)?;
        self.file.write_all(b"\n")?;
        for _ in 0..TRIES {
            self.file.write_all(output::one_line(&text).as_bytes())?;
            match self.line()?.as_str() {
                "y" | "yes" => return Ok(Answer::Yes),
                "" | "n" | "no" => return Ok(Answer::No),
                "a" | "all" if has_ports => return Ok(Answer::AllPorts),
                "s" | "stop" => return Ok(Answer::Stop),
                _ => HELP.iter().try_for_each(|line| writeln!(self.file, "{line}"))?,
            }
        }
        Ok(Answer::No)
    }

    /// A line without its end and the spaces around it, in lower case; nothing where there is no more input.
    fn line(&mut self) -> io::Result<String> {
        let mut line = Vec::new();
        // The command may have switched the terminal to single characters, of which Enter's is the other one.
        while line.len() < LINE && !line.ends_with(b"\n") && !line.ends_with(b"\r") {
            let mut character = [0];
            match self.file.read(&mut character) {
                Ok(0) => {
                    self.file.write_all(b"\n")?;
                    break;
                }
                Ok(_) => line.extend(character),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(String::from_utf8_lossy(&line).trim().to_lowercase())
    }
}

/// The name by which an address became known, where the rule is not for the name.
fn other_name(question: &Question) -> String {
    let rule = question.rule.to_string();
    let name = question.event.name.as_ref().filter(|name| !rule.starts_with(name.as_str()));
    name.map(|name| format!(" ({name})")).unwrap_or_default()
}

impl Pending {
    /// Leaves the line of a question whose answer nobody waits for any more.
    pub(super) fn leave(&self) {
        if self.0.load(Ordering::Relaxed) {
            output::message("");
        }
    }
}
