//! Names, numbers, times and other leaves that are read on the spot.

use super::super::ast::{Family, Name, Number, Time};
use super::super::lexer::TokenKind;
use super::super::words;
use super::{Parse, Parser};
use crate::diagnostic::{Diagnostic, Span};

impl Parser<'_> {
    /// A word or a quoted string.
    pub(super) fn name(&mut self, what: &str) -> Parse<Name> {
        let span = self.span();
        match self.kind() {
            TokenKind::Word | TokenKind::String => {
                self.advance();
                Ok(Name { span })
            }
            _ => Err(self.unexpected(what)),
        }
    }

    /// A word whose meaning is looked up later.
    pub(super) fn key(&mut self, what: &str) -> Parse<Name> {
        if self.kind() == TokenKind::Word { self.name(what) } else { Err(self.unexpected(what)) }
    }

    /// One of a few words.
    pub(super) fn one_of(&mut self, what: &str, words: &[&str]) -> Parse<Name> {
        if words.contains(&self.word()) { self.key(what) } else { Err(self.unknown(what, &[words])) }
    }

    /// Words with commas between them.
    pub(super) fn keys(&mut self, what: &str) -> Parse<Vec<Name>> {
        let mut names = vec![self.key(what)?];
        while self.take(TokenKind::Comma) {
            names.push(self.key(what)?);
        }
        Ok(names)
    }

    /// `comment "…"`, without the keyword.
    pub(super) fn comment(&mut self) -> Parse<Name> {
        self.name("the comment, between double quotes")
    }

    /// `= ` where an assignment has it.
    pub(super) fn assign(&mut self) -> Parse<()> {
        self.expect(TokenKind::Assign, "`=`").map(|_| ())
    }

    pub(super) fn number(&mut self, what: &str) -> Parse<Number> {
        let span = self.span();
        if self.kind() != TokenKind::Number {
            return Err(self.unexpected(what));
        }
        let Some(value) = parse_number(self.text()) else {
            return Err(self.error(span, "this number does not fit into 64 bits"));
        };
        self.advance();
        Ok(Number { span, value })
    }

    /// A number behind a keyword, if the keyword stands here.
    pub(super) fn number_after(&mut self, keyword: &str) -> Parse<Option<Number>> {
        if self.eat(keyword) { self.number(&format!("a number for `{keyword}`")).map(Some) } else { Ok(None) }
    }

    /// A number times a unit.
    pub(super) fn scaled(&mut self, number: Number, factor: u64) -> Parse<Number> {
        let span = self.since(number.span);
        match number.value.checked_mul(factor) {
            Some(value) => Ok(Number { span, value }),
            None => Err(self.error(span, "this amount does not fit into 64 bits")),
        }
    }

    /// `1d2h`, `30s`, `30` (seconds) or `never`.
    pub(super) fn time(&mut self) -> Parse<Time> {
        let span = self.span();
        let milliseconds = match self.kind() {
            TokenKind::Number => parse_number(self.text()).and_then(|seconds| seconds.checked_mul(1000)),
            TokenKind::Time => parse_time(self.text()),
            TokenKind::Word if self.text() == "never" => {
                self.advance();
                return Ok(Time { span, milliseconds: None });
            }
            _ => return Err(self.unexpected("a time such as `30s` or `1d2h`")),
        };
        let Some(milliseconds) = milliseconds else {
            let diagnostic = Diagnostic::error(span, "this is not a time")
                .help("Write it like `30s`, `1d2h3m4s` or `500ms`.");
            return Err(self.report(diagnostic));
        };
        self.advance();
        Ok(Time { span, milliseconds: Some(milliseconds) })
    }

    /// A family, if a keyword for one stands here and a name follows it.
    pub(super) fn optional_family(&mut self) -> Option<Family> {
        let family = Family::from_keyword(self.word())?;
        self.advance();
        Some(family)
    }

    /// `name`, with the `@` before it.
    pub(super) fn set_reference(&mut self) -> Parse<Name> {
        self.expect(TokenKind::At, "`@` and the name of a set")?;
        self.name("the name of a set")
    }

    /// A span of nothing, before the current token.
    pub(super) fn here(&self) -> Span {
        let span = self.span();
        Span { end: span.start, ..span }
    }

    /// Whether the current word can begin an expression wherever one can stand.
    pub(super) fn at_expression_keyword(&self) -> bool {
        let word = self.word();
        words::PROTOCOLS.contains(&word)
            || words::EXPRESSION_STARTS.contains(&word)
            || words::UNQUALIFIED_META_KEYS.contains(&word)
    }
}

/// Decimal, `0x` hexadecimal, or octal with a leading zero.
fn parse_number(text: &str) -> Option<u64> {
    if let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        u64::from_str_radix(digits, 16).ok()
    } else if text.len() > 1 && text.starts_with('0') && text.bytes().all(|digit| digit < b'8') {
        u64::from_str_radix(text, 8).ok()
    } else {
        text.parse().ok()
    }
}

fn parse_time(text: &str) -> Option<u64> {
    let mut rest = text;
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let digits = rest.find(|character: char| !character.is_ascii_digit())?;
        let (number, tail) = rest.split_at(digits);
        let letters = tail.find(|character: char| character.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(letters);
        let factor = match unit {
            "ms" => 1,
            "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            "w" => 604_800_000,
            _ => return None,
        };
        total = total.checked_add(number.parse::<u64>().ok()?.checked_mul(factor)?)?;
        rest = tail;
    }
    Some(total)
}
