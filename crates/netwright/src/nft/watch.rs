//! Messages about changes to [`Event`]s: what the kernel tells of a rule or an element has a meaning only with the sets
//! that it refers to.

use std::collections::HashMap;

use netwright_netfilter::expression::{DynamicSetAttrs, LookupAttrs, ObjectReferenceAttrs};
use netwright_netfilter::{
    Chain, Element, ElementListAttrs, Expression, Family, Flowtable, Generation, Item, MessageKind,
    NetfilterHeader, Object, Rule, Set, SetAttrs, SetFlags, SetRef, Table, TableRef,
};
use netwright_nft::lift::{self, Scope};
use netwright_wire::{Big, Malformed, Message, MessageFlags, Value};

use super::event::{Changed, Event};

/// The sets of a table by name; of those without a name of their own the elements too.
type Sets = HashMap<String, (Set, Vec<Element>)>;

/// Elements of one set that came or went one after the other: the two ends of an interval come as two messages.
struct Run {
    how: How,
    set: SetRef,
    elements: Vec<Element>,
}

/// What happened to a thing.
#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    Added,
    /// It was not to be there before.
    Created,
    Gone,
}

impl How {
    fn of(message: &Message<'_>, made: bool) -> Self {
        match made {
            true if message.header.flags.contains(MessageFlags::EXCLUSIVE) => How::Created,
            true => How::Added,
            false => How::Gone,
        }
    }

    fn event(self, changed: Changed) -> Event {
        match self {
            How::Added => Event::Made(changed),
            How::Created => Event::Created(changed),
            How::Gone => Event::Gone(changed),
        }
    }
}

/// Finds a set that is referred to and was not told of.
pub(super) type FindSet<'f> = &'f mut dyn FnMut(&SetRef) -> Option<Set>;

/// What is known of the ruleset, as messages come.
#[derive(Default)]
pub(super) struct Watch {
    sets: HashMap<TableRef, Sets>,
    run: Option<Run>,
}

impl Watch {
    /// Notes sets that are there already.
    pub(super) fn know(&mut self, sets: impl IntoIterator<Item = Set>) {
        for set in sets {
            self.table(set.family, &set.table).insert(set.name.clone(), (set, Vec::new()));
        }
    }

    fn table(&mut self, family: Family, table: &str) -> &mut Sets {
        self.sets.entry(TableRef::new(family, table)).or_default()
    }

    /// What a message tells, which comes behind what [`Watch::end_run`] tells of.
    pub(super) fn take(
        &mut self,
        message: &Message<'_>,
        find: FindSet<'_>,
        each: &mut dyn FnMut(Event),
    ) -> Result<(), Malformed> {
        let Some(kind) = MessageKind::of(message) else { return Ok(()) };
        if [MessageKind::NEW_ELEMENTS, MessageKind::DELETE_ELEMENTS].contains(&kind) {
            let how = How::of(message, kind == MessageKind::NEW_ELEMENTS);
            return self.elements(message, how, find, each);
        }
        self.end_run(find, each);
        if kind == MessageKind::NEW_GENERATION {
            each(Event::Generation(Generation::read(message)?));
        } else if let Some((made, raw)) = change::<Table>(message, kind)? {
            if !made {
                self.sets.remove(&raw.reference());
            }
            each(How::of(message, made).event(Changed::Table(lift::table(&raw))));
        } else if let Some((made, raw)) = change::<Chain>(message, kind)? {
            each(How::of(message, made).event(Changed::Chain(lift::chain(&raw))));
        } else if let Some((made, raw)) = change::<Rule>(message, kind)? {
            let inserted = made && !message.header.flags.contains(MessageFlags::APPEND);
            let how = if made { How::Added } else { How::Gone };
            each(how.event(self.rule(&raw, inserted, find)));
        } else if let Some((made, raw)) = set_change(message, kind)? {
            self.set(How::of(message, made), raw, each);
        } else if let Some((made, raw)) = change::<Object>(message, kind)? {
            each(How::of(message, made).event(Changed::Object(lift::object(&raw))));
        } else if let Some((made, raw)) = change::<Flowtable>(message, kind)? {
            each(How::of(message, made).event(Changed::Flowtable(lift::flowtable(&raw))));
        }
        Ok(())
    }

    /// Forgets the elements that came last, where others between them were lost.
    pub(super) fn forget_run(&mut self) {
        self.run = None;
    }

    /// Tells of the elements that came together.
    pub(super) fn end_run(&mut self, find: FindSet<'_>, each: &mut dyn FnMut(Event)) {
        let Some(Run { how, set, elements }) = self.run.take() else { return };
        let Some((raw, content)) = self.known(&set, find) else { return };
        if raw.flags.contains(SetFlags::ANONYMOUS) {
            return content.extend(elements);
        }
        let set = lift::set(raw, &[]);
        // the ends of intervals belong together, all else stays in the kernel's order
        let paired = raw.flags.contains(SetFlags::INTERVAL) && !raw.flags.contains(SetFlags::CONCAT);
        let elements = match paired {
            true => lift::set(raw, &elements).elements,
            false => elements.chunks(1).flat_map(|one| lift::set(raw, one).elements).collect(),
        };
        each(how.event(Changed::Elements { set, elements }));
    }

    fn known(&mut self, set: &SetRef, find: FindSet<'_>) -> Option<&mut (Set, Vec<Element>)> {
        let sets = self.sets.entry(set.table.clone()).or_default();
        if !sets.contains_key(&set.name) {
            sets.insert(set.name.clone(), (find(set)?, Vec::new()));
        }
        sets.get_mut(&set.name)
    }

    fn rule(&mut self, raw: &Rule, inserted: bool, find: FindSet<'_>) -> Changed {
        for name in raw.expressions.iter().filter_map(set_of) {
            self.known(&SetRef::new(raw.family, raw.table.clone(), name), find);
        }
        let mut scope = Scope::default();
        let sets = self.sets.get(&TableRef::new(raw.family, raw.table.clone()));
        for (set, elements) in sets.iter().flat_map(|sets| sets.values()) {
            scope.add_set(set, elements);
        }
        Changed::Rule {
            family: raw.family,
            table: raw.table.clone(),
            chain: raw.chain.clone(),
            position: raw.position,
            inserted,
            rule: lift::rule(raw, &scope),
        }
    }

    /// Sets that belong to rules are told with them.
    fn set(&mut self, how: How, raw: Set, each: &mut dyn FnMut(Event)) {
        let anonymous = raw.flags.contains(SetFlags::ANONYMOUS);
        let set = lift::set(&raw, &[]);
        let table = self.table(raw.family, &raw.table);
        let known = match how {
            How::Gone => table.remove(&raw.name),
            How::Added | How::Created => table.insert(raw.name.clone(), (raw, Vec::new())),
        };
        // of a set that is gone the kernel tells no flags
        let was_anonymous = known.is_some_and(|(set, _)| set.flags.contains(SetFlags::ANONYMOUS));
        if !(anonymous || how == How::Gone && was_anonymous) {
            each(how.event(Changed::Set(set)));
        }
    }

    fn elements(
        &mut self,
        message: &Message<'_>,
        how: How,
        find: FindSet<'_>,
        each: &mut dyn FnMut(Event),
    ) -> Result<(), Malformed> {
        let (header, bytes) = NetfilterHeader::split(message)?;
        let list = ElementListAttrs::read::<Big>(bytes)?;
        let table = list.table.unwrap_or_default();
        let set = SetRef::new(header.family, table, list.set.unwrap_or_default());
        let elements = list.elements.unwrap_or_default().0;
        match &mut self.run {
            Some(run) if (run.how, &run.set) == (how, &set) => run.elements.extend(elements),
            _ => {
                self.end_run(find, each);
                self.run = Some(Run { how, set, elements });
            }
        }
        Ok(())
    }
}

/// The set that an expression refers to.
fn set_of(expression: &Expression) -> Option<&str> {
    match expression {
        Expression::Lookup(LookupAttrs { set, .. }) => set.as_deref(),
        Expression::DynamicSet(DynamicSetAttrs { set, .. }) => set.as_deref(),
        Expression::ObjectReference(ObjectReferenceAttrs { set, .. }) => set.as_deref(),
        _ => None,
    }
}

/// What a message tells of a kind of thing: whether it is there now, and what it is.
fn change<T: Item>(message: &Message<'_>, kind: MessageKind) -> Result<Option<(bool, T)>, Malformed> {
    let Some(made) = is_made::<T>(kind) else { return Ok(None) };
    let (header, bytes) = NetfilterHeader::split(message)?;
    let thing = T::from_attributes(header.family, T::Attributes::read::<Big>(bytes)?)?;
    Ok(Some((made, thing)))
}

/// As [`change`]; of a set that is gone only its name is told.
fn set_change(message: &Message<'_>, kind: MessageKind) -> Result<Option<(bool, Set)>, Malformed> {
    let Some(made) = is_made::<Set>(kind) else { return Ok(None) };
    let (header, bytes) = NetfilterHeader::split(message)?;
    let mut attributes = SetAttrs::read::<Big>(bytes)?;
    if !made {
        attributes.key_length = attributes.key_length.or(Some(0));
    }
    Ok(Some((made, Set::from_attributes(header.family, attributes)?)))
}

fn is_made<T: Item>(kind: MessageKind) -> Option<bool> {
    match kind {
        kind if kind == T::KINDS.new => Some(true),
        kind if kind == T::KINDS.delete || kind == T::KINDS.destroy => Some(false),
        _ => None,
    }
}
