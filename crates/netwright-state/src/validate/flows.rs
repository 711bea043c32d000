use std::collections::HashMap;
use std::net::IpAddr;

use netwright_nft::diagnostic::{Diagnostic, Span};

use super::Check;
use crate::model::{Expect, Family, Flow, FlowSource, Probe};

pub(super) fn check(check: &mut Check<'_>) {
    let mut names: HashMap<&str, Span> = HashMap::new();
    for flow in &check.host.flows {
        if let Some(span) = flow.place.key("name")
            && let Some(first) = names.insert(&flow.name, span)
        {
            let message = format!("two flows have the name {:?}", flow.name);
            check.note(Diagnostic::error(span, message).also(first, "first here"));
        }
        probe(check, flow);
        outcome(check, flow);
        if families(check, flow) {
            sender(check, flow);
            target(check, flow);
        }
    }
}

fn probe(check: &mut Check<'_>, flow: &Flow) {
    let place = &flow.place;
    let probes: Vec<Span> = ["tcp", "udp", "icmp"].iter().filter_map(|key| place.key(key)).collect();
    match probes.as_slice() {
        [] if !place.is_whole() => {}
        [] => {
            let wrong = Diagnostic::error(place.key("name").unwrap_or(place.span), "this flow sends nothing");
            check.note(wrong.help("Give it `tcp = PORT`, `udp = PORT` or `icmp = true`."));
        }
        [_] => {}
        [first, second, ..] => {
            let wrong = Diagnostic::error(*second, "a flow sends one of `tcp`, `udp` and `icmp`");
            check.note(wrong.also(*first, "the first is here").help("Make two flows of it."));
        }
    }
    if let Some(Probe::Icmp(_)) = flow.probe() {
        let endpoints = [("seen-from", flow.seen_from), ("arrives-at", flow.arrives_at)];
        let with_port = endpoints.iter().filter(|(_, endpoint)| endpoint.is_some_and(|e| e.port.is_some()));
        let keys = with_port.map(|(key, _)| *key).chain(std::iter::once("source-port"));
        for span in keys.filter_map(|key| place.key(key)) {
            check.error(span, "ICMP has no ports");
        }
    }
}

/// Whether all addresses are of one family.
fn families(check: &mut Check<'_>, flow: &Flow) -> bool {
    if flow.place.key("to").is_none() {
        return true;
    }
    let mut fine = true;
    let family = Family::of(flow.to);
    let addresses = [
        ("from", flow.from.address()),
        ("seen-from", flow.seen_from.map(|endpoint| endpoint.address)),
        ("arrives-at", flow.arrives_at.map(|endpoint| endpoint.address)),
    ];
    for (key, address) in addresses {
        if let (Some(address), Some(span)) = (address, flow.place.key(key))
            && Family::of(address) != family
        {
            check.error(span, format!("`{key}` is {}, but `to` is {family}", Family::of(address)));
            fine = false;
        }
    }
    fine
}

/// What is seen of a packet that does not arrive is nothing.
fn outcome(check: &mut Check<'_>, flow: &Flow) {
    if flow.expect == Expect::Accept {
        return;
    }
    for key in ["seen-from", "arrives-at"] {
        if let Some(span) = flow.place.key(key) {
            let message = format!("`{key}` means nothing for a packet that shall not arrive");
            check.warning(span, message, format!("Leave it out, or expect \"{}\".", Expect::Accept));
        }
    }
}

/// A simulated neighbour needs a place behind its link: on its network, or where a route leads.
fn sender(check: &mut Check<'_>, flow: &Flow) {
    let Some(span) = flow.place.key("from") else { return };
    match &flow.from {
        FlowSource::Host(Some(address))
            if check.host.place.is_whole() && !check.host.has_address(*address) =>
        {
            check.error(span, format!("no declared link has the address {address}"));
        }
        FlowSource::Host(_) => {}
        FlowSource::Behind { link, address } => {
            let Some(found) = check.existing(link, span) else { return };
            if check.host.has_address(*address) {
                let wrong = Diagnostic::error(span, format!("{address} is an address of the host itself"));
                return check
                    .note(wrong.help(format!("For the host as the sender write \"host {address}\".")));
            }
            let found = check.layer3(found);
            if flow.expect != Expect::Drop && !reaches(check, &found.name, *address) {
                let message = format!("answers to {address} would not leave through `{link}`");
                let help = "Give the link an address on the sender's network, or add a route to it.";
                check.warning(span, message, help);
            }
        }
    }
}

fn reaches(check: &Check<'_>, link: &str, address: IpAddr) -> bool {
    let link_local = matches!(address, IpAddr::V6(address) if address.is_unicast_link_local());
    link_local || check.host.devices_towards(address).contains(&link)
}

/// Where the packet arrives must be the host, or a place that it can forward to.
fn target(check: &mut Check<'_>, flow: &Flow) {
    let key = if flow.arrives_at.is_some() { "arrives-at" } else { "to" };
    let Some(span) = flow.place.key(key) else { return };
    let arrival = flow.arrival();
    let special = arrival.is_loopback() || arrival.is_multicast();
    if flow.expect != Expect::Accept || special || check.host.has_address(arrival) {
        return;
    }
    let towards = check.host.devices_towards(arrival);
    if towards.is_empty() {
        let message = format!("the host has no route to {arrival}");
        return check.warning(span, message, "Declare a route, or an address on its network.");
    }
    let forwarding = check.host.forwarding.as_ref();
    let on = forwarding.and_then(|forwarding| match Family::of(arrival) {
        Family::Ipv4 => forwarding.ipv4,
        Family::Ipv6 => forwarding.ipv6,
    });
    if on != Some(true) && matches!(flow.from, FlowSource::Behind { .. }) {
        let family = Family::of(arrival);
        let message = format!("{arrival} is not this host, and {family} forwarding is not on");
        check.warning(span, message, "Set `forwarding = true` at the top of the file.");
    }
}
