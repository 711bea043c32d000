//! Intervals that must not overlap.

use std::collections::{BTreeMap, HashMap};

use netwright_netfilter::SetFlags;

use super::element::Placed;
use super::{Eval, Evaluator};
use crate::diagnostic::{Diagnostic, Span};
use crate::ir::{Expression, Operation, Set, TypePart, Value};
use crate::lower::set::ends;
use crate::syntax::ast;

/// The intervals that orders put into sets, so that a later order which overlaps one is told where it is.
#[derive(Debug, Default)]
pub(super) struct Earlier {
    sets: BTreeMap<(u8, String, String), Intervals>,
    count: usize,
}

/// Intervals that do not overlap: by their first key the last one, and where it was written.
type Intervals = BTreeMap<Vec<u8>, (Vec<u8>, Span)>;

/// How many intervals are remembered; what overlaps later ones is left to the kernel.
const REMEMBERED: usize = 65536;

impl<'a> Evaluator<'a> {
    /// In a set written in place overlapping intervals are one; in a map each key has one value.
    pub(super) fn check_anonymous(
        &mut self,
        span: Span,
        set: &'a ast::SetExpression,
        keys: &[TypePart],
        elements: &[Placed],
        map: bool,
    ) -> Eval<()> {
        if set.elements.is_empty() || elements.is_empty() {
            return self.error(span, "a set without elements never matches");
        }
        if map {
            self.check_overlaps(keys, elements)?;
            self.check_duplicates(elements)?;
        }
        Ok(())
    }

    /// Reports keys of a map that are there twice with other data, each with its first place.
    pub(super) fn check_duplicates(&mut self, elements: &[Placed]) -> Eval<()> {
        let mut known: HashMap<Vec<u8>, &Placed> = HashMap::new();
        let mut result = Ok(());
        for placed in elements {
            let (element, span) = placed;
            let Some(key) = element.key.as_ref().and_then(bytes_of) else { continue };
            match known.get(&key) {
                Some((first, earlier)) if first.data != element.data => {
                    let diagnostic = Diagnostic::error(*span, "this key leads to something else already")
                        .also(*earlier, "which is here");
                    result = self.report(diagnostic);
                }
                Some(_) => {}
                None => drop(known.insert(key, placed)),
            }
        }
        result
    }

    /// Reports intervals that overlap one of an earlier order without being the same, and remembers them. An order that
    /// takes something away makes all forgotten: what is left is not known.
    pub(super) fn check_earlier(&mut self, operation: Operation, set: &Set, elements: &[Placed]) -> Eval<()> {
        if !matches!(operation, Operation::Add | Operation::Create) {
            self.earlier = Earlier::default();
            return Ok(());
        }
        let [part] = set.key.parts.as_slice() else { return Ok(()) };
        let interval = set.flags & SetFlags::INTERVAL.bits() != 0;
        if !interval || set.auto_merge || part.data_type.is_string() {
            return Ok(());
        }
        let mut result = Ok(());
        for (element, span) in elements {
            let Some((first, last)) = element.key.as_ref().and_then(|key| ends(key).ok()) else { continue };
            let (first, last) = (first.bytes.to_vec(), last.bytes.to_vec());
            let name = (set.family.0, set.table.clone(), set.name.clone());
            let known = self.earlier.sets.entry(name).or_default();
            let before = known.range(..=last.clone()).next_back();
            if let Some((start, (end, earlier))) = before.filter(|(_, (end, _))| *end >= first) {
                if *start != first || *end != last {
                    let diagnostic =
                        Diagnostic::error(*span, "this overlaps another interval of the same set")
                            .also(*earlier, "which is here")
                            .help("Write `auto-merge` in the set to have overlapping intervals joined.");
                    result = self.report(diagnostic);
                }
            } else if self.earlier.count < REMEMBERED {
                known.insert(first, (last, *span));
                self.earlier.count += 1;
            }
        }
        result
    }

    /// Reports intervals that overlap without being the same.
    pub(super) fn check_overlaps(&mut self, keys: &[TypePart], elements: &[Placed]) -> Eval<()> {
        let interval =
            elements.iter().any(|(element, _)| element.key.as_ref().is_some_and(Expression::is_interval));
        if keys.len() != 1 || !interval {
            return Ok(());
        }
        let mut found: Vec<(Value, Value, Span)> = elements
            .iter()
            .filter_map(|(element, span)| ends(element.key.as_ref()?).ok().map(|(a, b)| (a, b, *span)))
            .collect();
        found.sort_by(|a, b| a.0.bytes.cmp(&b.0.bytes).then(b.1.bytes.cmp(&a.1.bytes)));
        let mut before: Option<(Value, Value, Span)> = None;
        let mut result = Ok(());
        for (first, last, span) in found {
            if let Some((start, end, earlier)) = &before {
                let same = *start == first && *end == last;
                if !same && first.bytes <= end.bytes && !first.data_type.is_string() {
                    let diagnostic =
                        Diagnostic::error(span, "this overlaps another interval of the same set")
                            .also(*earlier, "which is here")
                            .help("Write `auto-merge` in the set to have overlapping intervals joined.");
                    result = self.report(diagnostic);
                }
                if last.bytes <= end.bytes {
                    continue;
                }
            }
            before = Some((first, last, span));
        }
        result
    }
}

/// The bytes of a key of single values.
fn bytes_of(key: &Expression) -> Option<Vec<u8>> {
    match key {
        Expression::Value(value) => Some(value.bytes.to_vec()),
        Expression::Concatenation(parts) => {
            // Strings are of different lengths.
            let part = |part| bytes_of(part).map(|bytes| [&[bytes.len() as u8][..], &bytes].concat());
            parts.iter().map(part).collect::<Option<Vec<_>>>().map(|parts| parts.concat())
        }
        Expression::Range(..)
        | Expression::Prefix(..)
        | Expression::Wildcard(_)
        | Expression::Verdict(_)
        | Expression::ObjectName(_)
        | Expression::Flags(_)
        | Expression::Selector(_)
        | Expression::Binary(..)
        | Expression::Set(_)
        | Expression::Map(..)
        | Expression::Exists(_) => None,
    }
}
