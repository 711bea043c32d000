//! Intervals that overlap those which the kernel has already.
//!
//! The kernel does not notice one that lies within an interval which reaches the greatest value: it has no end to be found.
//! The new end would make the old interval shorter.

use std::collections::BTreeMap;

use netwright_netfilter::{Family, SetFlags, SetRef};

use super::settle::{Emptied, Place, covers, place};
use crate::catalog::{Catalog, Found, Lookup};
use crate::diagnostic::{Diagnostic, Span};
use crate::ir::{Command, Element, Entity, Operation, Selection, Set, Target};
use crate::lower::set::ends;

/// First values with the last ones.
type Intervals = BTreeMap<u128, u128>;

/// What is known of the sets so far.
struct Standing<'a> {
    kernel: &'a Catalog,
    lookup: &'a mut dyn Lookup,
    /// What the kernel has and was not taken out; `None` where nobody can say.
    sets: BTreeMap<Place, Option<Intervals>>,
    emptied: Vec<Emptied>,
    diagnostics: Vec<Diagnostic>,
}

/// What is wrong with the intervals that orders add.
pub(super) fn check(commands: &[Command], kernel: &Catalog, lookup: &mut dyn Lookup) -> Vec<Diagnostic> {
    let mut standing =
        Standing { kernel, lookup, sets: BTreeMap::new(), emptied: Vec::new(), diagnostics: Vec::new() };
    for command in commands {
        match &command.target {
            Target::Set(set) => standing.elements(command, set, &set.elements),
            Target::Elements { set, elements } => standing.elements(command, set, elements),
            Target::PackedElements { set, elements } if standing.has_intervals(set) => {
                let single: Vec<Element> = elements.elements(set).collect();
                standing.elements(command, set, &single);
            }
            Target::Selection(selection) => standing.selection(command.operation, selection),
            _ => {}
        }
    }
    standing.diagnostics
}

impl Standing<'_> {
    fn elements(&mut self, command: &Command, set: &Set, elements: &[Element]) {
        let adds = matches!(command.operation, Operation::Add | Operation::Create);
        let takes = matches!(command.operation, Operation::Delete | Operation::Destroy);
        if elements.is_empty() || !(adds || takes) || !self.has_intervals(set) {
            return;
        }
        let Some(Some(held)) = self.sets.get_mut(&place(set)) else { return };
        for (index, element) in elements.iter().enumerate() {
            let Some((first, last)) = interval(element) else { continue };
            if takes {
                held.remove(&first);
                continue;
            }
            let Some((&start, &end)) = held.range(..=last).next_back().filter(|(_, end)| **end >= first)
            else {
                continue;
            };
            let span: Option<Span> = command.elements.get(index).copied().or(command.span);
            if let Some(span) = span.filter(|_| (start, end) != (first, last)) {
                self.diagnostics.push(overlap(set, element, span, (start, end)));
            }
        }
    }

    /// Whether the kernel has intervals in a set that are not merged; finds out which.
    fn has_intervals(&mut self, set: &Set) -> bool {
        let [part] = set.key.parts.as_slice() else { return false };
        let interval = set.flags & SetFlags::INTERVAL.bits() != 0;
        if !interval || set.auto_merge || part.data_type.is_string() || part.bits > 128 {
            return false;
        }
        let place = place(set);
        if !self.sets.contains_key(&place) {
            let known = self.read(set, &place);
            self.sets.insert(place.clone(), known);
        }
        self.sets.get(&place).is_some_and(|known| known.as_ref().is_some_and(|held| !held.is_empty()))
    }

    fn read(&mut self, set: &Set, place: &Place) -> Option<Intervals> {
        let (family, table, name) = (set.family, set.table.clone(), set.name.clone());
        let empty = self.emptied.iter().any(|emptied| covers(emptied, place))
            || self.kernel.has_no_set(family, &table, &name);
        let held = |elements: &[Element]| elements.iter().filter_map(self::interval).collect();
        match (empty, self.kernel.held(family, &table, &name)) {
            (true, _) => Some(Intervals::new()),
            (false, Some(elements)) => Some(held(elements)),
            (false, None) => match self.lookup.elements(&SetRef::new(family, table, name)) {
                Found::Is(elements) => Some(held(&elements)),
                Found::Absent => Some(Intervals::new()),
                Found::Unknown => None,
            },
        }
    }

    fn selection(&mut self, operation: Operation, selection: &Selection) {
        let Some(emptied) = emptied(operation, selection, true) else { return };
        for (place, known) in &mut self.sets {
            if covers(&emptied, place) {
                *known = Some(Intervals::new());
            }
        }
        self.emptied.push(emptied);
    }
}

/// Which sets are gone, or with `flushed` also which are there without elements, after an order.
pub(super) fn emptied(operation: Operation, selection: &Selection, flushed: bool) -> Option<Emptied> {
    let flushes = operation == Operation::Flush;
    let deletes = matches!(operation, Operation::Delete | Operation::Destroy);
    let family = (selection.family != Family::UNSPECIFIED).then_some(selection.family.0);
    match selection.entity {
        Entity::Ruleset if flushes => Some((family, None, None)),
        Entity::Table if deletes => Some((family, selection.table.clone(), None)),
        Entity::Set | Entity::Map if deletes || flushes && flushed => {
            Some((family, selection.table.clone(), selection.name.clone()))
        }
        _ => None,
    }
}

/// The ends of an element, as numbers.
fn interval(element: &Element) -> Option<(u128, u128)> {
    let (first, last) = ends(element.key.as_ref()?).ok()?;
    Some((first.as_number()?, last.as_number()?))
}

fn overlap(set: &Set, element: &Element, span: Span, held: (u128, u128)) -> Diagnostic {
    let part = element.key.as_ref().and_then(|key| ends(key).ok()).map(|(value, _)| value.part());
    let value = |number| {
        let part = part.unwrap_or_default();
        crate::ir::Expression::Value(crate::ir::Value::number(part.data_type, part.bits, number))
    };
    let text = |number| {
        let (options, names) = (crate::table::PrintOptions::default(), crate::table::Names::new());
        crate::print::expression(&value(number), &options, &names)
    };
    let (first, last) = (text(held.0), text(held.1));
    let held = if first == last { first } else { format!("{first}-{last}") };
    Diagnostic::error(span, format!("this overlaps an interval that `{}` has already: {held}", set.name))
        .help(
            "Delete that one before, or make the set with `auto-merge` to have overlapping intervals joined.",
        )
}
