//! `netwright nft -i`: orders line by line, each carried out before the next is read.

use std::io::{self, IsTerminal};
use std::process::ExitCode;

use netwright::Net;
use netwright::netfilter::request::{List, tables};
use netwright::netfilter::{Chain, Family};
use netwright_nft::diagnostic::SourceMap;
use netwright_nft::syntax::words_after;
use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::MemHistory;
use rustyline::validate::Validator;
use rustyline::{CompletionType, Config, Context, Editor, Helper};

use super::carry_out;
use super::debug::Debug;
use crate::arguments::Nft;
use crate::failure::{Done, FAILED, Failure};
use crate::files::STDIN;

const PROMPT: &str = "nft> ";

/// Ends the session.
const QUIT: &str = "quit";

/// Carries out the lines of standard input; on a terminal with an editor. Where nobody sits at a terminal, what failed
/// shows in the exit code.
pub(super) fn run(arguments: &Nft, debug: Debug) -> Done {
    let net = arguments.place.open()?;
    let mut session = Session { arguments, debug, net: &net, failed: false };
    if io::stdin().is_terminal() && io::stdout().is_terminal() {
        session.edited()?;
        return Ok(ExitCode::SUCCESS);
    }
    for (number, line) in io::stdin().lines().enumerate() {
        let line = line.map_err(|error| Failure::said(format!("cannot read {STDIN}: {error}")))?;
        if !session.line(&format!("{STDIN} line {}", number + 1), &line)? {
            break;
        }
    }
    Ok(if session.failed { ExitCode::from(FAILED) } else { ExitCode::SUCCESS })
}

struct Session<'a> {
    arguments: &'a Nft,
    debug: Debug,
    net: &'a Net,
    failed: bool,
}

impl Session<'_> {
    /// Lines from the terminal, with their history.
    fn edited(&mut self) -> Result<(), Failure> {
        let failed = |error| Failure::said(format!("cannot read from the terminal: {error}"));
        let config = Config::builder().completion_type(CompletionType::List).build();
        let history = MemHistory::with_config(&config);
        let mut editor = Editor::with_history(config, history).map_err(failed)?;
        editor.set_helper(Some(Words { net: self.net }));
        loop {
            let line = match editor.readline(PROMPT) {
                Ok(line) => line,
                Err(ReadlineError::Interrupted) => continue,
                Err(ReadlineError::Eof) => return Ok(()),
                Err(error) => return Err(failed(error)),
            };
            if !line.trim().is_empty() {
                editor.add_history_entry(line.as_str()).map_err(failed)?;
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
        let mut sources = SourceMap::default();
        let id = sources.add(name, line);
        match carry_out(self.arguments, self.debug, self.net, &mut sources, id) {
            Ok(_) => {}
            Err(failure @ Failure::Output(_)) => return Err(failure),
            Err(failure) => {
                failure.report();
                self.failed = true;
            }
        }
        Ok(true)
    }
}

/// Completes the words of the language, and the names of tables and chains.
struct Words<'a> {
    net: &'a Net,
}

impl Words<'_> {
    /// The names that the kernel knows and that can be written without quotes. Where it may not be asked, there are just
    /// none.
    fn names(&self) -> Vec<String> {
        let nft = self.net.nft();
        let tables = nft.list(tables()).unwrap_or_default();
        let chains = nft.list(List::<Chain>::new(Family::UNSPECIFIED)).unwrap_or_default();
        let names =
            tables.into_iter().map(|table| table.name).chain(chains.into_iter().map(|chain| chain.name));
        names.filter(|name| name.chars().all(in_word)).collect()
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

impl Validator for Words<'_> {}

impl Helper for Words<'_> {}

/// The text before the word that was begun, and the word.
fn split(text: &str) -> (&str, &str) {
    text.split_at(text.trim_end_matches(in_word).len())
}

fn in_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/')
}

#[cfg(test)]
mod tests;
