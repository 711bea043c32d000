//! What there is in the kernel, and what an input adds to it: the things that rules refer to by name.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use netwright_netfilter::{ChainRef, Family, SetRef, TableRef};

use crate::ir::{Element, Entity, MapTarget, ObjectKind, Set, TypePart};

/// What is found where the kernel is asked for one thing.
#[derive(Clone, Debug, PartialEq)]
pub enum Found<T> {
    /// It is there.
    Is(T),
    /// It is not there.
    Absent,
    /// Nobody can say.
    Unknown,
}

/// Answers what an input refers to and does not make itself. It is asked for just that, when it is met.
pub trait Lookup {
    /// A set or map, without its elements.
    fn set(&mut self, set: &SetRef) -> Found<Set>;

    /// What a set holds: asked where orders change one whose intervals are merged.
    fn elements(&mut self, set: &SetRef) -> Found<Vec<Element>>;

    /// The kernel's number of a chain: asked where it gets another name.
    fn chain(&mut self, chain: &ChainRef) -> Found<u64>;

    /// The kernel's numbers of a chain's rules, in order: asked where rules are named by their place.
    fn rules(&mut self, chain: &ChainRef) -> Found<Vec<u64>>;

    /// All tables: asked where something was not found, to say why.
    fn tables(&mut self) -> Found<Vec<TableRef>>;

    /// What the things of a kind in a table are called: asked where one was not found, to say which was meant.
    fn names(&mut self, table: &TableRef, entity: Entity) -> Found<Vec<String>>;
}

/// A [`Lookup`] that knows nothing: what the catalogue has is all that is known.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoLookup;

impl Lookup for NoLookup {
    fn set(&mut self, _: &SetRef) -> Found<Set> {
        Found::Unknown
    }

    fn elements(&mut self, _: &SetRef) -> Found<Vec<Element>> {
        Found::Unknown
    }

    fn chain(&mut self, _: &ChainRef) -> Found<u64> {
        Found::Unknown
    }

    fn rules(&mut self, _: &ChainRef) -> Found<Vec<u64>> {
        Found::Unknown
    }

    fn tables(&mut self) -> Found<Vec<TableRef>> {
        Found::Unknown
    }

    fn names(&mut self, _: &TableRef, _: Entity) -> Found<Vec<String>> {
        Found::Unknown
    }
}

/// Tables with the things in them that can be referred to.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    families: BTreeMap<u8, BTreeMap<String, TableContent>>,
    /// Whether tables that are not here are nowhere.
    whole: bool,
    /// The tables that the kernel has, where that is known.
    tables: Option<BTreeSet<(u8, String)>>,
    /// Sets of which only what refers to them says what they are.
    referred: Vec<Arc<Set>>,
}

/// What is in a table.
#[derive(Clone, Debug, Default)]
pub struct TableContent {
    /// Sets and maps by name, without their elements.
    pub sets: BTreeMap<String, Arc<Set>>,
    /// Chains by name, with the kernel's number for those that it has.
    pub chains: BTreeMap<String, Option<u64>>,
    /// The kernel's numbers of the rules of chains, in order: needed where rules are named by their place.
    pub rules: BTreeMap<String, Vec<u64>>,
    /// Names of stateful objects.
    pub objects: BTreeSet<(u32, String)>,
    /// Names of flow tables.
    pub flowtables: BTreeSet<String>,
    /// What sets hold whose intervals are merged, by name: needed where orders change it.
    pub held: BTreeMap<String, Vec<Element>>,
    /// Whether all that the kernel has in this table is here.
    pub complete: bool,
}

impl TableContent {
    /// Whether there is a thing of this kind and name: what is asked for each reference of a long text.
    #[must_use]
    pub fn has(&self, entity: Entity, name: &str) -> bool {
        match entity {
            Entity::Chain => self.chains.contains_key(name),
            Entity::Flowtable => self.flowtables.contains(name),
            Entity::Set | Entity::Map | Entity::Meter => self.sets.contains_key(name),
            Entity::Object(kind) => self.objects.contains(&(kind.0, name.to_owned())),
            Entity::Table | Entity::Rule | Entity::Ruleset => false,
        }
    }

    /// The names of all things of a kind.
    #[must_use]
    pub fn names(&self, entity: Entity) -> Vec<&str> {
        match entity {
            Entity::Chain => self.chains.keys().map(String::as_str).collect(),
            Entity::Flowtable => self.flowtables.iter().map(String::as_str).collect(),
            Entity::Set | Entity::Map | Entity::Meter => self.sets.keys().map(String::as_str).collect(),
            Entity::Object(kind) => {
                self.objects.iter().filter(|(of, _)| *of == kind.0).map(|(_, name)| name.as_str()).collect()
            }
            Entity::Table | Entity::Rule | Entity::Ruleset => Vec::new(),
        }
    }
}

impl Catalog {
    /// A catalogue of a kernel that has nothing: what an input does not make itself is not there.
    #[must_use]
    pub fn of_nothing() -> Self {
        Catalog { whole: true, ..Catalog::default() }
    }

    /// Whether nothing is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.families.values().all(BTreeMap::is_empty) && !self.whole && self.tables.is_none()
    }

    /// Says that there is nothing else than what is here. What chains, objects and flow tables are called stays known
    /// even where an input flushes everything first; sets must be declared before they are referred to.
    pub fn declare_all(&mut self) {
        self.whole = true;
        for table in self.families.values_mut().flat_map(BTreeMap::values_mut) {
            table.sets.clear();
            table.complete = true;
        }
    }

    /// Says which tables the kernel has: others are nowhere, but for those that an input makes.
    pub fn declare_tables(&mut self, tables: impl IntoIterator<Item = (Family, String)>) {
        let tables: BTreeSet<_> = tables.into_iter().map(|(family, name)| (family.0, name)).collect();
        for (family, named) in &mut self.families {
            for (name, content) in named {
                content.complete |= !tables.contains(&(*family, name.clone()));
            }
        }
        self.tables = Some(tables);
    }

    /// Whether the kernel is known to have no such table.
    fn is_new(&self, family: Family, table: &str) -> bool {
        self.whole
            || self.tables.as_ref().is_some_and(|tables| !tables.contains(&(family.0, table.to_owned())))
    }

    /// Whether what a table has that is not here may be in the kernel.
    pub(crate) fn is_open(&self, family: Family, table: &str) -> bool {
        match self.table(family, table) {
            Some(content) => !content.complete,
            None => !self.is_new(family, table),
        }
    }

    /// Whether a table is known to be nowhere: neither the kernel has it, nor an input has made it.
    #[must_use]
    pub fn is_absent(&self, family: Family, table: &str) -> bool {
        self.table(family, table).is_none() && self.is_new(family, table)
    }

    /// The tables that are known, by family and name.
    pub fn tables(&self) -> impl Iterator<Item = (Family, &str)> {
        let made = self.families.iter().flat_map(|(family, named)| named.keys().map(|name| (*family, name)));
        let kernel = self.tables.iter().flatten().map(|(family, name)| (*family, name));
        made.chain(kernel).map(|(family, name)| (Family(family), name.as_str()))
    }

    /// Forgets all tables of a family, or of all ([`Family::UNSPECIFIED`]), which are deleted.
    pub fn flush(&mut self, family: Family) {
        if self.whole {
            self.families.values_mut().flat_map(BTreeMap::values_mut).for_each(|table| table.sets.clear());
        } else if family == Family::UNSPECIFIED {
            *self = Catalog::of_nothing();
        } else {
            self.families.remove(&family.0);
            self.tables.iter_mut().for_each(|tables| tables.retain(|(of, _)| *of != family.0));
        }
    }

    /// A table, made empty where it was not known.
    pub fn table_mut(&mut self, family: Family, table: &str) -> &mut TableContent {
        let complete = self.is_new(family, table);
        let empty = || TableContent { complete, ..TableContent::default() };
        self.families.entry(family.0).or_default().entry(table.to_owned()).or_insert_with(empty)
    }

    /// A table.
    #[must_use]
    pub fn table(&self, family: Family, table: &str) -> Option<&TableContent> {
        self.families.get(&family.0)?.get(table)
    }

    /// A set or map.
    #[must_use]
    pub fn set(&self, family: Family, table: &str, name: &str) -> Option<&Arc<Set>> {
        self.table(family, table)?.sets.get(name)
    }

    /// Notes a set, without its elements.
    pub fn add_set(&mut self, set: &Set) {
        let known = Set { elements: Vec::new(), ..set.clone() };
        self.table_mut(set.family, &set.table).sets.insert(set.name.clone(), Arc::new(known));
    }

    /// Notes a set that something refers to and takes to be so.
    ///
    /// # Errors
    /// One of this name is known, and its keys or values are of another type.
    pub fn refer(&mut self, set: &Set) -> Result<(), String> {
        match self.set(set.family, &set.table, &set.name) {
            Some(known) => agree(known, set),
            None => {
                self.add_set(set);
                self.referred.extend(self.set(set.family, &set.table, &set.name).cloned());
                Ok(())
            }
        }
    }

    /// The sets that were only referred to, each once.
    pub fn take_referred(&mut self) -> Vec<Arc<Set>> {
        std::mem::take(&mut self.referred)
    }

    /// Notes what a set holds.
    pub fn hold(&mut self, family: Family, table: &str, set: &str, elements: Vec<Element>) {
        self.table_mut(family, table).held.insert(set.to_owned(), elements);
    }

    /// What a set holds, where that is known.
    #[must_use]
    pub fn held(&self, family: Family, table: &str, set: &str) -> Option<&[Element]> {
        self.table(family, table)?.held.get(set).map(Vec::as_slice)
    }

    /// Whether a set is known to be nowhere.
    #[must_use]
    pub fn has_no_set(&self, family: Family, table: &str, set: &str) -> bool {
        match self.table(family, table) {
            Some(content) => content.complete && !content.sets.contains_key(set),
            None => self.is_absent(family, table),
        }
    }

    /// The kernel's number for a chain.
    #[must_use]
    pub fn chain_handle(&self, family: Family, table: &str, chain: &str) -> Option<u64> {
        self.table(family, table)?.chains.get(chain).copied().flatten()
    }

    /// Whether there is an object.
    #[must_use]
    pub fn has_object(&self, family: Family, table: &str, kind: ObjectKind, name: &str) -> bool {
        self.table(family, table).is_some_and(|content| content.objects.contains(&(kind.0, name.to_owned())))
    }
}

/// Whether what refers to a set takes it for what it is. The kernel compares bytes alone.
///
/// # Errors
/// What differs, as a sentence without a full stop.
pub fn agree(known: &Set, referred: &Set) -> Result<(), String> {
    fn same(one: &[TypePart], other: &[TypePart]) -> bool {
        one.len() == other.len()
            && one.iter().zip(other).all(|(one, other)| {
                one.bytes() == other.bytes()
                    && (one.data_type.is_a(other.data_type) || other.data_type.is_a(one.data_type))
            })
    }
    let wrong = |what: &str, is: &[TypePart], taken: &[TypePart]| {
        let words = |parts: &[TypePart]| {
            parts.iter().map(|part| part.data_type.name()).collect::<Vec<_>>().join(" . ")
        };
        let noun = if known.target.is_some() { "map" } else { "set" };
        Err(format!(
            "{noun} {} of table {} {} has {what} of type {}, and is used as if they were of type {}",
            known.name,
            known.family,
            known.table,
            words(is),
            words(taken)
        ))
    };
    if !same(&known.key.parts, &referred.key.parts) {
        return wrong("keys", &known.key.parts, &referred.key.parts);
    }
    match (&known.target, &referred.target) {
        (Some(MapTarget::Values(is)), Some(MapTarget::Values(taken))) if !same(&is.parts, &taken.parts) => {
            wrong("values", &is.parts, &taken.parts)
        }
        _ => Ok(()),
    }
}
