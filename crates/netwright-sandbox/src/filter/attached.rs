//! The chains of a control group's filter in the namespace of the host.

use super::inside::detours;
use super::text::Text;
use super::{Attached, FilterOptions, rules};
use crate::policy::{Policy, Undecided};

/// What the control group is called in the text: its number is known by this name.
pub(super) const GROUP: &str = "attached";

/// What goes to the host itself: the resolver, and what rules for the host allow.
pub(super) fn own(text: &mut Text, policy: &Policy, options: &FilterOptions, to: &Attached) {
    text.chain("own", |text| {
        text.line(format_args!("meta l4proto {{ tcp, udp }} th dport {} accept", to.resolver));
        text.lines(rules::host(&policy.deny, true, "goto refused"));
        text.lines(rules::host(&policy.allow, false, "goto allowed"));
        text.line(if options.undecided == Undecided::Allow { "goto allowed" } else { "goto refused" });
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
        text.line(format_args!(
            "meta l4proto {{ tcp, udp }} th dport 53 {group} redirect to :{}",
            to.resolver
        ));
    });
    text.chain("output", |text| {
        text.line("type filter hook output priority filter; policy accept;");
        text.line(format_args!("{group} goto attached"));
    });
}
