//! What is shown and starts anew, and single elements.

use netwright::netfilter::request::{Find, FindElement, List, ListElements, Reset};
use netwright::netfilter::{self as kernel, ElementFlags, ObjectData, Ruleset as KernelRuleset};
use netwright::sys::Cause;
use netwright::wire::Value;
use netwright::{Error, Net};
use netwright_nft::catalog::Catalog;
use netwright_nft::ir::{self, Element, Entity, Ruleset, Selection, Set, Table, TableContent};
use netwright_nft::lift;
use netwright_nft::lower::{self, Scope};

use super::unanswered::Unanswered;

/// The ruleset with what is asked for as it was before it started anew.
pub(super) fn ruleset(selection: &Selection, net: &Net) -> Result<Ruleset, Error> {
    let mut dump = net.nft().dump(selection.family)?;
    match selection.entity {
        Entity::Object(kind) => dump.objects = objects(selection, kind, net)?,
        Entity::Rule => dump.rules = rules(selection, net)?,
        Entity::Set | Entity::Map | Entity::Meter => sets(selection, net, &mut dump)?,
        _ => {}
    }
    Ok(lift::ruleset(&dump))
}

fn objects(selection: &Selection, kind: ir::ObjectKind, net: &Net) -> Result<Vec<kernel::Object>, Error> {
    let kind = kernel::expression::ObjectKind(kind.0);
    if let (Some(table), Some(name)) = (&selection.table, &selection.name) {
        let data = ObjectData::Unknown { kind, data: Vec::new() };
        let named = kernel::Object::new(selection.family, table.clone(), name.clone(), data);
        return Ok(vec![net.nft().find(Reset(Find(named)))?]);
    }
    let list = List::<kernel::Object>::new(selection.family).of_kind(kind).reset();
    net.nft().list(match &selection.table {
        Some(table) => list.in_table(table),
        None => list,
    })
}

fn rules(selection: &Selection, net: &Net) -> Result<Vec<kernel::Rule>, Error> {
    let list = List::<kernel::Rule>::new(selection.family).reset();
    match (&selection.table, &selection.chain) {
        (Some(table), Some(chain)) if selection.handle.is_some() => {
            let named = kernel::Rule::new(selection.family, table.clone(), chain.clone(), []);
            let named = kernel::Rule { handle: selection.handle, ..named };
            Ok(vec![net.nft().find(Reset(Find(named)))?])
        }
        (Some(table), Some(chain)) => net.nft().list(list.in_chain(table, chain)),
        (Some(table), None) => net.nft().list(list.in_table(table)),
        _ => net.nft().list(list),
    }
}

/// The elements of the set that is named.
fn sets(selection: &Selection, net: &Net, dump: &mut KernelRuleset) -> Result<(), Error> {
    let meant = |set: &kernel::Set| {
        Some(&set.table) == selection.table.as_ref() && Some(&set.name) == selection.name.as_ref()
    };
    for (set, elements) in dump.sets.iter_mut().filter(|(set, _)| meant(set)) {
        let mut found = Vec::new();
        net.nft().each(ListElements { reset: true, ..ListElements::of(set) }, |views| {
            for view in views {
                found.push(kernel::Element::own(view?)?);
            }
            Ok(std::ops::ControlFlow::Continue(()))
        })?;
        *elements = found;
    }
    Ok(())
}

/// The set with those of its elements that are asked for, or that ranges and addresses lie in.
pub(super) fn elements(
    set: &Set,
    elements: &[Element],
    reset: bool,
    net: &Net,
) -> Result<TableContent, Unanswered> {
    let catalog = Catalog::default();
    let scope = Scope { family: set.family, table: &set.table, catalog: &catalog };
    let wanted = lower::set::elements_to_delete(&scope, set, elements)
        .map_err(|error| Unanswered::Unknown(error.message, None))?;
    let mut found = Vec::new();
    for element in wanted {
        let end = element.has(ElementFlags::INTERVAL_END);
        let (table, name) = (set.table.clone(), set.name.clone());
        let request = FindElement { family: set.family, table, set: name, element };
        let answer = if reset { net.nft().find(Reset(request)) } else { net.nft().find(request) };
        match answer {
            Ok(element) => found.push(element),
            // an interval that reaches to the last value has no end
            Err(error) if end && (error.is_not_found() || matches!(error.cause(), Cause::NoAnswer)) => {}
            Err(error) if error.is_not_found() => {
                let message = "Could not process rule: No such file or directory".to_owned();
                let help = format!("not all of these are in {} {} {}", set.family, set.table, set.name);
                return Err(Unanswered::Unknown(message, Some(help)));
            }
            Err(error) => return Err(error.into()),
        }
    }
    let raw = kernel::Set::new(set.family, set.table.clone(), set.name.clone(), 0);
    let lifted = lift::set(&net.nft().find(Find(raw))?, &found);
    let table = Table { family: set.family, name: set.table.clone(), ..Table::default() };
    let lifted = Set { statements: Vec::new(), ..lifted };
    Ok(TableContent { table, sets: vec![lifted], ..TableContent::default() })
}
