//! A copy of nftables, changed as the kernel tells of its own.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use netwright_netfilter::expression::CounterAttrs;
use netwright_netfilter::{
    Chain, ChainView, Element, ElementListView, Family, Flowtable, FlowtableView, Generation, InFamily, Item,
    MessageKind, NetfilterHeader, Object, ObjectData, ObjectView, Rule, RuleView, Set, SetRef, SetView,
    Table, TableView, Trace,
};
use netwright_wire::{Header, Malformed, Message};

use super::event::{Event, Kinds, SetElement, Update};
use super::follow::compare;

/// What names an object: family, table, name, and a number where names are not enough.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Key {
    family: u8,
    table: String,
    name: String,
    number: u64,
}

/// What names an element: its set, and its key with whether it is the end of an interval.
type ElementKey = (Vec<u8>, bool);

/// The objects of all tables.
#[derive(Clone, Debug, Default)]
pub(super) struct Ruleset {
    pub(super) tables: HashMap<Key, Table>,
    pub(super) chains: HashMap<Key, Chain>,
    pub(super) rules: HashMap<Key, Rule>,
    pub(super) sets: HashMap<Key, Set>,
    pub(super) elements: HashMap<SetRef, HashMap<ElementKey, Element>>,
    /// When elements end that do so by themselves: nobody tells of that.
    ends: HashMap<SetRef, HashMap<ElementKey, Instant>>,
    pub(super) objects: HashMap<Key, Object>,
    pub(super) flowtables: HashMap<Key, Flowtable>,
}

/// An object that is copied.
pub(super) trait Kept: Item + Clone {
    const KIND: Kinds;

    /// What names it in a message, which may be about its end and have little more.
    fn key_of(view: &InFamily<View<'_, Self>>) -> Result<Option<Key>, Malformed>;

    /// Whether two are the same but for what is counted.
    fn is_same(&self, other: &Self) -> bool;

    fn all(ruleset: &mut Ruleset) -> &mut HashMap<Key, Self>;

    fn event(change: Update<Self>) -> Event;
}

type View<'a, T> = <<T as Item>::Attributes as netwright_wire::Value>::View<'a>;

macro_rules! kept {
    ($($item:ident $view:ident $kind:ident $event:ident $field:ident
        |$seen:ident| $name:expr, $number:expr; |$one:ident| $uncounted:expr;)*) => {$(
        impl Kept for $item {
            const KIND: Kinds = Kinds::$kind;

            fn key_of(view: &InFamily<$view<'_>>) -> Result<Option<Key>, Malformed> {
                let $seen = &view.attributes;
                let text = |text: Option<netwright_wire::Text<'_>>| text.map(|text| text.to_string());
                let name = text($name).unwrap_or_default();
                let number = $number.unwrap_or_default();
                Ok(text(table_of($seen)?).map(|table| Key { family: view.family.0, table, name, number: number.into() }))
            }

            fn is_same(&self, other: &Self) -> bool {
                let uncounted = |$one: &$item| $uncounted;
                uncounted(self) == uncounted(other)
            }

            fn all(ruleset: &mut Ruleset) -> &mut HashMap<Key, Self> {
                &mut ruleset.$field
            }

            fn event(change: Update<Self>) -> Event {
                Event::$event(change.map(Box::new))
            }
        }
    )*};
}

/// Where each kind of view has the name of its table.
trait InTable<'a> {
    fn table_name(&self) -> Result<Option<netwright_wire::Text<'a>>, Malformed>;
}

macro_rules! in_table {
    ($($view:ident $method:ident),*) => {$(
        impl<'a> InTable<'a> for $view<'a> {
            fn table_name(&self) -> Result<Option<netwright_wire::Text<'a>>, Malformed> {
                self.$method()
            }
        }
    )*};
}

in_table!(TableView name, ChainView table, RuleView table, SetView table, ObjectView table, FlowtableView table);

fn table_of<'a>(view: &impl InTable<'a>) -> Result<Option<netwright_wire::Text<'a>>, Malformed> {
    view.table_name()
}

kept! {
    Table TableView TABLES Table tables |view| view.name()?, None::<u64>;
        |one| Table { uses: None, ..one.clone() };
    Chain ChainView CHAINS Chain chains |view| None, view.handle()?; // names change
        |one| Chain { uses: None, counters: None, ..one.clone() };
    Rule RuleView FIREWALL_RULES FirewallRule rules |view| None, view.handle()?;
        |one| (one.handle, one.chain.clone());
    Set SetView SETS Set sets |view| view.name()?, None::<u64>;
        |one| Set { count: None, expressions: Vec::new(), ..one.clone() };
    Object ObjectView OBJECTS Object objects |view| view.name()?, view.kind()?.map(|kind| kind.0);
        |one| (one.handle, one.userdata.clone(), uncounted(&one.data));
    Flowtable FlowtableView FLOWTABLES Flowtable flowtables |view| view.name()?, None::<u64>;
        |one| Flowtable { uses: None, ..one.clone() };
}

/// What a message is about; nothing for what is told in any case.
pub(super) fn kinds_of(message: &Message<'_>) -> Kinds {
    let Some(kind) = MessageKind::of(message) else { return Kinds::empty() };
    macro_rules! of {
        ($($item:ident),*) => {
            $(if [$item::KINDS.new, $item::KINDS.delete].contains(&kind) {
                <$item as Kept>::KIND
            } else)* if [MessageKind::NEW_ELEMENTS, MessageKind::DELETE_ELEMENTS].contains(&kind) {
                Kinds::ELEMENTS
            } else {
                Kinds::empty()
            }
        };
    }
    of!(Table, Chain, Rule, Set, Object, Flowtable)
}

impl Ruleset {
    /// Takes an object of a list over.
    pub(super) fn push<T: Kept>(&mut self, view: InFamily<View<'_, T>>) -> Result<(), Malformed> {
        if let Some(key) = T::key_of(&view)? {
            T::all(self).insert(key, T::own(view)?);
        }
        Ok(())
    }

    pub(super) fn push_element(&mut self, set: &SetRef, element: Element) {
        self.note_end(set, &element);
        self.elements.entry(set.clone()).or_default().insert(key_of(&element), element);
    }

    /// Takes a message, and tells what has changed by it.
    pub(super) fn take(
        &mut self,
        message: &Message<'_>,
        kinds: Kinds,
        doubt: &mut Kinds,
        tell: &mut impl FnMut(Event),
    ) -> Result<(), Malformed> {
        let Some(kind) = MessageKind::of(message) else { return Ok(()) };
        match kind {
            MessageKind::TRACE => {
                if let (Some(trace), true) = (Trace::read(message)?, kinds.contains(Kinds::TRACES)) {
                    tell(Event::Trace(trace));
                }
            }
            MessageKind::NEW_GENERATION => tell(Event::Generation(Generation::read(message)?)),
            MessageKind::NEW_ELEMENTS | MessageKind::DELETE_ELEMENTS => {
                if kinds.contains(Kinds::ELEMENTS) {
                    self.elements(message, kind == MessageKind::DELETE_ELEMENTS, tell)?;
                }
            }
            _ => {
                self.changed::<Table>(message, kind, kinds, tell)?;
                if kind == Chain::KINDS.delete && names_devices(message)? {
                    *doubt |= Kinds::CHAINS & kinds; // it only loses some of them
                } else {
                    self.changed::<Chain>(message, kind, kinds, tell)?;
                }
                self.changed::<Rule>(message, kind, kinds, tell)?;
                self.changed::<Set>(message, kind, kinds, tell)?;
                self.changed::<Object>(message, kind, kinds, tell)?;
                self.changed::<Flowtable>(message, kind, kinds, tell)?;
                self.forget_elements(message, kind)?;
            }
        }
        Ok(())
    }

    fn changed<T: Kept>(
        &mut self,
        message: &Message<'_>,
        kind: MessageKind,
        kinds: Kinds,
        tell: &mut impl FnMut(Event),
    ) -> Result<(), Malformed> {
        let removed = kind == T::KINDS.delete;
        if !kinds.contains(T::KIND) || !(removed || kind == T::KINDS.new) {
            return Ok(());
        }
        // What ends is told in the form of what is.
        let header = Header { kind: T::KINDS.new.number(), ..message.header };
        let Some(view) = T::view(&Message { header, payload: message.payload })? else { return Ok(()) };
        let Some(key) = T::key_of(&view)? else { return Ok(()) };
        let all = T::all(self);
        let change = if removed {
            all.remove(&key).map(Update::Removed)
        } else {
            let item = T::own(view)?;
            match all.insert(key, item.clone()) {
                Some(before) if before.is_same(&item) => None,
                Some(before) => Some(Update::Changed { before, now: item }),
                None => Some(Update::Added(item)),
            }
        };
        change.into_iter().for_each(|change| tell(T::event(change)));
        Ok(())
    }

    fn elements(
        &mut self,
        message: &Message<'_>,
        removed: bool,
        tell: &mut impl FnMut(Event),
    ) -> Result<(), Malformed> {
        let (header, bytes) = NetfilterHeader::split(message)?;
        let view = ElementListView::new(bytes);
        let (Some(table), Some(name), Some(elements)) = (view.table()?, view.set()?, view.elements()?) else {
            return Ok(());
        };
        let set = SetRef::new(header.family, table.to_string(), name.to_string());
        for element in elements {
            let element = <Element as netwright_wire::Value>::own(element?)?;
            let key = key_of(&element);
            let end = self.ends.get_mut(&set).and_then(|ends| ends.remove(&key));
            let ended = end.is_some_and(|end| end <= Instant::now());
            if !removed {
                self.note_end(&set, &element);
            }
            let all = self.elements.entry(set.clone()).or_default();
            // What came to its end by itself is told when the kernel speaks of that key again.
            if ended
                && !removed
                && let Some(before) = all.remove(&key)
            {
                tell(of_set(&set, Update::Removed(before)));
            }
            let change = if removed {
                all.remove(&key).map(Update::Removed)
            } else {
                match all.insert(key, element.clone()) {
                    Some(before) if is_same_element(&before, &element) => None,
                    Some(before) => Some(Update::Changed { before, now: element }),
                    None => Some(Update::Added(element)),
                }
            };
            change.into_iter().for_each(|change| tell(of_set(&set, change)));
        }
        Ok(())
    }

    fn note_end(&mut self, set: &SetRef, element: &Element) {
        if let Some(end) =
            element.expiration.and_then(|left| Instant::now().checked_add(Duration::from_millis(left)))
        {
            self.ends.entry(set.clone()).or_default().insert(key_of(element), end);
        }
    }

    /// A set goes with its elements, and a table with its sets.
    fn forget_elements(&mut self, message: &Message<'_>, kind: MessageKind) -> Result<(), Malformed> {
        if ![Table::KINDS.delete, Set::KINDS.delete].contains(&kind) {
            return Ok(());
        }
        let (header, bytes) = NetfilterHeader::split(message)?;
        let family = header.family;
        if kind == Table::KINDS.delete {
            let table = TableView::new(bytes).name()?.map(|name| name.to_string());
            let stays = |set: &SetRef| set.table.family != family || Some(&set.table.name) != table.as_ref();
            self.elements.retain(|set, _| stays(set));
            self.ends.retain(|set, _| stays(set));
        } else if let (Some(table), Some(name)) = (SetView::new(bytes).table()?, SetView::new(bytes).name()?)
        {
            let set = SetRef::new(family, table.to_string(), name.to_string());
            self.elements.remove(&set);
            self.ends.remove(&set);
        }
        Ok(())
    }

    /// Takes the objects of some kinds of a fresh copy over.
    pub(super) fn adopt(&mut self, fresh: Ruleset, kinds: Kinds) {
        let Ruleset { tables, chains, rules, sets, elements, ends, objects, flowtables } = fresh;
        if kinds.contains(Kinds::ELEMENTS) {
            self.ends = ends;
        }
        macro_rules! take {
            ($($kind:ident $field:ident),*) => {$(
                if kinds.contains(Kinds::$kind) {
                    self.$field = $field;
                }
            )*};
        }
        take!(TABLES tables, CHAINS chains, FIREWALL_RULES rules, SETS sets, ELEMENTS elements, OBJECTS objects, FLOWTABLES flowtables);
    }

    pub(super) fn differences(&self, now: &Ruleset, kinds: Kinds, tell: &mut impl FnMut(Event)) {
        macro_rules! compared {
            ($($item:ident $field:ident),*) => {$(
                if kinds.contains(<$item as Kept>::KIND) {
                    compare(&self.$field, &now.$field, Kept::is_same, |change| tell(<$item as Kept>::event(change)));
                }
            )*};
        }
        compared!(Table tables, Chain chains, Set sets);
        if kinds.contains(Kinds::ELEMENTS) {
            let none = HashMap::new();
            let sets =
                self.elements.keys().filter(|set| now.elements.contains_key(set)).chain(now.elements.keys());
            let mut seen = std::collections::HashSet::new();
            for set in sets.filter(|set| seen.insert((*set).clone())) {
                let before = self.elements.get(set).unwrap_or(&none);
                let now = now.elements.get(set).unwrap_or(&none);
                compare(before, now, is_same_element, |change| tell(of_set(set, change)));
            }
        }
        compared!(Object objects, Flowtable flowtables, Rule rules);
    }
}

fn of_set(set: &SetRef, change: Update<Element>) -> Event {
    Event::Element(change.map(|element| Box::new(SetElement { set: set.clone(), element })))
}

fn key_of(element: &Element) -> ElementKey {
    use netwright_netfilter::ElementFlags;
    let end = element.flags.is_some_and(|flags| flags.contains(ElementFlags::INTERVAL_END));
    (element.key_bytes().unwrap_or_default().to_vec(), end)
}

/// What an object is made of but for what it has counted.
fn uncounted(data: &ObjectData) -> ObjectData {
    match data.clone() {
        ObjectData::Counter(_) => ObjectData::Counter(CounterAttrs::default()),
        ObjectData::Quota(mut quota) => {
            quota.consumed = None;
            ObjectData::Quota(quota)
        }
        other => other,
    }
}

/// Whether two are the same but for what is counted, and how long they stay.
fn is_same_element(one: &Element, other: &Element) -> bool {
    let kept = |element: &Element| {
        element.clone().with(|attrs| {
            attrs.expiration = None;
            attrs.expression = None;
            attrs.carried = None;
        })
    };
    kept(one) == kept(other)
}

/// Whether the end of a chain is that of some of its devices.
fn names_devices(message: &Message<'_>) -> Result<bool, Malformed> {
    let (header, bytes) = NetfilterHeader::split(message)?;
    let netdev = header.family == Family::NETDEV || header.family == Family::INET;
    Ok(netdev
        && ChainView::new(bytes)
            .hook()?
            .is_some_and(|hook| hook.devices().is_ok_and(|devices| devices.is_some())))
}
