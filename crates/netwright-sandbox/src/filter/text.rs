//! The filter of a policy as text of the nft language. Nothing of it is free text: addresses, numbers, and rules as they are printed.

use std::fmt::{Display, Write};
use std::net::IpAddr;
use std::time::Duration;

use super::{FilterOptions, Mode, attached, inside, rules};
use crate::constants::{HELD_GROUP, PING_GROUP};
use crate::policy::Policy;
use crate::policy::address::{self, AddressKind, Prefix};
use crate::policy::{Protocol, Target};

/// An element of the sets of an allow rule: for which rule, which address, and how long it stays.
pub(super) type Released = (usize, IpAddr, Duration);

/// The whole table, in the place of one that is there.
pub(super) fn table(policy: &Policy, options: &FilterOptions, released: &[Released]) -> String {
    let mut text = Text { out: String::new(), depth: 0 };
    let table = &options.table;
    text.line(format_args!("add table inet {table}"));
    text.line(format_args!("delete table inet {table}"));
    text.block(format_args!("table inet {table}"), |text| {
        name_sets(text, policy, released);
        address_sets(text, policy, options.open);
        refused(text, options);
        if options.listeners().is_some() {
            text.chain("relayed", relayed);
        }
        allowed(text, options);
        decide(text, policy, options);
        match &options.mode {
            Mode::Relay(_) | Mode::Nat(_) => inside::chains(text, policy, options),
            Mode::Attached(to) => attached::chains(text, policy, options, to),
        }
    });
    text.out
}

/// Text that grows, indented as `nft` does.
pub(super) struct Text {
    out: String,
    depth: usize,
}

impl Text {
    pub(super) fn line(&mut self, line: impl Display) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.out, "{:1$}{line}", "", self.depth * 4);
    }

    pub(super) fn lines(&mut self, lines: impl IntoIterator<Item = impl Display>) {
        lines.into_iter().for_each(|line| self.line(line));
    }

    pub(super) fn block(&mut self, head: impl Display, inside: impl FnOnce(&mut Text)) {
        self.line(format_args!("{head} {{"));
        self.depth += 1;
        inside(self);
        self.depth -= 1;
        self.line("}");
    }

    pub(super) fn chain(&mut self, name: &str, inside: impl FnOnce(&mut Text)) {
        self.block(format_args!("chain {name}"), inside);
    }

    /// A set of prefixes for each family.
    pub(super) fn prefix_sets(&mut self, name: &str, prefixes: &[Prefix]) {
        for ipv4 in [true, false] {
            let of_family = prefixes.iter().filter(|(address, _)| address.is_ipv4() == ipv4);
            let elements = of_family.map(|(address, length)| match *length == address::length(*address) {
                true => address.to_string(),
                false => format!("{address}/{length}"),
            });
            self.set(&format!("{name}_{}", family(ipv4)), ipv4, "interval", elements.collect());
        }
    }

    fn set(&mut self, name: &str, ipv4: bool, flag: &str, elements: Vec<String>) {
        self.block(format_args!("set {name}"), |text| {
            text.line(format_args!("type {}_addr", family(ipv4)));
            text.line(format_args!("flags {flag}"));
            if !elements.is_empty() {
                text.line(format_args!("elements = {{ {} }}", elements.join(", ")));
            }
        });
    }
}

fn family(ipv4: bool) -> &'static str {
    if ipv4 { "ipv4" } else { "ipv6" }
}

/// The set of an allow rule with a name, of one family.
pub(super) fn name_set(rule: usize, ipv4: bool) -> String {
    format!("allow_{rule}_{}", family(ipv4))
}

/// Sets that the resolver fills.
fn name_sets(text: &mut Text, policy: &Policy, released: &[Released]) {
    let named = policy.allow.iter().enumerate().filter(|(_, rule)| matches!(rule.target, Target::Name(_)));
    for (index, _) in named {
        for ipv4 in [true, false] {
            let of_set = |(rule, address, _): &&Released| *rule == index && address.is_ipv4() == ipv4;
            let elements = released.iter().filter(of_set).map(|(_, address, left)| {
                format!("{address} timeout {}s{}ms", left.as_secs(), left.subsec_millis().max(1))
            });
            text.set(&name_set(index, ipv4), ipv4, "timeout", elements.collect());
        }
    }
}

/// Sets of prefixes that rules for many addresses mean or leave out.
fn address_sets(text: &mut Text, policy: &Policy, open: bool) {
    let allow = if open { &[][..] } else { &policy.allow };
    let is_used = |target: &Target| allow.iter().chain(&policy.deny).any(|rule| rule.target == *target);
    if allow.iter().any(|rule| rule.is_wide()) {
        text.prefix_sets("never", &address::special(|kind| !kind.is_ordinary()));
        text.prefix_sets("resolvers", &address::resolvers());
    }
    if is_used(&Target::Internet) {
        text.prefix_sets("special", &address::special(|_| true));
    }
    if is_used(&Target::Lan) {
        text.prefix_sets("private", &address::special(|kind| kind == AddressKind::Private));
    }
}

/// What new flows to other hosts meet.
fn decide(text: &mut Text, policy: &Policy, options: &FilterOptions) {
    text.chain("decide", |text| {
        for rule in &policy.deny {
            text.lines(rules::denied(rule));
        }
        if options.open {
            return text.line("goto allowed");
        }
        let allow = |text: &mut Text, wide: bool| {
            for (index, rule) in policy.allow.iter().enumerate().filter(|(_, rule)| rule.is_wide() == wide) {
                text.lines(rules::allowed(index, rule));
            }
        };
        allow(text, false);
        if policy.allow.iter().any(|rule| rule.is_wide()) {
            text.line("ip daddr @never_ipv4 goto refused");
            text.line("ip6 daddr @never_ipv6 goto refused");
            text.line("meta l4proto { tcp, udp } ip daddr @resolvers_ipv4 goto refused");
            text.line("meta l4proto { tcp, udp } ip6 daddr @resolvers_ipv6 goto refused");
            allow(text, true);
        }
        text.line("goto refused");
    });
}

fn allowed(text: &mut Text, options: &FilterOptions) {
    text.chain("allowed", |text| match &options.mode {
        Mode::Relay(_) => text.line("goto relayed"),
        Mode::Nat(_) | Mode::Attached(_) => {
            text.line(format_args!("log group {} snaplen 128 queue-threshold 1", options.seen_group));
            text.line("accept");
        }
    });
}

/// What the supervisor carries: the first segment of a connection waits until the far end has answered it.
fn relayed(text: &mut Text) {
    text.line(format_args!("meta l4proto tcp log group {HELD_GROUP} queue-threshold 1 drop"));
    text.line("meta l4proto udp accept");
    for echo in [rules::echo(true), rules::echo(false)] {
        text.line(format_args!("{echo} log group {PING_GROUP} queue-threshold 1 drop"));
    }
    text.line("goto refused");
}

fn refused(text: &mut Text, options: &FilterOptions) {
    text.chain("refused", |text| {
        text.line(format_args!("log group {} snaplen 512 queue-threshold 1", options.refused_group));
        match options.mode {
            Mode::Relay(_) | Mode::Nat(_) => text.line("drop"),
            Mode::Attached(_) => {
                text.line(format_args!("meta l4proto {} reject with tcp reset", Protocol::Tcp));
                text.line("reject with icmpx admin-prohibited");
            }
        }
    });
}
