//! Where the rules and policies of a ruleset were written.

use std::collections::HashMap;
use std::fmt;

use netwright_netfilter::Family;
use netwright_nft::diagnostic::{SourceId, SourceMap, Span};
use netwright_nft::syntax::ast::{self, ChainTarget, CommandKind, Entity, StatementKind, TableItem, Verb};
use netwright_nft::syntax::{Loader, parse};
use netwright_state::Ruleset;
use netwright_state::model::Host;

/// A place in a file, or in the kernel where no file is known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Place {
    /// `router.nft:37`, or in words where there is no such place.
    pub at: String,
    /// What stands there, in one line.
    pub text: String,
    /// The file and the line in it, from 1, where it is known.
    pub line: Option<(String, u32)>,
}

impl Place {
    /// The place of a span, with what stands there.
    pub(crate) fn of(span: Span, sources: &SourceMap) -> Place {
        let text = sources.snippet(span).split_whitespace().collect::<Vec<_>>().join(" ");
        match sources.locate(span) {
            Some(location) => {
                let (file, line) = (location.name.to_owned(), location.line);
                Place { at: format!("{file}:{line}"), text, line: Some((file, line)) }
            }
            None => Place { at: "the host file".into(), text, line: None },
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.at, self.text)
    }
}

/// A chain by family, table and name.
pub(crate) type ChainKey = (Family, String, String);

/// Where a rule was written, and the rules of the chains without a name in it (`jump { … }`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RuleSource {
    pub(crate) place: Option<Place>,
    pub(crate) nested: Vec<Vec<RuleSource>>,
}

/// Where the rules and policies of a ruleset were written.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sources {
    rules: HashMap<ChainKey, Vec<RuleSource>>,
    policies: HashMap<ChainKey, Place>,
    /// Sets and maps by family, table and name: where each begins, and its elements.
    sets: HashMap<ChainKey, (Place, Vec<Place>)>,
}

impl Sources {
    /// Finds them in the firewall's texts of a host file, for what these declare. What cannot be read has none: to report
    /// mistakes is the business of whoever applies the file.
    pub(crate) fn read(
        host: &Host,
        declared: &Ruleset,
        sources: &mut SourceMap,
        loader: &mut dyn Loader,
    ) -> Self {
        let mut reader = Reader::default();
        for source in &host.firewall_sources {
            for command in &parse(sources, source.source, loader).commands {
                reader.command(command, sources);
            }
        }
        let mut rules = HashMap::new();
        for table in &declared.tables {
            for chain in &table.chains {
                let name = &chain.name;
                let source = |index| reader.source(&table.rule_places.of(name, index), sources);
                let found = (0..chain.rules.len()).map(source).collect();
                rules.insert((chain.family, chain.table.clone(), name.clone()), found);
            }
        }
        Sources { rules, policies: reader.policies, sets: reader.sets }
    }

    /// Moves the rules of a chain about.
    pub(crate) fn moved(&mut self, chain: &ChainKey, change: impl FnOnce(&mut Vec<RuleSource>)) {
        if let Some(rules) = self.rules.get_mut(chain) {
            change(rules);
        }
    }

    /// Those of the rules of a chain, in their order.
    pub(crate) fn rules(&self, chain: &ChainKey) -> &[RuleSource] {
        self.rules.get(chain).map_or(&[], Vec::as_slice)
    }

    /// Where an element of a set was written, or the set where that is not known.
    pub(crate) fn element(&self, set: &ChainKey, index: usize, count: usize) -> Option<Place> {
        let (whole, elements) = self.sets.get(set)?;
        let line = elements.get(index).filter(|_| elements.len() == count);
        let text = format!("{} {}", set.1, set.2);
        Some(Place { text, ..line.unwrap_or(whole).clone() })
    }

    /// Where the policy of a base chain was last set, or the chain was made where none was.
    pub(crate) fn policy(&self, chain: &ChainKey) -> Option<&Place> {
        self.policies.get(chain)
    }
}

/// What a walk through the texts finds.
#[derive(Default)]
struct Reader {
    /// Rules by where their first statement starts.
    rules: HashMap<(SourceId, u32), ast::Rule>,
    policies: HashMap<ChainKey, Place>,
    sets: HashMap<ChainKey, (Place, Vec<Place>)>,
}

impl Reader {
    fn command(&mut self, command: &ast::Command, sources: &SourceMap) {
        let removes = matches!(command.verb, Verb::Delete | Verb::Destroy);
        match &command.kind {
            CommandKind::Table(table) => {
                for item in &table.items {
                    self.item(&table.table, item, sources);
                }
            }
            CommandKind::Item { table, item } if !removes => self.item(table, item, sources),
            CommandKind::Rule { rule, .. } => self.rule(rule),
            CommandKind::One { entity: Entity::Table, table, .. } if removes => {
                let gone = table.name.map(|name| name.text(sources));
                let family = family(table);
                self.policies.retain(|(of, table, _), _| *of != family || Some(table.as_str()) != gone);
            }
            CommandKind::One { entity: Entity::Chain, table, selector: Some(selector), .. } if removes => {
                if let ast::Selector::Name(name) = selector
                    && let Some(key) = key(table, name, sources)
                {
                    self.policies.remove(&key);
                }
            }
            CommandKind::All { entity: Entity::Ruleset, .. } if command.verb == Verb::Flush => {
                self.policies.clear();
            }
            _ => {}
        }
    }

    fn item(&mut self, table: &ast::TableReference, item: &TableItem, sources: &SourceMap) {
        if let TableItem::Set(set) = item
            && let Some(key) = key(table, &set.name, sources)
        {
            let mut elements = Vec::new();
            set.elements.iter().for_each(|found| spans(found, &mut elements));
            let elements = elements.into_iter().map(|span| Place::of(span, sources)).collect();
            self.sets.insert(key, (Place::of(set.name.span, sources), elements));
        }
        let TableItem::Chain(chain) = item else { return };
        chain.rules.iter().for_each(|rule| self.rule(rule));
        let Some(key) = key(table, &chain.name, sources) else { return };
        match (&chain.policy, &chain.hook) {
            (Some(policy), _) => {
                self.policies.insert(key, Place::of(policy.span, sources));
            }
            (None, Some(_)) => {
                self.policies.entry(key).or_insert_with(|| Place::of(chain.name.span, sources));
            }
            (None, None) => {}
        }
    }

    fn rule(&mut self, rule: &ast::Rule) {
        if let Some(first) = rule.statements.first() {
            self.rules.insert((first.span.source, first.span.start), rule.clone());
        }
    }

    fn source(&self, place: &netwright_state::ruleset::RulePlace, sources: &SourceMap) -> RuleSource {
        let first = place.statements.first();
        let rule = first.and_then(|first| self.rules.get(&(first.source, first.start)));
        match rule {
            Some(rule) => source(rule, sources),
            None => RuleSource { place: place.rule.map(|span| Place::of(span, sources)), nested: Vec::new() },
        }
    }
}

/// Where the elements of a set are, those of sets in it too.
fn spans(expression: &ast::Expression, found: &mut Vec<Span>) {
    let ast::ExpressionKind::Set(set) = &expression.kind else { return };
    for element in &set.elements {
        match element.key.kind {
            ast::ExpressionKind::Set(_) => spans(&element.key, found),
            _ => found.push(element.span()),
        }
    }
}

fn source(rule: &ast::Rule, sources: &SourceMap) -> RuleSource {
    let nested = rule.statements.iter().filter_map(|statement| match &statement.kind {
        StatementKind::Verdict(
            ast::Verdict::Jump(ChainTarget::Anonymous(rules))
            | ast::Verdict::Goto(ChainTarget::Anonymous(rules)),
        ) => Some(rules.iter().map(|rule| source(rule, sources)).collect()),
        _ => None,
    });
    let nested: Vec<_> = nested.collect();
    let mut place = Place::of(rule.span, sources);
    if !nested.is_empty() {
        // what is between the braces has lines of its own
        let end = place.text.find('{').unwrap_or(place.text.len());
        place.text.truncate(end);
        place.text.push_str("{ … }");
    }
    RuleSource { place: Some(place), nested }
}

fn family(table: &ast::TableReference) -> Family {
    match table.family.unwrap_or(ast::Family::Ipv4) {
        ast::Family::Ipv4 => Family::IPV4,
        ast::Family::Ipv6 => Family::IPV6,
        ast::Family::Inet => Family::INET,
        ast::Family::Arp => Family::ARP,
        ast::Family::Bridge => Family::BRIDGE,
        ast::Family::Netdev => Family::NETDEV,
    }
}

fn key(table: &ast::TableReference, chain: &ast::Name, sources: &SourceMap) -> Option<ChainKey> {
    Some((family(table), table.name?.text(sources).to_owned(), chain.text(sources).to_owned()))
}

#[cfg(test)]
mod tests;
