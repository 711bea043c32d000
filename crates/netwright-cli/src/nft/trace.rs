//! `monitor trace`: what the rules do with marked packets, in the words of nft.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::Write;

use netwright::Net;
use netwright::netfilter::{Family, Trace, TraceKind, Verdict, group};
use netwright_nft::print;
use netwright_nft::table::header::HeaderId;
use netwright_nft::table::value::{BitStyle, write_styled};
use netwright_nft::table::{Database, PrintOptions};

use super::listing::{Style, Unanswered};
use super::monitor::{listen, lost};
use crate::failure::Failure;

/// Tells of traces until nobody listens.
pub(super) fn follow(net: &Net, style: Style<'_>, out: &mut impl Write) -> Result<(), Unanswered> {
    let mut connection = listen(net, group::NFTRACE)?;
    let mut rules = Rules { net, style, texts: HashMap::new() };
    loop {
        let mut result: Result<(), Failure> = Ok(());
        let heard = connection.notifications(|message| {
            // a trace that cannot be read is one that tells nothing
            if let (Ok(()), Ok(Some(trace))) = (&result, Trace::read(message)) {
                result = tell(&trace, &mut rules, out);
            }
        });
        result?;
        out.flush()?;
        if !lost(heard)? {
            connection.socket().wait(None)?;
        }
    }
}

fn tell(trace: &Trace, rules: &mut Rules<'_>, out: &mut impl Write) -> Result<(), Failure> {
    let place = format!("trace id {:08x} {} {} {}", trace.id, trace.family, trace.table, trace.chain);
    if !trace.network_header.is_empty() || !trace.link_header.is_empty() {
        writeln!(out, "{place} packet:{}", packet(trace, rules.style))?;
    }
    let mark = trace.mark.filter(|mark| *mark != 0);
    let mark = mark.map(|mark| format!(" meta mark {mark:#010x}")).unwrap_or_default();
    let target = trace.verdict.as_ref().and_then(|verdict| verdict.chain.as_deref());
    let code = trace.verdict.as_ref().and_then(|verdict| verdict.code);
    match trace.kind {
        TraceKind::POLICY => writeln!(out, "{place} policy {}{mark}", word(trace.policy, None))?,
        TraceKind::RETURN => writeln!(out, "{place} verdict {}{mark}", word(code, target))?,
        _ => {
            // the end of a chain is told as a rule without a handle
            let Some(handle) = trace.rule else { return Ok(()) };
            let rule = match rules.text(trace, handle) {
                Some(text) => format!("rule {text}"),
                None => format!("unknown rule handle {handle}"),
            };
            writeln!(out, "{place} {rule} (verdict {})", word(code, target))?;
        }
    }
    Ok(())
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

/// The texts of rules, by family, table, chain and handle.
struct Rules<'a> {
    net: &'a Net,
    style: Style<'a>,
    texts: HashMap<(Family, String, String, u64), Option<String>>,
}

impl Rules<'_> {
    /// The text of the rule; `None` where it is not there any more, or within another rule.
    fn text(&mut self, trace: &Trace, handle: u64) -> Option<&str> {
        let key = (trace.family, trace.table.clone(), trace.chain.clone(), handle);
        if !self.texts.contains_key(&key) {
            self.read(trace.family);
        }
        self.texts.entry(key).or_default().as_deref()
    }

    /// Reads all rules of a family. If the kernel does not tell them, they stay unknown.
    fn read(&mut self, family: Family) {
        let Ok(listing) = self.net.nft().ruleset_of(family) else { return };
        let options = PrintOptions { handles: false, ..*self.style.options };
        for chain in listing.ruleset.tables.iter().flat_map(|content| &content.chains) {
            for rule in &chain.rules {
                let key =
                    (chain.family, chain.table.clone(), chain.name.clone(), rule.handle.unwrap_or_default());
                self.texts.insert(key, Some(print::rule(rule, &options, self.style.names)));
            }
        }
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
    // the loopback interface has no addresses, but room for them
    if trace.link_header.iter().take(12).any(|byte| *byte != 0) {
        fields(HeaderId::Ether, ETHER, &trace.link_header, style, &mut text);
    }
    let network = &trace.network_header;
    let protocol = match network.first().map(|first| first >> 4) {
        Some(4) => {
            fields(HeaderId::Ip, IP, network, style, &mut text);
            network.get(9)
        }
        Some(6) => {
            fields(HeaderId::Ip6, IP6, network, style, &mut text);
            network.get(6)
        }
        _ => None,
    };
    let header = protocol.and_then(|protocol| HeaderId::by_ip_protocol(*protocol));
    if let Some(header) = header {
        fields(header, above(header), &trace.transport_header, style, &mut text);
    }
    text
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
