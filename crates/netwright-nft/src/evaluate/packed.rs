//! Long lists of plain elements, read without a value of its own for each.
//!
//! Whatever is not plain (values, options, variables, strings, mistakes) is left to the way of single elements, which also knows
//! what to say about it.

use netwright_netfilter::SetFlags;

use super::Evaluator;
use crate::ir::{PackedElements, Set, TypePart};
use crate::syntax::ast::{self, ExpressionKind};
use crate::table::value;

/// From how many elements on it is worth it.
const LONG: usize = 256;

impl<'a> Evaluator<'a> {
    /// The elements of a set, where they are many and all plain.
    pub(super) fn packed_elements(&self, set: &Set, elements: &'a ast::Expression) -> Option<PackedElements> {
        let ExpressionKind::Set(list) = &self.resolve(elements).ok()?.kind else { return None };
        let strings = set.key.parts.iter().any(|part| part.data_type.is_string());
        if list.elements.len() < LONG || set.target.is_some() || strings {
            return None;
        }
        let interval = set.flags & SetFlags::INTERVAL.bits() != 0;
        match (set.key.parts.as_slice(), interval) {
            ([part], true) => self.packed_intervals(part, set.auto_merge, &list.elements),
            (parts, false) => self.packed_keys(parts, &list.elements),
            _ => None,
        }
    }

    fn packed_keys(&self, parts: &[TypePart], elements: &'a [ast::Element]) -> Option<PackedElements> {
        let mut first = Vec::with_capacity(elements.len() * PackedElements::width(parts));
        for element in elements {
            if element.value.is_some() || element.options.is_some() {
                return None;
            }
            let written = element.key.parts();
            if written.len() != parts.len() {
                return None;
            }
            for (one, part) in written.iter().zip(parts) {
                push(&mut first, self.number(one, part)?, part);
            }
        }
        Some(PackedElements { first, last: None })
    }

    fn packed_intervals(
        &self,
        part: &TypePart,
        merge: bool,
        elements: &'a [ast::Element],
    ) -> Option<PackedElements> {
        let mut found = Vec::with_capacity(elements.len());
        for element in elements {
            if element.value.is_some() || element.options.is_some() {
                return None;
            }
            found.push(self.ends(&element.key, part)?);
        }
        found.sort_unstable();
        if merge {
            found.dedup_by(|next, before| {
                let joins = next.0 <= before.1.saturating_add(1);
                before.1 = before.1.max(if joins { next.1 } else { 0 });
                joins
            });
        } else if found.windows(2).any(|pair| matches!(pair, [a, b] if b.0 <= a.1)) {
            return None;
        }
        let mut packed = PackedElements::default();
        let last = packed.last.get_or_insert_default();
        for (from, to) in found {
            push(&mut packed.first, from, part);
            push(last, to, part);
        }
        Some(packed)
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

/// Appends a number in the bytes of a type.
fn push(bytes: &mut Vec<u8>, number: u128, part: &TypePart) {
    let all = number.to_be_bytes();
    bytes.extend_from_slice(&all[all.len() - part.bytes().min(all.len())..]);
}
