//! Which rules, elements of sets and mappings flows use: what is left could be anything, and no flow would notice.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::{self, Write as _};

use netwright_netfilter::request::{List, ListElements};
use netwright_netfilter::{
    Chain, Element as KernelElement, Family, Flowtable, Object, Rule, Set, SetFlags, SetRef, Table,
};
use netwright_nft::ir::{
    self, ChainTarget, Counter, Element, Expression, Match, MatchOperator, SetReference, Statement, Verdict,
};
use netwright_nft::print::element;
use netwright_nft::table::{Names, PrintOptions};
use netwright_state::Ruleset as Declared;
use netwright_state::ruleset::TableName;
use netwright_sys::{Connection, Result};
use serde_json::{Value as Json, json};

use crate::ruleset::{RuleId, Ruleset};
use crate::sources::{ChainKey, Place, Sources};
use crate::walk::each_set;

/// What a firewall is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Part {
    /// A rule.
    Rule,
    /// An element of a set.
    Element,
    /// An element of a map: what something is translated to, or what becomes of it.
    Mapping,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Part::Rule => "rule",
            Part::Element => "element",
            Part::Mapping => "mapping",
        })
    }
}

/// A part of a firewall, and how often flows used it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Covered {
    /// What it is.
    pub part: Part,
    /// Where it is written.
    pub place: Place,
    /// How many packets matched it; of elements 1 stands for any number.
    pub hits: u64,
}

/// What of a firewall flows use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Coverage {
    /// Its parts, in the order of the ruleset.
    pub parts: Vec<Covered>,
}

impl Coverage {
    /// How many parts of a kind are used, and how many there are.
    #[must_use]
    pub fn count(&self, part: Part) -> (usize, usize) {
        let all = || self.parts.iter().filter(|covered| covered.part == part);
        (all().filter(|covered| covered.hits > 0).count(), all().count())
    }

    /// How many of a hundred parts are used; 100 where there is nothing to use.
    #[must_use]
    pub fn percent(&self) -> f64 {
        let used = self.parts.iter().filter(|covered| covered.hits > 0).count();
        if self.parts.is_empty() { 100.0 } else { used as f64 * 100.0 / self.parts.len() as f64 }
    }

    /// What no flow uses.
    pub fn unused(&self) -> impl Iterator<Item = &Covered> {
        self.parts.iter().filter(|covered| covered.hits == 0)
    }

    /// As JSON: `percent`, for each kind how many are used of how many, and all parts.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let count = |part| {
            let (used, all) = self.count(part);
            json!({ "used": used, "all": all })
        };
        let part = |covered: &Covered| {
            let line = covered.place.line.as_ref();
            json!({
                "part": covered.part.to_string(),
                "at": covered.place.at,
                "file": line.map(|(file, _)| file),
                "line": line.map(|(_, line)| line),
                "text": covered.place.text,
                "hits": covered.hits,
            })
        };
        json!({
            "percent": (self.percent() * 100.0).round() / 100.0,
            "rules": count(Part::Rule), "elements": count(Part::Element), "mappings": count(Part::Mapping),
            "parts": self.parts.iter().map(part).collect::<Vec<_>>(),
        })
    }

    /// As LCOV has it, for programs that show lines. A line is used as often as what on it is used least.
    #[must_use]
    pub fn to_lcov(&self) -> String {
        let mut files: BTreeMap<&str, BTreeMap<u32, u64>> = BTreeMap::new();
        for covered in &self.parts {
            if let Some((file, line)) = &covered.place.line {
                let lines = files.entry(file).or_default();
                let hits = lines.entry(*line).or_insert(covered.hits);
                *hits = covered.hits.min(*hits);
            }
        }
        let mut text = String::new();
        for (file, lines) in files {
            let _ = writeln!(text, "TN:netwright\nSF:{file}");
            for (line, hits) in &lines {
                let _ = writeln!(text, "DA:{line},{hits}");
            }
            let used = lines.values().filter(|hits| **hits > 0).count();
            let _ = writeln!(text, "LF:{}\nLH:{used}\nend_of_record", lines.len());
        }
        text
    }
}

/// Where elements are.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Holder {
    /// A set or map by family, table and name.
    Named(ChainKey),
    /// One that is written in a rule: its chain, the place of the rule there, and which of those in the rule it is.
    Written(ChainKey, usize, usize),
}

/// What was used so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    rules: HashMap<RuleId, u64>,
    elements: BTreeSet<(Holder, usize)>,
}

/// Adds a counter to each element that has none of its own, so that it tells whether it was found.
pub(crate) fn count_elements(declared: &mut Declared) {
    let counter = || Statement::Counter(Counter::default());
    for table in &mut declared.tables {
        for set in &mut table.sets {
            if set.statements.is_empty() && !is_dynamic(set) && counts(set) {
                set.statements.push(counter());
                if widen(&mut set.elements) {
                    set.flags |= SetFlags::INTERVAL.bits();
                }
                set.elements.iter_mut().filter(|element| element.statements.is_empty()).for_each(|element| {
                    element.statements.push(counter());
                });
            }
        }
        for rule in table.chains.iter_mut().flat_map(|chain| &mut chain.rules) {
            rule.statements.iter_mut().for_each(look_up);
            each_set(rule, &mut |elements| {
                for element in elements.iter_mut().filter(|element| element.statements.is_empty()) {
                    element.statements.push(counter());
                }
            });
        }
    }
}

/// Whether it is an element of a set of keys of two bytes at the most. Such a set is a map of bits, in which there is no room for
/// counters.
fn is_small(element: &Element) -> bool {
    element.data.is_none() && matches!(&element.key, Some(Expression::Value(value)) if value.bits <= 16)
}

/// Makes a map of a set of small keys: it leads on with the rule for each, which is the same.
fn look_up(statement: &mut Statement) {
    if let Statement::Verdict(
        Verdict::Jump(ChainTarget::Anonymous(rules)) | Verdict::Goto(ChainTarget::Anonymous(rules)),
    ) = statement
    {
        rules.iter_mut().flat_map(|rule| &mut rule.statements).for_each(look_up);
    }
    let Statement::Match(Match { operator, left, right }) = statement else { return };
    let Expression::Set(SetReference::Anonymous(elements)) = right else { return };
    if !matches!(operator, MatchOperator::Implicit | MatchOperator::Equal) || !elements.iter().all(is_small) {
        return;
    }
    let mut elements = std::mem::take(elements);
    for element in &mut elements {
        element.data = Some(GO_ON);
    }
    *statement = Statement::VerdictMap(left.clone(), SetReference::Anonymous(elements));
}

const GO_ON: Expression = Expression::Verdict(Verdict::Continue);

/// Makes intervals of small keys. Whether it did.
fn widen(elements: &mut [Element]) -> bool {
    if !elements.iter().all(is_small) {
        return false;
    }
    for element in elements {
        if let Some(Expression::Value(value)) = &element.key {
            element.key = Some(Expression::Range(value.clone(), value.clone()));
        }
    }
    true
}

/// A key as it was before it was made an interval.
fn narrow(key: &Option<Expression>) -> Option<Expression> {
    match key {
        Some(Expression::Range(first, last)) if first == last => Some(Expression::Value(first.clone())),
        other => other.clone(),
    }
}

/// Rules add to it, so that it says nothing of what was written.
fn is_dynamic(set: &ir::Set) -> bool {
    set.flags & SetFlags::EVAL.bits() != 0
}

/// Whether its elements may have counters: those that lead to objects may not.
fn counts(set: &ir::Set) -> bool {
    !matches!(set.target, Some(ir::MapTarget::Objects(_)))
}

impl Tally {
    /// Adds what was used elsewhere.
    pub(crate) fn add(&mut self, other: Tally) {
        for (rule, hits) in other.rules {
            *self.rules.entry(rule).or_default() += hits;
        }
        self.elements.extend(other.elements);
    }

    /// Notes that a rule matched.
    pub(crate) fn rule(&mut self, rule: RuleId) {
        *self.rules.entry(rule).or_default() += 1;
    }

    /// Notes which elements have counted anything, of what was loaded.
    pub(crate) fn elements(&mut self, loaded: &Declared, connection: &mut Connection) -> Result<()> {
        let listed = list(loaded, connection)?;
        each_holder(loaded, &mut |holder, elements| {
            let Some(now) = find(&listed, &holder) else { return };
            let counted = |element: &Element| element.statements.iter().any(has_counted);
            if !now.iter().any(counted) {
                return;
            }
            for (index, element) in elements.iter().enumerate() {
                let key = narrow(&element.key);
                let same = now.iter().find(|other| narrow(&other.key) == key).or_else(|| {
                    // the kernel tells some keys in another form
                    now.get(index).filter(|_| now.len() == elements.len())
                });
                if same.is_some_and(counted) {
                    self.elements.insert((holder.clone(), index));
                }
            }
        });
        Ok(())
    }

    /// All parts of a firewall, with what was used of them.
    pub(crate) fn coverage(&self, loaded: &Declared, ruleset: &Ruleset, sources: &Sources) -> Coverage {
        let mut parts = Vec::new();
        for (chain, found) in ruleset.chains.iter().enumerate() {
            for (index, rule) in found.rules.iter().enumerate() {
                let hits = self.rules.get(&(chain, index)).copied().unwrap_or(0);
                parts.push(Covered { part: Part::Rule, place: rule.place.clone(), hits });
            }
        }
        each_holder(loaded, &mut |holder, elements| {
            let maps = |found: &Element| found.data.as_ref().is_some_and(|data| *data != GO_ON);
            let part = if elements.iter().any(maps) { Part::Mapping } else { Part::Element };
            for (index, found) in elements.iter().enumerate() {
                let hits = u64::from(self.elements.contains(&(holder.clone(), index)));
                let text = text(found);
                let place = match &holder {
                    Holder::Named(key) => sources.element(key, index, elements.len()),
                    Holder::Written(key, rule, _) => {
                        sources.rules(key).get(*rule).and_then(|source| source.place.clone())
                    }
                };
                let place = match place {
                    Some(place) => Place { text: format!("{text} of {}", place.text), ..place },
                    None => Place { at: holder.to_string(), text, line: None },
                };
                parts.push(Covered { part, place, hits });
            }
        });
        parts.sort_by_key(|covered| covered.part);
        Coverage { parts }
    }
}

/// An element as it is written, without its counter.
fn text(found: &Element) -> String {
    let data = found.data.clone().filter(|data| *data != GO_ON);
    let bare = Element { statements: Vec::new(), key: narrow(&found.key), data, ..found.clone() };
    element(&bare, &PrintOptions::default(), &Names::default())
}

fn has_counted(statement: &Statement) -> bool {
    matches!(statement, Statement::Counter(counter) if counter.packets > 0)
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, (family, table, name)) = match self {
            Holder::Named(key) => ("set", key),
            Holder::Written(key, ..) => ("chain", key),
        };
        write!(f, "{word} {family} {table} {name}")
    }
}

/// Visits the elements of all sets and maps that packets do not change.
fn each_holder(declared: &Declared, visit: &mut dyn FnMut(Holder, &[Element])) {
    for table in &declared.tables {
        let key = |name: &str| (table.table.family, table.table.name.clone(), name.to_owned());
        for set in table.sets.iter().filter(|set| !is_dynamic(set) && counts(set)) {
            visit(Holder::Named(key(&set.name)), &set.elements);
        }
        for chain in &table.chains {
            for (index, rule) in chain.rules.iter().enumerate() {
                let mut number = 0;
                each_set(&mut rule.clone(), &mut |elements| {
                    visit(Holder::Written(key(&chain.name), index, number), elements);
                    number += 1;
                });
            }
        }
    }
}

fn find(listed: &Declared, holder: &Holder) -> Option<Vec<Element>> {
    let (Holder::Named(key) | Holder::Written(key, ..)) = holder;
    let (family, table, name) = key;
    let table = listed.table(&TableName { family: *family, name: table.clone() })?;
    match holder {
        Holder::Named(_) => Some(table.sets.iter().find(|set| set.name == *name)?.elements.clone()),
        Holder::Written(_, rule, number) => {
            let chain = table.chains.iter().find(|chain| chain.name == *name)?;
            let (mut found, mut at) = (None, 0);
            each_set(&mut chain.rules.get(*rule)?.clone(), &mut |elements| {
                if at == *number {
                    found = Some(elements.clone());
                }
                at += 1;
            });
            found
        }
    }
}

/// The tables as the kernel has them now.
fn list(loaded: &Declared, connection: &mut Connection) -> Result<Declared> {
    let names: Vec<TableName> = loaded.tables.iter().map(|table| table.name()).collect();
    let meant =
        |family: Family, table: &str| names.iter().any(|name| name.family == family && name.name == table);
    let mut dump = netwright_netfilter::Ruleset::default();
    let all = Family::UNSPECIFIED;
    dump.tables = connection.dump_all(&List::<Table>::new(all))?;
    dump.tables.retain(|table| meant(table.family, &table.name));
    dump.chains = connection.dump_all(&List::<Chain>::new(all))?;
    dump.chains.retain(|chain| meant(chain.family, &chain.table));
    dump.rules = connection.dump_all(&List::<Rule>::new(all))?;
    dump.rules.retain(|rule| meant(rule.family, &rule.table));
    for set in connection.dump_all(&List::<Set>::new(all))? {
        if meant(set.family, &set.table) {
            let named = SetRef::new(set.family, &set.table, &set.name);
            let elements: Vec<KernelElement> =
                connection.dump_all(&ListElements::of(named))?.into_iter().flatten().collect();
            dump.sets.push((set, elements));
        }
    }
    dump.objects = connection.dump_all(&List::<Object>::new(all))?;
    dump.objects.retain(|object| meant(object.family, &object.table));
    dump.flowtables = connection.dump_all(&List::<Flowtable>::new(all))?;
    dump.flowtables.retain(|flowtable| meant(flowtable.family, &flowtable.table));
    Ok(Declared::listed(&dump))
}
