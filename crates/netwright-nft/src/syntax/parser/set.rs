//! Sets and maps.

use super::super::ast::{Expression, Name, Set, SetKind, TypeSpec, ValueSpec};
use super::super::lexer::TokenKind;
use super::super::words;
use super::block::Ends;
use super::expression::Mode;
use super::{Parse, Parser};

/// Words that name a kind of object as the value of a map.
const OBJECT_TYPES: &[&str] =
    &["verdict", "counter", "quota", "limit", "synproxy", "secmark", "tunnel", "ct"];

impl Parser<'_> {
    /// The braces of a set or map.
    pub(super) fn set_block(&mut self, kind: SetKind, name: Name) -> Parse<Set> {
        let mut set = Set {
            kind,
            name,
            key: None,
            value: None,
            flags: Vec::new(),
            timeout: None,
            gc_interval: None,
            size: None,
            policy: None,
            auto_merge: false,
            comment: None,
            statements: Vec::new(),
            elements: Vec::new(),
        };
        self.block(&mut |parser, _| parser.set_line(&mut set))?;
        Ok(set)
    }

    fn set_line(&mut self, set: &mut Set) -> Parse<Ends> {
        let start = self.span();
        let word = self.word();
        if matches!(word, "counter" | "quota" | "limit" | "last" | "ct") {
            while !self.at_end() {
                let statement = self.stateful_statement()?;
                set.statements.push(statement);
            }
            return Ok(Ends::Separated);
        }
        let known = words::SET_PROPERTIES.contains(&word);
        if !known {
            return Err(self.unknown("property of a set", &[words::SET_PROPERTIES]));
        }
        if word == "auto-merge" && set.kind == SetKind::Map {
            return Err(self.unexpected("a property of maps, whose elements are never joined"));
        }
        let property = word.to_string();
        self.advance();
        let mut ends = Ends::Separated;
        match property.as_str() {
            "type" | "typeof" => {
                let again = self.once(set.key.as_ref().map(|_| start), start);
                self.set_type(set, &property)?;
                again?;
            }
            "flags" => set.flags = self.keys("a flag")?,
            "timeout" => set.timeout = Some(self.time()?),
            "gc-interval" => set.gc_interval = Some(self.time()?),
            "size" => set.size = Some(self.number("the largest number of elements")?),
            "policy" => set.policy = Some(self.key("`performance` or `memory`")?),
            "auto-merge" => {
                set.auto_merge = true;
                ends = Ends::Freely;
            }
            "comment" => {
                let again = self.once(set.comment.map(|comment| comment.span), start);
                set.comment = Some(self.comment()?);
                again?;
            }
            _ => {
                let again = self.once(set.elements.first().map(|elements| elements.span), start);
                self.assign()?;
                let elements = self.elements()?;
                set.elements.push(elements);
                again?;
                ends = Ends::Freely;
            }
        }
        Ok(ends)
    }

    /// A set between braces, or a variable that stands for one.
    pub(super) fn elements(&mut self) -> Parse<Expression> {
        match self.kind() {
            TokenKind::OpenBrace | TokenKind::Dollar => self.primary(Mode::Constant),
            _ => Err(self.unexpected("`{` and elements")),
        }
    }

    fn set_type(&mut self, set: &mut Set, property: &str) -> Parse<()> {
        let read = if property == "type" { Self::type_names } else { Self::type_of };
        set.key = Some(read(self)?);
        if set.kind == SetKind::Set && self.kind() == TokenKind::Colon {
            let diagnostic = self.describe_unexpected("the end of the type: what has values is a map");
            return Err(self.report(diagnostic.help("Write `map` instead of `set`.")));
        }
        if self.take(TokenKind::Colon) {
            let interval = self.eat("interval");
            let alone = self.peek(1).kind != TokenKind::Word || self.at("ct");
            let object = OBJECT_TYPES.contains(&self.word()) && (alone && !self.is_ct_expression());
            let queue = property == "typeof" && self.eat("queue");
            let spec = match object {
                _ if queue => TypeSpec::Queue,
                true => self.object_type()?,
                false => read(self)?,
            };
            set.value = Some(ValueSpec { interval, spec });
        }
        Ok(())
    }

    /// `ct mark` is an expression; `ct helper` alone is a kind of objects.
    fn is_ct_expression(&self) -> bool {
        self.at("ct") && !matches!(self.peek_word(1), "timeout" | "expectation")
    }

    fn object_type(&mut self) -> Parse<TypeSpec> {
        let start = self.span();
        let two = self.at("ct");
        self.advance();
        if two {
            self.advance();
        }
        Ok(TypeSpec::Names(vec![Name { span: self.since(start) }]))
    }

    fn type_names(&mut self) -> Parse<TypeSpec> {
        let mut names = vec![self.key("a type such as `ipv4_addr`")?];
        while self.take(TokenKind::Dot) {
            names.push(self.key("a type such as `ipv4_addr`")?);
        }
        Ok(TypeSpec::Names(names))
    }

    fn type_of(&mut self) -> Parse<TypeSpec> {
        self.expression(Mode::Subject).map(TypeSpec::Typeof)
    }
}
