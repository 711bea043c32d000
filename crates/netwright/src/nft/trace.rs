//! What the rules do with marked packets, in the words of nft.

use std::collections::HashMap;
use std::fmt::{self, Write};

use netwright_netfilter::{Family, Ruleset, Trace, TraceKind, Verdict};
use netwright_nft::ir::Rule;
use netwright_nft::table::header::HeaderId;
use netwright_nft::table::value::{BitStyle, write_styled};
use netwright_nft::table::{Database, PrintOptions};
use netwright_nft::{lift, print};

use super::event::rules_within;
use super::style::Style;

/// Writes the steps of packets in the words of nft, with the texts of rules.
#[derive(Debug)]
pub struct TraceWriter<'a> {
    style: Style<'a>,
    /// By family, table and handle, which is never the same in two chains of a table.
    rules: HashMap<(Family, String, u64), Option<String>>,
}

impl<'a> TraceWriter<'a> {
    /// No rule is known yet.
    #[must_use]
    pub fn new(style: Style<'a>) -> Self {
        TraceWriter { style, rules: HashMap::new() }
    }

    /// Whether the rule of a step is not known: then what the kernel has in its family is to be told by
    /// [`TraceWriter::know`].
    #[must_use]
    pub fn misses(&self, trace: &Trace) -> bool {
        let key = |handle| (trace.family, trace.table.clone(), handle);
        trace.kind == TraceKind::RULE && trace.rule.is_some_and(|rule| !self.rules.contains_key(&key(rule)))
    }

    /// Notes the texts of rules. A rule of this step that is not among them is gone, and stays unknown.
    pub fn know(&mut self, ruleset: &Ruleset, trace: &Trace) {
        for content in lift::ruleset(ruleset).tables {
            for chain in &content.chains {
                chain.rules.iter().for_each(|rule| self.add(chain.family, &chain.table, rule));
            }
        }
        if let Some(handle) = trace.rule {
            self.rules.entry((trace.family, trace.table.clone(), handle)).or_default();
        }
    }

    /// Adds a rule, and those of the chain that is written in it.
    fn add(&mut self, family: Family, table: &str, rule: &Rule) {
        let options = PrintOptions { handles: false, ..*self.style.options };
        let text = print::rule(rule, &options, self.style.names);
        self.rules.insert((family, table.to_owned(), rule.handle.unwrap_or_default()), Some(text));
        rules_within(rule).for_each(|rule| self.add(family, table, rule));
    }

    /// Writes a step: a line, and one before it where the packet is told.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(&self, trace: &Trace, out: &mut impl Write) -> fmt::Result {
        let place = format!("trace id {:08x} {} {} {}", trace.id, trace.family, trace.table, trace.chain);
        if !trace.network_header.is_empty() || !trace.link_header.is_empty() {
            writeln!(out, "{place} packet:{}", packet(trace, self.style))?;
        }
        let mark = trace.mark.filter(|mark| *mark != 0);
        let mark = mark.map(|mark| format!(" meta mark {mark:#010x}")).unwrap_or_default();
        let target = trace.verdict.as_ref().and_then(|verdict| verdict.chain.as_deref());
        let code = trace.verdict.as_ref().and_then(|verdict| verdict.code);
        match trace.kind {
            TraceKind::POLICY => writeln!(out, "{place} policy {}{mark}", word(trace.policy, None)),
            TraceKind::RETURN => writeln!(out, "{place} verdict {}{mark}", word(code, target)),
            _ => {
                // the end of a chain is told as a rule without a handle
                let Some(handle) = trace.rule else { return Ok(()) };
                let rule = match self.rules.get(&(trace.family, trace.table.clone(), handle)) {
                    Some(Some(text)) => format!("rule {text}"),
                    _ => format!("unknown rule handle {handle}"),
                };
                writeln!(out, "{place} {rule} (verdict {})", word(code, target))
            }
        }
    }
}

fn word(code: Option<Verdict>, chain: Option<&str>) -> String {
    let chain = chain.unwrap_or_default();
    match code {
        Some(Verdict::ACCEPT) => "accept".into(),
        Some(Verdict::CONTINUE) => "continue".into(),
        Some(Verdict::RETURN) => "return".into(),
        Some(Verdict::JUMP) => format!("jump {chain}"),
        Some(Verdict::GOTO) => format!("goto {chain}"),
        // the upper half says more: the error that a sender gets, or which queue
        Some(Verdict(code)) => match code & 0xff {
            0 => "drop".into(),
            2 => "stolen".into(),
            3 => "queue".into(),
            4 => "repeat".into(),
            _ => format!("{code}"),
        },
        None => "unknown".into(),
    }
}

const ETHER: &[&str] = &["saddr", "daddr"];
const IP: &[&str] = &["saddr", "daddr", "dscp", "ecn", "ttl", "id", "protocol", "length"];
const IP6: &[&str] = &["saddr", "daddr", "dscp", "ecn", "hoplimit", "flowlabel", "nexthdr", "length"];

/// What stands in a packet's headers.
fn packet(trace: &Trace, style: Style<'_>) -> String {
    let mut text = String::new();
    for (word, index) in [("iif", trace.input), ("oif", trace.output)] {
        let Some(index) = index else { continue };
        // writing into a String cannot fail
        let _ = match style.names.name(Database::Interfaces, index.into()) {
            Some(name) => write!(text, " {word} \"{name}\""),
            None => write!(text, " {word} {index}"),
        };
    }
    let network = &trace.network_header;
    let kind = ether_type(trace);
    // the loopback interface has no addresses, but room for them
    if trace.link_header.iter().take(12).any(|byte| *byte != 0) {
        link(&trace.link_header, is_told(kind), style, &mut text);
    }
    let protocol = match kind {
        Some(IPV4) => {
            fields(HeaderId::Ip, IP, network, style, &mut text);
            network.get(9)
        }
        Some(IPV6) => {
            fields(HeaderId::Ip6, IP6, network, style, &mut text);
            network.get(6)
        }
        Some(ARP) => {
            fields(HeaderId::Arp, &["operation"], network, style, &mut text);
            None
        }
        _ => None,
    };
    let header = protocol.and_then(|protocol| HeaderId::by_ip_protocol(*protocol));
    if let Some(header) = header {
        fields(header, above(header), &trace.transport_header, style, &mut text);
    }
    text
}

const IPV4: u128 = 0x0800;
const ARP: u128 = 0x0806;
const IPV6: u128 = 0x86dd;
const VLAN: u128 = 0x8100;
const SERVICE_VLAN: u128 = 0x88a8;

/// Whether the fields of a protocol above the link are told, so that its number need not be.
fn is_told(ether_type: Option<u128>) -> bool {
    matches!(ether_type, Some(IPV4 | IPV6 | ARP))
}

/// What the network header is of: behind a VLAN tag the link header tells it; where there is none, the version of IP.
fn ether_type(trace: &Trace) -> Option<u128> {
    let header = &trace.link_header;
    match number(header, 96, 16) {
        Some(VLAN | SERVICE_VLAN) => number(header, 128, 16),
        // other links have headers of their own
        Some(kind) if header.len() == 14 && kind != 0 => Some(kind),
        _ => match trace.network_header.first().map(|first| first >> 4) {
            Some(4) => Some(IPV4),
            Some(6) => Some(IPV6),
            _ => None,
        },
    }
}

/// The addresses of a link header, its VLAN tag, and what it carries unless that is told.
fn link(header: &[u8], told: bool, style: Style<'_>, text: &mut String) {
    fields(HeaderId::Ether, ETHER, header, style, text);
    match number(header, 96, 16) {
        Some(kind @ (VLAN | SERVICE_VLAN)) => {
            if kind == SERVICE_VLAN {
                fields(HeaderId::Ether, &["type"], header, style, text);
            }
            let names: &[&str] = if told { &["pcp", "dei", "id"] } else { &["pcp", "dei", "id", "type"] };
            fields(HeaderId::Vlan, names, header.get(14..).unwrap_or_default(), style, text);
        }
        Some(_) if !told => fields(HeaderId::Ether, &["type"], header, style, text),
        _ => {}
    }
}

/// The fields of a transport header that are told.
fn above(header: HeaderId) -> &'static [&'static str] {
    match header {
        HeaderId::Tcp => &["sport", "dport", "flags", "window"],
        HeaderId::Udp => &["sport", "dport", "length", "checksum"],
        HeaderId::Icmp => &["type", "code", "id", "sequence"],
        HeaderId::Icmpv6 => &["type", "code"],
        HeaderId::Sctp | HeaderId::Dccp | HeaderId::Udplite => &["sport", "dport"],
        _ => &[],
    }
}

/// Adds the fields that are in the bytes.
fn fields(header: HeaderId, fields: &[&str], bytes: &[u8], style: Style<'_>, text: &mut String) {
    for name in fields {
        let Some(field) = header.header().field(name) else { continue };
        let Some(number) = number(bytes, field.offset, field.bits) else { continue };
        let equal = if field.data_type.is_bitmask() { "== " } else { "" };
        let _ = write!(text, " {} {name} {equal}", header.name());
        let _ = write_styled(
            text,
            field.data_type,
            field.bits,
            number,
            BitStyle::Number,
            style.names,
            style.options,
        );
    }
}

/// The number in some bits, counted from the first; `None` where the bytes end before.
fn number(bytes: &[u8], offset: u32, bits: u32) -> Option<u128> {
    (offset..offset + bits).try_fold(0, |number, bit| {
        let byte = bytes.get(bit as usize / 8)?;
        Some(number << 1 | u128::from(byte >> (7 - bit % 8) & 1))
    })
}

#[cfg(test)]
mod tests;
