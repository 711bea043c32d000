//! What a value can be taken from: headers, metadata, connections, routes, sockets, generators.

use super::super::ast::{
    Ct, CtDirection, Expression, ExpressionKind, ExtensionHeader, Fib, Hash, IpVersion, Ipsec,
    IpsecDirection, Name, Numgen, OptionField, Osf, Payload, RawPayload, Route, Socket, TcpOption,
    TcpOptionName,
};
use super::super::lexer::TokenKind;
use super::super::words;
use super::expression::Mode;
use super::{Parse, Parser};
use crate::diagnostic::Span;

/// What a route can be looked up by.
const FIB_KEYS: &[&str] = &["saddr", "daddr", "mark", "iif", "oif"];

impl Parser<'_> {
    /// The expression that the current word begins, if it begins one here.
    pub(super) fn field(&mut self, mode: Mode) -> Parse<Option<Expression>> {
        if mode == Mode::Constant || !self.begins_field(mode) {
            return Ok(None);
        }
        let start = self.span();
        let kind = self.field_kind(start)?;
        Ok(Some(Expression { span: self.since(start), kind }))
    }

    pub(super) fn begins_field(&self, mode: Mode) -> bool {
        let word = self.word();
        if mode == Mode::Subject {
            return self.at_expression_keyword();
        }
        let next = self.peek_word(1);
        let route = word == "rt" && words::ROUTE_KEYS.contains(&next);
        if mode == Mode::Value
            && !route
            && (words::EXTENSION_HEADERS.contains(&word)
                || word == "exthdr"
                || word == "tunnel"
                || word == "ipsec" && matches!(next, "in" | "out"))
        {
            return false;
        }
        if words::EXTENSION_HEADERS.contains(&word) {
            return route || words::EXTENSION_HEADER_FIELDS.contains(&next);
        }
        if words::PROTOCOLS.contains(&word) {
            let inner = words::TUNNELS.contains(&word) && words::PROTOCOLS.contains(&next);
            return inner || words::FIELDS.contains(&next) || matches!(next, "option" | "chunk");
        }
        let needs_word = !words::UNQUALIFIED_META_KEYS.contains(&word);
        self.at_expression_keyword() && (!needs_word || !next.is_empty())
    }

    fn field_kind(&mut self, start: Span) -> Parse<ExpressionKind> {
        let first = Name { span: start };
        let word = self.word();
        if words::UNQUALIFIED_META_KEYS.contains(&word) {
            self.advance();
            return Ok(ExpressionKind::Meta(first));
        }
        match word {
            "meta" => {
                self.advance();
                Ok(ExpressionKind::Meta(self.key("what to know of the packet, such as `mark`")?))
            }
            "ct" => self.ct(),
            "fib" => self.fib(),
            "rt" => self.route_or_header(),
            "socket" => self.socket(),
            // `ipsec exists` asks for the metadata, `ipsec in …` for the association.
            "ipsec" if !matches!(self.peek_word(1), "in" | "out") => {
                self.advance();
                Ok(ExpressionKind::Meta(first))
            }
            "ipsec" => self.ipsec(),
            "osf" => self.osf(),
            "numgen" => self.numgen(),
            "jhash" | "symhash" => self.hash(),
            "tunnel" => {
                self.advance();
                Ok(ExpressionKind::Tunnel(self.one_of("thing to know of the tunnel", &["id", "path"])?))
            }
            "exthdr" => {
                self.advance();
                let header = self.one_of("extension header", words::EXTENSION_HEADERS)?;
                Ok(ExpressionKind::ExtensionHeader(Box::new(ExtensionHeader {
                    header,
                    field: None,
                    index: None,
                })))
            }
            "hbh" | "frag" | "dst" | "mh" | "srh" | "rt0" | "rt2" => self.extension_header(),
            _ => self.payload(),
        }
    }

    fn payload(&mut self) -> Parse<ExpressionKind> {
        let mut protocol = self.key("a protocol")?;
        let mut tunnel = None;
        if words::TUNNELS.contains(&self.sources_text(protocol)) && words::PROTOCOLS.contains(&self.word()) {
            tunnel = Some(protocol);
            protocol = self.key("a protocol")?;
        }
        match (self.text_of_name(protocol).as_str(), self.word()) {
            ("tcp", "option") if tunnel.is_none() => return self.tcp_option(),
            ("ip", "option") if tunnel.is_none() => {
                self.advance();
                let field = self.option_field("an IP option", words::IP_OPTION_FIELDS)?;
                return Ok(ExpressionKind::IpOption(Box::new(field)));
            }
            ("sctp", "chunk") if tunnel.is_none() => {
                self.advance();
                let field = self.option_field("an SCTP chunk", words::SCTP_CHUNK_FIELDS)?;
                return Ok(ExpressionKind::SctpChunk(Box::new(field)));
            }
            ("dccp", "option") if tunnel.is_none() => {
                self.advance();
                return Ok(ExpressionKind::DccpOption(Box::new(self.number("the number of a DCCP option")?)));
            }
            _ => {}
        }
        let field = self.key("a field of the header")?;
        let arp_address =
            self.sources_text(protocol) == "arp" && matches!(self.sources_text(field), "saddr" | "daddr");
        let qualifier = match self.word() {
            "ip" | "ether" if arp_address => Some(self.key("`ip` or `ether`")?),
            _ => None,
        };
        Ok(ExpressionKind::Payload(Box::new(Payload { tunnel, protocol, field, qualifier })))
    }

    fn sources_text(&self, name: Name) -> &str {
        self.sources.snippet(name.span)
    }

    fn text_of_name(&self, name: Name) -> String {
        self.sources_text(name).to_string()
    }

    fn option_field(&mut self, what: &str, fields: &[&str]) -> Parse<OptionField> {
        let option = self.key(what)?;
        let field = if fields.contains(&self.word()) { Some(self.key("a field")?) } else { None };
        Ok(OptionField { option, field })
    }

    /// From `option` on.
    pub(super) fn tcp_option(&mut self) -> Parse<ExpressionKind> {
        self.expect_word("option")?;
        let option = match self.kind() {
            TokenKind::Number => TcpOptionName::Kind(self.number("the number of a TCP option")?),
            TokenKind::At => {
                self.advance();
                let kind = self.number("the number of a TCP option")?;
                self.expect(TokenKind::Comma, "`,` and an offset in bits")?;
                let offset = self.number("an offset in bits")?;
                self.expect(TokenKind::Comma, "`,` and a length in bits")?;
                let length = self.number("a length in bits")?;
                TcpOptionName::Raw { kind, offset, length }
            }
            _ => TcpOptionName::Word(self.key("a TCP option")?),
        };
        let has_field =
            words::TCP_OPTION_FIELDS.contains(&self.word()) && !matches!(option, TcpOptionName::Raw { .. });
        let field = if has_field { Some(self.key("a field")?) } else { None };
        Ok(ExpressionKind::TcpOption(Box::new(TcpOption { option, field })))
    }

    fn extension_header(&mut self) -> Parse<ExpressionKind> {
        let header = self.key("an IPv6 extension header")?;
        let field = Some(self.key("a field of the header")?);
        let mut index = None;
        if self.take(TokenKind::OpenBracket) {
            index = Some(self.number("the number of a segment")?);
            self.expect(TokenKind::CloseBracket, "`]`")?;
        }
        Ok(ExpressionKind::ExtensionHeader(Box::new(ExtensionHeader { header, field, index })))
    }

    fn route_or_header(&mut self) -> Parse<ExpressionKind> {
        if !words::ROUTE_KEYS.contains(&self.peek_word(1)) {
            return self.extension_header();
        }
        self.advance();
        let version = self.ip_version();
        let key = self.one_of("thing to know of the route", &["classid", "nexthop", "mtu", "ipsec"])?;
        Ok(ExpressionKind::Route(Box::new(Route { version, key })))
    }

    /// `ip` or `ip6`, if it stands here.
    pub(super) fn ip_version(&mut self) -> Option<IpVersion> {
        let version = match self.word() {
            "ip" => IpVersion::V4,
            "ip6" => IpVersion::V6,
            _ => return None,
        };
        self.advance();
        Some(version)
    }

    fn ct(&mut self) -> Parse<ExpressionKind> {
        self.advance();
        let direction = match self.word() {
            "original" => Some(CtDirection::Original),
            "reply" => Some(CtDirection::Reply),
            _ => None,
        };
        if direction.is_some() {
            self.advance();
        }
        let version = self.ip_version();
        let key = self.key("what to know of the connection, such as `state`")?;
        Ok(ExpressionKind::Ct(Box::new(Ct { direction, version, key })))
    }

    fn fib(&mut self) -> Parse<ExpressionKind> {
        self.advance();
        let mut tuple = vec![self.one_of("key of a route", FIB_KEYS)?];
        while self.take(TokenKind::Dot) {
            tuple.push(self.one_of("key of a route", FIB_KEYS)?);
        }
        let result = self.one_of("thing to know of the route", &["oif", "oifname", "type", "check"])?;
        Ok(ExpressionKind::Fib(Box::new(Fib { tuple, result })))
    }

    fn socket(&mut self) -> Parse<ExpressionKind> {
        self.advance();
        let key =
            self.one_of("thing to know of the socket", &["transparent", "mark", "wildcard", "cgroupv2"])?;
        let level = self.number_after("level")?;
        Ok(ExpressionKind::Socket(Box::new(Socket { key, level })))
    }

    fn ipsec(&mut self) -> Parse<ExpressionKind> {
        self.advance();
        let direction = if self.eat("in") {
            IpsecDirection::In
        } else {
            self.expect_word("out")?;
            IpsecDirection::Out
        };
        let number = self.number_after("spnum")?;
        let version = self.ip_version();
        let key = self.one_of("thing to know of the association", &["reqid", "spi", "saddr", "daddr"])?;
        Ok(ExpressionKind::Ipsec(Box::new(Ipsec { direction, number, version, key })))
    }

    fn osf(&mut self) -> Parse<ExpressionKind> {
        self.advance();
        let ttl = if self.eat("ttl") {
            Some(self.one_of("way to treat the ttl", &["loose", "skip"])?)
        } else {
            None
        };
        let key = self.one_of("thing to know of the system", &["name", "version"])?;
        Ok(ExpressionKind::Osf(Box::new(Osf { ttl, key })))
    }

    fn numgen(&mut self) -> Parse<ExpressionKind> {
        self.advance();
        let mode = self.one_of("kind of generator", &["inc", "random"])?;
        self.expect_word("mod")?;
        let modulus = self.number("a number")?;
        let offset = self.number_after("offset")?;
        Ok(ExpressionKind::Numgen(Box::new(Numgen { mode, modulus, offset })))
    }

    fn hash(&mut self) -> Parse<ExpressionKind> {
        let jhash = self.at("jhash");
        self.advance();
        let input = if jhash { Some(self.expression(Mode::Subject)?) } else { None };
        self.expect_word("mod")?;
        let modulus = self.number("a number")?;
        let seed = if jhash { self.number_after("seed")? } else { None };
        let offset = self.number_after("offset")?;
        Ok(ExpressionKind::Hash(Box::new(Hash { input, modulus, seed, offset })))
    }

    /// `@name`, or `@th,16,16`.
    pub(super) fn reference_or_raw_payload(&mut self) -> Parse<Expression> {
        let start = self.span();
        self.advance();
        let raw = matches!(self.word(), "ll" | "nh" | "th" | "ih") && self.peek(1).kind == TokenKind::Comma;
        let what = "the name of a set";
        let name = if raw { self.key(what)? } else { self.name(what)? };
        if !raw {
            return Ok(Expression { span: self.since(start), kind: ExpressionKind::SetReference(name) });
        }
        self.expect(TokenKind::Comma, "`,` and an offset in bits")?;
        let offset = self.number("an offset in bits")?;
        self.expect(TokenKind::Comma, "`,` and a length in bits")?;
        let length = self.number("a length in bits")?;
        let kind = ExpressionKind::RawPayload(Box::new(RawPayload { base: name, offset, length }));
        Ok(Expression { span: self.since(start), kind })
    }
}
