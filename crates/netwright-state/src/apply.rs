//! Taking the steps of a plan, and going back where one fails.

use std::error::Error;
use std::fmt;

use netwright_nft::diagnostic::{Diagnostic, Span};

use crate::lost::Lost;
use crate::model::Host;
use crate::plan::{Owners, Plan, plan};
use crate::record::Record;
use crate::restore::{Extent, restore};
use crate::ruleset::Ruleset;
use crate::scope::Scope;
use crate::since::Removed;
use crate::snapshot::{Snapshot, Wanted};
use crate::step::{Action, Step};

/// How often what got lost beside is put back before what is still missing counts as lost.
const ROUNDS: usize = 4;

/// Does what is to be done in a namespace.
pub trait Executor {
    /// What there is now.
    ///
    /// # Errors
    /// It cannot be listed.
    fn snapshot(&mut self, wanted: &Wanted) -> Result<Snapshot, Failure>;

    /// Does one thing. Links are meant by their names, not by the indexes of the plan.
    ///
    /// # Errors
    /// It was refused. A part of it may have been done all the same.
    fn execute(&mut self, action: &Action) -> Result<(), Failure>;

    /// What others have removed since the first look, as far as it is known.
    fn removed_by_others(&mut self) -> Removed {
        Removed::default()
    }

    /// Does many things in their order; where one is refused, some of those behind it may have been done as well.
    ///
    /// # Errors
    /// The place of the first that was refused, and why.
    fn execute_many(&mut self, actions: &[&Action]) -> Result<(), (usize, Failure)> {
        for (place, action) in actions.iter().enumerate() {
            self.execute(action).map_err(|failure| (place, failure))?;
        }
        Ok(())
    }
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
    /// Somebody else changed the firewall meanwhile, so that it is to be looked at anew.
    pub outdated: bool,
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
    /// A step failed; all that was changed is taken back.
    Failed(&'a Step, &'a Failure),
    /// It was asked to stop; all that was changed is taken back.
    Stopped(&'a str),
    /// Something got lost beside and is put back.
    PutBack(&'a Step),
    /// A step of the way back was taken, or could not be.
    Undone(&'a Undone),
}

/// What the caller of an apply has to say meanwhile.
pub trait Control {
    /// What happens.
    fn progress(&mut self, progress: Progress<'_>);

    /// Whether to stop, and why: asked before each portion of steps.
    fn stop(&mut self) -> Option<String> {
        None
    }
}

impl<F: FnMut(Progress<'_>)> Control for F {
    fn progress(&mut self, progress: Progress<'_>) {
        self(progress);
    }
}

/// What was done.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// How many steps were taken.
    pub steps: usize,
    /// What the owner has made now.
    pub record: Record,
    /// What of others is gone though it should not be: it could not be put back.
    pub lost: Vec<String>,
    /// It was asked to stop when so little was left that it was finished.
    pub finished: Option<String>,
    /// What there is now, as far as it was looked at.
    pub after: Snapshot,
}

/// One step on the way back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undone {
    /// The step in its own words.
    pub step: String,
    /// Why it could not be taken.
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
        failure: Box<Failure>,
        /// The steps of the way back, and whether each could be taken.
        undone: Vec<Undone>,
    },
    /// It was asked to stop.
    Stopped {
        /// By what.
        by: String,
        /// The steps of the way back, and whether each could be taken.
        undone: Vec<Undone>,
    },
    /// All steps were taken, and yet it is not as it shall be.
    Different {
        /// The difference.
        not_there: NotThere,
        /// The steps of the way back, and whether each could be taken.
        undone: Vec<Undone>,
    },
}

impl ApplyError {
    /// Whether all is as it was before.
    #[must_use]
    pub fn is_undone(&self) -> bool {
        self.undone().iter().all(|undone| undone.failure.is_none())
    }

    /// The steps of the way back.
    #[must_use]
    pub fn undone(&self) -> &[Undone] {
        match self {
            ApplyError::Impossible(_) | ApplyError::Unknown(_) => &[],
            ApplyError::Step { undone, .. }
            | ApplyError::Stopped { undone, .. }
            | ApplyError::Different { undone, .. } => undone,
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> Option<&str> {
        match self {
            ApplyError::Unknown(failure) => failure.help.as_deref(),
            ApplyError::Step { failure, .. } => failure.help.as_deref(),
            _ => None,
        }
    }
}

/// What has become of the changes, as the end of a sentence.
#[must_use]
pub fn fate(undone: &[Undone]) -> String {
    let failed: Vec<_> =
        undone.iter().filter_map(|undone| Some((&undone.step, undone.failure.as_ref()?))).collect();
    if undone.is_empty() {
        return "nothing had been changed".to_owned();
    }
    if failed.is_empty() {
        return "everything that had been changed was taken back".to_owned();
    }
    let left = failed.iter().map(|(step, failure)| format!("\n  {step}: {failure}")).collect::<String>();
    format!("this could not be taken back:{left}")
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
                write!(f, "step `{step}` failed: {failure}; {}", fate(undone))
            }
            ApplyError::Stopped { by, undone } => write!(f, "stopped by {by}; {}", fate(undone)),
            ApplyError::Different { not_there, undone } => write!(f, "{not_there}\n{}", fate(undone)),
        }
    }
}

impl Error for ApplyError {}

/// What is not as it shall be, though all steps were taken.
#[derive(Clone, Debug, PartialEq)]
pub struct NotThere {
    /// The steps that would still be needed.
    pub rest: Box<Plan>,
}

impl fmt::Display for NotThere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("all steps were taken, and yet this differs from what is declared:")?;
        for diagnostic in self.rest.errors() {
            write!(f, "\n  {}", diagnostic.message)?;
        }
        self.rest.steps.iter().try_for_each(|step| write!(f, "\n  {step}"))
    }
}

impl Error for NotThere {}

/// What is to be brought to a namespace.
#[derive(Clone, Copy, Debug)]
pub struct Wish<'a> {
    /// What the host file declares.
    pub host: &'a Host,
    /// What its firewall declares.
    pub firewall: &'a Ruleset,
    /// Who made what.
    pub owners: &'a Owners,
}

/// Takes the steps of a plan in their order, puts back what got lost beside, and looks whether all is as declared. Where
/// something fails, all is brought back to what there was.
///
/// # Errors
/// The plan has an error in it, a step failed, or the outcome is not as declared: [`ApplyError::is_undone`] tells whether
/// all is as before.
pub fn apply(
    wish: Wish<'_>,
    plan: &Plan,
    before: &Snapshot,
    executor: &mut dyn Executor,
    control: &mut dyn Control,
) -> Result<Report, ApplyError> {
    let errors: Vec<_> = plan.errors().cloned().collect();
    if !errors.is_empty() {
        return Err(ApplyError::Impossible(errors));
    }
    let scope = Scope::of(plan, before);
    let mut finished = None;
    if let Err(error) = steps(plan, executor, control, &mut finished) {
        let undone = go_back(before, &scope, &plan.wanted, executor, control);
        return Err(match error {
            Broken::Failed(index, failure) => {
                let step = plan.steps.get(index).map_or_else(String::new, ToString::to_string);
                ApplyError::Step { step, index, failure: Box::new(failure), undone }
            }
            Broken::Stopped(by) => ApplyError::Stopped { by, undone },
        });
    }
    settle(wish, plan, before, &scope, executor, control).map(|report| Report { finished, ..report })
}

enum Broken {
    Failed(usize, Failure),
    Stopped(String),
}

/// As many steps as are taken before it is asked again whether to stop.
const PORTION: usize = 64;

fn steps(
    plan: &Plan,
    executor: &mut dyn Executor,
    control: &mut dyn Control,
    finished: &mut Option<String>,
) -> Result<(), Broken> {
    let mut taken = 0;
    let total = plan.steps.len();
    for portion in plan.steps.chunks(PORTION) {
        if finished.is_none()
            && let Some(by) = control.stop()
        {
            // what is nearly done is done sooner than taken back
            match taken > 0 && total - taken <= total / 10 {
                true => *finished = Some(by),
                false => {
                    control.progress(Progress::Stopped(&by));
                    return Err(Broken::Stopped(by));
                }
            }
        }
        let actions: Vec<(usize, &Action)> = portion
            .iter()
            .enumerate()
            .flat_map(|(place, step)| step.actions.iter().map(move |action| (place, action)))
            .collect();
        let only: Vec<&Action> = actions.iter().map(|(_, action)| *action).collect();
        match executor.execute_many(&only) {
            Ok(()) => portion.iter().for_each(|step| control.progress(Progress::Done(step))),
            Err((at, failure)) => {
                let place = actions.get(at).map_or(0, |(place, _)| *place);
                for step in portion.iter().take(place) {
                    control.progress(Progress::Done(step));
                }
                if let Some(step) = portion.get(place) {
                    control.progress(Progress::Failed(step, &failure));
                }
                return Err(Broken::Failed(taken + place, failure));
            }
        }
        taken += portion.len();
    }
    Ok(())
}

/// Puts back what got lost beside, and looks whether all is as declared.
fn settle(
    wish: Wish<'_>,
    plan: &Plan,
    before: &Snapshot,
    scope: &Scope,
    executor: &mut dyn Executor,
    control: &mut dyn Control,
) -> Result<Report, ApplyError> {
    let mut lost = Vec::new();
    let mut rest = Plan::default();
    for round in 0..ROUNDS {
        let now = match executor.snapshot(&plan.wanted) {
            Ok(now) => now,
            Err(failure) if round + 1 == ROUNDS => return Err(ApplyError::Unknown(failure)),
            Err(_) => continue,
        };
        let left = executor.removed_by_others().left_of(before);
        let missing = restore(&left, scope, &now, Extent::LostBeside);
        lost.clear();
        for step in &missing {
            let failed = step.actions.iter().find_map(|action| executor.execute(action).err());
            match failed {
                None => control.progress(Progress::PutBack(step)),
                Some(failure) => lost.push(format!("{}: {failure}", step.text)),
            }
        }
        if !missing.is_empty() && lost.len() < missing.len() {
            continue;
        }
        let owners = Owners { own: plan.record.settled(&now), others: wish.owners.others.clone() };
        rest = self::plan(wish.host, wish.firewall, &now, &owners);
        if rest.is_empty() {
            let mut record = owners.own;
            record.lost.add(Lost::between(&left, scope, &now, [&wish.owners.own, &record]));
            return Ok(Report { steps: plan.steps.len(), record, lost, finished: None, after: now });
        }
        if rest.errors().next().is_some() || round + 1 == ROUNDS {
            break;
        }
        // what the kernel did by itself meanwhile, such as following the MTU of a port, is put right
        let actions: Vec<&Action> = rest.steps.iter().flat_map(|step| &step.actions).collect();
        if executor.execute_many(&actions).is_err() {
            break;
        }
    }
    let undone = go_back(before, scope, &plan.wanted, executor, control);
    Err(ApplyError::Different { not_there: NotThere { rest: Box::new(rest) }, undone })
}

/// Brings back what there was, as far as a plan with this scope has touched it. It does not matter how far the plan came.
pub fn go_back(
    before: &Snapshot,
    scope: &Scope,
    wanted: &Wanted,
    executor: &mut dyn Executor,
    control: &mut dyn Control,
) -> Vec<Undone> {
    let mut all: Vec<Undone> = Vec::new();
    let mut left = usize::MAX;
    for _ in 0..2 * ROUNDS {
        let mut now = match executor.snapshot(wanted) {
            Ok(now) => now,
            Err(failure) => {
                all.push(Undone { step: "look at what there is".to_owned(), failure: Some(failure) });
                continue;
            }
        };
        let others = executor.removed_by_others();
        others.hide_made(&mut now);
        let left_over = others.left_of(before);
        let steps = restore(&left_over, scope, &now, Extent::All);
        all.retain(|undone| undone.failure.is_none());
        if steps.is_empty() {
            break;
        }
        let mut failed = 0;
        for step in &steps {
            // one that another step has made needless is no failure: the next look decides
            let failure = step.actions.iter().filter_map(|action| executor.execute(action).err()).next();
            failed += usize::from(failure.is_some());
            let undone = Undone { step: step.to_string(), failure };
            if undone.failure.is_none() {
                control.progress(Progress::Undone(&undone));
            }
            all.push(undone);
        }
        if failed >= left {
            break;
        }
        left = if failed == 0 { usize::MAX } else { failed };
    }
    // what was done without a refusal, and is not as it was all the same, was not taken back
    if all.iter().all(|undone| undone.failure.is_none())
        && let Ok(now) = executor.snapshot(wanted)
    {
        let differs = |step: Step| Undone {
            step: step.to_string(),
            failure: Some(Failure::new("it was done, and is not as it was all the same")),
        };
        let left_over = executor.removed_by_others().left_of(before);
        all.extend(restore(&left_over, scope, &now, Extent::All).into_iter().map(differs));
    }
    for undone in all.iter().filter(|undone| undone.failure.is_some()) {
        control.progress(Progress::Undone(undone));
    }
    all
}

/// Brings a namespace to what is declared: looks, plans, applies and verifies.
///
/// # Errors
/// As for [`apply`].
pub fn bring(
    wish: Wish<'_>,
    executor: &mut dyn Executor,
    control: &mut dyn Control,
) -> Result<Report, ApplyError> {
    let wanted = Wanted::of(wish.host, wish.firewall, &wish.owners.own);
    let snapshot = executor.snapshot(&wanted).map_err(ApplyError::Unknown)?;
    let plan = plan(wish.host, wish.firewall, &snapshot, wish.owners);
    apply(wish, &plan, &snapshot, executor, control)
}
