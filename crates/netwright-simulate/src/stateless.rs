//! A ruleset as it treats a packet that is the first of all: what would have to remember others is taken out. So any number of
//! packets can be tried one after the other without one meeting what another has left behind.

use std::collections::BTreeSet;

use netwright_nft::ir::{
    ChainTarget, Expression, Match, MatchOperator, ObjectData, ObjectName, Rule, SetReference, SetUpdate,
    Statement, Verdict,
};
use netwright_state::Ruleset as Declared;
use netwright_state::ruleset::Table;

/// The rulesets that together let through at least what the declared one does: one in which each packet is the first, and where
/// rules look into what others add to, one in which they find it there. What passes is to be tried with the declared one.
pub(crate) fn variants(declared: &Declared) -> Vec<Declared> {
    let mut first = declared.clone();
    let mut looked_into = false;
    for table in &mut first.tables {
        let updated = updated(table);
        let context = Context { objects: table.objects.clone(), updated, finds: false };
        looked_into |= context.each_rule(table);
    }
    if !looked_into {
        return vec![first];
    }
    let mut found = declared.clone();
    for table in &mut found.tables {
        let updated = updated(table);
        Context { objects: table.objects.clone(), updated, finds: true }.each_rule(table);
    }
    vec![first, found]
}

/// The sets that packets change.
fn updated(table: &Table) -> BTreeSet<String> {
    let rules = table.chains.iter().flat_map(|chain| &chain.rules);
    let statements = rules.flat_map(crate::firewall::all_statements);
    let updates = statements.filter_map(|statement| match statement {
        Statement::SetUpdate(update) => Some(update.set.clone()),
        _ => None,
    });
    updates.collect()
}

struct Context {
    objects: Vec<netwright_nft::ir::Object>,
    updated: BTreeSet<String>,
    /// Whether what packets add to is taken to have everything.
    finds: bool,
}

/// What a statement becomes.
enum Becomes {
    Same,
    /// It always matches and does nothing.
    Nothing,
    /// It never matches.
    Never,
    Accept,
}

impl Context {
    /// Whether a rule looks into what packets add to.
    fn each_rule(&self, table: &mut Table) -> bool {
        let mut looked = false;
        for chain in &mut table.chains {
            looked |= self.rules(&mut chain.rules);
        }
        looked
    }

    fn rules(&self, rules: &mut Vec<Rule>) -> bool {
        let mut looked = false;
        for rule in rules.iter_mut() {
            let mut kept = Vec::with_capacity(rule.statements.len());
            for mut statement in std::mem::take(&mut rule.statements) {
                if let Statement::Verdict(
                    Verdict::Jump(ChainTarget::Anonymous(rules))
                    | Verdict::Goto(ChainTarget::Anonymous(rules)),
                ) = &mut statement
                {
                    looked |= self.rules(rules);
                }
                looked |= self.looks(&statement);
                match self.becomes(&statement) {
                    Becomes::Same => kept.push(statement),
                    Becomes::Nothing => {}
                    Becomes::Never => break,
                    Becomes::Accept => kept.push(Statement::Verdict(Verdict::Accept)),
                }
            }
            rule.statements = kept;
        }
        // a rule of nothing but conditions does nothing
        rules.retain(|rule| rule.statements.iter().any(|what| !matches!(what, Statement::Match(_))));
        looked
    }

    fn becomes(&self, statement: &Statement) -> Becomes {
        let when = |over: bool| if over { Becomes::Never } else { Becomes::Nothing };
        match statement {
            Statement::Limit(limit) => when(limit.over),
            Statement::Quota(quota) => when(quota.over),
            // the first connection is more than none
            Statement::ConnectionLimit { count: 0, over } => when(!over),
            Statement::ConnectionLimit { over, .. } => when(*over),
            Statement::Object(_, ObjectName::Name(name)) => {
                let object = self.objects.iter().find(|object| object.name == *name);
                match object.map(|object| &object.data) {
                    Some(ObjectData::Statement(inner)) => match &**inner {
                        Statement::Limit(_)
                        | Statement::Quota(_)
                        | Statement::ConnectionLimit { .. }
                        | Statement::Synproxy(_) => self.becomes(inner),
                        _ => Becomes::Same,
                    },
                    _ => Becomes::Same,
                }
            }
            Statement::SetUpdate(SetUpdate { statements, .. }) => {
                let never = statements.iter().any(|inner| matches!(self.becomes(inner), Becomes::Never));
                if never { Becomes::Never } else { Becomes::Nothing }
            }
            // who answers in the place of a server lets through whoever goes on
            Statement::Synproxy(_) => Becomes::Accept,
            Statement::FlowAdd(_) => Becomes::Nothing,
            Statement::Match(found) if self.finds && self.looks(statement) => match found.operator {
                MatchOperator::NotEqual | MatchOperator::NoneOf => Becomes::Same,
                _ => Becomes::Nothing,
            },
            _ => Becomes::Same,
        }
    }

    /// Whether a statement asks for an element of a set that packets change.
    fn looks(&self, statement: &Statement) -> bool {
        match statement {
            Statement::Match(Match { right: Expression::Set(SetReference::Named(name)), .. }) => {
                self.updated.contains(name)
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests;
