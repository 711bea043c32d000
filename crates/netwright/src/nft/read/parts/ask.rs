//! The question for each part.

use std::collections::HashMap;
use std::ops::ControlFlow;

use netwright_netfilter::request::{Find, InTable, List};
use netwright_netfilter::{
    Chain, ChainRef, Expression, Flowtable, InFamily, Object, Reference, Rule, RuleView, Set, SetRef,
    StoredRules, Table, TableRef,
};
use netwright_sys::{Cause, Connection};
use netwright_wire::Dump;

use super::super::{Elements, collect, elements_by};
use super::wanted::is_bound_name;
use super::{Content, Part, Parts, Unit};
use crate::Result;

impl Parts {
    pub(super) fn ask(&self, unit: &Unit, connection: &mut Connection) -> Result<Content> {
        let family = self.wanted.family;
        Ok(match unit {
            Unit::Tables => Content::Tables(match &self.wanted.table {
                Some(name) => found(connection, TableRef::new(family, name))?,
                None => list(connection, List::<Table>::new(family))?,
            }),
            Unit::Chains(table) => {
                Content::Chains(list(connection, List::new(table.family).in_table(&*table.name))?)
            }
            Unit::Chain(chain) => Content::Chains(found(connection, chain.clone())?),
            Unit::Rules(chain) => Content::Rules(list(connection, List::in_chain(chain))?),
            Unit::Sets(table) => {
                Content::Sets(list(connection, List::new(table.family).in_table(&*table.name))?)
            }
            Unit::Set(set) => Content::Sets(found(connection, set.clone())?),
            Unit::Elements(set) if self.stored && !is_anonymous_name(&set.name) => {
                Content::StoredElements(self.elements(connection, set)?)
            }
            Unit::Elements(set) => Content::Elements(self.elements(connection, set)?),
            Unit::Objects(table) => {
                let all = List::<Object>::new(table.family).in_table(&*table.name);
                let all = match self.wanted.part {
                    Part::Objects(kind) => all.of_kind(kind),
                    _ => all,
                };
                Content::Objects(list(connection, all)?)
            }
            Unit::Flowtables(table) => {
                Content::Flowtables(list(connection, List::new(table.family).in_table(&*table.name))?)
            }
        })
    }

    /// The things of all tables with one question for each kind.
    pub(super) fn bulk(&self, connection: &mut Connection) -> Result<HashMap<Unit, Content>> {
        let Content::Tables(tables) = self.ask(&Unit::Tables, connection)? else { return Ok(HashMap::new()) };
        let family = self.wanted.family;
        let mut chains: HashMap<TableRef, Vec<Chain>> = empty(&tables);
        let mut sets: HashMap<TableRef, Vec<Set>> = empty(&tables);
        let mut objects: HashMap<TableRef, Vec<Object>> = empty(&tables);
        let mut flowtables: HashMap<TableRef, Vec<Flowtable>> = empty(&tables);
        let mut rules: HashMap<ChainRef, Content> = HashMap::new();
        for chain in list(connection, self.in_table(List::<Chain>::new(family)))? {
            let is_stored = self.stored && !is_bound_name(&chain.name);
            rules.insert(
                chain.reference(),
                match is_stored {
                    true => Content::StoredRules(StoredRules::new(chain.family)),
                    false => Content::Rules(Vec::new()),
                },
            );
            push(&mut chains, TableRef::new(chain.family, &*chain.table), chain);
        }
        for set in list(connection, self.in_table(List::<Set>::new(family)))? {
            push(&mut sets, TableRef::new(set.family, &*set.table), set);
        }
        for object in list(connection, self.in_table(List::<Object>::new(family)))? {
            push(&mut objects, TableRef::new(object.family, &*object.table), object);
        }
        for table in list(connection, self.in_table(List::<Flowtable>::new(family)))? {
            push(&mut flowtables, TableRef::new(table.family, &*table.table), table);
        }
        let request = self.in_table(List::<Rule>::new(family));
        let listed = connection.dump(&request, |view| {
            let rule = request.own(view)?;
            let chain = ChainRef::new(rule.family, &*rule.table, &*rule.chain);
            push_rule(rules.get_mut(&chain), view, rule);
            Ok(ControlFlow::Continue(()))
        });
        absent_is(changed_is_known(listed), ())?;
        let mut all = HashMap::from([(Unit::Tables, Content::Tables(tables))]);
        all.extend(chains.into_iter().map(|(table, list)| (Unit::Chains(table), Content::Chains(list))));
        all.extend(sets.into_iter().map(|(table, list)| (Unit::Sets(table), Content::Sets(list))));
        all.extend(objects.into_iter().map(|(table, list)| (Unit::Objects(table), Content::Objects(list))));
        all.extend(
            flowtables.into_iter().map(|(table, list)| (Unit::Flowtables(table), Content::Flowtables(list))),
        );
        all.extend(rules.into_iter().map(|(chain, list)| (Unit::Rules(chain), list)));
        Ok(all)
    }

    fn elements<E: Elements>(&self, connection: &mut Connection, set: &SetRef) -> Result<E> {
        let large = self.large.contains(set).then_some(&self.namespace);
        let each = |connection: &mut Connection, request: &_, all: &mut E| {
            changed_is_known(collect(connection, request, all))
        };
        absent_is(elements_by(connection, set, large, each), E::default())
    }

    fn in_table<T: InTable>(&self, list: List<T>) -> List<T> {
        match &self.wanted.table {
            Some(table) => list.in_table(table),
            None => list,
        }
    }
}

/// Adds a rule to those of its chain. What iptables has made is looked at before it is listed, and not stored.
fn push_rule(rules: Option<&mut Content>, view: InFamily<RuleView<'_>>, rule: Rule) {
    let extended = |rule: &Rule| {
        let extended = |one: &Expression| matches!(one, Expression::Match(_) | Expression::Target(_));
        rule.expressions.iter().any(extended)
    };
    match rules {
        Some(Content::Rules(rules)) => rules.push(rule),
        Some(content) => {
            if let Content::StoredRules(stored) = content {
                if extended(&rule) {
                    *content = Content::Rules(stored.iter().chain([rule]).collect());
                } else {
                    stored.push(view.attributes);
                }
            }
        }
        // what is in a chain that came meanwhile is read when the chain is
        None => {}
    }
}

/// Whether the kernel may have named a set, since it is written in a rule.
fn is_anonymous_name(name: &str) -> bool {
    name.starts_with("__")
}

fn empty<T>(tables: &[Table]) -> HashMap<TableRef, Vec<T>> {
    tables.iter().map(|table| (table.reference(), Vec::new())).collect()
}

fn push<K: std::hash::Hash + Eq, T>(lists: &mut HashMap<K, Vec<T>>, key: K, one: T) {
    // what is in a table that came meanwhile is read when the table is
    if let Some(list) = lists.get_mut(&key) {
        list.push(one);
    }
}

/// What is not there any more has nothing in it.
fn absent_is<T>(answer: Result<T>, absent: T) -> Result<T> {
    match answer {
        Err(error) if error.is_not_found() => Ok(absent),
        answer => answer,
    }
}

fn list<D: Dump>(connection: &mut Connection, request: D) -> Result<Vec<D::Output>> {
    absent_is(list_by(connection, &request), Vec::new())
}

/// Lists even where the kernel says that something changed meanwhile: what has is known better from generations and
/// notifications.
fn list_by<D: Dump>(connection: &mut Connection, request: &D) -> Result<Vec<D::Output>> {
    let mut all = Vec::new();
    let listed = connection.dump(request, |view| {
        all.push(request.own(view)?);
        Ok(ControlFlow::Continue(()))
    });
    changed_is_known(listed)?;
    Ok(all)
}

fn changed_is_known(listed: Result<()>) -> Result<()> {
    match listed {
        Err(error) if !matches!(error.cause(), Cause::Interrupted { .. }) => Err(error),
        _ => Ok(()),
    }
}

fn found<R: Reference>(connection: &mut Connection, reference: R) -> Result<Vec<R::Item>> {
    absent_is(connection.query(&Find(reference)).map(|found| vec![found]), Vec::new())
}
