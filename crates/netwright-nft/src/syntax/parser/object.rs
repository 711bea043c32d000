//! What a table holds.

use super::super::ast::{
    Chain, CtExpectation, CtHelper, CtTimeout, Expression, ExpressionKind, Flowtable, GeneveOption, HookSpec,
    LiteralKind, Name, Object, ObjectBody, ObjectKind, Priority, Set, SetKind, TableItem, Tunnel,
    TunnelOptions, TypeSpec, ValueSpec,
};
use super::super::lexer::TokenKind;
use super::super::words;
use super::expression::Mode;
use super::{Parse, Parser};
use crate::diagnostic::Span;

/// Words that name a kind of object as the value of a map.
const OBJECT_TYPES: &[&str] =
    &["verdict", "counter", "quota", "limit", "synproxy", "secmark", "tunnel", "ct"];

impl Parser<'_> {
    /// The braces of a chain.
    pub(super) fn chain_block(&mut self, name: Name) -> Parse<Chain> {
        let mut chain =
            Chain { name, hook: None, policy: None, flags: Vec::new(), comment: None, rules: Vec::new() };
        self.block(&mut |parser, start| parser.chain_line(&mut chain, start))?;
        Ok(chain)
    }

    fn chain_line(&mut self, chain: &mut Chain, start: Span) -> Parse<()> {
        match self.word() {
            "type" | "hook" | "device" | "devices" => chain.hook = Some(self.hook_spec(start)?),
            "policy" => {
                self.advance();
                chain.policy = Some(self.primary(Mode::Constant)?);
            }
            "flags" => {
                self.advance();
                chain.flags = self.keys("a flag")?;
            }
            "comment" => {
                self.advance();
                chain.comment = Some(self.comment()?);
            }
            _ => chain.rules.push(self.rule()?),
        }
        Ok(())
    }

    fn hook_spec(&mut self, start: Span) -> Parse<HookSpec> {
        let mut spec = HookSpec { span: start, kind: None, hook: None, devices: Vec::new(), priority: None };
        while !self.at_end() {
            match self.word() {
                "type" => {
                    self.advance();
                    spec.kind = Some(self.key("`filter`, `nat` or `route`")?);
                }
                "hook" => {
                    self.advance();
                    spec.hook = Some(self.key("a hook such as `input`")?);
                }
                "device" => {
                    self.advance();
                    spec.devices.push(self.primary(Mode::Constant)?);
                }
                "devices" => spec.devices.extend(self.devices()?),
                "priority" => {
                    self.advance();
                    spec.priority = Some(self.priority()?);
                }
                _ => {
                    return Err(
                        self.unknown("part of a hook", &[&["type", "hook", "device", "devices", "priority"]])
                    );
                }
            }
        }
        spec.span = self.since(start);
        Ok(spec)
    }

    /// `devices = { a, b }` or `devices = $name`.
    fn devices(&mut self) -> Parse<Vec<Expression>> {
        self.advance();
        self.assign()?;
        match self.kind() {
            TokenKind::Dollar => Ok(vec![self.variable()?]),
            TokenKind::OpenBrace => {
                let joined = self.open_joined();
                let mut devices = Vec::new();
                while self.kind() != TokenKind::CloseBrace {
                    devices.push(self.primary(Mode::Constant)?);
                    if self.kind() != TokenKind::CloseBrace && !self.take(TokenKind::Comma) {
                        return Err(self.unexpected_in_set());
                    }
                }
                self.close_joined(joined)?;
                Ok(devices)
            }
            _ => Err(self.unexpected("`{`")),
        }
    }

    fn priority(&mut self) -> Parse<Priority> {
        let start = self.span();
        let base = match self.kind() {
            TokenKind::Word | TokenKind::String | TokenKind::Dollar => Some(self.primary(Mode::Constant)?),
            _ => None,
        };
        let negative = self.kind() == TokenKind::Dash;
        let signed = self.take(TokenKind::Dash) || self.take(TokenKind::Plus);
        let mut offset = 0;
        if signed || base.is_none() {
            let number = self.number("a priority: a number, or a name such as `filter`")?;
            let Ok(value) = i64::try_from(number.value) else {
                return Err(self.error(number.span, "this is too large for a priority"));
            };
            offset = if negative { -value } else { value };
        }
        Ok(Priority { span: self.since(start), base, offset })
    }

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

    fn set_line(&mut self, set: &mut Set) -> Parse<()> {
        let word = self.word();
        if matches!(word, "counter" | "quota" | "limit" | "last" | "ct") {
            while !self.at_end() {
                let statement = self.stateful_statement()?;
                set.statements.push(statement);
            }
            return Ok(());
        }
        let known = words::SET_PROPERTIES.contains(&word);
        if !known {
            return Err(self.unknown("property of a set", &[words::SET_PROPERTIES]));
        }
        let property = word.to_string();
        self.advance();
        match property.as_str() {
            "type" => self.set_type(set, Self::type_names)?,
            "typeof" => self.set_type(set, Self::type_of)?,
            "flags" => set.flags = self.keys("a flag")?,
            "timeout" => set.timeout = Some(self.time()?),
            "gc-interval" => set.gc_interval = Some(self.time()?),
            "size" => set.size = Some(self.number("the largest number of elements")?),
            "policy" => set.policy = Some(self.key("`performance` or `memory`")?),
            "auto-merge" => set.auto_merge = true,
            "comment" => set.comment = Some(self.comment()?),
            _ => {
                self.assign()?;
                let elements = self.elements()?;
                set.elements.push(elements);
            }
        }
        Ok(())
    }

    /// A set between braces, or a variable that stands for one.
    pub(super) fn elements(&mut self) -> Parse<Expression> {
        match self.kind() {
            TokenKind::OpenBrace | TokenKind::Dollar => self.primary(Mode::Constant),
            _ => Err(self.unexpected("`{` and elements")),
        }
    }

    fn set_type(&mut self, set: &mut Set, read: fn(&mut Self) -> Parse<TypeSpec>) -> Parse<()> {
        set.key = Some(read(self)?);
        if self.take(TokenKind::Colon) {
            let interval = self.eat("interval");
            let alone = self.peek(1).kind != TokenKind::Word || self.at("ct");
            let object = OBJECT_TYPES.contains(&self.word()) && (alone && !self.is_ct_expression());
            let spec = if object { self.object_type()? } else { read(self)? };
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

    /// The braces of a flow table.
    pub(super) fn flowtable_block(&mut self, name: Name) -> Parse<Flowtable> {
        let mut flowtable = Flowtable {
            name,
            hook: None,
            priority: None,
            devices: Vec::new(),
            flags: Vec::new(),
            counter: false,
        };
        self.block(&mut |parser, _| {
            match parser.word() {
                "hook" => {
                    parser.advance();
                    flowtable.hook = Some(parser.key("`ingress`")?);
                    if parser.eat("priority") {
                        flowtable.priority = Some(parser.priority()?);
                    }
                }
                "priority" => {
                    parser.advance();
                    flowtable.priority = Some(parser.priority()?);
                }
                "devices" => flowtable.devices = parser.devices()?,
                "flags" => {
                    parser.advance();
                    flowtable.flags = parser.keys("`offload`")?;
                }
                "counter" => {
                    parser.advance();
                    flowtable.counter = true;
                }
                _ => {
                    const KNOWN: &[&str] = &["hook", "priority", "devices", "flags", "counter"];
                    return Err(parser.unknown("property of a flow table", &[KNOWN]));
                }
            }
            Ok(())
        })?;
        Ok(flowtable)
    }

    /// The definition of a named object behind its name: in braces, on the same line, or not at all.
    pub(super) fn object(&mut self, kind: ObjectKind, name: Name) -> Parse<TableItem> {
        let body = match kind {
            ObjectKind::Counter => ObjectBody::Counter(Default::default()),
            ObjectKind::Quota => ObjectBody::Quota(None),
            ObjectKind::Limit => ObjectBody::Limit(None),
            ObjectKind::CtHelper => ObjectBody::CtHelper(CtHelper::default()),
            ObjectKind::CtTimeout => ObjectBody::CtTimeout(CtTimeout::default()),
            ObjectKind::CtExpectation => ObjectBody::CtExpectation(CtExpectation::default()),
            ObjectKind::Synproxy => ObjectBody::Synproxy(Default::default()),
            ObjectKind::Secmark => ObjectBody::Secmark(None),
            ObjectKind::Tunnel => ObjectBody::Tunnel(Box::default()),
        };
        let mut object = Object { name, body, comment: None };
        if self.kind() == TokenKind::OpenBrace {
            self.block(&mut |parser, _| {
                if parser.eat("comment") {
                    object.comment = Some(parser.comment()?);
                    return Ok(());
                }
                parser.object_line(&mut object.body)
            })?;
        } else if !self.at_end() {
            self.object_line(&mut object.body)?;
        }
        Ok(TableItem::Object(object))
    }

    fn object_line(&mut self, body: &mut ObjectBody) -> Parse<()> {
        match body {
            ObjectBody::Counter(counter) => {
                let before = self.span();
                let values = self.counter_values()?;
                if self.span() == before {
                    return Err(self.unknown("property of a counter", &[&["packets", "bytes", "comment"]]));
                }
                counter.packets = values.packets.or(counter.packets);
                counter.bytes = values.bytes.or(counter.bytes);
            }
            ObjectBody::Quota(quota) => *quota = Some(self.quota()?),
            ObjectBody::Limit(limit) => *limit = Some(self.limit()?),
            ObjectBody::CtHelper(helper) => self.ct_helper_line(helper)?,
            ObjectBody::CtTimeout(timeout) => self.ct_timeout_line(timeout)?,
            ObjectBody::CtExpectation(expectation) => self.ct_expectation_line(expectation)?,
            ObjectBody::Synproxy(synproxy) => {
                let before = self.span();
                let read = self.synproxy_options()?;
                if self.span() == before {
                    return Err(self
                        .unknown("property of a synproxy", &[&["mss", "wscale", "timestamp", "sack-perm"]]));
                }
                synproxy.mss = read.mss.or(synproxy.mss);
                synproxy.window_scale = read.window_scale.or(synproxy.window_scale);
                synproxy.timestamp |= read.timestamp;
                synproxy.sack_permitted |= read.sack_permitted;
            }
            ObjectBody::Secmark(context) => {
                if self.kind() != TokenKind::String {
                    return Err(self.unexpected("a security context, between double quotes"));
                }
                *context = Some(self.name("a security context")?);
            }
            ObjectBody::Tunnel(tunnel) => self.tunnel_line(tunnel)?,
        }
        Ok(())
    }

    fn ct_helper_line(&mut self, helper: &mut CtHelper) -> Parse<()> {
        match self.word() {
            "type" => {
                self.advance();
                helper.helper = Some(self.name("the helper's name, such as \"ftp\"")?);
                if self.eat("protocol") {
                    helper.protocol = Some(self.key("`tcp` or `udp`")?);
                }
            }
            "protocol" => {
                self.advance();
                helper.protocol = Some(self.key("`tcp` or `udp`")?);
            }
            "l3proto" => {
                self.advance();
                helper.l3_protocol = Some(self.key("a family")?);
            }
            _ => {
                return Err(
                    self.unknown("property of a ct helper", &[&["type", "protocol", "l3proto", "comment"]])
                );
            }
        }
        Ok(())
    }

    fn ct_timeout_line(&mut self, timeout: &mut CtTimeout) -> Parse<()> {
        match self.word() {
            "protocol" => {
                self.advance();
                timeout.protocol = Some(self.key("a protocol")?);
            }
            "l3proto" => {
                self.advance();
                timeout.l3_protocol = Some(self.key("a family")?);
            }
            "policy" => {
                self.advance();
                self.assign()?;
                self.ct_timeout_policy(timeout)?;
            }
            _ => {
                return Err(self
                    .unknown("property of a ct timeout", &[&["protocol", "l3proto", "policy", "comment"]]));
            }
        }
        Ok(())
    }

    fn ct_timeout_policy(&mut self, timeout: &mut CtTimeout) -> Parse<()> {
        if self.kind() != TokenKind::OpenBrace {
            return Err(self.unexpected("`{`"));
        }
        let joined = self.open_joined();
        while self.kind() != TokenKind::CloseBrace {
            let state = self.key("a state of a connection")?;
            self.expect(TokenKind::Colon, "`:` and a time")?;
            timeout.policy.push((state, self.time()?));
            if self.kind() != TokenKind::CloseBrace && !self.take(TokenKind::Comma) {
                return Err(self.unexpected_in_set());
            }
        }
        self.close_joined(joined)
    }

    fn ct_expectation_line(&mut self, expectation: &mut CtExpectation) -> Parse<()> {
        match self.word() {
            "protocol" => {
                self.advance();
                expectation.protocol = Some(self.key("a protocol")?);
            }
            "l3proto" => {
                self.advance();
                expectation.l3_protocol = Some(self.key("a family")?);
            }
            "dport" => {
                self.advance();
                expectation.port = Some(self.primary(Mode::Constant)?);
            }
            "timeout" => {
                self.advance();
                expectation.timeout = Some(self.time()?);
            }
            "size" => expectation.size = self.number_after("size")?,
            _ => {
                const KNOWN: &[&str] = &["protocol", "l3proto", "dport", "timeout", "size", "comment"];
                return Err(self.unknown("property of a ct expectation", &[KNOWN]));
            }
        }
        Ok(())
    }

    fn tunnel_line(&mut self, tunnel: &mut Tunnel) -> Parse<()> {
        match self.word() {
            "id" => tunnel.id = self.number_after("id")?,
            "sport" => tunnel.source_port = self.number_after("sport")?,
            "dport" => tunnel.destination_port = self.number_after("dport")?,
            "ttl" => tunnel.ttl = self.number_after("ttl")?,
            "tos" => tunnel.tos = self.number_after("tos")?,
            "ip" | "ip6" => self.tunnel_address(tunnel)?,
            "vxlan" | "erspan" | "geneve" => tunnel.options = Some(self.tunnel_options()?),
            _ => {
                const KNOWN: &[&str] = &[
                    "id", "sport", "dport", "ttl", "tos", "ip", "ip6", "vxlan", "erspan", "geneve", "comment",
                ];
                return Err(self.unknown("property of a tunnel", &[KNOWN]));
            }
        }
        Ok(())
    }

    fn tunnel_address(&mut self, tunnel: &mut Tunnel) -> Parse<()> {
        self.advance();
        let source = self.at("saddr");
        if !source && !self.at("daddr") {
            return Err(self.unexpected("`saddr` or `daddr`"));
        }
        self.advance();
        let address = self.primary(Mode::Constant)?;
        if source {
            tunnel.source = Some(address);
        } else {
            tunnel.destination = Some(address);
        }
        Ok(())
    }

    fn tunnel_options(&mut self) -> Parse<TunnelOptions> {
        let mut options = match self.word() {
            "vxlan" => TunnelOptions::Vxlan { group_policy: None },
            "geneve" => TunnelOptions::Geneve(Vec::new()),
            _ => TunnelOptions::Erspan { version: None, index: None, direction: None, hardware_id: None },
        };
        self.advance();
        self.block(&mut |parser, _| parser.tunnel_option(&mut options))?;
        Ok(options)
    }

    fn tunnel_option(&mut self, options: &mut TunnelOptions) -> Parse<()> {
        match (options, self.word()) {
            (TunnelOptions::Vxlan { group_policy }, "gbp") => *group_policy = self.number_after("gbp")?,
            (TunnelOptions::Erspan { version, .. }, "version") => *version = self.number_after("version")?,
            (TunnelOptions::Erspan { index, .. }, "index") => *index = self.number_after("index")?,
            (TunnelOptions::Erspan { hardware_id, .. }, "id") => *hardware_id = self.number_after("id")?,
            (TunnelOptions::Erspan { direction, .. }, "direction") => {
                self.advance();
                *direction = Some(self.key("`ingress` or `egress`")?);
            }
            (TunnelOptions::Geneve(list), "class") => {
                self.advance();
                let class = self.number("the class of an option")?;
                self.expect_word("opt-type")?;
                let kind = self.number("the type of an option")?;
                self.expect_word("data")?;
                list.push(GeneveOption {
                    class,
                    kind,
                    data: self.name("hexadecimal digits, between double quotes")?,
                });
            }
            _ => {
                const KNOWN: &[&str] = &["gbp", "version", "index", "id", "direction", "class"];
                return Err(self.unknown("property of a tunnel", &[KNOWN]));
            }
        }
        Ok(())
    }

    /// The name of a type (`describe ipv4_addr`), where no expression begins.
    pub(super) fn type_or_expression(&mut self) -> Parse<Expression> {
        let start = self.span();
        if self.kind() == TokenKind::Word && !self.at_expression_keyword() {
            self.advance();
            return Ok(Expression { span: start, kind: ExpressionKind::Literal(LiteralKind::Word) });
        }
        self.expression(Mode::Subject)
    }
}
