//! What a value can be taken from: headers, metadata, connections, routes, sockets, generators.

use super::super::reader::{Located, Value};
use super::{Input, Members, Read};
use crate::diagnostic::Span;
use crate::syntax::ast::{
    Ct, CtDirection, ExpressionKind, ExtensionHeader, Fib, Hash, IpVersion, Ipsec, IpsecDirection, Name,
    Numgen, OptionField, Osf, Payload, RawPayload, Route, Socket, TcpOption, TcpOptionName,
};

/// What can stand where an expression is needed.
const EXPRESSIONS: &[&str] = &[
    "concat",
    "set",
    "map",
    "prefix",
    "range",
    "payload",
    "exthdr",
    "tcp option",
    "ip option",
    "sctp chunk",
    "dccp option",
    "meta",
    "rt",
    "ct",
    "numgen",
    "jhash",
    "symhash",
    "fib",
    "socket",
    "osf",
    "ipsec",
    "tunnel",
    "|",
    "^",
    "&",
    "<<",
    ">>",
    "accept",
    "drop",
    "continue",
    "return",
    "jump",
    "goto",
];

fn same_text(a: &Located, b: &Located) -> bool {
    matches!((&a.value, &b.value), (Value::String(a), Value::String(b)) if a == b)
}

impl Input {
    pub(super) fn selector(&mut self, word: &str, word_span: Span, node: &Located) -> Read<ExpressionKind> {
        match word {
            "payload" => self.payload(node),
            "exthdr" => {
                let members = self.object(node, "an extension header", &["name", "field", "offset"])?;
                Ok(ExpressionKind::ExtensionHeader(Box::new(ExtensionHeader {
                    header: members.need_name(self, "name")?,
                    field: members.name(self, "field")?,
                    index: members.number(self, "offset")?,
                })))
            }
            "tcp option" => self.tcp_option(node, false),
            "ip option" => {
                let field = self.option_field(node, "an IP option")?;
                Ok(ExpressionKind::IpOption(Box::new(field)))
            }
            "sctp chunk" => {
                let field = self.option_field(node, "an SCTP chunk")?;
                Ok(ExpressionKind::SctpChunk(Box::new(field)))
            }
            "dccp option" => {
                let members = self.object(node, "a DCCP option", &["type"])?;
                Ok(ExpressionKind::DccpOption(Box::new(members.need_number(self, "type")?)))
            }
            "meta" => Ok(ExpressionKind::Meta(self.only_key(node, "meta")?)),
            "tunnel" => Ok(ExpressionKind::Tunnel(self.only_key(node, "tunnel")?)),
            "ct" => self.ct(node),
            "fib" => {
                let members = self.object(node, "fib", &["result", "flags"])?;
                let (result, tuple) = (members.need_name(self, "result")?, members.names(self, "flags")?);
                Ok(ExpressionKind::Fib(Box::new(Fib { tuple, result })))
            }
            "rt" => {
                let members = self.object(node, "rt", &["key", "family"])?;
                let (key, version) = (members.need_name(self, "key")?, self.version(&members)?);
                Ok(ExpressionKind::Route(Box::new(Route { version, key })))
            }
            "socket" => {
                let members = self.object(node, "socket", &["key", "level"])?;
                let (key, level) = (members.need_name(self, "key")?, members.number(self, "level")?);
                Ok(ExpressionKind::Socket(Box::new(Socket { key, level })))
            }
            "ipsec" => self.ipsec(node),
            "osf" => {
                let members = self.object(node, "osf", &["key", "ttl"])?;
                let (key, ttl) = (members.need_name(self, "key")?, members.name(self, "ttl")?);
                Ok(ExpressionKind::Osf(Box::new(Osf { ttl, key })))
            }
            "numgen" => {
                let members = self.object(node, "numgen", &["mode", "mod", "offset"])?;
                Ok(ExpressionKind::Numgen(Box::new(Numgen {
                    mode: members.need_name(self, "mode")?,
                    modulus: members.need_number(self, "mod")?,
                    offset: members.number(self, "offset")?,
                })))
            }
            "jhash" => {
                let members = self.object(node, "jhash", &["expr", "mod", "seed", "offset"])?;
                let input = Some(self.need_member(&members, "expr")?);
                self.hash(&members, input)
            }
            "symhash" => {
                let members = self.object(node, "symhash", &["mod", "offset"])?;
                self.hash(&members, None)
            }
            _ => self.unknown(word_span, word, "expression", EXPRESSIONS),
        }
    }

    fn only_key(&mut self, node: &Located, what: &'static str) -> Read<Name> {
        let members = self.object(node, what, &["key"])?;
        members.need_name(self, "key")
    }

    /// `ip` or `ip6` as the member `family`.
    pub(super) fn version(&mut self, members: &Members<'_>) -> Read<Option<IpVersion>> {
        let Some(node) = members.get("family") else { return Ok(None) };
        match self.string(node, "`family`")? {
            "ip" => Ok(Some(IpVersion::V4)),
            "ip6" => Ok(Some(IpVersion::V6)),
            word => self.unknown(node.span, word, "family of addresses", &["ip", "ip6"]),
        }
    }

    fn payload(&mut self, node: &Located) -> Read<ExpressionKind> {
        let raw =
            matches!(&node.value, Value::Object(entries) if entries.iter().any(|entry| entry.key == "base"));
        if raw {
            let members = self.object(node, "a payload", &["base", "offset", "len"])?;
            return Ok(ExpressionKind::RawPayload(Box::new(RawPayload {
                base: members.need_name(self, "base")?,
                offset: members.need_number(self, "offset")?,
                length: members.need_number(self, "len")?,
            })));
        }
        let members = self.object(node, "a payload", &["protocol", "field", "tunnel"])?;
        // A field of the tunnel's own header is told as if it were behind that header.
        let protocol = members.need(self, "protocol")?;
        let own = members.get("tunnel").is_some_and(|tunnel| same_text(tunnel, protocol));
        Ok(ExpressionKind::Payload(Box::new(Payload {
            tunnel: if own { None } else { members.name(self, "tunnel")? },
            protocol: self.name(protocol, "`protocol`")?,
            field: members.need_name(self, "field")?,
            qualifier: None,
        })))
    }

    /// A TCP option. `asked`: it is the option's presence that is asked for, which the schema writes like its first byte.
    pub(super) fn tcp_option(&mut self, node: &Located, asked: bool) -> Read<ExpressionKind> {
        let members = self.object(node, "a TCP option", &["name", "field", "base", "offset", "len"])?;
        let Some(kind) = members.number(self, "base")? else {
            let option = TcpOptionName::Word(members.need_name(self, "name")?);
            let field = members.name(self, "field")?;
            return Ok(ExpressionKind::TcpOption(Box::new(TcpOption { option, field })));
        };
        let (offset, length) = (members.need_number(self, "offset")?, members.need_number(self, "len")?);
        let option =
            if asked { TcpOptionName::Kind(kind) } else { TcpOptionName::Raw { kind, offset, length } };
        Ok(ExpressionKind::TcpOption(Box::new(TcpOption { option, field: None })))
    }

    fn option_field(&mut self, node: &Located, what: &'static str) -> Read<OptionField> {
        let members = self.object(node, what, &["name", "field"])?;
        Ok(OptionField { option: members.need_name(self, "name")?, field: members.name(self, "field")? })
    }

    /// A key of a connection; its family stands before it, or by itself.
    fn ct(&mut self, node: &Located) -> Read<ExpressionKind> {
        let members = self.object(node, "ct", &["key", "family", "dir"])?;
        let key_node = members.need(self, "key")?;
        let text = self.string(key_node, "`key`")?;
        let (mut version, mut key) = (self.version(&members)?, Name { span: self.span(key_node) });
        for (word, found) in [("ip ", IpVersion::V4), ("ip6 ", IpVersion::V6)] {
            if text.starts_with(word) {
                version = Some(found);
                key = Name { span: self.part(key_node, word.len()..text.len()) };
            }
        }
        let direction = match members.get("dir") {
            None => None,
            Some(node) => match self.string(node, "`dir`")? {
                "original" => Some(CtDirection::Original),
                "reply" => Some(CtDirection::Reply),
                word => return self.unknown(node.span, word, "direction", &["original", "reply"]),
            },
        };
        Ok(ExpressionKind::Ct(Box::new(Ct { direction, version, key })))
    }

    fn ipsec(&mut self, node: &Located) -> Read<ExpressionKind> {
        let members = self.object(node, "ipsec", &["key", "family", "dir", "spnum"])?;
        let node = members.need(self, "dir")?;
        let direction = match self.string(node, "`dir`")? {
            "in" => IpsecDirection::In,
            "out" => IpsecDirection::Out,
            word => return self.unknown(node.span, word, "direction", &["in", "out"]),
        };
        Ok(ExpressionKind::Ipsec(Box::new(Ipsec {
            direction,
            number: members.number(self, "spnum")?,
            version: self.version(&members)?,
            key: members.need_name(self, "key")?,
        })))
    }

    fn hash(
        &mut self,
        members: &Members<'_>,
        input: Option<crate::syntax::ast::Expression>,
    ) -> Read<ExpressionKind> {
        Ok(ExpressionKind::Hash(Box::new(Hash {
            input,
            modulus: members.need_number(self, "mod")?,
            seed: members.number(self, "seed")?,
            offset: members.number(self, "offset")?,
        })))
    }
}
