//! The packets that are tried to find one which a change makes a difference to, and a flow that sends it.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use netwright_netfilter::Family;
use netwright_state::Ruleset as Declared;
use netwright_state::model::{Addresses, FlowSource, FlowTarget, Host};

use crate::change::Change;
use crate::constants::Constants;
use crate::lanes::{Lane, Lanes, kind_of};
use crate::matrix::Whence;
use crate::packet::icmp;
use crate::report::{Outcome, Verdict};
use crate::shape::Shape;
use crate::shot::What;
use crate::sweep::Probe;
use crate::topology::Obstacle;

/// So many packets are tried one by one.
const SINGLE: usize = 240;

/// One sender and destination of each kind that a ruleset tells apart, between all links.
pub(super) fn kinds(
    lanes: &Lanes<'_, '_>,
    host: &Host,
    constants: &Constants,
) -> Result<Vec<Lane>, Obstacle> {
    let links: Vec<&str> = host
        .links
        .iter()
        .filter(|link| link.name != "lo" && link.networks().next().is_some())
        .map(|link| link.name.as_str())
        .collect();
    let behind = |link: &&str| FlowSource::Behind { link: (*link).to_owned(), addresses: Addresses::Any };
    let at = |link: &&str| FlowTarget::At { link: Some((*link).to_owned()), addresses: Addresses::Any };
    let from: Vec<FlowSource> = links.iter().map(behind).chain([FlowSource::Host(None)]).collect();
    let to: Vec<FlowTarget> = links.iter().map(at).chain([FlowTarget::Host]).collect();
    let mut seen = BTreeSet::new();
    let mut found = lanes.between(&from, &to)?;
    found.retain(|lane| !lane.feigned);
    found.retain(|lane| {
        let (link, source) = match &lane.from {
            Whence::Behind(link, address) => (Some(link.clone()), kind_of(&constants.addresses, *address)),
            Whence::Host(_) => (None, Vec::new()),
        };
        let towards: Vec<String> =
            host.devices_towards(lane.to).iter().map(|&link| link.to_owned()).collect();
        let own = host.has_address(lane.to).then_some(lane.to);
        let ipv4 = lane.to.is_ipv4();
        seen.insert((link, source, towards, own, kind_of(&constants.addresses, lane.to), ipv4))
    });
    Ok(found)
}

/// Packets that a rule which was changed is about.
pub(super) fn single(change: &Change, found: &[Lane]) -> Vec<Probe> {
    let mut only = Declared::default();
    if let Some(rule) = &change.rule {
        let chain = netwright_nft::ir::Chain { rules: vec![rule.clone()], ..alone() };
        only.tables.push(netwright_state::ruleset::Table { chains: vec![chain], ..Default::default() });
    }
    let constants = Constants::of(&only);
    let mut whats: Vec<What> = Vec::new();
    for port in constants.ports.iter().flat_map(|&(first, last)| [first, last]) {
        whats.extend([What::Tcp(port), What::Udp(port)]);
    }
    if whats.is_empty() {
        whats.extend([What::Tcp(12_345), What::Udp(12_345), What::Tcp(443)]);
    }
    let all = whats.iter().flat_map(|what| {
        (0..found.len()).map(|lane| Probe {
            lane,
            what: *what,
            source_port: 0,
            mac: None,
            shape: Shape::ORDINARY,
        })
    });
    all.take(SINGLE).collect()
}

fn alone() -> netwright_nft::ir::Chain {
    netwright_nft::ir::Chain {
        family: Family::INET,
        table: String::new(),
        name: String::new(),
        hook: None,
        policy: None,
        offload: false,
        comment: None,
        handle: None,
        rules: Vec::new(),
    }
}

/// A flow as a host file has it.
pub(super) fn flow_text(lane: &Lane, probe: &Probe, verdict: &Verdict) -> String {
    let mut text = String::from("[[flow]]\n");
    let from = match &lane.from {
        Whence::Behind(link, address) => format!("{link} {address}"),
        Whence::Host(Some(address)) => format!("host {address}"),
        Whence::Host(None) => "host".into(),
    };
    let what = match probe.what {
        What::Tcp(port) => format!("tcp = {port}"),
        What::Udp(port) => format!("udp = {port}"),
        What::Icmp { kind, code: 0 }
            if kind == if lane.to.is_ipv6() { icmp::ECHO_V6 } else { icmp::ECHO } =>
        {
            "icmp = true".into()
        }
        What::Icmp { kind, code } => format!("icmp = \"{kind}/{code}\""),
        What::Raw(number) => format!("protocol = {number}"),
        What::Segment { port, flags } => {
            format!("tcp = {port}\nflags = \"{}\"", netwright_state::model::TcpFlags(flags))
        }
    };
    let expected = match &verdict.outcome {
        Outcome::Accept => "accept".to_owned(),
        Outcome::Arrived => "arrive".to_owned(),
        Outcome::Drop => "drop".to_owned(),
        Outcome::Reject(refusal) => format!("reject {refusal}"),
        Outcome::NoPath(_) | Outcome::Error(_) => "no-path".to_owned(),
    };
    let _ = write!(
        text,
        "name = \"{from} to {}, {}\"\nfrom = \"{from}\"\nto = \"{}\"\n{what}\n",
        lane.to,
        what.replace(['"', '\n'], " "),
        lane.to
    );
    if probe.source_port != 0 && probe.is_special() && probe.mac.is_none() {
        let _ = writeln!(text, "source-port = {}", probe.source_port);
    }
    if let Some(mac) = probe.mac {
        let _ = writeln!(text, "mac = \"{mac}\"");
    }
    let _ = writeln!(text, "expect = \"{expected}\"");
    if let Some(at) = verdict.arrived_at.filter(|at| at.ip() != lane.to) {
        let _ = writeln!(text, "arrives-at = \"{}\"", at.ip());
    }
    if let (Some(seen), Whence::Behind(_, address)) = (verdict.seen_from, &lane.from)
        && seen.ip() != *address
    {
        let _ = writeln!(text, "seen-from = \"{}\"", seen.ip());
    }
    text
}
