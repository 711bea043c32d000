//! Long lists of plain elements, read without a value of its own for each.
//!
//! Whatever is not plain (values, options, variables, strings, mistakes) is left to the way of single elements, which also knows
//! what to say about it.

use netwright_netfilter::SetFlags;

use super::Evaluator;
use crate::ir::{PackedElements, Set, TypePart, data_parts, push};
use crate::syntax::ast::{self, ExpressionKind};
use crate::table::value;

impl<'a> Evaluator<'a> {
    /// The elements of a set, where they are many and all plain.
    pub(super) fn packed_elements(&self, set: &Set, elements: &'a ast::Expression) -> Option<PackedElements> {
        let ExpressionKind::Set(list) = &self.resolve(elements).ok()?.kind else { return None };
        let strings = set.key.parts.iter().any(|part| part.data_type.is_string());
        let values = data_parts(set);
        if list.elements.len() < PackedElements::LONG || strings || set.target.is_some() && values.is_empty()
        {
            return None;
        }
        let interval = set.flags & SetFlags::INTERVAL.bits() != 0;
        match (set.key.parts.as_slice(), interval) {
            ([part], true) if values.is_empty() => {
                self.packed_intervals(part, set.auto_merge, &list.elements)
            }
            (parts, false) => self.packed_keys(parts, values, &list.elements),
            _ => None,
        }
    }

    /// Keys, with what a map of these values holds for each.
    fn packed_keys(
        &self,
        parts: &[TypePart],
        values: &[TypePart],
        elements: &'a [ast::Element],
    ) -> Option<PackedElements> {
        if values.iter().any(|part| part.data_type.is_string()) {
            return None;
        }
        let bytes = |parts: &[TypePart]| Vec::with_capacity(elements.len() * PackedElements::width(parts));
        let mut packed = PackedElements { first: bytes(parts), ..PackedElements::default() };
        packed.data = (!values.is_empty()).then(|| bytes(values));
        for element in elements {
            if element.options.is_some() {
                return None;
            }
            self.push_constant(&mut packed.first, &element.key, parts)?;
            match (&mut packed.data, &element.value) {
                (None, None) => {}
                (Some(data), Some(value)) => self.push_constant(data, value, values)?,
                _ => return None,
            }
        }
        Some(packed)
    }

    /// Appends literals side by side, one for each part.
    fn push_constant(
        &self,
        bytes: &mut Vec<u8>,
        written: &'a ast::Expression,
        parts: &[TypePart],
    ) -> Option<()> {
        let written = written.parts();
        if written.len() != parts.len() {
            return None;
        }
        for (one, part) in written.iter().zip(parts) {
            push(bytes, self.number(one, part)?, part);
        }
        Some(())
    }

    fn packed_intervals(
        &self,
        part: &TypePart,
        merge: bool,
        elements: &'a [ast::Element],
    ) -> Option<PackedElements> {
        let bytes = || Vec::with_capacity(elements.len() * part.bytes());
        let (mut first, mut last) = (bytes(), bytes());
        for element in elements {
            if element.value.is_some() || element.options.is_some() {
                return None;
            }
            let (from, to) = self.ends(&element.key, part)?;
            push(&mut first, from, part);
            push(&mut last, to, part);
        }
        let mut packed = PackedElements { first, last: Some(last), data: None };
        packed.put_in_order(part, merge).then_some(packed)
    }

    /// The first and last number of an interval.
    fn ends(&self, key: &'a ast::Expression, part: &TypePart) -> Option<(u128, u128)> {
        let (from, to) = match &key.kind {
            ExpressionKind::Range(range) => (self.number(&range.from, part)?, self.number(&range.to, part)?),
            ExpressionKind::Prefix(prefix) => {
                let number = self.number(&prefix.value, part)?;
                let free = part.bits.checked_sub(u32::try_from(prefix.length.value).ok()?)?;
                let host = value::greatest(free);
                (number & !host, number | host)
            }
            _ => {
                let number = self.number(key, part)?;
                (number, number)
            }
        };
        (from <= to).then_some((from, to))
    }

    /// A literal as a number.
    fn number(&self, literal: &ast::Expression, part: &TypePart) -> Option<u128> {
        let ExpressionKind::Literal(kind) = literal.kind else { return None };
        if kind == ast::LiteralKind::Any {
            return None;
        }
        value::parse(part.data_type, part.bits, literal.text(self.sources), self.names, self.zone).ok()
    }
}
