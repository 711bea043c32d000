//! Constants: words, numbers and addresses as values of the type that is wanted.

use super::{Eval, Evaluator};
use crate::diagnostic::{Diagnostic, Span};
use crate::ir::{Bytes, Expression, TypePart, Value};
use crate::syntax::ast::{self, ExpressionKind, LiteralKind};
use crate::table::value::{self, ValueError};
use crate::table::{ByteOrder, DataType};

/// The longest name of an interface with its NUL.
const INTERFACE_NAME: usize = 16;

impl<'a> Evaluator<'a> {
    /// Whether an expression is made of constants only.
    pub(super) fn is_constant(&self, expression: &'a ast::Expression) -> bool {
        let Ok(expression) = self.resolve(expression) else { return true };
        match &expression.kind {
            ExpressionKind::Literal(_) | ExpressionKind::Range(_) | ExpressionKind::Prefix(_) => true,
            ExpressionKind::List(list) | ExpressionKind::Concat(list) => {
                list.items.iter().all(|item| self.is_constant(item))
            }
            ExpressionKind::Binary(binary) => {
                self.is_constant(&binary.left) && self.is_constant(&binary.right)
            }
            _ => false,
        }
    }

    /// A constant of a type: a value, a range, a prefix, the start of a string, flags.
    pub(super) fn constant(&mut self, expression: &'a ast::Expression, part: &TypePart) -> Eval<Expression> {
        let expression = self.resolve(expression)?;
        let span = expression.span;
        match &expression.kind {
            ExpressionKind::Literal(kind) => self.literal(expression, *kind, part),
            ExpressionKind::Range(range) => {
                let (from, to) = (self.value(&range.from, part)?, self.value(&range.to, part)?);
                let backwards = from.bytes > to.bytes && !part.data_type.is_string();
                if backwards && part.data_type != DataType::HOUR {
                    return self.error(span, "a range must end with its greater value");
                }
                match from.bytes == to.bytes {
                    true => Ok(Expression::Value(from)),
                    false => Ok(Expression::Range(from, to)),
                }
            }
            ExpressionKind::Prefix(prefix) => {
                let value = self.value(&prefix.value, part)?;
                let length: u32 = self.fit(prefix.length, "a prefix")?;
                if length > part.bits {
                    let message = format!("a prefix of this type has at most {} bits", part.bits);
                    return self.error(prefix.length.span, message);
                }
                Ok(Expression::Prefix(value, length))
            }
            ExpressionKind::List(list) => {
                if !part.data_type.is_bitmask() {
                    let message = format!("{} has no flags that could be listed", describe(part));
                    return self.error(span, message);
                }
                let values =
                    list.items.iter().map(|item| self.value(item, part)).collect::<Eval<Vec<_>>>()?;
                Ok(Expression::Flags(values))
            }
            ExpressionKind::Binary(binary) => self.folded(span, binary, part).map(Expression::Value),
            ExpressionKind::Meta(_) | ExpressionKind::Tunnel(_) => {
                self.literal(expression, LiteralKind::Word, part)
            }
            _ => self.error(span, format!("a constant is needed here: {}", describe(part))),
        }
    }

    /// One value.
    pub(super) fn value(&mut self, expression: &'a ast::Expression, part: &TypePart) -> Eval<Value> {
        let span = expression.span;
        match self.constant(expression, part)? {
            Expression::Value(value) => Ok(value),
            Expression::Exists(there) => Ok(Value::number(part.data_type, part.bits, u128::from(there))),
            Expression::Flags(values) => Ok(self.join_flags(&values, part)),
            _ => self.error(span, format!("a single value is needed here: {}", describe(part))),
        }
    }

    fn join_flags(&self, values: &[Value], part: &TypePart) -> Value {
        let all = values.iter().filter_map(Value::as_number).fold(0, |all, number| all | number);
        Value::number(part.data_type, part.bits, all)
    }

    /// An operation on constants, done here.
    fn folded(&mut self, span: Span, binary: &'a ast::Binary, part: &TypePart) -> Eval<Value> {
        let shift =
            matches!(binary.operator, ast::BinaryOperator::ShiftLeft | ast::BinaryOperator::ShiftRight);
        let amount = TypePart { data_type: DataType::INTEGER, bits: 32, order: ByteOrder::Host };
        let left = self.value(&binary.left, part)?;
        let right = self.value(&binary.right, if shift { &amount } else { part })?;
        let (Some(left), Some(right)) = (left.as_number(), right.as_number()) else {
            return self.error(span, "strings cannot be combined bit by bit");
        };
        let by = u32::try_from(right).unwrap_or(u32::MAX);
        let number = match binary.operator {
            ast::BinaryOperator::Or => left | right,
            ast::BinaryOperator::Xor => left ^ right,
            ast::BinaryOperator::And => left & right,
            ast::BinaryOperator::ShiftLeft => left.checked_shl(by).unwrap_or(0) & value::greatest(part.bits),
            ast::BinaryOperator::ShiftRight => left.checked_shr(by).unwrap_or(0),
        };
        Ok(Value::number(part.data_type, part.bits, number))
    }

    fn literal(
        &mut self,
        expression: &ast::Expression,
        kind: LiteralKind,
        part: &TypePart,
    ) -> Eval<Expression> {
        let (span, text) = (expression.span, expression.text(self.sources));
        if part.data_type.is_string() {
            return self.string(span, text, kind, part);
        }
        if part.data_type == DataType::BOOLEAN && matches!(text, "exists" | "missing") {
            return Ok(Expression::Exists(text == "exists"));
        }
        match value::parse(part.data_type, part.bits, text, self.names, self.zone) {
            Ok(number) => Ok(Expression::Value(Value::number(part.data_type, part.bits, number))),
            Err(error) => self.bad_value(span, error, part),
        }
    }

    fn bad_value<T>(&mut self, span: Span, error: ValueError, part: &TypePart) -> Eval<T> {
        let diagnostic = match error {
            ValueError::Unknown { word, suggestion, .. } => {
                let diagnostic = Diagnostic::error(span, format!("`{word}` is not {}", describe(part)));
                diagnostic.did_you_mean(suggestion)
            }
            ValueError::OutOfRange { number, greatest } => Diagnostic::error(
                span,
                format!("{number} is too large: the greatest value here is {greatest}"),
            ),
            ValueError::NoText { .. } => {
                Diagnostic::error(span, format!("{} has no constants", describe(part)))
            }
        };
        self.report(diagnostic)
    }

    fn string(&mut self, span: Span, text: &str, kind: LiteralKind, part: &TypePart) -> Eval<Expression> {
        let value = |text: &str| Value {
            data_type: part.data_type,
            bits: part.bits,
            bytes: Bytes::new(text.as_bytes()),
        };
        let escaped = text.strip_suffix("\\*").map(|rest| format!("{rest}*"));
        let wildcard = match (&escaped, kind) {
            (None, LiteralKind::String | LiteralKind::Wildcard | LiteralKind::Word) => text.strip_suffix('*'),
            _ => None,
        };
        let text = escaped.as_deref().or(wildcard).unwrap_or(text);
        if text.is_empty() {
            return self.error(span, "an empty string cannot be matched");
        }
        let limit = part.bytes().min(INTERFACE_NAME);
        if text.len() >= limit.max(1) && limit > 0 {
            return self.error(span, format!("a string has at most {} characters here", limit - 1));
        }
        Ok(if wildcard.is_some() {
            Expression::Wildcard(value(text))
        } else {
            Expression::Value(value(text))
        })
    }
}

/// A type in words.
pub(super) fn describe(part: &TypePart) -> String {
    let description = part.data_type.descriptor().description;
    if description.starts_with(['a', 'e', 'i', 'o', 'I', 'E', 'A']) {
        format!("an {description}")
    } else {
        format!("a {description}")
    }
}
