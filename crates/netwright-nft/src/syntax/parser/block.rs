//! Blocks between braces, and what can stand in every one of them: variables and included texts.

use super::super::ast::{Definition, DefinitionId};
use super::super::lexer::TokenKind;
use super::expression::Mode;
use super::{MAX_INCLUDE_DEPTH, Parse, Parser, Reported};
use crate::diagnostic::{Diagnostic, Span};

/// What a line of a block needs behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ends {
    /// A `;` or the end of the line.
    Separated,
    /// Nothing: the next line or the closing brace tells.
    Freely,
}

/// A line of a block, from its first token on.
type Line<'p, 'a> = dyn FnMut(&mut Parser<'a>, Span) -> Parse<Ends> + 'p;

impl<'a> Parser<'a> {
    /// `{ line … }`: each line is read by the caller; what is wrong in one does not hurt the others.
    pub(super) fn block(&mut self, line: &mut Line<'_, 'a>) -> Parse<()> {
        let brace = self.span();
        if self.kind() != TokenKind::OpenBrace {
            return Err(self.unexpected("`{`"));
        }
        self.open.push(brace);
        let joined = std::mem::replace(&mut self.joined, false);
        self.advance();
        self.scopes.enter();
        let result = self.block_lines(line);
        self.scopes.leave();
        result?;
        self.joined = joined;
        self.open.pop();
        self.advance();
        Ok(())
    }

    /// Up to the closing brace, which is left for the caller.
    fn block_lines(&mut self, line: &mut Line<'_, 'a>) -> Parse<()> {
        let open = self.open.len();
        loop {
            self.skip_separators();
            match self.kind() {
                TokenKind::CloseBrace => return Ok(()),
                TokenKind::End => return Err(self.unclosed()),
                _ => {}
            }
            let start = self.span();
            let result = self.nested(|parser| parser.block_line(start, line));
            if result.is_err() {
                self.recover(open);
            }
        }
    }

    /// The text ends inside a block: said once, for the innermost.
    fn unclosed(&mut self) -> Reported {
        if std::mem::replace(&mut self.ended, true) { Reported } else { self.unexpected("`}`") }
    }

    fn block_line(&mut self, start: Span, line: &mut Line<'_, 'a>) -> Parse<()> {
        let ends = if self.common_line()? { Ends::Separated } else { line(self, start)? };
        match ends {
            Ends::Separated => self.separator(),
            Ends::Freely => Ok(()),
        }
    }

    /// The end of a line inside of a block. It is left for the caller.
    fn separator(&mut self) -> Parse<()> {
        match self.kind() {
            TokenKind::CloseBrace if self.on_one_line => Ok(()),
            TokenKind::CloseBrace => {
                let diagnostic = self.describe_unexpected("`;` or the end of the line");
                Err(self.report(diagnostic.help("Write `;` before the `}`.")))
            }
            _ => self.line_end(),
        }
    }

    /// The end of a line.
    pub(super) fn line_end(&mut self) -> Parse<()> {
        if self.at_end() {
            return Ok(());
        }
        let diagnostic = self.describe_unexpected("the end of the line, or `;`");
        let found = self.text().to_string();
        let known = super::super::words::STATEMENTS;
        if known.contains(&found.as_str()) || found == "policy" {
            return Err(self.report(diagnostic.help(format!("Write `;` before `{found}`."))));
        }
        let near = super::near(&found, known.iter().copied());
        Err(self.report(diagnostic.did_you_mean(near)))
    }

    /// A line that can stand anywhere: a definition or an included text. False where it is neither.
    pub(super) fn common_line(&mut self) -> Parse<bool> {
        match self.word() {
            "define" => self.define(false)?,
            "redefine" => self.define(true)?,
            "undefine" => self.undefine()?,
            "include" => self.include()?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn define(&mut self, again: bool) -> Parse<()> {
        self.advance();
        let name = self.name("the name of a variable")?;
        self.assign()?;
        let text = self.sources.snippet(name.span).to_string();
        let before = self.diagnostics.len();
        // What the value refers to is what was visible before: `redefine x = { $x, 1 }` is no cycle.
        let value = match (self.kind(), self.peek(1).kind) {
            // Only a variable may stand for nothing.
            (TokenKind::OpenBrace, TokenKind::CloseBrace) => {
                let start = self.span();
                self.advance();
                self.advance();
                Ok(empty_set(self.since(start)))
            }
            _ => self.expression_list(Mode::Constant),
        };
        let earlier = self.scopes.local(&text).filter(|_| !again);
        if let Some(earlier) = earlier.and_then(|id| self.definitions.get(id.0 as usize)) {
            let diagnostic =
                Diagnostic::error(name.span, format!("the variable `{text}` is defined already"))
                    .also(earlier.name.span, "defined here")
                    .help("Use `redefine` to change it.");
            return Err(self.report(diagnostic));
        }
        let id = DefinitionId(self.definitions.len() as u32);
        // A variable whose value is wrong is known all the same, or each of its uses would be an error too.
        let (value, result) = match value {
            Ok(value) if self.diagnostics.len() == before => (value, Ok(())),
            Ok(_) => (empty_set(name.span), Ok(())),
            Err(reported) => (empty_set(name.span), Err(reported)),
        };
        self.definitions.push(Definition { name, value });
        self.scopes.define(text, id);
        result
    }

    fn undefine(&mut self) -> Parse<()> {
        self.advance();
        let name = self.name("the name of a variable")?;
        let text = self.sources.snippet(name.span).to_string();
        // as with nft, it need not be there
        self.scopes.undefine(&text);
        Ok(())
    }

    fn include(&mut self) -> Parse<()> {
        let depth = self.frames.last().map_or(0, |frame| frame.depth) + 1;
        self.advance();
        let span = self.span();
        if self.kind() != TokenKind::String {
            return Err(self.unexpected("the name of a file, between double quotes"));
        }
        let pattern = super::super::ast::unquote(self.text()).to_string();
        self.advance();
        self.line_end()?;
        if depth > MAX_INCLUDE_DEPTH {
            return Err(
                self.error(span, format!("more than {MAX_INCLUDE_DEPTH} files include one another here"))
            );
        }
        let from = self.sources.get(span.source).map_or("", |source| source.name()).to_string();
        match self.loader.load(&pattern, &from) {
            Ok(texts) => {
                // The last is entered first, so that it is read last.
                for (name, text) in texts.into_iter().rev() {
                    let source = self.sources.add_included(name, text, span);
                    self.enter(source, depth);
                }
                Ok(())
            }
            Err(reason) => Err(self.error(span, format!("`{pattern}` cannot be included: {reason}"))),
        }
    }
}

fn empty_set(span: Span) -> super::super::ast::Expression {
    use super::super::ast::{Elements, Expression, ExpressionKind, SetExpression};
    Expression { span, kind: ExpressionKind::Set(Box::new(SetExpression { elements: Elements::default() })) }
}
