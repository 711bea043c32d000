//! Firewalls by seed that are open in places that are known beforehand, each of which a rule of another form lets in: `[[only]]`
//! tells of exactly those that no flow names.
//!
//! `HOLES_HOSTS` is how many hosts are tried (4), `HOLES_SEED` where they start (1).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::IpAddr;

use netwright_lab::random::Random;
use netwright_lab::{Failure, Lab, Outcome, ensure};
use netwright_route::Prefix;

use crate::{flow, simulate};

/// Where a firewall is open.
#[derive(Clone, Debug)]
struct Hole {
    protocol: &'static str,
    first: u16,
    last: u16,
    /// Who gets in; everybody where it is nobody.
    source: Option<&'static str>,
    /// The last port that a flow names; none where none is named.
    named: Option<u16>,
}

const SOURCES: [&str; 5] =
    ["198.51.100.64/26", "198.51.100.9/32", "203.0.113.128/25", "2001:db8:5::/48", "2001:db8:5:1::7/128"];

/// Parts of a ruleset under way.
#[derive(Default)]
struct Rules {
    sets: String,
    early: String,
    input: String,
}

fn hole(random: &mut Random, first: u16) -> Hole {
    let last = if random.one_in(2) { first } else { first + 1 + random.below(5) as u16 };
    let source = if random.one_in(2) { Some(*random.pick(&SOURCES)) } else { None };
    let named = match random.below(3) {
        0 => Some(last),
        1 if last > first => Some(last - 1),
        _ => None,
    };
    let protocol = if random.one_in(2) { "tcp" } else { "udp" };
    Hole { protocol, first, last, source, named }
}

impl Hole {
    /// A rule that lets it in.
    fn rule(&self, random: &mut Random, number: usize, rules: &mut Rules) {
        let Hole { protocol, first, last, .. } = *self;
        let ports = if first == last { first.to_string() } else { format!("{first}-{last}") };
        let family = if self.source.is_some_and(|source| source.contains(':')) { "ip6" } else { "ip" };
        let from = self.source.map(|source| format!("{family} saddr {source} ")).unwrap_or_default();
        let mark = 100 + number;
        let rule = match (random.below(14), self.source) {
            (0, _) => format!("meta l4proto {protocol} {from}th dport {ports} accept"),
            (1, _) => format!("{from}{protocol} dport vmap {{ {ports} : accept }}"),
            (2, _) => format!("{from}meta l4proto . th dport {{ {protocol} . {ports} }} accept"),
            (3, _) => format!("meta l4proto {protocol} {from}@th,16,16 {ports} accept"),
            (4, _) => {
                format!("{from}{protocol} dport {ports} meta mark set {mark}\n  meta mark {mark} accept")
            }
            (5, _) => format!("{from}{protocol} dport {ports} jump opened"),
            (6, _) => {
                let _ = writeln!(
                    rules.sets,
                    " set h{number} {{ type inet_service; flags interval; elements = {{ {ports} }}; }}"
                );
                format!("{from}{protocol} dport @h{number} accept")
            }
            (7, _) => format!("{protocol} dport >= {first} {from}{protocol} dport <= {last} accept"),
            (8, _) => {
                let _ = writeln!(rules.early, "  {from}{protocol} dport {ports} meta mark set {mark}");
                format!("meta mark {mark} accept")
            }
            (9, _) => format!("ct state new {from}{protocol} dport {ports} counter accept"),
            (10, _) => format!("meta l4proto {protocol} {from}ct original proto-dst {ports} accept"),
            (11, Some(source)) => {
                format!("{family} saddr . {protocol} dport {{ {source} . {ports} }} accept")
            }
            (12, Some(source)) => {
                let kind = if family == "ip" { "ipv4_addr" } else { "ipv6_addr" };
                let _ = writeln!(
                    rules.sets,
                    " set h{number} {{ type {kind} . inet_proto . inet_service; flags interval; elements = {{ {source} . {protocol} . {ports} }}; }}"
                );
                format!("{family} saddr . meta l4proto . th dport @h{number} accept")
            }
            (13, Some(source)) => {
                format!("{protocol} dport {ports} {family} saddr vmap {{ {source} : goto opened }}")
            }
            _ => format!("{from}{protocol} dport {ports} accept"),
        };
        let _ = writeln!(rules.input, "  {rule}");
    }

    /// A flow for what is named of it.
    fn flow(&self, number: usize) -> String {
        let Some(named) = self.named else { return String::new() };
        let from = self.source.map(|source| format!(" {source}")).unwrap_or_default();
        format!(
            "[[flow]]\nname = \"{number}\"\nfrom = \"eth0{from}\"\nto = \"host\"\n{} = \"{}-{named}\"\n",
            self.protocol, self.first
        )
    }

    /// What must be told of it: the protocol with the first and the last port.
    fn told(&self) -> Option<(String, u16, u16)> {
        let first = self.named.map_or(self.first, |named| named + 1);
        (first <= self.last).then(|| (self.protocol.to_owned(), first, self.last))
    }
}

/// What a line of an `[[only]]` is about, and who got in: `eth0 192.0.2.9 → 192.0.2.1 tcp 7 (and 3 more, up to tcp 9)`.
fn read(line: &str) -> Option<((String, u16, u16), IpAddr)> {
    let (from, rest) = line.split_once(" → ")?;
    let sender = from.split_whitespace().nth(1)?.parse().ok()?;
    let words: Vec<&str> = rest.split_whitespace().collect();
    let (protocol, first) = (*words.get(1)?, words.get(2)?.parse().ok()?);
    let last = match rest.split_once(", up to ") {
        None => first,
        Some((_, last)) => last.split_whitespace().nth(1)?.trim_end_matches(')').parse().ok()?,
    };
    Some(((protocol.to_owned(), first, last), sender))
}

fn one(seed: u64) -> Result<(usize, usize), Failure> {
    let mut random = Random::new(seed);
    let mut port = 0;
    let holes: Vec<Hole> = (0..2 + random.below(6))
        .map(|_| {
            port += 20 + random.below(9000) as u16;
            hole(&mut random, port)
        })
        .collect();
    let mut rules = Rules::default();
    for (number, hole) in holes.iter().enumerate() {
        hole.rule(&mut random, number, &mut rules);
    }
    let flows: String = holes.iter().enumerate().map(|(number, hole)| hole.flow(number)).collect();
    let Rules { sets, early, input } = rules;
    let text = format!(
        r#"
link.eth0.addresses = ["192.0.2.1/24", "2001:db8::1/64"]
[[route]]
to = "default"
via = "192.0.2.254"
[[route]]
to = "default"
via = "2001:db8::254"

[firewall]
rules = '''
table inet filter {{
{sets} chain opened {{
  accept
 }}
 chain early {{
  type filter hook prerouting priority mangle; policy accept;
{early} }}
 chain input {{
  type filter hook input priority filter; policy drop;
  ct state established,related accept
  icmpv6 type {{ nd-neighbor-solicit, nd-neighbor-advert }} accept
{input} }}
}}
'''

{flows}
[[only]]
name = "nothing else"
from = "eth0"
to = "host"
"#
    );
    let report = simulate(&text)?;
    let only = flow(&report, "nothing else")?;
    let wanted: BTreeMap<_, _> =
        holes.iter().filter_map(|hole| hole.told().map(|told| (told, hole.source))).collect();
    ensure!(only.passed() == wanted.is_empty(), "seed {seed}\n{text}\n{report}");
    let lines: Vec<&str> =
        only.shown.iter().filter(|case| !case.passed()).map(|case| case.packet.as_str()).collect();
    let found: Vec<_> = lines.iter().map(|line| read(line)).collect();
    let mut ends: Vec<(String, u16)> = Vec::new();
    for found in found {
        let Some(((protocol, first, last), sender)) = found else {
            return Err(Failure::wrong(format_args!("seed {seed}: {lines:#?}")));
        };
        let around = wanted.iter().find(|((of, from, to), source)| {
            let within = |source: &str| source.parse::<Prefix>().is_ok_and(|net| net.contains(sender));
            *of == protocol && *from <= first && last <= *to && source.is_none_or(within)
        });
        ensure!(
            around.is_some(),
            "seed {seed}: {protocol} {first} to {last} from {sender} is not open\n{text}"
        );
        ends.extend([(protocol.clone(), first), (protocol, last)]);
    }
    // of a network's ports the first and the last are tried, which stand for those between
    for (protocol, first, last) in wanted.keys() {
        let told = [first, last].into_iter().all(|port| ends.contains(&(protocol.clone(), *port)));
        ensure!(told, "seed {seed}: {protocol} {first} to {last} is open, and told {lines:#?}\n{text}");
    }
    Ok((holes.len(), wanted.len()))
}

pub(crate) fn what_is_open_is_exactly_what_is_told(_: &mut Lab) -> Outcome {
    let number = |name: &str, default: u64| {
        std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
    };
    let (mut open, mut told) = (0, 0);
    let first = number("HOLES_SEED", 1);
    for host in 0..number("HOLES_HOSTS", 4) {
        let (holes, wanted) = one(first.wrapping_mul(1_000_000).wrapping_add(host))?;
        (open, told) = (open + holes, told + wanted);
    }
    println!("{open} holes, of which {told} are named by no flow, and told");
    Ok(())
}
