//! A ruleset as it may be for somebody: what a sweep does not vary, and what changes by itself, is taken to be as rules want it that
//! let packets on, and as those do not that stop them.

use std::collections::BTreeSet;

use netwright_netfilter::Family;
use netwright_nft::ir::{
    ChainTarget, Expression, Exthdr, Limit, Match, MatchOperator, Payload, PayloadLocation, Quota, Rule,
    Selector, Set, Statement, Value, Verdict,
};
use netwright_nft::table::ExtensionBase;
use netwright_nft::table::key::{KeyKind, by_name};
use netwright_state::Ruleset as Declared;

use super::{Varied, name, varied};
use crate::effect::{effect, targets};
use crate::packet::protocol;

/// A ruleset that lets on what the declared one may let on.
#[derive(Debug)]
pub(crate) struct Possible {
    pub(crate) ruleset: Declared,
    /// What it takes to be as it need not be.
    pub(crate) about: BTreeSet<String>,
}

/// The ruleset as it may be, where that is another than the declared one.
pub(crate) fn possible(declared: &Declared) -> Option<Possible> {
    let mut possible = Possible { ruleset: declared.clone(), about: BTreeSet::new() };
    for table in &mut possible.ruleset.tables {
        let inet = table.table.family == Family::INET;
        for chain in &mut table.chains {
            rules(&mut chain.rules, &table.sets, inet, &mut possible.about);
        }
    }
    (!possible.about.is_empty()).then_some(possible)
}

fn rules(rules: &mut [Rule], sets: &[Set], inet: bool, about: &mut BTreeSet<String>) {
    for rule in rules {
        for statement in &mut rule.statements {
            if let Statement::Verdict(
                Verdict::Jump(ChainTarget::Anonymous(inner)) | Verdict::Goto(ChainTarget::Anonymous(inner)),
            ) = statement
            {
                self::rules(inner, sets, inet, about);
            }
        }
        let found: Vec<String> = rule.statements.iter().filter_map(chance).collect();
        let effect = effect(rule, sets);
        let opens = effect.accepts || effect.returns || !targets(rule, sets).is_empty();
        if found.is_empty() || opens == effect.drops {
            continue;
        }
        about.extend(found);
        if effect.drops {
            // as many rules as before, so that each is known by its place
            rule.statements = vec![Statement::Verdict(Verdict::Continue)];
            continue;
        }
        let statements = std::mem::take(&mut rule.statements);
        rule.statements = statements
            .into_iter()
            .flat_map(|statement| match chance(&statement) {
                Some(_) => conditions(&statement, inet),
                None => vec![statement],
            })
            .collect();
    }
}

/// What a statement looks at that may be as it wants.
fn chance(statement: &Statement) -> Option<String> {
    match statement {
        Statement::Match(_) => statement
            .selectors()
            .into_iter()
            .find(|selector| matches!(varied(selector), Varied::No | Varied::Changes))
            .map(name),
        Statement::Limit(Limit { over: true, .. }) => Some("how often packets came before".into()),
        Statement::Quota(Quota { over: true, .. }) => Some("how much came before".into()),
        Statement::ConnectionLimit { over: true, .. } => Some("how many connections there are".into()),
        Statement::SetUpdate(update) => update.statements.iter().find_map(chance),
        _ => None,
    }
}

/// What a match asks for besides: the protocol that has what it looks at.
fn conditions(statement: &Statement, inet: bool) -> Vec<Statement> {
    let mut found = Vec::new();
    for selector in statement.selectors() {
        let (family, above) = match selector {
            Selector::Payload(Payload { location: PayloadLocation::Field(header, _), .. }) => {
                (header.nfproto, header.ip_protocol)
            }
            Selector::Exthdr(Exthdr { base, .. }) => match *base {
                ExtensionBase::TCP => (None, Some(protocol::TCP)),
                ExtensionBase::SCTP => (None, Some(protocol::SCTP)),
                ExtensionBase::IPV4 => (Some(Family::IPV4.0), None),
                ExtensionBase::IPV6 => (Some(Family::IPV6.0), None),
                _ => (None, None),
            },
            _ => (None, None),
        };
        for (key, number) in [("nfproto", family.filter(|_| inet)), ("l4proto", above)] {
            let (Some(key), Some(number)) = (by_name(KeyKind::Meta, key), number) else { continue };
            found.push(Statement::Match(Match {
                operator: MatchOperator::Implicit,
                left: Expression::Selector(Selector::Meta(key)),
                right: Expression::Value(Value::number(key.data_type, key.bits, number.into())),
            }));
        }
    }
    found
}
