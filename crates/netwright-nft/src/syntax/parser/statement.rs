//! Rules and statements.

use super::super::ast::{
    Comparison, Counter, Expression, ExpressionKind, Limit, LimitUnit, Match, Meter, Name, Number,
    ObjectKind, Queue, Quota, Reject, Rule, SetOperation, SetUpdate, Statement, StatementKind,
};
use super::super::lexer::TokenKind;
use super::super::words::{self, Scope};
use super::block::Ends;
use super::expression::Mode;
use super::{Parse, Parser, advice};
use crate::diagnostic::Diagnostic;

impl Parser<'_> {
    /// Statements up to the end of the line.
    pub(super) fn rule(&mut self) -> Parse<Rule> {
        let start = self.span();
        let mut rule = Rule::default();
        while !self.at_end() {
            if self.eat("comment") {
                rule.comment = Some(self.comment()?);
                if !self.at_end() {
                    return Err(self.unexpected("the end of the rule, as a comment is its last part"));
                }
                break;
            }
            rule.statements.push(self.statement()?);
        }
        if rule.statements.is_empty() {
            return Err(self.unexpected("a rule"));
        }
        rule.span = self.since(start);
        Ok(rule)
    }

    fn statement(&mut self) -> Parse<Statement> {
        let start = self.span();
        let kind = match self.verdict_or_none()? {
            Some(kind) => kind,
            None => self.statement_kind()?,
        };
        Ok(Statement { span: self.since(start), kind })
    }

    /// A verdict; `queue` is a statement of its own outside of maps.
    fn verdict_or_none(&mut self) -> Parse<Option<StatementKind>> {
        if self.at("queue") {
            return Ok(None);
        }
        Ok(self.verdict()?.map(StatementKind::Verdict))
    }

    fn statement_kind(&mut self) -> Parse<StatementKind> {
        match self.word() {
            "counter" | "quota" | "limit" | "last" => self.stateful(),
            "log" => self.log(),
            "reject" => self.reject(),
            "snat" | "dnat" | "masquerade" | "redirect" => self.nat(),
            "tproxy" => self.tproxy(),
            "synproxy" if self.peek_word(1) == "name" => self.object_reference(ObjectKind::Synproxy),
            "synproxy" => {
                self.advance();
                Ok(StatementKind::Synproxy(self.synproxy_options()?))
            }
            "tunnel" if self.peek_word(1) == "name" => self.object_reference(ObjectKind::Tunnel),
            "dup" => self.dup(),
            "fwd" => self.fwd(),
            "queue" => self.queue(),
            "notrack" => {
                self.advance();
                Ok(StatementKind::Notrack)
            }
            "flow" => self.flow(),
            "add" => self.set_update(SetOperation::Add),
            "update" => self.set_update(SetOperation::Update),
            "delete" => self.set_update(SetOperation::Delete),
            "set" => self.old_set_update(),
            "meter" => self.meter(),
            "reset" => self.reset_option(),
            "xt" => self.xt(),
            "ct" => self.ct_statement(),
            _ => self.match_or_assign(),
        }
    }

    /// A statement that an element can carry.
    pub(super) fn stateful_statement(&mut self) -> Parse<Statement> {
        let start = self.span();
        let kind = match self.word() {
            "counter" | "quota" | "limit" | "last" => self.stateful()?,
            "ct" if self.peek_word(1) == "count" => self.connection_limit()?,
            _ => {
                const KNOWN: &[&str] =
                    &["timeout", "expires", "comment", "counter", "quota", "limit", "last"];
                let misspelt = self.suggestion(&[KNOWN]).is_some() || !self.joined;
                return Err(if misspelt {
                    self.unknown("option of an element", &[KNOWN])
                } else {
                    self.unexpected_in_set()
                });
            }
        };
        Ok(Statement { span: self.since(start), kind })
    }

    fn stateful(&mut self) -> Parse<StatementKind> {
        let word = self.word();
        let named = self.peek_word(1) == "name";
        match word {
            "counter" if named => self.object_reference(ObjectKind::Counter),
            "quota" if named => self.object_reference(ObjectKind::Quota),
            "limit" if named => self.object_reference(ObjectKind::Limit),
            "counter" => {
                self.advance();
                Ok(StatementKind::Counter(self.counter_values()?))
            }
            "quota" => {
                self.advance();
                Ok(StatementKind::Quota(self.quota()?))
            }
            "limit" => {
                self.advance();
                Ok(StatementKind::Limit(self.limit()?))
            }
            _ => {
                self.advance();
                let used = if self.eat("used") && !self.eat("never") { Some(self.time()?) } else { None };
                Ok(StatementKind::Last { used })
            }
        }
    }

    /// `name "x"`, from the object's keyword on.
    fn object_reference(&mut self, object: ObjectKind) -> Parse<StatementKind> {
        self.advance();
        self.expect_word("name")?;
        let scope = if object == ObjectKind::Counter { Scope::Counter } else { Scope::Plain };
        let name = self.scoped(scope, |parser| parser.expression(Mode::Value))?;
        Ok(StatementKind::ObjectReference { object, name })
    }

    /// `packets 1 bytes 2`, in either order.
    pub(super) fn counter_values(&mut self) -> Parse<Counter> {
        let mut counter = Counter::default();
        loop {
            if let Some(packets) = self.number_after("packets")? {
                counter.packets = Some(packets);
            } else if let Some(bytes) = self.number_after("bytes")? {
                counter.bytes = Some(bytes);
            } else {
                return Ok(counter);
            }
        }
    }

    /// `over 25 mbytes used 3 bytes`
    pub(super) fn quota(&mut self) -> Parse<Quota> {
        let over = self.over();
        let amount = self.number("an amount such as `25 mbytes`")?;
        let bytes = self.bytes(amount)?;
        let used = match self.number_after("used")? {
            Some(number) => Some(self.bytes(number)?),
            None => None,
        };
        Ok(Quota { over, bytes, used })
    }

    /// `over`, or `until` which is how it is without.
    fn over(&mut self) -> bool {
        let over = self.eat("over");
        if !over {
            self.eat("until");
        }
        over
    }

    /// The unit behind an amount of bytes.
    fn bytes(&mut self, number: Number) -> Parse<Number> {
        let Some(factor) = byte_unit(self.word()) else {
            return Err(self.unknown("unit", &[BYTE_UNITS]));
        };
        self.advance();
        self.scaled(number, factor)
    }

    /// `rate over 10 kbytes/second burst 3 kbytes`
    pub(super) fn limit(&mut self) -> Parse<Limit> {
        self.expect_word("rate")?;
        let over = self.over();
        let number = self.number("a rate such as `10/second`")?;
        let (rate, unit) = self.limit_amount(number)?;
        let per = self.time_unit()?;
        let burst = match self.number_after("burst")? {
            Some(number) => Some(self.burst(number, unit)?),
            None => None,
        };
        Ok(Limit { over, rate, unit, per, burst })
    }

    /// The unit of a rate. `bytes/second` without a blank is one word to the lexer; then the part behind the slash is left for
    /// [`Self::time_unit`].
    fn limit_amount(&mut self, number: Number) -> Parse<(Number, LimitUnit)> {
        if self.kind() == TokenKind::Slash {
            return Ok((number, LimitUnit::Packets));
        }
        let (unit, _) = self.word().split_once('/').unwrap_or((self.word(), ""));
        let Some(factor) = byte_unit(unit) else {
            return Err(self.unknown("unit", &[BYTE_UNITS]));
        };
        let length = unit.len();
        if length == self.text().len() {
            self.advance();
        } else {
            self.cut_token(length);
        }
        Ok((self.scaled(number, factor)?, LimitUnit::Bytes))
    }

    /// Takes only the first bytes of the current token.
    fn cut_token(&mut self, length: usize) {
        let end = self.token.start + length;
        if let Some(frame) = self.frames.last_mut() {
            frame.position = end;
        }
        self.token.end = end;
        self.advance();
    }

    /// `/second`
    fn time_unit(&mut self) -> Parse<u64> {
        self.expect(TokenKind::Slash, "`/` and a unit of time")?;
        let seconds = match self.word() {
            "second" => 1,
            "minute" => 60,
            "hour" => 3600,
            "day" => 86_400,
            "week" => 604_800,
            word => {
                return Err(match advice::time_unit(word) {
                    Some(unit) => {
                        let message = format!("unknown unit of time `{word}`");
                        let diagnostic = Diagnostic::error(self.span(), message);
                        self.report(diagnostic.did_you_mean(Some(unit)))
                    }
                    None => self.unknown("unit of time", &[&["second", "minute", "hour", "day", "week"]]),
                });
            }
        };
        self.advance();
        Ok(seconds)
    }

    fn burst(&mut self, number: Number, unit: LimitUnit) -> Parse<Number> {
        match (unit, self.word()) {
            (LimitUnit::Packets, "packets") => {
                self.advance();
                Ok(number)
            }
            (LimitUnit::Packets, _) => Err(self.unexpected("`packets`, as the rate counts packets")),
            (LimitUnit::Bytes, _) => self.bytes(number),
        }
    }

    fn connection_limit(&mut self) -> Parse<StatementKind> {
        self.expect_word("ct")?;
        self.expect_word("count")?;
        let over = self.eat("over");
        Ok(StatementKind::ConnectionLimit { over, count: self.number("how many connections")? })
    }

    fn ct_statement(&mut self) -> Parse<StatementKind> {
        let object = match self.peek_word(1) {
            "count" => return self.connection_limit(),
            "helper" => ObjectKind::CtHelper,
            "timeout" => ObjectKind::CtTimeout,
            "expectation" => ObjectKind::CtExpectation,
            _ => return self.match_or_assign(),
        };
        if self.peek_word(2) != "set" {
            return self.match_or_assign();
        }
        self.advance();
        self.advance();
        self.advance();
        Ok(StatementKind::ObjectReference { object, name: self.expression(Mode::Value)? })
    }

    fn reject(&mut self) -> Parse<StatementKind> {
        self.advance();
        if !self.eat("with") {
            return Ok(StatementKind::Reject(Reject::Default));
        }
        let with: fn(Expression) -> Reject = match self.word() {
            "icmp" => Reject::Icmp,
            "icmpv6" => Reject::Icmpv6,
            "icmpx" => Reject::Icmpx,
            "tcp" => {
                self.advance();
                self.expect_word("reset")?;
                return Ok(StatementKind::Reject(Reject::TcpReset));
            }
            word => {
                return Err(match advice::reject(word) {
                    Some(advice) => {
                        let message = format!("unknown way to reject `{}`", super::clip(word));
                        self.report(Diagnostic::error(self.span(), message).help(advice))
                    }
                    None => self.unknown("way to reject", &[&["icmp", "icmpv6", "icmpx", "tcp"]]),
                });
            }
        };
        self.advance();
        // `type` is how it was written before the codes stood alone.
        self.eat("type");
        Ok(StatementKind::Reject(with(self.primary(Mode::Constant)?)))
    }

    fn queue(&mut self) -> Parse<StatementKind> {
        self.advance();
        let mut queue = Queue::default();
        if self.eat("flags") {
            self.queue_flags(&mut queue)?;
        }
        if self.eat("num") {
            queue.to = Some(self.queue_number(false)?);
        } else if self.eat("to") {
            queue.to = Some(self.queue_number(true)?);
        }
        while matches!(self.word(), "bypass" | "fanout") {
            self.queue_flags(&mut queue)?;
        }
        Ok(StatementKind::Queue(queue))
    }

    /// A number, a range, or what computes a number, which `num` does not take.
    fn queue_number(&mut self, computed: bool) -> Parse<Expression> {
        use ExpressionKind as E;
        let number = self.expression(Mode::Value)?;
        match number.kind {
            E::Literal(_) | E::Range(_) | E::Variable(_) => Ok(number),
            E::Numgen(_) | E::Hash(_) | E::Map(_) if computed => Ok(number),
            E::Numgen(_) | E::Hash(_) | E::Map(_) => {
                let diagnostic = Diagnostic::error(number.span, "`num` takes a number or a range");
                Err(self.report(diagnostic.help("Write `to` before what computes a number.")))
            }
            _ => {
                let diagnostic = Diagnostic::error(number.span, "this does not say which queue");
                Err(self
                    .report(diagnostic.help("A number, a range, `numgen`, `jhash`, `symhash` or a map can.")))
            }
        }
    }

    fn queue_flags(&mut self, queue: &mut Queue) -> Parse<()> {
        loop {
            match self.word() {
                "bypass" => queue.bypass = true,
                "fanout" => queue.fanout = true,
                _ => return Err(self.unknown("queue flag", &[&["bypass", "fanout"]])),
            }
            self.advance();
            if !self.take(TokenKind::Comma) {
                return Ok(());
            }
        }
    }

    fn flow(&mut self) -> Parse<StatementKind> {
        self.advance();
        if !self.eat("add") && !self.eat("offload") {
            return Err(self.unexpected("`add`"));
        }
        Ok(StatementKind::FlowAdd { flowtable: self.set_reference()? })
    }

    fn set_update(&mut self, operation: SetOperation) -> Parse<StatementKind> {
        self.advance();
        let set = self.set_or_variable()?;
        let element = self.single_element()?;
        Ok(StatementKind::SetUpdate(SetUpdate { operation, set, element }))
    }

    /// `@name`, or a variable that stands for it.
    fn set_or_variable(&mut self) -> Parse<Name> {
        if self.kind() != TokenKind::Dollar {
            return self.set_reference();
        }
        let variable = self.variable()?;
        let mut kind = &variable.kind;
        // A definition uses only those before it.
        while let ExpressionKind::Variable(Some(id)) = kind {
            kind = match self.definitions.get(id.0 as usize) {
                Some(definition) => &definition.value.kind,
                None => break,
            };
        }
        match kind {
            ExpressionKind::SetReference(name) => Ok(*name),
            _ => Err(self.error(variable.span, "this variable stands for no set: define it as `@name`")),
        }
    }

    /// `set add key @name`, as it was written before `add @name { key }`.
    fn old_set_update(&mut self) -> Parse<StatementKind> {
        self.advance();
        let operation = match self.word() {
            "add" => SetOperation::Add,
            "update" => SetOperation::Update,
            "delete" => SetOperation::Delete,
            _ => return Err(self.unexpected("`add`, `update` or `delete`")),
        };
        self.advance();
        let element = self.element(Mode::Element)?;
        Ok(StatementKind::SetUpdate(SetUpdate { operation, set: self.set_reference()?, element }))
    }

    fn meter(&mut self) -> Parse<StatementKind> {
        self.advance();
        let name = self.name("the name of a meter")?;
        let size = self.number_after("size")?;
        Ok(StatementKind::Meter(Meter { name, size, element: self.single_element()? }))
    }

    fn reset_option(&mut self) -> Parse<StatementKind> {
        self.advance();
        let start = self.span();
        self.expect_word("tcp")?;
        let kind = self.tcp_option()?;
        Ok(StatementKind::ResetOption(Expression { span: self.since(start), kind }))
    }

    fn xt(&mut self) -> Parse<StatementKind> {
        self.advance();
        let kind = self.key("`match`, `target` or `watcher`")?;
        Ok(StatementKind::Xt { kind, name: self.string("the name of an extension")? })
    }

    fn match_or_assign(&mut self) -> Parse<StatementKind> {
        let subject = matches!(self.kind(), TokenKind::At | TokenKind::OpenParenthesis | TokenKind::Dollar)
            || self.at_expression_keyword();
        if !subject {
            return Err(self.no_statement());
        }
        let left = self.expression(Mode::Subject)?;
        if self.eat("vmap") {
            return Ok(StatementKind::VerdictMap { key: left, map: self.map_target()? });
        }
        if self.eat("set") {
            return self.assignment(left);
        }
        self.comparison(left)
    }

    fn no_statement(&mut self) -> crate::syntax::parser::Reported {
        let lists = [
            words::STATEMENTS,
            words::PROTOCOLS,
            words::EXPRESSION_STARTS,
            words::UNQUALIFIED_META_KEYS,
            super::chain::PROPERTIES,
        ];
        // a base chain's line is told by what follows
        let of_chain = matches!(self.peek_word(1), "filter" | "nat" | "route");
        if of_chain && super::near(self.text(), ["type"]).is_some() {
            self.unknown("statement", &[&["type"]])
        } else if self.kind() == TokenKind::Word {
            self.unknown("statement", &lists)
        } else {
            self.unexpected("a statement")
        }
    }

    fn assignment(&mut self, target: Expression) -> Parse<StatementKind> {
        use ExpressionKind as E;
        let settable = matches!(
            target.kind,
            E::Meta(_)
                | E::Ct(_)
                | E::Payload(_)
                | E::RawPayload(_)
                | E::ExtensionHeader(_)
                | E::TcpOption(_)
                | E::IpOption(_)
        );
        if !settable {
            let diagnostic = Diagnostic::error(target.span, "this cannot be set");
            return Err(self
                .report(diagnostic.help("Metadata, ct keys, header fields and header options can be set.")));
        }
        // The events of a connection have names that are keywords elsewhere (`mark`).
        let events = matches!(&target.kind, E::Ct(ct) if self.sources.snippet(ct.key.span) == "event");
        if self.kind() == TokenKind::OpenBrace {
            return Err(self.unexpected("one value, as a set cannot be assigned"));
        }
        let mode = if events { Mode::Constant } else { Mode::Value };
        let value = self.scoped(scope_of(&target), |parser| parser.expression_list(mode))?;
        Ok(StatementKind::Assign { target, value })
    }

    fn comparison(&mut self, left: Expression) -> Parse<StatementKind> {
        let operator_span = self.span();
        let operator = self.comparison_operator();
        if operator.is_some() {
            self.advance();
        } else if !self.at_constant() {
            return Err(self.unexpected("a value to compare with"));
        }
        // Right behind a key its words are still read as words of the language.
        if operator.is_none() && self.kind() == TokenKind::Word && scope_of(&left).is_own(self.text()) {
            return Err(self.keyword_as_name("a value"));
        }
        let operator_span = if operator.is_some() { operator_span } else { self.here() };
        let right = self.expression_list(Mode::Constant)?;
        let mask = if self.take(TokenKind::Slash) { Some(self.flag_mask()?) } else { None };
        Ok(StatementKind::Match(Match { left, operator, operator_span, right, mask }))
    }

    /// The mask of `syn / syn,ack`, which is a list: behind a slash, a single value would be the length of a prefix.
    fn flag_mask(&mut self) -> Parse<Expression> {
        let mask = self.expression_list(Mode::Constant)?;
        if matches!(mask.kind, ExpressionKind::List(_)) {
            return Ok(mask);
        }
        if let Some(length) = netmask(self.sources.snippet(mask.span)) {
            let diagnostic = Diagnostic::error(mask.span, "a network has the length of its prefix here");
            return Err(self.report(diagnostic.help(format!("Write `/{length}`."))));
        }
        let diagnostic =
            Diagnostic::error(mask.span, "a mask behind `/` is a list of flags, such as `syn,ack`");
        Err(self.report(diagnostic.help("Write `FIELD & MASK == VALUE` for any other mask.")))
    }

    fn comparison_operator(&self) -> Option<Comparison> {
        Some(match self.kind() {
            TokenKind::Equal => Comparison::Equal,
            TokenKind::NotEqual => Comparison::NotEqual,
            TokenKind::Less => Comparison::Less,
            TokenKind::Greater => Comparison::Greater,
            TokenKind::LessOrEqual => Comparison::LessOrEqual,
            TokenKind::GreaterOrEqual => Comparison::GreaterOrEqual,
            TokenKind::Bang => Comparison::Not,
            TokenKind::Word => match self.text() {
                "eq" => Comparison::Equal,
                "ne" => Comparison::NotEqual,
                "lt" => Comparison::Less,
                "gt" => Comparison::Greater,
                "le" => Comparison::LessOrEqual,
                "ge" => Comparison::GreaterOrEqual,
                "not" => Comparison::Not,
                _ => return None,
            },
            _ => return None,
        })
    }

    /// The rules of `jump { … }`.
    pub(super) fn anonymous_chain(&mut self) -> Parse<Vec<Rule>> {
        let mut rules = Vec::new();
        self.block(&mut |parser, _| {
            rules.push(parser.rule()?);
            Ok(Ends::Separated)
        })?;
        Ok(rules)
    }
}

/// Which words are keywords in what something is compared with.
fn scope_of(left: &Expression) -> Scope {
    match &left.kind {
        ExpressionKind::Meta(name) if name.span != left.span => Scope::Meta,
        ExpressionKind::Ct(_) => Scope::Ct,
        _ => Scope::Plain,
    }
}

const BYTE_UNITS: &[&str] = &["bytes", "kbytes", "mbytes"];

fn byte_unit(word: &str) -> Option<u64> {
    match word {
        "bytes" => Some(1),
        "kbytes" => Some(1 << 10),
        "mbytes" => Some(1 << 20),
        _ => None,
    }
}

/// The length of the prefix that a mask as `255.255.255.0` stands for.
fn netmask(text: &str) -> Option<u32> {
    let mask = text.parse::<std::net::Ipv4Addr>().ok()?.to_bits();
    (mask.leading_ones() + mask.trailing_zeros() == 32).then(|| mask.leading_ones())
}
