//! What is written: keys, fields and options, and what fits into them.

use super::literal::describe;
use super::{Eval, Evaluator};
use crate::diagnostic::Span;
use crate::ir::{BinaryOperator, Expression, Selector, Statement, TypePart};
use crate::syntax::ast::{self, ExpressionKind};
use crate::table::DataType;

/// The key of security marks, in `meta` and in `ct`.
const SECURITY_MARK: &str = "secmark";

impl<'a> Evaluator<'a> {
    /// A key, field or option that is set.
    pub(super) fn assign(
        &mut self,
        target: &'a ast::Expression,
        value: &'a ast::Expression,
    ) -> Eval<Statement> {
        let Some(selector) = self.selector(target)? else {
            return self.error(target.span, "this cannot be set");
        };
        let writable = match &selector {
            Selector::Meta(key) => key.writable,
            Selector::Ct(ct) => ct.key.writable,
            Selector::Payload(payload) => payload.inner.is_none(),
            Selector::Exthdr(exthdr) => {
                exthdr.base == crate::table::ExtensionBase::TCP
                    && (exthdr.field.is_some() || exthdr.raw.is_some())
            }
            Selector::Rt(_)
            | Selector::Socket(_)
            | Selector::Fib(_)
            | Selector::Numgen(_)
            | Selector::Hash(_)
            | Selector::Xfrm(_)
            | Selector::Osf { .. }
            | Selector::Tunnel(_) => false,
        };
        if !writable {
            return self.error(target.span, "this can be read only");
        }
        let part = selector.part();
        let value_span = value.span;
        let resolved = self.resolve(value)?;
        // A security context has a name only as an object.
        let named = matches!(resolved.kind, ExpressionKind::Literal(_) | ExpressionKind::Map(_));
        let of_connection =
            matches!(&resolved.kind, ExpressionKind::Ct(ct) if self.text(ct.key) == SECURITY_MARK);
        if matches!(&selector, Selector::Meta(key) if key.name == SECURITY_MARK) && !of_connection {
            if !named {
                return self
                    .error(value_span, "the name of a `secmark` object is needed here, or a map of them");
            }
            return self.object_reference(ast::ObjectKind::Secmark, value);
        }
        if matches!(resolved.kind, ExpressionKind::Set(_) | ExpressionKind::SetReference(_)) {
            return self.error(value_span, "a single value can be set, not a set");
        }
        let made = self.computed(resolved, Some(&part))?;
        if matches!(made, Expression::Range(..) | Expression::Prefix(..) | Expression::Wildcard(_)) {
            return self.error(value_span, "a single value can be set, not a range");
        }
        let loaded = matches!(made, Expression::Selector(_) | Expression::Binary(..));
        if is_security_mark(&selector) && !loaded {
            return self.error(value_span, "`ct secmark` can be set to `meta secmark` only");
        }
        self.check_assigned(value_span, &made, &selector)?;
        Ok(Statement::Assign(selector, made))
    }

    /// What an argument of a statement is loaded or computed from must have the type that is needed.
    pub(super) fn check_argument(&mut self, span: Span, value: &Expression, want: &TypePart) -> Eval<()> {
        let parts = self.parts(value);
        let Some(have) = parts.first() else { return Ok(()) };
        let have = kind(value, have);
        if is_of_type(value, &have, want) {
            return Ok(());
        }
        self.error(span, format!("{} is needed here, this is {}", describe(want), describe(&have)))
    }

    fn check_assigned(&mut self, span: Span, value: &Expression, target: &Selector) -> Eval<()> {
        let want = target.part();
        let parts = self.parts(value);
        let Some(have) = parts.first() else { return Ok(()) };
        let have = kind(value, have);
        if fits(value, &have, target, &want) {
            return Ok(());
        }
        let (needed, kind) = (describe(&want), have.data_type.descriptor().description);
        self.error(span, format!("{needed} is needed here, this is a {kind} of {} bits", have.bits))
    }
}

/// What a value counts as where it is needed: what is shifted is a number.
fn kind(value: &Expression, have: &TypePart) -> TypePart {
    match value {
        Expression::Binary(BinaryOperator::ShiftLeft | BinaryOperator::ShiftRight, ..)
            if !have.data_type.is_string() =>
        {
            TypePart { data_type: DataType::INTEGER, ..*have }
        }
        _ => *have,
    }
}

fn is_security_mark(target: &Selector) -> bool {
    matches!(target, Selector::Ct(ct) if ct.key.name == SECURITY_MARK)
}

/// How wide a plain number is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Width {
    /// Whole bytes of the packet: exactly so many bits.
    Bytes(u32),
    /// Some bits of the packet.
    Bits(u32),
    /// Whatever it is needed for.
    Any(u32),
}

/// Whether what was loaded or computed can be written to a target.
fn fits(value: &Expression, have: &TypePart, target: &Selector, want: &TypePart) -> bool {
    let is_number = |part: &TypePart| matches!(part.data_type, DataType::INTEGER | DataType::HEX_INTEGER);
    // What is combined is widened to what is wanted.
    let widened = matches!(value, Expression::Binary(..)) && have.bits < want.bits;
    let source = if widened { Origin::Computed } else { origin(value) };
    match (source, is_number(have), is_number(want)) {
        (Origin::Constant, ..) => true,
        (_, true, true) => match (width(source, have), width(Origin::Loaded(target), want)) {
            (Width::Any(_), _) | (Width::Bits(_), Width::Any(_)) => true,
            (Width::Bytes(have), Width::Bytes(want) | Width::Any(want)) => have == want,
            (Width::Bits(have), Width::Bits(want)) => have == want,
            (Width::Bits(_), Width::Bytes(_)) | (Width::Bytes(_), Width::Bits(_)) => false,
        },
        (_, false, true) => false,
        _ if want.data_type == DataType::MARK => {
            let number = have.data_type.base().is_none_or(|base| base == DataType::INTEGER);
            (number || widened)
                && !have.data_type.is_string()
                && !matches!(width(source, have), Width::Bytes(bits) if bits != 32)
        }
        _ => is_of_type(value, have, want),
    }
}

/// Whether what was loaded or computed has a type, or is a number that was generated for it.
fn is_of_type(value: &Expression, have: &TypePart, want: &TypePart) -> bool {
    match origin(value) {
        Origin::Constant => true,
        Origin::Loaded(Selector::Numgen(_) | Selector::Hash(_)) => {
            want.data_type.base() == Some(DataType::INTEGER) && want.bits == have.bits
        }
        Origin::Loaded(_) | Origin::Computed => {
            have.data_type.is_a(want.data_type) && have.data_type != DataType::INTEGER
                || have.data_type.number() == want.data_type.number()
        }
    }
}

fn width(source: Origin<'_>, part: &TypePart) -> Width {
    match source {
        Origin::Loaded(Selector::Payload(_))
            if !matches!(part.data_type, DataType::INTEGER | DataType::HEX_INTEGER) =>
        {
            Width::Any(part.bits)
        }
        Origin::Loaded(Selector::Payload(_)) if part.bits.is_multiple_of(8) => Width::Bytes(part.bits),
        Origin::Loaded(Selector::Payload(_)) => Width::Bits(part.bits),
        _ => Width::Any(part.bits),
    }
}

/// Where a value's type comes from.
#[derive(Clone, Copy, Debug)]
enum Origin<'e> {
    Constant,
    Loaded(&'e Selector),
    Computed,
}

fn origin(value: &Expression) -> Origin<'_> {
    match value {
        Expression::Value(_) | Expression::Flags(_) | Expression::Exists(_) => Origin::Constant,
        Expression::Selector(selector) => Origin::Loaded(selector),
        Expression::Binary(BinaryOperator::ShiftLeft | BinaryOperator::ShiftRight, ..) => Origin::Computed,
        Expression::Binary(_, left, right) => match origin(left) {
            Origin::Constant => origin(right),
            loaded => loaded,
        },
        Expression::Range(..)
        | Expression::Prefix(..)
        | Expression::Wildcard(_)
        | Expression::Verdict(_)
        | Expression::ObjectName(_)
        | Expression::Concatenation(_)
        | Expression::Set(_)
        | Expression::Map(..) => Origin::Computed,
    }
}
