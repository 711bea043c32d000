//! Expressions.

use std::fmt;

use super::Printer;
use crate::ir::{BinaryOperator, Expression, MapReference, SetReference, Value};
use crate::table::value::{self, BitStyle};
use crate::table::{DataType, PrintOptions};

impl<W: fmt::Write> Printer<'_, W> {
    /// An expression where several bits are alternatives.
    pub(super) fn plain(&mut self, expression: &Expression) -> fmt::Result {
        self.expression(expression, BitStyle::Alternatives)
    }

    pub(super) fn expression(&mut self, expression: &Expression, style: BitStyle) -> fmt::Result {
        match expression {
            Expression::Value(value) => self.value(value, style),
            Expression::Range(from, to) => {
                // The ends of a range are written without names.
                let options = PrintOptions {
                    service_names: false,
                    guid_names: false,
                    host_names: false,
                    ..self.options.numeric()
                };
                let mut numeric = self.with(&options);
                numeric.value(from, BitStyle::Number)?;
                numeric.word("-")?;
                numeric.value(to, BitStyle::Number)
            }
            Expression::Prefix(value, length) => {
                self.value(value, BitStyle::Number)?;
                write!(self.out, "/{length}")
            }
            Expression::Wildcard(value) => {
                write!(self.out, "\"{}*\"", netwright_wire::text::from_bytes(&value.bytes))
            }
            Expression::Verdict(verdict) => self.verdict(verdict),
            Expression::ObjectName(name) => self.quoted(name),
            Expression::Flags(values) => {
                let separator = if style == BitStyle::List { "," } else { " | " };
                self.separated(values, separator, |printer, value| printer.value(value, style))
            }
            Expression::Selector(selector) => self.selector(selector),
            Expression::Concatenation(parts) => {
                self.separated(parts, " . ", |printer, part| printer.expression(part, style))
            }
            Expression::Binary(operator, left, right) => self.binary(*operator, left, right),
            Expression::Set(set) => self.reference(set),
            Expression::Map(key, map) => self.map("map", key, map),
            Expression::Exists(there) if self.options.numeric_symbol => {
                write!(self.out, "{}", u8::from(*there))
            }
            Expression::Exists(true) => self.word("exists"),
            Expression::Exists(false) => self.word("missing"),
        }
    }

    pub(super) fn separated<T>(
        &mut self,
        items: &[T],
        separator: &str,
        mut each: impl FnMut(&mut Self, &T) -> fmt::Result,
    ) -> fmt::Result {
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                self.word(separator)?;
            }
            each(self, item)?;
        }
        Ok(())
    }

    /// `KEY map { … }`, `KEY vmap @name`
    pub(super) fn map(&mut self, word: &str, key: &Expression, map: &MapReference) -> fmt::Result {
        self.plain(key)?;
        write!(self.out, " {word} ")?;
        self.reference(map)
    }

    pub(super) fn reference(&mut self, set: &SetReference) -> fmt::Result {
        match set {
            SetReference::Named(name) => write!(self.out, "@{name}"),
            SetReference::Anonymous(elements) => {
                self.word("{ ")?;
                self.separated(elements, ", ", |printer, element| printer.element(element))?;
                self.word(" }")
            }
        }
    }

    fn binary(&mut self, operator: BinaryOperator, left: &Expression, right: &Expression) -> fmt::Result {
        self.operand(left, precedence(operator), false)?;
        self.word(match operator {
            BinaryOperator::And => " & ",
            BinaryOperator::Or => " | ",
            BinaryOperator::Xor => " ^ ",
            BinaryOperator::ShiftLeft => " << ",
            BinaryOperator::ShiftRight => " >> ",
        })?;
        match operator {
            // Flags that are added are read one by one.
            BinaryOperator::Or if is_flags(right) => self.plain(right),
            _ => self.operand(right, precedence(operator), true),
        }
    }

    /// A side of an operation, in brackets where it would be read otherwise.
    fn operand(&mut self, side: &Expression, outer: u8, right: bool) -> fmt::Result {
        let brackets = match side {
            Expression::Value(value) => right && has_several_bits(value),
            Expression::Flags(values) => right && values.len() > 1,
            Expression::Binary(inner, ..) => {
                precedence(*inner) < outer || right && precedence(*inner) == outer
            }
            Expression::Range(..)
            | Expression::Prefix(..)
            | Expression::Wildcard(_)
            | Expression::Verdict(_)
            | Expression::ObjectName(_)
            | Expression::Selector(_)
            | Expression::Concatenation(_)
            | Expression::Set(_)
            | Expression::Map(..)
            | Expression::Exists(_) => false,
        };
        if !brackets {
            return self.plain(side);
        }
        self.word("(")?;
        self.plain(side)?;
        self.word(")")
    }

    pub(super) fn value(&mut self, value: &Value, style: BitStyle) -> fmt::Result {
        if value.data_type.is_string() {
            return self.text(&value.bytes);
        }
        match value.as_number() {
            Some(number) => value::write_styled(
                self.out,
                value.data_type,
                value.bits,
                number,
                style,
                self.names,
                self.options,
            ),
            None => {
                self.word("0x")?;
                value.bytes.iter().try_for_each(|byte| write!(self.out, "{byte:02x}"))
            }
        }
    }

    /// Characters in quotes; an asterisk at the end is one, not a wildcard.
    fn text(&mut self, bytes: &[u8]) -> fmt::Result {
        match bytes.split_last() {
            Some((b'*', front)) => write!(self.out, "\"{}\\*\"", netwright_wire::text::from_bytes(front)),
            _ => write!(self.out, "\"{}\"", netwright_wire::text::from_bytes(bytes)),
        }
    }
}

/// Whether a constant is written as names of bits.
fn is_flags(side: &Expression) -> bool {
    match side {
        Expression::Value(value) => has_several_bits(value),
        Expression::Flags(_) => true,
        _ => false,
    }
}

/// How strongly an operator binds.
fn precedence(operator: BinaryOperator) -> u8 {
    match operator {
        BinaryOperator::Or => 0,
        BinaryOperator::Xor => 1,
        BinaryOperator::And => 2,
        BinaryOperator::ShiftLeft | BinaryOperator::ShiftRight => 3,
    }
}

/// Whether a value is written as several names.
pub(crate) fn has_several_bits(value: &Value) -> bool {
    let named = value.data_type.is_bitmask() && value.data_type != DataType::BITMASK;
    named && value.as_number().is_some_and(|number| number.count_ones() > 1)
}
