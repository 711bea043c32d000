//! `netwright apply`: brings a namespace to what a host file declares.

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Instant;

use netwright::state::Live;
use netwright_confine::Signals;
use netwright_nft::diagnostic::{Diagnostic, Severity, SourceMap, nearest, suggestion};
use netwright_state::{
    ApplyError, Connection, Control, Journal, NotThere, Owners, Phase, Plan, Progress, Record, Report,
    Snapshot, Undone, Wish, fate, lock_out,
};
use rustix::process::Signal;

use crate::arguments::{Apply, Global, HostFile, Where, Withdraw};
use crate::diagnostics;
use crate::failure::{Done, Failure};
use crate::host::Loaded;
use crate::output::{self, CHANGED, DIM, ERROR, GOOD, HELP, WARNING, count};
use crate::plan::{LACKING, make, nothing, write_step};
use crate::ssh;
use crate::state::probe::Probe;
use crate::state::{Session, now, recover, uptime, watchdog};

/// How often a plan is made anew because others have changed what it is about.
const TRIES: usize = 5;

/// `netwright apply`.
pub(crate) fn run(arguments: &Apply, global: &Global) -> Done {
    // before anything else: there must be no moment in which a signal ends the process half-way
    let signals = take_signals()?;
    let session = Session::open(arguments.place.open()?)?;
    let _lock = session.lock(!arguments.no_wait, global)?;
    session.settle(global)?;
    if arguments.boot {
        return boot(arguments, &session, &signals, global);
    }
    let loaded = arguments.host.load(global, Some(&session.net))?;
    one(arguments, &session, &loaded, true, &signals, global)
}

fn one(
    arguments: &Apply,
    session: &Session,
    loaded: &Loaded,
    whole: bool,
    signals: &Signals,
    global: &Global,
) -> Done {
    let owners = session.owners(loaded, global)?;
    let terms = Terms {
        confirm: arguments.confirm,
        probes: &arguments.probe,
        force: arguments.force || arguments.boot,
        whole,
        attended: !arguments.boot,
        place: &arguments.place,
    };
    Work { session, loaded, owners, global, signals, terms }.run()
}

/// Applies once more, of `netwright watch`.
pub(crate) fn again(
    session: &Session,
    loaded: &Loaded,
    place: &Where,
    signals: &Signals,
    global: &Global,
) -> Done {
    let owners = session.owners(loaded, global)?;
    let terms = Terms { confirm: None, probes: &[], force: true, whole: true, attended: false, place };
    Work { session, loaded, owners, global, signals, terms }.run()
}

/// What is applied where nobody looks on: a file that is wrong, or was never confirmed, gives way to what was applied last and was
/// good. Also whether it did.
pub(crate) fn trusted(
    host: &HostFile,
    session: &Session,
    global: &Global,
) -> Result<(Loaded, bool), Failure> {
    let origin = host.origin();
    let loaded = match host.load(global, Some(&session.net)) {
        Ok(loaded) => loaded,
        Err(failure) => {
            let records = session.store.records()?;
            let owner = netwright_state::known_owner(&origin, &records);
            let Some(kept) = session.store.good(&owner) else { return Err(failure) };
            let what = "what was applied last is applied again";
            output::message(&format!("{WARNING}warning{WARNING:#}: {what}"));
            return Ok((Loaded::of_kept(&kept, origin, global, &session.net)?, true));
        }
    };
    let Some(owner) = session.never_confirmed(&loaded) else { return Ok((loaded, false)) };
    let what = "its last apply was never confirmed";
    let Some(kept) = session.store.good(&owner) else {
        let help = "Apply it once without `--boot`.";
        let failure = Failure::said(format!("{what}, and nothing was good before"));
        return Err(failure.with_help(Some(help)));
    };
    output::message(&format!("{WARNING}warning{WARNING:#}: {what}: what was before is applied"));
    Ok((Loaded::of_kept(&kept, origin, global, &session.net)?, true))
}

/// At the start of the machine: where what is trusted cannot be carried out, the firewall stands at least.
fn boot(arguments: &Apply, session: &Session, signals: &Signals, global: &Global) -> Done {
    let (loaded, fell_back) = trusted(&arguments.host, session, global)?;
    match one(arguments, session, &loaded, true, signals, global) {
        Ok(_) if fell_back => Ok(ExitCode::from(LACKING)),
        Err(failure) if !loaded.firewall.tables.is_empty() => {
            let _ = failure.report();
            output::message(&format!("{WARNING}warning{WARNING:#}: the firewall alone is applied"));
            one(arguments, session, &loaded.firewall_alone(), false, signals, global)?;
            Err(Failure::Reported)
        }
        done => done,
    }
}

/// `netwright withdraw`.
pub(crate) fn withdraw(arguments: &Withdraw, global: &Global) -> Done {
    let signals = take_signals()?;
    let session = Session::open(arguments.place.open()?)?;
    let _lock = session.lock(true, global)?;
    session.settle(global)?;
    let records = session.store.records()?;
    let names = || records.iter().map(|record| record.owner.as_str());
    let owner = match (&arguments.owner, records.as_slice()) {
        (Some(owner), _) => owner.clone(),
        (None, [only]) => only.owner.clone(),
        (None, []) => return Err(Failure::said("nothing is applied here")),
        (None, _) => {
            let help = format!("Say which with `--owner`: {}.", names().collect::<Vec<_>>().join(", "));
            return Err(Failure::said("several owners have applied host files here").with_help(Some(help)));
        }
    };
    if !names().any(|name| name == owner) {
        let help = nearest(&owner, names()).map(suggestion);
        return Err(Failure::said(format!("no owner `{owner}` has applied anything here")).with_help(help));
    }
    let (own, others) = records.into_iter().partition::<Vec<_>, _>(|record| record.owner == owner);
    let own = own.into_iter().next().unwrap_or_else(|| Record::new(owner.as_str()));
    let loaded = Loaded::nothing();
    let owners = Owners { own, others };
    let place = &arguments.place;
    let terms = Terms { confirm: None, probes: &[], force: true, whole: true, attended: true, place };
    Work { session: &session, loaded: &loaded, owners, global, signals: &signals, terms }.run()
}

pub(crate) fn take_signals() -> Result<Signals, Failure> {
    Signals::receive(&[Signal::INT, Signal::TERM, Signal::HUP])
        .map_err(|error| Failure::said(format!("cannot take signals: {error}")))
}

/// On which terms something is applied.
struct Terms<'a> {
    confirm: Option<u64>,
    probes: &'a [Probe],
    force: bool,
    /// Whether what is applied is all of a file, to come back to where the next one is wrong.
    whole: bool,
    /// Whether somebody has asked for just this, so that it need not be confirmed any more.
    attended: bool,
    place: &'a Where,
}

/// One apply.
struct Work<'a> {
    session: &'a Session,
    loaded: &'a Loaded,
    owners: Owners,
    global: &'a Global,
    signals: &'a Signals,
    terms: Terms<'a>,
}

enum Outcome {
    Done(Box<(Plan, Report)>),
    /// Somebody else has changed meanwhile what the plan is about.
    Outdated,
}

impl Work<'_> {
    fn run(mut self) -> Done {
        let start = Instant::now();
        let mut done = None;
        for tries in 1..=TRIES {
            if let Outcome::Done(outcome) = self.once(tries == TRIES)? {
                done = Some(*outcome);
                break;
            }
        }
        let Some((plan, report)) = done else {
            return Err(Failure::said("others change the same tables all the time; nothing was changed"));
        };
        for lost in &report.lost {
            let lost = output::plain(lost).into_owned();
            let what = "this of others could not be put back";
            output::message(&format!("{WARNING}warning{WARNING:#}: {what}: {lost}"));
        }
        if let Some(by) = &report.finished {
            let what = "came when nearly all was done, so it was finished";
            output::message(&format!("{HELP}note{HELP:#}: {by} {what}"));
        }
        // who hears it no more has what was asked for all the same
        let _ = self.told(&plan, start);
        Ok(if plan.lacks_links() { ExitCode::from(LACKING) } else { ExitCode::SUCCESS })
    }

    fn told(&self, plan: &Plan, start: Instant) -> io::Result<()> {
        if self.global.quiet {
            return Ok(());
        }
        let mut out = output::stdout();
        if plan.steps.is_empty() {
            nothing(&mut out, plan)?;
            return out.flush();
        }
        let (changes, seconds) = (count(plan.steps.len(), "change"), start.elapsed().as_secs_f64());
        writeln!(out, "{GOOD}Done{GOOD:#}: {changes} {DIM}({seconds:.2} s){DIM:#}")?;
        if let Some(seconds) = self.terms.confirm {
            writeln!(
                out,
                "{CHANGED}It is taken back in {seconds} s{CHANGED:#} unless you say `netwright confirm`."
            )?;
        }
        out.flush()
    }

    fn once(&mut self, last: bool) -> Result<Outcome, Failure> {
        let mut executor = Live::listening(&self.session.net);
        let (plan, before) = make(self.loaded, &self.owners, &mut executor)?;
        let sources = &self.loaded.sources;
        diagnostics::show_unless_quiet(&plan.diagnostics, sources, self.global);
        if plan.errors().next().is_some() {
            return Err(Failure::said("nothing was changed"));
        }
        if plan.steps.is_empty() {
            let record = plan.record_for(&before);
            self.session.store.keep_record(&record)?;
            self.keep_good(&record.owner)?;
            return Ok(Outcome::Done(Box::new((plan, Report::default()))));
        }
        self.protect(&plan, &before)?;
        let mut journal = self.journal(&plan, &before)?;
        if self.terms.confirm.is_some() {
            // before the first change: the machine may go down with it
            self.session.store.keep_unconfirmed(&journal.owner, &self.loaded.kept())?;
            watchdog::arm(self.session, &journal, self.terms.place)?;
        }
        let mut control = Talk { sources, global: self.global, signals: self.signals };
        let wish = Wish { host: &self.loaded.host, firewall: &self.loaded.firewall, owners: &self.owners };
        match netwright_state::apply(wish, &plan, &before, &mut executor, &mut control) {
            Ok(report) => {
                if let Err(why) = self.probes() {
                    recover::take_back(self.session, journal, self.global)?;
                    return Err(Failure::said(format!("{why}; all was taken back")));
                }
                let done = self.keep(journal.clone(), &report);
                if let Err(why) = done {
                    // what nobody knows of later is not left behind
                    output::message(&format!("{ERROR}error{ERROR:#}: {}", output::plain(&why.text())));
                    let undone = recover::go_back(self.session, &journal, self.global);
                    let _ = recover::closed(self.session, journal);
                    return Err(Failure::said(fate(&undone)));
                }
                self.session.store.tidy();
                Ok(Outcome::Done(Box::new((plan, report))))
            }
            Err(error) => {
                if error.is_undone() {
                    journal.phase = Phase::TakenBack;
                    self.session.store.keep_journal(&journal)?;
                }
                let outdated = matches!(&error, ApplyError::Step { failure, .. } if failure.outdated)
                    && error.is_undone();
                if outdated && !last {
                    return Ok(Outcome::Outdated);
                }
                Err(refused(error, &plan, sources))
            }
        }
    }

    /// Keeps what was made, and that it is done.
    fn keep(&self, mut journal: Journal, report: &Report) -> Result<(), Failure> {
        let store = &self.session.store;
        journal.done(report.record.clone(), &report.after);
        (journal.time, journal.uptime) = (now(), uptime());
        store.keep_record(&report.record)?;
        match self.terms.confirm {
            Some(_) => journal.phase = Phase::Waiting,
            None => {
                self.keep_good(&report.record.owner)?;
                journal.phase = Phase::Done;
            }
        }
        Ok(store.keep_journal(&journal)?)
    }

    /// Refuses to cut the ssh session that this is done in, where it is not asked for or taken back by itself.
    fn protect(&self, plan: &Plan, before: &Snapshot) -> Result<(), Failure> {
        if self.terms.force {
            return Ok(());
        }
        let Some(session) = ssh::session() else { return Ok(()) };
        let connection = Connection { client: session.client, server: session.server };
        let mut found = lock_out(plan, before, &self.loaded.firewall, &connection);
        let is_error = |diagnostic: &Diagnostic| diagnostic.severity == Severity::Error;
        let cuts = found.iter().any(is_error) && self.terms.confirm.is_none();
        if self.terms.confirm.is_some() {
            found.iter_mut().for_each(|diagnostic| diagnostic.severity = Severity::Warning);
        }
        if cuts {
            diagnostics::show(&found, &self.loaded.sources);
            let help =
                "Use `--confirm 60s` to have it taken back unless you say `netwright confirm`, or `--force`.";
            return Err(Failure::said("nothing was changed").with_help(Some(help.to_owned())));
        }
        diagnostics::show_unless_quiet(&found, &self.loaded.sources, self.global);
        Ok(())
    }

    /// Whether all answers that must answer.
    fn probes(&self) -> Result<(), String> {
        for probe in self.terms.probes {
            if !self.global.quiet {
                output::message(&format!("{DIM}looking whether it still answers{DIM:#}"));
            }
            probe.try_out(&self.session.net)?;
        }
        Ok(())
    }

    /// The journal, which is on the disk before anything is changed.
    fn journal(&self, plan: &Plan, before: &Snapshot) -> Result<Journal, Failure> {
        let store = &self.session.store;
        let mut journal = Journal::new(plan, before, &self.owners.own);
        journal.id = store.next_number();
        (journal.time, journal.uptime) = (now(), uptime());
        journal.boot = store.boot().to_owned();
        journal.confirm = self.terms.confirm;
        store.keep_journal(&journal)?;
        Ok(journal)
    }

    /// Keeps the texts that were read, as the last that were good.
    fn keep_good(&self, owner: &str) -> Result<(), Failure> {
        if !self.terms.whole {
            return Ok(());
        }
        self.session.store.keep_good(owner, &self.loaded.kept())?;
        if self.terms.attended {
            self.session.store.forget_unconfirmed(owner);
        }
        Ok(())
    }
}

/// What is told meanwhile, and whether to stop.
struct Talk<'a> {
    sources: &'a SourceMap,
    global: &'a Global,
    signals: &'a Signals,
}

impl Control for Talk<'_> {
    // a reader that goes away must not stop the work half-way
    fn progress(&mut self, progress: Progress<'_>) {
        if !self.global.quiet {
            let _ = progress_line(progress, self.sources, self.global);
        }
    }

    fn stop(&mut self) -> Option<String> {
        let came = self.signals.next().ok().flatten()?;
        Some(match came.signal {
            signal if signal == Signal::INT.as_raw() => "SIGINT".to_owned(),
            signal if signal == Signal::TERM.as_raw() => "SIGTERM".to_owned(),
            signal if signal == Signal::HUP.as_raw() => "SIGHUP".to_owned(),
            signal => format!("signal {signal}"),
        })
    }
}

fn progress_line(progress: Progress<'_>, sources: &SourceMap, global: &Global) -> io::Result<()> {
    match progress {
        Progress::Done(step) => {
            let mut out = output::stdout();
            write_step(step, sources, global, &mut out)?;
            out.flush()?;
        }
        Progress::PutBack(step) => {
            let mut out = output::stdout();
            write_step(step, sources, global, &mut out)?;
            out.flush()?;
        }
        Progress::Failed(step, _) => {
            output::message(&format!("{ERROR}refused{ERROR:#}: {}", output::plain(&step.text)));
        }
        Progress::Stopped(by) => {
            output::message(&format!("{ERROR}stopped{ERROR:#} by {by}: all is taken back"));
        }
        Progress::Undone(Undone { step, failure: None }) => {
            let step = step.lines().next().unwrap_or_default();
            output::message(&format!("{HELP}taken back{HELP:#}: {}", output::plain(step)));
        }
        // told at the end, quiet or not
        Progress::Undone(_) => {}
    }
    Ok(())
}

/// Tells why it was not done, pointing at the place in the host file that asked for it, and how things stand now.
fn refused(error: ApplyError, plan: &Plan, sources: &SourceMap) -> Failure {
    let stand = match error {
        ApplyError::Impossible(_) => "nothing was changed".to_owned(),
        ApplyError::Unknown(failure) => return failure.into(),
        ApplyError::Step { index, failure, undone, .. } => {
            let step = plan.steps.get(index).and_then(|step| step.place);
            let place = failure.place.map(|place| sources.written(place)).or(step);
            let failure = *failure;
            let mut diagnostic = Diagnostic::error(place.unwrap_or_default(), failure.message);
            diagnostic.help.extend(failure.help);
            if place.is_none() {
                diagnostic.labels.clear();
            }
            diagnostics::show(&[diagnostic], sources);
            fate(&undone)
        }
        ApplyError::Stopped { by, undone } => format!("stopped by {by}; {}", fate(&undone)),
        ApplyError::Different { not_there: NotThere { rest }, undone } => {
            diagnostics::show(&rest.diagnostics, sources);
            let steps = rest.steps.iter().map(|step| format!("\n  {step}")).collect::<String>();
            let fate = fate(&undone);
            format!("all changes were made, and yet this differs from what is declared:{steps}\n{fate}")
        }
    };
    Failure::said(stand)
}
