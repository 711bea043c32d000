//! Sets and maps.

use netwright_netfilter::SetFlags;

use super::element::{Placed, Wanted};
use super::statement::object_kind;
use super::{Eval, Evaluator};
use crate::diagnostic::{Diagnostic, Span};
use crate::ir::{self, Expression, MapTarget, ObjectKind, Selector, Set, SetPolicy, TypePart, TypeSpec};
use crate::syntax::ast::{self, ExpressionKind, SetKind};
use crate::table::{DataType, ExtensionBase, symbol, vocabulary};

impl<'a> Evaluator<'a> {
    /// A named set or map without its elements.
    pub(super) fn set(&mut self, set: &'a ast::Set) -> Eval<Set> {
        let name = self.new_name(set.name)?;
        let Some(key) = &set.key else {
            return self.error(
                set.name.span,
                format!("`{name}` needs the type of its keys: write `type` or `typeof`"),
            );
        };
        let mut made = Set {
            family: self.family,
            table: self.table.clone(),
            name,
            key: self.type_spec(key)?,
            timeout: set.timeout.and_then(|time| time.milliseconds).filter(|&time| time > 0),
            gc_interval: set
                .gc_interval
                .and_then(|time| time.milliseconds)
                .and_then(|ms| u32::try_from(ms).ok()),
            auto_merge: set.auto_merge,
            comment: set.comment.map(|comment| self.text(comment).to_owned()),
            ..Set::default()
        };
        made.size = set.size.map(|size| self.fit(size, "a size")).transpose()?;
        made.flags = self.set_flags(set)?;
        if let Some(policy) = set.policy {
            made.policy = Some(match self.text(policy) {
                "performance" => SetPolicy::Performance,
                "memory" => SetPolicy::Memory,
                word => return self.unknown(policy.span, word, "policy of sets", &["performance", "memory"]),
            });
        }
        made.statements = set.statements.iter().map(|one| self.statement_kind(one)).collect::<Eval<_>>()?;
        if let Some(value) = &set.value {
            self.set_value(value, &mut made)?;
        }
        if set.kind == SetKind::Map && made.target.is_none() {
            return self.error(set.name.span, "a map needs the type of what it holds behind a colon");
        }
        if made.auto_merge && made.flags & SetFlags::INTERVAL.bits() == 0 {
            let diagnostic =
                Diagnostic::error(set.name.span, "`auto-merge` joins intervals, and this set has none");
            return self.report(diagnostic.help("Write `flags interval` in it."));
        }
        // Intervals of several parts are never joined.
        made.auto_merge &= made.key.parts.len() == 1;
        self.derive_flags(set, &mut made);
        Ok(made)
    }

    fn set_flags(&mut self, set: &'a ast::Set) -> Eval<u32> {
        let mut flags = 0;
        for name in &set.flags {
            let word = self.text(*name);
            match symbol::value(vocabulary::SET_FLAG, word) {
                Some(flag) => flags |= flag,
                None => {
                    let known: Vec<&str> = vocabulary::SET_FLAG.iter().map(|symbol| symbol.name).collect();
                    return self.unknown(name.span, word, "flag of sets", &known);
                }
            }
        }
        Ok(flags)
    }

    /// Flags that follow from the rest.
    fn derive_flags(&self, set: &ast::Set, made: &mut Set) {
        let mut flags = SetFlags::from_bits_retain(made.flags);
        if made.timeout.is_some() {
            flags |= SetFlags::TIMEOUT;
        }
        if set.kind == SetKind::Meter {
            flags |= SetFlags::EVAL;
        }
        if flags.contains(SetFlags::INTERVAL) && made.key.parts.len() > 1 {
            flags |= SetFlags::CONCAT;
        }
        match made.target {
            Some(MapTarget::Objects(_)) => flags |= SetFlags::OBJECT,
            Some(_) => flags |= SetFlags::MAP,
            None => {}
        }
        made.flags = flags.bits();
    }

    fn set_value(&mut self, value: &'a ast::ValueSpec, made: &mut Set) -> Eval<()> {
        let word = match &value.spec {
            ast::TypeSpec::Names(names) if names.len() == 1 => names.first().map(|name| self.text(*name)),
            ast::TypeSpec::Typeof(expression) => Some(expression.text(self.sources)),
            ast::TypeSpec::Names(_) | ast::TypeSpec::Queue => None,
        };
        made.data_ranges = value.interval;
        made.target = Some(match word {
            Some("verdict") => MapTarget::Verdicts,
            Some(word) if object_word(word).is_some() => {
                MapTarget::Objects(object_word(word).unwrap_or(ObjectKind::COUNTER))
            }
            _ => MapTarget::Values(self.type_spec(&value.spec)?),
        });
        Ok(())
    }

    fn type_spec(&mut self, spec: &'a ast::TypeSpec) -> Eval<TypeSpec> {
        match spec {
            ast::TypeSpec::Names(names) => {
                let parts = names.iter().map(|name| self.type_named(*name)).collect::<Eval<Vec<_>>>()?;
                Ok(TypeSpec { parts, type_of: None })
            }
            ast::TypeSpec::Typeof(expression) => {
                let mut made = self.computed(expression, None)?;
                if is_computed(&made) {
                    return self.error(
                        expression.span,
                        "a type is taken from what is loaded, not from what is computed",
                    );
                }
                name_extensions(&mut made);
                let parts = self.parts(&made);
                if parts.is_empty() || parts.iter().any(|part| part.bits == 0) {
                    return self.error(expression.span, "the type of this cannot be told");
                }
                Ok(TypeSpec { parts, type_of: Some(Box::new(made)) })
            }
            ast::TypeSpec::Queue => Ok(TypeSpec { parts: vec![TypePart::QUEUE], type_of: None }),
        }
    }

    fn type_named(&mut self, name: ast::Name) -> Eval<TypePart> {
        let word = self.text(name);
        match DataType::by_name(word) {
            Some(data_type) => Ok(TypePart::of(data_type)),
            None => {
                let known: Vec<&str> = DataType::ALL
                    .iter()
                    .filter(|one| one.descriptor().declarable)
                    .map(|one| one.name())
                    .collect();
                self.unknown(name.span, word, "type", &known)
            }
        }
    }

    /// The elements of a named set, checked against each other.
    pub(super) fn named_elements(&mut self, set: &Set, elements: &'a ast::Expression) -> Eval<Vec<Placed>> {
        let elements = self.resolve(elements)?;
        let ExpressionKind::Set(list) = &elements.kind else {
            return self.error(elements.span, "elements are written between braces: `{ … }`");
        };
        let want = match &set.target {
            None => Wanted::Nothing,
            Some(MapTarget::Verdicts) => Wanted::Verdict,
            Some(MapTarget::Objects(kind)) => Wanted::Object(*kind),
            Some(MapTarget::Values(spec)) => Wanted::Values(spec.parts.clone()),
        };
        let mut placed = self.elements(list, &set.key.parts, &want)?;
        for (element, span) in &mut placed {
            self.order_statements(set, element, *span)?;
        }
        if !set.data_ranges {
            let range =
                placed.iter().find(|(element, _)| element.data.as_ref().is_some_and(Expression::is_interval));
            if let Some((_, span)) = range {
                let message = format!("`{}` leads to single values", set.name);
                let diagnostic = Diagnostic::error(*span, message);
                return self.report(diagnostic.help("Write `interval` before the type of its values."));
            }
        }
        let interval = set.flags & SetFlags::INTERVAL.bits() != 0;
        if !interval {
            let range =
                placed.iter().find(|(element, _)| element.key.as_ref().is_some_and(Expression::is_interval));
            if let Some((_, span)) = range {
                let message = format!("`{}` holds single values: write `flags interval` in it", set.name);
                return self.error(*span, message);
            }
        } else if !set.auto_merge {
            self.check_overlaps(&set.key.parts, &placed)?;
        }
        if set.target.is_some() {
            self.check_duplicates(&placed)?;
        }
        Ok(placed)
    }

    /// An element has the statements of its set, or none. The kernel wants them in the order of the set's.
    fn order_statements(&mut self, set: &Set, element: &mut ir::Element, span: Span) -> Eval<()> {
        let own = &mut element.statements;
        // What packets fill has whatever statements they bring.
        let free = set.statements.is_empty() && set.flags & SetFlags::EVAL.bits() != 0;
        if free || own.is_empty() {
            return Ok(());
        }
        let kind = std::mem::discriminant::<ir::Statement>;
        let place = |one: &ir::Statement| set.statements.iter().position(|known| kind(known) == kind(one));
        own.sort_by_key(place);
        if own.iter().map(kind).eq(set.statements.iter().map(kind)) {
            return Ok(());
        }
        let name = &set.name;
        let message = match set.statements.is_empty() {
            true => format!("`{name}` does not say that its elements have statements"),
            false => format!("an element has the statements of its set `{name}`, or none"),
        };
        self.error(span, message)
    }
}

/// The kind of object that a word of a map's type names.
fn object_word(word: &str) -> Option<ObjectKind> {
    Some(object_kind(match word {
        "counter" => ast::ObjectKind::Counter,
        "quota" => ast::ObjectKind::Quota,
        "limit" => ast::ObjectKind::Limit,
        "synproxy" => ast::ObjectKind::Synproxy,
        "secmark" => ast::ObjectKind::Secmark,
        "tunnel" => ast::ObjectKind::Tunnel,
        "ct helper" => ast::ObjectKind::CtHelper,
        "ct timeout" => ast::ObjectKind::CtTimeout,
        "ct expectation" => ast::ObjectKind::CtExpectation,
        _ => return None,
    }))
}

/// Whether something, or a part of it, is more than loaded.
fn is_computed(expression: &Expression) -> bool {
    match expression {
        Expression::Binary(..) | Expression::Map(..) => true,
        Expression::Concatenation(parts) => parts.iter().any(is_computed),
        Expression::Value(_)
        | Expression::Range(..)
        | Expression::Prefix(..)
        | Expression::Wildcard(_)
        | Expression::Verdict(_)
        | Expression::ObjectName(_)
        | Expression::Flags(_)
        | Expression::Selector(_)
        | Expression::Set(_)
        | Expression::Exists(_) => false,
    }
}

/// An extension header by itself has the type of its first field, not that of being there.
fn name_extensions(of: &mut Expression) {
    match of {
        Expression::Concatenation(parts) => parts.iter_mut().for_each(name_extensions),
        Expression::Selector(Selector::Exthdr(exthdr)) if exthdr.base == ExtensionBase::IPV6 => {
            let first = exthdr.header.and_then(|header| header.fields.first());
            exthdr.field = exthdr.field.or(first);
        }
        Expression::Value(_)
        | Expression::Range(..)
        | Expression::Prefix(..)
        | Expression::Wildcard(_)
        | Expression::Verdict(_)
        | Expression::ObjectName(_)
        | Expression::Flags(_)
        | Expression::Selector(_)
        | Expression::Binary(..)
        | Expression::Set(_)
        | Expression::Map(..)
        | Expression::Exists(_) => {}
    }
}
