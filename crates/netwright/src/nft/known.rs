//! What a text refers to and only the kernel knows.

use std::collections::BTreeSet;

use netwright_netfilter::request::List;
use netwright_netfilter::{self as kernel, Family};
use netwright_nft::catalog::Catalog;
use netwright_nft::evaluate::Compiled;
use netwright_nft::ir::{Anchor, Target};
use netwright_nft::lift;
use netwright_nft::table::{Database, Names};
use netwright_route::link;
use netwright_sys::{Connection, Namespace, protocol};

use crate::Result;

/// Tables by family and name.
pub(super) type Tables = BTreeSet<(u8, String)>;

/// The tables that must be known: those with sets that are referred to, and those with things that are named by place.
pub(super) fn wanted(compiled: &Compiled) -> Tables {
    let missing = compiled.missing.iter().map(|missing| (missing.family.0, missing.table.clone()));
    let named = compiled.commands.iter().filter_map(|command| match &command.target {
        Target::Rule { family, table, anchor: Some(Anchor::Index(_)), .. }
        | Target::ChainName { family, table, .. } => Some((family.0, table.clone())),
        Target::Selection(selection) => {
            selection.index.and(selection.table.clone()).map(|table| (selection.family.0, table))
        }
        _ => None,
    });
    missing.chain(named).collect()
}

/// Adds what the kernel has in these tables; what is known already stays.
pub(super) fn add(connection: &mut Connection, tables: &Tables, catalog: &mut Catalog) -> Result<()> {
    for (family, table) in tables {
        let family = Family(*family);
        for set in connection.dump_all(&List::<kernel::Set>::new(family).in_table(table))? {
            if catalog.set(family, table, &set.name).is_none() {
                catalog.add_set(&lift::set(&set, &[]));
            }
        }
        let chains = connection.dump_all(&List::<kernel::Chain>::new(family))?;
        let rules = connection.dump_all(&List::<kernel::Rule>::new(family).in_table(table))?;
        let content = catalog.table_mut(family, table);
        for chain in chains.into_iter().filter(|chain| chain.table == *table) {
            content.chains.insert(chain.name, chain.handle);
        }
        content.rules.clear();
        for rule in rules {
            content.rules.entry(rule.chain).or_default().extend(rule.handle);
        }
    }
    Ok(())
}

/// Adds the names of a namespace's interfaces.
pub(super) fn interfaces(namespace: &Namespace, names: &mut Names) -> Result<()> {
    let mut connection = Connection::open_in(namespace, protocol::ROUTE)?;
    for link in connection.dump_all(&link::List::default())? {
        names.insert(Database::Interfaces, &link.name, link.index.into());
    }
    Ok(())
}
