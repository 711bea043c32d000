//! What flows say about each other, and about the host.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use netwright_nft::diagnostic::{Diagnostic, Span, nearest};

use super::Check;
use crate::model::{
    Addresses, Expect, Family, Flow, FlowSource, FlowStep, FlowTarget, LinkKind, Only, Place, RefusalPattern,
};

pub(super) fn check(check: &mut Check<'_>) {
    let host = check.host;
    let mut names: HashMap<&str, Span> = HashMap::new();
    let flows = host.flows.iter().map(|flow| (Some(flow.name.as_str()), &flow.place));
    let onlys = host.onlys.iter().map(|only| (only.name.as_deref(), &only.place));
    for (name, place) in flows.chain(onlys) {
        if let (Some(name), Some(span)) = (name, place.key("name"))
            && let Some(first) = names.insert(name, span)
        {
            let message = format!("two flows have the name {name:?}");
            check.note(Diagnostic::error(span, message).also(first, "first here"));
        }
    }
    for flow in &host.flows {
        sends_something(check, flow);
        fits(check, &Packet::of(flow));
        outcome(check, flow);
        after(check, flow);
        for step in &flow.steps {
            fits(check, &Packet::of_step(step, flow));
        }
        ends(check, flow);
        if families(check, &flow.place, &flow.from, &flow.to) {
            let own = |to: &FlowTarget| to.address().is_none_or(|to| check.host.has_address(to));
            let bridged = is_bridged(check, &flow.from) && !flow.to.iter().any(own);
            let expected = if bridged { Expect::Drop } else { flow.expect };
            senders(check, &flow.place, &flow.from, expected);
            target(check, flow);
        }
    }
    for only in &host.onlys {
        self::only(check, only);
    }
    circles(check);
}

/// What can be in a packet, of a flow or of a step.
struct Packet<'a> {
    place: &'a Place,
    tcp: bool,
    ports: bool,
    icmp: bool,
    anything: bool,
    from: &'a [FlowSource],
}

impl<'a> Packet<'a> {
    fn of(flow: &'a Flow) -> Self {
        let anything =
            !(flow.tcp.is_empty() && flow.udp.is_empty() && flow.icmp.is_empty() && flow.protocol.is_empty());
        Packet {
            place: &flow.place,
            tcp: !flow.tcp.is_empty(),
            ports: !flow.tcp.is_empty() || !flow.udp.is_empty() || !flow.protocol.is_empty(),
            icmp: !flow.icmp.is_empty(),
            anything,
            from: &flow.from,
        }
    }

    fn of_step(step: &'a FlowStep, flow: &'a Flow) -> Self {
        let own =
            !(step.tcp.is_empty() && step.udp.is_empty() && step.icmp.is_empty() && step.protocol.is_empty());
        let outer = Packet::of(flow);
        let from = if step.from.is_empty() { &flow.from } else { &step.from };
        match own {
            true => Packet {
                place: &step.place,
                tcp: !step.tcp.is_empty(),
                ports: !step.tcp.is_empty() || !step.udp.is_empty() || !step.protocol.is_empty(),
                icmp: !step.icmp.is_empty(),
                anything: true,
                from,
            },
            false => Packet { place: &step.place, from, ..outer },
        }
    }
}

fn sends_something(check: &mut Check<'_>, flow: &Flow) {
    let place = &flow.place;
    let keys = ["tcp", "udp", "icmp", "protocol", "steps"];
    if place.is_whole() && !keys.iter().any(|key| place.key(key).is_some()) {
        let wrong = Diagnostic::error(place.key("name").unwrap_or(place.span), "this flow sends nothing");
        check.note(wrong.help("Give it `tcp = PORT`, `udp = PORT`, `icmp = true` or `protocol = NAME`."));
    }
    for (index, step) in flow.steps.iter().enumerate() {
        let nothing = !Packet::of_step(step, flow).anything && !step.back;
        if nothing && place.is_whole() && step.place.is_whole() {
            let span = place.item("steps", index).unwrap_or(step.place.span);
            let wrong = Diagnostic::error(span, "this step sends nothing, and its flow does not say what");
            check.note(wrong.help("Give it `tcp = PORT`, `udp = PORT`, `icmp = true` or `protocol = NAME`."));
        }
    }
}

/// Whether what is said of a packet fits what it is.
fn fits(check: &mut Check<'_>, packet: &Packet<'_>) {
    let place = packet.place;
    if let Some(span) = place.key("source-port")
        && packet.icmp
        && !packet.ports
    {
        check.error(span, "ICMP has no ports");
    }
    if let Some(span) = place.key("flags")
        && packet.anything
        && !packet.tcp
    {
        check.error(span, "only TCP has flags");
    }
    let host = packet.from.iter().any(|from| matches!(from, FlowSource::Host(_)));
    for key in ["user", "group", "cgroup"] {
        if let Some(span) = place.key(key)
            && !host
        {
            let wrong = Diagnostic::error(span, format!("`{key}` is about processes at the host"));
            check.note(wrong.help("Write `from = \"host\"` for what the host sends."));
        }
    }
    for key in ["mac", "vlan"] {
        if let Some(span) = place.key(key)
            && packet.from.iter().all(|from| matches!(from, FlowSource::Host(_)))
        {
            check.error(span, format!("`{key}` is about frames of machines behind a link"));
        }
    }
}

/// Whether all addresses are of one family, or each has others to go with.
fn families(check: &mut Check<'_>, place: &Place, from: &[FlowSource], to: &[FlowTarget]) -> bool {
    let (Some(source), Some(target)) = (place.key("from"), place.key("to")) else { return false };
    let of_source = |source: &FlowSource| match source {
        FlowSource::Host(address) => address.map(|address| address.is_ipv4()),
        FlowSource::Behind { addresses, .. } => addresses.is_ipv4(),
    };
    let of_target = |target: &FlowTarget| match target {
        FlowTarget::Host => None,
        FlowTarget::At { addresses, .. } => addresses.is_ipv4(),
    };
    let sources: Vec<_> = from.iter().map(of_source).collect();
    let targets: Vec<_> = to.iter().map(of_target).collect();
    let meets = |family: &Option<bool>, others: &[Option<bool>]| {
        family.is_none() || others.iter().any(|other| other.is_none() || other == family)
    };
    let name = |family: Option<bool>| if family == Some(true) { Family::Ipv4 } else { Family::Ipv6 };
    if let Some(&lonely) = sources.iter().find(|family| !meets(family, &targets)) {
        let other = targets.first().copied().flatten();
        check.error(source, format!("`from` is {}, but `to` is {}", name(lonely), name(other)));
        return false;
    }
    if let Some(&lonely) = targets.iter().find(|family| !meets(family, &sources)) {
        check.error(target, format!("nobody in `from` sends {}, as `to` needs it", name(lonely)));
        return false;
    }
    true
}

/// Whether what the receiver sees is of the same family.
fn ends(check: &mut Check<'_>, flow: &Flow) {
    let known = flow.to.iter().filter_map(|to| match to {
        FlowTarget::Host => None,
        FlowTarget::At { addresses, .. } => addresses.is_ipv4(),
    });
    let known: HashSet<bool> = known.collect();
    for (key, end) in [("seen-from", flow.seen_from), ("arrives-at", flow.arrives_at)] {
        let (Some(end), Some(span)) = (end, flow.place.key(key)) else { continue };
        let family = Family::of(end.address);
        if !known.is_empty() && !known.contains(&end.address.is_ipv4()) {
            let other = if family == Family::Ipv4 { Family::Ipv6 } else { Family::Ipv4 };
            check.error(span, format!("`{key}` is {family}, but `to` is {other}"));
        }
        let bare =
            flow.tcp.is_empty() && flow.udp.is_empty() && flow.protocol.is_empty() && !flow.icmp.is_empty();
        if end.port.is_some() && bare {
            check.error(span, "ICMP has no ports");
        }
    }
}

/// What is seen of a packet that does not arrive is nothing.
fn outcome(check: &mut Check<'_>, flow: &Flow) {
    if !flow.expect.arrives() {
        for key in ["seen-from", "arrives-at", "leaves-by", "arrives-with-dscp"] {
            if let Some(span) = flow.place.key(key) {
                let message = format!("`{key}` means nothing for a packet that shall not arrive");
                check.warning(span, message, format!("Leave it out, or expect \"{}\".", Expect::Accept));
            }
        }
    }
    let single = |address: &IpAddr| address.is_multicast() || address.is_unspecified();
    let from = flow.from.iter().filter_map(FlowSource::address);
    if flow.expect == Expect::Accept
        && let Some(span) = flow.place.key("expect").or(flow.place.key("to"))
        && from.into_iter().any(|address| address.is_unspecified())
    {
        let message = "nobody can answer a sender that has no address yet";
        check.warning(span, message, format!("Expect \"{}\".", Expect::Arrive));
    }
    let targets = flow.to.iter().filter_map(FlowTarget::address);
    if let Expect::Reject(RefusalPattern::Any | RefusalPattern::Exactly(_) | RefusalPattern::Either { .. }) =
        flow.expect
        && let Some(span) = flow.place.key("expect")
        && targets.into_iter().any(|address| single(&address))
    {
        check.warning(span, "nobody is told of what is sent to a group", "Expect \"drop\".");
    }
}

/// Whether the flows that a flow follows are there.
fn after(check: &mut Check<'_>, flow: &Flow) {
    let host = check.host;
    let Some(span) = flow.place.key("after") else { return };
    for name in &flow.after {
        if !host.flows.iter().any(|other| other.name == *name) {
            let wrong = Diagnostic::error(span, format!("there is no flow {name:?}"));
            let near = nearest(name, host.flows.iter().map(|flow| flow.name.as_str()));
            check.note(match near {
                Some(near) => wrong.help(format!("Did you mean {near:?}?")),
                None => wrong,
            });
        }
    }
}

/// Whether a flow follows itself in the end.
fn circles(check: &mut Check<'_>) {
    let host = check.host;
    let flows: HashMap<&str, &Flow> = host.flows.iter().map(|flow| (flow.name.as_str(), flow)).collect();
    for flow in &host.flows {
        let mut seen = HashSet::new();
        let mut open: Vec<&str> = flow.after.iter().map(String::as_str).collect();
        while let Some(name) = open.pop() {
            if name == flow.name {
                let span = flow.place.key("after").unwrap_or(flow.place.span);
                check.error(span, format!("{name:?} follows itself"));
                break;
            }
            if seen.insert(name)
                && let Some(other) = flows.get(name)
            {
                open.extend(other.after.iter().map(String::as_str));
            }
        }
    }
}

/// A simulated neighbour needs a place behind its link: on its network, or where a route leads.
fn senders(check: &mut Check<'_>, place: &Place, from: &[FlowSource], expect: Expect) {
    let Some(span) = place.key("from") else { return };
    for source in from {
        match source {
            FlowSource::Host(Some(address))
                if check.host.place.is_whole()
                    && !check.host.has_address(*address)
                    && !address.is_loopback() =>
            {
                check.error(span, format!("no declared link has the address {address}"));
            }
            FlowSource::Host(_) => {}
            FlowSource::Behind { link, addresses } => {
                let Some(found) = check.existing(link, span) else { continue };
                let Addresses::One(address) = *addresses else { continue };
                if check.host.has_address(address) {
                    if expect == Expect::Accept {
                        let message = format!(
                            "{address} is an address of the host itself, which answers nobody else at it"
                        );
                        let help = format!("For the host as the sender write \"host {address}\".");
                        check.warning(span, message, help);
                    }
                    continue;
                }
                if address.is_multicast() || matches!(address, IpAddr::V4(v4) if v4.is_broadcast()) {
                    check.error(span, format!("{address} is a group's address: nobody sends from it"));
                    continue;
                }
                let found = check.layer3(found);
                if expect == Expect::Accept
                    && !address.is_unspecified()
                    && !reaches(check, &found.name, address)
                {
                    let message = format!("answers to {address} would not leave through `{link}`");
                    let help = "Give the link an address on the sender's network, or add a route to it.";
                    check.warning(span, message, help);
                }
            }
        }
    }
}

/// Whether the host has a way back to somebody behind a link, in whichever table.
fn reaches(check: &Check<'_>, link: &str, address: IpAddr) -> bool {
    let local = match address {
        IpAddr::V6(address) => address.is_unicast_link_local(),
        IpAddr::V4(address) => address.is_link_local(),
    };
    let host = check.host;
    let other_tables = || {
        let leads = host.routes.iter().filter(|route| route.destination().contains(address));
        leads.flat_map(|route| route.hops()).any(|(dev, via)| host.route_device(dev, via) == Some(link))
    };
    local || host.devices_towards(address).contains(&link) || other_tables()
}

/// Where the packet arrives must be the host, or a place that it can forward to.
fn target(check: &mut Check<'_>, flow: &Flow) {
    for to in &flow.to {
        if let (FlowTarget::At { link: Some(link), .. }, Some(span)) = (to, flow.place.key("to")) {
            check.existing(link, span);
        }
    }
    let key = if flow.arrives_at.is_some() { "arrives-at" } else { "to" };
    let Some(span) = flow.place.key(key) else { return };
    let single = match flow.to.as_slice() {
        [FlowTarget::At { addresses: Addresses::One(address), .. }] => Some(*address),
        _ => None,
    };
    let Some(arrival) = flow.arrives_at.map(|end| end.address).or(single) else { return };
    if arrival.is_unspecified() {
        return check.error(span, format!("nothing can be sent to {arrival}"));
    }
    let special = arrival.is_loopback() || arrival.is_multicast() || is_broadcast(check, arrival);
    if !flow.expect.arrives() || special || check.host.has_address(arrival) {
        return;
    }
    let towards = check.host.devices_towards(arrival);
    let elsewhere = check.host.routes.iter().any(|route| route.destination().contains(arrival));
    if towards.is_empty() && !elsewhere && !is_bridged(check, &flow.from) {
        let message = format!("the host has no route to {arrival}");
        return check.warning(span, message, "Declare a route, or an address on its network.");
    }
    let bridged = flow.from.iter().all(|from| match from {
        FlowSource::Host(_) => true,
        FlowSource::Behind { link, .. } => {
            let upper = check.link(link).map(|link| check.layer3(link));
            upper.is_some_and(|upper| towards.is_empty() || towards.contains(&upper.name.as_str()))
        }
    });
    let forwarding = check.host.forwarding.as_ref();
    let on = forwarding.and_then(|forwarding| match Family::of(arrival) {
        Family::Ipv4 => forwarding.ipv4,
        Family::Ipv6 => forwarding.ipv6,
    });
    if on != Some(true) && !bridged {
        let family = Family::of(arrival);
        let message = format!("{arrival} is not this host, and {family} forwarding is not on");
        check.warning(span, message, "Set `forwarding = true` at the top of the file.");
    }
}

/// Whether all senders are behind bridges without addresses, whose machines find each other without the host.
fn is_bridged(check: &Check<'_>, from: &[FlowSource]) -> bool {
    from.iter().all(|from| match from {
        FlowSource::Host(_) => false,
        FlowSource::Behind { link, .. } => {
            let upper = check.link(link).map(|link| check.layer3(link));
            upper.is_some_and(|upper| {
                matches!(upper.kind, Some(LinkKind::Bridge(_))) && upper.networks().next().is_none()
            })
        }
    })
}

fn is_broadcast(check: &Check<'_>, address: IpAddr) -> bool {
    let IpAddr::V4(v4) = address else { return false };
    let networks = check.host.links.iter().flat_map(crate::model::Link::networks);
    let last = |network: netwright_route::Prefix| match network.network().address {
        IpAddr::V4(first) if network.length < 31 => {
            Some(u32::from(first) | u32::MAX.checked_shr(network.length.into()).unwrap_or(0))
        }
        _ => None,
    };
    v4.is_broadcast() || networks.into_iter().any(|network| last(network) == Some(u32::from(v4)))
}

/// The ends of what shall be shut.
fn only(check: &mut Check<'_>, only: &Only) {
    if !families(check, &only.place, &only.from, &only.to) {
        return;
    }
    senders(check, &only.place, &only.from, Expect::Drop);
    let Some(span) = only.place.key("to") else { return };
    for to in &only.to {
        if let FlowTarget::At { link: Some(link), .. } = to {
            check.existing(link, span);
        }
    }
}
