//! What rules look at and a sweep does not vary, so that nothing is silently taken for shut.

mod possible;

use std::collections::BTreeMap;

use netwright_nft::ir::{Exthdr, Payload, PayloadLocation, Selector, Statement};
use netwright_nft::table::ExtensionBase;
use netwright_nft::table::header::PayloadBase;
use netwright_state::Ruleset as Declared;

use crate::effect::{effect, targets};
use crate::firewall::all_statements;
use crate::sources::Sources;

pub(crate) use possible::possible;

/// Whether other values are tried, or are what they are wherever a packet comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Varied {
    Yes,
    /// A packet may have another value.
    No,
    /// Something else than who sends it decides: a process at the host, or what unwraps it.
    Elsewhere,
    /// It may be another one at another time, or by chance.
    Changes,
}

/// So many places of each are told.
const TOLD: usize = 4;

/// What is not varied of what rules look at, each as a sentence without a full stop.
pub(crate) fn untried(declared: &Declared, sources: &Sources) -> Vec<String> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for table in &declared.tables {
        for chain in &table.chains {
            let key = (chain.family, chain.table.clone(), chain.name.clone());
            let places = sources.rules(&key);
            for (index, rule) in chain.rules.iter().enumerate() {
                let effect = effect(rule, &table.sets);
                let opens = effect.accepts || effect.returns || !targets(rule, &table.sets).is_empty();
                let selectors = all_statements(rule)
                    .into_iter()
                    .filter(|statement| matches!(statement, Statement::Match(_) | Statement::VerdictMap(..)))
                    // what is compared in a rule that either lets on or stops is taken to be as it wants
                    .filter(|statement| opens == effect.drops || !is_taken(statement));
                for selector in selectors.flat_map(Statement::selectors) {
                    let told = match varied(selector) {
                        Varied::Yes => false,
                        Varied::No | Varied::Elsewhere => opens,
                        Varied::Changes => opens || effect.drops,
                    };
                    if !told {
                        continue;
                    }
                    let place = places.get(index).and_then(|source| source.place.as_ref());
                    let at = place.map_or_else(|| format!("chain {}", chain.name), |place| place.at.clone());
                    let all = found.entry(name(selector)).or_default();
                    if !all.contains(&at) {
                        all.push(at);
                    }
                }
            }
        }
    }
    let sentence = |(name, places): (String, Vec<String>)| {
        let more = if places.len() > TOLD { ", …" } else { "" };
        let places = places.iter().take(TOLD).cloned().collect::<Vec<_>>().join(", ");
        format!("what `[[only]]` tries does not vary {name}, at which rules look ({places}{more})")
    };
    found.into_iter().map(sentence).collect()
}

/// Whether a statement is taken to match, see [`possible`].
fn is_taken(statement: &Statement) -> bool {
    let elsewhere = |selector: &&Selector| varied(selector) == Varied::Elsewhere;
    matches!(statement, Statement::Match(_)) && !statement.selectors().iter().any(elsewhere)
}

fn varied(selector: &Selector) -> Varied {
    let of = |known: bool| if known { Varied::Yes } else { Varied::No };
    match selector {
        Selector::Payload(Payload { inner: Some(_), .. }) => Varied::No,
        Selector::Payload(Payload { location: PayloadLocation::Field(header, field), .. }) => {
            of(match (header.name, field.name) {
                ("ether", "saddr" | "daddr" | "type") | ("tcp", "flags") => true,
                ("ip" | "ip6", name) => !matches!(name, "id" | "checksum" | "flowlabel" | "hdrlength"),
                ("udp", name) => name != "checksum",
                ("icmp" | "icmpv6", name) => matches!(name, "type" | "code"),
                ("arp", _) => true,
                (_, name) => matches!(name, "sport" | "dport"),
            })
        }
        // ports, by their place
        Selector::Payload(Payload { location: PayloadLocation::Raw { base, offset, bits }, .. }) => {
            of(*base == PayloadBase::TRANSPORT && offset + bits <= 32)
        }
        Selector::Meta(key) => match key.name {
            "time" | "day" | "hour" | "random" | "cpu" => Varied::Changes,
            "skuid" | "skgid" | "cgroup" | "priority" | "rtclassid" | "secpath" | "ipsec" => {
                Varied::Elsewhere
            }
            _ => Varied::Yes,
        },
        Selector::Ct(_) | Selector::Rt(_) | Selector::Fib(_) => Varied::Yes,
        Selector::Xfrm(_) | Selector::Tunnel(_) | Selector::Socket(_) => Varied::Elsewhere,
        Selector::Exthdr(Exthdr { base: ExtensionBase::IPV6, header: Some(header), .. }) => {
            of(matches!(header.name, "frag" | "dst" | "hbh" | "rt" | "rt0"))
        }
        Selector::Exthdr(_) | Selector::Osf { .. } => Varied::No,
        Selector::Numgen(_) | Selector::Hash(_) => Varied::Changes,
    }
}

fn name(selector: &Selector) -> String {
    match selector {
        Selector::Payload(Payload { inner: Some(header), .. }) => format!("the inside of {}", header.name),
        Selector::Payload(Payload { location: PayloadLocation::Field(header, field), .. }) => {
            format!("{} {}", header.name, field.name)
        }
        Selector::Payload(_) => "bytes by their place".into(),
        Selector::Meta(key) => format!("meta {}", key.name),
        Selector::Exthdr(header) => {
            let known = header.header.map(|header| header.name);
            known.map_or_else(
                || "extension headers and options".into(),
                |name| format!("the header or option {name}"),
            )
        }
        Selector::Socket(_) => "sockets".into(),
        Selector::Osf { .. } => "the sender's operating system".into(),
        Selector::Numgen(_) => "numgen".into(),
        Selector::Hash(_) => "hashes".into(),
        Selector::Xfrm(_) => "IPsec".into(),
        Selector::Tunnel(_) => "tunnels".into(),
        Selector::Ct(_) | Selector::Rt(_) | Selector::Fib(_) => "other things".into(),
    }
}

#[cfg(test)]
mod tests;
