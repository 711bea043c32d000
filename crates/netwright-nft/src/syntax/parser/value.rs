//! Names, numbers, times and other leaves that are read on the spot.

use super::super::ast::{Family, Name, Number, Time};
use super::super::lexer::TokenKind;
use super::super::words;
use super::{Parse, Parser, Reported};
use crate::diagnostic::{Diagnostic, Span};
use crate::table::time;

/// The longest comment in the language, in bytes.
const MAXIMUM_COMMENT: usize = 128;

impl Parser<'_> {
    /// The name of something: a word that is none of the language, or what looks like a time or an address.
    pub(super) fn name(&mut self, what: &str) -> Parse<Name> {
        let span = self.span();
        match self.kind() {
            TokenKind::Word if self.scope.is_keyword(self.text()) => Err(self.keyword_as_name(what)),
            TokenKind::Word | TokenKind::Time | TokenKind::Dotted | TokenKind::Colons => {
                self.advance();
                Ok(Name { span })
            }
            TokenKind::String => {
                let diagnostic = self.describe_unexpected(what);
                Err(self.report(diagnostic.help("Names are written without quotes.")))
            }
            _ => Err(self.unexpected(what)),
        }
    }

    /// A text: between double quotes, or one that would do as a name.
    pub(super) fn string(&mut self, what: &str) -> Parse<Name> {
        let span = self.span();
        match self.kind() {
            TokenKind::String | TokenKind::Wildcard => {
                self.advance();
                Ok(Name { span })
            }
            TokenKind::Word if self.text() == "last" => Err(self.keyword_as_name(what)),
            _ => self.name(what),
        }
    }

    /// A text between double quotes.
    pub(super) fn quoted(&mut self, what: &str) -> Parse<Name> {
        match self.kind() {
            TokenKind::String => self.string(what),
            _ => Err(self.unexpected(what)),
        }
    }

    /// A word of the language where something else must stand.
    pub(super) fn keyword_as_name(&mut self, what: &str) -> Reported {
        let word = super::clip(self.text());
        let diagnostic = Diagnostic::error(self.span(), format!("`{word}` is a word of the language"))
            .label(format!("expected {what}"));
        self.report(diagnostic)
    }

    /// `;` or the end of the line.
    pub(super) fn expect_separator(&mut self) -> Parse<()> {
        match self.kind() {
            TokenKind::Newline | TokenKind::Semicolon => {
                self.skip_separators();
                Ok(())
            }
            _ => Err(self.unexpected("`;` or the end of the line")),
        }
    }

    /// A word whose meaning is looked up later.
    pub(super) fn key(&mut self, what: &str) -> Parse<Name> {
        let span = self.span();
        if self.kind() != TokenKind::Word {
            return Err(self.unexpected(what));
        }
        self.advance();
        Ok(Name { span })
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
        let comment = self.string("the comment, between double quotes")?;
        // What the kernel keeps is longer: in JSON nft takes all of that.
        let length = netwright_wire::text::to_bytes(comment.text(self.sources)).len();
        if length > MAXIMUM_COMMENT {
            // It stops nothing.
            let _ = self.error(comment.span, format!("a comment has at most {MAXIMUM_COMMENT} bytes"));
        }
        Ok(comment)
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

    /// `1d2h`, `30s`.
    pub(super) fn time(&mut self) -> Parse<Time> {
        let span = self.span();
        if self.kind() != TokenKind::Time {
            let diagnostic = self.describe_unexpected("a time such as `30s` or `1d2h`");
            let unit = self.kind() == TokenKind::Number;
            return Err(self.report(if unit {
                diagnostic.help("Write the unit: `30s`.")
            } else {
                diagnostic
            }));
        }
        let Some(milliseconds) = time::parse_duration(self.text()) else {
            return Err(self.error(span, "this time does not fit into 64 bits"));
        };
        self.advance();
        Ok(Time { span, milliseconds: Some(milliseconds) })
    }

    /// A time, or seconds without a unit.
    pub(super) fn time_or_seconds(&mut self) -> Parse<Time> {
        if self.kind() != TokenKind::Number {
            return self.time();
        }
        let number = self.number("a time")?;
        match number.value.checked_mul(1000) {
            Some(milliseconds) => Ok(Time { span: number.span, milliseconds: Some(milliseconds) }),
            None => Err(self.error(number.span, "this time does not fit into 64 bits")),
        }
    }

    /// A time, or `never`.
    pub(super) fn time_or_never(&mut self) -> Parse<Time> {
        let span = self.span();
        match self.eat("never") {
            true => Ok(Time { span, milliseconds: None }),
            false => self.time(),
        }
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
pub(in super::super) fn parse_number(text: &str) -> Option<u64> {
    if let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        u64::from_str_radix(digits, 16).ok()
    } else if text.len() > 1 && text.starts_with('0') {
        u64::from_str_radix(text, 8).ok()
    } else {
        text.parse().ok()
    }
}
