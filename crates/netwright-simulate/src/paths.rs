//! What is compared together: the ways through chains to each rule that may let a packet on. A rule that is reached only by packets
//! from an address, with a hardware address and a DSCP, is met by no packet that has one of them alone.

use std::collections::BTreeSet;
use std::net::IpAddr;

use netwright_nft::ir::{
    ChainTarget, Element, Expression, Match, NatKind, Rule, Set, SetReference, Statement,
};
use netwright_state::Ruleset as Declared;
use netwright_state::ruleset::Table;

use crate::constants::{Constants, is_mark};
use crate::effect::{effect, targets};
use crate::frame::Mac;
use crate::lanes::{ANY, FIRST, Lane, OTHER};
use crate::packet::icmp;
use crate::shape::Shape;
use crate::shot::What;
use crate::sweep::Probe;

/// What all rules on one way look at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Path {
    pub(crate) constants: Constants,
    /// Whether its last rule sends packets to somebody else than they are for.
    pub(crate) translates: bool,
    /// Whether its last rule sets a mark that others may look at.
    sets_mark: bool,
}

/// So many ways are followed at the most.
const MOST: usize = 1 << 14;
/// Chains go to each other at most this deep (`NFT_JUMP_STACK_SIZE`).
const DEPTH: usize = 16;
/// So many packets of one way are made at the most.
const PACKETS: usize = 1 << 16;

/// The ways to all rules of a ruleset that may let a packet on, or send it somewhere else.
pub(crate) fn paths(declared: &Declared) -> Vec<Path> {
    let mut found = Vec::new();
    for table in &declared.tables {
        for chain in table.chains.iter().filter(|chain| chain.hook.is_some()) {
            let mut walk = Walk { table, found: &mut found };
            walk.rules(&chain.rules, &Constants::default(), 0);
        }
    }
    // who is let on by a mark is let on by what sets it
    let (setting, asking): (Vec<&Path>, Vec<&Path>) = (
        found.iter().filter(|path| path.sets_mark).collect(),
        found.iter().filter(|path| path.constants.marks && !path.sets_mark).collect(),
    );
    let marked = asking.iter().flat_map(|asking| {
        setting.iter().map(|setting| {
            let constants = asking.constants.clone().with(&setting.constants);
            Path { constants, ..(*asking).clone() }
        })
    });
    let marked: Vec<Path> = marked.take(MOST).collect();
    found.extend(marked);
    found
}

struct Walk<'a> {
    table: &'a Table,
    found: &'a mut Vec<Path>,
}

impl Walk<'_> {
    fn rules(&mut self, rules: &[Rule], before: &Constants, depth: usize) {
        for rule in rules {
            if self.found.len() >= MOST || depth > DEPTH {
                return;
            }
            let sets = &self.table.sets;
            let effect = effect(rule, sets);
            let translates = rule.statements.iter().any(translates);
            let sets_mark = rule.statements.iter().any(sets_mark);
            let targets = targets(rule, sets);
            let ends = effect.accepts || effect.returns || translates || sets_mark;
            if !ends && targets.is_empty() {
                continue;
            }
            for constants in alternatives(rule, sets, before) {
                for (target, _) in &targets {
                    let inner = match target {
                        ChainTarget::Anonymous(rules) => rules,
                        ChainTarget::Named(name) => {
                            match self.table.chains.iter().find(|chain| chain.name == *name) {
                                Some(chain) => &chain.rules,
                                None => continue,
                            }
                        }
                    };
                    self.rules(inner, &constants, depth + 1);
                }
                if ends {
                    self.found.push(Path { constants, translates, sets_mark });
                }
            }
        }
    }
}

fn translates(statement: &Statement) -> bool {
    match statement {
        Statement::Nat(nat) => matches!(nat.kind, NatKind::Destination | NatKind::Redirect),
        Statement::Tproxy(_) => true,
        _ => false,
    }
}

fn sets_mark(statement: &Statement) -> bool {
    matches!(statement, Statement::Assign(selector, _) if is_mark(selector))
}

/// What a rule looks at besides what was looked at before it: one for each element of a set of concatenations, whose parts belong
/// together.
fn alternatives(rule: &Rule, sets: &[Set], before: &Constants) -> Vec<Constants> {
    let mut found = vec![before.clone()];
    for statement in &rule.statements {
        let looks = match statement {
            Statement::Match(_) | Statement::VerdictMap(..) => true,
            // a map says for which keys it translates
            statement => translates(statement),
        };
        if !looks {
            continue;
        }
        let single = |element: &Element| {
            let one = |elements: &SetReference| match elements {
                SetReference::Anonymous(_) | SetReference::Named(_) => {
                    SetReference::Anonymous(vec![element.clone()])
                }
            };
            match statement {
                Statement::Match(Match { operator, left, right: Expression::Set(set) }) => {
                    Statement::Match(Match {
                        operator: *operator,
                        left: left.clone(),
                        right: Expression::Set(one(set)),
                    })
                }
                Statement::VerdictMap(key, map) => Statement::VerdictMap(key.clone(), one(map)),
                other => other.clone(),
            }
        };
        match joined(statement, sets) {
            Some(elements) if found.len().saturating_mul(elements.len()) <= MOST => {
                found = found
                    .iter()
                    .flat_map(|known| {
                        elements.iter().map(|element| {
                            let mut known = known.clone();
                            known.statement(&single(element), sets);
                            known
                        })
                    })
                    .collect();
            }
            _ => found.iter_mut().for_each(|known| known.statement(statement, sets)),
        }
    }
    found
}

/// The elements of the set of concatenations that a statement looks into.
fn joined<'s>(statement: &'s Statement, sets: &'s [Set]) -> Option<&'s [Element]> {
    let (key, set) = match statement {
        Statement::Match(Match { left, right: Expression::Set(set), .. }) => (left, set),
        Statement::VerdictMap(key, map) => (key, map),
        _ => return None,
    };
    let elements = match set {
        SetReference::Anonymous(elements) => elements,
        SetReference::Named(name) => &sets.iter().find(|set| set.name == *name)?.elements,
    };
    (matches!(key, Expression::Concatenation(_)) && !elements.is_empty()).then_some(elements)
}

impl Path {
    /// The addresses that it sends to somebody else.
    pub(crate) fn translated(&self) -> impl Iterator<Item = IpAddr> {
        let all = self.constants.destinations.iter().filter(|_| self.translates);
        all.flat_map(|&(first, last)| [first, last])
    }

    /// Whether it asks for several things of a packet that are tried one by one elsewhere.
    fn is_special(&self) -> bool {
        let Constants { macs, flags, features, source_ports, protocols, icmp, .. } = &self.constants;
        let kinds = features
            .iter()
            .enumerate()
            .filter(|(index, feature)| !features.iter().take(*index).any(|before| before.is_like(**feature)));
        let rare = usize::from(!macs.is_empty()) + usize::from(!flags.is_empty()) + kinds.count();
        let other = self.is_of_some()
            || !source_ports.is_empty()
            || !protocols.is_empty()
            || icmp.iter().any(|kinds| !kinds.is_empty());
        rare > 1 || rare == 1 && other
    }

    /// Whether it asks for an address.
    fn is_of_some(&self) -> bool {
        let Constants { sources, destinations, masked, .. } = &self.constants;
        !(sources.is_empty() && destinations.is_empty() && masked.is_empty())
    }

    fn admits(&self, lane: &Lane) -> bool {
        let Constants { sources, destinations, masked, .. } = &self.constants;
        let fits = |source: bool, intervals: &BTreeSet<(IpAddr, IpAddr)>, address: Option<IpAddr>| {
            let mut parts = masked.iter().filter(|masked| masked.source == source).peekable();
            let Some(address) = address else { return true };
            let inside = |(first, last): &(IpAddr, IpAddr)| {
                first.is_ipv4() == address.is_ipv4() && (*first..=*last).contains(&address)
            };
            intervals.is_empty() && parts.peek().is_none()
                || intervals.iter().any(inside)
                || parts.any(|part| part.is_in(address))
        };
        fits(true, sources, lane.source()) && fits(false, destinations, Some(lane.to))
    }

    /// The packets that have all of it together, on lanes where they may come by.
    pub(crate) fn probes(&self, lanes: &[Lane], ordinary: &[usize]) -> Vec<Probe> {
        if !self.is_special() {
            return Vec::new();
        }
        let some = self.is_of_some();
        let mut found = Vec::new();
        for (index, lane) in lanes.iter().enumerate() {
            if !some && !ordinary.contains(&index) || !self.admits(lane) {
                continue;
            }
            self.on(index, lane.to.is_ipv4(), &mut found);
            if found.len() > PACKETS {
                break;
            }
        }
        found
    }

    fn on(&self, lane: usize, ipv4: bool, found: &mut Vec<Probe>) {
        let constants = &self.constants;
        let macs: Vec<Option<Mac>> = constants.macs.iter().map(|mac| Some(Mac(*mac))).chain([None]).collect();
        let mut shapes = vec![Shape::ORDINARY];
        for (number, feature) in constants.features.iter().enumerate() {
            if constants.features.iter().take(number).any(|before| before.is_like(*feature)) {
                continue;
            }
            let like = || constants.features.iter().filter(|other| other.is_like(*feature));
            let more: Vec<Shape> =
                shapes.iter().flat_map(|shape| like().map(|feature| shape.with(*feature))).collect();
            shapes.extend(more);
        }
        for what in self.whats(ipv4) {
            let segment = matches!(what, What::Segment { .. });
            let own = if segment { OTHER } else { ANY };
            let ports = constants.source_ports.iter().flat_map(|&(first, last)| [first, last]);
            let mut ports: BTreeSet<u16> = ports.filter(|port| *port != 0).chain([own]).collect();
            if matches!(what, What::Raw(number) if constants.with_ports.contains(&number)) {
                ports.extend(constants.ports.iter().flat_map(|&(first, last)| [first, last]));
            }
            for &source_port in &ports {
                for &mac in &macs {
                    for &shape in &shapes {
                        let plain = what;
                        let what = match plain {
                            What::Tcp(port) if shape.length.is_some() => What::Segment { port, flags: FIRST },
                            what => what,
                        };
                        found.push(Probe { lane, what, source_port, mac, shape });
                    }
                }
            }
            if found.len() > PACKETS {
                return;
            }
        }
    }

    fn whats(&self, ipv4: bool) -> Vec<What> {
        let constants = &self.constants;
        let family = usize::from(!ipv4);
        let near = |(first, last): (u16, u16)| [first, last];
        let ports: BTreeSet<u16> = constants
            .ports
            .iter()
            .filter(|ports| !constants.source_ports.contains(ports))
            .copied()
            .flat_map(near)
            .filter(|port| *port != 0)
            .collect();
        let ports = if ports.is_empty() { [SOME].into() } else { ports };
        let mut found: Vec<What> = constants.with_ports.iter().map(|number| What::Raw(*number)).collect();
        for &port in &ports {
            found.extend([What::Tcp(port), What::Udp(port)]);
            found.extend(constants.flags.iter().map(|&flags| What::Segment { port, flags }));
        }
        for &kind in &constants.icmp[family] {
            let codes = constants.codes[family].iter().copied().chain([0]).collect::<BTreeSet<u8>>();
            found.extend(codes.into_iter().map(|code| What::Icmp { kind, code }));
        }
        found.push(What::Icmp { kind: if ipv4 { icmp::ECHO } else { icmp::ECHO_V6 }, code: 0 });
        found.extend(crate::lanes::others(ipv4, [], constants.protocols.iter().copied()));
        found
    }
}

/// A port of which no rule need speak.
const SOME: u16 = 12_345;
