//! What an input refers to and only the kernel knows.

use std::collections::BTreeSet;

use netwright::Net;
use netwright::netfilter::request::List;
use netwright::netfilter::{Chain, Family, Flowtable, Object, Rule, Set};
use netwright_nft::catalog::Catalog;
use netwright_nft::evaluate::Compiled;
use netwright_nft::ir::{Anchor, Target};
use netwright_nft::lift;

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

/// What the kernel has in these tables.
pub(super) fn catalog(net: &Net, tables: &Tables) -> netwright::Result<Catalog> {
    let mut catalog = Catalog::default();
    let families: BTreeSet<u8> = tables.iter().map(|(family, _)| *family).collect();
    for family in families {
        let known = |table: &str| tables.contains(&(family, table.to_owned()));
        let (family, nft) = (Family(family), net.nft());
        for set in nft.list(List::<Set>::new(family))?.iter().filter(|set| known(&set.table)) {
            catalog.add_set(&lift::set(set, &[]));
        }
        for chain in nft.list(List::<Chain>::new(family))?.into_iter().filter(|chain| known(&chain.table)) {
            catalog.table_mut(family, &chain.table).chains.insert(chain.name, chain.handle);
        }
        for rule in nft.list(List::<Rule>::new(family))?.into_iter().filter(|rule| known(&rule.table)) {
            let rules = &mut catalog.table_mut(family, &rule.table).rules;
            rules.entry(rule.chain).or_default().extend(rule.handle);
        }
        for object in nft.list(List::<Object>::new(family))?.iter().filter(|object| known(&object.table)) {
            let object = lift::object(object);
            let key = (object.kind().0, object.name.clone());
            catalog.table_mut(family, &object.table).objects.insert(key);
        }
        for table in nft.list(List::<Flowtable>::new(family))?.into_iter().filter(|table| known(&table.table))
        {
            catalog.table_mut(family, &table.table).flowtables.insert(table.name);
        }
    }
    for (family, table) in tables {
        catalog.table_mut(Family(*family), table).complete = true;
    }
    Ok(catalog)
}
