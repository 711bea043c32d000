//! What a rule does to a packet that it matches, as far as that can be told from the rule alone.

use netwright_nft::ir::{
    ChainTarget, Element, Expression, ObjectKind, Rule, Selector, Set, SetReference, Statement, Verdict,
};

/// What a rule may do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Effect {
    /// It does so with every packet that it sees.
    pub(crate) always: bool,
    pub(crate) accepts: bool,
    /// The packet goes no further, with or without an answer.
    pub(crate) drops: bool,
    /// The sender gets an answer.
    pub(crate) rejects: bool,
    /// The rest of its chain is left out.
    pub(crate) returns: bool,
    /// It changes the packet, its mark, its connection or a set.
    pub(crate) shapes: bool,
    /// It sends a copy of the packet somewhere else.
    pub(crate) copies: bool,
    /// Packets before have a say in it.
    pub(crate) remembers: bool,
    /// It has a limit that time fills again.
    pub(crate) limits: bool,
    /// The text before its lines in the log.
    pub(crate) log: Option<String>,
}

/// What a rule may do.
pub(crate) fn effect(rule: &Rule, sets: &[Set]) -> Effect {
    let mut effect = Effect { always: true, ..Effect::default() };
    for statement in &rule.statements {
        effect.remembers |= remembers(statement);
        effect.limits |= match statement {
            Statement::Limit(_) => true,
            Statement::Object(kind, _) => kind.name() == Some("limit"),
            _ => false,
        };
        match statement {
            Statement::Verdict(verdict) => effect.decide(verdict),
            Statement::VerdictMap(_, map) => {
                effect.always = false;
                for element in elements(map, sets) {
                    if let Some(Expression::Verdict(verdict)) = &element.data {
                        effect.decide(verdict);
                    }
                }
            }
            Statement::Reject(_) => (effect.drops, effect.rejects) = (true, true),
            Statement::Queue(queue) => (effect.drops, effect.accepts) = (!queue.bypass, queue.bypass),
            Statement::Log(log) => effect.log = Some(log.prefix.clone().unwrap_or_default()),
            Statement::Counter(_) | Statement::Last(_) => {}
            Statement::Object(kind, _) if !decides(*kind) => effect.shapes |= sets_something(*kind),
            Statement::Nat(_) | Statement::Notrack | Statement::FlowAdd(_) | Statement::ResetTcpOption(_) => {
                effect.shapes = true
            }
            Statement::Assign(selector, _) => {
                effect.shapes |= !matches!(selector, Selector::Meta(key) if key.name == "nftrace");
            }
            Statement::Duplicate(_) => (effect.shapes, effect.copies) = (true, true),
            Statement::Tproxy(_) => (effect.shapes, effect.always) = (true, false),
            Statement::Synproxy(_) | Statement::Forward(_) => (effect.shapes, effect.drops) = (true, true),
            Statement::SetUpdate(_) => (effect.shapes, effect.always) = (true, false),
            Statement::Match(_)
            | Statement::Limit(_)
            | Statement::Quota(_)
            | Statement::ConnectionLimit { .. }
            | Statement::Object(..)
            | Statement::Extension(_)
            | Statement::Raw(_) => effect.always = false,
        }
    }
    effect
}

impl Effect {
    fn decide(&mut self, verdict: &Verdict) {
        match verdict {
            Verdict::Accept => self.accepts = true,
            Verdict::Drop | Verdict::Other(_) => self.drops = true,
            Verdict::Return => self.returns = true,
            Verdict::Continue | Verdict::Jump(_) | Verdict::Goto(_) => {}
        }
    }
}

/// The chains that a rule may go to, and whether it comes back from them.
pub(crate) fn targets<'r>(rule: &'r Rule, sets: &'r [Set]) -> Vec<(&'r ChainTarget, bool)> {
    let target = |verdict: &'r Verdict| match verdict {
        Verdict::Jump(target) => Some((target, true)),
        Verdict::Goto(target) => Some((target, false)),
        _ => None,
    };
    let mut found = Vec::new();
    for statement in &rule.statements {
        match statement {
            Statement::Verdict(verdict) => found.extend(target(verdict)),
            Statement::VerdictMap(_, map) => {
                for element in elements(map, sets) {
                    if let Some(Expression::Verdict(verdict)) = &element.data {
                        found.extend(target(verdict));
                    }
                }
            }
            _ => {}
        }
    }
    found
}

/// Whether a statement may have another outcome for a packet because of packets or time before it.
pub(crate) fn remembers(statement: &Statement) -> bool {
    match statement {
        Statement::Limit(_)
        | Statement::Quota(_)
        | Statement::ConnectionLimit { .. }
        | Statement::SetUpdate(_)
        | Statement::FlowAdd(_)
        | Statement::Synproxy(_)
        | Statement::Extension(_)
        | Statement::Raw(_) => true,
        Statement::Object(kind, _) => decides(*kind),
        _ => statement.selectors().iter().any(|selector| match selector {
            Selector::Numgen(_) => true,
            Selector::Meta(key) => key.name == "random",
            _ => false,
        }),
    }
}

/// Whether an object stops packets.
fn decides(kind: ObjectKind) -> bool {
    matches!(kind.name(), Some("limit" | "quota" | "synproxy"))
}

/// Whether an object changes something of a packet or connection.
fn sets_something(kind: ObjectKind) -> bool {
    !matches!(kind.name(), Some("counter"))
}

fn elements<'r>(map: &'r SetReference, sets: &'r [Set]) -> &'r [Element] {
    match map {
        SetReference::Anonymous(elements) => elements,
        SetReference::Named(name) => {
            sets.iter().find(|set| set.name == *name).map_or(&[], |set| &set.elements)
        }
    }
}
