//! Expressions: constants, sets, maps and operators.

use super::super::reader::{Located, Value};
use super::{Input, Members, Read};
use crate::diagnostic::Span;
use crate::syntax::ast::{
    Binary, BinaryOperator, ChainTarget, Element, ElementOptions, Elements, Expression, ExpressionKind,
    ExpressionList, LiteralKind, Map, Prefix, Range, SetExpression, Statement, Verdict,
};

/// How many operands one operator may have: they make a tree as deep as they are many.
const MAX_OPERANDS: usize = 64;

/// The members of an element beside its statements.
const ELEMENT: &[&str] =
    &["val", "timeout", "expires", "comment", "stmt", "counter", "limit", "quota", "last", "ct count"];

impl Input {
    pub(super) fn expression(&mut self, node: &Located) -> Read<Expression> {
        let span = node.span;
        match &node.value {
            Value::String(text) => Ok(self.word(node, text)),
            // Below zero is the upper half of 64 bits.
            Value::Integer(below) if *below < 0 => {
                let Ok(number) = i64::try_from(*below) else {
                    return self.error(span, format!("{below} does not fit into 64 bits"));
                };
                let span = self.made(&number.cast_unsigned().to_string(), span);
                Ok(Expression { span, kind: ExpressionKind::Literal(LiteralKind::Number) })
            }
            Value::Integer(_) => Ok(Expression { span, kind: ExpressionKind::Literal(LiteralKind::Number) }),
            Value::Boolean(there) => {
                let span = self.made(if *there { "exists" } else { "missing" }, span);
                Ok(Expression { span, kind: ExpressionKind::Literal(LiteralKind::Word) })
            }
            Value::Array(items) => self.list(span, items),
            Value::Object(_) => {
                let entry = self.single(node, "an expression")?;
                let kind = self.expression_kind(&entry.key, entry.key_span, &entry.node)?;
                Ok(Expression { span, kind })
            }
            Value::Null | Value::Float => self.wrong_type(node, "an expression"),
        }
    }

    /// A member that is an expression.
    pub(super) fn member(&mut self, members: &Members<'_>, name: &str) -> Read<Option<Expression>> {
        members.get(name).map(|node| self.expression(node)).transpose()
    }

    pub(super) fn need_member(&mut self, members: &Members<'_>, name: &str) -> Read<Expression> {
        let node = members.need(self, name)?;
        self.expression(node)
    }

    /// A string: a reference to a set, or a constant.
    fn word(&mut self, node: &Located, text: &str) -> Expression {
        if text.len() > 1 && text.starts_with('@') {
            let span = self.part(node, 1..text.len());
            return Expression {
                span,
                kind: ExpressionKind::SetReference(crate::syntax::ast::Name { span }),
            };
        }
        let kind = match text {
            "*" => LiteralKind::Any,
            text if text.ends_with('*') => LiteralKind::Wildcard,
            text if text.contains(':') => LiteralKind::Colons,
            _ => LiteralKind::Word,
        };
        Expression { span: self.span(node), kind: ExpressionKind::Literal(kind) }
    }

    /// Bits that are or-ed.
    fn list(&mut self, span: Span, items: &[Located]) -> Read<Expression> {
        let items = self.expressions(items)?;
        if items.is_empty() {
            return self.error(span, "a list without items means nothing");
        }
        Ok(Expression { span, kind: ExpressionKind::List(Box::new(ExpressionList { items })) })
    }

    fn expressions(&mut self, items: &[Located]) -> Read<Vec<Expression>> {
        items.iter().map(|item| self.expression(item)).collect()
    }

    fn expression_kind(&mut self, word: &str, word_span: Span, node: &Located) -> Read<ExpressionKind> {
        if let Some(operator) = operator(word) {
            return self.operation(operator, word_span, node);
        }
        match word {
            "concat" => {
                let items = self.array(node, "expressions")?;
                let items = self.expressions(items)?;
                match items.len() {
                    0 | 1 => self.error(node.span, "a concatenation has at least two parts"),
                    _ => Ok(ExpressionKind::Concat(Box::new(ExpressionList { items }))),
                }
            }
            "set" => self.set(node).map(|set| set.kind),
            "map" => {
                let members = self.object(node, "a map", &["key", "data"])?;
                let (key, map) = (self.need_member(&members, "key")?, self.need_member(&members, "data")?);
                Ok(ExpressionKind::Map(Box::new(Map { key, map })))
            }
            "range" => {
                let [from, to] = self.pair(node, "ends of a range")?;
                let (from, to) = (self.expression(from)?, self.expression(to)?);
                Ok(ExpressionKind::Range(Box::new(Range { from, to })))
            }
            "prefix" => {
                let members = self.object(node, "a prefix", &["addr", "len"])?;
                let value = self.need_member(&members, "addr")?;
                let length = members.need_number(self, "len")?;
                Ok(ExpressionKind::Prefix(Box::new(Prefix { value, length })))
            }
            _ => match self.verdict(word, node)? {
                Some(verdict) => Ok(ExpressionKind::Verdict(Box::new(verdict))),
                None => self.selector(word, word_span, node),
            },
        }
    }

    /// An operator and two operands or more, from left to right.
    fn operation(
        &mut self,
        operator: BinaryOperator,
        operator_span: Span,
        node: &Located,
    ) -> Read<ExpressionKind> {
        let items = self.array(node, "operands")?;
        if items.len() < 2 || items.len() > MAX_OPERANDS {
            return self.error(node.span, format!("an operator has between 2 and {MAX_OPERANDS} operands"));
        }
        let mut all = None;
        for item in items {
            let right = self.expression(item)?;
            all = Some(match all {
                None => right,
                Some(left) => {
                    let kind =
                        ExpressionKind::Binary(Box::new(Binary { operator, operator_span, left, right }));
                    Expression { span: node.span, kind }
                }
            });
        }
        all.map(|all| all.kind).ok_or(super::Reported)
    }

    /// A verdict, if the word is one.
    pub(super) fn verdict(&mut self, word: &str, node: &Located) -> Read<Option<Verdict>> {
        let verdict = match word {
            "accept" => Verdict::Accept,
            "drop" => Verdict::Drop,
            "continue" => Verdict::Continue,
            "return" => Verdict::Return,
            "jump" => return self.chain_target(node).map(Verdict::Jump).map(Some),
            "goto" => return self.chain_target(node).map(Verdict::Goto).map(Some),
            _ => return Ok(None),
        };
        match node.value {
            Value::Null => Ok(Some(verdict)),
            _ => self.wrong_type(node, &format!("null for `{word}`")),
        }
    }

    fn chain_target(&mut self, node: &Located) -> Read<ChainTarget> {
        let members = self.object(node, "a jump", &["target"])?;
        let name = members.need_name(self, "target")?;
        let kind = ExpressionKind::Literal(LiteralKind::String);
        Ok(ChainTarget::Named(Expression { span: name.span, kind }))
    }

    /// The elements of a set or map: one, or an array of them.
    pub(super) fn set(&mut self, node: &Located) -> Read<Expression> {
        let items = self.some(node);
        let elements = items.iter().map(|item| self.element(item)).collect::<Read<Elements>>()?;
        Ok(Expression { span: node.span, kind: ExpressionKind::Set(Box::new(SetExpression { elements })) })
    }

    /// A key, or a key and what it maps to.
    fn element(&mut self, node: &Located) -> Read<Element> {
        match &node.value {
            Value::Array(items) => match items.as_slice() {
                [key, value] => {
                    let element = self.key(key)?;
                    Ok(Element { value: Some(Box::new(self.expression(value)?)), ..element })
                }
                items => {
                    let count = items.len();
                    self.error(
                        node.span,
                        format!("an element of a map is a key and a value, not {count} things"),
                    )
                }
            },
            _ => self.key(node),
        }
    }

    /// A key, with what the element carries beside it.
    pub(super) fn key(&mut self, node: &Located) -> Read<Element> {
        let detailed = match &node.value {
            Value::Object(entries) => {
                entries.first().filter(|entry| entry.key == "elem" && entries.len() == 1)
            }
            _ => None,
        };
        let Some(entry) = detailed else {
            return Ok(Element { key: self.expression(node)?, options: None, value: None });
        };
        let members = self.object(&entry.node, "an element", ELEMENT)?;
        let key = self.need_member(&members, "val")?;
        let options = ElementOptions {
            timeout: members.seconds(self, "timeout")?,
            expires: members.seconds(self, "expires")?,
            comment: members.name(self, "comment")?,
            statements: self.element_statements(&members)?,
        };
        Ok(Element { key, options: Some(Box::new(options)), value: None })
    }

    /// The statements of an element: a list, or each as a member.
    fn element_statements(&mut self, members: &Members<'_>) -> Read<Vec<Statement>> {
        let mut statements = Vec::new();
        for entry in members.entries {
            match entry.key.as_str() {
                "stmt" => statements.extend(self.statements(&entry.node)?),
                "counter" | "limit" | "quota" | "last" | "ct count" => {
                    let kind = self.statement_kind(&entry.key, entry.key_span, &entry.node)?;
                    statements.push(Statement { span: entry.key_span.to(entry.node.span), kind });
                }
                _ => {}
            }
        }
        Ok(statements)
    }
}

fn operator(word: &str) -> Option<BinaryOperator> {
    Some(match word {
        "|" => BinaryOperator::Or,
        "^" => BinaryOperator::Xor,
        "&" => BinaryOperator::And,
        "<<" => BinaryOperator::ShiftLeft,
        ">>" => BinaryOperator::ShiftRight,
        _ => return None,
    })
}
