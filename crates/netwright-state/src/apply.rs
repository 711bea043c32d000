//! Taking the steps of a plan, and going back where one fails.

use std::error::Error;
use std::fmt;

use netwright_nft::diagnostic::{Diagnostic, Span};

use crate::model::Host;
use crate::plan::{Plan, plan};
use crate::ruleset::{Ruleset, Table, TableName, between};
use crate::snapshot::{Snapshot, Wanted};
use crate::step::{Action, Inverse, Step, Transaction};

/// Does what is to be done in a namespace.
pub trait Executor {
    /// What there is now.
    ///
    /// # Errors
    /// It cannot be listed.
    fn snapshot(&mut self, wanted: &Wanted) -> Result<Snapshot, Failure>;

    /// Does one thing, wholly or not at all. Links are meant by their names, not by the indexes of the plan.
    ///
    /// # Errors
    /// It was refused, and nothing was changed.
    fn execute(&mut self, action: &Action) -> Result<(), Failure>;
}

/// Something that could not be done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Failure {
    /// What was asked, of what, and what the kernel said: a sentence without a full stop.
    pub message: String,
    /// What to do about it, as a sentence.
    pub help: Option<String>,
    /// Where what was refused was written, in the firewall's texts.
    pub place: Option<Span>,
}

impl Failure {
    /// A failure with nothing to advise.
    pub fn new(message: impl Into<String>) -> Self {
        Failure { message: message.into(), ..Failure::default() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for Failure {}

/// What happens while a plan is applied.
#[derive(Clone, Copy, Debug)]
pub enum Progress<'a> {
    /// A step was taken.
    Done(&'a Step),
    /// A step failed; those that were taken are taken back.
    Failed(&'a Step, &'a Failure),
    /// A step was taken back, or could not be.
    Undone(&'a Undone),
}

/// What was done.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// How many steps were taken.
    pub steps: usize,
}

/// One step on the way back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undone {
    /// The step that was to be taken back, in its own words.
    pub step: String,
    /// Why it could not be.
    pub failure: Option<Failure>,
}

/// Why a plan was not applied.
#[derive(Clone, Debug, PartialEq)]
pub enum ApplyError {
    /// The plan cannot be carried out; nothing was done.
    Impossible(Vec<Diagnostic>),
    /// What there is could not be listed; nothing was done.
    Unknown(Failure),
    /// A step failed.
    Step {
        /// The step in its own words.
        step: String,
        /// Where in the plan, from 0.
        index: usize,
        /// Why.
        failure: Failure,
        /// The steps that had been taken, last one first, and whether each could be taken back.
        undone: Vec<Undone>,
    },
    /// All steps were taken, and yet it is not as it shall be.
    Different(NotThere),
}

impl ApplyError {
    /// Whether all is as it was before.
    #[must_use]
    pub fn is_undone(&self) -> bool {
        match self {
            ApplyError::Impossible(_) | ApplyError::Unknown(_) => true,
            ApplyError::Step { undone, .. } => undone.iter().all(|undone| undone.failure.is_none()),
            ApplyError::Different(_) => false,
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> Option<&str> {
        match self {
            ApplyError::Unknown(failure) | ApplyError::Step { failure, .. } => failure.help.as_deref(),
            _ => None,
        }
    }
}

impl fmt::Display for ApplyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ApplyError::Impossible(diagnostics) => match diagnostics.first() {
                Some(first) => f.write_str(&first.message),
                None => f.write_str("the plan is impossible"),
            },
            ApplyError::Unknown(failure) => failure.fmt(f),
            ApplyError::Step { step, failure, undone, .. } => {
                write!(f, "step `{step}` failed: {failure}; ")?;
                let failed = undone.iter().filter(|undone| undone.failure.is_some()).count();
                match (undone.len(), failed) {
                    (0, _) => f.write_str("nothing had been changed before"),
                    (_, 0) => f.write_str("all that had been changed before was taken back"),
                    (all, failed) => {
                        write!(f, "of {all} steps taken before, {failed} could not be taken back:")?;
                        let left =
                            undone.iter().filter_map(|undone| Some((&undone.step, undone.failure.as_ref()?)));
                        left.into_iter().try_for_each(|(step, failure)| write!(f, "\n  {step}: {failure}"))
                    }
                }
            }
            ApplyError::Different(different) => different.fmt(f),
        }
    }
}

impl Error for ApplyError {}

/// What is not as it shall be, though all steps were taken.
#[derive(Clone, Debug, PartialEq)]
pub struct NotThere {
    /// The steps that would still be needed.
    pub rest: Plan,
}

impl fmt::Display for NotThere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("all steps were taken, and yet this differs from what is declared:")?;
        for diagnostic in &self.rest.diagnostics {
            write!(f, "\n  {}", diagnostic.message)?;
        }
        self.rest.steps.iter().try_for_each(|step| write!(f, "\n  {step}"))
    }
}

impl Error for NotThere {}

/// Takes the steps of a plan in their order. Where one fails, those before it are taken back, last one first.
///
/// # Errors
/// The plan has an error in it, or a step failed: [`ApplyError::is_undone`] tells whether all is as before.
pub fn apply(
    plan: &Plan,
    executor: &mut dyn Executor,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Report, ApplyError> {
    let errors: Vec<_> = plan.errors().cloned().collect();
    if !errors.is_empty() {
        return Err(ApplyError::Impossible(errors));
    }
    for (index, step) in plan.steps.iter().enumerate() {
        if let Err(failure) = executor.execute(&step.action) {
            progress(Progress::Failed(step, &failure));
            let taken = plan.steps.get(..index).unwrap_or(&[]);
            let undone = undo(taken, executor, progress);
            return Err(ApplyError::Step { step: step.to_string(), index, failure, undone });
        }
        progress(Progress::Done(step));
    }
    Ok(Report { steps: plan.steps.len() })
}

/// What is left to do of a step on the way back.
struct Left<'p> {
    step: &'p Step,
    actions: Vec<&'p Action>,
    failure: Option<Failure>,
}

/// Takes steps back, last one first. What cannot be done at once is tried again behind all others: a route may need
/// an address that comes back only with an earlier step.
fn undo(taken: &[Step], executor: &mut dyn Executor, progress: &mut dyn FnMut(Progress<'_>)) -> Vec<Undone> {
    let mut all: Vec<Left<'_>> = taken.iter().rev().map(|step| begin(step, executor)).collect();
    let count = |all: &[Left<'_>]| all.iter().map(|left| left.actions.len()).sum::<usize>();
    loop {
        let before = count(&all);
        if before == 0 {
            break;
        }
        all.iter_mut().for_each(|left| left.go_on(executor));
        if count(&all) == before {
            break;
        }
    }
    let undone = all.into_iter().map(|left| Undone { step: left.step.to_string(), failure: left.failure });
    undone.inspect(|undone| progress(Progress::Undone(undone))).collect()
}

fn begin<'p>(step: &'p Step, executor: &mut dyn Executor) -> Left<'p> {
    match &step.inverse {
        Inverse::Actions(actions) => {
            let mut left = Left { step, actions: actions.iter().collect(), failure: None };
            left.go_on(executor);
            left
        }
        Inverse::Firewall(tables) => {
            Left { step, actions: Vec::new(), failure: restore(tables, executor).err() }
        }
    }
}

impl Left<'_> {
    /// Does what can be done of it, and keeps the first failure.
    fn go_on(&mut self, executor: &mut dyn Executor) {
        if self.actions.is_empty() {
            return;
        }
        self.failure = None;
        self.actions.retain(|action| match executor.execute(action) {
            Ok(()) => false,
            Err(failure) => {
                self.failure.get_or_insert(failure);
                true
            }
        });
    }
}

fn restore(tables: &[(TableName, Option<Table>)], executor: &mut dyn Executor) -> Result<(), Failure> {
    let now = executor.snapshot(&Wanted::default())?.firewall;
    let mut transaction = Transaction::default();
    for (name, before) in tables {
        let change = between(now.table(name), before.as_ref());
        transaction.commands.extend(change.commands);
        if change.made {
            transaction.marked.push(name.clone());
        }
    }
    if transaction.commands.is_empty() {
        return Ok(());
    }
    executor.execute(&Action::Firewall(transaction))
}

/// Compares what there is with what is declared.
///
/// # Errors
/// It differs, or cannot be listed.
pub fn verify(host: &Host, firewall: &Ruleset, executor: &mut dyn Executor) -> Result<(), ApplyError> {
    let snapshot = executor.snapshot(&Wanted::of(host)).map_err(ApplyError::Unknown)?;
    let rest = plan(host, firewall, &snapshot);
    if rest.is_empty() { Ok(()) } else { Err(ApplyError::Different(NotThere { rest })) }
}

/// Brings a namespace to what is declared: looks, plans, applies and verifies.
///
/// # Errors
/// As for [`apply`] and [`verify`].
pub fn bring(
    host: &Host,
    firewall: &Ruleset,
    executor: &mut dyn Executor,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Report, ApplyError> {
    let snapshot = executor.snapshot(&Wanted::of(host)).map_err(ApplyError::Unknown)?;
    let report = apply(&plan(host, firewall, &snapshot), executor, progress)?;
    verify(host, firewall, executor)?;
    Ok(report)
}
