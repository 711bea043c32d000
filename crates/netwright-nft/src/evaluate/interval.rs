//! Intervals that must not overlap.

use super::element::Placed;
use super::{Eval, Evaluator};
use crate::diagnostic::{Diagnostic, Span};
use crate::ir::{Expression, TypePart, Value};
use crate::lower::set::ends;
use crate::syntax::ast;

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
        if set.elements.is_empty() {
            return self.error(span, "a set without elements never matches");
        }
        if map { self.check_overlaps(keys, elements) } else { Ok(()) }
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
