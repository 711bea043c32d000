//! Named objects.

use super::super::ast::{
    CtExpectation, CtHelper, CtTimeout, Expression, ExpressionKind, GeneveOption, LiteralKind, Name, Object,
    ObjectBody, ObjectKind, Synproxy, TableItem, Tunnel, TunnelOptions,
};
use super::super::lexer::TokenKind;
use super::block::Ends;
use super::expression::Mode;
use super::{Parse, Parser};

impl Parser<'_> {
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
            self.block(&mut |parser, start| {
                if !parser.at("comment") {
                    return parser.object_line(&mut object.body);
                }
                let again = parser.once(object.comment.map(|comment| comment.span), start);
                parser.advance();
                object.comment = Some(parser.comment()?);
                again?;
                Ok(Ends::Freely)
            })?;
        } else if self.at_end()
            && matches!(kind, ObjectKind::Quota | ObjectKind::Limit | ObjectKind::Synproxy)
        {
            return Err(self.unexpected("what the object does, in `{ … }` or without"));
        } else if !self.at_end() {
            self.object_line(&mut object.body)?;
        }
        Ok(TableItem::Object(object))
    }

    fn object_line(&mut self, body: &mut ObjectBody) -> Parse<Ends> {
        match body {
            ObjectBody::Counter(counter) => {
                if !self.at("packets") {
                    return Err(self.unknown("property of a counter", &[&["packets", "comment"]]));
                }
                counter.packets = self.number_after("packets")?;
                self.expect_word("bytes")?;
                counter.bytes = Some(self.number("a number of bytes")?);
            }
            ObjectBody::Quota(quota) => *quota = Some(self.quota()?),
            ObjectBody::Limit(limit) => *limit = Some(self.limit()?),
            ObjectBody::CtHelper(helper) => return self.ct_helper_line(helper),
            ObjectBody::CtTimeout(timeout) => return self.ct_timeout_line(timeout),
            ObjectBody::CtExpectation(expectation) => return self.ct_expectation_line(expectation),
            ObjectBody::Synproxy(synproxy) => *synproxy = self.synproxy_object()?,
            ObjectBody::Secmark(context) => {
                *context = Some(self.string("a security context, between double quotes")?);
            }
            ObjectBody::Tunnel(tunnel) => return self.tunnel_line(tunnel),
        }
        Ok(Ends::Freely)
    }

    /// `mss 1460 wscale 7 timestamp sack-perm`, on one line or on three.
    fn synproxy_object(&mut self) -> Parse<Synproxy> {
        let mut synproxy = Synproxy::default();
        self.expect_word("mss")?;
        synproxy.mss = Some(self.number("a segment size in bytes")?);
        let lines = self.kind() != TokenKind::Word;
        self.skip_separators();
        self.expect_word("wscale")?;
        synproxy.window_scale = Some(self.number("a window scale")?);
        if lines {
            self.expect_separator()?;
        }
        synproxy.timestamp = self.eat("timestamp");
        synproxy.sack_permitted = self.eat("sack-perm") || self.eat("sack-permitted");
        Ok(synproxy)
    }

    fn ct_helper_line(&mut self, helper: &mut CtHelper) -> Parse<Ends> {
        match self.word() {
            "type" => {
                self.advance();
                helper.helper = Some(self.quoted("the helper's name, such as \"ftp\"")?);
                self.expect_word("protocol")?;
                helper.protocol = Some(self.key("`tcp` or `udp`")?);
            }
            "l3proto" => {
                self.advance();
                helper.l3_protocol = Some(self.key("a family")?);
            }
            _ => {
                return Err(self.unknown("property of a ct helper", &[&["type", "l3proto", "comment"]]));
            }
        }
        Ok(Ends::Separated)
    }

    fn ct_timeout_line(&mut self, timeout: &mut CtTimeout) -> Parse<Ends> {
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
        Ok(Ends::Separated)
    }

    fn ct_timeout_policy(&mut self, timeout: &mut CtTimeout) -> Parse<()> {
        if self.kind() != TokenKind::OpenBrace {
            return Err(self.unexpected("`{`"));
        }
        let joined = self.open_joined();
        loop {
            let state = self.key("a state of a connection")?;
            self.expect(TokenKind::Colon, "`:` and a time")?;
            timeout.policy.push((state, self.time_or_seconds()?));
            if !self.take(TokenKind::Comma) {
                break;
            }
        }
        self.close_joined(joined)
    }

    fn ct_expectation_line(&mut self, expectation: &mut CtExpectation) -> Parse<Ends> {
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
                let port = self.number("a port")?;
                let kind = ExpressionKind::Literal(LiteralKind::Number);
                expectation.port = Some(Expression { span: port.span, kind });
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
        Ok(Ends::Separated)
    }

    fn tunnel_line(&mut self, tunnel: &mut Tunnel) -> Parse<Ends> {
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
        Ok(Ends::Separated)
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

    fn tunnel_option(&mut self, options: &mut TunnelOptions) -> Parse<Ends> {
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
                    data: self.quoted("hexadecimal digits, between double quotes")?,
                });
            }
            _ => {
                const KNOWN: &[&str] = &["gbp", "version", "index", "id", "direction", "class"];
                return Err(self.unknown("property of a tunnel", &[KNOWN]));
            }
        }
        Ok(Ends::Separated)
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
