//! Sets and maps: their types, and their elements.

use netwright_netfilter::userdata::entry;
use netwright_netfilter::{
    Data, DataType as KernelDataType, Element as KernelElement, ElementFlags, Set as KernelSet, SetFlags,
    SetPolicy as KernelPolicy,
};

use super::rule::Lifter;
use super::value::Form;
use super::{interval, stateful, statement, type_of, value};
use crate::ir::{
    ChainTarget, Element, Expression, MapTarget, ObjectKind, Set, SetPolicy, SetReference, TypePart,
    TypeSpec, Verdict,
};
use crate::table::{ByteOrder, Concat, DataType};

/// A set or map with its elements.
#[must_use]
pub fn set(raw: &KernelSet, content: &[KernelElement]) -> Set {
    let elements = elements(raw, content, &key_forms(raw));
    Set {
        family: raw.family,
        table: raw.table.clone(),
        name: raw.name.clone(),
        key: TypeSpec { parts: key_parts(raw), type_of: type_of::of(raw, entry::SET_KEY_TYPEOF) },
        target: target(raw),
        flags: raw.flags.bits(),
        timeout: raw.timeout.filter(|timeout| *timeout != 0),
        gc_interval: raw.collection_interval.filter(|interval| *interval != 0),
        size: raw.description.size.filter(|size| *size != 0),
        policy: match raw.policy {
            Some(KernelPolicy::MEMORY) => Some(SetPolicy::Memory),
            _ => None,
        },
        auto_merge: raw.userdata.number(entry::SET_AUTO_MERGE).is_some_and(|merge| merge != 0),
        statements: raw.expressions.iter().filter_map(stateful::statement).collect(),
        comment: raw.userdata.any_text(entry::SET_COMMENT),
        count: raw.count.map(|count| counted(count, &elements)).filter(|count| *count > 0),
        elements,
        data_ranges: data_ranges(raw),
        handle: raw.handle,
    }
}

/// How many elements there are: those that were read, or what the kernel says where none were.
fn counted(count: u32, elements: &[Element]) -> usize {
    if elements.is_empty() { count as usize } else { elements.len() }
}

fn target(raw: &KernelSet) -> Option<MapTarget> {
    if let Some(kind) = raw.object_kind.filter(|_| raw.flags.contains(SetFlags::OBJECT)) {
        return Some(MapTarget::Objects(ObjectKind(kind.0)));
    }
    if !raw.flags.contains(SetFlags::MAP) {
        return None;
    }
    if raw.data_type == Some(KernelDataType::VERDICT.0) {
        return Some(MapTarget::Verdicts);
    }
    let type_of = type_of::of(raw, entry::SET_DATA_TYPEOF);
    Some(MapTarget::Values(TypeSpec { parts: data_parts(raw), type_of }))
}

/// The parts of a packed type number. A part whose type leaves the width open takes what the others leave of `bytes`.
fn parts(number: Option<u32>, bytes: u32, order: Option<u32>) -> Vec<TypePart> {
    let types: Vec<DataType> = Concat::from_number(number.unwrap_or(0)).iter().collect();
    let fixed: u32 = types.iter().map(|data_type| data_type.bytes().next_multiple_of(4)).sum();
    let open = types.iter().filter(|data_type| data_type.bits() == 0).count().max(1) as u32;
    let each = if types.len() == 1 { bytes } else { bytes.saturating_sub(fixed) / open };
    let order = match order {
        Some(1) => ByteOrder::Host,
        Some(2) => ByteOrder::Big,
        _ => ByteOrder::None,
    };
    let part = |data_type: &DataType| {
        let part = TypePart::of(*data_type);
        let bits = if part.bits == 0 { each.min(64) * 8 } else { part.bits };
        let order = if part.order == ByteOrder::None { order } else { part.order };
        TypePart { data_type: *data_type, bits, order }
    };
    types.iter().map(part).collect()
}

/// The types of a set's key.
pub(super) fn key_parts(raw: &KernelSet) -> Vec<TypePart> {
    match type_of::of(raw, entry::SET_KEY_TYPEOF) {
        Some(expression) => expression.parts(&|_| Vec::new()),
        None => parts(raw.key_type, raw.key_length, raw.userdata.number(entry::SET_KEY_ORDER)),
    }
}

/// The types of a map's data.
pub(super) fn data_parts(raw: &KernelSet) -> Vec<TypePart> {
    if raw.data_type == Some(KernelDataType::VERDICT.0) || raw.data_length.is_none() {
        return Vec::new();
    }
    match type_of::of(raw, entry::SET_DATA_TYPEOF) {
        Some(expression) => expression.parts(&|_| Vec::new()),
        None => {
            let order = raw.userdata.number(entry::SET_DATA_ORDER);
            parts(raw.data_type, raw.data_length.unwrap_or(0), order)
        }
    }
}

/// Whether the data of a map are ranges: then they take twice the room.
fn data_ranges(raw: &KernelSet) -> bool {
    let width: usize = data_parts(raw).iter().map(|part| part.bytes().next_multiple_of(4)).sum();
    let noted = raw.userdata.number(entry::SET_DATA_INTERVAL).is_some_and(|interval| interval != 0);
    noted || width > 0 && raw.data_length.is_some_and(|length| length as usize >= 2 * width)
}

/// How the keys of a set lie in its elements: in sets of intervals numbers are ordered.
pub(super) fn key_forms(raw: &KernelSet) -> Vec<Form> {
    let ordered = raw.flags.contains(SetFlags::INTERVAL);
    let parts = key_parts(raw);
    let single = parts.len() == 1;
    let width = |part: &TypePart| if single { raw.key_length.min(64) as usize } else { part.bytes() };
    parts.iter().map(|part| Form::of(*part, width(part), ordered)).collect()
}

/// How the data of a map lie in its elements.
pub(super) fn data_forms(raw: &KernelSet) -> Vec<Form> {
    data_parts(raw).iter().map(|part| Form::of(*part, part.bytes(), false)).collect()
}

impl Lifter<'_> {
    /// A set as a rule refers to it: by name, or with its elements where it belongs to the rule. `keys` is how the key
    /// lies in the registers.
    pub(super) fn map_reference(&self, name: &str, keys: &[Form]) -> (SetReference, Vec<TypePart>) {
        match self.scope.set(name) {
            Some((set, content)) => {
                let data = data_parts(set);
                if set.flags.contains(SetFlags::ANONYMOUS) {
                    let mut keys = keys.to_vec();
                    let told = key_parts(set);
                    // As nft: bytes that were written as such are no addresses, though they have come to be some.
                    if let ([key], [told]) = (keys.as_mut_slice(), told.as_slice()) {
                        key.prefixes = value::is_address(told.data_type);
                    }
                    // As nft: in a map, and side by side, the elements have the types that the set is said to have.
                    if told.len() == keys.len() && (told.len() > 1 || set.data_type.is_some()) {
                        for (key, told) in keys.iter_mut().zip(told) {
                            key.part.data_type = told.data_type;
                        }
                    }
                    (SetReference::Anonymous(elements(set, content, &keys)), data)
                } else {
                    (SetReference::Named(name.to_owned()), data)
                }
            }
            None => (SetReference::Named(name.to_owned()), Vec::new()),
        }
    }
}

/// The elements of a set in the order of their keys.
fn elements(raw: &KernelSet, content: &[KernelElement], keys: &[Form]) -> Vec<Element> {
    let data = data_parts(raw);
    let mut found: Vec<(Vec<u8>, Element)> = Vec::with_capacity(content.len());
    let one = keys.len() <= 1;
    if raw.flags.contains(SetFlags::INTERVAL) && one {
        let form =
            keys.first().copied().unwrap_or(Form::of(TypePart::default(), raw.key_length as usize, true));
        for (from, to, element) in interval::pair(content, &form) {
            let (first, more) = form.ranges(&from, &to);
            for key in std::iter::once(first).chain(more) {
                found.push((from.clone(), lift(raw, element, Some(key), &data)));
            }
        }
    } else {
        for element in content.iter().filter(|element| !element.has(ElementFlags::CATCH_ALL)) {
            let Some(key) = element.key.as_ref().and_then(Data::value) else { continue };
            let end = element.key_end.as_ref().and_then(Data::value);
            let (order, key) = concatenated(keys, key, end.map(|end| &**end));
            found.push((order, lift(raw, element, key, &data)));
        }
    }
    // Ranges side by side have no order of their own: they stay as the kernel has them.
    if one || !raw.flags.contains(SetFlags::INTERVAL) {
        found.sort_by(|(left, _), (right, _)| left.cmp(right));
    }
    let mut all: Vec<Element> = found.into_iter().map(|(_, element)| element).collect();
    for element in content.iter().filter(|element| element.has(ElementFlags::CATCH_ALL)) {
        all.push(lift(raw, element, None, &data));
    }
    all
}

/// A key of several parts, each filled up to a multiple of four bytes; with what it is sorted by.
pub(super) fn concatenated(forms: &[Form], key: &[u8], end: Option<&[u8]>) -> (Vec<u8>, Option<Expression>) {
    let mut order = Vec::new();
    let mut parts = Vec::new();
    let mut at = 0;
    for form in forms {
        let width = form.bytes;
        let slice =
            |bytes: &[u8]| bytes.get(at..(at + width).min(bytes.len())).map(|part| form.ordered(part));
        let from = slice(key).unwrap_or_default();
        let part = match end.and_then(slice) {
            Some(to) => form.range(&from, &to),
            None => Expression::Value(form.value_of(&from)),
        };
        order.extend(sorted_by(form, &from, forms.len() > 1));
        parts.push(part);
        at += width.next_multiple_of(4);
    }
    let expression = if parts.len() > 1 { Some(Expression::Concatenation(parts)) } else { parts.pop() };
    (order, expression)
}

/// What a value is sorted by: of several flags the first. Strings side by side with other values are numbers of the
/// machine's.
fn sorted_by(form: &Form, bytes: &[u8], beside: bool) -> Vec<u8> {
    let data_type = form.part.data_type;
    if data_type.is_string() && beside && cfg!(target_endian = "little") {
        return bytes.iter().rev().copied().collect();
    }
    match value::number(bytes).filter(|_| data_type.is_bitmask() && data_type != DataType::BITMASK) {
        Some(number) => (number & number.wrapping_neg()).to_be_bytes().to_vec(),
        None => bytes.to_vec(),
    }
}

pub(super) fn lift(
    raw: &KernelSet,
    element: &KernelElement,
    key: Option<Expression>,
    data: &[TypePart],
) -> Element {
    Element {
        key,
        data: element_data(raw, element, data),
        timeout: element.timeout.filter(|timeout| *timeout != 0),
        expires: element.expiration,
        statements: element.expressions().filter_map(stateful::statement).collect(),
        comment: element.userdata.as_ref().and_then(|u| u.any_text(entry::COMMENT)),
    }
}

fn element_data(raw: &KernelSet, element: &KernelElement, parts: &[TypePart]) -> Option<Expression> {
    if let Some(object) = &element.object {
        return Some(Expression::ObjectName(object.clone()));
    }
    match element.data.as_ref()? {
        Data::Verdict(verdict) => {
            let name = verdict.chain.clone().unwrap_or_default();
            let verdict = match verdict.code? {
                netwright_netfilter::Verdict::JUMP => Verdict::Jump(ChainTarget::Named(name)),
                netwright_netfilter::Verdict::GOTO => Verdict::Goto(ChainTarget::Named(name)),
                code => statement::plain_verdict(code),
            };
            Some(Expression::Verdict(verdict))
        }
        Data::Value(bytes) => {
            let forms: Vec<Form> = parts.iter().map(|part| Form::of(*part, part.bytes(), false)).collect();
            let width: usize = forms.iter().map(|form| form.bytes.next_multiple_of(4)).sum();
            let (low, high) = match bytes.split_at_checked(width) {
                Some((low, high)) if data_ranges(raw) => (low, Some(high)),
                _ => (&**bytes, None),
            };
            match concatenated(&forms, low, high).1 {
                // Where other values are ranges, an address is a prefix of its own.
                Some(Expression::Value(only)) if high.is_some() && value::is_address(only.data_type) => {
                    let bits = only.bits;
                    Some(Expression::Prefix(only, bits))
                }
                other => other,
            }
        }
        Data::Unknown(_) => None,
    }
}
