//! Matches.

use netwright_netfilter::Family;

use super::element::Wanted;
use super::{Eval, Evaluator, Shifted};
use crate::diagnostic::{Diagnostic, Span};
use crate::ir::{
    BinaryOperator, Element, Expression, Match, MatchOperator, Selector, SetReference, TypePart,
};
use crate::syntax::ast::{self, ExpressionKind};
use crate::table::DataType;

impl<'a> Evaluator<'a> {
    pub(super) fn matched(&mut self, matched: &'a ast::Match) -> Eval<Match> {
        let right = self.resolve(&matched.right)?;
        let left = match &right.kind {
            ExpressionKind::SetReference(name) => {
                let set = self.set_named(right.span, self.text(*name))?;
                self.keyed(&matched.left, &set.key.parts)?
            }
            _ => self.computed(&matched.left, None)?,
        };
        let parts = self.parts(&left);
        if parts.is_empty() {
            return self.error(matched.left.span, "the type of this cannot be told");
        }
        let mut operator = operator(matched.operator);
        self.check_negation(matched, operator, &left, &parts, right)?;
        if let Some(mask) = &matched.mask {
            return self.masked(left, &parts, operator, right, mask);
        }
        // What was masked is compared as a whole.
        if operator == MatchOperator::Implicit && matches!(left, Expression::Binary(..)) {
            operator = MatchOperator::Equal;
        }
        match &right.kind {
            ExpressionKind::Set(_) if is_security_mark(&left) => self.no_mark_values(right.span),
            ExpressionKind::Set(set) => {
                self.only_membership(matched, operator)?;
                self.in_set(left, &parts, operator, right, set)
            }
            ExpressionKind::SetReference(name) => {
                let set = self.set_named(right.span, self.text(*name))?;
                self.check_key(right.span, &set, &parts)?;
                self.only_membership(matched, operator)?;
                let reference = SetReference::Named(set.name.clone());
                Ok(Match { operator, left, right: Expression::Set(reference) })
            }
            _ => self.with_constant(matched, left, &parts, operator, right),
        }
    }

    /// `!` asks whether none of the bits of one value is set; everything else is unequal by `!=`.
    fn check_negation(
        &mut self,
        matched: &ast::Match,
        operator: MatchOperator,
        left: &Expression,
        parts: &[TypePart],
        right: &ast::Expression,
    ) -> Eval<()> {
        if operator != MatchOperator::NoneOf {
            return Ok(());
        }
        let masked = match left {
            Expression::Selector(selector) => selector.is_partial(),
            other => matches!(other, Expression::Binary(..)),
        };
        let flags =
            matches!(parts, [part] if part.data_type.is_bitmask() && part.data_type != DataType::BITMASK);
        let set = matches!(right.kind, ExpressionKind::Set(_) | ExpressionKind::SetReference(_));
        if flags && !set && !masked && matched.mask.is_none() {
            return Ok(());
        }
        let message = match flags && !set {
            true => "`!` cannot stand behind a mask",
            false => "`!` asks for flags that are not set, and there are none here",
        };
        let diagnostic = Diagnostic::error(matched.operator_span, message);
        self.report(diagnostic.help("Write `!=` for what must not be equal, or must not be in the set."))
    }

    /// `tcp flags syn / syn,ack`
    fn masked(
        &mut self,
        left: Expression,
        parts: &[TypePart],
        operator: MatchOperator,
        right: &'a ast::Expression,
        mask: &'a ast::Expression,
    ) -> Eval<Match> {
        let [part] = parts else {
            return self.error(mask.span, "only a single value can be masked");
        };
        let value = self.value(right, part)?;
        let mask = self.value(mask, part)?;
        let left = Expression::Binary(BinaryOperator::And, Box::new(left), Box::new(Expression::Value(mask)));
        let operator = if operator == MatchOperator::Implicit { MatchOperator::Equal } else { operator };
        Ok(Match { operator, left, right: Expression::Value(value) })
    }

    fn only_membership(&mut self, matched: &ast::Match, operator: MatchOperator) -> Eval<()> {
        let membership =
            matches!(operator, MatchOperator::Implicit | MatchOperator::Equal | MatchOperator::NotEqual);
        if membership {
            Ok(())
        } else {
            self.error(matched.operator_span, "in a set something is or is not: write `==` or `!=`")
        }
    }

    /// `{ … }`: with one plain element it is a comparison with that.
    fn in_set(
        &mut self,
        left: Expression,
        parts: &[TypePart],
        operator: MatchOperator,
        right: &'a ast::Expression,
        set: &'a ast::SetExpression,
    ) -> Eval<Match> {
        self.loose = true;
        if parts.len() == 1 {
            self.shifted = Shifted::Compared;
        }
        let elements = self.beside(&left, |this| this.elements(set, parts, &Wanted::Nothing));
        (self.loose, self.shifted) = (false, Shifted::Alone);
        let elements = elements?;
        self.check_anonymous(right.span, set, parts, &elements, false)?;
        let intervals =
            elements.iter().any(|(element, _)| element.key.as_ref().is_some_and(Expression::is_interval));
        for (element, span) in &elements {
            if let Some(key) = &element.key {
                // Beside intervals a value is looked up as it is, and one that never comes does no harm.
                if !intervals {
                    self.check_moved(*span, &left, key)?;
                }
            }
        }
        let mut elements: Vec<Element> = elements.into_iter().map(|(element, _)| element).collect();
        let single = match elements.as_slice() {
            [Element { key: Some(_), timeout: None, comment: None, statements, .. }] => {
                parts.len() == 1 && statements.is_empty()
            }
            _ => false,
        };
        let only = elements.first_mut().filter(|_| single).and_then(|element| element.key.take());
        if let Some(key) = only {
            // As nft: the one set of flags is all flags that there are, but for states, of which a connection has one.
            let exact = parts
                .first()
                .is_some_and(|part| part.data_type.is_bitmask() && part.data_type != DataType::CT_STATE);
            let operator = match operator {
                MatchOperator::Implicit if exact => MatchOperator::Equal,
                other => other,
            };
            return Ok(Match { operator, left, right: key });
        }
        Ok(Match { operator, left, right: Expression::Set(SetReference::Anonymous(elements)) })
    }

    fn with_constant(
        &mut self,
        matched: &'a ast::Match,
        mut left: Expression,
        parts: &[TypePart],
        mut operator: MatchOperator,
        right: &'a ast::Expression,
    ) -> Eval<Match> {
        if !self.is_constant(right)
            && !matches!(right.kind, ExpressionKind::Meta(_) | ExpressionKind::Tunnel(_))
        {
            return self.error(right.span, "a match compares with a constant or a set");
        }
        if is_security_mark(&left) {
            return self.no_mark_values(right.span);
        }
        if let Some(there) = self.existence(&mut left, right) {
            return Ok(Match { operator, left, right: Expression::Exists(there) });
        }
        if parts.len() > 1 {
            let key = self.key_constant(right, parts)?;
            let element = Element { key: Some(key), ..Element::default() };
            let right = Expression::Set(SetReference::Anonymous(vec![element]));
            return Ok(Match { operator, left, right });
        }
        let [part] = parts else {
            return self.error(matched.left.span, "the type of this cannot be told");
        };
        // What is shifted is a number, and no answer to whether something is there.
        let number = TypePart { data_type: DataType::INTEGER, ..*part };
        let part = match &left {
            Expression::Binary(BinaryOperator::ShiftLeft | BinaryOperator::ShiftRight, ..)
                if part.data_type == DataType::BOOLEAN =>
            {
                &number
            }
            _ => part,
        };
        self.check_mark(right, part)?;
        let mut value = self.beside(&left, |this| match operator.is_ordered() {
            true => this.value(right, part).map(Expression::Value),
            false => this.constant(right, part),
        })?;
        if !operator.is_ordered() {
            self.check_moved(right.span, &left, &value)?;
        }
        if let Expression::Range(from, to) = &value
            && from.bytes > to.bytes
        {
            // The hours of the zone run over midnight UTC, and days over the end of the week: all but those between.
            value = Expression::Range(to.clone(), from.clone());
            operator = match operator {
                MatchOperator::NotEqual => MatchOperator::Equal,
                _ => MatchOperator::NotEqual,
            };
        }
        Ok(Match { operator, left, right: value })
    }

    fn no_mark_values<T>(&mut self, span: Span) -> Eval<T> {
        self.error(span, "a security mark has no values that could be compared with")
    }

    /// `x << 2 == 5` never holds.
    pub(super) fn check_moved(&mut self, span: Span, left: &Expression, right: &Expression) -> Eval<()> {
        let (Expression::Binary(BinaryOperator::ShiftLeft, _, by), Expression::Value(value)) = (left, right)
        else {
            return Ok(());
        };
        let Expression::Value(by) = &**by else { return Ok(()) };
        let (Some(by), Some(number)) = (by.as_number(), value.as_number()) else { return Ok(()) };
        match number & ((1 << by.min(127)) - 1) {
            0 => Ok(()),
            _ => self.error(span, "this never holds: the last bits of what is shifted to the left are 0"),
        }
    }

    /// `fib … oif missing`: whether there is a route, not which.
    fn existence(&mut self, left: &mut Expression, right: &ast::Expression) -> Option<bool> {
        let there = match right.text(self.sources) {
            "exists" => true,
            "missing" => false,
            _ => return None,
        };
        match left {
            Expression::Selector(Selector::Fib(fib)) if fib.key.name != "type" => {
                fib.present = true;
                Some(there)
            }
            Expression::Value(_)
            | Expression::Range(..)
            | Expression::Prefix(..)
            | Expression::Wildcard(_)
            | Expression::Verdict(_)
            | Expression::ObjectName(_)
            | Expression::Flags(_)
            | Expression::Selector(_)
            | Expression::Concatenation(_)
            | Expression::Binary(..)
            | Expression::Set(_)
            | Expression::Map(..)
            | Expression::Exists(_) => None,
        }
    }

    /// The type of addresses of a family.
    pub(super) fn address_part(family: Family) -> TypePart {
        TypePart::of(if family == Family::IPV6 { DataType::IPV6_ADDR } else { DataType::IPV4_ADDR })
    }
}

/// Whether a security mark is compared, whose numbers mean something to the kernel alone.
fn is_security_mark(left: &Expression) -> bool {
    match left {
        Expression::Selector(Selector::Meta(key)) => key.name == "secmark",
        Expression::Selector(Selector::Ct(ct)) => ct.key.name == "secmark",
        Expression::Value(_)
        | Expression::Range(..)
        | Expression::Prefix(..)
        | Expression::Wildcard(_)
        | Expression::Verdict(_)
        | Expression::ObjectName(_)
        | Expression::Flags(_)
        | Expression::Selector(_)
        | Expression::Concatenation(_)
        | Expression::Binary(..)
        | Expression::Set(_)
        | Expression::Map(..)
        | Expression::Exists(_) => false,
    }
}

fn operator(operator: Option<ast::Comparison>) -> MatchOperator {
    match operator {
        None => MatchOperator::Implicit,
        Some(ast::Comparison::Equal) => MatchOperator::Equal,
        Some(ast::Comparison::NotEqual) => MatchOperator::NotEqual,
        Some(ast::Comparison::Less) => MatchOperator::Less,
        Some(ast::Comparison::Greater) => MatchOperator::Greater,
        Some(ast::Comparison::LessOrEqual) => MatchOperator::LessOrEqual,
        Some(ast::Comparison::GreaterOrEqual) => MatchOperator::GreaterOrEqual,
        Some(ast::Comparison::Not) => MatchOperator::NoneOf,
    }
}
