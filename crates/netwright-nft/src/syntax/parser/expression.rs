//! Expressions: operators, ranges, concatenations, lists and maps.

use super::super::ast::{
    Binary, BinaryOperator, Expression, ExpressionKind, ExpressionList, LiteralKind, Map, Prefix, Range,
};
use super::super::lexer::TokenKind;
use super::{Parse, Parser};
use crate::diagnostic::{Diagnostic, Span};

/// How a word is read, as nft has no way to tell a keyword from a value by its looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// The left side of a match: a protocol's name begins a field.
    Subject,
    /// The value of a statement: a protocol's name begins a field if the name of a field follows.
    Value,
    /// The key of an element that a statement adds, an operand on the left side: as the value of a statement, and what no statement takes too.
    Element,
    /// The right side of a match, an element of a set: all words are values.
    Constant,
}

/// How many operators one expression may have: they make a tree as deep as they are many.
const MAX_OPERATORS: usize = 64;

impl Parser<'_> {
    /// An expression with everything but a list: `a . b map @m`.
    pub(super) fn expression(&mut self, mode: Mode) -> Parse<Expression> {
        self.nested(|parser| {
            let mut expression = parser.concatenation(mode)?;
            if mode != Mode::Constant && parser.eat("map") {
                let map = parser.map_target()?;
                let span = expression.span.to(parser.since(expression.span));
                let kind = ExpressionKind::Map(Box::new(Map { key: expression, map }));
                expression = Expression { span, kind };
            }
            Ok(expression)
        })
    }

    /// An expression, or several with commas between them.
    pub(super) fn expression_list(&mut self, mode: Mode) -> Parse<Expression> {
        let first = self.expression(mode)?;
        if self.kind() != TokenKind::Comma {
            return Ok(first);
        }
        let start = first.span;
        let mut items = vec![first];
        while self.take(TokenKind::Comma) {
            self.skip_newlines();
            items.push(self.operators(Mode::Constant)?);
        }
        let kind = ExpressionKind::List(Box::new(ExpressionList { items }));
        Ok(Expression { span: self.since(start), kind })
    }

    /// What follows `map` and `vmap`.
    pub(super) fn map_target(&mut self) -> Parse<Expression> {
        match self.kind() {
            TokenKind::OpenBrace | TokenKind::At | TokenKind::Dollar => self.primary(Mode::Constant),
            _ => Err(self.unexpected("`{`, or a map's name as `@name`")),
        }
    }

    fn concatenation(&mut self, mode: Mode) -> Parse<Expression> {
        let first = self.part(mode)?;
        if self.kind() != TokenKind::Dot {
            return Ok(first);
        }
        let start = first.span;
        let mut items = vec![first];
        while self.take(TokenKind::Dot) {
            items.push(self.part(mode)?);
        }
        let kind = ExpressionKind::Concat(Box::new(ExpressionList { items }));
        Ok(Expression { span: self.since(start), kind })
    }

    /// One part of a concatenation: a value, a range or a prefix.
    fn part(&mut self, mode: Mode) -> Parse<Expression> {
        let value = self.operators(mode)?;
        if self.take(TokenKind::Dash) {
            let to = self.operators(mode)?;
            let span = self.since(value.span);
            return Ok(Expression { span, kind: ExpressionKind::Range(Box::new(Range { from: value, to })) });
        }
        if self.kind() == TokenKind::Slash && self.peek(1).kind == TokenKind::Number {
            self.advance();
            let length = self.number("the length of a prefix")?;
            let span = self.since(value.span);
            return Ok(Expression { span, kind: ExpressionKind::Prefix(Box::new(Prefix { value, length })) });
        }
        Ok(value)
    }

    /// `|`, `^`, `&` and shifts, each binding tighter than the one before.
    pub(super) fn operators(&mut self, mode: Mode) -> Parse<Expression> {
        let mut budget = MAX_OPERATORS;
        self.operators_above(mode, 0, &mut budget)
    }

    fn operators_above(&mut self, mode: Mode, level: u8, budget: &mut usize) -> Parse<Expression> {
        let mut left = self.primary(mode)?;
        while let Some(operator) = self.binary_operator()
            && binding(operator) >= level
        {
            let operator_span = self.span();
            if *budget == 0 {
                return Err(self.error(operator_span, "this expression has too many operators"));
            }
            *budget -= 1;
            self.advance();
            let right = self.operators_above(self.operand_mode(mode), binding(operator) + 1, budget)?;
            let span = self.since(left.span);
            left = Expression {
                span,
                kind: ExpressionKind::Binary(Box::new(Binary { operator, operator_span, left, right })),
            };
        }
        Ok(left)
    }

    /// How a word behind an operator is read: on the left side of a match it is a value, unless it clearly begins a field.
    fn operand_mode(&self, mode: Mode) -> Mode {
        match mode {
            Mode::Subject if !self.begins_field(Mode::Element) => Mode::Constant,
            Mode::Subject => Mode::Element,
            other => other,
        }
    }

    fn binary_operator(&self) -> Option<BinaryOperator> {
        Some(match self.kind() {
            TokenKind::Pipe => BinaryOperator::Or,
            TokenKind::Caret => BinaryOperator::Xor,
            TokenKind::Ampersand => BinaryOperator::And,
            TokenKind::ShiftLeft => BinaryOperator::ShiftLeft,
            TokenKind::ShiftRight => BinaryOperator::ShiftRight,
            TokenKind::Word => match self.text() {
                "or" => BinaryOperator::Or,
                "xor" => BinaryOperator::Xor,
                "and" => BinaryOperator::And,
                "lshift" => BinaryOperator::ShiftLeft,
                "rshift" => BinaryOperator::ShiftRight,
                _ => return None,
            },
            _ => return None,
        })
    }

    /// Whether the current token can begin a constant.
    pub(super) fn at_constant(&self) -> bool {
        use TokenKind as T;
        matches!(
            self.kind(),
            T::Word
                | T::Wildcard
                | T::Number
                | T::Time
                | T::Dotted
                | T::Colons
                | T::String
                | T::Star
                | T::Dollar
                | T::At
                | T::OpenBrace
                | T::OpenBracket
                | T::OpenParenthesis
                | T::Dash
        )
    }

    /// A value without operators.
    pub(super) fn primary(&mut self, mode: Mode) -> Parse<Expression> {
        let span = self.span();
        let literal = match self.kind() {
            TokenKind::Word => match self.field(mode)? {
                Some(expression) => return Ok(expression),
                None if self.is_value(mode) => LiteralKind::Word,
                None => return Err(self.keyword_as_name("a value")),
            },
            TokenKind::Wildcard => LiteralKind::Wildcard,
            TokenKind::Number => LiteralKind::Number,
            TokenKind::Time => LiteralKind::Time,
            TokenKind::Dotted => LiteralKind::Dotted,
            TokenKind::Colons => LiteralKind::Colons,
            TokenKind::String => LiteralKind::String,
            TokenKind::Star => LiteralKind::Any,
            TokenKind::Dollar => return self.variable(),
            TokenKind::At => return self.reference_or_raw_payload(),
            TokenKind::OpenBrace => return self.nested(Self::set),
            TokenKind::OpenBracket => return self.bracketed(),
            TokenKind::OpenParenthesis => return self.parenthesised(mode),
            TokenKind::Dash => return self.negative(),
            _ => return Err(self.unexpected("a value")),
        };
        self.advance();
        Ok(Expression { span, kind: ExpressionKind::Literal(literal) })
    }

    /// Whether the current word can be a value.
    fn is_value(&self, mode: Mode) -> bool {
        let word = self.text();
        match mode {
            Mode::Constant => self.scope.is_value(word),
            // Names of headers are values where no field follows, and `ecn` is a flag of TCP.
            Mode::Value => {
                !self.scope.is_keyword(word)
                    || matches!(word, "exists" | "missing" | "ecn" | "ip" | "ip6" | "arp" | "vlan" | "ether")
            }
            Mode::Element | Mode::Subject => {
                !self.scope.is_keyword(word) || matches!(word, "exists" | "missing")
            }
        }
    }

    fn negative(&mut self) -> Parse<Expression> {
        let start = self.span();
        self.advance();
        self.number("a number")?;
        Ok(Expression { span: self.since(start), kind: ExpressionKind::Literal(LiteralKind::Number) })
    }

    /// `[2001:db8::1]`
    fn bracketed(&mut self) -> Parse<Expression> {
        let start = self.span();
        self.advance();
        let expression = match self.kind() {
            TokenKind::Colons | TokenKind::Word if self.span().start != start.end => {
                let diagnostic = Diagnostic::error(start, "the address stands right behind the `[`");
                return Err(self.report(diagnostic.help("Write `[2001:db8::1]`.")));
            }
            TokenKind::Colons | TokenKind::Dollar | TokenKind::Dotted | TokenKind::Word => {
                self.primary(Mode::Constant)?
            }
            _ => return Err(self.unexpected("an IPv6 address")),
        };
        self.expect(TokenKind::CloseBracket, "`]`")?;
        Ok(expression)
    }

    fn parenthesised(&mut self, mode: Mode) -> Parse<Expression> {
        let joined = std::mem::replace(&mut self.joined, true);
        self.advance();
        let result = self.nested(|parser| parser.expression(mode));
        let expression = result?;
        self.joined = joined;
        self.expect(TokenKind::CloseParenthesis, "`)`")?;
        Ok(expression)
    }

    /// `$name`
    pub(super) fn variable(&mut self) -> Parse<Expression> {
        let start = self.expect(TokenKind::Dollar, "`$` and the name of a variable")?;
        let name = self.name("the name of a variable")?;
        let text = self.sources.snippet(name.span).to_string();
        Ok(self.variable_named(start.to(name.span), &text))
    }

    /// The variable of a name; that there is none is reported, but does not stop anything.
    pub(super) fn variable_named(&mut self, span: Span, name: &str) -> Expression {
        let definition = self.scopes.lookup(name);
        if definition.is_none() {
            self.unknown_variable(span, name);
        }
        Expression { span, kind: ExpressionKind::Variable(definition) }
    }

    fn unknown_variable(&mut self, span: Span, name: &str) {
        let diagnostic =
            Diagnostic::error(span, format!("there is no variable `{}` here", super::clip(name)));
        let known_prefix = name.char_indices().find(|&(at, character)| {
            matches!(character, '-' | '/' | '.')
                && name.get(..at).is_some_and(|head| self.scopes.lookup(head).is_some())
        });
        let diagnostic = if let Some((at, character)) = known_prefix {
            let head = name.get(..at).unwrap_or("");
            diagnostic.help(format!(
                "`{character}` can be part of a name. Write `${head} {character} …` with a blank."
            ))
        } else {
            let near = super::near(name, self.scopes.names());
            diagnostic.did_you_mean(near.map(|near| format!("${near}")))
        };
        self.report(diagnostic);
    }
}

/// How tightly an operator binds.
fn binding(operator: BinaryOperator) -> u8 {
    match operator {
        BinaryOperator::Or => 0,
        BinaryOperator::Xor => 1,
        BinaryOperator::And => 2,
        BinaryOperator::ShiftLeft | BinaryOperator::ShiftRight => 3,
    }
}
