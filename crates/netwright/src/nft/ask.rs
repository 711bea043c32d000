//! What a text refers to and only the kernel knows: asked for just that, when it is met.

use std::collections::{HashMap, HashSet};

use netwright_netfilter::request::{Find, List};
use netwright_netfilter::{self as kernel, ChainRef, Family, SetRef, TableRef};
use netwright_nft::catalog::{Found, Lookup};
use netwright_nft::ir::{Element, Entity, Set};
use netwright_nft::lift;
use netwright_nft::table::{Database, Names};
use netwright_sys::{Connection, Namespace, protocol};

use super::read;
use crate::{Error, Result};

/// Asks the kernel.
pub(super) struct Ask<'c> {
    connection: &'c mut Connection,
    /// The ruleset's generation before the first question: what was answered holds for a batch of this generation.
    generation: Option<u32>,
    /// Whether something was answered that changes often: places of rules, or elements.
    fleeting: bool,
    /// Why the kernel did not answer, the first time that it did not.
    failed: Option<Error>,
    absent: HashSet<SetRef>,
    tables: Option<Vec<TableRef>>,
    names: HashMap<(TableRef, Entity), Vec<String>>,
}

/// What answers hold for.
pub(super) struct Answered {
    /// This generation; `None` where nothing was asked.
    pub(super) generation: Option<u32>,
    fleeting: bool,
}

impl Answered {
    /// `None` too where only definitions were asked for, which hardly ever change.
    pub(super) fn fleeting(self) -> Option<u32> {
        self.generation.filter(|_| self.fleeting)
    }
}

impl<'c> Ask<'c> {
    pub(super) fn new(connection: &'c mut Connection) -> Self {
        Ask {
            connection,
            generation: None,
            fleeting: false,
            failed: None,
            absent: HashSet::new(),
            tables: None,
            names: HashMap::new(),
        }
    }

    /// What the answers hold for.
    ///
    /// # Errors
    /// A question was not answered, so that what was asked is not known.
    pub(super) fn finish(self) -> Result<Answered> {
        match self.failed {
            Some(error) => Err(error),
            None => Ok(Answered { generation: self.generation, fleeting: self.fleeting }),
        }
    }

    fn ask<T>(&mut self, question: impl FnOnce(&mut Connection) -> Result<T>) -> Found<T> {
        if self.failed.is_some() {
            return Found::Unknown;
        }
        let answer = match self.generation {
            Some(_) => question(self.connection),
            None => read::generation(self.connection).and_then(|generation| {
                self.generation = Some(generation);
                question(self.connection)
            }),
        };
        match answer {
            Ok(answer) => Found::Is(answer),
            Err(error) if error.is_not_found() => Found::Absent,
            Err(error) => {
                self.failed = Some(error);
                Found::Unknown
            }
        }
    }
}

impl Lookup for Ask<'_> {
    fn set(&mut self, set: &SetRef) -> Found<Set> {
        if self.absent.contains(set) {
            return Found::Absent;
        }
        let found = self.ask(|connection| Ok(lift::set(&connection.query(&Find(set.clone()))?, &[])));
        if found == Found::Absent {
            self.absent.insert(set.clone());
        }
        found
    }

    fn elements(&mut self, set: &SetRef) -> Found<Vec<Element>> {
        self.fleeting = true;
        let found = self.ask(|connection| {
            let raw = connection.query(&Find(set.clone()))?;
            // only those of intervals are asked for, which have no table that grows
            let elements = read::elements(connection, None, &raw)?;
            Ok(lift::set(&raw, &elements).elements)
        });
        // who may not ask may not change the set either, and will be told so
        if found == Found::Unknown && self.failed.as_ref().is_some_and(Error::is_permission) {
            self.failed = None;
        }
        found
    }

    fn chain(&mut self, chain: &ChainRef) -> Found<u64> {
        match self.ask(|connection| Ok(connection.query(&Find(chain.clone()))?.handle)) {
            Found::Is(Some(handle)) => Found::Is(handle),
            Found::Is(None) | Found::Unknown => Found::Unknown,
            Found::Absent => Found::Absent,
        }
    }

    fn rules(&mut self, chain: &ChainRef) -> Found<Vec<u64>> {
        self.fleeting = true;
        self.ask(|connection| {
            let rules = connection.dump_all(&List::in_chain(chain))?;
            Ok(rules.into_iter().filter_map(|rule: kernel::Rule| rule.handle).collect())
        })
    }

    fn tables(&mut self) -> Found<Vec<TableRef>> {
        if let Some(tables) = &self.tables {
            return Found::Is(tables.clone());
        }
        let found = self.ask(|connection| {
            let tables = connection.dump_all(&List::<kernel::Table>::new(Family::UNSPECIFIED))?;
            Ok(tables.iter().map(kernel::Table::reference).collect::<Vec<_>>())
        });
        if let Found::Is(tables) = &found {
            self.tables = Some(tables.clone());
        }
        found
    }

    fn names(&mut self, table: &TableRef, entity: Entity) -> Found<Vec<String>> {
        let key = (table.clone(), entity);
        if let Some(names) = self.names.get(&key) {
            return Found::Is(names.clone());
        }
        let found = self.ask(|connection| names(connection, table, entity));
        if let Found::Is(names) = &found {
            self.names.insert(key, names.clone());
        }
        found
    }
}

/// What the things of a kind in a table are called.
pub(super) fn names(connection: &mut Connection, table: &TableRef, entity: Entity) -> Result<Vec<String>> {
    let (family, name) = (table.family, table.name.as_str());
    Ok(match entity {
        Entity::Chain => {
            let chains = connection.dump_all(&List::<kernel::Chain>::new(family).in_table(name))?;
            let bound = |chain: &kernel::Chain| {
                chain.flags.is_some_and(|flags| flags.contains(kernel::ChainFlags::BINDING))
            };
            chains.into_iter().filter(|chain| !bound(chain)).map(|chain| chain.name).collect()
        }
        Entity::Set | Entity::Map | Entity::Meter => {
            let sets = connection.dump_all(&List::<kernel::Set>::new(family).in_table(name))?;
            let named = sets.into_iter().filter(|set| !set.flags.contains(kernel::SetFlags::ANONYMOUS));
            named.map(|set| set.name).collect()
        }
        Entity::Flowtable => {
            let tables = connection.dump_all(&List::<kernel::Flowtable>::new(family).in_table(name))?;
            tables.into_iter().map(|table| table.name).collect()
        }
        Entity::Object(kind) => {
            let kind = kernel::expression::ObjectKind(kind.0);
            let list = List::<kernel::Object>::new(family).in_table(name).of_kind(kind);
            connection.dump_all(&list)?.into_iter().map(|object| object.name).collect()
        }
        Entity::Table => {
            let tables = connection.dump_all(&List::<kernel::Table>::new(family))?;
            tables.into_iter().map(|table| table.name).collect()
        }
        Entity::Ruleset | Entity::Rule => Vec::new(),
    })
}

/// The names of everything, but for what belongs to rules.
pub(super) fn all_names(connection: &mut Connection) -> Result<Vec<String>> {
    let all = Family::UNSPECIFIED;
    let mut names = Vec::new();
    names.extend(connection.dump_all(&List::<kernel::Table>::new(all))?.into_iter().map(|table| table.name));
    names.extend(connection.dump_all(&List::<kernel::Chain>::new(all))?.into_iter().map(|chain| chain.name));
    names.extend(connection.dump_all(&List::<kernel::Set>::new(all))?.into_iter().map(|set| set.name));
    names.extend(connection.dump_all(&List::<kernel::Object>::new(all))?.into_iter().map(|one| one.name));
    let flowtables = connection.dump_all(&List::<kernel::Flowtable>::new(all))?;
    names.extend(flowtables.into_iter().map(|table| table.name));
    // the kernel's names for sets and chains that have none begin so
    names.retain(|name| !name.starts_with("__"));
    Ok(names)
}

/// Adds the names of a namespace's interfaces.
pub(super) fn interfaces(namespace: &Namespace, names: &mut Names) -> Result<()> {
    let mut connection = Connection::open_in(namespace, protocol::ROUTE)?;
    for link in crate::links::ids(&mut connection)? {
        if let Some(name) = link.name() {
            names.insert(Database::Interfaces, &name, link.index.into());
        }
    }
    Ok(())
}
