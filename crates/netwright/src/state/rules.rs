//! Policy rules, of which the kernel does not compare everything.

use netwright_route::rule::{DeleteListed, List as RuleList, RuleFlags};
use netwright_route::{Append, Family, Rule};

use super::Live;
use crate::{Error, Result};

/// What the kernel compares of two rules that it shall tell apart.
fn comparable(rule: &Rule) -> Rule {
    Rule {
        family: rule.effective_family(),
        flags: rule.flags & RuleFlags::INVERT,
        unknown: Default::default(),
        ..rule.clone()
    }
}

fn same(found: &Rule, rule: &Rule) -> bool {
    comparable(found) == comparable(rule)
}

/// Whether the kernel, asked to delete a listed rule, would take another listed one for it: it takes the first in which it
/// finds all that the request says.
fn takes(rule: &Rule, other: &Rule) -> bool {
    let alone = DeleteListed::find(rule, std::slice::from_ref(rule));
    DeleteListed::find(rule, &[other.clone(), rule.clone()]) != alone
}

/// The rules that the kernel would take before one of the list.
fn in_front<'a>(rule: &'a Rule, listed: &'a [Rule], place: usize) -> impl Iterator<Item = &'a Rule> {
    let near = |other: &&Rule| other.family == rule.family && other.priority == rule.priority;
    listed.iter().take(place).filter(near).filter(|other| takes(rule, other))
}

/// Whether the kernel, asked to delete a rule, deletes that one of these.
pub(super) fn is_taken_at_once(rule: &Rule, listed: &[Rule]) -> bool {
    let place = listed.iter().position(|found| same(found, rule));
    let found = place.and_then(|place| Some((place, listed.get(place)?)));
    rule.is_exact() && found.is_none_or(|(place, found)| in_front(found, listed, place).next().is_none())
}

impl Live<'_> {
    /// The policy rules of both families.
    pub(super) fn rules(&self) -> Result<Vec<Rule>> {
        let mut rules = self.net.rules().filter(RuleList { family: Family::IPV4 })?;
        rules.extend(self.net.rules().filter(RuleList { family: Family::IPV6 })?);
        Ok(rules)
    }

    /// Deletes a rule, and no other that the kernel would take for it: such ones are made once more behind it before they go.
    pub(super) fn delete_rule(&self, rule: &Rule) -> Result<()> {
        let listed = self.net.rules().filter(RuleList { family: rule.effective_family() })?;
        let Some(place) = listed.iter().position(|found| same(found, rule)) else { return Ok(()) };
        let rest = listed.get(place..).unwrap_or_default();
        let Some((rule, delete)) =
            rest.first().and_then(|rule| Some((rule, DeleteListed::find(rule, rest)?)))
        else {
            return Ok(());
        };
        let before: Vec<&Rule> = in_front(rule, &listed, place).collect();
        self.with_connection(|connection| {
            for other in &before {
                connection.acknowledge(&Append(*other))?;
            }
            // each takes the first that is there
            for _ in 0..=before.len() {
                connection.acknowledge(&delete)?;
            }
            Ok(())
        })
    }

    /// Adds a rule that the kernel takes for one that is there, since it does not compare all of them: the inversion, the target of
    /// `goto`, and what only the other one says.
    pub(super) fn add_beside(&self, rule: &Rule, refusal: Error) -> Result<()> {
        let listed = self.net.rules().filter(RuleList { family: rule.effective_family() })?;
        if listed.iter().any(|found| same(found, rule)) {
            return Err(refusal);
        }
        self.with_connection(|connection| connection.acknowledge(&Append(rule)))
    }
}
