//! The table of a policy as text of the nft language. Nothing of it is free text: addresses, numbers, and rules as they are printed.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use super::kinds::Kinds;
use super::text::{Text, name_set};
use super::{FilterOptions, Mode, attached, inside, rules};
use crate::constants::{ALLOWED_FLOW, ASKED_GROUP, ASKED_MARK, HELD_GROUP};
use crate::policy::{Policy, Rule, Undecided};

/// The table, which must not be there.
pub(super) fn create(options: &FilterOptions) -> String {
    format!("create table inet {0}\ntable inet {0} {{ }}\n", options.table)
}

/// Sets of prefixes that a policy's rules refer to, but for those that are there. Such a set looks empty to packets for a moment when it is made
/// along with rules that refer to it, so it is made before them.
pub(super) fn sets(policy: &Policy, options: &FilterOptions, there: &[Kinds]) -> (String, Vec<Kinds>) {
    let mut text = Text::default();
    let missing: Vec<Kinds> = Kinds::ALL
        .into_iter()
        .filter(|kinds| !there.contains(kinds) && kinds.are_in(policy, options))
        .collect();
    if !missing.is_empty() {
        text.block(format_args!("table inet {}", options.table), |text| {
            missing.iter().for_each(|kinds| text.prefix_sets(kinds.name(), &kinds.prefixes()));
        });
    }
    (text.finish(), missing)
}

/// The chains, with the rules of the first policy.
pub(super) fn chains(policy: &Policy, options: &FilterOptions, numbers: &Numbers) -> String {
    let mut text = Text::default();
    text.block(format_args!("table inet {}", options.table), |text| {
        refused(text, options);
        if let Some(listeners) = options.listeners() {
            text.chain("relayed", relayed);
            if options.asks() {
                text.chain("asked", asked);
            }
            inside::redirected(text, listeners);
        }
        allowed(text, options);
        rules_of(text, policy, options, numbers);
        match &options.mode {
            Mode::Relay(_) | Mode::Nat(_) => inside::chains(text, options),
            Mode::Attached(to) => attached::chains(text, to),
        }
    });
    text.finish()
}

/// The rules of another policy in the place of those that are there, and its sets; those of rules that it has no more go.
pub(super) fn replacement(policy: &Policy, options: &FilterOptions, numbers: &Numbers) -> String {
    let mut text = Text::default();
    let table = &options.table;
    let arrived = options.listeners().map(|_| "arrived");
    let questions = matches!(options.mode, Mode::Attached(_)).then_some("questions");
    for chain in ["decide", "own"].into_iter().chain(arrived).chain(questions) {
        text.line(format_args!("flush chain inet {table} {chain}"));
    }
    for (number, ipv4) in numbers.gone.iter().flat_map(|number| [(number, true), (number, false)]) {
        text.line(format_args!("delete set inet {table} {}", name_set(*number, ipv4)));
    }
    text.block(format_args!("table inet {table}"), |text| rules_of(text, policy, options, numbers));
    text.finish()
}

/// The numbers of the sets of a policy's allow rules.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    /// By the rule's place; rules without a name have none.
    pub(super) by_rule: Vec<Option<u32>>,
    /// Those that are not there yet.
    pub(super) new: Vec<NewSets>,
    /// Those that are there and belong to no rule any more.
    pub(super) gone: Vec<u32>,
}

/// Sets to be made, one of each family.
#[derive(Debug)]
pub(super) struct NewSets {
    pub(super) number: u32,
    /// What is in them from the start, and for how long.
    pub(super) addresses: Vec<(IpAddr, Duration)>,
}

/// All that depends on the policy.
fn rules_of(text: &mut Text, policy: &Policy, options: &FilterOptions, numbers: &Numbers) {
    for (sets, ipv4) in numbers.new.iter().flat_map(|sets| [(sets, true), (sets, false)]) {
        let of_family = sets.addresses.iter().filter(|(address, _)| address.is_ipv4() == ipv4);
        let elements =
            of_family.map(|(address, time)| format!("{address} timeout {}ms", time.as_millis().max(1)));
        text.set(&name_set(sets.number, ipv4), ipv4, "timeout", elements.collect());
    }
    decide(text, policy, options, numbers);
    match &options.mode {
        Mode::Relay(_) | Mode::Nat(_) => inside::own(text, policy, options),
        Mode::Attached(to) => attached::own(text, policy, options, to),
    }
}

/// What new flows to other hosts meet.
fn decide(text: &mut Text, policy: &Policy, options: &FilterOptions, numbers: &Numbers) {
    text.chain("decide", |text| {
        for rule in &policy.deny {
            text.lines(rules::denied(rule, &policy.local));
        }
        if options.undecided == Undecided::Allow {
            return text.line("goto allowed");
        }
        let undecided = if options.asks() { "goto asked" } else { "goto refused" };
        let is_wide = policy.allow.iter().any(Rule::is_wide);
        let mut sharing: HashMap<u32, usize> = HashMap::new();
        numbers.by_rule.iter().flatten().for_each(|number| *sharing.entry(*number).or_default() += 1);
        let mut allow = |text: &mut Text, wide: bool| {
            let rules = policy.allow.iter().zip(&numbers.by_rule).filter(|(rule, _)| rule.is_wide() == wide);
            for (rule, number) in rules {
                match number {
                    None => text.lines(rules::allowed(rule, &policy.local)),
                    // the first rule stands for all that share its sets
                    Some(number) => {
                        let count = sharing.remove(number).unwrap_or_default();
                        text.lines(rules::released(rule, *number, count));
                    }
                }
            }
        };
        allow(text, false);
        if is_wide || options.asks() {
            text.line("ip daddr @never_ipv4 goto refused");
            text.line("ip6 daddr @never_ipv6 goto refused");
        }
        if is_wide {
            for family in ["ip daddr @resolvers_ipv4", "ip6 daddr @resolvers_ipv6"] {
                text.line(format_args!("meta l4proto {{ tcp, udp }} {family} {undecided}"));
            }
            allow(text, true);
        }
        text.line(undecided);
    });
}

fn allowed(text: &mut Text, options: &FilterOptions) {
    text.chain("allowed", |text| {
        if let Some(group) = options.seen_group {
            text.line(format_args!("log group {group} snaplen 128 queue-threshold 1"));
        }
        match &options.mode {
            Mode::Relay(_) => text.line("goto relayed"),
            Mode::Nat(_) => text.line(allow_flow()),
            // marks of the host's flows are the host's
            Mode::Attached(_) => {
                text.lines(attached::noted());
                text.line("accept");
            }
        }
    });
}

/// Lets a packet through, and all that follows it on its flow.
fn allow_flow() -> String {
    format!("ct mark set {ALLOWED_FLOW:#x} accept")
}

/// What the supervisor carries: the first segment of a connection waits until the far end has answered it.
fn relayed(text: &mut Text) {
    text.line(format_args!("meta l4proto tcp log group {HELD_GROUP} queue-threshold 1 drop"));
    text.line(format_args!("meta l4proto udp {}", allow_flow()));
    for echo in [rules::echo(true), rules::echo(false)] {
        text.line(format_args!("oifname \"lo\" {echo} accept")); // dropped here, sending it would be an error
    }
    text.line("goto refused");
}

/// What somebody is asked about. The segments of connections come again by themselves; the rest is dropped where it arrives.
fn asked(text: &mut Text) {
    text.line(format_args!("meta l4proto tcp log group {ASKED_GROUP} queue-threshold 1 drop"));
    for later in ["meta l4proto udp", &rules::echo(true), &rules::echo(false)] {
        text.line(format_args!("{later} meta mark set {ASKED_MARK:#x} accept")); // dropped here, sending it would be an error
    }
    text.line("goto refused");
}

fn refused(text: &mut Text, options: &FilterOptions) {
    let log = format!("log group {} snaplen 512 queue-threshold 1", options.refused_group);
    match options.mode {
        Mode::Relay(_) | Mode::Nat(_) => text.chain("refused", |text| text.lines([log.as_str(), "drop"])),
        Mode::Attached(_) => {
            attached::refused(text, &log);
            attached::foreign(text, &log);
            attached::open(text);
            attached::before(text, &options.connections);
        }
    }
}
