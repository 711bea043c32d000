//! A whole ruleset as the kernel lists it.

use netwright_netfilter::{Chain, ChainFlags, Element, Family, Rule, Set, SetFlags, Table};

use super::{Dump, Scope, object, rule, set};
use crate::ir::{self, Ruleset, TableContent};

/// Reads a ruleset. What is not understood of it is kept as it is.
#[must_use]
pub fn ruleset(dump: &Dump) -> Ruleset {
    Ruleset { tables: dump.tables.iter().map(|table| content(dump, table)).collect() }
}

/// What the rules of a table refer to.
pub(super) fn scope<'d>(dump: &'d Dump, family: Family, name: &str) -> Scope<'d> {
    let here = |of: Family, table: &str| of == family && table == name;
    let mut scope = Scope::default();
    let sets = dump.sets.iter().filter(|(set, _)| here(set.family, &set.table));
    sets.for_each(|(set, elements)| scope.add_set(set, elements));
    dump.chains.iter().filter(|one| here(one.family, &one.table)).for_each(|one| scope.add_chain(one));
    dump.rules.iter().filter(|rule| here(rule.family, &rule.table)).for_each(|rule| scope.add_rule(rule));
    scope
}

fn content(dump: &Dump, table: &Table) -> TableContent {
    let here = |family: Family, name: &str| family == table.family && name == table.name;
    let sets: Vec<&(Set, Vec<Element>)> =
        dump.sets.iter().filter(|(set, _)| here(set.family, &set.table)).collect();
    let chains: Vec<&Chain> = dump.chains.iter().filter(|chain| here(chain.family, &chain.table)).collect();
    let rules: Vec<&Rule> = dump.rules.iter().filter(|rule| here(rule.family, &rule.table)).collect();
    let scope = scope(dump, table.family, &table.name);
    let named = sets.iter().filter(|(set, _)| !set.flags.contains(SetFlags::ANONYMOUS));
    let objects = dump.objects.iter().filter(|object| here(object.family, &object.table));
    let flowtables = dump.flowtables.iter().filter(|flowtable| here(flowtable.family, &flowtable.table));
    TableContent {
        table: object::table(table),
        objects: objects.map(object::object).collect(),
        sets: named.map(|(raw, elements)| set::set(raw, elements)).collect(),
        flowtables: flowtables.map(object::flowtable).collect(),
        chains: chains_of(&chains, &rules, &scope),
    }
}

/// The chains that stand by themselves, with their rules.
fn chains_of(chains: &[&Chain], rules: &[&Rule], scope: &Scope<'_>) -> Vec<ir::Chain> {
    let mut by_chain: std::collections::HashMap<&str, Vec<ir::Rule>> = std::collections::HashMap::new();
    for raw in rules.iter().filter(|raw| scope.bound_chain(&raw.chain).is_none()) {
        by_chain.entry(raw.chain.as_str()).or_default().push(rule::rule(raw, scope));
    }
    let bound = |chain: &Chain| chain.flags.is_some_and(|flags| flags.contains(ChainFlags::BINDING));
    let free = chains.iter().filter(|chain| !bound(chain));
    free.map(|raw| {
        let rules = by_chain.remove(raw.name.as_str()).unwrap_or_default();
        ir::Chain { rules, ..object::chain(raw) }
    })
    .collect()
}
