//! Rulesets in which rules do not accept what they accepted, to find out whether that mattered.

use std::collections::BTreeSet;

use netwright_nft::ir::{ChainTarget, Element, Expression, Rule, Set, SetReference, Statement, Verdict};
use netwright_state::Ruleset as Declared;
use netwright_state::ruleset::Table;

use super::{RuleId, Ruleset};

impl Ruleset {
    /// What is declared, but that some of the rules accept nothing in a base chain: packets that they match go on. What the
    /// base chain jumps to is a part of it there, so that others that jump there do not notice.
    pub(crate) fn without_accepting(
        &self,
        rules: &BTreeSet<RuleId>,
        base: usize,
        declared: &Declared,
    ) -> Option<Declared> {
        let mut declared = declared.clone();
        let key = &self.chains.get(base)?.key;
        let (family, table, name) = key;
        let is_it = |found: &Table| found.table.family == *family && found.table.name == *table;
        let table = declared.tables.iter_mut().find(|found| is_it(found))?;
        let position = table.chains.iter().position(|chain| chain.name == *name)?;
        let own = table.chains.get(position)?.rules.clone();
        let mut inside = Inlining { ruleset: self, silenced: rules, table, met: BTreeSet::new(), left: MOST };
        let own = inside.rules(own, base)?;
        let met = inside.met;
        table.chains.get_mut(position)?.rules = own;
        for &(chain, index) in rules.difference(&met) {
            let (_, _, name) = &self.chains.get(chain)?.key;
            let mut inside = &mut table.chains.iter_mut().find(|chain| chain.name == *name)?.rules;
            for (rule, target) in self.path(chain)? {
                inside = nested(inside.get_mut(rule)?, target)?;
            }
            accept_nothing(inside.get_mut(index)?, &mut table.sets);
        }
        Some(declared)
    }

    /// The rule that a rule is that [`Ruleset::without_accepting`] made, of a base chain.
    pub(crate) fn original(&self, made: &Ruleset, (chain, index): RuleId, base: usize) -> Option<RuleId> {
        let outer = &made.chains.get(chain)?.key;
        let of_base = self.chains.get(base)?.key == *outer;
        let mut found = if of_base { base } else { *self.names.get(outer)? };
        for (rule, number) in made.path(chain)? {
            found = self.rule((found, rule))?.targets.get(number)?.0;
        }
        Some((found, index))
    }

    /// The way to a chain without a name from the one with a name that it is in: each time the place of a rule, and which of
    /// the chains in it.
    fn path(&self, chain: usize) -> Option<Vec<(usize, usize)>> {
        if self.chains.get(chain)?.named {
            return Some(Vec::new());
        }
        let nameless = |target: usize| self.chains.get(target).is_some_and(|to| !to.named);
        for (outer, found) in self.chains.iter().enumerate() {
            for (index, rule) in found.rules.iter().enumerate() {
                let mut targets = rule.targets.iter().filter(|(target, _)| nameless(*target));
                if let Some(number) = targets.position(|(target, _)| *target == chain) {
                    let mut path = self.path(outer)?;
                    path.push((index, number));
                    return Some(path);
                }
            }
        }
        None
    }
}

/// So many rules a base chain has at the most with all that it jumps to.
const MOST: usize = 20_000;

/// Puts the chains that a base chain jumps to into it.
struct Inlining<'a> {
    ruleset: &'a Ruleset,
    silenced: &'a BTreeSet<RuleId>,
    table: &'a mut Table,
    /// Which of the silenced ones were met.
    met: BTreeSet<RuleId>,
    left: usize,
}

impl Inlining<'_> {
    fn rules(&mut self, rules: Vec<Rule>, chain: usize) -> Option<Vec<Rule>> {
        let mut made = Vec::with_capacity(rules.len());
        for (index, mut rule) in rules.into_iter().enumerate() {
            self.left = self.left.checked_sub(1)?;
            if self.silenced.contains(&(chain, index)) {
                self.met.insert((chain, index));
                accept_nothing(&mut rule, &mut self.table.sets);
            }
            let targets = self.ruleset.rule((chain, index)).map_or(&[][..], |known| &known.targets);
            for statement in &mut rule.statements {
                let Statement::Verdict(Verdict::Jump(target) | Verdict::Goto(target)) = statement else {
                    continue;
                };
                let Some(&(chain, _)) = targets.first() else { continue };
                let inner = match target {
                    ChainTarget::Anonymous(rules) => std::mem::take(rules),
                    ChainTarget::Named(name) => {
                        self.table.chains.iter().find(|chain| chain.name == *name)?.rules.clone()
                    }
                };
                *target = ChainTarget::Anonymous(self.rules(inner, chain)?);
            }
            made.push(rule);
        }
        Some(made)
    }
}

/// Lets packets go on that a rule accepts.
fn accept_nothing(rule: &mut Rule, sets: &mut [Set]) {
    let go_on = |elements: &mut [Element]| {
        for data in elements.iter_mut().filter_map(|element| element.data.as_mut()) {
            if let Expression::Verdict(verdict @ Verdict::Accept) = data {
                *verdict = Verdict::Continue;
            }
        }
    };
    for statement in &mut rule.statements {
        match statement {
            Statement::Verdict(verdict @ Verdict::Accept) => *verdict = Verdict::Continue,
            Statement::Queue(_) => *statement = Statement::Verdict(Verdict::Continue),
            Statement::VerdictMap(_, SetReference::Anonymous(elements)) => go_on(elements),
            Statement::VerdictMap(_, SetReference::Named(name)) => {
                sets.iter_mut().filter(|set| set.name == *name).for_each(|set| go_on(&mut set.elements));
            }
            _ => {}
        }
    }
}

/// The rules of one of the chains without a name that a rule goes to.
fn nested(rule: &mut Rule, number: usize) -> Option<&mut Vec<Rule>> {
    let chains = rule.statements.iter_mut().filter_map(|statement| match statement {
        Statement::Verdict(
            Verdict::Jump(ChainTarget::Anonymous(rules)) | Verdict::Goto(ChainTarget::Anonymous(rules)),
        ) => Some(rules),
        _ => None,
    });
    chains.into_iter().nth(number)
}
