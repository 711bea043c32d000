//! A set whose elements are lifted when they are looked at.

use std::cmp::Ordering;

use netwright_netfilter::{Data, DataValue, ElementFlags, Set as KernelSet, SetFlags, StoredElements};

use super::super::value::Form;
use super::super::{interval, set};
use crate::ir::{Element, Expression, TypePart};
use crate::table::DataType;

/// A set whose elements are as they were received, in the order in which [`set`](crate::lift::set()) has them.
#[derive(Clone, Debug)]
pub struct StoredSet {
    set: KernelSet,
    elements: StoredElements,
    keys: Vec<Form>,
    data: Vec<TypePart>,
    /// The places of the elements with a key, then of those without.
    order: Vec<u32>,
    /// How many have none.
    catch_all: usize,
    /// Whether an element is from one key to that before the next.
    intervals: bool,
    /// Whether elements have a key and nothing else.
    bare: bool,
}

impl StoredSet {
    pub(super) fn new(raw: KernelSet, elements: StoredElements) -> Self {
        let (keys, data) = (set::key_forms(&raw), set::data_parts(&raw));
        let one = keys.len() <= 1;
        let intervals = one && raw.flags.contains(SetFlags::INTERVAL);
        let mut order = Vec::with_capacity(elements.len());
        let mut without = Vec::new();
        for (index, place) in (0..elements.len()).zip(0_u32..) {
            if elements.has(index, ElementFlags::CATCH_ALL) {
                without.push(place);
            } else if elements.key(index).is_some() {
                order.push(place);
            }
        }
        let maps = raw.flags.intersects(SetFlags::MAP.union(SetFlags::OBJECT));
        let bare = !maps && !elements.has_more();
        let catch_all = without.len();
        let mut stored = StoredSet { set: raw, elements, keys, data, order, catch_all, intervals, bare };
        stored.sort(one);
        stored.order.extend(without);
        stored
    }

    /// Brings those with a key in order. Ranges side by side have none: they stay as the kernel has them.
    fn sort(&mut self, one: bool) {
        if !one && self.set.flags.contains(SetFlags::INTERVAL) {
            return;
        }
        let StoredSet { elements, order, keys, intervals, .. } = self;
        let key = |place: u32| elements.key(place as usize).unwrap_or_default();
        if *intervals {
            // the end of one interval may be the start of the next: the end comes first
            let starts = |place: u32| !elements.has(place as usize, ElementFlags::INTERVAL_END);
            sort_by_start(
                order,
                |place| start(key(place), &[By::Bytes], &[usize::MAX]),
                |left, right| (key(left), starts(left)).cmp(&(key(right), starts(right))),
            );
            return;
        }
        let by: Vec<By> = keys.iter().map(|form| By::of(form, keys.len() > 1)).collect();
        let widths: Vec<usize> = keys.iter().map(|form| form.bytes).collect();
        sort_by_start(
            order,
            |place| start(key(place), &by, &widths),
            |left, right| compare(key(left), key(right), &by, &widths),
        );
    }

    /// How many elements there are.
    #[must_use]
    pub fn len(&self) -> usize {
        let starts = |place: &&u32| !self.elements.has(**place as usize, ElementFlags::INTERVAL_END);
        match self.intervals {
            true => self.order.iter().filter(starts).count(),
            false => self.order.len(),
        }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether some may have more than a key, and a value that a map leads to.
    pub(crate) fn has_more(&self) -> bool {
        self.elements.has_more()
    }

    /// The elements, in order.
    pub fn elements(&self) -> impl Iterator<Item = Element> + '_ {
        let with_key = self.order.len() - self.catch_all;
        let places = self.order.iter().map(|place| *place as usize).enumerate();
        places.flat_map(move |(at, place)| {
            let mut more = Vec::new();
            let first = self.element(at, place, with_key, &mut more);
            first.into_iter().chain(more)
        })
    }

    /// The element at a place in the order, and what `more` it takes to say what it is.
    fn element(&self, at: usize, place: usize, with_key: usize, more: &mut Vec<Element>) -> Option<Element> {
        let element = if self.bare { None } else { Some(self.elements.get(place)?) };
        let end = element.as_ref().and_then(|element| element.key_end.as_ref()).and_then(Data::value);
        let (key, others) = match (at < with_key, self.intervals) {
            (false, _) => (None, Vec::new()),
            (true, true) => {
                let (key, others) = self.interval(at, place, end, with_key)?;
                (Some(key), others)
            }
            (true, false) => (self.constant(place, end), Vec::new()),
        };
        let lifted = |key| match &element {
            Some(element) => set::lift(&self.set, element, key, &self.data),
            None => Element { key, ..Element::default() },
        };
        more.extend(others.into_iter().map(|key| lifted(Some(key))));
        Some(lifted(key))
    }

    /// The key of an element that is by itself.
    fn constant(&self, place: usize, end: Option<&DataValue>) -> Option<Expression> {
        let key = self.elements.key(place)?;
        match (self.keys.as_slice(), end) {
            ([form], None) => Some(Expression::Value(form.value(key.get(..form.bytes).unwrap_or(key)))),
            (keys, end) => set::concatenated(keys, key, end.map(|end| &**end)).1,
        }
    }

    /// The keys of the interval that begins at a place in the order; none where one ends.
    fn interval(
        &self,
        at: usize,
        place: usize,
        end: Option<&DataValue>,
        with_key: usize,
    ) -> Option<(Expression, Vec<Expression>)> {
        if self.elements.has(place, ElementFlags::INTERVAL_END) {
            return None;
        }
        let length = self.set.key_length as usize;
        let form = self.keys.first().copied().unwrap_or(Form::of(TypePart::default(), length, true));
        let key = self.elements.key(place)?;
        let next = self.order.get(at + 1..with_key).and_then(<[u32]>::first);
        let next = next.and_then(|next| self.elements.key(*next as usize));
        let last = match (end, next) {
            (Some(end), _) => form.ordered(end),
            (None, Some(next)) => interval::before(&form.ordered(next)),
            (None, None) => interval::greatest(&form, key.len()),
        };
        Some(form.ranges(&form.ordered(key), &last))
    }
}

/// What a part of a key is sorted by.
#[derive(Clone, Copy, Debug)]
enum By {
    Bytes,
    /// The last byte counts most.
    Reversed,
    /// The first flag.
    Flags {
        little: bool,
    },
}

impl By {
    /// As [`set`](crate::lift::set()) sorts.
    fn of(form: &Form, beside: bool) -> By {
        let data_type = form.part.data_type;
        if data_type.is_string() {
            return if beside && cfg!(target_endian = "little") { By::Reversed } else { By::Bytes };
        }
        let flags = data_type.is_bitmask() && data_type != DataType::BITMASK && form.bytes <= 16;
        match (flags, form.little) {
            (true, little) => By::Flags { little },
            (false, true) => By::Reversed,
            (false, false) => By::Bytes,
        }
    }

    /// The bytes that are compared, most significant first.
    fn bytes(self, part: &[u8]) -> impl Iterator<Item = u8> + '_ {
        let number = |little: bool| {
            let add = |sum: u128, byte: &u8| sum << 8 | u128::from(*byte);
            match little {
                true => part.iter().rev().fold(0, add),
                false => part.iter().fold(0, add),
            }
        };
        let flag = match self {
            By::Flags { little } => number(little),
            _ => 0,
        };
        let flag = (flag & flag.wrapping_neg()).to_be_bytes();
        let length = if matches!(self, By::Flags { .. }) { flag.len() } else { part.len() };
        (0..length).map(move |at| match self {
            By::Bytes => part.get(at).copied().unwrap_or_default(),
            By::Reversed => part.get(part.len() - 1 - at).copied().unwrap_or_default(),
            By::Flags { .. } => flag.get(at).copied().unwrap_or_default(),
        })
    }
}

/// The parts of a key, each filled up to a multiple of four bytes.
fn parts<'k>(key: &'k [u8], widths: &'k [usize]) -> impl Iterator<Item = &'k [u8]> {
    let mut at = 0_usize;
    widths.iter().map(move |&width| {
        let part = key.get(at..at.saturating_add(width).min(key.len())).unwrap_or_default();
        at = at.saturating_add(width).checked_next_multiple_of(4).unwrap_or(usize::MAX);
        part
    })
}

fn compare(left: &[u8], right: &[u8], by: &[By], widths: &[usize]) -> Ordering {
    let ordered = |key| parts(key, widths).zip(by).flat_map(|(part, by)| by.bytes(part));
    ordered(left).cmp(ordered(right))
}

/// The first bytes that are compared.
fn start(key: &[u8], by: &[By], widths: &[usize]) -> u64 {
    let mut start = [0; 8];
    let ordered = parts(key, widths).zip(by).flat_map(|(part, by)| by.bytes(part));
    start.iter_mut().zip(ordered).for_each(|(to, byte)| *to = byte);
    u64::from_be_bytes(start)
}

/// Sorts places, those that are equal as they came. The starts lie side by side, so that few keys are looked up.
fn sort_by_start(order: &mut [u32], start: impl Fn(u32) -> u64, compare: impl Fn(u32, u32) -> Ordering) {
    let mut sorted: Vec<(u64, u32)> = order.iter().map(|&place| (start(place), place)).collect();
    sorted.sort_unstable_by(|left, right| {
        let starts = left.0.cmp(&right.0);
        starts.then_with(|| compare(left.1, right.1)).then_with(|| left.1.cmp(&right.1))
    });
    order.iter_mut().zip(sorted).for_each(|(to, (_, place))| *to = place);
}
