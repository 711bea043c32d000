//! What stands against routing packets on this host: rules of its own that packets of a sandbox would meet although those of its processes do not,
//! or the other way round.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use netwright_netfilter::expression::{FibResult, MetaKey};
use netwright_netfilter::request::List;
use netwright_netfilter::{Chain, ChainPolicy, Data, Expression, Family, Hook, Register, Rule, Verdict};
use netwright_route::rule;
use netwright_sys::{Cause, Connection, Error, Result, capability, protocol};

use super::{PREFIX, TABLE_PREFIX};

const ASKED: &str = "route the sandbox's packets";
const OUTPUT: &str = "Use `--mode relay`, whose packets meet them as those of every process here do.";
const FORWARD: &str =
    "Use `--mode relay`, or accept there what has `iifname \"nwrun*\"` and `oifname \"nwrun*\"`.";

/// An error where this process has no power over the host's network, where the host drops what it forwards, unless one of its rules names the
/// sandboxes' interfaces, and where its rules for what its own processes send would be passed by.
pub(super) fn check() -> Result<()> {
    if !capability::net_admin() {
        return Err(refused("it needs CAP_NET_ADMIN over the host's network".into())
            .with_help("Use `--mode relay`, which needs no privilege, or run it as root."));
    }
    let rules = HostRules::read()?;
    if let Some(what) = passed_by(&rules)? {
        return Err(refused(format!("they would pass by {what}")).with_help(OUTPUT));
    }
    if let Some(chain) = rules.forward(drops) {
        let what = format!("the chain {} drops what it does not accept", shown(chain));
        return Err(refused(what).with_help(FORWARD));
    }
    Ok(())
}

/// What of this host decides about what its own processes send and is passed by by what is routed, at this moment.
pub(super) fn passed_by_now() -> Result<Option<String>> {
    passed_by(&HostRules::read()?)
}

fn passed_by(rules: &HostRules) -> Result<Option<String>> {
    let chain = rules.output().map(shown);
    if let Some(chain) = chain {
        return Ok(Some(format!("the chain {chain}, which decides about what this host sends")));
    }
    let routing = Connection::open(protocol::ROUTE)?.dump_all(&rule::List::default())?;
    let rule = routing.iter().find(|rule| is_for_own(rule));
    Ok(rule.map(|rule| {
        let priority = rule.priority.unwrap_or_default();
        format!("the routing rule with priority {priority}, which is for what this host sends")
    }))
}

/// Whether a routing rule is for what this host's processes send, or some of its users, and not for what is forwarded.
fn is_for_own(rule: &rule::Rule) -> bool {
    rule.users.is_some() || rule.incoming.as_deref() == Some("lo")
}

/// An error where it cannot be told whether they would pass: then something else is better where one may choose.
pub(super) fn check_by_default() -> Result<()> {
    if is_unreadable() {
        return Err(refused("the host has a firewall of iptables-legacy, which cannot be read here".into()));
    }
    let rules = HostRules::read()?;
    match rules.forward(|chain| !drops(chain) && rules.ends_packets(chain)) {
        Some(chain) => Err(refused(format!("the chain {} may drop what this host forwards", shown(chain)))),
        None => Ok(()),
    }
}

fn refused(what: String) -> Error {
    Error::new(ASKED, Cause::Invalid(what))
}

/// Whether the host has a firewall that cannot be read here: the filter tables of `iptables-legacy`.
fn is_unreadable() -> bool {
    let has_filter = |list: &str| {
        let tables = fs::read_to_string(Path::new("/proc/thread-self/net").join(list));
        tables.is_ok_and(|tables| tables.lines().any(|table| table == "filter"))
    };
    ["ip_tables_names", "ip6_tables_names"].into_iter().any(has_filter)
}

/// The host's chains and rules, but for those of sandboxes.
struct HostRules {
    chains: Vec<Chain>,
    rules: Vec<Rule>,
}

impl HostRules {
    fn read() -> Result<Self> {
        let mut connection = Connection::open(protocol::NETFILTER)?;
        let is_hosts = |family: Family, table: &str| {
            matches!(family, Family::IPV4 | Family::IPV6 | Family::INET) && !table.starts_with(TABLE_PREFIX)
        };
        let mut chains = connection.dump_all(&List::<Chain>::new(Family::UNSPECIFIED))?;
        chains.retain(|chain| is_hosts(chain.family, &chain.table));
        // A host may have very many rules elsewhere.
        let matters = |chain: &&Chain| is_at(chain, Hook::Forward) || is_at(chain, Hook::Output);
        let tables: HashSet<(Family, &str)> =
            chains.iter().filter(matters).map(|chain| (chain.family, chain.table.as_str())).collect();
        let mut rules = Vec::new();
        for (family, table) in tables {
            rules.extend(connection.dump_all(&List::<Rule>::new(family).in_table(table))?);
        }
        Ok(HostRules { chains, rules })
    }

    /// A chain that does something to what this host's processes send.
    fn output(&self) -> Option<&Chain> {
        let mut chains = self.chains.iter().filter(|chain| is_at(chain, Hook::Output));
        chains.find(|chain| drops(chain) || self.changes_packets(chain))
    }

    /// A chain that does something to what is forwarded, and that does not know of sandboxes.
    fn forward(&self, counts: impl Fn(&Chain) -> bool) -> Option<&Chain> {
        let mut chains = self.chains.iter().filter(|chain| is_at(chain, Hook::Forward));
        chains.find(|chain| counts(chain) && !self.reached(chain).iter().any(|rule| names_sandboxes(rule)))
    }

    fn ends_packets(&self, chain: &Chain) -> bool {
        self.reached(chain).iter().any(|rule| rule.expressions.iter().any(ends_packet))
    }

    fn changes_packets(&self, chain: &Chain) -> bool {
        let translates = chain.base.as_ref().is_some_and(|base| base.kind == "nat");
        self.reached(chain).iter().any(|rule| {
            // What is translated for addresses of this host alone, as Docker does it, is so for what comes in, too.
            let local_only = translates && rule.expressions.iter().any(asks_for_local);
            !local_only && rule.expressions.iter().any(|own| ends_packet(own) || changes_packet(own))
        })
    }

    /// The rules of a chain and of those that they lead to.
    fn reached(&self, chain: &Chain) -> Vec<&Rule> {
        let mut found = Vec::new();
        let mut seen: HashSet<&str> = HashSet::new();
        let mut left = vec![chain.name.as_str()];
        while let Some(name) = left.pop() {
            if !seen.insert(name) {
                continue;
            }
            let own = self.rules.iter().filter(|rule| {
                rule.family == chain.family && rule.table == chain.table && rule.chain == name
            });
            for rule in own {
                found.push(rule);
                left.extend(rule.expressions.iter().filter_map(leads_to));
            }
        }
        found
    }
}

fn shown(chain: &Chain) -> String {
    format!("{} of the table {} {}", chain.name, chain.family, chain.table)
}

fn is_at(chain: &Chain, hook: Hook) -> bool {
    chain.base.as_ref().is_some_and(|base| base.hook == hook)
}

fn drops(chain: &Chain) -> bool {
    chain.base.as_ref().is_some_and(|base| base.policy == Some(ChainPolicy::DROP))
}

fn verdict(expression: &Expression) -> Option<(Verdict, Option<&str>)> {
    let Expression::Immediate(immediate) = expression else { return None };
    let Some(Data::Verdict(verdict)) = &immediate.data else { return None };
    Some((verdict.code?, verdict.chain.as_deref()))
}

fn leads_to(expression: &Expression) -> Option<&str> {
    verdict(expression)?.1
}

/// Whether a packet may not get any further. Who knows what a verdict of a map is counts it as such.
fn ends_packet(expression: &Expression) -> bool {
    const HARMLESS: [&str; 2] = ["LOG", "NFLOG"];
    match expression {
        Expression::Immediate(_) => verdict(expression).is_some_and(|(code, _)| {
            !matches!(
                code,
                Verdict::ACCEPT
                    | Verdict::CONTINUE
                    | Verdict::BREAK
                    | Verdict::JUMP
                    | Verdict::GOTO
                    | Verdict::RETURN
            )
        }),
        Expression::Lookup(lookup) => {
            lookup.destination.is_some_and(|register| register == Register::VERDICT)
        }
        Expression::Target(target) => !target.name.as_deref().is_some_and(|name| HARMLESS.contains(&name)),
        Expression::Reject(_) | Expression::Queue(_) | Expression::SynProxy(_) => true,
        _ => false,
    }
}

/// Whether a packet goes elsewhere, or may be routed otherwise.
fn changes_packet(expression: &Expression) -> bool {
    match expression {
        Expression::Nat(_) | Expression::Redirect(_) | Expression::TransparentProxy(_) => true,
        Expression::Meta(meta) => meta.source.is_some() && meta.key == Some(MetaKey::MARK),
        _ => false,
    }
}

fn asks_for_local(expression: &Expression) -> bool {
    match expression {
        Expression::Fib(fib) => fib.result == Some(FibResult::ADDRESS_TYPE),
        Expression::Match(found) => found.name.as_deref() == Some("addrtype"),
        _ => false,
    }
}

/// Whether a rule compares something with the start of our interfaces' names.
fn names_sandboxes(rule: &Rule) -> bool {
    let mut batch = netwright_netfilter::Batch::new();
    batch.add(rule);
    let bytes = batch.finish().map(<[u8]>::to_vec).unwrap_or_default();
    bytes.windows(PREFIX.len()).any(|part| part == PREFIX.as_bytes())
}
