//! What a text refers to and only the kernel knows.

use std::collections::BTreeSet;

use netwright_netfilter::request::{List, tables};
use netwright_netfilter::{self as kernel, Family, Item};
use netwright_nft::catalog::Catalog;
use netwright_nft::evaluate::Compiled;
use netwright_nft::ir::{Entity, Target};
use netwright_nft::lift;
use netwright_nft::table::{Database, Names};
use netwright_route::link;
use netwright_sys::{Connection, Namespace, protocol};

use crate::Result;

/// What must be known.
#[derive(Default)]
pub(super) struct Wanted {
    /// Tables by family and name.
    tables: BTreeSet<(u8, String)>,
    /// Tables whose rules are named by their place.
    ordered: BTreeSet<(u8, String)>,
    /// Sets whose elements must be known.
    contents: BTreeSet<(u8, String, String)>,
    /// Whether the text has no meaning without.
    needed: bool,
}

impl Wanted {
    /// The tables with things that are referred to, and those with things that are named by place.
    pub(super) fn of(compiled: &Compiled) -> Self {
        let mut wanted = Wanted::default();
        for missing in &compiled.missing {
            wanted.tables.insert((missing.family.0, missing.table.clone()));
            if missing.content {
                let set = (missing.family.0, missing.table.clone(), missing.name.clone());
                wanted.contents.insert(set);
                continue;
            }
            wanted.needed |= missing.entity == Entity::Set;
            if missing.entity == Entity::Rule {
                wanted.ordered.insert((missing.family.0, missing.table.clone()));
            }
        }
        for command in &compiled.commands {
            match &command.target {
                Target::ChainName { family, table, .. } => {
                    wanted.tables.insert((family.0, table.clone()));
                    wanted.needed = true;
                }
                Target::Selection(selection) if selection.index.is_some() => {
                    let table = selection.table.clone().unwrap_or_default();
                    wanted.ordered.insert((selection.family.0, table));
                }
                _ => {}
            }
        }
        wanted.needed |= !wanted.ordered.is_empty();
        wanted.tables.extend(wanted.ordered.iter().cloned());
        wanted
    }

    pub(super) fn is_empty(&self) -> bool {
        self.tables.is_empty()
    }
}

/// Adds what the kernel has in these tables; what is known already stays. Where it may not be asked, and what is wanted
/// only serves to find mistakes early, nothing is added.
pub(super) fn add(connection: &mut Connection, wanted: &Wanted, catalog: &mut Catalog) -> Result<()> {
    for (family, table) in &wanted.tables {
        let ordered = wanted.ordered.contains(&(*family, table.clone()));
        let contents: Vec<&str> = wanted
            .contents
            .iter()
            .filter(|(of, within, _)| of == family && within == table)
            .map(|(.., set)| set.as_str())
            .collect();
        match add_table(connection, Family(*family), table, ordered, &contents, catalog) {
            Err(error) if error.is_permission() && !wanted.needed => return Ok(()),
            done => done?,
        }
    }
    Ok(())
}

fn add_table(
    connection: &mut Connection,
    family: Family,
    table: &str,
    ordered: bool,
    contents: &[&str],
    catalog: &mut Catalog,
) -> Result<()> {
    let sets = match connection.dump_all(&List::<kernel::Set>::new(family).in_table(table)) {
        Ok(sets) => sets,
        Err(error) if error.is_not_found() => {
            let tables = connection.dump_all(&tables())?;
            catalog.declare_tables(tables.into_iter().map(|table| (table.family, table.name)));
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    for set in sets {
        let known = lift::set(&set, &[]);
        let unheld = catalog.held(family, table, &set.name).is_none();
        if known.auto_merge && unheld && contents.contains(&&*set.name) {
            let elements = super::elements(connection, &set)?;
            catalog.hold(family, table, &set.name, lift::set(&set, &elements).elements);
        }
        if catalog.set(family, table, &set.name).is_none() {
            catalog.add_set(&known);
        }
    }
    let chains = connection.dump_all(&List::<kernel::Chain>::new(family))?;
    let objects = connection.dump_all(&List::<kernel::Object>::new(family).in_table(table))?;
    let flowtables = connection.dump_all(&List::<kernel::Flowtable>::new(family))?;
    let rules = match ordered {
        true => connection.dump_all(&List::<kernel::Rule>::new(family).in_table(table))?,
        false => Vec::new(),
    };
    let content = catalog.table_mut(family, table);
    for chain in chains.into_iter().filter(|chain| chain.table == table) {
        content.chains.insert(chain.name, chain.handle);
    }
    for object in &objects {
        let object = lift::object(object);
        content.objects.insert((object.kind().0, object.name));
    }
    let flowtables = flowtables.into_iter().filter(|flowtable| flowtable.table == table);
    content.flowtables.extend(flowtables.map(|flowtable| flowtable.name));
    content.rules.clear();
    for rule in rules {
        content.rules.entry(rule.chain).or_default().extend(rule.handle);
    }
    content.complete = true;
    Ok(())
}

/// Adds what a batch makes by messages of its own, which went past the catalogue.
pub(super) fn add_made(batch: &kernel::Batch, catalog: &mut Catalog) {
    for step in (0..batch.messages() as usize).map_while(|index| batch.step(index)) {
        if let Ok(Some(table)) = kernel::Table::read(&step.message) {
            catalog.table_mut(table.family, &table.name);
        } else if let Ok(Some(chain)) = kernel::Chain::read(&step.message) {
            catalog.table_mut(chain.family, &chain.table).chains.entry(chain.name).or_default();
        } else if let Ok(Some(object)) = kernel::Object::read(&step.message) {
            let object = lift::object(&object);
            let key = (object.kind().0, object.name);
            catalog.table_mut(object.family, &object.table).objects.insert(key);
        } else if let Ok(Some(flowtable)) = kernel::Flowtable::read(&step.message) {
            catalog.table_mut(flowtable.family, &flowtable.table).flowtables.insert(flowtable.name);
        }
    }
}

/// Adds the names of a namespace's interfaces.
pub(super) fn interfaces(namespace: &Namespace, names: &mut Names) -> Result<()> {
    let mut connection = Connection::open_in(namespace, protocol::ROUTE)?;
    for link in connection.dump_all(&link::List::default())? {
        names.insert(Database::Interfaces, &link.name, link.index.into());
    }
    Ok(())
}
