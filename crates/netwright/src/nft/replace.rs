//! Sets are brought to what they shall hold, by what differs.

mod spans;

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;
use std::time::Duration;

use netwright_netfilter::request::{Find, ListElements};
use netwright_netfilter::userdata::entry;
use netwright_netfilter::{
    self as kernel, Batch, Data, DataValue, Element, ElementFlags, MessageKind, SetFlags, SetRef, Userdata,
};
use netwright_nft::build::{Map, Member, Set};
use netwright_nft::ir::{self, MapTarget, TypePart, TypeSpec};
use netwright_nft::lift;
use netwright_nft::lower;
use netwright_nft::lower::set::OPEN;
use netwright_nft::lower::span::{greatest, span, stored};
use netwright_nft::print;
use netwright_nft::table::{DataType, Names, PrintOptions};
use netwright_sys::{Cause, Connection, Error, Namespace, protocol};
use netwright_wire::{Errno, Malformed, Value as _};

use super::others::Others;
use super::read::{self, FEW, Thing, UNCOUNTED};
use super::send::Sent;
use super::{Nft, refusal};
use crate::Result;
use crate::driver::Driver;

use spans::{Records, Spans, predecessor, successor};

/// How often it is tried where others change the ruleset meanwhile, or elements end.
const TRIES: u32 = 100;
/// How long a set grows after a large load.
const GROWING: Duration = Duration::from_millis(20);

/// What [`Nft::replace_elements`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Replaced {
    /// How many elements were put in.
    pub added: usize,
    /// How many elements were taken out.
    pub removed: usize,
    /// How many were there already and stay as they are, with their counters and the time they have left.
    pub kept: usize,
}

impl<D: Driver> Nft<'_, D> {
    /// Brings a set that is there to just these elements: what is missing is added and what is too much deleted, in one
    /// transaction, so that whatever is in both is in the set all the time. Nothing is sent where nothing differs.
    ///
    /// Keys are taken one at a time and kept packed: a million of addresses takes about ten bytes each. They may come in any order and
    /// several times. In a set of intervals with `auto-merge`, those that overlap or touch count as one; a set without intervals takes
    /// no prefixes and ranges.
    ///
    /// ```no_run
    /// use netwright::nft::{Family, Set, Table};
    /// use std::net::Ipv4Addr;
    ///
    /// let net = netwright::Net::open()?;
    /// let blocked = Set::<Ipv4Addr>::new(&Table::new(Family::INET, "filter"), "blocked");
    /// let done = net.nft().replace_elements(&blocked, (1..=254).map(|host| Ipv4Addr::new(192, 0, 2, host)))?;
    /// println!("{} new, {} gone", done.added, done.removed);
    /// # Ok::<(), netwright::Error>(())
    /// ```
    ///
    /// A map is brought to what it shall hold by [`Nft::replace_mappings`].
    ///
    /// # Errors
    /// The set is not there, is a map, or has keys of another type; a key does not fit; the kernel refuses the change, for instance
    /// since intervals overlap.
    pub fn replace_elements<K, M: Member<K>>(
        &self,
        set: &Set<K>,
        keys: impl IntoIterator<Item = M>,
    ) -> D::Output<'_, Replaced> {
        let reference = set.reference();
        let wanted = Wanted::new(&reference, &set.declaration().key.parts, keys);
        self.replace(reference, wanted)
    }

    /// As [`Nft::replace_elements`], for a map: what leads to another value is taken out and put in again, in the same transaction,
    /// and counts as both. Values are not packed.
    ///
    /// ```no_run
    /// use netwright::nft::{Family, Map, Mark, Table};
    /// use std::net::Ipv4Addr;
    ///
    /// let net = netwright::Net::open()?;
    /// let marks = Map::<Ipv4Addr, Mark>::new(&Table::new(Family::INET, "filter"), "marks");
    /// let pairs = (1..=254).map(|host| (Ipv4Addr::new(192, 0, 2, host), Mark(host.into())));
    /// let done = net.nft().replace_mappings(&marks, pairs)?;
    /// println!("{} new, {} gone", done.added, done.removed);
    /// # Ok::<(), netwright::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`Nft::replace_elements`]; what is there is no map, or one with values of another type; a key leads to two values.
    pub fn replace_mappings<K, V, M: Member<K>, W: Member<V>>(
        &self,
        map: &Map<K, V>,
        pairs: impl IntoIterator<Item = (M, W)>,
    ) -> D::Output<'_, Replaced> {
        let reference = map.reference();
        let wanted = Wanted::pairs(&reference, &map.declaration(), pairs);
        self.replace(reference, wanted)
    }

    fn replace(&self, set: SetRef, wanted: Result<Wanted>) -> D::Output<'_, Replaced> {
        self.driver.with(move |driver| {
            let wanted = wanted?;
            driver
                .run(protocol::NETFILTER, |connection| replace(connection, driver.namespace(), &set, wanted))
        })
    }
}

fn asked(set: &SetRef) -> String {
    format!("replace the elements of set {set}")
}

fn invalid(set: &SetRef, what: impl Into<String>) -> Error {
    Error::new(asked(set), Cause::Invalid(what.into()))
}

/// Keys in the words of the language.
fn shown(part: &TypePart, (first, last): (&[u8], &[u8])) -> String {
    let text = |key: &[u8]| {
        let end = if part.data_type.is_string() {
            key.iter().rposition(|byte| *byte != 0).map_or(0, |at| at + 1)
        } else {
            key.len()
        };
        let bytes = ir::Bytes::new(key.get(..end).unwrap_or_default());
        let value = ir::Value { data_type: part.data_type, bits: part.bits, bytes };
        print::expression(&ir::Expression::Value(value), &PrintOptions::default(), &Names::new())
    };
    if first == last { text(first) } else { format!("{}-{}", text(first), text(last)) }
}

/// What keys of a map lead to, by their first and last key.
type Values = HashMap<Vec<u8>, Data>;

/// What a set shall hold.
struct Wanted {
    parts: Vec<TypePart>,
    spans: Spans,
    /// Whether some of them are of more than one key.
    ranges: bool,
    /// For a map: what it is taken for, and what it shall lead to.
    values: Option<(MapTarget, Values)>,
}

impl Wanted {
    /// Where the kernel would only say that one exists already.
    fn refuse_overlaps(&self, set: &SetRef) -> Result<()> {
        let (Some([one, next]), [part]) = (self.spans.overlapping(), &self.parts[..]) else { return Ok(()) };
        let (one, next) = (shown(part, one), shown(part, next));
        Err(invalid(
            set,
            format!("{one} and {next} overlap, and it has no `auto-merge` that would join them"),
        ))
    }

    fn new<K, M: Member<K>>(
        set: &SetRef,
        parts: &[TypePart],
        keys: impl IntoIterator<Item = M>,
    ) -> Result<Self> {
        let mut spans = Spans::of_width(width(parts));
        let mut ranges = false;
        for key in keys {
            let key = key.member(parts).map_err(|error| invalid(set, error.0))?;
            let (first, last) = span(parts, &key).map_err(|error| invalid(set, error.message))?;
            ranges |= first != last;
            if !spans.push(&first, &last) {
                return Err(invalid(set, "a key has not the length that its type has"));
            }
        }
        spans.sort();
        Ok(Wanted { parts: parts.to_vec(), spans, ranges, values: None })
    }

    fn pairs<K, V, M: Member<K>, W: Member<V>>(
        map: &SetRef,
        declared: &ir::Set,
        pairs: impl IntoIterator<Item = (M, W)>,
    ) -> Result<Self> {
        let Some(target) = declared.target.clone() else { return Err(invalid(map, "it is no map")) };
        let parts = &declared.key.parts;
        let of_values = match &target {
            MapTarget::Values(spec) => spec.parts.as_slice(),
            _ => &[],
        };
        let mut values = Values::new();
        let mut keys = Vec::new();
        for (key, value) in pairs {
            let key = key.member(parts).map_err(|error| invalid(map, error.0))?;
            let value = value.member(of_values).map_err(|error| invalid(map, error.0))?;
            let (first, last) = span(parts, &key).map_err(|error| invalid(map, error.message))?;
            let data = lower::set::data(declared, &value);
            let data = data.map_err(|error| invalid(map, error.message))?;
            if values.get(&joined(&first, &last)).is_some_and(|known| !is_same(known, &data)) {
                return Err(invalid(map, "a key leads to two values"));
            }
            values.insert(joined(&first, &last), data);
            keys.push((first, last));
        }
        let mut spans = Spans::of_width(width(parts));
        let ranges = keys.iter().any(|(first, last)| first != last);
        if !keys.iter().all(|(first, last)| spans.push(first, last)) {
            return Err(invalid(map, "a key has not the length that its type has"));
        }
        spans.sort();
        Ok(Wanted { parts: parts.clone(), spans, ranges, values: Some((target, values)) })
    }

    /// Those that are there and lead to something else.
    fn changed(&self, kept: &Spans, found: &Found) -> Spans {
        let mut changed = Spans::of_width(width(&self.parts));
        if let Some((_, values)) = &self.values {
            for (first, last) in kept.iter() {
                let key = joined(first, last);
                let same = values
                    .get(&key)
                    .zip(found.values.get(&key))
                    .is_some_and(|(one, other)| is_same(one, other));
                if !same {
                    changed.push(first, last);
                }
            }
        }
        changed
    }
}

fn joined(first: &[u8], last: &[u8]) -> Vec<u8> {
    [first, last].concat()
}

/// Whether a map leads to the same.
fn is_same(one: &Data, other: &Data) -> bool {
    match (one, other) {
        (Data::Verdict(one), Data::Verdict(other)) => one.code == other.code && one.chain == other.chain,
        (one, other) => one == other,
    }
}

/// Bytes of a key.
fn width(parts: &[TypePart]) -> usize {
    match parts {
        [one] => one.bytes(),
        parts => parts.iter().map(|part| part.bytes().next_multiple_of(4)).sum(),
    }
}

fn replace(
    connection: &mut Connection,
    namespace: &Namespace,
    set: &SetRef,
    mut wanted: Wanted,
) -> Result<Replaced> {
    let mut others = Others::new(namespace, Thing::Set(set.clone()));
    for _ in 0..TRIES {
        let seen = read::generation(connection)?;
        let definition = connection.query(&Find(set.clone()))?;
        let kind = Kind::of(set, &definition, &wanted)?;
        match kind {
            Kind::Intervals { merged: true } => wanted.spans.merge(),
            Kind::Intervals { merged: false } => wanted.refuse_overlaps(set)?,
            Kind::Single | Kind::Boxes => {}
        }
        let Some(found) = Found::read(connection, set, &definition, kind, &wanted.parts)? else {
            std::thread::sleep(GROWING);
            continue;
        };
        let now = read::generation(connection)?;
        if !others.leave_it(connection, seen, now)? {
            continue;
        }
        let (new, gone) = wanted.spans.difference(&found.spans);
        let changed = match wanted.values {
            Some(_) => wanted.changed(&wanted.spans.difference(&new).0, &found),
            None => Spans::of_width(width(&wanted.parts)),
        };
        let added = new.len() + changed.len();
        let kept = wanted.spans.len() - added;
        let removed = gone.len() + changed.len() + usize::from(found.catch_all);
        if added == 0 && removed == 0 {
            return Ok(Replaced { kept, ..Replaced::default() });
        }
        let mut batch = Batch::for_generation(now);
        let change = Change { kind, wanted: &wanted, found: &found };
        batch.delete_elements(set, gone.iter().chain(changed.iter()).flat_map(|span| change.removed(span)));
        batch.delete_elements(set, found.catch_all.then(catch_all));
        batch.add_elements(set, change.below(&new));
        batch.add_elements(set, new.iter().chain(changed.iter()).flat_map(|span| change.added(span)));
        match others.commit(connection, seen, &mut batch, |_, _| {})? {
            Sent::Done { .. } => return Ok(Replaced { added, removed, kept }),
            Sent::Outdated(_) => {}
            Sent::Refused(refusals) => {
                let first = refusals.into_iter().next();
                let first = first.ok_or_else(|| Error::new(asked(set), Cause::NoAnswer))?;
                // an element whose time was over meanwhile, or that a packet took out
                let ended = first.error.errno == Errno::ENOENT
                    && batch.step(first.index).is_some_and(|step| {
                        MessageKind::of(&step.message) == Some(MessageKind::DELETE_ELEMENTS)
                    });
                if kind == Kind::Boxes && first.error.errno == Errno::EEXIST {
                    // what is there already was left out
                    return Err(invalid(set, "two elements overlap: a packet could have both"));
                }
                if !ended {
                    return Err(refusal::error_of(&mut batch, first, connection, namespace, |_| None));
                }
            }
        }
    }
    Err(Error::new(asked(set), Cause::Interrupted { tries: TRIES }))
}

/// How a set has its keys.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    /// One by one.
    Single,
    /// Intervals of one part: a start, and an end that is the first key behind.
    Intervals { merged: bool },
    /// Intervals of several parts: a first and a last key.
    Boxes,
}

impl Kind {
    /// What is there decides, not what the caller takes it for.
    fn of(set: &SetRef, definition: &kernel::Set, wanted: &Wanted) -> Result<Self> {
        let there = lift::set(definition, &[]);
        match (&there.target, &wanted.values) {
            (Some(_), None) => {
                return Err(invalid(set, "it is a map: its elements have values beside their keys"));
            }
            (None, Some(_)) => return Err(invalid(set, "it is a set: its elements have no values")),
            (Some(target), Some((wanted, _))) if there.data_ranges || !leads_to(target, wanted) => {
                return Err(invalid(set, "it is a map with values of another type"));
            }
            _ => {}
        }
        let known = |part: &TypePart| part.data_type != DataType::default();
        let same = |(there, wanted): (&TypePart, &TypePart)| {
            there.bytes() == wanted.bytes() && (!known(there) || there.data_type == wanted.data_type)
        };
        let parts = &there.key.parts;
        if parts.len() != wanted.parts.len() || !parts.iter().zip(&wanted.parts).all(same) {
            let names = |parts: &[TypePart]| {
                let names = parts.iter().map(|part| part.data_type.name());
                names.collect::<Vec<_>>().join(" . ")
            };
            let what = format!(
                "it has keys of type {}, and these are of type {}",
                names(parts),
                names(&wanted.parts)
            );
            return Err(invalid(set, what));
        }
        Ok(match (definition.flags.contains(SetFlags::INTERVAL), parts.len()) {
            (false, _) if wanted.ranges => {
                return Err(invalid(set, "it holds no prefixes and ranges: it has no `flags interval`"));
            }
            (false, _) => Kind::Single,
            (true, 1) => Kind::Intervals { merged: there.auto_merge && wanted.values.is_none() },
            (true, _) => Kind::Boxes,
        })
    }
}

/// Whether what a map leads to is of the type that it is taken for.
fn leads_to(there: &MapTarget, wanted: &MapTarget) -> bool {
    match (there, wanted) {
        (MapTarget::Values(there), MapTarget::Values(wanted)) => {
            let types = |spec: &TypeSpec| -> Vec<_> {
                spec.parts.iter().map(|part| (part.data_type, part.bytes())).collect()
            };
            types(there) == types(wanted)
        }
        (MapTarget::Verdicts, MapTarget::Verdicts) => true,
        _ => false,
    }
}

/// What a set holds.
#[derive(Default)]
struct Found {
    spans: Spans,
    /// For a map: what it leads to.
    values: Values,
    /// First keys of intervals that end where the next begins, without an element for that.
    endless: HashSet<Vec<u8>>,
    /// Whether there is an end for all keys below the first interval.
    below: bool,
    /// Whether there is an element for all other keys.
    catch_all: bool,
}

impl Found {
    /// `None` where it cannot be told yet.
    fn read(
        connection: &mut Connection,
        set: &SetRef,
        definition: &kernel::Set,
        kind: Kind,
        parts: &[TypePart],
    ) -> Result<Option<Self>> {
        let width = width(parts);
        let mut found = Found { spans: Spans::of_width(width), ..Found::default() };
        let mut bounds = Records::of_length(width + 1);
        let mut starts = Values::new();
        let mut elements = 0;
        let dumped = connection.dump(&ListElements::of(set), |views| {
            for view in views {
                let view = view?;
                elements += 1;
                let flags = view.flags()?.unwrap_or_default();
                let Some(key) = view.key_bytes()? else {
                    found.catch_all |= flags.contains(ElementFlags::CATCH_ALL);
                    continue;
                };
                let data = view.data()?.map(Data::own).transpose()?;
                let taken = match kind {
                    Kind::Single => {
                        let key = stored(parts, key);
                        data.into_iter().for_each(|data| drop(found.values.insert(joined(&key, &key), data)));
                        found.spans.push(&key, &key)
                    }
                    // ends sort before the starts that are at them
                    Kind::Intervals { .. } => {
                        data.into_iter().for_each(|data| drop(starts.insert(key.to_vec(), data)));
                        bounds.push(key, &[u8::from(!flags.contains(ElementFlags::INTERVAL_END))])
                    }
                    Kind::Boxes => {
                        let end = view.key_end()?.map_or(Ok(None), Data::value_in)?.unwrap_or(key);
                        data.into_iter().for_each(|data| drop(found.values.insert(joined(key, end), data)));
                        found.spans.push(key, end)
                    }
                };
                if !taken {
                    return Err(Malformed::new("a key", width, 0));
                }
            }
            Ok(ControlFlow::Continue(()))
        });
        match dumped {
            // whether it was the set that changed is asked afterwards
            Err(error) if matches!(error.cause(), Cause::Interrupted { .. }) => {}
            dumped => dumped?,
        }
        bounds.sort();
        found.pair(&bounds, parts);
        if !starts.is_empty() {
            for (first, last) in found.spans.iter() {
                if let Some(data) = starts.remove(first) {
                    found.values.insert(joined(first, last), data);
                }
            }
        }
        let distinct = found.spans.sort();
        // a table that still grows is walked with gaps and repetitions
        if elements >= FEW && !definition.flags.intersects(UNCOUNTED) {
            let now = connection.query(&Find(set.clone()))?;
            if !distinct || now.count.is_some_and(|count| count as usize != elements) {
                return Ok(None);
            }
        }
        Ok(Some(found))
    }

    /// The intervals between bounds.
    fn pair(&mut self, bounds: &Records, parts: &[TypePart]) {
        let mut open: Option<Vec<u8>> = None;
        for bound in bounds.iter() {
            let Some((is_start, key)) = bound.split_last() else { continue };
            let before = if *is_start == 0 { open.take() } else { open.replace(key.to_vec()) };
            match (before, predecessor(key)) {
                (Some(first), Some(last)) => {
                    self.spans.push(&first, &last);
                    if *is_start != 0 {
                        self.endless.insert(first);
                    }
                }
                (None, _) if *is_start == 0 => self.below |= key.iter().all(|byte| *byte == 0),
                _ => {}
            }
        }
        if let (Some(first), Some(part)) = (open, parts.first()) {
            self.spans.push(&first, &greatest(part));
        }
    }
}

/// Writes elements of a set.
struct Change<'a> {
    kind: Kind,
    wanted: &'a Wanted,
    found: &'a Found,
}

impl Change<'_> {
    fn added(&self, (first, last): (&[u8], &[u8])) -> impl Iterator<Item = Element> + use<> {
        let (mut start, end) = self.element(first, last);
        if matches!(self.kind, Kind::Intervals { .. }) && end.is_none() {
            let mut notes = Userdata::new();
            // six bytes always fit
            let _ = notes.push_number(entry::ELEMENT_FLAGS, OPEN);
            start.userdata = Some(notes);
        }
        let values = self.wanted.values.as_ref();
        start.data = values.and_then(|(_, values)| values.get(&joined(first, last)).cloned());
        std::iter::once(start).chain(end)
    }

    fn removed(&self, (first, last): (&[u8], &[u8])) -> impl Iterator<Item = Element> + use<> {
        let (start, end) = self.element(first, last);
        std::iter::once(start).chain(end.filter(|_| !self.found.endless.contains(first)))
    }

    fn element(&self, first: &[u8], last: &[u8]) -> (Element, Option<Element>) {
        let value = |key: &[u8]| DataValue::new(key).unwrap_or_default();
        match self.kind {
            Kind::Single => (Element::new(stored(&self.wanted.parts, first)), None),
            Kind::Boxes => {
                let mut element = Element::new(value(first));
                element.key_end = Some(Data::Value(value(last)));
                (element, None)
            }
            Kind::Intervals { .. } => {
                let is_last = self.wanted.parts.first().is_some_and(|part| greatest(part)[..] == *last);
                let behind = if is_last { None } else { successor(last) };
                (Element::new(value(first)), behind.map(|behind| end(&behind)))
            }
        }
    }

    /// The end of what is below all intervals, as nft puts it before the first one.
    fn below(&self, new: &Spans) -> Option<Element> {
        let (first, _) = new.iter().next()?;
        let missing = matches!(self.kind, Kind::Intervals { .. }) && !self.found.below;
        (missing && first.iter().any(|byte| *byte != 0)).then(|| end(&vec![0; first.len()]))
    }
}

fn end(key: &[u8]) -> Element {
    let key = DataValue::new(key).unwrap_or_default();
    let mut element = Element::new(key);
    element.flags = Some(ElementFlags::INTERVAL_END);
    element
}

fn catch_all() -> Element {
    let mut element = Element::default();
    element.flags = Some(ElementFlags::CATCH_ALL);
    element
}
