//! What is shown and starts anew: counters, quotas and the like, as they were before.

use netwright_netfilter::expression::ObjectKind as KernelObjectKind;
use netwright_netfilter::request::{Find, List, ListElements, Reset};
use netwright_netfilter::{self as kernel, ChainRef, Ruleset, SetRef, TableRef};
use netwright_nft::ir::{Entity, ObjectKind, Selection};
use netwright_sys::{Connection, Namespace};
use netwright_wire::Query;

use super::read::{self, Part, Wanted};
use crate::Result;

/// What is asked for as it was before it started anew, in its tables; where `anew` is false, it does not.
pub(super) fn ruleset(
    selection: &Selection,
    anew: bool,
    connection: &mut Connection,
    namespace: &Namespace,
) -> Result<Ruleset> {
    let part = match (selection.entity, &selection.chain, &selection.name) {
        (Entity::Object(_), ..) => Part::Tables,
        (Entity::Rule, Some(chain), _) => Part::Chain(chain.clone()),
        (Entity::Set | Entity::Map | Entity::Meter, _, Some(name)) => Part::Set(name.clone(), false),
        _ => Part::All,
    };
    let wanted = Wanted { family: selection.family, table: selection.table.clone(), part };
    let mut ruleset = read::read(connection, namespace, &wanted)?;
    match selection.entity {
        Entity::Object(kind) => ruleset.objects = objects(selection, kind, anew, connection)?,
        Entity::Rule => ruleset.rules = rules(selection, &ruleset, anew, connection)?,
        Entity::Set | Entity::Map | Entity::Meter => {
            for (set, elements) in &mut ruleset.sets {
                *elements = self::elements(&set.reference(), anew, connection)?;
            }
        }
        _ => {}
    }
    Ok(ruleset)
}

fn objects(
    selection: &Selection,
    kind: ObjectKind,
    anew: bool,
    connection: &mut Connection,
) -> Result<Vec<kernel::Object>> {
    let kind = KernelObjectKind(kind.0);
    if let (Some(table), Some(name)) = (&selection.table, &selection.name) {
        let named = TableRef::new(selection.family, &**table).object(kind, &**name);
        return match anew {
            true => one(connection, &Reset(Find(named))),
            false => one(connection, &Find(named)),
        };
    }
    let list = List::<kernel::Object>::new(selection.family).of_kind(kind);
    let list = if anew { list.reset() } else { list };
    connection.dump_all(&match &selection.table {
        Some(table) => list.in_table(table),
        None => list,
    })
}

/// What is named, or nothing where it is not there.
fn one<Q: Query>(connection: &mut Connection, request: &Q) -> Result<Vec<Q::Output>> {
    match connection.query(request) {
        Ok(found) => Ok(vec![found]),
        Err(error) if error.is_not_found() => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

fn rules(
    selection: &Selection,
    ruleset: &Ruleset,
    anew: bool,
    connection: &mut Connection,
) -> Result<Vec<kernel::Rule>> {
    let started = |list: List<kernel::Rule>| if anew { list.reset() } else { list };
    let list = started(List::new(selection.family));
    match (&selection.table, &selection.chain) {
        (Some(table), Some(name)) => {
            let chain = ChainRef::new(selection.family, &**table, &**name);
            let mut rules = match selection.handle {
                Some(handle) if anew => vec![connection.query(&Reset(Find(chain.rule(handle))))?],
                Some(handle) => vec![connection.query(&Find(chain.rule(handle)))?],
                None => connection.dump_all(&started(List::in_chain(&chain)))?,
            };
            // those of chains that are written in rules stay as they are
            rules.extend(ruleset.rules.iter().filter(|rule| rule.chain != *name).cloned());
            Ok(rules)
        }
        (Some(table), None) => connection.dump_all(&list.in_table(table)),
        _ => connection.dump_all(&list),
    }
}

fn elements(set: &SetRef, anew: bool, connection: &mut Connection) -> Result<Vec<kernel::Element>> {
    let request = ListElements { reset: anew, ..ListElements::of(set) };
    Ok(connection.dump_all(&request)?.into_iter().flatten().collect())
}
