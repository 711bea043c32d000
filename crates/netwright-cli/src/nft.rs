//! `netwright nft`: the nft language, from text to the kernel and back.

use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::process::ExitCode;

use netwright::Net;
use netwright::nft::write_merged;
use netwright::nft::{Answer, Debug, Includes, Language, PrintOptions, Report, Script, Session, Style};
use netwright_nft::diagnostic::{Diagnostic, SourceMap, Span};

use crate::arguments::Nft;
use crate::diagnostics;
use crate::failure::{Done, Failure};
use crate::files;
use crate::output::{self, HELP, WARNING};
use crate::zone::zone;

mod debug;
mod interactive;
pub(crate) mod program;

/// What the words of the command line are called in messages.
const COMMAND_LINE: &str = "<command line>";

/// `netwright nft`.
pub(crate) fn run(arguments: &Nft) -> Done {
    let debug = debug::levels(&arguments.debug)?;
    if arguments.interactive {
        return interactive::run(arguments, debug);
    }
    if arguments.file.is_some() && !arguments.words.is_empty() {
        let failure = Failure::said("a file and a command: only one of them can be done");
        return Err(failure.with_help(Some(
            "Write the command into the file, or call nft for each. nft(8) leaves out the file.",
        )));
    }
    let (name, text) = match &arguments.file {
        Some(path) => files::read_script(path)?,
        None if arguments.words.is_empty() => {
            let failure = Failure::said("there is nothing to do: no command, and no file");
            return Err(failure.with_help(Some("`--help` shows what there is")));
        }
        None => (COMMAND_LINE.to_owned(), arguments.words.join(" ")),
    };
    if arguments.file.is_none() {
        no_late_options(&arguments.words, &text)?;
    }
    let net = arguments.place.open()?;
    Task::new(arguments, debug, &net)?.run(&name, text)?;
    Ok(ExitCode::SUCCESS)
}

/// Options come before the commands; only within braces a word may look like one.
fn no_late_options(words: &[String], text: &str) -> Result<(), Failure> {
    let mut start = 0;
    for word in words.iter().take_while(|word| !word.contains('{')) {
        if word
            .strip_prefix('-')
            .is_some_and(|rest| rest.starts_with(|c: char| c == '-' || c.is_alphabetic()))
        {
            let mut sources = SourceMap::default();
            let source = sources.add(COMMAND_LINE, text);
            let span = Span { source, start: start as u32, end: (start + word.len()) as u32 };
            diagnostics::show(&[Diagnostic::error(span, "options go before the commands")], &sources);
            return Err(Failure::Reported);
        }
        start += word.len() + 1;
    }
    Ok(())
}

/// Runs scripts and prints what comes of them.
struct Task<'a> {
    arguments: &'a Nft,
    debug: Debug,
    net: &'a Net,
    session: Session,
}

impl<'a> Task<'a> {
    fn new(arguments: &'a Nft, debug: Debug, net: &'a Net) -> Result<Self, Failure> {
        let mut session = net.nft().session();
        session.check = arguments.check;
        session.echo = arguments.echo;
        session.optimize = arguments.optimize;
        session.terse = arguments.terse;
        session.keep = debug.is_on();
        session.zone = zone();
        for define in &arguments.defines {
            let Some((name, value)) = define.split_once('=') else {
                let failure = Failure::said(format!("`{define}` is no definition"));
                return Err(failure.with_help(Some("write `-D name=value`")));
            };
            session.variables.push((name.to_owned(), value.to_owned()));
        }
        let mut includes = arguments.file.as_deref().map(Includes::of_file).unwrap_or_default();
        includes.directories.splice(0..0, arguments.include_paths.iter().cloned());
        session.set_includes(includes);
        Ok(Task { arguments, debug, net, session })
    }

    /// Carries out a text, in JSON where that is asked for and it is that.
    fn run(&mut self, name: &str, text: String) -> Result<(), Failure> {
        let language = if self.arguments.json { Language::of(&text) } else { Language::Nft };
        self.run_in(language, name, text)
    }

    fn run_in(&mut self, language: Language, name: &str, text: String) -> Result<(), Failure> {
        let report = self.session.run(Script::text(text).named(name).in_language(language))?;
        let mut out = output::text();
        self.write_sent(&report, &mut out)?;
        out.flush()?;
        diagnostics::show(&report.warnings, &report.sources);
        if !report.refusals.is_empty() {
            let refused: Vec<Diagnostic> =
                report.refusals.into_iter().map(|refusal| refusal.diagnostic).collect();
            diagnostics::show(&refused, &report.sources);
            return Err(Failure::Reported);
        }
        if report.untried {
            let note = "the kernel was not asked whether it takes this, since that needs CAP_NET_ADMIN";
            output::message(&format!("{HELP}note{HELP:#}: {note}"));
        }
        let options = self.options();
        let style = Style { options: &options, names: &self.session.names, json: self.arguments.json };
        let mut imports = 0;
        report.write(style, &mut out, |answer, out| match answer {
            Answer::Monitor { filter, json } => {
                let style = Style { json: json.unwrap_or(style.json), ..style };
                let mut monitor = self.net.nft().monitor(filter.clone())?;
                match monitor.write_all(style, &mut output::Visible(out), warn_of_loss)? {}
            }
            Answer::Trace => {
                let mut traces = self.net.nft().trace()?;
                match traces.write_all(style, &mut output::Visible(out), warn_of_loss)? {}
            }
            Answer::Import => {
                imports += 1;
                Ok(())
            }
            Answer::Listing(listed) if !style.json => {
                for table in listed.managed_by_iptables() {
                    let (family, name) = (table.family, output::plain(&table.name));
                    let warning = format!("table {family} {name} is managed by iptables-nft, do not touch!");
                    output::message(&format!("# {WARNING}Warning{WARNING:#}: {warning}"));
                }
                Ok(())
            }
            Answer::Hooks(hooks) => {
                if let Some(warning) = hooks.warning(style.json) {
                    output::message(&format!("{WARNING}warning{WARNING:#}: {warning}"));
                }
                Ok(())
            }
            _ => Ok::<(), Failure>(()),
        })?;
        out.flush()?;
        (0..imports).try_for_each(|_| self.import())
    }

    /// What `--optimize` and `--debug` show.
    fn write_sent(&self, report: &Report, out: &mut impl Write) -> Result<(), Failure> {
        let mut told = BufWriter::new(io::stderr());
        let told = &mut output::Visible(&mut told);
        write_merged(&report.merged, &report.sources, &self.session.names, told, out)?;
        if let Some((batch, commands)) = &report.sent {
            self.debug.write_sent(batch, commands, out)?;
        }
        for received in &report.received {
            self.debug.write_received(received, out)?;
        }
        Ok(())
    }

    /// Carries out what standard input has in JSON.
    fn import(&mut self) -> Result<(), Failure> {
        let (name, text) = files::read_script(Path::new("-"))?;
        self.run_in(Language::Json, &name, text)
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
            zone: zone(),
            ..PrintOptions::default()
        };
        if numeric > 0 { options.numeric() } else { options }
    }
}

fn warn_of_loss() {
    output::message(&format!("{WARNING}warning{WARNING:#}: some notifications were lost"));
}
