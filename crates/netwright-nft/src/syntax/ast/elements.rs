//! The elements of sets, of which there may be very many.

use std::fmt;
use std::ops::Deref;
use std::sync::OnceLock;

use super::{Element, Expression, ExpressionKind, ExpressionList, LiteralKind, Number, Prefix, Range};
use crate::diagnostic::{SourceId, Span};

/// Elements in the order written.
///
/// As long as they are nothing but literals, all with as many parts, each takes eight bytes for a literal. They are seen as a slice: the
/// elements themselves are made when that is first looked at.
#[derive(Clone, Default)]
pub struct Elements {
    plain: Plain,
    list: OnceLock<Vec<Element>>,
}

/// From so many elements on they are packed.
const SHORT: usize = 2;

/// A constant as it was written, without what it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// One value.
    Literal(Literal),
    /// A value, and how many of its leading bits count.
    Prefix(Literal, u64),
    /// From one value to another.
    Range(Literal, Literal),
}

/// One value as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Literal {
    /// Where it stands.
    pub span: Span,
    /// What it looks like.
    pub kind: LiteralKind,
}

/// The literals of elements, one behind the other.
#[derive(Clone, Default)]
struct Plain {
    source: SourceId,
    /// How many parts a key has, and a value; those of a set have no value.
    shape: (u16, u16),
    literals: Vec<Packed>,
    /// How many elements there are.
    count: u32,
}

/// A literal, and how the next one belongs to it.
#[derive(Clone, Copy)]
struct Packed {
    start: u32,
    length: u16,
    kind: LiteralKind,
    /// [`ALONE`], [`RANGE`] where the next literal is the end of a range, or the length of the prefix that it is.
    join: u8,
}

const ALONE: u8 = u8::MAX;
const RANGE: u8 = ALONE - 1;

impl Packed {
    fn new(literal: &Expression, join: u8) -> Option<Packed> {
        let ExpressionKind::Literal(kind) = literal.kind else { return None };
        let Span { start, end, .. } = literal.span;
        let length = u16::try_from(end.checked_sub(start)?).ok()?;
        Some(Packed { start, length, kind, join })
    }

    fn literal(self, source: SourceId) -> Literal {
        let span = Span { source, start: self.start, end: self.start + u32::from(self.length) };
        Literal { span, kind: self.kind }
    }
}

impl Literal {
    fn expression(self) -> Expression {
        Expression { span: self.span, kind: ExpressionKind::Literal(self.kind) }
    }
}

impl Written {
    /// A constant that is made of literals.
    #[must_use]
    pub fn of(expression: &Expression) -> Option<Written> {
        let literal = |one: &Expression| match one.kind {
            ExpressionKind::Literal(kind) => Some(Literal { span: one.span, kind }),
            _ => None,
        };
        match &expression.kind {
            ExpressionKind::Prefix(prefix) => {
                Some(Written::Prefix(literal(&prefix.value)?, prefix.length.value))
            }
            ExpressionKind::Range(range) => Some(Written::Range(literal(&range.from)?, literal(&range.to)?)),
            _ => literal(expression).map(Written::Literal),
        }
    }
}

/// How many parts a key has, and a value: none where there is none.
fn shape(keys: usize, values: usize) -> Option<(u16, u16)> {
    Some((u16::try_from(keys).ok()?, u16::try_from(values).ok()?))
}

fn shape_of(element: &Element) -> Option<(u16, u16)> {
    let values = element.value.as_ref().map_or(0, |value| value.parts().len());
    shape(element.key.parts().len(), values)
}

/// The parts of the key and of the value.
fn parts(element: &Element) -> impl Iterator<Item = &Expression> {
    element.key.parts().iter().chain(element.value.iter().flat_map(|value| value.parts()))
}

/// Where the length of a prefix stands: right behind the value and its `/`, in as many digits as it takes.
fn length_span(value: Span, length: u8) -> Span {
    let start = value.end + 1;
    Span { start, end: start + 1 + u32::from(length >= 10) + u32::from(length >= 100), ..value }
}

impl Plain {
    /// Takes an element in, where it is like those before and can be made again as it is.
    fn push(&mut self, element: &Element) -> bool {
        if element.options.is_some() {
            return false;
        }
        let Some(shape) = shape_of(element) else { return false };
        if self.count == 0 {
            self.source = element.key.span.source;
            self.shape = shape;
        }
        let mark = self.literals.len();
        let value = element.value.as_deref();
        let plain = self.shape == shape
            && self.count < u32::MAX
            && self.push_constant(&element.key)
            && value.is_none_or(|value| self.push_constant(value));
        match plain {
            true => self.count += 1,
            false => self.literals.truncate(mark),
        }
        plain
    }

    fn push_constant(&mut self, constant: &Expression) -> bool {
        let parts = constant.parts();
        let whole = parts.first().zip(parts.last()).map(|(first, last)| first.span.to(last.span));
        whole == Some(constant.span) && parts.iter().all(|part| self.push_part(part).is_some())
    }

    fn push_part(&mut self, part: &Expression) -> Option<()> {
        if part.span.source != self.source {
            return None;
        }
        match &part.kind {
            ExpressionKind::Prefix(prefix) => {
                let length = u8::try_from(prefix.length.value).ok().filter(|&length| length < RANGE)?;
                let as_written = prefix.length.span == length_span(prefix.value.span, length)
                    && part.span == prefix.value.span.to(prefix.length.span);
                self.literals.push(Packed::new(&prefix.value, length).filter(|_| as_written)?);
            }
            ExpressionKind::Range(range) => {
                let as_written = part.span == range.from.span.to(range.to.span);
                let from = Packed::new(&range.from, RANGE).filter(|_| as_written)?;
                let to = Packed::new(&range.to, ALONE)?;
                self.literals.extend([from, to]);
            }
            _ => self.literals.push(Packed::new(part, ALONE)?),
        }
        Some(())
    }

    /// The parts of all elements, those of a key before those of its value.
    fn parts(&self) -> impl Iterator<Item = Written> {
        let mut literals = self.literals.iter();
        std::iter::from_fn(move || {
            let first = literals.next()?;
            let literal = first.literal(self.source);
            Some(match first.join {
                ALONE => Written::Literal(literal),
                RANGE => Written::Range(literal, literals.next()?.literal(self.source)),
                length => Written::Prefix(literal, length.into()),
            })
        })
    }

    fn elements(&self) -> Vec<Element> {
        let (keys, values) = (usize::from(self.shape.0), usize::from(self.shape.1));
        let mut parts = self.parts();
        let mut constant = |count: usize| -> Option<Expression> {
            let first = expression(parts.next()?);
            if count == 1 {
                return Some(first);
            }
            let mut items = Vec::with_capacity(count);
            items.push(first);
            items.extend(parts.by_ref().take(count - 1).map(expression));
            let span = items.first()?.span.to(items.last()?.span);
            Some(Expression { span, kind: ExpressionKind::Concat(Box::new(ExpressionList { items })) })
        };
        let element = |_| {
            let key = constant(keys)?;
            let value = if values > 0 { Some(Box::new(constant(values)?)) } else { None };
            Some(Element { key, options: None, value })
        };
        (0..self.count).map_while(element).collect()
    }
}

fn expression(written: Written) -> Expression {
    match written {
        Written::Literal(literal) => literal.expression(),
        Written::Prefix(literal, length) => {
            let number = length_span(literal.span, u8::try_from(length).unwrap_or(u8::MAX));
            let kind = ExpressionKind::Prefix(Box::new(Prefix {
                value: literal.expression(),
                length: Number { span: number, value: length },
            }));
            Expression { span: literal.span.to(number), kind }
        }
        Written::Range(from, to) => {
            let range = Range { from: from.expression(), to: to.expression() };
            Expression { span: from.span.to(to.span), kind: ExpressionKind::Range(Box::new(range)) }
        }
    }
}

impl Elements {
    /// Appends an element.
    pub fn push(&mut self, element: Element) {
        if self.plain.count > 0 && self.plain.push(&element) {
            self.list.take();
            return;
        }
        let mut list = self.list.take().unwrap_or_else(|| std::mem::take(&mut self.plain).elements());
        list.push(element);
        if list.len() != SHORT || !list.iter().all(|element| self.plain.push(element)) {
            self.plain = Plain::default();
            // it was just taken
            let _ = self.list.set(list);
        }
    }

    fn plain(&self) -> Option<&Plain> {
        (self.plain.count > 0).then_some(&self.plain)
    }

    /// The parts of all elements, those of a key before those of its value, where each has so many of both and nothing beside; `None`
    /// in the place of one that is no constant.
    #[must_use]
    pub fn constants(
        &self,
        keys: usize,
        values: usize,
    ) -> Option<Box<dyn Iterator<Item = Option<Written>> + '_>> {
        if let Some(plain) = self.plain() {
            let same = shape(keys, values) == Some(plain.shape);
            return same.then(|| Box::new(plain.parts().map(Some)) as Box<_>);
        }
        let wanted = shape(keys, values)?;
        let has = |element: &Element| element.options.is_none() && shape_of(element) == Some(wanted);
        self.iter().all(has).then(|| Box::new(self.iter().flat_map(parts).map(Written::of)) as Box<_>)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.plain().map_or_else(|| self.list.get().map_or(0, Vec::len), |plain| plain.count as usize)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether one has a value.
    #[must_use]
    pub fn have_values(&self) -> bool {
        match self.plain() {
            Some(plain) => plain.shape.1 > 0,
            None => self.iter().any(|element| element.value.is_some()),
        }
    }
}

impl Deref for Elements {
    type Target = [Element];

    fn deref(&self) -> &[Element] {
        self.list.get_or_init(|| self.plain.elements())
    }
}

impl<'a> IntoIterator for &'a Elements {
    type Item = &'a Element;
    type IntoIter = std::slice::Iter<'a, Element>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl FromIterator<Element> for Elements {
    fn from_iter<I: IntoIterator<Item = Element>>(elements: I) -> Self {
        let mut all = Elements::default();
        elements.into_iter().for_each(|element| all.push(element));
        all
    }
}

impl fmt::Debug for Elements {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl PartialEq for Elements {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

#[cfg(test)]
mod tests;
