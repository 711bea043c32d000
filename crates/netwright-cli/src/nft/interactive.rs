//! `netwright nft -i`: orders line by line, each carried out before the next is read.

use std::io::{self, BufRead, IsTerminal, Read};
use std::process::ExitCode;

use netwright::Net;
use netwright::nft::{Debug, is_endless};
use netwright_nft::syntax::words_after;
use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::MemHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{CompletionType, Config, Context, Editor, Helper};

use self::history::History;
use super::Task;
use crate::arguments::Nft;
use crate::failure::{Done, FAILED, Failure, reason};
use crate::files::STDIN;

mod history;

/// The longest command that is read, in bytes.
const LONGEST: u64 = 64 << 20;

const PROMPT: &str = "nft> ";

/// Ends the session.
const QUIT: &str = "quit";

/// Carries out the lines of standard input; on a terminal with an editor. Where nobody sits at a terminal, what failed
/// shows in the exit code.
pub(super) fn run(arguments: &Nft, debug: Debug) -> Done {
    let net = arguments.place.open()?;
    let mut session = Session { task: Task::new(arguments, debug, &net)?, net: &net, failed: false };
    if io::stdin().is_terminal() && io::stdout().is_terminal() {
        session.edited()?;
        return Ok(ExitCode::SUCCESS);
    }
    session.piped()?;
    Ok(if session.failed { ExitCode::from(FAILED) } else { ExitCode::SUCCESS })
}

struct Session<'a> {
    task: Task<'a>,
    net: &'a Net,
    failed: bool,
}

impl Session<'_> {
    /// Lines of standard input; those of a block that is open belong together.
    fn piped(&mut self) -> Result<(), Failure> {
        let mut text = String::new();
        let mut first = 1;
        let unreadable = |why: &str| Failure::said(format!("cannot read {STDIN}: {why}"));
        let mut stdin = io::stdin().lock();
        if is_endless(&stdin) {
            return Err(unreadable("it is no file, pipe or terminal but a device"));
        }
        for number in 1.. {
            let mut line = String::new();
            let read = stdin.by_ref().take(LONGEST).read_line(&mut line);
            if read.map_err(|error| unreadable(&reason(&error)))? == 0 {
                break;
            }
            if line.len() + text.len() >= LONGEST as usize {
                return Err(unreadable("a command is longer than 64 MiB"));
            }
            let ended = line.strip_suffix('\n').unwrap_or(&line);
            line.truncate(ended.strip_suffix('\r').unwrap_or(ended).len());
            if text.is_empty() {
                first = number;
            } else {
                text.push('\n');
            }
            text.push_str(&line);
            if !is_open(&text) && !self.line(&format!("{STDIN} line {first}"), &std::mem::take(&mut text))? {
                return Ok(());
            }
        }
        if !text.is_empty() {
            self.line(&format!("{STDIN} line {first}"), &text)?;
        }
        Ok(())
    }

    /// Lines from the terminal, with their history.
    fn edited(&mut self) -> Result<(), Failure> {
        let failed = |error| Failure::said(format!("cannot read from the terminal: {error}"));
        let config = Config::builder().completion_type(CompletionType::List).build();
        let history = MemHistory::with_config(&config);
        let mut editor = Editor::with_history(config, history).map_err(failed)?;
        editor.set_helper(Some(Words { net: self.net }));
        let history = History::of_user();
        for line in history.iter().flat_map(History::load) {
            editor.add_history_entry(line).map_err(failed)?;
        }
        loop {
            let line = match editor.readline(PROMPT) {
                Ok(line) => line,
                Err(ReadlineError::Interrupted) => continue,
                Err(ReadlineError::Eof) => return Ok(()),
                Err(error) => return Err(failed(error)),
            };
            if !line.trim().is_empty() {
                let new = editor.add_history_entry(line.as_str()).map_err(failed)?;
                if let Some(history) = history.as_ref().filter(|_| new) {
                    history.add(&line);
                }
            }
            if !self.line("<line>", &line)? {
                return Ok(());
            }
        }
    }

    /// Carries a line out and tells what went wrong; false where it ends the session.
    fn line(&mut self, name: &str, line: &str) -> Result<bool, Failure> {
        match line.trim() {
            "" => return Ok(true),
            QUIT => return Ok(false),
            _ => {}
        }
        match self.task.run(name, line.to_owned()) {
            Ok(()) => {}
            Err(failure @ Failure::Output(_)) => return Err(failure),
            Err(failure) => {
                failure.report();
                self.failed = true;
            }
        }
        Ok(true)
    }
}

/// Completes the words of the language, and the names of what the kernel has in tables.
struct Words<'a> {
    net: &'a Net,
}

impl Words<'_> {
    /// The names that the kernel knows and that can be written without quotes. Where it may not be asked, there are just
    /// none.
    fn names(&self) -> Vec<String> {
        let names = self.net.nft().names().unwrap_or_default();
        names.into_iter().filter(|name| name.chars().all(in_word)).collect()
    }
}

impl Completer for Words<'_> {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        position: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        let (before, begun) = split(line.get(..position).unwrap_or_default());
        let mut words: Vec<String> = words_after(before).into_iter().map(str::to_owned).collect();
        if before.trim().is_empty() {
            words.push(QUIT.to_owned());
        } else {
            words.extend(self.names());
        }
        words.retain(|word| word.starts_with(begun));
        words.sort_unstable();
        words.dedup();
        Ok((before.len(), words))
    }
}

impl Hinter for Words<'_> {
    type Hint = String;
}

impl Highlighter for Words<'_> {}

impl Validator for Words<'_> {
    /// An open block goes on in the next line.
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        Ok(if is_open(context.input()) {
            ValidationResult::Incomplete
        } else {
            ValidationResult::Valid(None)
        })
    }
}

impl Helper for Words<'_> {}

/// The text before the word that was begun, and the word.
fn split(text: &str) -> (&str, &str) {
    text.split_at(text.trim_end_matches(in_word).len())
}

/// Whether a text goes on in the next line: a brace is open, or the line ends with a backslash.
fn is_open(text: &str) -> bool {
    let (mut depth, mut quoted, mut comment) = (0_usize, false, false);
    for c in text.chars() {
        match c {
            '\n' => (quoted, comment) = (false, false),
            _ if comment => {}
            '"' => quoted = !quoted,
            _ if quoted => {}
            '#' => comment = true,
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    depth > 0 || !comment && text.ends_with('\\')
}

fn in_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/')
}

#[cfg(test)]
mod tests;
