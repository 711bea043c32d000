//! What rules have in common.

use std::collections::{BTreeMap, HashSet};

use super::{has_several, is_steady};
use crate::ir::{
    ChainTarget, Element, Expression, Match, MatchOperator, Rule, Selector, SetReference, Statement, Verdict,
};
use crate::lower::set::ends;
use crate::table::DataType;

/// Most values that can stand side by side in a key.
const MOST_PARTS: usize = 16;
/// Most bytes of a key, each part rounded up to four.
const MOST_BYTES: usize = 64;
/// With how many others a key of several parts is compared that is an interval.
const MOST_INTERVALS: usize = 1024;
/// Bytes of an interface's name.
const WILDCARD: usize = 16;

/// A rule that compares with constants and then does something.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    /// What is compared.
    pub(super) left: Vec<Expression>,
    /// With what: one of these rows fits, value for value.
    pub(super) rows: Vec<Vec<Expression>>,
    /// The elements, where it is a verdict map.
    pub(super) map: Option<Vec<Element>>,
    /// What is done then.
    pub(super) rest: Vec<Statement>,
}

impl Shape {
    /// The shape of a rule; `None` where it cannot be merged. `set` is what a jump may change.
    pub(super) fn of(rule: &Rule, set: &[Selector]) -> Option<Shape> {
        let matches = rule.statements.iter().take_while(|one| matches!(one, Statement::Match(_))).count();
        let (matches, rest) = rule.statements.split_at(matches);
        let shape = match (matches, rest) {
            ([], [Statement::VerdictMap(key, SetReference::Anonymous(elements))]) => {
                Shape::of_map(key, elements)?
            }
            ([], _) => return None,
            _ => Shape::of_matches(matches, rest)?,
        };
        let jumps = |verdict: &Verdict| matches!(verdict, Verdict::Jump(_));
        let verdicts = shape
            .rest
            .iter()
            .filter_map(|one| if let Statement::Verdict(verdict) = one { Some(verdict) } else { None });
        let data = shape.map.iter().flatten().filter_map(|element| match &element.data {
            Some(Expression::Verdict(verdict)) => Some(verdict),
            _ => None,
        });
        let changes = verdicts.chain(data).any(jumps)
            && shape.left.iter().any(|left| selectors(left).iter().any(|one| set.contains(one)));
        (!changes).then_some(shape)
    }

    fn of_map(key: &Expression, elements: &[Element]) -> Option<Shape> {
        let Expression::Selector(selector) = key else { return None };
        let steady = is_steady(selector) && !has_several(selector.part().data_type);
        let rows =
            elements.iter().map(|element| constant(element.key.as_ref()?)).collect::<Option<Vec<_>>>()?;
        let rows = rows.into_iter().map(|row| vec![row]).collect();
        steady.then(|| Shape {
            left: vec![key.clone()],
            rows,
            map: Some(elements.to_vec()),
            rest: Vec::new(),
        })
    }

    fn of_matches(matches: &[Statement], rest: &[Statement]) -> Option<Shape> {
        if !rest.iter().all(is_repeatable) {
            return None;
        }
        let mut shape = Shape { left: Vec::new(), rows: vec![Vec::new()], map: None, rest: rest.to_vec() };
        for statement in matches {
            let Statement::Match(matched) = statement else { return None };
            let (left, values) = values(matched)?;
            if shape.left.contains(left) {
                return None;
            }
            shape.left.push(left.clone());
            let with = |row: &Vec<Expression>| {
                let row = row.clone();
                values.iter().map(move |value| row.iter().chain([value]).cloned().collect())
            };
            shape.rows = shape.rows.iter().flat_map(with).collect();
        }
        (shape.fits_alone() || shape.fits_side_by_side()).then_some(shape)
    }

    /// Names that begin so, one next to the other, would become one range that is listed as bytes.
    fn fits_alone(&self) -> bool {
        self.left.len() == 1 && !self.rows.iter().flatten().any(|one| matches!(one, Expression::Wildcard(_)))
    }

    fn fits_side_by_side(&self) -> bool {
        let sizes = self.left.iter().map(|left| match left {
            Expression::Selector(selector) => Some(selector.part().bytes().next_multiple_of(4)),
            Expression::Value(_)
            | Expression::Range(..)
            | Expression::Prefix(..)
            | Expression::Wildcard(_)
            | Expression::Verdict(_)
            | Expression::ObjectName(_)
            | Expression::Flags(_)
            | Expression::Concatenation(_)
            | Expression::Binary(..)
            | Expression::Set(_)
            | Expression::Map(..)
            | Expression::Exists(_) => None,
        });
        let bytes: Option<usize> = sizes.sum();
        (2..=MOST_PARTS).contains(&self.left.len()) && bytes.is_some_and(|bytes| bytes <= MOST_BYTES)
    }

    /// The same with its comparisons in the order of another; `None` where it compares something else.
    pub(super) fn in_order_of(&self, other: &Shape) -> Option<Shape> {
        if self.left.len() != other.left.len() {
            return None;
        }
        let place = |left: &Expression| self.left.iter().position(|one| one == left);
        let places = other.left.iter().map(place).collect::<Option<Vec<usize>>>()?;
        let row =
            |row: &Vec<Expression>| places.iter().filter_map(|&place| row.get(place).cloned()).collect();
        let rows = self.rows.iter().map(row).collect();
        Some(Shape { left: other.left.clone(), rows, ..self.clone() })
    }
}

/// What can happen once for all just as well as for each.
fn is_repeatable(statement: &Statement) -> bool {
    match statement {
        Statement::Counter(_)
        | Statement::Log(_)
        | Statement::Reject(_)
        | Statement::Notrack
        | Statement::Nat(_) => true,
        Statement::Verdict(verdict) => !matches!(
            verdict,
            Verdict::Jump(ChainTarget::Anonymous(_)) | Verdict::Goto(ChainTarget::Anonymous(_))
        ),
        Statement::Match(_)
        | Statement::VerdictMap(..)
        | Statement::Quota(_)
        | Statement::Limit(_)
        | Statement::ConnectionLimit { .. }
        | Statement::Last(_)
        | Statement::Object(..)
        | Statement::Tproxy(_)
        | Statement::Synproxy(_)
        | Statement::Duplicate(_)
        | Statement::Forward(_)
        | Statement::Queue(_)
        | Statement::FlowAdd(_)
        | Statement::Assign(..)
        | Statement::ResetTcpOption(_)
        | Statement::SetUpdate(_)
        | Statement::Extension(_)
        | Statement::Raw(_) => false,
    }
}

fn selectors(left: &Expression) -> Vec<&Selector> {
    match left {
        Expression::Selector(selector) => vec![selector],
        Expression::Binary(_, left, _) => selectors(left),
        Expression::Value(_)
        | Expression::Range(..)
        | Expression::Prefix(..)
        | Expression::Wildcard(_)
        | Expression::Verdict(_)
        | Expression::ObjectName(_)
        | Expression::Flags(_)
        | Expression::Concatenation(_)
        | Expression::Set(_)
        | Expression::Map(..)
        | Expression::Exists(_) => Vec::new(),
    }
}

/// What a match compares, and the values that fit.
fn values(matched: &Match) -> Option<(&Expression, Vec<Expression>)> {
    if !matches!(matched.operator, MatchOperator::Implicit | MatchOperator::Equal) {
        return None;
    }
    let loaded = selectors(&matched.left);
    let [selector] = loaded.as_slice() else { return None };
    let data_type = selector.part().data_type;
    let in_set = matches!(matched.right, Expression::Set(_)) || matched.operator == MatchOperator::Equal;
    if !is_steady(selector) || has_several(data_type) && !in_set {
        return None;
    }
    let values = match &matched.right {
        Expression::Set(SetReference::Anonymous(elements)) => {
            let key = |element: &Element| {
                let key = element.key.clone()?;
                let plain = Element { key: Some(key.clone()), ..Element::default() };
                constant(&key).filter(|_| *element == plain)
            };
            elements.iter().map(key).collect::<Option<Vec<_>>>()?
        }
        Expression::Flags(flags) if data_type == DataType::CT_STATE && !in_set => {
            flags.iter().cloned().map(Expression::Value).collect()
        }
        one => vec![constant(one)?],
    };
    Some((&matched.left, values))
}

fn constant(expression: &Expression) -> Option<Expression> {
    let fits = matches!(
        expression,
        Expression::Value(_) | Expression::Range(..) | Expression::Prefix(..) | Expression::Wildcard(_)
    );
    fits.then(|| expression.clone())
}

/// The keys of the rules so far, no two of which a packet can have.
#[derive(Debug, Default)]
pub(super) struct Keys {
    /// Of keys of one part, the last value by the first.
    alone: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Of keys of several parts, the single values.
    single: HashSet<Vec<Ends>>,
    /// Of keys of several parts, those that are no single values.
    intervals: Vec<Vec<Ends>>,
}

/// First and last value, by their bytes.
type Ends = (Vec<u8>, Vec<u8>);

impl Keys {
    pub(super) fn of(shape: &Shape) -> Keys {
        let mut keys = Keys::default();
        keys.add(shape);
        keys
    }

    /// Adds the keys of a rule, unless one of them and one of the earlier have a packet in common.
    pub(super) fn add(&mut self, shape: &Shape) -> bool {
        let ends = |row: &Vec<Expression>| row.iter().map(ends_of).collect::<Option<Vec<Ends>>>();
        let Some(rows) = shape.rows.iter().map(ends).collect::<Option<Vec<_>>>() else { return false };
        let apart = rows.iter().all(|row| self.is_apart(row));
        if apart {
            rows.into_iter().for_each(|row| self.insert(row));
        }
        apart
    }

    fn is_apart(&self, row: &[Ends]) -> bool {
        if let [(first, last)] = row {
            let before = self.alone.range(..=last.clone()).next_back();
            return before.is_none_or(|(_, end)| end < first);
        }
        let few = self.intervals.len() < MOST_INTERVALS;
        let known = match is_single(row) {
            true => self.single.contains(row),
            false => self.single.len() > MOST_INTERVALS || self.single.iter().any(|one| !are_apart(row, one)),
        };
        few && !known && self.intervals.iter().all(|one| are_apart(row, one))
    }

    fn insert(&mut self, mut row: Vec<Ends>) {
        match row.len() {
            1 => self.alone.extend(row.pop()),
            _ if is_single(&row) => {
                self.single.insert(row);
            }
            _ => self.intervals.push(row),
        }
    }
}

fn is_single(row: &[Ends]) -> bool {
    row.iter().all(|(first, last)| first == last)
}

/// Whether no packet fits both rows.
fn are_apart(one: &[Ends], other: &[Ends]) -> bool {
    one.iter()
        .zip(other)
        .any(|((first, last), (other_first, other_last))| last < other_first || other_last < first)
}

/// What begins with the same bytes lies before the last of them that can be.
fn ends_of(key: &Expression) -> Option<Ends> {
    let (first, last) = ends(key).ok()?;
    let mut last = last.bytes.to_vec();
    if matches!(key, Expression::Wildcard(_)) {
        last.resize(last.len().max(WILDCARD), 0xff);
    }
    Some((first.bytes.to_vec(), last))
}
