//! What stands against routing packets on this host: rules of its own that packets of a sandbox would meet although those of its processes do not,
//! or the other way round.

use std::collections::HashSet;
use std::fs;
use std::os::fd::AsFd;
use std::path::Path;

use netwright_confine::has_filters;
use netwright_netfilter::expression::{CompareOp, FibResult, LookupFlags, MetaKey};
use netwright_netfilter::request::List;
use netwright_netfilter::{Chain, ChainPolicy, Data, Expression, Family, Hook, Register, Rule, Verdict};
use netwright_route::rule;
use netwright_sys::{Cause, Connection, Error, Result, capability, protocol};

use super::{PREFIX, TABLE_PREFIX};
use crate::attach::control_group_root;

const ASKED: &str = "route the sandbox's packets";
const OUTPUT: &str = "Use `--mode relay`, whose packets meet them as those of every process here do.";
const FORWARD: &str =
    "Use `--mode relay`, or accept there what has `iifname \"nwrun*\"` and `oifname \"nwrun*\"`.";

/// An error where this process has no power over the host's network.
pub(super) fn check_privileges() -> Result<()> {
    if capability::net_admin() {
        return Ok(());
    }
    Err(refused("it needs CAP_NET_ADMIN over the host's network".into())
        .with_help("Use `--mode relay`, which needs no privilege, or run it as root."))
}

/// An error where the host drops what it forwards, unless one of its rules names the sandboxes' interfaces, and where its rules for what its own
/// processes send would be passed by.
pub(super) fn check() -> Result<()> {
    let rules = HostRules::read()?;
    if let Some(what) = stands_against(&rules)? {
        return Err(refused(format!("they {what}")).with_help(OUTPUT));
    }
    if let Some(chain) = rules.forward(drops) {
        let what = format!("the chain {} drops what it does not accept", shown(chain));
        return Err(refused(what).with_help(FORWARD));
    }
    Ok(())
}

/// What would become of a sandbox's packets, and not of those of this host's processes, or the other way round, as a sentence's end.
pub(super) fn stands_now() -> Result<Option<String>> {
    stands_against(&HostRules::read()?)
}

fn stands_against(rules: &HostRules) -> Result<Option<String>> {
    if let Some(chain) = rules.output() {
        let chain = shown(chain);
        return Ok(Some(format!(
            "would pass by the chain {chain}, which decides about what this host sends"
        )));
    }
    if let Some(chain) = rules.arriving() {
        let chain = shown(chain);
        return Ok(Some(format!("would be led elsewhere by the chain {chain}, which is for what comes in")));
    }
    if is_filtered_by_group() {
        return Ok(Some(
            "would pass by a filter (BPF) of the control group of this process, which decides about what it sends"
                .to_owned(),
        ));
    }
    let routing = Connection::open(protocol::ROUTE)?.dump_all(&rule::List::default())?;
    let rule = routing.iter().find(|rule| is_for_own(rule));
    Ok(rule.map(|rule| {
        let priority = rule.priority.unwrap_or_default();
        format!("would pass by the routing rule with priority {priority}, which is for what this host sends")
    }))
}

/// Whether what this process sends is judged by its control group, as it is in units of systemd (`IPAddressDeny=`).
fn is_filtered_by_group() -> bool {
    let list = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let path = list.lines().find_map(|line| line.strip_prefix("0::/"));
    let directory = control_group_root().ok().zip(path).map(|(root, path)| root.join(path));
    let opened = directory.and_then(|directory| fs::File::open(directory).ok());
    opened.is_some_and(|group| has_filters(group.as_fd()).unwrap_or_default())
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
        let hooks = [Hook::Prerouting, Hook::Forward, Hook::Output];
        let matters = |chain: &&Chain| hooks.iter().any(|hook| is_at(chain, *hook));
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

    /// A chain that leads what comes in by any link to another destination than it has: the policy has judged that one.
    fn arriving(&self) -> Option<&Chain> {
        let mut chains = self.chains.iter().filter(|chain| is_at(chain, Hook::Prerouting));
        chains.find(|chain| {
            let rules = self.reached_but(chain, |rule| {
                is_local_only(chain, rule) || names_links(rule) || names_sandboxes(rule)
            });
            rules.iter().any(|rule| rule.expressions.iter().any(leads_elsewhere))
        })
    }

    fn changes_packets(&self, chain: &Chain) -> bool {
        self.reached_but(chain, |rule| is_local_only(chain, rule))
            .iter()
            .any(|rule| rule.expressions.iter().any(|own| ends_packet(own) || changes_packet(own)))
    }

    /// The rules of a chain and of those that they lead to.
    fn reached(&self, chain: &Chain) -> Vec<&Rule> {
        self.reached_but(chain, |_| false)
    }

    /// The same without rules that do not count, and what those lead to.
    fn reached_but(&self, chain: &Chain, without: impl Fn(&Rule) -> bool) -> Vec<&Rule> {
        let mut found = Vec::new();
        let mut seen: HashSet<&str> = HashSet::new();
        let mut left = vec![chain.name.as_str()];
        while let Some(name) = left.pop() {
            if !seen.insert(name) {
                continue;
            }
            let own = self.rules.iter().filter(|rule| {
                rule.family == chain.family
                    && rule.table == chain.table
                    && rule.chain == name
                    && !without(rule)
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

/// Whether a packet gets another destination, or a process of this host instead of its destination.
fn leads_elsewhere(expression: &Expression) -> bool {
    const TARGETS: [&str; 4] = ["DNAT", "NETMAP", "REDIRECT", "TPROXY"];
    match expression {
        Expression::Nat(_) | Expression::Redirect(_) | Expression::TransparentProxy(_) => true,
        Expression::Target(target) => target.name.as_deref().is_some_and(|name| TARGETS.contains(&name)),
        _ => false,
    }
}

/// Whether a rule translates for addresses of this host alone, as Docker does it: it is so for what comes in and for what processes here send.
fn is_local_only(chain: &Chain, rule: &Rule) -> bool {
    let translates = chain.base.as_ref().is_some_and(|base| base.kind == "nat");
    translates && rule.expressions.iter().any(asks_for_local)
}

/// Whether a rule is for what comes in by certain links, which are not a sandbox's unless it names it.
fn names_links(rule: &Rule) -> bool {
    let is_link = |expression: &Expression| match expression {
        Expression::Meta(meta) => {
            meta.key.is_some_and(|key| [MetaKey::INPUT_NAME, MetaKey::INPUT_INDEX].contains(&key))
        }
        _ => false,
    };
    let is_positive = |expression: &Expression| match expression {
        Expression::Compare(compare) => compare.op == Some(CompareOp::EQ),
        Expression::Lookup(lookup) => {
            !lookup.flags.is_some_and(|flags| flags.contains(LookupFlags::INVERTED))
        }
        _ => false,
    };
    rule.expressions.windows(2).any(|pair| is_link(&pair[0]) && is_positive(&pair[1]))
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
