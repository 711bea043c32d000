//! Values that are loaded and computed.

use super::literal::describe;
use super::{Eval, Evaluator, Shifted};
use crate::diagnostic::Diagnostic;
use crate::ir::{BinaryOperator, Expression, MapTarget, Selector, SetReference, TypePart, Value};
use crate::syntax::ast::{self, ExpressionKind};
use crate::table::{ByteOrder, DataType, value};

use super::element::Wanted;

impl<'a> Evaluator<'a> {
    /// A value that is loaded, computed or, where a type is wanted, a constant.
    pub(super) fn computed(
        &mut self,
        expression: &'a ast::Expression,
        want: Option<&TypePart>,
    ) -> Eval<Expression> {
        let expression = self.resolve(expression)?;
        if let Some(want) = want
            && self.is_constant(expression)
        {
            return self.constant(expression, want);
        }
        if let Some(selector) = self.selector(expression)? {
            return Ok(Expression::Selector(selector));
        }
        match &expression.kind {
            ExpressionKind::Concat(list) => self.side_by_side(&list.items).map(Expression::Concatenation),
            ExpressionKind::Binary(binary) => self.binary(binary, want),
            ExpressionKind::Map(map) => self.map(map, Wanted::from(want)),
            _ => {
                let diagnostic = Diagnostic::error(
                    expression.span,
                    "something that is loaded from the packet is needed here",
                )
                .help("Write a field (`ip saddr`), a key (`meta mark`) or something computed from them.");
                self.report(diagnostic)
            }
        }
    }

    /// The parts of a concatenation. What earlier ones are loaded from tells the protocol to later ones.
    fn side_by_side(&mut self, items: &'a [ast::Expression]) -> Eval<Vec<Expression>> {
        let before = self.context.clone();
        let parts = items
            .iter()
            .map(|item| {
                let made = self.computed(item, None)?;
                if self.parts(&made).iter().any(|part| part.data_type == DataType::STRING) {
                    return self.error(item.span, "a string of any length cannot stand beside other values");
                }
                if self.parts(&made).iter().any(|part| part.data_type == DataType::BITMASK) {
                    return self.error(item.span, "bits of any number cannot stand beside other values");
                }
                if let Expression::Selector(selector) = &made {
                    // What contradicts what came before is told where the whole is known.
                    let _ = self.context.require(selector, None);
                }
                Ok(made)
            })
            .collect();
        self.context = before;
        parts
    }

    /// A key that is looked up where the types are known: parts of it may be constants.
    pub(super) fn keyed(&mut self, key: &'a ast::Expression, keys: &[TypePart]) -> Eval<Expression> {
        let key = self.resolve(key)?;
        if self.is_constant(key) {
            return self.key_constant(key, keys);
        }
        let ExpressionKind::Concat(list) = &key.kind else { return self.computed(key, None) };
        let parts: Eval<Vec<_>> = list
            .items
            .iter()
            .enumerate()
            .map(|(index, item)| {
                let constant = keys.get(index).filter(|_| self.is_constant(item));
                self.computed(item, constant)
            })
            .collect();
        Ok(Expression::Concatenation(parts?))
    }

    fn binary(&mut self, binary: &'a ast::Binary, want: Option<&TypePart>) -> Eval<Expression> {
        let operator = match binary.operator {
            ast::BinaryOperator::Or => BinaryOperator::Or,
            ast::BinaryOperator::Xor => BinaryOperator::Xor,
            ast::BinaryOperator::And => BinaryOperator::And,
            ast::BinaryOperator::ShiftLeft => BinaryOperator::ShiftLeft,
            ast::BinaryOperator::ShiftRight => BinaryOperator::ShiftRight,
        };
        let amount = TypePart { data_type: DataType::INTEGER, bits: 32, order: ByteOrder::Host };
        let shift = matches!(operator, BinaryOperator::ShiftLeft | BinaryOperator::ShiftRight);
        let (loose, shifted) = (self.loose, self.shifted);
        (self.loose, self.shifted) = (true, if want.is_some() { Shifted::Beside } else { Shifted::Compared });
        let operands = self.operands(binary, shift.then_some(&amount), want);
        (self.loose, self.shifted) = (loose, shifted);
        let (left, right) = operands?;
        if shift && self.parts(&left).iter().any(|part| part.data_type.is_string()) {
            return self.error(binary.left.span, "a string has no bits that could be shifted");
        }
        if let (true, Expression::Value(by)) = (shift, &right) {
            let by = by.as_number().unwrap_or(u128::MAX);
            // What a mark is set to is as wide as the mark.
            let bits = match (want, &left) {
                (Some(part), _) if part.data_type == DataType::MARK => part.bytes() as u32 * 8,
                (_, Expression::Selector(Selector::Payload(payload))) => payload.bits_in_register(),
                _ => self.parts(&left).first().map_or(4, TypePart::bytes) as u32 * 8,
            };
            self.check_shift(binary, by, u128::from(bits))?;
            if by == 0 {
                return Ok(left);
            }
        }
        Ok(Expression::Binary(operator, Box::new(left), Box::new(right)))
    }

    /// A value can be shifted by fewer bits than it has.
    pub(super) fn check_shift(&mut self, binary: &ast::Binary, by: u128, bits: u128) -> Eval<()> {
        if by < bits {
            return Ok(());
        }
        self.error(binary.right.span, format!("a value of {bits} bits cannot be shifted by {by}"))
    }

    /// Both sides of an operator.
    fn operands(
        &mut self,
        binary: &'a ast::Binary,
        amount: Option<&TypePart>,
        want: Option<&TypePart>,
    ) -> Eval<(Expression, Expression)> {
        let (left, right) = if self.is_constant(&binary.left) {
            let right = self.computed(&binary.right, want)?;
            let part = self.operand_type(&right, want, binary.right.span)?;
            let left = self.beside(&right, |this| this.operand(&binary.left, &part, &right))?;
            (left, right)
        } else {
            let left = self.computed(&binary.left, want)?;
            let part = match amount {
                Some(amount) => *amount,
                None => self.operand_type(&left, want, binary.left.span)?,
            };
            let right = if self.is_constant(&binary.right) {
                match amount {
                    Some(_) => self.operand(&binary.right, &part, &left)?,
                    None => self.beside(&left, |this| this.operand(&binary.right, &part, &left))?,
                }
            } else {
                self.computed(&binary.right, want)?
            };
            (left, right)
        };
        Ok((left, right))
    }

    /// The constant beside an operand. It may be a name of the operand's type, though the type that is wanted is another.
    fn operand(
        &mut self,
        expression: &'a ast::Expression,
        part: &TypePart,
        other: &Expression,
    ) -> Eval<Expression> {
        self.check_string(expression, part)?;
        let own = self.parts(other).first().copied().filter(|own| own.data_type != part.data_type);
        if let (Some(own), ExpressionKind::Literal(_)) = (own, &self.resolve(expression)?.kind)
            && let Some(number) =
                value::parse_symbol(own.data_type, expression.text(self.sources), self.names)
        {
            return Ok(Expression::Value(Value::number(part.data_type, part.bits, number)));
        }
        self.value(expression, part).map(Expression::Value)
    }

    /// The bits of a string are combined with those of another string, and not with a word that stands for a number.
    pub(super) fn check_string(&mut self, expression: &'a ast::Expression, part: &TypePart) -> Eval<()> {
        let expression = self.resolve(expression)?;
        let word = matches!(expression.kind, ExpressionKind::Literal(crate::syntax::ast::LiteralKind::Word));
        let typed = word && super::literal::typed_word(expression.text(self.sources)).is_some();
        if typed && part.data_type.is_string() {
            return self.error(expression.span, "a string is needed here, this stands for a number");
        }
        Ok(())
    }

    /// The type of the constant beside an operand: its own, or what is wanted in the end, if that is wider.
    fn operand_type(
        &mut self,
        other: &Expression,
        want: Option<&TypePart>,
        span: crate::diagnostic::Span,
    ) -> Eval<TypePart> {
        match (self.parts(other).first().copied(), want) {
            (Some(part), Some(want)) if part.bits < want.bits => Ok(*want),
            (Some(part), _) => Ok(part),
            (None, Some(want)) => Ok(*want),
            (None, None) => self.error(span, "the type of this cannot be told"),
        }
    }

    /// `KEY map …`, with the type of data that is wanted.
    pub(super) fn map(&mut self, map: &'a ast::Map, want: Wanted) -> Eval<Expression> {
        let key = self.computed(&map.key, None)?;
        let reference = self.map_reference(&key, &map.map, want)?;
        Ok(Expression::Map(Box::new(key), reference))
    }

    /// The map behind a key.
    pub(super) fn map_reference(
        &mut self,
        key: &Expression,
        map: &'a ast::Expression,
        want: Wanted,
    ) -> Eval<SetReference> {
        let map = self.resolve(map)?;
        let parts = self.parts(key);
        match &map.kind {
            ExpressionKind::SetReference(name) => self.named_map(map.span, self.text(*name), &parts, &want),
            ExpressionKind::Set(set) => {
                if want == Wanted::Nothing {
                    return self.error(map.span, "what this map holds has no type here");
                }
                let elements = self.elements(set, &parts, &want)?;
                self.check_anonymous(map.span, set, &parts, &elements, true)?;
                Ok(SetReference::Anonymous(elements.into_iter().map(|(element, _)| element).collect()))
            }
            _ => self.error(map.span, "a map is needed here: `{ key : value }` or `@name`"),
        }
    }

    fn named_map(
        &mut self,
        span: crate::diagnostic::Span,
        name: &str,
        parts: &[TypePart],
        want: &Wanted,
    ) -> Eval<SetReference> {
        let set = self.set_named(span, name)?;
        self.check_key(span, &set, parts)?;
        let fits = match (&set.target, want) {
            (None, _) => return self.error(span, format!("`{name}` is a set and holds no values")),
            (Some(MapTarget::Verdicts), Wanted::Verdict)
            | (Some(MapTarget::Objects(_)), Wanted::Object(_)) => true,
            (Some(MapTarget::Values(_)), Wanted::Values(_) | Wanted::Target(_) | Wanted::Nothing) => true,
            _ => false,
        };
        if !fits {
            return self.error(span, format!("what `{name}` holds does not fit here"));
        }
        Ok(SetReference::Named(name.to_owned()))
    }

    /// Whether what is looked up has the type of a set's keys.
    pub(super) fn check_key(
        &mut self,
        span: crate::diagnostic::Span,
        set: &crate::ir::Set,
        parts: &[TypePart],
    ) -> Eval<()> {
        let keys = &set.key.parts;
        let same = keys.len() == parts.len()
            && keys.iter().zip(parts).all(|(key, part)| {
                key.data_type == part.data_type
                    || key.data_type.is_a(part.data_type)
                        && !matches!(part.data_type, DataType::INTEGER | DataType::STRING)
                    || part.data_type.is_a(key.data_type)
                    || (key.data_type.number() == part.data_type.number())
            });
        if same {
            return Ok(());
        }
        let list = |parts: &[TypePart]| parts.iter().map(describe).collect::<Vec<_>>().join(" and ");
        let message = format!("keys of `{}` are {}, not {}", set.name, list(keys), list(parts));
        self.error(span, message)
    }
}
