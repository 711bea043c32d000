//! Policy rules.

use std::collections::HashMap;

use netwright_nft::diagnostic::{Diagnostic, Span};
use netwright_route::rule::{Mark, PortRange, RuleAction, RuleFlags, UserRange};
use netwright_route::{Family, Prefix, Rule, Table};

use super::{OWN_PROTOCOL, Planner};
use crate::keys;
use crate::model;
use crate::step::{Action, Sign, Step, Verb, rule_noun};

pub(super) fn plan(planner: &mut Planner<'_>) {
    let host = planner.host;
    let of_families = |rule: &'_ model::Rule| {
        rule.families().iter().map(|&family| wanted(rule, family)).collect::<Vec<_>>()
    };
    let declared: Vec<(Rule, &model::Rule)> = host
        .rules
        .iter()
        .flat_map(|rule| of_families(rule).into_iter().map(move |wanted| (wanted, rule)))
        .collect();
    let mut by_priority: HashMap<(Family, u32), Vec<usize>> = HashMap::new();
    for (place, rule) in planner.snapshot.rules.iter().enumerate() {
        by_priority.entry(keys::rule_priority(rule)).or_default().push(place);
    }
    let mut taken = vec![false; planner.snapshot.rules.len()];
    for (wanted, model) in &declared {
        let places = by_priority.get(&keys::rule_priority(wanted)).cloned().unwrap_or_default();
        let same = keys::rule(wanted);
        let snapshot = planner.snapshot;
        let rule_at = |place: usize| snapshot.rules.get(place);
        let found = places.iter().copied().find(|place| {
            taken.get(*place) == Some(&false) && rule_at(*place).is_some_and(|rule| keys::rule(rule) == same)
        });
        match found {
            Some(place) => {
                if let Some(taken) = taken.get_mut(place) {
                    *taken = true;
                }
                if let Some(rule) = rule_at(place) {
                    there(planner, rule, model.place.span);
                }
            }
            None => {
                let in_the_way: Vec<&Rule> = places
                    .iter()
                    .filter_map(|place| rule_at(*place))
                    .filter(|rule| same_packets(rule, wanted) && !planner.lookup.owns_rule(rule))
                    .collect();
                add(planner, wanted, model, &in_the_way);
            }
        }
    }
    for (rule, taken) in planner.snapshot.rules.iter().zip(taken) {
        if !taken && planner.lookup.owns_rule(rule) {
            let action = Action::Rule(Verb::Delete, Box::new(rule.clone()));
            planner.step(Step::new(Sign::Remove, text(rule), action));
            for old in &planner.owners.own.replaced.rules {
                if same_packets(old, rule) && keys::rule_priority(old) == keys::rule_priority(rule) {
                    let action = Action::Rule(Verb::Add, Box::new(old.clone()));
                    let step = Step::new(Sign::Add, text(old), action).in_place_of(Some(described(rule)));
                    planner.step(step);
                }
            }
        }
    }
}

/// A rule that is there as declared.
fn there(planner: &mut Planner<'_>, rule: &Rule, span: Span) {
    if planner.lookup.owns_rule(rule) {
        planner.record.rules.push(rule.clone());
        let same =
            |old: &&Rule| same_packets(old, rule) && keys::rule_priority(old) == keys::rule_priority(rule);
        let old: Vec<_> = planner.owners.own.replaced.rules.iter().filter(same).cloned().collect();
        planner.record.replaced.rules.extend(old);
    } else if let Some(other) = planner.lookup.other_of_rule(rule) {
        planner.of_another(&text(rule), other, span);
    }
}

fn add(planner: &mut Planner<'_>, wanted: &Rule, model: &model::Rule, in_the_way: &[&Rule]) {
    let span = model.place.span;
    let mut actions = Vec::new();
    if let Some(other) = in_the_way.iter().find_map(|rule| planner.lookup.other_of_rule(rule)) {
        return planner.of_another(&text(wanted), other, span);
    }
    if !in_the_way.is_empty() {
        if !model.adopt {
            let message = format!(
                "{} for the same packets with the priority {} exists already, made by somebody else",
                rule_noun(wanted),
                model.priority
            );
            let mut error = Diagnostic::error(span, message);
            for found in in_the_way {
                error = error.help(format!("There is {}.", described(found)));
            }
            return planner.error(error.help(format!("Declared is {}.", described(wanted))).help(
                "Give the rule another `priority`, where the least is asked first, or say `adopt = true`: then it \
                 takes the place of the old one, which is kept for the way back.",
            ));
        }
        for found in in_the_way {
            planner.record.replaced.rules.push((*found).clone());
            actions.push(Action::Rule(Verb::Delete, Box::new((*found).clone())));
        }
    }
    planner.record.rules.push(wanted.clone());
    // it comes before the old one goes: there is no moment without either
    actions.insert(0, Action::Rule(Verb::Add, Box::new(wanted.clone())));
    let before = in_the_way.iter().map(|rule| described(rule)).collect::<Vec<_>>().join(", ");
    let sign = if in_the_way.is_empty() { Sign::Add } else { Sign::Change };
    let step = Step::of(sign, text(wanted), actions).at(Some(span));
    planner.step(step.in_place_of((!in_the_way.is_empty()).then_some(before)));
}

/// Whether two rules are about the same packets, whatever they do with them.
fn same_packets(one: &Rule, other: &Rule) -> bool {
    let packets = |rule: &Rule| Rule {
        action: RuleAction::default(),
        table: None,
        target: None,
        suppress_prefix_length: None,
        suppress_group: None,
        ..keys::rule(rule)
    };
    // the kernel's own rules are for all packets, and so may be others
    packets(one) == packets(other)
}

fn text(rule: &Rule) -> String {
    format!("{} {rule}", rule_noun(rule))
}

fn described(rule: &Rule) -> String {
    match rule.protocol {
        Some(protocol) => format!("{rule} proto {protocol}"),
        None => rule.to_string(),
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
        protocol: Some(OWN_PROTOCOL),
        ..Rule::default()
    }
}
