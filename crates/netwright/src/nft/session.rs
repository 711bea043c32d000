//! The engine: commands from text, JSON or data to the kernel, and typed answers back.

mod questions;
mod script;
mod variables;

use std::io::{self, Write};
use std::ops::{Deref, DerefMut};

use netwright_netfilter::{Batch, Ruleset as KernelRuleset};
use netwright_nft::catalog::Catalog;
use netwright_nft::diagnostic::{Diagnostic, Severity, SourceId, SourceMap};
use netwright_nft::evaluate::Options;
use netwright_nft::ir::{Command, Operation};
use netwright_nft::lower::Order;
use netwright_nft::optimize::{self, Merged};
use netwright_nft::syntax::{Loader, NoIncludes, Parsed};
use netwright_nft::table::Names;
use netwright_sys::{Cause, Connection, Error, Namespace, Refusal as KernelRefusal, capability, protocol};

use super::answer::{Answer, Answering, Unanswered};
use super::echo::{self, Echo, Replies};
use super::engine::{self, Unlowered};
use super::host_names;
use super::refusal::{Code, Refusal, Refused, word_in};
use super::send::{self, Sent};
use super::style::{Style, as_text};
use crate::Result;
use crate::driver::{Blocking, Driver, Lent};

use questions::Questions;
use script::Ready;
pub use script::{Language, Script};
use variables::Variables;

/// How often commands whose meaning depends on the ruleset are compiled again where it changes meanwhile.
const TRIES: u32 = 100;

/// Runs commands of the nft language in a namespace, from [`Nft::session`](super::Nft::session).
///
/// A text is read and compiled; the kernel is asked for just what it refers to and does not make itself; all its changes
/// become one transaction; what the kernel refuses is told at the place where it was written. Where the ruleset changes
/// between a question and the transaction, all of it is done again.
///
/// ```no_run
/// use netwright::nft::Script;
///
/// let net = netwright::Net::open()?;
/// let mut session = net.nft().session();
/// session.echo = true;
/// let report = session.run(Script::text("add table inet t; add chain inet t c; list chains"))?;
/// for refusal in &report.refusals {
///     eprintln!("{:?}: {}", refusal.code, refusal.diagnostic.message);
/// }
/// for event in report.echo.iter().flat_map(|echo| &echo.events) {
///     println!("{event:?}");
/// }
/// # Ok::<(), netwright::Error>(())
/// ```
///
/// What a text defines (`define`), later texts can use. A session has a socket of its own: tables with an owner (`flags owner`) last as long as it does.
pub struct Session<D = Blocking> {
    driver: D,
    core: Core,
}

/// How a [`Session`] runs scripts.
#[derive(Debug)]
#[allow(clippy::struct_excessive_bools)]
pub struct Settings {
    /// Whether changes are only tried: the kernel takes them back.
    pub check: bool,
    /// Whether it is told what was made, with the kernel's handles.
    pub echo: bool,
    /// Whether rules in blocks of chains that differ only in values are merged.
    pub optimize: bool,
    /// Whether listings leave out the elements of sets with a name: then the kernel is not asked for them.
    pub terse: bool,
    /// Whether what was sent and received is kept ([`Report::sent`], [`Report::received`]).
    pub keep: bool,
    /// The zone of hours and points in time.
    pub zone: netwright_nft::table::Zone,
    /// Variables that texts can use: names without `$`, and values as they stand behind `define NAME =`.
    pub variables: Vec<(String, String)>,
    /// Names for numbers: of the host, and of the interfaces of the namespace.
    pub names: Names,
}

/// A session without its way to the kernel.
struct Core {
    settings: Settings,
    includes: Box<dyn Loader + Send>,
    variables: Variables,
    connection: Option<Connection>,
}

impl Core {
    fn new(names: Names) -> Self {
        let settings = Settings {
            check: false,
            echo: false,
            optimize: false,
            terse: false,
            keep: false,
            zone: netwright_nft::table::Zone::UTC,
            variables: Vec::new(),
            names,
        };
        Core { settings, includes: Box::new(NoIncludes), variables: Variables::default(), connection: None }
    }
}

/// What stays where the future of a script is dropped half-way: a session that is as new.
impl Lent for Core {
    fn away() -> Self {
        Core::new(Names::new())
    }
}

impl<D> Deref for Session<D> {
    type Target = Settings;

    fn deref(&self) -> &Settings {
        &self.core.settings
    }
}

impl<D> DerefMut for Session<D> {
    fn deref_mut(&mut self) -> &mut Settings {
        &mut self.core.settings
    }
}

impl<D> std::fmt::Debug for Session<D> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("settings", &self.core.settings).finish_non_exhaustive()
    }
}

/// What came of a script.
#[derive(Debug, Default)]
#[must_use = "a script that was refused has changed nothing"]
pub struct Report {
    /// The texts that were read, for the places of diagnostics. The first is that of the script.
    pub sources: SourceMap,
    /// Whether the script was in JSON.
    pub json: bool,
    /// What was refused; then nothing was changed.
    pub refusals: Vec<Refusal>,
    /// What was taken, but is probably not what was meant.
    pub warnings: Vec<Diagnostic>,
    /// Rules that became one.
    pub merged: Vec<Merged>,
    /// Answers to what was asked, in order, as of after the changes.
    pub answers: Vec<Answer>,
    /// What was made, where [`Settings::echo`] is on and something was.
    pub echo: Option<Echo>,
    /// Whether changes were not tried by the kernel, since a privilege is missing for that (only with
    /// [`Settings::check`]).
    pub untried: bool,
    /// The messages that were sent and the commands that they are of, where [`Settings::keep`] is on.
    pub sent: Option<(Batch, Vec<Command>)>,
    /// What answers were made of, where [`Settings::keep`] is on.
    pub received: Vec<KernelRuleset>,
    /// Whether what was made is to be told.
    echoes: bool,
}

impl Report {
    /// Itself, or the first refusal as an error.
    pub fn accepted(&self) -> Result<&Self> {
        let Some(first) = self.refusals.first() else { return Ok(self) };
        let place = first.diagnostic.span().and_then(|span| self.sources.locate(span));
        let place = place.map(|place| format!("{place}: ")).unwrap_or_default();
        let label = first.diagnostic.labels.first().map(|label| label.message.as_str()).unwrap_or_default();
        let label = if label.is_empty() { String::new() } else { format!(" ({label})") };
        let what = format!("{place}{}{label}", first.diagnostic.message);
        Err(Error::new("run the commands", Cause::Invalid(what)))
    }

    /// Writes what came of it as nft does: the answers, then what was made. What is more than a text (changes and traces as
    /// they happen, an import, warnings about hooks) is handed out where it comes.
    ///
    /// # Errors
    /// Those of `out` and of `other`.
    pub fn write<W: Write, E: From<io::Error>>(
        &self,
        style: Style<'_>,
        out: &mut W,
        mut other: impl FnMut(&Answer, &mut W) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        for answer in &self.answers {
            other(answer, out)?;
            answer.write(style, out)?;
        }
        Ok(self.write_echo(style, out)?)
    }

    /// Writes what was made as nft does with `-e`: nothing where nothing was, or [`Settings::echo`] is off. In JSON it is
    /// the document that was run, with the handles of what was made, where the script was in JSON too.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write_echo(&self, style: Style<'_>, out: &mut impl Write) -> io::Result<()> {
        if !self.echoes {
            return Ok(());
        }
        if self.json && style.json {
            return as_text(out, |out| {
                echo::write_document(out, &self.sources, SourceId::default(), self.echo.as_ref())
            });
        }
        match &self.echo {
            Some(echo) => as_text(out, |out| echo.write(out, style)),
            None => Ok(()),
        }
    }

    fn refuse(&mut self, code: Code, command: Option<usize>, diagnostic: Diagnostic) {
        self.refusals.push(Refusal { code, errno: None, command, diagnostic, error: None });
    }
}

impl<D: Driver> Session<D> {
    pub(super) fn new(driver: D) -> Self {
        let core = Core::new(host_names::names_in(driver.namespace()));
        Session { driver, core }
    }

    /// Where included texts come from; from nowhere, unless this is said. [`Includes`](super::Includes) reads files.
    pub fn set_includes(&mut self, loader: impl Loader + Send + 'static) {
        self.core.includes = Box::new(loader);
    }

    /// Forgets what texts have defined.
    pub fn forget_definitions(&mut self) {
        self.core.variables = Variables::default();
    }

    /// Carries out all commands of a script: its changes in one transaction, then what it asks.
    ///
    /// An error is that the kernel could not be asked; what it or the language refuses is in the report.
    pub fn run<'s>(&'s mut self, script: Script) -> D::Output<'s, Report>
    where
        D: 's,
    {
        self.driver.lend(&mut self.core, move |driver, core| core.run(script, driver.namespace()))
    }
}

impl Core {
    fn run(&mut self, mut script: Script, namespace: &Namespace) -> Result<Report> {
        let Core { settings, includes, variables, connection } = self;
        // interfaces, users and services may have changed since the last script
        settings.names.forget_found();
        let mut sources = SourceMap::default();
        let parsed = script.read(&mut sources, &mut **includes, &settings.variables, variables);
        let connection = match connection {
            Some(connection) => connection,
            none => none.insert(Connection::open_in(namespace, protocol::NETFILTER)?),
        };
        let report = Report { sources, json: script.is_json(), echoes: settings.echo, ..Report::default() };
        let run = Run { settings, namespace, report, questions: Questions::default() };
        run.carry_out(script, &parsed, connection)
    }
}

/// A script on its way.
struct Run<'s> {
    settings: &'s Settings,
    namespace: &'s Namespace,
    report: Report,
    /// What is known of the questions before anything is changed.
    questions: Questions,
}

impl Run<'_> {
    fn carry_out(mut self, script: Script, parsed: &Parsed, connection: &mut Connection) -> Result<Report> {
        let is_nft = script.is_nft();
        if let Some(ready) = script.into_ready() {
            return match self.change(&ready, connection)? {
                Changed::Done => self.answered(&ready.commands, connection),
                Changed::Outdated(refusal) => Err(Error::new("run the commands", refusal.error)),
            };
        }
        let (warnings, errors) = split(&parsed.diagnostics);
        for _ in 0..TRIES {
            let (compiled, said) = self.compile(parsed, connection)?;
            let (more, wrong) = split(&said);
            self.report.warnings = warnings.iter().cloned().chain(more).collect();
            let errors = errors.iter().cloned().chain(wrong);
            self.report.refusals = errors.map(Refusal::text).collect();
            if !self.report.refusals.is_empty() {
                return Ok(self.report);
            }
            let compiled = if is_nft { self.merge(compiled) } else { compiled };
            if let Changed::Done = self.change(&compiled, connection)? {
                return self.answered(&compiled.commands, connection);
            }
        }
        Err(Error::new("run the commands", Cause::Interrupted { tries: TRIES }))
    }

    fn compile(&self, parsed: &Parsed, connection: &mut Connection) -> Result<(Ready, Vec<Diagnostic>)> {
        let catalog = Catalog::default();
        let options = Options { names: &self.settings.names, catalog: &catalog, zone: self.settings.zone };
        let (compiled, answered) = engine::compile(&self.report.sources, parsed, &options, connection)?;
        let (commands, catalog, generation) = (compiled.commands, compiled.catalog, answered.generation);
        Ok((Ready { commands, catalog, generation, tables: Vec::new() }, compiled.diagnostics))
    }

    fn merge(&mut self, compiled: Ready) -> Ready {
        if !self.settings.optimize {
            return compiled;
        }
        let (commands, merged) = optimize::rules(compiled.commands, &self.report.sources);
        self.report.merged = merged;
        Ready { commands, ..compiled }
    }

    /// Makes all changes, or none: then the refusals are in the report.
    fn change(&mut self, ready: &Ready, connection: &mut Connection) -> Result<Changed> {
        let Ready { commands, catalog, generation, .. } = ready;
        let mut batch = match generation {
            Some(generation) => Batch::for_generation(*generation),
            None => Batch::new(),
        };
        if let Err((number, Unlowered { error, span })) = self.lower(ready, &mut batch) {
            let written = self.report.sources.written(span.unwrap_or_default());
            let missing = error.missing;
            let diagnostic = Diagnostic { missing, ..Diagnostic::error(written, error.message) };
            let code = if missing { Code::Missing } else { Code::Text };
            self.report.refuse(code, Some(number), diagnostic);
            return Ok(Changed::Done);
        }
        if batch.is_empty() {
            return Ok(Changed::Done);
        }
        if self.settings.check && !capability::net_admin() {
            self.report.untried = true;
            self.keep_sent(batch, commands);
            return Ok(Changed::Done);
        }
        match Questions::ask(commands, &mut self.answering(connection, false)) {
            Ok(questions) => self.questions = questions,
            Err((number, why)) => {
                self.refuse_question(commands, number, why)?;
                return Ok(Changed::Done);
            }
        }
        let mut replies = Replies::to(&batch);
        let sent = match self.settings.check {
            true => send::check(connection, &mut batch)?,
            false => send::commit(connection, &mut batch, |index, message| replies.take(index, message))?,
        };
        match sent {
            Sent::Done { replies_lost } => {
                self.report.echo = replies.finish(replies_lost, connection, commands)?;
            }
            Sent::Outdated(refusal) => return Ok(Changed::Outdated(refusal)),
            Sent::Refused(refusals) => {
                let sources = &self.report.sources;
                let namespace = self.namespace;
                let refused = Refused { batch: &batch, commands, catalog, sources, namespace };
                self.report.refusals = refused.tell(refusals, connection);
            }
        }
        self.keep_sent(batch, commands);
        Ok(Changed::Done)
    }

    /// Appends the commands that change something; what is made is told where that is asked for.
    fn lower(&self, ready: &Ready, batch: &mut Batch) -> std::result::Result<(), (usize, Unlowered)> {
        let mut order = Order::of(&ready.commands);
        for (number, command) in ready.commands.iter().enumerate() {
            if !command.is_change() {
                continue;
            }
            batch.echo(self.settings.echo && !self.settings.check && is_making(command.operation));
            engine::lower(number, command, &ready.catalog, &ready.tables, &mut order, batch)
                .map_err(|why| (number, why))?;
        }
        Ok(())
    }

    fn keep_sent(&mut self, batch: Batch, commands: &[Command]) {
        if self.settings.keep {
            self.report.sent = Some((batch, commands.to_vec()));
        }
    }

    /// With the answers to what was asked, where nothing was refused.
    fn answered(mut self, commands: &[Command], connection: &mut Connection) -> Result<Report> {
        if self.report.refusals.is_empty() {
            self.answer(commands, connection)?;
        }
        Ok(self.report)
    }

    fn answering<'a>(&'a mut self, connection: &'a mut Connection, keeps: bool) -> Answering<'a> {
        let received = (keeps && self.settings.keep).then_some(&mut self.report.received);
        let Settings { terse, check, .. } = *self.settings;
        Answering { connection, namespace: self.namespace, terse, check, received }
    }

    /// Answers the questions, in order.
    fn answer(&mut self, commands: &[Command], connection: &mut Connection) -> Result<()> {
        for (number, command) in commands.iter().enumerate().filter(|(_, command)| !command.is_change()) {
            let answer = self.answering(connection, true).answer(command);
            match (answer, self.questions.before.remove(&number)) {
                (Ok(answer), _) => self.report.answers.push(answer),
                (Err(Unanswered::Failed(error)), _) => return Err(error),
                // a later command has taken it away
                (Err(_), Some(before)) => self.report.answers.push(before),
                // it was made, and since that was a trial, taken back
                (Err(_), None) if self.settings.check && self.questions.made.contains(&number) => {}
                (Err(why), None) => return self.refuse_question(commands, number, why),
            }
        }
        Ok(())
    }

    /// Refuses a question that has no answer.
    fn refuse_question(&mut self, commands: &[Command], number: usize, why: Unanswered) -> Result<()> {
        let span = commands.get(number).and_then(|command| command.span);
        let span = span.map(|span| self.report.sources.written(span)).unwrap_or_default();
        let (place, message, help) = match why {
            Unanswered::Failed(error) => return Err(error),
            Unanswered::Unknown(message, help) => (None, message, help),
            Unanswered::Missing(word, message, help) => (
                word_in(&self.report.sources, span, &word),
                format!("No such file or directory: {message}"),
                help,
            ),
        };
        let code = if place.is_some() { Code::Missing } else { Code::Text };
        let diagnostic = Diagnostic {
            help: help.into_iter().collect(),
            ..Diagnostic::error(place.unwrap_or(span), message)
        };
        self.report.refuse(code, Some(number), diagnostic);
        Ok(())
    }
}

/// Warnings, and errors.
fn split(diagnostics: &[Diagnostic]) -> (Vec<Diagnostic>, Vec<Diagnostic>) {
    diagnostics.iter().cloned().partition(|one| one.severity == Severity::Warning)
}

/// What became of changes.
enum Changed {
    /// They were made, or refused.
    Done,
    /// The ruleset has another generation than the one that they are for.
    Outdated(KernelRefusal),
}

/// Whether a command makes something.
fn is_making(operation: Operation) -> bool {
    matches!(operation, Operation::Add | Operation::Create | Operation::Insert | Operation::Replace)
}
