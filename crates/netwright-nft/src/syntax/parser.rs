//! The parser: tokens to syntax tree, by recursive descent with one token in hand.
//!
//! A function that cannot go on has reported why and returns [`Reported`]; whoever holds a list (of commands, of a block's lines)
//! then skips to the next line of that list and goes on, so that one run reports everything.

mod advice;
mod block;
mod chain;
mod command;
mod element;
mod expression;
mod log;
mod nat;
mod object;
mod primary;
mod set;
mod statement;
mod value;

use std::sync::Arc;

use super::ast::{Command, Definition};
use super::lexer::{Token, TokenKind, next_token};
use super::scope::Scopes;
use super::words::{self, Scope};
use super::{Loader, Parsed};
use crate::diagnostic::{Diagnostic, SourceId, SourceMap, Span, nearest};

/// The error of a parse function: the reason has been reported already.
#[derive(Debug)]
pub(super) struct Reported;

type Parse<T> = Result<T, Reported>;

/// How deeply braces, parentheses and operators may nest. Evaluation recurses over the tree, so this bounds the stack for all.
const MAX_DEPTH: usize = 64;

/// How many files may include one another.
const MAX_INCLUDE_DEPTH: usize = 16;

/// So many errors are enough: what follows is noise, and a hostile text must not cost more memory than its size.
const MAX_ERRORS: usize = 100;

/// A text that is being read.
struct Frame {
    source: SourceId,
    text: Arc<str>,
    /// Where the token behind the current one begins, or the blanks before it.
    position: usize,
    /// How many texts include this one.
    depth: usize,
}

/// A text being read, everything read so far, and what is known about the place.
pub(super) struct Parser<'a> {
    sources: &'a mut SourceMap,
    loader: &'a mut dyn Loader,
    frames: Vec<Frame>,
    token: Token,
    /// The span of the token before the current one.
    previous: Span,
    previous_kind: TokenKind,
    /// Inside the braces of a set or the parentheses of an expression, where the end of a line means nothing.
    joined: bool,
    depth: usize,
    /// Which words are keywords here.
    scope: Scope,
    /// The braces that are open, for telling where a missing partner belongs.
    open: Vec<Span>,
    /// The text ended inside a block, which has been reported.
    ended: bool,
    /// A closing brace ends the line before it, which nft refuses.
    pub(super) on_one_line: bool,
    scopes: Scopes,
    commands: Vec<Command>,
    definitions: Vec<Definition>,
    diagnostics: Vec<Diagnostic>,
}

impl<'a> Parser<'a> {
    pub(super) fn new(sources: &'a mut SourceMap, loader: &'a mut dyn Loader) -> Self {
        Parser {
            sources,
            loader,
            frames: Vec::new(),
            token: Token { kind: TokenKind::End, start: 0, end: 0 },
            previous: Span::default(),
            previous_kind: TokenKind::Newline,
            joined: false,
            depth: 0,
            scope: Scope::Plain,
            open: Vec::new(),
            ended: false,
            on_one_line: false,
            scopes: Scopes::default(),
            commands: Vec::new(),
            definitions: Vec::new(),
            diagnostics: Vec::new(),
        }
    }

    /// What was read.
    pub(super) fn into_parsed(self) -> Parsed {
        let Parser { commands, definitions, diagnostics, scopes, .. } = self;
        Parsed { commands, definitions, variables: scopes.into_outermost(), diagnostics }
    }

    /// Starts to read a text; what was being read goes on behind it.
    fn enter(&mut self, source: SourceId, depth: usize) {
        let Some(text) = self.sources.get(source).map(|source| source.shared_text()) else { return };
        if let Some(frame) = self.frames.last_mut() {
            frame.position = self.token.start;
        }
        self.frames.push(Frame { source, text, position: 0, depth });
        // It begins behind the end of a line, so that the line that includes it has ended.
        self.token = Token { kind: TokenKind::Newline, start: 0, end: 0 };
    }

    /// Reads the token at the position. The end of an included text is the end of a line.
    fn load_token(&mut self) {
        loop {
            let included = self.frames.len() > 1;
            let Some(frame) = self.frames.last_mut() else {
                self.token.kind = TokenKind::End;
                return;
            };
            self.token = next_token(&frame.text, frame.position);
            frame.position = self.token.end;
            if self.token.kind == TokenKind::End && included {
                self.frames.pop();
                if !self.joined {
                    self.token = Token { kind: TokenKind::Newline, ..self.position_before_next() };
                    return;
                }
            } else if self.token.kind != TokenKind::Newline || !self.joined {
                return;
            }
        }
    }

    /// An empty token where the current text goes on.
    fn position_before_next(&self) -> Token {
        let at = self.frames.last().map_or(0, |frame| frame.position);
        Token { kind: TokenKind::End, start: at, end: at }
    }

    fn advance(&mut self) {
        self.previous = self.span();
        self.previous_kind = self.token.kind;
        self.load_token();
    }

    /// The kind of the current token.
    fn kind(&self) -> TokenKind {
        self.token.kind
    }

    /// Where the current token stands.
    fn span(&self) -> Span {
        let source = self.frames.last().map_or(SourceId(0), |frame| frame.source);
        Span { source, start: self.token.start as u32, end: self.token.end as u32 }
    }

    /// From the start of an earlier token to the end of the one before the current.
    fn since(&self, start: Span) -> Span {
        if start.source == self.previous.source { start.to(self.previous) } else { start }
    }

    fn text_of(&self, token: Token) -> &str {
        self.frames.last().and_then(|frame| frame.text.get(token.start..token.end)).unwrap_or("")
    }

    fn text(&self) -> &str {
        self.text_of(self.token)
    }

    /// The current token's text if it is a word, else nothing.
    fn word(&self) -> &str {
        if self.kind() == TokenKind::Word { self.text() } else { "" }
    }

    /// The token `distance` tokens behind the current one, in the same text.
    fn peek(&self, distance: usize) -> Token {
        let mut token = self.token;
        let Some(frame) = self.frames.last() else { return token };
        let mut remaining = distance;
        while remaining > 0 && token.kind != TokenKind::End {
            token = next_token(&frame.text, token.end);
            if token.kind != TokenKind::Newline || !self.joined {
                remaining -= 1;
            }
        }
        token
    }

    fn peek_word(&self, distance: usize) -> &str {
        let token = self.peek(distance);
        if token.kind == TokenKind::Word { self.text_of(token) } else { "" }
    }

    fn at(&self, word: &str) -> bool {
        self.kind() == TokenKind::Word && self.text() == word
    }

    /// Takes the word if it stands here.
    fn eat(&mut self, word: &str) -> bool {
        let found = self.at(word);
        if found {
            self.advance();
        }
        found
    }

    /// Takes the token if it stands here.
    fn take(&mut self, kind: TokenKind) -> bool {
        let found = self.kind() == kind;
        if found {
            self.advance();
        }
        found
    }

    fn expect(&mut self, kind: TokenKind, what: &str) -> Parse<Span> {
        let span = self.span();
        if self.take(kind) { Ok(span) } else { Err(self.unexpected(what)) }
    }

    fn expect_word(&mut self, word: &str) -> Parse<()> {
        if self.eat(word) {
            return Ok(());
        }
        let nearest = if self.kind() == TokenKind::Word { self.suggestion(&[&[word]]) } else { None };
        let diagnostic = self.describe_unexpected(&format!("`{word}`"));
        Err(self.report(diagnostic.did_you_mean(nearest)))
    }

    /// Whether a command, a rule or a line ends here.
    fn at_end(&self) -> bool {
        use TokenKind::{CloseBrace, End, Newline, Semicolon};
        matches!(self.kind(), End | Newline | Semicolon | CloseBrace)
    }

    fn skip_separators(&mut self) {
        while matches!(self.kind(), TokenKind::Newline | TokenKind::Semicolon) {
            self.advance();
        }
    }

    fn skip_newlines(&mut self) {
        while self.kind() == TokenKind::Newline {
            self.advance();
        }
    }

    /// Runs a part of the grammar in which more words are keywords.
    fn scoped<T>(&mut self, scope: Scope, part: impl FnOnce(&mut Self) -> Parse<T>) -> Parse<T> {
        let outer = std::mem::replace(&mut self.scope, scope);
        let result = part(self);
        self.scope = outer;
        result
    }

    /// Runs a part of the grammar that can hold itself.
    fn nested<T>(&mut self, part: impl FnOnce(&mut Self) -> Parse<T>) -> Parse<T> {
        if self.depth >= MAX_DEPTH {
            return Err(self.report(Diagnostic::error(self.span(), "this is nested too deeply")));
        }
        self.depth += 1;
        let result = part(self);
        self.depth -= 1;
        result
    }

    fn report(&mut self, diagnostic: Diagnostic) -> Reported {
        if self.diagnostics.len() < MAX_ERRORS {
            let diagnostic = self.sources.with_includers(diagnostic);
            self.diagnostics.push(diagnostic);
        }
        if self.diagnostics.len() >= MAX_ERRORS {
            self.frames.clear();
            self.token.kind = TokenKind::End;
        }
        Reported
    }

    fn error(&mut self, span: Span, message: impl Into<String>) -> Reported {
        self.report(Diagnostic::error(span, message))
    }

    /// The current token is not what the grammar wants here.
    fn unexpected(&mut self, expected: &str) -> Reported {
        let diagnostic = self.describe_unexpected(expected);
        self.report(diagnostic)
    }

    fn describe_unexpected(&self, expected: &str) -> Diagnostic {
        let found = match self.kind() {
            TokenKind::End => "end of the text".to_string(),
            TokenKind::Newline => "end of the line".to_string(),
            TokenKind::OpenString => {
                return Diagnostic::error(self.span(), "this string has no closing quote")
                    .help("Put a `\"` at its end. A string cannot go on in the next line.");
            }
            TokenKind::Junk => {
                let strange =
                    self.text().chars().find_map(|c| advice::character(c).map(|advice| (c, advice)));
                let message = match strange {
                    // It may not even be seen.
                    Some((c, _)) => format!("the character U+{:04X} means nothing here", u32::from(c)),
                    None => format!("`{}` means nothing here", clip(self.text())),
                };
                let diagnostic =
                    Diagnostic::error(self.span(), message).label(format!("expected {expected}"));
                return match (strange, self.text()) {
                    (Some((_, advice)), _) => diagnostic.help(advice),
                    (None, text) if text.starts_with('+') => diagnostic.help(PLUS),
                    (None, _) => diagnostic,
                };
            }
            _ => format!("`{}`", clip(self.text())),
        };
        let mut diagnostic = Diagnostic::error(self.span(), format!("unexpected {found}"))
            .label(format!("expected {expected}"));
        if let Some(advice) = self.advice() {
            diagnostic = diagnostic.help(advice);
        }
        match (self.kind(), self.open.last()) {
            (TokenKind::End, Some(&brace)) => {
                diagnostic.also(brace, "this brace is still open").help("Close it with `}`.")
            }
            _ => diagnostic,
        }
    }

    /// What to write in the place of the current token, where it is of another language.
    fn advice(&self) -> Option<String> {
        let rest = || self.frames.last().and_then(|frame| frame.text.get(self.token.start..)).unwrap_or("");
        match self.kind() {
            TokenKind::Dash => {
                advice::option(rest()).or_else(|| advice::behind(self.line_before(), self.text()))
            }
            TokenKind::OpenBrace if self.frames.len() == 1 && self.is_json() => {
                Some("This looks like JSON, which the option `-j` reads.".to_owned())
            }
            TokenKind::Word | TokenKind::Number => {
                advice::word(self.text()).or_else(|| advice::behind(self.line_before(), self.text()))
            }
            _ if self.text() == "+" => Some(PLUS.to_owned()),
            _ => advice::behind(self.line_before(), self.text()),
        }
    }

    /// What stands before the current token in its line.
    fn line_before(&self) -> &str {
        let before = self.frames.last().and_then(|frame| frame.text.get(..self.token.start)).unwrap_or("");
        before.rsplit('\n').next().unwrap_or(before)
    }

    /// Whether the text that is read begins as JSON does.
    fn is_json(&self) -> bool {
        let text = self.frames.last().map_or("", |frame| &*frame.text);
        text.trim_start().strip_prefix('{').is_some_and(|rest| rest.trim_start().starts_with('"'))
    }

    /// What follows an element is neither the next one nor the end of the set.
    fn unexpected_in_set(&mut self) -> Reported {
        let diagnostic = self.describe_unexpected("`,` or `}`");
        let diagnostic = match self.open.last() {
            Some(&brace) if self.kind() != TokenKind::End => diagnostic.also(brace, "the set begins here"),
            _ => diagnostic,
        };
        self.report(diagnostic)
    }

    /// The current word is none of those that can stand here.
    fn unknown(&mut self, what: &str, candidates: &[&[&str]]) -> Reported {
        if self.kind() != TokenKind::Word {
            return self.unexpected(&format!("a {what}"));
        }
        let diagnostic = Diagnostic::error(self.span(), format!("unknown {what} `{}`", clip(self.text())));
        let lower = self.text().to_ascii_lowercase();
        let known = candidates.iter().flat_map(|list| list.iter().copied());
        if let Some(word) =
            known.chain(VERDICTS.iter().copied()).find(|word| *word == lower && *word != self.text())
        {
            return self.report(diagnostic.help(format!("nft writes it in lower case: `{word}`.")));
        }
        let advice = advice::word(self.text()).or_else(|| advice::behind(self.line_before(), self.text()));
        if let Some(advice) = advice {
            return self.report(diagnostic.help(advice));
        }
        let near = self.suggestion(candidates);
        // Of a few words all are told.
        if let (None, [list]) = (near, candidates)
            && list.len() <= 6
        {
            let words: Vec<String> = list.iter().map(|word| format!("`{word}`")).collect();
            return self.report(diagnostic.help(format!("It is one of {}.", words.join(", "))));
        }
        self.report(diagnostic.did_you_mean(near))
    }

    fn suggestion<'w>(&self, candidates: &[&[&'w str]]) -> Option<&'w str> {
        near(self.text(), candidates.iter().flat_map(|list| list.iter().copied()))
    }

    /// Skips to the end of the line or block that an error is in; `open` braces were open where it began.
    fn recover(&mut self, open: usize) {
        self.joined = false;
        let mut unclosed = self.open.len().saturating_sub(open);
        self.open.truncate(open);
        if unclosed > 0 && self.at_next_line() {
            return;
        }
        if unclosed > 0 && words::STATEMENTS.contains(&self.word()) {
            unclosed = 0;
        }
        let mut skipped = 0_usize;
        loop {
            match self.kind() {
                TokenKind::End => return,
                TokenKind::OpenBrace => skipped += 1,
                TokenKind::CloseBrace if skipped > 0 => skipped -= 1,
                TokenKind::CloseBrace if unclosed == 0 => return,
                TokenKind::CloseBrace => unclosed -= 1,
                TokenKind::Newline | TokenKind::Semicolon if skipped + unclosed == 0 => return,
                // A line that begins like this is hardly inside the braces of a set: one brace is missing.
                TokenKind::Newline
                    if skipped == 0
                        && matches!(self.peek_word(1), "chain" | "set" | "map" | "table" | "flowtable") =>
                {
                    return;
                }
                _ => {}
            }
            self.advance();
        }
    }

    /// Whether the current token looks like the start of another line of a block, though a brace is open: it is the first of its
    /// line, and begins something.
    fn at_next_line(&self) -> bool {
        let starts = [
            words::STATEMENTS,
            words::PROTOCOLS,
            words::EXPRESSION_STARTS,
            words::UNQUALIFIED_META_KEYS,
            words::SET_PROPERTIES,
            words::TABLE_ITEMS,
        ];
        let before = self.frames.last().and_then(|frame| frame.text.get(..self.token.start)).unwrap_or("");
        before.trim_end_matches([' ', '\t', '\r']).ends_with('\n')
            && starts.iter().any(|list| list.contains(&self.word()))
            && !matches!(self.peek(1).kind, TokenKind::Comma | TokenKind::CloseBrace | TokenKind::Colon)
    }
}

pub(super) use value::parse_number;

const VERDICTS: [&str; 7] = ["accept", "drop", "continue", "return", "jump", "goto", "queue"];

/// What iptables writes for all names that begin so.
const PLUS: &str = "All names that begin so are written with an asterisk: `\"eth*\"`.";

/// [`nearest`] for words of a sane length: its cost grows with the square of it.
fn near<'w>(word: &str, candidates: impl IntoIterator<Item = &'w str>) -> Option<&'w str> {
    if word.len() > 40 { None } else { nearest(word, candidates) }
}

/// A text as it fits into a message.
fn clip(text: &str) -> String {
    if text.chars().count() <= 40 { text.to_string() } else { text.chars().take(40).chain(['…']).collect() }
}
