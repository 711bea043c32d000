//! Sets, maps and their elements to what the kernel stores.

use netwright_netfilter::expression::ObjectKind as KernelObjectKind;
use netwright_netfilter::{
    Data, DataType as DataKind, DataValue, Element as KernelElement, ElementFlags, Set as KernelSet,
    SetFlags, SetPolicy as KernelPolicy, Userdata, userdata::entry,
};

use super::constant::{self, Form};
use super::nat::prefix_ends;
use super::rule::{AnonymousSet, Scope};
use super::statement::simple_verdict;
use super::type_note::{named, queues, type_of, verdicts};
use super::{Error, Result};
use crate::ir::{Element, Expression, MapTarget, Set, SetPolicy, TypePart, TypeSpec, Value};
use crate::table::{Concat, DataType};

/// Note of an element: its interval has no end.
pub const OPEN: u32 = 1;

/// The definition of a set as the kernel wants it.
///
/// # Errors
/// Keys are too long, or a statement cannot be carried by elements.
pub fn definition(scope: &Scope<'_>, set: &Set, id: Option<u32>) -> Result<KernelSet> {
    let mut flags = SetFlags::from_bits_retain(set.flags);
    flags.set(SetFlags::EXPRESSIONS, set.statements.len() > 1);
    let mut kernel = KernelSet::new(set.family, set.table.clone(), set.name.clone(), length(&set.key));
    kernel.id = id;
    kernel.flags = flags;
    kernel.key_type = Some(type_number(&set.key));
    kernel.timeout = set.timeout;
    kernel.collection_interval = set.gc_interval;
    kernel.policy = set.policy.map(|policy| match policy {
        SetPolicy::Performance => KernelPolicy::PERFORMANCE,
        SetPolicy::Memory => KernelPolicy::MEMORY,
    });
    kernel.description.size = set.size;
    if flags.contains(SetFlags::CONCAT) {
        kernel.set_field_lengths(set.key.parts.iter().map(|part| part.bytes() as u32));
    }
    match &set.target {
        None => {}
        Some(MapTarget::Verdicts) => {
            kernel.data_type = Some(DataKind::VERDICT.0);
            kernel.data_length = Some(0);
        }
        Some(MapTarget::Values(spec)) => {
            kernel.data_type = Some(type_number(spec));
            kernel.data_length = Some(length(spec) * if set.data_ranges { 2 } else { 1 });
        }
        Some(MapTarget::Objects(kind)) => kernel.object_kind = Some(KernelObjectKind(kind.0)),
    }
    kernel.expressions =
        set.statements.iter().map(|one| super::rule::stateful(scope, one)).collect::<Result<_>>()?;
    kernel.userdata = notes(set)?;
    Ok(kernel)
}

/// What nft leaves for its own listing.
fn notes(set: &Set) -> Result<Userdata> {
    let mut notes = Userdata::new();
    let order = |spec: &TypeSpec| match spec.parts.as_slice() {
        [one] => one.order.number(),
        _ => 0,
    };
    let mut fill = || {
        notes.push_number(entry::SET_KEY_ORDER, order(&set.key))?;
        let values = match &set.target {
            Some(MapTarget::Values(spec)) => Some(spec),
            _ => None,
        };
        if matches!(set.target, Some(MapTarget::Values(_) | MapTarget::Verdicts)) {
            notes.push_number(entry::SET_DATA_ORDER, values.map_or(0, order))?;
        }
        if set.auto_merge {
            notes.push_number(entry::SET_AUTO_MERGE, 1)?;
        }
        if let Some(key) = &set.key.type_of {
            // As nft: of a map that stands in its rule, only a key of several parts is told.
            let untold = set.target.is_some() && set.flags & SetFlags::ANONYMOUS.bits() != 0;
            let told = matches!(**key, Expression::Concatenation(_)) || !untold;
            notes.push_type_of(entry::SET_KEY_TYPEOF, &if told { type_of(key)? } else { named() })?;
            if set.target.is_some() {
                let data = match (&set.target, values.and_then(|spec| spec.type_of.as_deref())) {
                    (_, Some(data)) => type_of(data)?,
                    (Some(MapTarget::Verdicts), None) => verdicts(),
                    (Some(MapTarget::Values(spec)), None) if spec.parts == [TypePart::QUEUE] => queues()?,
                    (_, None) => named(),
                };
                notes.push_type_of(entry::SET_DATA_TYPEOF, &data)?;
            }
        }
        if set.target.is_some() {
            notes.push_number(entry::SET_DATA_INTERVAL, u32::from(set.data_ranges))?;
        }
        if let Some(comment) = &set.comment {
            notes.push_text(entry::SET_COMMENT, comment)?;
        }
        Ok(())
    };
    fill().map_err(|error: netwright_netfilter::userdata::UserdataTooLong| Error::new(error.to_string()))?;
    Ok(notes)
}

/// The number of a type in `NFTA_SET_KEY_TYPE`.
fn type_number(spec: &TypeSpec) -> u32 {
    let types: Vec<_> = spec.parts.iter().map(|part| part.data_type).collect();
    Concat::new(&types).map_or(0, |concat| concat.number())
}

/// The length of keys or data in bytes: parts of several fill whole cells of four.
fn length(spec: &TypeSpec) -> u32 {
    match spec.parts.as_slice() {
        [one] => one.bytes() as u32,
        parts => parts.iter().map(|part| part.bytes().div_ceil(4) as u32 * 4).sum(),
    }
}

/// The definition and elements of a set that a rule brings along.
///
/// # Errors
/// Those of [`definition`] and [`elements`].
pub fn anonymous(scope: &Scope<'_>, set: &AnonymousSet) -> Result<(KernelSet, Vec<KernelElement>)> {
    let mut plain = set.set.clone();
    plain.data_ranges = set.ranges;
    let kernel = definition(scope, &plain, Some(set.id))?;
    let list = elements_shifted(scope, &plain, &plain.elements, set.shift, true)?;
    Ok((kernel, list))
}

/// The elements of a named set.
///
/// # Errors
/// A value does not fit the type of the set.
pub fn elements(scope: &Scope<'_>, set: &Set, list: &[Element]) -> Result<Vec<KernelElement>> {
    elements_shifted(scope, set, list, 0, true)
}

/// The elements of a named set, to be deleted: without the end that stands for all below the first one.
///
/// # Errors
/// Those of [`elements`].
pub fn elements_to_delete(scope: &Scope<'_>, set: &Set, list: &[Element]) -> Result<Vec<KernelElement>> {
    let mut elements = elements_shifted(scope, set, list, 0, false)?;
    // They go by their key, whatever the map holds for it.
    elements.iter_mut().for_each(|element| (element.data, element.object) = (None, None));
    Ok(elements)
}

fn elements_shifted(
    scope: &Scope<'_>,
    set: &Set,
    list: &[Element],
    shift: u32,
    below: bool,
) -> Result<Vec<KernelElement>> {
    let interval = set.flags & SetFlags::INTERVAL.bits() != 0;
    match set.key.parts.as_slice() {
        [part] if interval => intervals(scope, set, part, list, below),
        parts => list
            .iter()
            .map(|element| {
                let mut kernel = beside_key(scope, set, element)?;
                if let Some(key) = &element.key {
                    let (start, end) = concatenated(parts, key, interval, shift)?;
                    kernel.key = Some(start.into());
                    kernel.key_end = end.map(Data::Value);
                }
                Ok(kernel)
            })
            .collect(),
    }
}

/// The bytes of a key, and of its end where the set holds intervals of several parts.
fn concatenated(
    parts: &[TypePart],
    key: &Expression,
    interval: bool,
    shift: u32,
) -> Result<(DataValue, Option<DataValue>)> {
    let [only] = parts else {
        let keys = match key {
            Expression::Concatenation(keys) => keys.as_slice(),
            one @ (Expression::Value(_)
            | Expression::Range(..)
            | Expression::Prefix(..)
            | Expression::Wildcard(_)
            | Expression::Verdict(_)
            | Expression::ObjectName(_)
            | Expression::Flags(_)
            | Expression::Selector(_)
            | Expression::Binary(..)
            | Expression::Set(_)
            | Expression::Map(..)
            | Expression::Exists(_)) => std::slice::from_ref(one),
        };
        if keys.len() != parts.len() {
            return Err(Error::new(format!("an element has {} parts, its set {}", keys.len(), parts.len())));
        }
        let (mut start, mut end) = (DataValue::default(), DataValue::default());
        for (part, key) in parts.iter().zip(keys) {
            let form = Form::of(part, interval);
            let (first, last) = ends(key)?;
            start.extend_part(&constant::bytes(&first, form)?).map_err(too_long)?;
            end.extend_part(&last_bytes(key, &last, form)?).map_err(too_long)?;
        }
        return Ok((start, interval.then_some(end)));
    };
    let (first, _) = ends(key)?;
    Ok((constant::bytes(&first, Form { shift, ..Form::of(only, interval) })?, None))
}

fn too_long(error: netwright_netfilter::TooLongForRegisters) -> Error {
    Error::new(error.to_string())
}

/// The first and last value of what an element covers.
///
/// # Errors
/// It is no value, range or prefix.
pub fn ends(key: &Expression) -> Result<(Value, Value)> {
    Ok(match key {
        Expression::Value(value) | Expression::Wildcard(value) => (value.clone(), value.clone()),
        Expression::Flags(values) => {
            let all = super::compute::or_all(values)?;
            (all.clone(), all)
        }
        Expression::Exists(there) => {
            let value = Value::number(DataType::BOOLEAN, 1, u128::from(*there));
            (value.clone(), value)
        }
        Expression::Range(from, to) => (from.clone(), to.clone()),
        Expression::Prefix(value, length) => prefix_ends(value, *length),
        Expression::Verdict(_)
        | Expression::ObjectName(_)
        | Expression::Selector(_)
        | Expression::Concatenation(_)
        | Expression::Binary(..)
        | Expression::Set(_)
        | Expression::Map(..) => return Err(Error::new("an element must be a constant")),
    })
}

/// The bytes of the last value; of strings that start so, everything behind is as great as can be.
pub(super) fn last_bytes(key: &Expression, last: &Value, form: Form) -> Result<DataValue> {
    let bytes = constant::bytes(last, form)?;
    if !matches!(key, Expression::Wildcard(_)) {
        return Ok(bytes);
    }
    let mut filled = bytes.to_vec();
    filled.iter_mut().skip(last.bytes.len()).for_each(|byte| *byte = 0xff);
    DataValue::new(&filled).map_err(too_long)
}

/// Everything of an element but its key.
fn beside_key(scope: &Scope<'_>, set: &Set, element: &Element) -> Result<KernelElement> {
    let mut kernel = KernelElement::default();
    (kernel.timeout, kernel.expiration) = (element.timeout, element.expires);
    if element.key.is_none() {
        kernel.flags = Some(ElementFlags::CATCH_ALL);
    }
    match (&element.data, &set.target) {
        (Some(Expression::ObjectName(name)), _) => kernel.object = Some(name.clone()),
        (Some(Expression::Verdict(verdict)), _) => kernel.data = Some(simple_verdict(verdict)?.into()),
        (Some(data), Some(MapTarget::Values(spec))) => {
            kernel.data = Some(map_data(spec, data, set.data_ranges)?.into());
        }
        (Some(_), _) => return Err(Error::new("elements of this set have no value")),
        (None, _) => {}
    }
    if let Some(comment) = &element.comment {
        kernel.userdata = Some(Userdata::comment(comment).map_err(|error| Error::new(error.to_string()))?);
    }
    let carried =
        element.statements.iter().map(|one| super::rule::stateful(scope, one)).collect::<Result<Vec<_>>>()?;
    kernel.set_expressions(&carried);
    Ok(kernel)
}

/// What a map of values or verdicts holds for a key.
///
/// # Errors
/// A value does not fit the type of the map.
pub fn data(map: &Set, data: &Expression) -> Result<Data> {
    match (data, &map.target) {
        (Expression::Verdict(verdict), Some(MapTarget::Verdicts)) => Ok(simple_verdict(verdict)?.into()),
        (data, Some(MapTarget::Values(spec))) => Ok(map_data(spec, data, map.data_ranges)?.into()),
        _ => Err(Error::new("this is no value of the map")),
    }
}

/// What a map holds for a key; of ranges the first values of all parts, then the last ones.
fn map_data(spec: &TypeSpec, data: &Expression, ranges: bool) -> Result<DataValue> {
    let parts = match data {
        Expression::Concatenation(parts) => parts.as_slice(),
        one @ (Expression::Value(_)
        | Expression::Range(..)
        | Expression::Prefix(..)
        | Expression::Wildcard(_)
        | Expression::Verdict(_)
        | Expression::ObjectName(_)
        | Expression::Flags(_)
        | Expression::Selector(_)
        | Expression::Binary(..)
        | Expression::Set(_)
        | Expression::Map(..)
        | Expression::Exists(_)) => std::slice::from_ref(one),
    };
    if parts.len() != spec.parts.len() {
        return Err(Error::new(format!("a value has {} parts, its map {}", parts.len(), spec.parts.len())));
    }
    let (mut first, mut last) = (DataValue::default(), DataValue::default());
    let single = parts.len() == 1 && !ranges;
    for (part, data) in spec.parts.iter().zip(parts) {
        let form = Form::of(part, false);
        let (from, to) = ends(data)?;
        let (from, to) = (constant::bytes(&from, form)?, constant::bytes(&to, form)?);
        if single {
            first.extend(&from).map_err(too_long)?;
        } else {
            first.extend_part(&from).map_err(too_long)?;
            last.extend_part(&to).map_err(too_long)?;
        }
    }
    if ranges {
        first.extend(&last).map_err(too_long)?;
    }
    Ok(first)
}

/// An interval with the element it came from.
struct Interval {
    first: DataValue,
    last: DataValue,
    element: KernelElement,
}

/// Intervals are stored as their starts, and as ends: the first value behind them. Before the first one an end stands
/// for all that is below it.
fn intervals(
    scope: &Scope<'_>,
    set: &Set,
    part: &TypePart,
    list: &[Element],
    below: bool,
) -> Result<Vec<KernelElement>> {
    let form = Form::of(part, true);
    let (mut found, mut catch_all) = (Vec::with_capacity(list.len()), Vec::new());
    for element in list {
        let kernel = beside_key(scope, set, element)?;
        let Some(key) = &element.key else {
            catch_all.push(kernel);
            continue;
        };
        let (first, last) = ends(key)?;
        let (first, last) = (constant::bytes(&first, form)?, last_bytes(key, &last, form)?);
        found.push(Interval { first, last, element: kernel });
    }
    found.sort_by(|a, b| a.first[..].cmp(&b.first[..]));
    let anonymous = set.flags & SetFlags::ANONYMOUS.bits() != 0;
    if set.target.is_none() && (anonymous || set.auto_merge) {
        found = merged(found);
    }
    let mut elements = Vec::with_capacity(found.len() * 2 + 1);
    if below && found.first().is_some_and(|interval| interval.first.iter().any(|&byte| byte != 0)) {
        elements.push(end_element(&vec![0; form.bytes])?);
    }
    // Whether something is there has a byte.
    let bits = if part.data_type == DataType::BOOLEAN { 8 } else { part.bits };
    let greatest = constant::ones(bits, Form { shift: 0, little: false, ..form })?;
    let mut rest = found.into_iter().peekable();
    while let Some(interval) = rest.next() {
        let mut start = interval.element;
        start.key = Some(interval.first.into());
        let behind = (interval.last != greatest).then(|| successor(&interval.last)).flatten();
        let Some(behind) = behind else {
            let notes = start.userdata.get_or_insert_default();
            notes.push_number(entry::ELEMENT_FLAGS, OPEN).map_err(|error| Error::new(error.to_string()))?;
            elements.push(start);
            continue;
        };
        elements.push(start);
        let touches = rest.peek().is_some_and(|next| next.first[..] == behind[..]);
        if !(anonymous && touches) {
            elements.push(end_element(&behind)?);
        }
    }
    elements.extend(catch_all);
    Ok(elements)
}

/// Joins intervals that overlap or touch; they are sorted by their start.
fn merged(intervals: Vec<Interval>) -> Vec<Interval> {
    let mut merged: Vec<Interval> = Vec::with_capacity(intervals.len());
    for interval in intervals {
        match merged.last_mut() {
            Some(last)
                if interval.first[..] <= last.last[..]
                    || successor(&last.last).as_deref() == Some(&interval.first[..]) =>
            {
                if interval.last[..] > last.last[..] {
                    last.last = interval.last;
                }
            }
            _ => merged.push(interval),
        }
    }
    merged
}

fn end_element(key: &[u8]) -> Result<KernelElement> {
    let key = DataValue::new(key).map_err(too_long)?;
    Ok(KernelElement::new(key).flags(ElementFlags::INTERVAL_END))
}

/// The next greater number; `None` behind the greatest.
pub fn successor(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut next = bytes.to_vec();
    for byte in next.iter_mut().rev() {
        let (sum, overflow) = byte.overflowing_add(1);
        *byte = sum;
        if !overflow {
            return Some(next);
        }
    }
    None
}
