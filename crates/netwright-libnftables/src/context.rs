//! What a context of C is: settings, two streams, and a session.

use std::ffi::OsStr;
use std::fmt::Display;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use netwright::nft::{
    Answer, Includes, Language, Refusal, Report, Script, Session, Style, Unwritten, read_named,
    read_standard_input, write_merged,
};
use netwright::wire::Errno;
use netwright::wire::text::from_bytes;
use netwright::{Error, Net};
use netwright_nft::diagnostic::{Diagnostic, SourceMap};
use netwright_nft::syntax::{Binding, NoIncludes, parse_with};

use crate::file::Stream;
use crate::flags::{DebugLevel, Input, Output};
use crate::message;
use crate::zone::zone;

/// What a text of C is called in messages.
const BUFFER: &str = "<buffer>";
/// What standard input is called in messages.
const STDIN: &str = "/dev/stdin";
/// `NFT_OPTIMIZE_ENABLED`
const OPTIMIZE: u32 = 1;

/// A context.
pub struct Context {
    net: Net,
    session: Session,
    pub(crate) settings: Settings,
    pub(crate) output: Stream,
    pub(crate) errors: Stream,
}

/// What C has set.
#[derive(Default)]
pub(crate) struct Settings {
    pub(crate) dry_run: bool,
    pub(crate) optimize: u32,
    pub(crate) input: Input,
    pub(crate) output: Output,
    pub(crate) debug: DebugLevel,
    pub(crate) include_paths: Vec<PathBuf>,
    pub(crate) variables: Vec<(String, String)>,
}

/// Why commands were not carried out.
enum Failure {
    /// It has been told.
    Told,
    /// The kernel could not be asked.
    Kernel(Error),
    /// Nobody takes the output.
    Output(io::Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Kernel(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Failure::Output(error)
    }
}

impl From<Unwritten> for Failure {
    fn from(unwritten: Unwritten) -> Self {
        match unwritten {
            Unwritten::Kernel(error) => Failure::Kernel(error),
            Unwritten::Output(error) => Failure::Output(error),
        }
    }
}

impl Context {
    pub(crate) fn open() -> Result<Self, Error> {
        let net = Net::open()?;
        let session = net.nft().session();
        let include_paths = Includes::default().directories;
        let settings = Settings { include_paths, ..Settings::default() };
        Ok(Context { net, session, settings, output: Stream::output(), errors: Stream::errors() })
    }

    pub(crate) fn add_include_path(&mut self, path: &[u8]) -> bool {
        let path = Path::new(OsStr::from_bytes(path));
        let there = path.exists();
        if there {
            self.settings.include_paths.push(path.to_owned());
        }
        there
    }

    /// The last value of a name counts.
    pub(crate) fn add_variable(&mut self, variable: &[u8]) -> bool {
        let variable = from_bytes(variable);
        let Some((name, value)) = variable.split_once('=') else { return false };
        let mut variables = self.settings.variables.clone();
        variables.retain(|(other, _)| other != name);
        let bound = variables.iter().map(|(name, value)| Binding { name, value });
        let bound: Vec<_> = bound.chain([Binding { name, value }]).collect();
        let mut sources = SourceMap::default();
        let empty = sources.add("", "");
        if !parse_with(&mut sources, empty, &mut NoIncludes, &bound).diagnostics.is_empty() {
            return false;
        }
        variables.push((name.to_owned(), value.to_owned()));
        self.settings.variables = variables;
        true
    }

    pub(crate) fn run_text(&mut self, text: &[u8]) -> bool {
        self.begin();
        self.run(BUFFER, from_bytes(text).into_owned())
    }

    pub(crate) fn run_file(&mut self, name: &[u8]) -> bool {
        self.begin();
        let path = Path::new(OsStr::from_bytes(name));
        let (name, text) = match name {
            b"-" => (STDIN.to_owned(), read_standard_input()),
            _ => (path.display().to_string(), read_named(path)),
        };
        let text = text.map(|bytes| from_bytes(&bytes).into_owned());
        match text {
            Ok(text) => {
                let done = self.run(&name, text);
                // as with C: what a file defines, and what was defined before it, is known up to its end
                self.session.forget_definitions();
                done
            }
            Err(reason) => {
                let reason = no_file(path).unwrap_or(reason);
                self.refuse(format_args!("Could not open file \"{name}\": {reason}"))
            }
        }
    }

    fn begin(&mut self) {
        self.output.forget_told();
        self.errors.forget_told();
    }

    fn run(&mut self, name: &str, text: String) -> bool {
        let json = self.settings.output.contains(Output::JSON) || self.settings.input.contains(Input::JSON);
        let language = if json { Language::of(&text) } else { Language::Nft };
        self.settle(|context| context.run_in(language, name, text))
    }

    /// Runs something, and tells what went wrong.
    fn settle(&mut self, run: impl FnOnce(&mut Self) -> Result<(), Failure>) -> bool {
        // a panic in it leaves a session that is not to be gone on with
        let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(self)));
        let told = match ended {
            Ok(Ok(())) => return true,
            Ok(Err(Failure::Told)) => false,
            Ok(Err(Failure::Kernel(error))) => match error.errno().map(words) {
                Some(words) => self.refuse(format_args!("Could not process rule: {words}; {error}")),
                None => self.refuse(error),
            },
            Ok(Err(Failure::Output(error))) => {
                self.refuse(format_args!("the output cannot be written: {error}"))
            }
            Err(_) => {
                self.session = self.net.nft().session();
                self.refuse("this is a mistake in the library; nothing is known of what was done")
            }
        };
        let _ = self.errors.flush();
        told
    }

    /// Tells an error without a place.
    fn refuse(&mut self, error: impl Display) -> bool {
        // where it cannot be said, there is nobody to say it to
        let _ = writeln!(self.errors, "Error: {error}");
        false
    }

    fn tell(&mut self, diagnostics: &[Diagnostic], sources: &SourceMap) {
        // where it cannot be said, there is nobody to say it to
        let _ = self.errors.write_all(message::write(diagnostics, sources, BUFFER).as_bytes());
    }

    /// Makes the session as C has set it.
    fn prepare(&mut self, name: &str, text: &str) {
        let Context { session, settings, .. } = self;
        session.check = settings.dry_run;
        // as with C, for files alone
        session.optimize = settings.optimize & OPTIMIZE != 0 && name != BUFFER;
        session.echo = settings.output.contains(Output::ECHO);
        session.terse = settings.output.contains(Output::TERSE);
        session.keep = settings.debug.shown().is_on();
        session.zone = zone();
        // with C, variables are for files alone: a buffer may define them as if they were not bound
        let bound = settings.variables.iter().filter(|(one, _)| name != BUFFER || !is_defined(one, text));
        session.variables = bound.cloned().collect();
        let directories = settings.include_paths.clone();
        let base = Includes { directories, ..Includes::default() };
        session.set_includes(match name {
            BUFFER => base,
            file => base.with_base_of(Path::new(file)),
        });
    }

    fn run_in(&mut self, language: Language, name: &str, text: String) -> Result<(), Failure> {
        self.prepare(name, &text);
        let report = self.session.run(Script::text(text).named(name).in_language(language))?;
        self.show(&report)?;
        self.tell(&report.warnings, &report.sources);
        if !report.refusals.is_empty() {
            let refused: Vec<_> = report.refusals.into_iter().map(in_words).collect();
            self.tell(&refused, &report.sources);
            return Err(Failure::Told);
        }
        if report.untried {
            let words = words(Errno::EPERM);
            self.refuse(format_args!("Could not process rule: {words}; only CAP_NET_ADMIN may try changes"));
            return Err(Failure::Told);
        }
        let imports = self.answer(&report)?;
        (0..imports).try_for_each(|_| {
            let bytes = read_standard_input().map_err(|reason| Failure::Output(io::Error::other(reason)))?;
            self.run_in(Language::Json, STDIN, from_bytes(&bytes).into_owned())
        })
    }

    /// What optimizing and debugging show.
    fn show(&mut self, report: &Report) -> Result<(), Failure> {
        let Context { session, settings, output, errors, .. } = self;
        write_merged(&report.merged, &report.sources, &session.names, errors, output)?;
        let debug = settings.debug.shown();
        if let Some((batch, commands)) = &report.sent {
            debug.write_sent(batch, commands, output)?;
        }
        for received in &report.received {
            debug.write_received(received, output)?;
        }
        Ok(())
    }

    /// Writes the answers; returns how many imports are to follow.
    fn answer(&mut self, report: &Report) -> Result<usize, Failure> {
        let Context { net, session, settings, output, errors } = self;
        let options = settings.output.options(zone());
        let style =
            Style { options: &options, names: &session.names, json: settings.output.contains(Output::JSON) };
        let mut imports = 0;
        let mut warn = |warning: &str| {
            // where it cannot be said, there is nobody to say it to
            let _ = writeln!(errors, "Warning: {warning}");
        };
        let lost = "some notifications were lost";
        report.write(style, output, |answer, out| match answer {
            Answer::Monitor { filter, json } => {
                let style = Style { json: json.unwrap_or(style.json), ..style };
                match net.nft().monitor(filter.clone())?.write_all(style, out, || warn(lost))? {}
            }
            Answer::Trace => match net.nft().trace()?.write_all(style, out, || warn(lost))? {},
            Answer::Import => {
                imports += 1;
                Ok(())
            }
            Answer::Hooks(hooks) => {
                hooks.warning(style.json).into_iter().for_each(|warning| warn(&warning));
                Ok(())
            }
            _ => Ok::<(), Failure>(()),
        })?;
        Ok(imports)
    }
}

/// Whether a text has a definition of a variable.
fn is_defined(variable: &str, text: &str) -> bool {
    text.split(['\n', ';', '{', '}']).any(|statement| {
        let mut words = statement.split_whitespace();
        words.next().is_some_and(|verb| verb.ends_with("define")) && words.next() == Some(variable)
    })
}

/// The words of an error number, which programs look for.
fn words(errno: Errno) -> String {
    without_number(&io::Error::from_raw_os_error(errno.0))
}

fn without_number(error: &io::Error) -> String {
    error.to_string().split(" (os error").next().unwrap_or_default().to_owned()
}

/// What was refused, with the words of the kernel's error number.
fn in_words(refusal: Refusal) -> Diagnostic {
    let mut diagnostic = refusal.diagnostic;
    if let Some(words) = refusal.errno.map(words)
        && !diagnostic.message.contains(&words)
    {
        diagnostic.message = format!("Could not process rule: {words}; {}", diagnostic.message);
    }
    diagnostic
}

/// Why there is no file at a path.
fn no_file(path: &Path) -> Option<String> {
    Some(without_number(&path.metadata().err()?))
}
