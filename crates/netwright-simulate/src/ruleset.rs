//! The ruleset as the kernel has it: from the numbers in traces to rules, where these were written, and what they do.

mod without;

use std::collections::HashMap;

use netwright_netfilter::expression::ImmediateAttrs;
use netwright_netfilter::request::List;
use netwright_netfilter::{Data, Expression, Family, Rule as KernelRule};
use netwright_nft::ir::{ChainTarget, Rule, Set, Verdict};
use netwright_state::Ruleset as Declared;
use netwright_sys::{Connection, Result};

use crate::effect::{Effect, effect};
use crate::sources::{ChainKey, Place, RuleSource, Sources};
use crate::trace::{Step, TABLE, Turn};

/// A rule by the chain that it is in and its place there.
pub(crate) type RuleId = (usize, usize);

/// Whether a packet that a rule accepted would have been dropped in that chain otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Question {
    pub(crate) rule: RuleId,
    /// Which of the base chains on the packet's way it is, from 0.
    pub(crate) traversal: usize,
    /// That base chain.
    pub(crate) base: usize,
}

/// The rules that a packet can meet.
#[derive(Debug, Default)]
pub(crate) struct Ruleset {
    pub(crate) chains: Vec<Chain>,
    names: HashMap<ChainKey, usize>,
    /// Rules by family, table and handle: chains without a name have another one each time they are made.
    handles: HashMap<(Family, String, u64), RuleId>,
}

/// A chain.
#[derive(Debug)]
pub(crate) struct Chain {
    pub(crate) key: ChainKey,
    /// Whether it has a name that can be referred to.
    pub(crate) named: bool,
    pub(crate) base: Option<Base>,
    pub(crate) rules: Vec<Known>,
}

/// What makes a chain one that the kernel calls.
#[derive(Debug)]
pub(crate) struct Base {
    /// Whether it filters: others translate, or change the route.
    pub(crate) filters: bool,
    pub(crate) drops: bool,
    /// Where its policy was set.
    pub(crate) policy: Place,
}

/// A rule.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) place: Place,
    pub(crate) effect: Effect,
    /// The chains that it may go to, and whether it comes back from them.
    pub(crate) targets: Vec<(usize, bool)>,
}

/// What would become of a packet that a rule did not match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Otherwise {
    Dropped,
    Passed,
    /// It depends on the packet.
    Unknown,
}

impl Ruleset {
    /// Puts together what was declared, where it was written, and the numbers that the kernel gave.
    pub(crate) fn new(declared: &Declared, sources: &Sources, connection: &mut Connection) -> Result<Self> {
        let mut ruleset = Ruleset::of(declared, sources);
        let mut listed: HashMap<ChainKey, Vec<KernelRule>> = HashMap::new();
        for rule in connection.dump_all(&List::<KernelRule>::new(Family::UNSPECIFIED))? {
            if rule.table != TABLE {
                let key = (rule.family, rule.table.clone(), rule.chain.clone());
                listed.entry(key).or_default().push(rule);
            }
        }
        let named: Vec<(usize, ChainKey)> =
            ruleset.names.iter().map(|(key, &chain)| (chain, key.clone())).collect();
        for (chain, key) in named {
            ruleset.number(chain, &key, &listed);
        }
        Ok(ruleset)
    }

    /// Puts together what was declared and where it was written. Without the kernel's numbers.
    pub(crate) fn of(declared: &Declared, sources: &Sources) -> Self {
        let mut ruleset = Ruleset::default();
        for table in &declared.tables {
            for chain in &table.chains {
                let key: ChainKey = (chain.family, chain.table.clone(), chain.name.clone());
                let base = chain.hook.as_ref().map(|hook| {
                    let drops = chain.policy == Some(Verdict::Drop);
                    let what = if drops { "drop" } else { "accept" };
                    let text = format!("policy {what} of chain {}", name(&key));
                    let place = sources.policy(&key).cloned();
                    let policy = match place {
                        Some(place) => Place { text, ..place },
                        None => Place { at: format!("chain {}", name(&key)), text, line: None },
                    };
                    Base { filters: hook.chain_type == "filter", drops, policy }
                });
                ruleset.names.insert(key.clone(), ruleset.chains.len());
                ruleset.chains.push(Chain { key, named: true, base, rules: Vec::new() });
            }
        }
        for table in &declared.tables {
            for chain in &table.chains {
                let key: ChainKey = (chain.family, chain.table.clone(), chain.name.clone());
                let places = sources.rules(&key);
                if let Some(&index) = ruleset.names.get(&key) {
                    let rules = ruleset.rules(&key, &chain.rules, places, &table.sets);
                    if let Some(chain) = ruleset.chains.get_mut(index) {
                        chain.rules = rules;
                    }
                }
            }
        }
        ruleset
    }

    fn rules(&mut self, key: &ChainKey, rules: &[Rule], places: &[RuleSource], sets: &[Set]) -> Vec<Known> {
        let known = rules.iter().enumerate().map(|(index, rule)| {
            let source = places.get(index).cloned().unwrap_or_default();
            let mut nested = source.nested.iter();
            let mut targets = Vec::new();
            for (target, returns) in crate::effect::targets(rule, sets) {
                match target {
                    ChainTarget::Named(name) => {
                        let key = (key.0, key.1.clone(), name.clone());
                        targets.extend(self.names.get(&key).map(|&chain| (chain, returns)));
                    }
                    ChainTarget::Anonymous(rules) => {
                        let places = nested.next().map_or(&[][..], Vec::as_slice);
                        let rules = self.rules(key, rules, places, sets);
                        targets.push((self.chains.len(), returns));
                        self.chains.push(Chain { key: key.clone(), named: false, base: None, rules });
                    }
                }
            }
            let place = source.place.unwrap_or_else(|| Place {
                at: format!("chain {}", name(key)),
                text: format!("rule {}", index + 1),
                line: None,
            });
            Known { place, effect: effect(rule, sets), targets }
        });
        known.collect()
    }

    /// Notes the kernel's numbers of the rules of a chain, and of those of the chains without a name in it.
    fn number(&mut self, chain: usize, key: &ChainKey, listed: &HashMap<ChainKey, Vec<KernelRule>>) {
        let Some(rules) = listed.get(key) else { return };
        let known = self.chains.get(chain).map_or(&[][..], |chain| &chain.rules);
        if known.len() != rules.len() {
            return;
        }
        let targets: Vec<Vec<(usize, bool)>> = known.iter().map(|known| known.targets.clone()).collect();
        for (index, (rule, targets)) in rules.iter().zip(targets).enumerate() {
            if let Some(handle) = rule.handle {
                self.handles.insert((key.0, key.1.clone(), handle), (chain, index));
            }
            for (target, _) in targets {
                if self.chains.get(target).is_some_and(|chain| !chain.named)
                    && let Some(name) = jumped(rule)
                {
                    self.number(target, &(key.0, key.1.clone(), name), listed);
                }
            }
        }
    }

    /// Whether any rule has a limit that time fills again.
    pub(crate) fn limits(&self) -> bool {
        self.chains.iter().flat_map(|chain| &chain.rules).any(|rule| rule.effect.limits)
    }

    /// The rule of a step.
    pub(crate) fn find(&self, step: &Step) -> Option<RuleId> {
        self.handles.get(&(step.family, step.table.clone(), step.rule?)).copied()
    }

    pub(crate) fn rule(&self, (chain, index): RuleId) -> Option<&Known> {
        self.chains.get(chain)?.rules.get(index)
    }

    fn known(&self, step: &Step) -> Option<&Known> {
        self.rule(self.find(step)?)
    }

    /// The base chain of a step that is its policy, or its first rule.
    fn chain_of(&self, step: &Step) -> Option<usize> {
        match self.find(step) {
            Some((chain, _)) => Some(chain),
            None => self.names.get(&(step.family, step.table.clone(), step.chain.clone())).copied(),
        }
    }

    /// Where a step was written.
    pub(crate) fn place(&self, step: &Step) -> Place {
        let key = (step.family, step.table.clone(), step.chain.clone());
        if let Some(known) = self.known(step) {
            return known.place.clone();
        }
        let base = self.names.get(&key).and_then(|&chain| self.chains.get(chain)?.base.as_ref());
        match (step.rule, base) {
            (None, Some(base)) => base.policy.clone(),
            (None, None) => {
                Place { at: format!("chain {}", name(&key)), text: "its policy".into(), line: None }
            }
            (Some(handle), _) => Place {
                at: format!("chain {}", name(&key)),
                text: format!("rule with handle {handle}"),
                line: None,
            },
        }
    }

    /// Whether a rule that goes no further sends an answer.
    pub(crate) fn rejects(&self, step: &Step) -> bool {
        self.known(step).is_some_and(|known| known.effect.rejects)
    }

    /// Whether a rule sends a copy of the packet somewhere else.
    pub(crate) fn copies(&self, step: &Step) -> bool {
        self.known(step).is_some_and(|known| known.effect.copies)
    }

    /// The rules that changed a packet, its mark, its connection or a set.
    pub(crate) fn shaped<'s>(&self, steps: impl Iterator<Item = &'s Step>) -> Vec<Place> {
        let mut places: Vec<Place> = Vec::new();
        for step in steps {
            if let Some(known) = self.known(step).filter(|known| known.effect.shapes)
                && !places.contains(&known.place)
            {
                places.push(known.place.clone());
            }
        }
        places
    }

    /// The texts before the lines that rules wrote to the log.
    pub(crate) fn logged<'s>(&self, steps: impl Iterator<Item = &'s Step>) -> Vec<String> {
        steps.filter_map(|step| self.known(step)?.effect.log.clone()).collect()
    }

    /// The steps that let a packet pass where it would not have passed otherwise; where there is none, the last step that
    /// accepted it. `ask` tells what depends on the packet: whether it is dropped where a rule is not there.
    pub(crate) fn deciding<'s>(
        &self,
        steps: &[&'s Step],
        ask: &mut dyn FnMut(Question) -> Option<bool>,
    ) -> Vec<&'s Step> {
        let mut deciding = Vec::new();
        let (mut accepted, mut passed) = (None, None);
        for (traversal_number, traversal) in traversals(steps).enumerate() {
            let Some(first) = traversal.first() else { continue };
            let Some(number) = self.chain_of(first) else { continue };
            let Some(base) = self.chains.get(number).and_then(|chain| chain.base.as_ref()) else { continue };
            let Some(last) = traversal.last().filter(|last| last.turn.passes()) else { continue };
            let Some(rule) = self.find(last) else {
                passed = Some(*last).filter(|_| base.filters).or(passed);
                continue;
            };
            accepted = Some(*last).filter(|_| base.filters).or(accepted);
            let decides = match self.otherwise(traversal) {
                Otherwise::Dropped => true,
                Otherwise::Passed => false,
                Otherwise::Unknown => {
                    ask(Question { rule, traversal: traversal_number, base: number }).unwrap_or(base.filters)
                }
            };
            if decides {
                deciding.push(*last);
            }
        }
        if deciding.is_empty() {
            deciding.extend(accepted.or(passed));
        }
        deciding
    }

    /// What would become of a packet in a chain if the last rule that it met there had not matched.
    fn otherwise(&self, traversal: &[&Step]) -> Otherwise {
        // the chains that it is in, each with the place of the rule that it has reached
        let mut stack: Vec<RuleId> = Vec::new();
        for step in traversal {
            let Some((chain, index)) = self.find(step) else { continue };
            match stack.iter().position(|(open, _)| *open == chain) {
                Some(depth) => stack.truncate(depth),
                None => {
                    // who goes to a chain for good does not come back
                    let gone = stack.last().and_then(|&from| self.rule(from)).is_some_and(|from| {
                        from.targets.iter().any(|(target, returns)| *target == chain && !returns)
                    });
                    if gone && stack.len() > 1 {
                        stack.pop();
                    } else if gone {
                        // nothing but the policy is left of a base chain
                        if let Some((_, place)) = stack.last_mut() {
                            *place = usize::MAX - 1;
                        }
                    }
                }
            }
            stack.push((chain, index));
        }
        let mut result = None;
        for &(chain, index) in stack.iter().rev() {
            let rules = self.chains.get(chain).map_or(&[][..], |chain| &chain.rules);
            let rest = rules.get(index.saturating_add(1)..).unwrap_or_default();
            match self.fate(rest, 0) {
                Fate::Ends(otherwise) => return otherwise,
                Fate::May => result = Some(Otherwise::Unknown),
                Fate::GoesOn => {}
            }
        }
        let base = stack.first().and_then(|(chain, _)| self.chains.get(*chain)?.base.as_ref());
        result.unwrap_or(match base {
            Some(base) if base.drops => Otherwise::Dropped,
            _ => Otherwise::Passed,
        })
    }

    /// Rules that accept do not count: each is as good as the one that did.
    fn fate(&self, rules: &[Known], depth: usize) -> Fate {
        let mut may = false;
        let ends = |may: bool| if may { Fate::May } else { Fate::Ends(Otherwise::Dropped) };
        for rule in rules {
            let effect = &rule.effect;
            if effect.drops && effect.always {
                return ends(may);
            }
            may |= effect.drops;
            for &(chain, returns) in rule.targets.iter().filter(|_| depth < DEPTH) {
                let inner = self.chains.get(chain).map_or(&[][..], |chain| &chain.rules);
                let inner = self.fate(inner, depth + 1);
                match (effect.always, returns, inner) {
                    (true, _, Fate::Ends(_)) => return ends(may),
                    // what comes behind is not reached
                    (true, false, Fate::May) => return Fate::May,
                    (true, false, Fate::GoesOn) => return if may { Fate::May } else { Fate::GoesOn },
                    (_, _, Fate::May) | (false, _, Fate::Ends(_)) => may = true,
                    // whoever goes there for good does not come to what would drop it here
                    (false, false, Fate::GoesOn) => may = true,
                    (_, true, Fate::GoesOn) => {}
                }
            }
            if effect.returns {
                match (effect.always, may) {
                    (true, false) => return Fate::GoesOn,
                    (true, true) => return Fate::May,
                    (false, _) => may = true,
                }
            }
        }
        if may { Fate::May } else { Fate::GoesOn }
    }
}

/// Chains go to each other at most this deep (`NFT_JUMP_STACK_SIZE`).
const DEPTH: usize = 16;

/// What becomes of a packet in what is left of a chain.
enum Fate {
    /// This, whatever packet it is.
    Ends(Otherwise),
    /// It may be dropped.
    May,
    /// It comes to the end.
    GoesOn,
}

/// The steps in each base chain.
pub(crate) fn traversals<'a, 's>(steps: &'a [&'s Step]) -> impl Iterator<Item = &'a [&'s Step]> {
    steps.split_inclusive(|step| step.rule.is_none() || step.turn != Turn::On)
}

/// `inet filter input`
fn name((family, table, chain): &ChainKey) -> String {
    format!("{} {table} {chain}", family.name().unwrap_or("unknown"))
}

/// The chain that a rule goes to without a condition of its own.
fn jumped(rule: &KernelRule) -> Option<String> {
    rule.expressions.iter().find_map(|expression| match expression {
        Expression::Immediate(ImmediateAttrs { data: Some(Data::Verdict(verdict)), .. }) => {
            verdict.chain.clone()
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests;
