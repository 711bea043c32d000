//! What `nft monitor trace` prints.

use std::collections::HashMap;
use std::net::IpAddr;

use netwright_netfilter::request::List;
use netwright_netfilter::userdata::entry::COMMENT;
use netwright_netfilter::{Family, Rule};
use netwright_sys::{Connection, protocol};

/// The destination port of echo requests.
pub(crate) const REQUEST: u16 = 8;

/// The destination port of the search for neighbours.
pub(crate) const DISCOVERY: u16 = 135;

/// What became of a packet in one line of a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// `inet f input0`
    pub(crate) chain: String,
    /// The number in the rule's comment; `None` for a policy.
    pub(crate) rule: Option<usize>,
    /// `accept`, `drop`, `continue`, …
    pub(crate) verdict: String,
}

/// One packet's lines, and whose it was in each.
#[derive(Clone, Debug, Default)]
pub(crate) struct Traced {
    /// Source, destination, source port and destination port of the first line.
    pub(crate) first: Option<(IpAddr, IpAddr, u16, u16)>,
    pub(crate) last: Option<(IpAddr, IpAddr, u16, u16)>,
    pub(crate) lines: Vec<Line>,
    /// Whether it has passed all input chains.
    pub(crate) taken: bool,
}

/// The numbers in the comments of rules, by table and handle: `nft` does not know those in chains without a name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Handles(HashMap<(String, u64), usize>);

impl Handles {
    /// Those of the calling thread's namespace.
    pub(crate) fn read() -> netwright_sys::Result<Self> {
        let mut connection = Connection::open(protocol::NETFILTER)?;
        let mut found = HashMap::new();
        for rule in connection.dump_all(&List::<Rule>::new(Family::UNSPECIFIED))? {
            let comment = rule.userdata.text(COMMENT).and_then(|text| text.strip_prefix('r')?.parse().ok());
            if let (Some(handle), Some(number)) = (rule.handle, comment) {
                found.insert((format!("{} {}", rule.family, rule.table), handle), number);
            }
        }
        Ok(Handles(found))
    }
}

/// The number in a rule's comment.
fn number(line: &str) -> Option<usize> {
    line.rsplit_once("comment \"r").and_then(|(_, rest)| rest.split('"').next()?.parse().ok())
}

/// The packets in what was printed, in order.
pub(crate) fn packets(text: &str, handles: &Handles) -> Vec<Traced> {
    let mut order: Vec<Traced> = Vec::new();
    let mut open: HashMap<String, usize> = HashMap::new();
    for line in text.lines() {
        let mut words = line.split_whitespace();
        let (Some("trace"), Some("id"), Some(id), Some(family), Some(table), Some(chain), Some(kind)) = (
            words.next(),
            words.next(),
            words.next(),
            words.next(),
            words.next(),
            words.next(),
            words.next(),
        ) else {
            continue;
        };
        if kind == "packet:" {
            let of = whose(line);
            let starts = table == "judge" && (chain == "pre" || chain == "out" || family == "netdev");
            // behind a bridge the kernel numbers a packet anew
            let same = of.and_then(|of| order.iter().rposition(|traced| traced.last == Some(of)));
            let continues = order.last().is_some_and(|last| {
                last.last == of
                    && last.lines.iter().all(|line| {
                        let starts = |family: &&str| line.chain.starts_with(*family);
                        ["netdev ", "bridge ", "inet d "].iter().any(starts)
                    })
            });
            if starts && !(continues && family == "inet") {
                open.insert(id.to_owned(), order.len());
                order.push(Traced { first: of, last: of, ..Traced::default() });
            } else if let Some(&index) = open.get(id).filter(|_| !starts).or(same.as_ref()) {
                open.insert(id.to_owned(), index);
                if of.is_some() {
                    order[index].last = of;
                }
            }
            continue;
        }
        let Some(&index) = open.get(id) else { continue };
        let traced = &mut order[index];
        if table == "judge" {
            traced.taken |= chain == "in";
            continue;
        }
        // of rules in chains without a name nft knows the handle only
        let handle = line.split_once(" unknown rule handle ").and_then(|(_, rest)| {
            let handle = rest.split_whitespace().next()?.parse().ok()?;
            handles.0.get(&(format!("{family} {table}"), handle)).copied()
        });
        let rule = number(line).or(handle);
        let verdict = match kind {
            "rule" | "unknown" => {
                line.rsplit_once("(verdict ").map(|(_, rest)| rest.trim_end_matches(')').to_owned())
            }
            "policy" => words.next().map(str::to_owned),
            _ => None,
        };
        if let Some(verdict) = verdict {
            traced.lines.push(Line {
                chain: format!("{family} {table} {chain}"),
                rule: rule.filter(|_| kind != "policy"),
                verdict,
            });
        }
    }
    order
}

/// Source, destination and ports in a line about a packet.
fn whose(line: &str) -> Option<(IpAddr, IpAddr, u16, u16)> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let after = |of: &[&str], name: &str| {
        words.windows(3).find(|window| of.contains(&window[0]) && window[1] == name).map(|window| window[2])
    };
    let ip = ["ip", "ip6"];
    let source = after(&ip, "saddr")?.parse().ok()?;
    let destination = after(&ip, "daddr")?.parse().ok()?;
    let port = |name: &str| after(&["tcp", "udp"], name).and_then(|port| port.parse().ok());
    // of ICMP the requests alone are told from others, by their number
    let request = match after(&["icmp", "icmpv6"], "type") {
        Some("echo-request" | "8" | "128") => Some(REQUEST),
        Some("nd-neighbor-solicit" | "nd-neighbor-advert" | "135" | "136") => Some(DISCOVERY),
        _ => None,
    };
    Some((source, destination, port("sport").unwrap_or(0), port("dport").or(request).unwrap_or(0)))
}
