//! Elements of sets and maps.

use super::{Eval, Evaluator};
use crate::diagnostic::{Diagnostic, Span};
use crate::ir::{self, Element, Expression, ObjectKind, TypePart};
use crate::lower::set::ends;
use crate::syntax::ast::{self, ExpressionKind, LiteralKind};
use crate::table::DataType;

/// What elements map to.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Wanted {
    /// Nothing: a set, or a map whose type nothing tells.
    Nothing,
    /// Values of these types side by side.
    Values(Vec<TypePart>),
    /// An address with or without a port, as each value says: the target of a translation.
    Target(TypePart),
    /// Verdicts.
    Verdict,
    /// Names of objects.
    Object(ObjectKind),
}

impl From<Option<&TypePart>> for Wanted {
    fn from(part: Option<&TypePart>) -> Self {
        part.map_or(Wanted::Nothing, |part| Wanted::Values(vec![*part]))
    }
}

/// An element and where it was written.
pub(super) type Placed = (Element, Span);

impl<'a> Evaluator<'a> {
    /// The elements that are written between braces; sets within are part of it.
    pub(super) fn elements(
        &mut self,
        set: &'a ast::SetExpression,
        keys: &[TypePart],
        want: &Wanted,
    ) -> Eval<Vec<Placed>> {
        let mut elements = Vec::with_capacity(set.elements.len());
        let before = self.diagnostics.len();
        let loose = self.loose;
        for (index, element) in set.elements.iter().enumerate() {
            // As nft: the last element tells the type of all, where they have several parts.
            self.loose = loose && (keys.len() == 1 || index + 1 < set.elements.len());
            // Every element that is wrong is told.
            let _ = self.add_element(element, keys, want, &mut elements);
        }
        self.loose = loose;
        if self.diagnostics.len() > before { Err(super::Reported) } else { Ok(elements) }
    }

    fn add_element(
        &mut self,
        element: &'a ast::Element,
        keys: &[TypePart],
        want: &Wanted,
        elements: &mut Vec<Placed>,
    ) -> Eval<()> {
        let key = self.resolve(&element.key)?;
        if let (ExpressionKind::Set(inner), None, None) = (&key.kind, &element.value, &element.options) {
            if matches!(element.key.kind, ExpressionKind::Variable(_)) {
                self.unfold(2 * inner.elements.len())?; // an element takes more room than an expression
            }
            elements.extend(self.elements(inner, keys, want)?);
            return Ok(());
        }
        let span = element.span();
        if let ExpressionKind::Set(inner) = &key.kind {
            // Each of a variable's elements has what is written behind the variable.
            let mut one = Vec::new();
            self.spread(inner, keys, &mut one)?;
            let shared = self.value_and_options(element, want)?;
            elements.extend(one.into_iter().map(|key| (Element { key: Some(key), ..shared.clone() }, span)));
            return Ok(());
        }
        let mut made = self.value_and_options(element, want)?;
        if !matches!(key.kind, ExpressionKind::Literal(LiteralKind::Any)) {
            made.key = Some(self.key_constant(key, keys)?);
        }
        elements.push((made, span));
        Ok(())
    }

    /// The keys of a set that stands for several in the place of one.
    fn spread(
        &mut self,
        set: &'a ast::SetExpression,
        keys: &[TypePart],
        found: &mut Vec<Expression>,
    ) -> Eval<()> {
        self.unfold(2 * set.elements.len())?;
        for element in &set.elements {
            let key = self.resolve(&element.key)?;
            if let Some(value) = &element.value {
                return self.error(value.span, "these have values of their own already");
            }
            match &key.kind {
                ExpressionKind::Set(inner) => self.spread(inner, keys, found)?,
                _ => found.push(self.key_constant(key, keys)?),
            }
        }
        Ok(())
    }

    /// An element without its key.
    fn value_and_options(&mut self, element: &'a ast::Element, want: &Wanted) -> Eval<Element> {
        let span = element.span();
        let data = match (&element.value, want) {
            (None, Wanted::Nothing) => None,
            (Some(value), want) if *want != Wanted::Nothing => Some(self.data(value, want)?),
            (Some(value), _) => {
                return self.error(value.span, "elements of a set have no value: this is a map's");
            }
            (None, _) => return self.error(span, "elements of a map have a value: write `key : value`"),
        };
        let mut made = Element { data, ..Element::default() };
        if let Some(options) = &element.options {
            self.element_options(options, &mut made)?;
        }
        Ok(made)
    }

    pub(super) fn element_options(
        &mut self,
        options: &'a ast::ElementOptions,
        made: &mut Element,
    ) -> Eval<()> {
        made.timeout = options.timeout.map(|time| time.milliseconds.unwrap_or(0));
        made.expires = options.expires.and_then(|time| time.milliseconds);
        made.comment = options.comment.map(|comment| self.text(comment).to_owned());
        made.statements =
            options.statements.iter().map(|one| self.statement_kind(one)).collect::<Eval<_>>()?;
        Ok(())
    }

    /// A key of these types.
    pub(super) fn key_constant(&mut self, key: &'a ast::Expression, keys: &[TypePart]) -> Eval<Expression> {
        let parts = self.flat_parts(key)?;
        match (keys, parts.as_slice()) {
            ([part], [only]) => self.constant(only, part),
            (keys, parts) if keys.len() == parts.len() => {
                let one = |(one, part): (&&'a ast::Expression, &TypePart)| {
                    if !self.loose {
                        self.check_mark(one, part)?;
                        self.check_string(one, part)?;
                    }
                    let made = self.constant(one, part)?;
                    match &made {
                        Expression::Prefix(..) if part.bits < 8 => self.short_prefix(one.span, &made),
                        _ => Ok(made),
                    }
                };
                let parts: Eval<Vec<_>> = parts.iter().zip(keys).map(one).collect();
                Ok(Expression::Concatenation(parts?))
            }
            (keys, parts) => {
                let message =
                    format!("{} values side by side are needed here, not {}", keys.len(), parts.len());
                self.error(key.span, message)
            }
        }
    }

    /// A prefix of a field within a byte, beside other fields: nft counts from the first bit of the byte there.
    fn short_prefix(&mut self, span: Span, prefix: &Expression) -> Eval<Expression> {
        let message = "a field within a byte has no prefix where it stands beside others";
        let mut diagnostic = Diagnostic::error(span, message);
        let ends = ends(prefix).ok();
        if let Some((from, to)) = ends.and_then(|(from, to)| from.as_number().zip(to.as_number())) {
            diagnostic = diagnostic.help(format!("Write the range: `{from}-{to}`."));
        }
        self.report(diagnostic)
    }

    /// The parts of a concatenation; variables in it may be concatenations themselves.
    fn flat_parts(&mut self, expression: &'a ast::Expression) -> Eval<Vec<&'a ast::Expression>> {
        let expression = self.resolve(expression)?;
        let mut flat = Vec::new();
        for part in expression.parts() {
            let part = self.resolve(part)?;
            match &part.kind {
                ExpressionKind::Concat(_) if !std::ptr::eq(part, expression) => {
                    flat.extend(self.flat_parts(part)?)
                }
                _ => flat.push(part),
            }
        }
        Ok(flat)
    }

    /// What a map holds for a key.
    pub(super) fn data(&mut self, value: &'a ast::Expression, want: &Wanted) -> Eval<Expression> {
        let value = self.resolve(value)?;
        match want {
            Wanted::Nothing => self.error(value.span, "what this map holds has no type here"),
            Wanted::Verdict => match &value.kind {
                ExpressionKind::Verdict(verdict) => {
                    self.verdict(value.span, verdict).map(Expression::Verdict)
                }
                ExpressionKind::Literal(_) => {
                    self.verdict_word(value.span, value.text(self.sources)).map(Expression::Verdict)
                }
                _ => self.error(value.span, "a verdict is needed here"),
            },
            Wanted::Object(kind) => {
                let name = value.text(self.sources);
                self.check_known(value.span, ir::Entity::Object(*kind), name)?;
                Ok(Expression::ObjectName(name.to_owned()))
            }
            Wanted::Values(parts) => self.key_constant(value, parts),
            Wanted::Target(address) => {
                let port = TypePart::of(DataType::INET_SERVICE);
                match value.parts() {
                    [_] => self.key_constant(value, &[*address]),
                    _ => self.key_constant(value, &[*address, port]),
                }
            }
        }
    }

    fn verdict_word(&mut self, span: Span, word: &str) -> Eval<ir::Verdict> {
        Ok(match word {
            "accept" => ir::Verdict::Accept,
            "drop" => ir::Verdict::Drop,
            "continue" => ir::Verdict::Continue,
            "return" => ir::Verdict::Return,
            _ => return self.unknown(span, word, "verdict", &["accept", "drop", "continue", "return"]),
        })
    }
}
