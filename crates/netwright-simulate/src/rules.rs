//! From the kernel's handles of rules to where the rules stand in the file.

use std::collections::HashMap;

use netwright_netfilter::request::List;
use netwright_netfilter::{Chain, Expression, Family, Hook, Rule};
use netwright_nft::diagnostic::{SourceMap, Span};
use netwright_nft::syntax::ast::{self, CommandKind, Position, TableItem, Verb};
use netwright_nft::syntax::{Loader, parse};
use netwright_state::model::Host;
use netwright_sys::{Connection, Namespace, Result, protocol};

use crate::report::Place;
use crate::trace::{Decision, Early, TABLE};

/// A chain by family, table and name.
type ChainKey = (Family, String, String);

/// Where the rules of a ruleset stand: the places of each chain's rules, in the order that they have in the chain.
#[derive(Clone, Debug, Default)]
pub struct RuleSources {
    chains: HashMap<ChainKey, Vec<Place>>,
    policies: HashMap<ChainKey, Place>,
}

impl RuleSources {
    /// Notes the place of the next rule of a chain.
    pub fn add(&mut self, family: Family, table: &str, chain: &str, place: Place) {
        self.chains.entry((family, table.to_owned(), chain.to_owned())).or_default().push(place);
    }

    /// Notes where a base chain says its policy.
    pub fn policy(&mut self, family: Family, table: &str, chain: &str, place: Place) {
        self.policies.insert((family, table.to_owned(), chain.to_owned()), place);
    }

    /// Reads the firewall's texts of a host file for the places of their rules. What cannot be read has none: to report
    /// mistakes is the business of whoever applies the file.
    #[must_use]
    pub fn read(host: &Host, sources: &mut SourceMap, loader: &mut dyn Loader) -> Self {
        let mut found = RuleSources::default();
        for source in &host.firewall_sources {
            let parsed = parse(sources, source.source, loader);
            for command in &parsed.commands {
                found.command(command, sources);
            }
        }
        found
    }

    fn command(&mut self, command: &ast::Command, sources: &SourceMap) {
        match (command.verb, &command.kind) {
            (Verb::Add | Verb::Create, CommandKind::Table(table)) => {
                for item in &table.items {
                    self.item(&table.table, item, sources);
                }
            }
            (Verb::Add | Verb::Create, CommandKind::Item { table, item }) => self.item(table, item, sources),
            (verb, CommandKind::Rule { table, chain, position, rule }) => {
                let Some(key) = key(table, chain, sources) else { return };
                self.rule(verb, key, *position, place(rule.span, sources));
            }
            (Verb::Flush | Verb::Delete | Verb::Destroy, CommandKind::All { .. }) => {
                *self = RuleSources::default()
            }
            _ => {}
        }
    }

    fn item(&mut self, table: &ast::TableReference, item: &TableItem, sources: &SourceMap) {
        let TableItem::Chain(chain) = item else { return };
        let Some(key) = key(table, &chain.name, sources) else { return };
        if chain.hook.is_some() {
            let said = chain.policy.as_ref().map_or(chain.name.span, |policy| policy.span);
            self.policies.insert(key.clone(), place(said, sources));
        }
        for rule in &chain.rules {
            self.rule(Verb::Add, key.clone(), None, place(rule.span, sources));
        }
    }

    fn rule(&mut self, verb: Verb, key: ChainKey, position: Option<Position>, place: Place) {
        let rules = self.chains.entry(key).or_default();
        let index = match position {
            Some(Position::Index(number)) => usize::try_from(number.value).ok(),
            _ => None,
        };
        let at = match (verb, index) {
            (Verb::Insert, index) => index.unwrap_or(0),
            (Verb::Add | Verb::Create, Some(index)) => index.saturating_add(1),
            (Verb::Add | Verb::Create, None) => rules.len(),
            _ => return,
        };
        rules.insert(at.min(rules.len()), place);
    }
}

fn key(table: &ast::TableReference, chain: &ast::Name, sources: &SourceMap) -> Option<ChainKey> {
    let family = match table.family.unwrap_or(ast::Family::Ipv4) {
        ast::Family::Ipv4 => Family::IPV4,
        ast::Family::Ipv6 => Family::IPV6,
        ast::Family::Inet => Family::INET,
        ast::Family::Arp => Family::ARP,
        ast::Family::Bridge => Family::BRIDGE,
        ast::Family::Netdev => Family::NETDEV,
    };
    Some((family, table.name?.text(sources).to_owned(), chain.text(sources).to_owned()))
}

fn place(span: Span, sources: &SourceMap) -> Place {
    let text = sources.snippet(span).split_whitespace().collect::<Vec<_>>().join(" ");
    match sources.locate(span) {
        Some(location) => Place { at: format!("{}:{}", location.name, location.line), text },
        None => Place { at: "the host file".into(), text },
    }
}

/// The ruleset as it is in the kernel, with the places of its rules.
#[derive(Debug, Default)]
pub(crate) struct Ruleset {
    rules: HashMap<(ChainKey, u64), Known>,
    /// Types of the base chains.
    chains: HashMap<ChainKey, String>,
    policies: HashMap<ChainKey, Place>,
    /// Whether there are rules for bridged packets.
    bridge: bool,
    /// Whether there are rules for packets that a device has just received.
    ingress: bool,
}

#[derive(Clone, Debug)]
struct Known {
    place: Place,
    rejects: bool,
    translates: bool,
}

impl Ruleset {
    /// Lists what a namespace has.
    pub(crate) fn list(namespace: &Namespace, mut sources: RuleSources) -> Result<Self> {
        let mut connection = Connection::open_in(namespace, protocol::NETFILTER)?;
        let mut ruleset = Ruleset::default();
        for chain in connection.dump_all(&List::<Chain>::new(Family::UNSPECIFIED))? {
            if let Some(base) = chain.base {
                ruleset.bridge |= chain.family == Family::BRIDGE;
                ruleset.ingress |= base.hook == Hook::Ingress;
                ruleset.chains.insert((chain.family, chain.table, chain.name), base.kind);
            }
        }
        let mut chains: HashMap<ChainKey, Vec<Rule>> = HashMap::new();
        for rule in connection.dump_all(&List::<Rule>::new(Family::UNSPECIFIED))? {
            if rule.table != TABLE {
                chains.entry((rule.family, rule.table.clone(), rule.chain.clone())).or_default().push(rule);
            }
        }
        for (key, rules) in chains {
            // an order that does not fit says nothing about any rule of the chain
            let places = sources.chains.remove(&key).filter(|places| places.len() == rules.len());
            for (index, rule) in rules.iter().enumerate() {
                let Some(handle) = rule.handle else { continue };
                let place = places.as_ref().and_then(|places| places.get(index)).cloned();
                let has = |test: fn(&Expression) -> bool| rule.expressions.iter().any(test);
                let known = Known {
                    place: place.unwrap_or_else(|| unknown(&key, handle)),
                    rejects: has(|one| matches!(one, Expression::Reject(_))),
                    translates: has(|one| {
                        matches!(
                            one,
                            Expression::Nat(_) | Expression::Masquerade(_) | Expression::Redirect(_)
                        )
                    }),
                };
                ruleset.rules.insert((key.clone(), handle), known);
            }
        }
        ruleset.policies = sources.policies;
        Ok(ruleset)
    }

    /// Where packets must be marked before IP sees them, on a host with these links.
    pub(crate) fn early(&self, links: impl Iterator<Item = String>) -> Early {
        Early { bridge: self.bridge, devices: links.filter(|_| self.ingress).collect() }
    }

    /// Where a decision was made.
    pub(crate) fn place(&self, decision: &Decision) -> Place {
        let key = key_of(decision);
        match decision.rule {
            Some(handle) => self
                .rules
                .get(&(key.clone(), handle))
                .map_or_else(|| unknown(&key, handle), |known| known.place.clone()),
            None => {
                let what = if decision.drops { "drop" } else { "accept" };
                let said = self.policies.get(&key).map(|place| place.at.clone());
                let chain = format!("{} {} {}", name(key.0), key.1, key.2);
                let text = format!("policy {what} of chain {chain}");
                Place { at: said.unwrap_or_else(|| format!("chain {chain}")), text }
            }
        }
    }

    /// Whether a rule that drops sends an answer.
    pub(crate) fn rejects(&self, decision: &Decision) -> bool {
        let rule = decision.rule.and_then(|handle| self.rules.get(&(key_of(decision), handle)));
        rule.is_some_and(|rule| rule.rejects)
    }

    /// Whether the decision is one about passing, made by a chain that filters; others translate.
    pub(crate) fn filters(&self, decision: &Decision) -> bool {
        let key = key_of(decision);
        // a chain that others jump into has no kind
        let filters = self.chains.get(&key).is_none_or(|kind| kind == "filter");
        let rule = decision.rule.and_then(|handle| self.rules.get(&(key, handle)));
        filters && !rule.is_some_and(|rule| rule.translates)
    }
}

fn key_of(decision: &Decision) -> ChainKey {
    (decision.family, decision.table.clone(), decision.chain.clone())
}

fn name(family: Family) -> &'static str {
    family.name().unwrap_or("unknown")
}

fn unknown(key: &ChainKey, handle: u64) -> Place {
    let at = format!("chain {} {} {}", name(key.0), key.1, key.2);
    Place { at, text: format!("rule with handle {handle}") }
}

#[cfg(test)]
mod tests;
