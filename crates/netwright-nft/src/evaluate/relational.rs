//! Matches.

use netwright_netfilter::Family;

use super::element::Wanted;
use super::literal::describe;
use super::{Eval, Evaluator};
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
        let operator = operator(matched.operator);
        if let Some(mask) = &matched.mask {
            return self.masked(left, &parts, operator, right, mask);
        }
        match &right.kind {
            ExpressionKind::Set(set) => self.in_set(left, &parts, operator, right, set),
            ExpressionKind::SetReference(name) => {
                let set = self.set_named(right.span, self.text(*name))?;
                self.check_key(right.span, &set, &parts)?;
                self.only_membership(matched, operator)?;
                let reference = SetReference::Named(set.name);
                Ok(Match { operator, left, right: Expression::Set(reference) })
            }
            _ => self.with_constant(matched, left, &parts, operator, right),
        }
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
        let elements = self.elements(set, parts, &Wanted::Nothing)?;
        self.check_anonymous(right.span, set, parts, &elements, false)?;
        let mut elements: Vec<Element> = elements.into_iter().map(|(element, _)| element).collect();
        let single = match elements.as_slice() {
            [Element { key: Some(_), timeout: None, comment: None, statements, .. }] => {
                parts.len() == 1 && statements.is_empty()
            }
            _ => false,
        };
        let only = elements.first_mut().filter(|_| single).and_then(|element| element.key.take());
        if let Some(key) = only {
            let exact = parts.first().is_some_and(|part| part.data_type == DataType::TCP_FLAG);
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
        let mut value = self.constant(right, part)?;
        if operator.is_ordered() && !matches!(value, Expression::Value(_)) {
            return self.error(right.span, format!("a single value is needed here: {}", describe(part)));
        }
        if let Expression::Range(from, to) = &value
            && part.data_type == DataType::HOUR
            && from.bytes > to.bytes
        {
            // The hours of the zone run over midnight UTC: all but the hours between.
            value = Expression::Range(to.clone(), from.clone());
            operator = match operator {
                MatchOperator::NotEqual => MatchOperator::Equal,
                _ => MatchOperator::NotEqual,
            };
        }
        Ok(Match { operator, left, right: value })
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
            _ => None,
        }
    }

    /// The type of addresses of a family.
    pub(super) fn address_part(family: Family) -> TypePart {
        TypePart::of(if family == Family::IPV6 { DataType::IPV6_ADDR } else { DataType::IPV4_ADDR })
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
