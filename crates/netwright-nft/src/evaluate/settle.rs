//! Sets whose intervals are merged: what orders add to and take from the intervals that they hold.
//!
//! The kernel knows such sets as any other, and refuses intervals that overlap, or that are no whole interval when they are
//! taken out. So an order becomes two: one that deletes the intervals which change, and one that adds what becomes of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use netwright_netfilter::{Family, SetFlags, SetRef};

use crate::catalog::{Catalog, Found, Lookup};
use crate::diagnostic::{Diagnostic, Span};
use crate::ir::{Command, Element, Entity, Expression, Operation, Selection, Set, Target, TypePart, Value};
use crate::lower::set::ends;

/// Family, table and name of a set.
pub(super) type Place = (u8, String, String);

/// Sets of this family, table and name, or of any.
pub(super) type Emptied = (Option<u8>, Option<String>, Option<String>);

/// Intervals that neither overlap nor touch, by their first value.
type Intervals = BTreeMap<u128, Held>;

/// What is known of the sets that are merged, as orders go on.
struct Settling<'a> {
    /// What the kernel has.
    kernel: &'a Catalog,
    lookup: &'a mut dyn Lookup,
    held: BTreeMap<Place, Intervals>,
    /// Tables and sets that are deleted, or flushed, before the order at hand.
    emptied: Vec<Emptied>,
    /// What becomes of the orders so far.
    orders: Vec<Slot>,
    runs: Vec<Run>,
    /// The runs that go on.
    open: BTreeMap<Place, usize>,
    /// Sets that hold more than is known.
    lost: BTreeSet<Place>,
    diagnostics: Vec<Diagnostic>,
}

/// An order, or a change of a set that is part of a run.
enum Slot {
    Command(Box<Command>),
    Change(usize),
}

/// Changes of a set in one input, which are made all at once, where the last of them was written: the kernel does not find
/// intervals again that come and go within a transaction.
struct Run {
    set: Set,
    span: Option<Span>,
    before: Intervals,
    after: Intervals,
    /// Where the last change is among the orders.
    last: usize,
    /// Where the set is declared, if the only change is its own elements.
    declared: Option<usize>,
}

/// An interval with its element.
#[derive(Clone, Debug, PartialEq)]
struct Held {
    first: u128,
    last: u128,
    element: Element,
    span: Option<Span>,
}

/// Orders in terms of the intervals that sets hold. Also tells what cannot be taken out, and in the catalogue what the
/// sets hold in the end.
pub(super) fn settle(
    commands: Vec<Command>,
    kernel: &Catalog,
    lookup: &mut dyn Lookup,
    after: &mut Catalog,
) -> (Vec<Command>, Vec<Diagnostic>) {
    if !commands.iter().any(changes_merged) {
        return (commands, Vec::new());
    }
    let mut settling = Settling {
        kernel,
        lookup,
        held: BTreeMap::new(),
        emptied: Vec::new(),
        orders: Vec::new(),
        runs: Vec::new(),
        open: BTreeMap::new(),
        lost: BTreeSet::new(),
        diagnostics: Vec::new(),
    };
    commands.into_iter().for_each(|command| settling.command(command));
    settling.close(&(None, None, None));
    for (family, table, name) in &settling.lost {
        after.table_mut(Family(*family), table).held.remove(name);
    }
    let known = std::mem::take(&mut settling.held).into_iter();
    for ((family, table, name), held) in known.filter(|(place, _)| !settling.lost.contains(place)) {
        let elements = held.into_values().map(|held| held.element).collect();
        after.hold(Family(family), &table, &name, elements);
    }
    settling.finish()
}

/// Whether an order may change what a set holds whose intervals are merged.
fn changes_merged(command: &Command) -> bool {
    match &command.target {
        Target::Set(set) => is_merged(set),
        Target::Elements { set, .. } | Target::PackedElements { set, .. } => is_merged(set),
        _ => false,
    }
}

impl Settling<'_> {
    fn command(&mut self, mut command: Command) {
        match &mut command.target {
            Target::Set(set) if is_merged(set) && !set.elements.is_empty() => {
                let bare = Set { elements: Vec::new(), ..(**set).clone() };
                let order = Order { operation: Operation::Add, set: bare, span: command.span };
                let (elements, spans) = (set.elements.clone(), command.elements.clone());
                let declared = self.orders.len();
                let bare = Command {
                    target: Target::Set(Box::new(order.set.clone())),
                    elements: Vec::new(),
                    ..command.clone()
                };
                self.keep(bare);
                if !self.change(&order, &elements, &spans, Some(declared)) {
                    self.orders.pop();
                    self.keep(command);
                }
            }
            Target::Elements { set, elements } if is_merged(set) => {
                let order = Order { operation: command.operation, set: (**set).clone(), span: command.span };
                if !self.change(&order, elements, &command.elements, None) {
                    self.keep(command);
                }
            }
            Target::PackedElements { set, elements } if is_merged(set) => match self.is_empty(set) {
                Some(false) => {
                    let order =
                        Order { operation: command.operation, set: (**set).clone(), span: command.span };
                    let single: Vec<Element> = elements.elements(set).collect();
                    if !self.change(&order, &single, &[], None) {
                        self.keep(command);
                    }
                }
                // What so many hold is not remembered.
                Some(true) => {
                    self.lost.insert(place(set));
                    self.keep(command);
                }
                None => self.keep(command),
            },
            Target::Selection(selection) => {
                self.selection(command.operation, selection);
                self.keep(command);
            }
            _ => self.keep(command),
        }
    }

    fn keep(&mut self, command: Command) {
        self.orders.push(Slot::Command(Box::new(command)));
    }

    /// Adds a change of what a set holds to the run that goes on, or begins one; false where what it holds is not known.
    fn change(
        &mut self,
        order: &Order,
        elements: &[Element],
        spans: &[Span],
        declared: Option<usize>,
    ) -> bool {
        let adds = matches!(order.operation, Operation::Add | Operation::Create);
        let takes = matches!(order.operation, Operation::Delete | Operation::Destroy);
        let (true, Some(changes)) = (adds || takes, intervals(elements, spans)) else { return false };
        if !self.know(&order.set) {
            return false;
        }
        let (place, last) = (place(&order.set), self.orders.len());
        let Some(held) = self.held.get_mut(&place) else { return false };
        let run = *self.open.entry(place).or_insert_with(|| {
            let (set, before) = (order.set.clone(), held.clone());
            self.runs.push(Run { set, span: order.span, before, after: Intervals::new(), last, declared });
            self.runs.len() - 1
        });
        for change in changes {
            let span = change.span.or(order.span);
            if adds {
                add(held, change);
            } else if take(held, &change).is_none() && order.operation == Operation::Delete {
                let message = format!("`{}` has no such element", order.set.name);
                self.diagnostics.extend(span.map(|span| Diagnostic::error(span, message)));
            }
        }
        if let Some(run) = self.runs.get_mut(run) {
            run.declared = run.declared.filter(|_| run.last == last);
            (run.last, run.span) = (last, order.span);
        }
        self.orders.push(Slot::Change(run));
        true
    }

    /// Ends the runs of the sets that something is done to.
    fn close(&mut self, emptied: &Emptied) {
        let (closed, open) =
            std::mem::take(&mut self.open).into_iter().partition(|(place, _)| covers(emptied, place));
        self.open = open;
        let closed: BTreeMap<Place, usize> = closed;
        for (place, run) in closed {
            if let (Some(run), Some(held)) = (self.runs.get_mut(run), self.held.get(&place)) {
                run.after = held.clone();
            }
        }
    }

    fn finish(self) -> (Vec<Command>, Vec<Diagnostic>) {
        let mut commands: Vec<Command> = Vec::with_capacity(self.orders.len());
        // Where the orders so far have come to lie.
        let mut places = Vec::with_capacity(self.orders.len());
        for (index, slot) in self.orders.into_iter().enumerate() {
            places.push(commands.len());
            match slot {
                Slot::Command(command) => commands.push(*command),
                Slot::Change(run) => {
                    let Some(run) = self.runs.get(run).filter(|run| run.last == index) else { continue };
                    let mut orders = run.orders();
                    let declared = run.declared.and_then(|at| commands.get_mut(*places.get(at)?));
                    // Nothing of what is there changes: a set is declared with its elements.
                    if let (Some(Command { target: Target::Set(set), elements: spans, .. }), [only]) =
                        (declared, orders.as_mut_slice())
                        && only.operation == Operation::Add
                        && let Target::Elements { elements, .. } = &mut only.target
                    {
                        set.elements = std::mem::take(elements);
                        *spans = std::mem::take(&mut only.elements);
                    } else {
                        commands.extend(orders);
                    }
                }
            }
        }
        (commands, self.diagnostics)
    }

    /// What is empty from here on.
    fn selection(&mut self, operation: Operation, selection: &Selection) {
        let flushed = operation == Operation::Flush;
        let deleted = matches!(operation, Operation::Delete | Operation::Destroy);
        let family = (selection.family != Family::UNSPECIFIED).then_some(selection.family.0);
        let emptied = match selection.entity {
            Entity::Ruleset if flushed => (family, None, None),
            Entity::Table if deleted => (family, selection.table.clone(), None),
            Entity::Set if flushed || deleted => (family, selection.table.clone(), selection.name.clone()),
            _ => return,
        };
        self.close(&emptied);
        self.held.retain(|place, _| !covers(&emptied, place));
        self.lost.retain(|place| !covers(&emptied, place));
        self.emptied.push(emptied);
    }

    /// Whether a set holds nothing; `None` where that is not known.
    fn is_empty(&mut self, set: &Set) -> Option<bool> {
        self.know(set).then(|| self.held.get(&place(set)).is_none_or(Intervals::is_empty))
    }

    /// Finds out what a set holds, or asks for it; whether it is known.
    fn know(&mut self, set: &Set) -> bool {
        let place = place(set);
        if self.lost.contains(&place) {
            return false;
        }
        if self.held.contains_key(&place) {
            return true;
        }
        let (family, table, name) = (set.family, set.table.clone(), set.name.clone());
        let empty = self.emptied.iter().any(|emptied| covers(emptied, &place))
            || self.kernel.has_no_set(family, &table, &name);
        let known = match (empty, self.kernel.held(family, &table, &name)) {
            (true, _) => Some(Vec::new()),
            (false, Some(elements)) => intervals(elements, &[]),
            (false, None) => match self.lookup.elements(&SetRef::new(family, table, name)) {
                Found::Is(elements) => intervals(&elements, &[]),
                Found::Absent => Some(Vec::new()),
                Found::Unknown => None,
            },
        };
        let held = known.map(|known| known.into_iter().map(|held| (held.first, held)).collect());
        held.is_some_and(|held| self.held.insert(place, held).is_none())
    }
}

impl Run {
    /// The intervals that change are deleted, then those that they become are added.
    fn orders(&self) -> Vec<Command> {
        let is_in =
            |all: &Intervals, one: &Held| all.get(&one.first).is_some_and(|other| other.last == one.last);
        let gone: Vec<&Held> = self.before.values().filter(|one| !is_in(&self.after, one)).collect();
        let new: Vec<&Held> = self.after.values().filter(|one| !is_in(&self.before, one)).collect();
        let orders = [(Operation::Delete, gone), (Operation::Add, new)];
        let orders = orders.into_iter().filter(|(_, list)| !list.is_empty());
        orders.map(|(operation, list)| self.order(operation, &list)).collect()
    }

    fn order(&self, operation: Operation, list: &[&Held]) -> Command {
        let elements = list.iter().map(|held| held.element.clone()).collect();
        let spans: Option<Vec<Span>> = list.iter().map(|held| held.span.or(self.span)).collect();
        Command {
            operation,
            target: Target::Elements { set: Arc::new(self.set.clone()), elements },
            span: self.span,
            elements: spans.unwrap_or_default(),
        }
    }
}

/// An order about elements.
struct Order {
    operation: Operation,
    set: Set,
    span: Option<Span>,
}

/// Adds an interval: one with all that it overlaps or touches, unless it is within one.
fn add(held: &mut Intervals, new: Held) {
    let (mut first, mut last) = (new.first, new.last);
    let until = new.last.saturating_add(1);
    // From behind: those before the first that does not reach the new one reach even less.
    while let Some((&at, one)) = held.range(..=until).next_back() {
        if at <= new.first && new.last <= one.last {
            return;
        }
        if one.last.saturating_add(1) < new.first {
            break;
        }
        (first, last) = (first.min(one.first), last.max(one.last));
        held.remove(&at);
    }
    held.insert(first, with_ends(&new, first, last));
}

/// Takes a part out of an interval; `None` where there is none that has all of it.
fn take(held: &mut Intervals, part: &Held) -> Option<()> {
    let (&at, _) = held.range(..=part.first).next_back().filter(|(_, one)| part.last <= one.last)?;
    let whole = held.remove(&at)?;
    if whole.first < part.first {
        let before = with_ends(&whole, whole.first, part.first - 1);
        held.insert(whole.first, Held { span: part.span, ..before });
    }
    if part.last < whole.last {
        let behind = with_ends(&whole, part.last + 1, whole.last);
        held.insert(part.last + 1, Held { span: part.span, ..behind });
    }
    Some(())
}

/// The same element with other ends.
fn with_ends(held: &Held, first: u128, last: u128) -> Held {
    let part = held.element.key.as_ref().and_then(|key| ends(key).ok()).map(|(value, _)| value.part());
    let part = part.unwrap_or_default();
    let value = |number| Value::number(part.data_type, part.bits, number);
    let key = match first == last {
        true => Expression::Value(value(first)),
        false => Expression::Range(value(first), value(last)),
    };
    let same = (held.first, held.last) == (first, last);
    let element = match same {
        true => held.element.clone(),
        false => Element { key: Some(key), ..held.element.clone() },
    };
    Held { first, last, element, span: held.span }
}

/// Elements as intervals; `None` where one is none.
fn intervals(elements: &[Element], spans: &[Span]) -> Option<Vec<Held>> {
    let interval = |(index, element): (usize, &Element)| {
        let (first, last) = ends(element.key.as_ref()?).ok()?;
        let (first, last) = (first.as_number()?, last.as_number()?);
        Some(Held { first, last, element: element.clone(), span: spans.get(index).copied() })
    };
    elements.iter().enumerate().map(interval).collect()
}

/// Whether the intervals of a set are merged, and are numbers.
fn is_merged(set: &Set) -> bool {
    let is_number = |part: &TypePart| !part.data_type.is_string() && part.bits <= 128;
    set.auto_merge
        && set.target.is_none()
        && set.flags & SetFlags::INTERVAL.bits() != 0
        && matches!(set.key.parts.as_slice(), [part] if is_number(part))
}

pub(super) fn place(set: &Set) -> Place {
    (set.family.0, set.table.clone(), set.name.clone())
}

pub(super) fn covers(emptied: &Emptied, place: &Place) -> bool {
    emptied.0.is_none_or(|family| family == place.0)
        && emptied.1.as_ref().is_none_or(|table| *table == place.1)
        && emptied.2.as_ref().is_none_or(|name| *name == place.2)
}
