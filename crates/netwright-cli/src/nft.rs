//! `netwright nft`: the nft language, from text to the kernel and back.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use netwright::Net;
use netwright::nft::place_of;
use netwright::sys::capability;
use netwright_nft::catalog::Catalog;
use netwright_nft::diagnostic::{Diagnostic, SourceId, SourceMap, Span};
use netwright_nft::evaluate::{Compiled, Options, compile};
use netwright_nft::ir::{Command, Operation, Target};
use netwright_nft::syntax::{self, Binding};
use netwright_nft::table::{Names, PrintOptions};
use netwright_nft::{json, lower, optimize};

use crate::arguments::Nft;
use crate::diagnostics;
use crate::failure::{Done, Failure};
use crate::files::{self, Includes};
use crate::names;
use crate::nft::debug::Debug;
use crate::nft::echo::Echo;
use crate::nft::style::Style;
use crate::nft::unanswered::Unanswered;
use crate::output::{self, HELP};

mod debug;
mod describe;
mod echo;
mod hooks;
mod interactive;
mod listen;
mod listing;
mod merging;
mod monitor;
pub(crate) mod program;
mod refusal;
mod reset;
pub(crate) mod style;
mod thing;
mod trace;
mod unanswered;

/// What the words of the command line are called in messages.
const COMMAND_LINE: &str = "<command line>";

/// `netwright nft`.
pub(crate) fn run(arguments: &Nft) -> Done {
    let debug = Debug::read(&arguments.debug)?;
    if arguments.interactive {
        return interactive::run(arguments, debug);
    }
    let mut sources = SourceMap::default();
    let (name, text) = match &arguments.file {
        Some(path) => files::read_argument(path)?,
        None if arguments.words.is_empty() => {
            let failure = Failure::said("there is nothing to do: no order, and no file");
            return Err(failure.with_help(Some("`--help` shows what there is")));
        }
        None => (COMMAND_LINE.to_owned(), arguments.words.join(" ")),
    };
    let id = sources.add(name, text);
    if arguments.file.is_none() {
        no_late_options(&arguments.words, &sources, id)?;
    }
    let net = arguments.place.open()?;
    carry_out(arguments, debug, &net, &mut sources, id)
}

/// Carries out the orders of a text.
fn carry_out(arguments: &Nft, debug: Debug, net: &Net, sources: &mut SourceMap, id: SourceId) -> Done {
    let text = sources.get(id).map_or("", |source| source.text());
    let language = match arguments.json && text.trim_start().starts_with('{') {
        true => Language::Json,
        false => Language::Nft,
    };
    carry_out_in(language, arguments, debug, net, sources, id)
}

/// What orders are written in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Language {
    Nft,
    Json,
}

fn carry_out_in(
    language: Language,
    arguments: &Nft,
    debug: Debug,
    net: &Net,
    sources: &mut SourceMap,
    id: SourceId,
) -> Done {
    let names = names::in_namespace(net);
    let mut compiled = read(language, arguments, sources, id, net, &names)?;
    if arguments.optimize && language == Language::Nft {
        let (commands, merged) = optimize::rules(compiled.commands, sources);
        compiled.commands = commands;
        let mut out = output::stdout();
        merging::write(&merged, sources, &names, &mut out)?;
        out.flush()?;
    }
    let (changes, others): (Vec<Command>, Vec<Command>) =
        compiled.commands.into_iter().partition(Command::is_change);
    let (imports, shows): (Vec<Command>, Vec<Command>) =
        others.into_iter().partition(|command| command.operation == Operation::Import);
    let task = Task { arguments, debug, sources, net, names: &names };
    task.change(&changes, &compiled.catalog)?;
    imports.iter().try_for_each(|command| task.import(command))?;
    if !arguments.check {
        task.show(&shows)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Options come before the orders; only within braces a word may look like one.
fn no_late_options(words: &[String], sources: &SourceMap, id: SourceId) -> Result<(), Failure> {
    let mut start = 0;
    for word in words.iter().take_while(|word| !word.contains('{')) {
        if word
            .strip_prefix('-')
            .is_some_and(|rest| rest.starts_with(|c: char| c == '-' || c.is_alphabetic()))
        {
            let end = (start + word.len()) as u32;
            let span = Span { source: id, start: start as u32, end };
            let diagnostic = Diagnostic::error(span, "options go before the orders");
            diagnostics::show(&[diagnostic], sources);
            return Err(Failure::Reported);
        }
        start += word.len() + 1;
    }
    Ok(())
}

/// Gives the text its meaning, with what the kernel has where it refers to it.
fn read(
    language: Language,
    arguments: &Nft,
    sources: &mut SourceMap,
    id: SourceId,
    net: &Net,
    names: &Names,
) -> Result<Compiled, Failure> {
    let bindings: Vec<Binding<'_>> = arguments
        .defines
        .iter()
        .map(|define| match define.split_once('=') {
            Some((name, value)) => Ok(Binding { name, value }),
            None => Err(Failure::said(format!("`{define}` is no definition"))
                .with_help(Some("write `-D name=value`"))),
        })
        .collect::<Result<_, _>>()?;
    let mut includes = Includes { beside: false, directories: arguments.include_paths.clone() };
    let parsed = match language {
        Language::Json => json::parse(sources, id),
        Language::Nft => syntax::parse_with(sources, id, &mut includes, &bindings),
    };
    let zone = names::zone();
    let compile = |catalog: &Catalog| compile(sources, &parsed, &Options { names, catalog, zone });
    let mut compiled = compile(&Catalog::default());
    let known = net.nft().known(&compiled)?;
    if !known.is_empty() {
        compiled = compile(&known);
    }
    let mut found = parsed.diagnostics.clone();
    found.append(&mut compiled.diagnostics);
    match diagnostics::show(&found, sources) {
        0 => Ok(compiled),
        _ => Err(Failure::Reported),
    }
}

/// What is common to the parts of the work.
struct Task<'a> {
    arguments: &'a Nft,
    debug: Debug,
    sources: &'a SourceMap,
    net: &'a Net,
    names: &'a Names,
}

impl Task<'_> {
    /// Makes all changes, or none; or has them checked.
    fn change(&self, commands: &[Command], catalog: &Catalog) -> Result<(), Failure> {
        if commands.is_empty() {
            return Ok(());
        }
        let mut batch = self.net.nft().batch();
        batch.echo(self.arguments.echo);
        lower::batch(commands, catalog, &mut batch).map_err(|failed| {
            let command = commands.get(failed.command);
            self.refuse(
                command.and_then(|command| span_of(command, &failed.error)),
                failed.error.message,
                None,
            )
        })?;
        let mut out = output::stdout();
        self.debug.show(&batch, commands, &mut out)?;
        out.flush()?;
        if self.arguments.check {
            if !capability::net_admin() {
                let note = "the kernel was not asked whether it takes this, since that needs CAP_NET_ADMIN";
                output::message(&format!("{HELP}note{HELP:#}: {note}"));
                return Ok(());
            }
            return batch.check().map_err(|error| self.refused(commands, catalog, &error));
        }
        let tags: Vec<Option<u32>> =
            (0..batch.messages() as usize).map(|index| batch.step(index).and_then(|step| step.tag)).collect();
        let committed = batch.commit().map_err(|error| self.refused(commands, catalog, &error))?;
        if self.arguments.echo {
            self.echo(&Echo { commands, committed: &committed, tags: &tags }, &mut out)?;
            out.flush()?;
        }
        Ok(())
    }

    /// Tells what was made.
    fn echo(&self, echo: &Echo<'_>, out: &mut impl Write) -> Result<(), Failure> {
        if self.arguments.json {
            let options = &self.options();
            if let Some(document) = echo.json(Style { options, names: self.names, json: true })? {
                writeln!(out, "{document}")?;
            }
            return Ok(());
        }
        let generation = self.net.nft().generation()?;
        Ok(out.write_all(echo.text(generation, &self.options(), self.names).as_bytes())?)
    }

    /// Carries out what standard input has in JSON.
    fn import(&self, command: &Command) -> Result<(), Failure> {
        if let Target::Exchange { format: Some(format) } = &command.target
            && format != "json"
        {
            let help = Some("the only format is `json`".to_owned());
            return Err(self.refuse(command.span, format!("{format} cannot be read"), help));
        }
        let (name, text) = files::read_argument(Path::new("-"))?;
        let mut sources = SourceMap::default();
        let id = sources.add(name, text);
        carry_out_in(Language::Json, self.arguments, self.debug, self.net, &mut sources, id).map(drop)
    }

    /// Answers the questions, in order.
    fn show(&self, commands: &[Command]) -> Result<(), Failure> {
        let mut out = output::stdout();
        let style = Style { options: &self.options(), names: self.names, json: self.arguments.json };
        for command in commands {
            listing::answer(command, self.net, style, &mut out).map_err(|failure| match failure {
                Unanswered::Refused(failure) => failure,
                Unanswered::Unknown(message, help) => self.refuse(command.span, message, help),
                Unanswered::Missing(word, message, help) => {
                    let word = command.span.and_then(|span| refusal::word_in(self.sources, span, &word));
                    let message = format!("No such file or directory: {message}");
                    self.refuse(word.or(command.span), message, help)
                }
            })?;
        }
        out.flush()?;
        Ok(())
    }

    fn options(&self) -> PrintOptions {
        let Nft { handles, stateless, terse, numeric, service, guid, .. } = *self.arguments;
        let options = PrintOptions {
            handles,
            stateless,
            terse,
            service_names: service,
            guid_names: guid,
            host_names: self.arguments.reverse_names,
            numeric_priority: self.arguments.numeric_priority,
            numeric_protocol: self.arguments.numeric_protocol,
            numeric_time: self.arguments.numeric_time,
            zone: names::zone(),
            ..PrintOptions::default()
        };
        if numeric > 0 { options.numeric() } else { options }
    }

    /// The kernel's word about an order, pointed at where the order was written.
    fn refused(&self, commands: &[Command], catalog: &Catalog, error: &netwright::Error) -> Failure {
        let command = error.tag().and_then(|tag| commands.get(tag as usize));
        let place = place_of(error, commands, catalog);
        if let (Some(command), Some(place)) = (command, place) {
            let diagnostic = refusal::diagnostic(command, place, error, self.net, self.sources);
            diagnostics::show(&[diagnostic], self.sources);
            return Failure::Reported;
        }
        self.refuse(place, error.to_string(), error.help().map(str::to_owned))
    }

    fn refuse(&self, span: Option<Span>, message: String, help: Option<String>) -> Failure {
        let Some(span) = span else {
            return Failure::said(message).with_help(help);
        };
        let diagnostic = Diagnostic {
            help: help.into_iter().collect(),
            ..Diagnostic::error(self.sources.written(span), message)
        };
        diagnostics::show(&[diagnostic], self.sources);
        Failure::Reported
    }
}

/// Where an order was written; of a rule, the statement at fault.
fn span_of(command: &Command, error: &lower::Error) -> Option<Span> {
    match &command.target {
        Target::Rule { spans, .. } => error.statement.and_then(|at| spans.get(at).copied()).or(command.span),
        _ => command.span,
    }
}
