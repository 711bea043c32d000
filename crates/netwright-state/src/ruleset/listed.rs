//! What is declared, in the form in which the kernel would list it.
//!
//! The language has several ways to say the same (`dnat to` and `dnat ip to`, adjacent intervals and the one that
//! they make); the kernel has one. Each rule and set goes the kernel's way and back, without a kernel.

use netwright_netfilter::{Element, Expression, Rule as KernelRule, Set as KernelSet};
use netwright_nft::catalog::Catalog;
use netwright_nft::ir::{Rule, Set};
use netwright_nft::{lift, lower};

use super::{Ruleset, Table};

impl Ruleset {
    /// The same as the kernel would list it. What cannot be lowered, and what has chains of its own inside, stays as
    /// it is.
    #[must_use]
    pub fn as_listed(mut self) -> Ruleset {
        for table in &mut self.tables {
            listed(table);
        }
        self
    }
}

fn listed(table: &mut Table) {
    let mut catalog = Catalog::default();
    table.sets.iter().for_each(|set| catalog.add_set(set));
    let (family, name) = (table.table.family, table.table.name.clone());
    let scope = lower::Scope { family, table: &name, catalog: &catalog };
    let sets: Vec<(KernelSet, Vec<Element>)> = table
        .sets
        .iter()
        .filter_map(|set| lower::set::definition(&scope, set, None).ok())
        .map(|set| (set, Vec::new()))
        .collect();
    for chain in &mut table.chains {
        for rule in &mut chain.rules {
            if let Some(there) = rule_listed(rule, &chain.name, &scope, &sets) {
                *rule = there;
            }
        }
    }
    for set in &mut table.sets {
        if let Some(there) = set_listed(set, &scope) {
            *set = there;
        }
    }
}

fn rule_listed(
    rule: &Rule,
    chain: &str,
    scope: &lower::Scope<'_>,
    named: &[(KernelSet, Vec<Element>)],
) -> Option<Rule> {
    let lower::Code { sets, chains, mut expressions, .. } = lower::rule(scope, rule).ok()?;
    if !chains.is_empty() {
        return None;
    }
    let own: Vec<(KernelSet, Vec<Element>)> = sets
        .iter()
        .map(|set| {
            let (kernel, elements) = lower::set::anonymous(scope, set).ok()?;
            Some((KernelSet { name: own_name(set.id), ..kernel }, elements))
        })
        .collect::<Option<_>>()?;
    expressions.iter_mut().for_each(name_own_sets);
    let mut around = lift::Scope::default();
    named.iter().chain(&own).for_each(|(set, elements)| around.add_set(set, elements));
    let kernel = KernelRule::new(scope.family, scope.table, chain, expressions);
    Some(Rule { comment: rule.comment.clone(), ..lift::rule(&kernel, &around) })
}

/// What the kernel would make of `__set%d`; a number that no other set of the rule has.
fn own_name(id: u32) -> String {
    format!("__set{id}")
}

fn name_own_sets(expression: &mut Expression) {
    match expression {
        Expression::Lookup(lookup) => {
            if let Some(id) = lookup.set_id.take() {
                lookup.set = Some(own_name(id));
            }
        }
        Expression::ObjectReference(reference) => {
            if let Some(id) = reference.set_id.take() {
                reference.set = Some(own_name(id).into());
            }
        }
        _ => {}
    }
}

fn set_listed(set: &Set, scope: &lower::Scope<'_>) -> Option<Set> {
    let kernel = lower::set::definition(scope, set, None).ok()?;
    let elements = lower::set::elements(scope, set, &set.elements).ok()?;
    Some(lift::set(&kernel, &elements))
}

#[cfg(test)]
mod tests;
