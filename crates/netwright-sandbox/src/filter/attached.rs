//! The chains of a control group's filter in the namespace of the host.

use super::inside::detours;
use super::text::Text;
use super::{Attached, FilterOptions, rules};
use crate::constants::SUPERVISOR_MARK;
use crate::policy::{Policy, Undecided};

/// What the control group is called in the text: its number is known by this name.
pub(super) const GROUP: &str = "attached";

/// Connections whose first segment was refused, by family: their names, and what they are told apart by.
const TOLD: [(&str, &str, &str); 2] = [
    (
        "told_ipv4",
        "ipv4_addr . inet_service . ipv4_addr . inet_service",
        "ip saddr . tcp sport . ip daddr . tcp dport",
    ),
    (
        "told_ipv6",
        "ipv6_addr . inet_service . ipv6_addr . inet_service",
        "ip6 saddr . tcp sport . ip6 daddr . tcp dport",
    ),
];

/// The refusal. A process that tries to connect is found only as long as it does, so the first segment is dropped and the supervisor answers
/// it. Where it cannot, the segment comes again a second later and is answered here.
pub(super) fn refused(text: &mut Text, log: &str) {
    for (name, kind, _) in TOLD {
        text.block(format_args!("set {name}"), |text| {
            text.line(format_args!("type {kind}"));
            text.lines(["flags dynamic, timeout", "timeout 10s", "size 65535"]);
        });
    }
    text.chain("refused", |text| {
        text.lines(TOLD.map(|(name, _, tuple)| format!("{tuple} @{name} reject with tcp reset")));
        text.line(log);
        text.lines(TOLD.map(|(name, _, tuple)| format!("add @{name} {{ {tuple} }} drop")));
        text.line("meta l4proto tcp drop");
        text.line("reject with icmpx admin-prohibited");
    });
}

/// What goes to the host itself, which is the resolver and what rules for the host allow, and the name servers that are asked directly.
pub(super) fn own(text: &mut Text, policy: &Policy, options: &FilterOptions, to: &Attached) {
    text.chain("own", |text| {
        text.line(format_args!("meta l4proto {{ tcp, udp }} th dport {} accept", to.resolver));
        text.lines(rules::host(&policy.deny, true, "goto refused"));
        text.lines(rules::host(&policy.allow, false, "goto allowed"));
        text.line(if options.undecided == Undecided::Allow { "goto allowed" } else { "goto refused" });
    });
    text.chain("questions", |text| {
        text.lines(rules::name_servers(policy));
        text.line(format_args!("meta l4proto {{ tcp, udp }} redirect to :{}", to.resolver));
    });
}

/// The hooks.
pub(super) fn chains(text: &mut Text, to: &Attached) {
    let group = format!("socket cgroupv2 level {} \"{GROUP}\"", to.level);
    text.chain("attached", |text| {
        detours(text);
        text.line("ct state established,related accept");
        text.line("fib daddr type local goto own");
        text.line("goto decide");
    });
    text.chain("name_servers", |text| {
        text.line("type nat hook output priority dstnat; policy accept;");
        text.line(format_args!("meta l4proto {{ tcp, udp }} th dport 53 {group} goto questions"));
    });
    text.chain("untracked", |text| {
        text.line("type filter hook output priority raw; policy accept;");
        text.line(format_args!("meta mark {SUPERVISOR_MARK:#x} meta l4proto tcp notrack"));
    });
    text.chain("output", |text| {
        text.line("type filter hook output priority filter; policy accept;");
        text.line(format_args!("{group} goto attached"));
    });
}
