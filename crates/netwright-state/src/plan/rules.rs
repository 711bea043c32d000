//! Policy rules.

use netwright_route::rule::{Mark, PortRange, RuleAction, RuleFlags, UserRange};
use netwright_route::{Prefix, Protocol, Rule, Table};

use super::Planner;
use crate::model;
use crate::step::{Action, Sign, Step, Verb, rule_noun};

pub(super) fn plan(planner: &mut Planner<'_>) {
    let host = planner.host;
    let of_families = |rule: &'_ model::Rule| {
        rule.families().iter().map(|&family| wanted(rule, family)).collect::<Vec<_>>()
    };
    let declared: Vec<(Rule, _)> = host
        .rules
        .iter()
        .flat_map(|rule| of_families(rule).into_iter().map(|wanted| (wanted, rule.place.span)))
        .collect();
    let found: Vec<Rule> = planner.snapshot.rules.iter().map(compared).collect();
    let mut taken = vec![false; found.len()];
    for (wanted, place) in &declared {
        let same = compared(wanted);
        match found.iter().zip(&mut taken).find(|(found, taken)| !**taken && **found == same) {
            Some((_, taken)) => *taken = true,
            None => {
                let undo = vec![Action::Rule(Verb::Delete, Box::new(wanted.clone()))];
                let action = Action::Rule(Verb::Add, Box::new(wanted.clone()));
                let text = format!("{} {wanted}", rule_noun(wanted));
                planner.step(Step::new(Sign::Add, text, action, undo).at(Some(*place)));
            }
        }
    }
    for (rule, taken) in planner.snapshot.rules.iter().zip(taken) {
        if !taken && rule.protocol == Some(Protocol::NETWRIGHT) {
            let undo = vec![Action::Rule(Verb::Add, Box::new(rule.clone()))];
            let action = Action::Rule(Verb::Delete, Box::new(rule.clone()));
            planner.step(Step::new(Sign::Remove, format!("{} {rule}", rule_noun(rule)), action, undo));
        }
    }
}

/// What two rules are compared by: without states, the originator and what is not to be declared.
fn compared(rule: &Rule) -> Rule {
    Rule {
        flags: rule.flags & RuleFlags::INVERT,
        protocol: None,
        unknown: Default::default(),
        ..rule.clone()
    }
}

fn wanted(rule: &model::Rule, family: model::Family) -> Rule {
    let network = |prefix: Option<Prefix>| prefix.filter(|prefix| prefix.length > 0);
    let ports =
        |range: &std::ops::RangeInclusive<u16>| PortRange { start: *range.start(), end: *range.end() };
    let action = match rule.action {
        model::RuleAction::Lookup => RuleAction::LOOKUP,
        model::RuleAction::Goto => RuleAction::GOTO,
        model::RuleAction::Nop => RuleAction::NOP,
        model::RuleAction::Blackhole => RuleAction::BLACKHOLE,
        model::RuleAction::Unreachable => RuleAction::UNREACHABLE,
        model::RuleAction::Prohibit => RuleAction::PROHIBIT,
    };
    let table = rule.table.map(|table| Table(table.0));
    Rule {
        family: super::routes::family(family),
        priority: Some(rule.priority),
        from: network(rule.from),
        to: network(rule.to),
        incoming: rule.iif.clone(),
        outgoing: rule.oif.clone(),
        mark: rule
            .fwmark
            .map(|mark| Mark { value: mark.value, mask: mark.mask })
            .filter(|mark| mark.mask != 0),
        users: rule.uid_range.as_ref().map(|users| UserRange { start: *users.start(), end: *users.end() }),
        ip_protocol: rule.ip_protocol.map(|protocol| protocol.0).filter(|&protocol| protocol != 0),
        source_ports: rule.source_port.as_ref().map(ports),
        destination_ports: rule.destination_port.as_ref().map(ports),
        action,
        table: table.or((action == RuleAction::LOOKUP).then_some(Table::MAIN)),
        target: rule.goto,
        suppress_prefix_length: rule.suppress_prefix_length.map(u32::from),
        flags: if rule.not { RuleFlags::INVERT } else { RuleFlags::empty() },
        protocol: Some(Protocol::NETWRIGHT),
        ..Rule::default()
    }
}
