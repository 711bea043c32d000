//! Long lists of plain elements, read without a value of its own for each.
//!
//! Whatever is not plain (values, options, variables, strings, mistakes) is left to the way of single elements, which also knows
//! what to say about it.

use netwright_netfilter::SetFlags;

use super::Evaluator;
use crate::ir::{PackedElements, Set, TypePart, data_parts, push};
use crate::syntax::ast::{self, ExpressionKind, Literal, Written};
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
        elements: &ast::Elements,
    ) -> Option<PackedElements> {
        if values.iter().any(|part| part.data_type.is_string()) {
            return None;
        }
        let bytes = |parts: &[TypePart]| Vec::with_capacity(elements.len() * PackedElements::width(parts));
        let mut packed = PackedElements { first: bytes(parts), ..PackedElements::default() };
        packed.data = (!values.is_empty()).then(|| bytes(values));
        let mut written = elements.constants(parts.len(), values.len())?;
        let mut next = |bytes: &mut Vec<u8>, part: &TypePart| match written.next()?? {
            Written::Literal(literal) => {
                push(bytes, self.number(literal, part)?, part);
                Some(())
            }
            Written::Prefix(..) | Written::Range(..) => None,
        };
        for _ in 0..elements.len() {
            parts.iter().try_for_each(|part| next(&mut packed.first, part))?;
            if let Some(data) = &mut packed.data {
                values.iter().try_for_each(|part| next(data, part))?;
            }
        }
        Some(packed)
    }

    fn packed_intervals(
        &self,
        part: &TypePart,
        merge: bool,
        elements: &ast::Elements,
    ) -> Option<PackedElements> {
        let bytes = || Vec::with_capacity(elements.len() * part.bytes());
        let (mut first, mut last) = (bytes(), bytes());
        for written in elements.constants(1, 0)? {
            let (from, to) = self.ends(written?, part)?;
            push(&mut first, from, part);
            push(&mut last, to, part);
        }
        let mut packed = PackedElements { first, last: Some(last), data: None };
        packed.put_in_order(part, merge).then_some(packed)
    }

    /// The first and last number of an interval.
    fn ends(&self, key: Written, part: &TypePart) -> Option<(u128, u128)> {
        let (from, to) = match key {
            Written::Range(from, to) => (self.number(from, part)?, self.number(to, part)?),
            Written::Prefix(value, length) => {
                let number = self.number(value, part)?;
                let free = part.bits.checked_sub(u32::try_from(length).ok()?)?;
                let host = value::greatest(free);
                (number & !host, number | host)
            }
            Written::Literal(literal) => {
                let number = self.number(literal, part)?;
                (number, number)
            }
        };
        (from <= to).then_some((from, to))
    }

    /// A literal as a number.
    fn number(&self, literal: Literal, part: &TypePart) -> Option<u128> {
        if literal.kind == ast::LiteralKind::Any {
            return None;
        }
        let text = ast::unquote(self.sources.snippet(literal.span));
        value::parse(part.data_type, part.bits, text, self.names, self.zone).ok()
    }
}
