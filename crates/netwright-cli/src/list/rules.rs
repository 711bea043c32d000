//! Policy rules.

use netwright::Net;
use netwright::route::Family;
use netwright::route::Rule;
use netwright::route::rule::{List, RuleFlags};
use serde_json::{Value as Json, json};

use super::{Object, Put, flag_names, or_empty, realms};
use crate::output::{Cell, DIM, NAME};

pub(super) const HEADER: [&str; 5] = [">PRIORITY", "FAMILY", "PACKETS", "ACTION", "PROTOCOL"];

pub(super) fn row(rule: &Rule) -> [Cell; 5] {
    [
        Cell::new(or_empty(rule.priority), NAME),
        if rule.family == Family::IPV6 { "IPv6" } else { "IPv4" }.into(),
        packets(rule).into(),
        action(rule).into(),
        Cell::new(or_empty(rule.protocol), DIM),
    ]
}

/// Hands out the rules as they come.
pub(super) fn each(net: &Net, put: &mut Put<'_, Rule>) -> netwright::Result<()> {
    net.rules().each(List::default(), |rule| Ok(put(rule.own()?)))
}

fn packets(rule: &Rule) -> String {
    let mark = |mark: netwright::route::rule::Mark| match mark.mask {
        u32::MAX => format!("mark {:#x}", mark.value),
        mask => format!("mark {:#x}/{mask:#x}", mark.value),
    };
    let masked = |text: String, mask: Option<u32>| match mask {
        Some(mask) => format!("{text}/{mask:#x}"),
        None => text,
    };
    let source_mask = rule.source_port_mask.map(u32::from);
    let destination_mask = rule.destination_port_mask.map(u32::from);
    let parts = [
        rule.from.map(|from| format!("from {from}")),
        rule.to.map(|to| format!("to {to}")),
        rule.incoming.as_ref().map(|link| format!("in by {link}")),
        rule.outgoing.as_ref().map(|link| format!("out by {link}")),
        rule.mark.map(mark),
        (rule.type_of_service != 0).then(|| format!("tos {:#x}", rule.type_of_service)),
        rule.dscp.map(|dscp| masked(format!("dscp {dscp}"), rule.dscp_mask.map(u32::from))),
        rule.flow_label.map(|label| masked(format!("flow label {label:#x}"), rule.flow_label_mask)),
        rule.tunnel.map(|tunnel| format!("tunnel {tunnel}")),
        rule.users.map(|users| format!("users {}", range(users.start, users.end))),
        rule.ip_protocol.map(|protocol| format!("protocol {protocol}")),
        rule.source_ports
            .map(|ports| masked(format!("source port {}", range(ports.start, ports.end)), source_mask)),
        rule.destination_ports
            .map(|ports| masked(format!("port {}", range(ports.start, ports.end)), destination_mask)),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    let not = if rule.flags.contains(RuleFlags::INVERT) { "not " } else { "" };
    if parts.is_empty() { format!("{not}all") } else { format!("{not}{}", parts.join(" ")) }
}

fn range<T: PartialEq + std::fmt::Display>(start: T, end: T) -> String {
    if start == end { start.to_string() } else { format!("{start}-{end}") }
}

fn action(rule: &Rule) -> String {
    let detail = if rule.vrf {
        "of the VRF".into()
    } else {
        or_empty(rule.target.map(|target| target.to_string()).or(rule.table.map(|table| table.to_string())))
    };
    let suppress = rule.suppress_prefix_length.map(|length| format!(", but no prefix of up to {length}"));
    let group = rule.suppress_group.map(|group| format!(", but none of group {group}"));
    let flow = rule.flow.map(|flow| format!(", realms {}", realms(flow)));
    let action = format!("{} {detail}", rule.action).trim_end().to_owned();
    let states = states(rule).into_iter().map(|state| format!(", {state}"));
    let unknown = rule.unknown.iter().map(|attribute| format!(", attribute {}", attribute.kind));
    let rest = [suppress, group, flow].into_iter().flatten().chain(states).chain(unknown);
    std::iter::once(action).chain(rest).collect()
}

/// States of a rule that are worth a word.
const STATES: [(u32, &str); 4] = [
    (RuleFlags::UNRESOLVED.bits(), "unresolved"),
    (RuleFlags::INCOMING_DETACHED.bits(), "iif-detached"),
    (RuleFlags::OUTGOING_DETACHED.bits(), "oif-detached"),
    (RuleFlags::FIND_SOURCE.bits(), "find-source"),
];

fn states(rule: &Rule) -> Vec<std::borrow::Cow<'static, str>> {
    flag_names((rule.flags - RuleFlags::INVERT - RuleFlags::PERMANENT).bits(), &STATES)
}

pub(crate) fn json(rule: &Rule) -> Json {
    // all fields, so that none is forgotten
    let Rule { family: _, priority, from, to, incoming, outgoing, mark, type_of_service, users, .. } = rule;
    let Rule {
        ip_protocol, source_ports, destination_ports, source_port_mask, destination_port_mask, ..
    } = rule;
    let Rule { dscp, dscp_mask, flow_label, flow_label_mask, tunnel, action, table, vrf, target, .. } = rule;
    let Rule { suppress_prefix_length, suppress_group, flow, flags, protocol, unknown, .. } = rule;
    Object::default()
        .with("family", super::family(rule.effective_family()))
        .maybe("priority", *priority)
        .flag("not", flags.contains(RuleFlags::INVERT))
        .maybe_text("from", *from)
        .maybe_text("to", *to)
        .maybe("iif", incoming.as_deref())
        .maybe("oif", outgoing.as_deref())
        .maybe("mark", mark.map(|mark| mark.value))
        .maybe("mask", mark.map(|mark| mark.mask))
        .maybe("tos", Some(*type_of_service).filter(|&tos| tos != 0))
        .maybe("dscp", *dscp)
        .maybe("dscp-mask", *dscp_mask)
        .maybe("flow-label", *flow_label)
        .maybe("flow-label-mask", *flow_label_mask)
        .maybe("tunnel-id", *tunnel)
        .maybe("uids", users.map(|users| json!([users.start, users.end])))
        .maybe("ip-protocol", *ip_protocol)
        .maybe("sports", source_ports.map(|ports| json!([ports.start, ports.end])))
        .maybe("sport-mask", *source_port_mask)
        .maybe("dports", destination_ports.map(|ports| json!([ports.start, ports.end])))
        .maybe("dport-mask", *destination_port_mask)
        .text("action", action)
        .maybe_text("table", *table)
        .flag("vrf", *vrf)
        .maybe("goto", *target)
        .maybe("suppress-prefix-length", *suppress_prefix_length)
        .maybe("suppress-group", *suppress_group)
        .maybe("realms", flow.map(realms))
        .maybe_text("protocol", *protocol)
        .list("flags", states(rule))
        .list("unknown-attributes", unknown.iter().map(|attribute| attribute.kind))
        .json()
}
