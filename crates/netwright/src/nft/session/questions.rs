//! What a script asks beside what it changes: that is looked at before anything is changed, so that a question that has no
//! answer changes nothing.

use std::collections::HashMap;

use netwright_netfilter::Family;
use netwright_nft::ir::{Command, Entity, Operation, Selection, Target};

use super::super::answer::{Answer, Answering, Unanswered};

/// Questions by their number among the commands.
#[derive(Debug, Default)]
pub(super) struct Questions {
    /// Answers as of before the changes: what a later command takes away can only be shown so.
    pub(super) before: HashMap<usize, Answer>,
    /// Those about what the script makes.
    pub(super) made: Vec<usize>,
}

impl Questions {
    /// Asks what can be without an answer; the number of the first that is, and why.
    pub(super) fn ask(
        commands: &[Command],
        answering: &mut Answering<'_>,
    ) -> Result<Self, (usize, Unanswered)> {
        let mut questions = Questions::default();
        for (number, command) in commands.iter().enumerate() {
            let Some(question) = question(command) else { continue };
            let earlier = commands.get(..number).unwrap_or_default();
            let made = match &question.target {
                Target::Selection(selection) => is_there(earlier, selection),
                _ => None,
            };
            match (made, answering.answer(&question)) {
                (Some(true), _) => questions.made.push(number),
                (Some(false), Ok(_)) => {
                    let message = "Could not process rule: No such file or directory".to_owned();
                    let help = "what this is about is taken away by the same commands".to_owned();
                    return Err((number, Unanswered::Unknown(message, Some(help))));
                }
                (None, Ok(answer)) => drop(questions.before.insert(number, answer)),
                (_, Err(why)) => return Err((number, why)),
            }
        }
        Ok(questions)
    }
}

/// A question that may have no answer, so that nothing starts anew by it.
fn question(command: &Command) -> Option<Command> {
    let (operation, target) = match (command.operation, &command.target) {
        (operation @ (Operation::List | Operation::Reset), Target::Selection(selection)) => {
            selection.table.as_ref()?;
            let mut selection = selection.clone();
            // an object that is not there has nothing that starts anew
            if operation == Operation::Reset && matches!(selection.entity, Entity::Object(_)) {
                selection.name = None;
            }
            (Operation::List, Target::Selection(selection))
        }
        (
            Operation::Get | Operation::Reset,
            target @ (Target::Elements { .. } | Target::PackedElements { .. }),
        ) => (Operation::Get, target.clone()),
        _ => return None,
    };
    Some(Command { operation, target, span: command.span, elements: Vec::new() })
}

const CHAINS: &[Entity] = &[Entity::Chain, Entity::Rule];
const SETS: &[Entity] = &[Entity::Set, Entity::Map, Entity::Meter];

/// Whether commands make what is asked about, or take it away; `None` where they do neither.
fn is_there(commands: &[Command], asked: &Selection) -> Option<bool> {
    let table = asked.table.as_deref()?;
    let name = asked.name.as_deref().or(asked.chain.as_deref());
    let here = |family: Family, one: &str| family == asked.family && one == table;
    let is_one = |kinds: &[Entity], one: &str| name == Some(one) && kinds.contains(&asked.entity);
    let mut there = None;
    for command in commands.iter().filter(|command| command.is_change()) {
        let makes = !matches!(command.operation, Operation::Delete | Operation::Destroy | Operation::Flush);
        match &command.target {
            Target::Selection(gone) => {
                let all = gone.family == Family::UNSPECIFIED || gone.family == asked.family;
                let is_table = gone.entity == Entity::Table
                    && gone.table.as_deref().is_some_and(|one| here(gone.family, one));
                let in_table = gone.table.as_deref().is_some_and(|one| here(gone.family, one));
                let same_kind = gone.entity == asked.entity
                    || [CHAINS, SETS]
                        .iter()
                        .any(|kinds| kinds.contains(&gone.entity) && kinds.contains(&asked.entity));
                let is_gone = match command.operation {
                    Operation::Flush => gone.entity == Entity::Ruleset && all,
                    Operation::Delete | Operation::Destroy => {
                        is_table
                            || in_table
                                && same_kind
                                && gone.entity != Entity::Rule
                                && gone.name.is_some()
                                && gone.name.as_deref() == name
                    }
                    _ => false,
                };
                if is_gone {
                    there = Some(false);
                }
            }
            Target::Table(made) if makes && name.is_none() && here(made.family, &made.name) => {
                there = Some(true);
            }
            Target::Chain(made) if makes && here(made.family, &made.table) && is_one(CHAINS, &made.name) => {
                there = Some(true);
            }
            Target::ChainName { family, table, chain, to } if here(*family, table) => {
                if is_one(CHAINS, to) {
                    there = Some(true);
                } else if is_one(CHAINS, chain) {
                    there = Some(false);
                }
            }
            Target::Set(made) if makes && here(made.family, &made.table) && is_one(SETS, &made.name) => {
                let is_map = made.target.is_some();
                let other = if is_map { Entity::Set } else { Entity::Map };
                there = Some(asked.entity != other);
            }
            Target::Object(made)
                if makes
                    && here(made.family, &made.table)
                    && is_one(&[Entity::Object(made.kind())], &made.name) =>
            {
                there = Some(true);
            }
            Target::Flowtable(made)
                if makes && here(made.family, &made.table) && is_one(&[Entity::Flowtable], &made.name) =>
            {
                there = Some(true);
            }
            _ => {}
        }
    }
    there
}
