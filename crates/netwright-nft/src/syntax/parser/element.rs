//! Sets between braces, and their elements.

use super::super::ast::{
    ChainTarget, Element, ElementOptions, Elements, Expression, ExpressionKind, LiteralKind, SetExpression,
    Verdict,
};
use super::super::lexer::TokenKind;
use super::expression::Mode;
use super::{Parse, Parser};

impl Parser<'_> {
    /// `{ a, b : c }`
    pub(super) fn set(&mut self) -> Parse<Expression> {
        let start = self.span();
        let joined = self.open_joined();
        let mut elements = Elements::default();
        if matches!(self.kind(), TokenKind::Comma | TokenKind::CloseBrace) {
            return Err(self.unexpected("an element"));
        }
        // What stands between two commas may be missing.
        while self.kind() != TokenKind::CloseBrace {
            if self.take(TokenKind::Comma) {
                continue;
            }
            elements.push(self.element(Mode::Constant)?);
            if self.kind() != TokenKind::CloseBrace && !self.take(TokenKind::Comma) {
                return Err(self.unexpected_in_set());
            }
        }
        self.close_joined(joined)?;
        let kind = ExpressionKind::Set(Box::new(SetExpression { elements }));
        Ok(Expression { span: self.since(start), kind })
    }

    /// `{ key options : value }` of a statement that works on a set.
    pub(super) fn single_element(&mut self) -> Parse<Element> {
        if self.kind() != TokenKind::OpenBrace {
            return Err(self.unexpected("`{` and a key"));
        }
        let joined = self.open_joined();
        let element = self.element(Mode::Element)?;
        self.close_joined(joined)?;
        Ok(element)
    }

    /// Takes `{`; up to its partner, ends of lines mean nothing. Yields what they meant before.
    pub(super) fn open_joined(&mut self) -> bool {
        let joined = std::mem::replace(&mut self.joined, true);
        self.open.push(self.span());
        self.advance();
        joined
    }

    pub(super) fn close_joined(&mut self, joined: bool) -> Parse<()> {
        if self.kind() != TokenKind::CloseBrace {
            return Err(self.unexpected_in_set());
        }
        self.open.pop();
        self.joined = joined;
        self.advance();
        Ok(())
    }

    pub(super) fn element(&mut self, mode: Mode) -> Parse<Element> {
        let key = self.expression(mode)?;
        let options = self.element_options()?;
        let value =
            if self.take(TokenKind::Colon) { Some(Box::new(self.element_value(mode)?)) } else { None };
        Ok(Element { key, options, value })
    }

    fn element_options(&mut self) -> Parse<Option<Box<ElementOptions>>> {
        let mut options: Option<Box<ElementOptions>> = None;
        while self.kind() == TokenKind::Word {
            let options = options.get_or_insert_default();
            match self.word() {
                "timeout" => {
                    self.advance();
                    options.timeout = Some(self.time_or_never()?);
                }
                "expires" => {
                    self.advance();
                    options.expires = Some(self.time()?);
                }
                "comment" => {
                    let again = self.once(options.comment.map(|comment| comment.span), self.span());
                    self.advance();
                    options.comment = Some(self.comment()?);
                    again?;
                }
                _ => options.statements.push(self.stateful_statement()?),
            }
        }
        Ok(options)
    }

    fn element_value(&mut self, mode: Mode) -> Parse<Expression> {
        let start = self.span();
        match self.verdict()? {
            Some(verdict) => {
                Ok(Expression { span: self.since(start), kind: ExpressionKind::Verdict(Box::new(verdict)) })
            }
            None => self.expression(mode),
        }
    }

    /// A verdict, if a word for one stands here.
    pub(super) fn verdict(&mut self) -> Parse<Option<Verdict>> {
        let verdict = match self.word() {
            "accept" => Verdict::Accept,
            "drop" => Verdict::Drop,
            "continue" => Verdict::Continue,
            "return" => Verdict::Return,
            "queue" => Verdict::Queue,
            "jump" => {
                self.advance();
                return Ok(Some(Verdict::Jump(self.chain_target()?)));
            }
            "goto" => {
                self.advance();
                return Ok(Some(Verdict::Goto(self.chain_target()?)));
            }
            _ => return Ok(None),
        };
        self.advance();
        Ok(Some(verdict))
    }

    fn chain_target(&mut self) -> Parse<ChainTarget> {
        match self.kind() {
            TokenKind::OpenBrace => self.nested(Self::anonymous_chain).map(ChainTarget::Anonymous),
            TokenKind::Dollar => self.variable().map(ChainTarget::Named),
            _ => {
                let name = self.name("the name of a chain, or `{`")?;
                let kind = ExpressionKind::Literal(LiteralKind::Word);
                Ok(ChainTarget::Named(Expression { span: name.span, kind }))
            }
        }
    }
}
