//! What is loaded: names of headers, fields and keys.

use netwright_netfilter::Family;

use super::{Eval, Evaluator};
use crate::diagnostic::Span;
use crate::ir::{
    CtSelector, Direction, Exthdr, Fib, Hash, Numgen, Payload, PayloadLocation, Rt, Selector, Socket, Xfrm,
    XfrmDirection,
};
use crate::syntax::ast::{self, ExpressionKind};
use crate::table::header::{HEADERS, PayloadBase};
use crate::table::key::{self, FIB_FLAGS, Key, KeyKind, Layer3, OSF_TTL_MODES};
use crate::table::{ExtensionBase, Header, HeaderId};

impl<'a> Evaluator<'a> {
    /// What an expression loads; `None` where it is no selector.
    pub(super) fn selector(&mut self, expression: &'a ast::Expression) -> Eval<Option<Selector>> {
        Ok(Some(match &expression.kind {
            ExpressionKind::Meta(name) => Selector::Meta(self.meta_key(*name)?),
            ExpressionKind::Payload(payload) => Selector::Payload(self.payload(expression.span, payload)?),
            ExpressionKind::RawPayload(raw) => Selector::Payload(self.raw_payload(raw)?),
            ExpressionKind::ExtensionHeader(header) => Selector::Exthdr(self.extension_header(header)?),
            ExpressionKind::TcpOption(option) => Selector::Exthdr(self.tcp_option(option)?),
            ExpressionKind::IpOption(option) => {
                Selector::Exthdr(self.named_option(ExtensionBase::IPV4, option.option, option.field)?)
            }
            ExpressionKind::SctpChunk(chunk) => {
                Selector::Exthdr(self.named_option(ExtensionBase::SCTP, chunk.option, chunk.field)?)
            }
            ExpressionKind::DccpOption(number) => {
                let number = self.fit(**number, "the kind of a DCCP option")?;
                Selector::Exthdr(Exthdr {
                    base: ExtensionBase::DCCP,
                    number,
                    header: None,
                    field: None,
                    raw: None,
                })
            }
            ExpressionKind::Ct(ct) => Selector::Ct(self.ct(expression.span, ct)?),
            ExpressionKind::Fib(fib) => Selector::Fib(self.fib(expression.span, fib)?),
            ExpressionKind::Route(route) => Selector::Rt(self.route(expression.span, route)?),
            ExpressionKind::Socket(socket) => {
                let level = socket.level.map(|level| self.fit(level, "a level")).transpose()?;
                Selector::Socket(Socket { key: self.key(KeyKind::Socket, socket.key, "socket")?, level })
            }
            ExpressionKind::Ipsec(ipsec) => Selector::Xfrm(self.ipsec(ipsec)?),
            ExpressionKind::Osf(osf) => self.osf(osf)?,
            ExpressionKind::Numgen(numgen) => Selector::Numgen(self.numgen(numgen)?),
            ExpressionKind::Hash(hash) => Selector::Hash(self.hash(hash)?),
            ExpressionKind::Tunnel(name) => Selector::Tunnel(self.key(KeyKind::Tunnel, *name, "tunnel")?),
            _ => return Ok(None),
        }))
    }

    fn meta_key(&mut self, name: ast::Name) -> Eval<&'static Key> {
        let text = self.text(name);
        match key::by_name(KeyKind::Meta, text).or_else(|| key::bare(text)) {
            Some(key) if key.name == "nfproto" && self.family != Family::INET => {
                let message = "`meta nfproto` says something only in tables of the family `inet`";
                self.error(name.span, message)
            }
            Some(key) => Ok(key),
            None => self.unknown_key(KeyKind::Meta, name, "meta"),
        }
    }

    fn key(&mut self, kind: KeyKind, name: ast::Name, what: &str) -> Eval<&'static Key> {
        match key::by_name(kind, self.text(name)) {
            Some(key) => Ok(key),
            None => self.unknown_key(kind, name, what),
        }
    }

    fn unknown_key<T>(&mut self, kind: KeyKind, name: ast::Name, what: &str) -> Eval<T> {
        let known: Vec<&str> = key::table(kind).iter().map(|key| key.name).collect();
        self.unknown(name.span, self.text(name), &format!("{what} key"), &known)
    }

    fn payload(&mut self, span: Span, payload: &ast::Payload) -> Eval<Payload> {
        let header = self.header(payload.protocol)?;
        let inner = payload.tunnel.map(|tunnel| self.header(tunnel)).transpose()?;
        if let Some(tunnel) = inner
            && tunnel.tunnel.is_none()
        {
            return self
                .error(span, format!("`{}` carries no packet that could be looked into", tunnel.name));
        }
        let mut word = self.text(payload.field).to_owned();
        if let Some(qualifier) = payload.qualifier {
            word = format!("{word} {}", self.text(qualifier));
        }
        let Some(field) = header.field(&word) else {
            let known: Vec<&str> = header.fields.iter().map(|field| field.name).collect();
            return self.unknown(payload.field.span, &word, &format!("field of `{}`", header.name), &known);
        };
        Ok(Payload { inner, location: PayloadLocation::Field(header, field) })
    }

    fn header(&mut self, name: ast::Name) -> Eval<&'static Header> {
        let text = self.text(name);
        match HeaderId::by_name(text) {
            Some(id) => Ok(id.header()),
            None => {
                let known: Vec<&str> = HEADERS.iter().map(|header| header.name).collect();
                self.unknown(name.span, text, "protocol", &known)
            }
        }
    }

    fn raw_payload(&mut self, raw: &ast::RawPayload) -> Eval<Payload> {
        let text = self.text(raw.base);
        let Some(base) = PayloadBase::by_raw_name(text) else {
            return self.unknown(raw.base.span, text, "base", &["ll", "nh", "th", "ih"]);
        };
        let (offset, bits) = (self.fit(raw.offset, "an offset")?, self.fit(raw.length, "a length")?);
        self.check_length(raw.length, bits)?;
        // The ports lie in one place in all transports, and have a name there.
        let ports = (base == PayloadBase::TRANSPORT).then(|| HeaderId::Th.header());
        let port = ports.and_then(|header| Some((header, header.field_at(offset, bits, None)?)));
        let location = match port {
            Some((header, field)) => PayloadLocation::Field(header, field),
            None => PayloadLocation::Raw { base, offset, bits },
        };
        Ok(Payload { inner: None, location })
    }

    fn check_length(&mut self, number: ast::Number, bits: u32) -> Eval<()> {
        match bits {
            0 => self.error(number.span, "no bits at all cannot be loaded"),
            1..=512 => Ok(()),
            _ => self.error(number.span, "at most 512 bits can be loaded at once"),
        }
    }

    fn extension_header(&mut self, wanted: &ast::ExtensionHeader) -> Eval<Exthdr> {
        let mut found = self.named_option(ExtensionBase::IPV6, wanted.header, None)?;
        let (Some(name), Some(header)) = (wanted.field, found.header) else { return Ok(found) };
        let mut word = self.text(name).to_owned();
        if let Some(index) = wanted.index {
            word = format!("{word}[{}]", index.value);
        }
        found.field = Some(self.option_field(header, name.span, &word)?);
        Ok(found)
    }

    fn named_option(
        &mut self,
        base: ExtensionBase,
        option: ast::Name,
        field: Option<ast::Name>,
    ) -> Eval<Exthdr> {
        let text = self.text(option);
        let Some((header, extension)) = HeaderId::by_extension_name(base, text)
            .map(HeaderId::header)
            .and_then(|h| Some((h, h.extension?)))
        else {
            let known: Vec<&str> = crate::table::header::EXTENSIONS
                .iter()
                .filter(|header| header.extension.is_some_and(|extension| extension.base == base))
                .map(|header| header.name)
                .collect();
            let what = match base {
                ExtensionBase::TCP => "TCP option",
                ExtensionBase::IPV4 => "IP option",
                ExtensionBase::SCTP => "SCTP chunk",
                _ => "extension header",
            };
            return self.unknown(option.span, text, what, &known);
        };
        let field = match field {
            Some(name) => Some(self.option_field(header, name.span, self.text(name))?),
            None => None,
        };
        Ok(Exthdr { base, number: extension.number, header: Some(header), field, raw: None })
    }

    fn option_field(
        &mut self,
        header: &'static Header,
        span: Span,
        word: &str,
    ) -> Eval<&'static crate::table::Field> {
        match header.field(word) {
            Some(field) => Ok(field),
            None => {
                let known: Vec<&str> = header.fields.iter().map(|field| field.name).collect();
                self.unknown(span, word, &format!("field of `{}`", header.name), &known)
            }
        }
    }

    fn tcp_option(&mut self, option: &ast::TcpOption) -> Eval<Exthdr> {
        let base = ExtensionBase::TCP;
        match &option.option {
            ast::TcpOptionName::Word(name) => self.named_option(base, *name, option.field),
            ast::TcpOptionName::Kind(kind) => {
                let number = self.fit(*kind, "the kind of a TCP option")?;
                let raw = match option.field.map(|field| (field, self.text(field))) {
                    None => None,
                    Some((_, "kind")) => Some((0, 8)),
                    // The first two are a single byte.
                    Some((_, "length")) if number > 1 => Some((8, 8)),
                    Some((field, word)) => {
                        return self.unknown(
                            field.span,
                            word,
                            "field of any TCP option",
                            &["kind", "length"],
                        );
                    }
                };
                Ok(Exthdr { base, number, header: None, field: None, raw })
            }
            ast::TcpOptionName::Raw { kind, offset, length } => {
                let number = self.fit(*kind, "the kind of a TCP option")?;
                let (from, bits) = (self.fit(*offset, "an offset")?, self.fit(*length, "a length")?);
                self.check_length(*length, bits)?;
                Ok(Exthdr { base, number, header: None, field: None, raw: Some((from, bits)) })
            }
        }
    }

    fn ct(&mut self, span: Span, ct: &ast::Ct) -> Eval<CtSelector> {
        let text = self.text(ct.key);
        let layer3 = ct.version.map(|version| match version {
            ast::IpVersion::V4 => Layer3::Ipv4,
            ast::IpVersion::V6 => Layer3::Ipv6,
        });
        let found = match layer3 {
            Some(layer3) => key::by_layer3(KeyKind::Ct, layer3, text),
            None => key::by_name(KeyKind::Ct, text),
        };
        let Some(mut found) = found else { return self.unknown_key(KeyKind::Ct, ct.key, "ct") };
        if found.layer3 == Layer3::Context {
            let Some(known) = self.network_of_packet().and_then(|layer3| key::in_layer3(found, layer3))
            else {
                let message =
                    format!("write `ip {text}` or `ip6 {text}`: the address of a connection has a family");
                return self.error(span, message);
            };
            found = known;
        }
        let direction = ct.direction.map(|direction| match direction {
            ast::CtDirection::Original => Direction::Original,
            ast::CtDirection::Reply => Direction::Reply,
        });
        match (found.direction, direction) {
            (key::Direction::Required, None) => {
                self.error(span, format!("write `ct original {text}` or `ct reply {text}`"))
            }
            (key::Direction::None, Some(_)) => {
                self.error(span, format!("`ct {text}` is the same in both directions"))
            }
            _ => Ok(CtSelector { key: found, direction }),
        }
    }

    /// The layer 3 protocol that the packet is known to have here.
    fn network_of_packet(&self) -> Option<Layer3> {
        match self.context.network()?.id {
            HeaderId::Ip => Some(Layer3::Ipv4),
            HeaderId::Ip6 => Some(Layer3::Ipv6),
            _ => None,
        }
    }

    fn fib(&mut self, span: Span, fib: &ast::Fib) -> Eval<Fib> {
        let mut flags = 0;
        for name in &fib.tuple {
            let word = self.text(*name);
            match FIB_FLAGS.iter().find(|flag| flag.name == word) {
                Some(flag) => flags |= flag.bit,
                None => {
                    let known: Vec<&str> = FIB_FLAGS.iter().map(|flag| flag.name).collect();
                    return self.unknown(name.span, word, "fib key", &known);
                }
            }
        }
        let has = |name: &str| FIB_FLAGS.iter().any(|flag| flag.name == name && flags & flag.bit != 0);
        let span = fib.tuple.first().zip(fib.tuple.last()).map_or(span, |(a, b)| a.span.to(b.span));
        if has("saddr") && has("daddr") {
            return self.error(span, "fib looks up the source or the destination address, not both");
        }
        if has("iif") && has("oif") {
            return self.error(span, "fib takes the input or the output interface, not both");
        }
        if !has("saddr") && !has("daddr") {
            return self.error(span, "fib needs an address to look up: `saddr` or `daddr`");
        }
        let result = self.text(fib.result);
        let (name, present) = if result == "check" { ("oif", true) } else { (result, false) };
        match key::by_name(KeyKind::Fib, name) {
            Some(key) => Ok(Fib { flags, key, present }),
            None => {
                self.unknown(fib.result.span, result, "result of fib", &["oif", "oifname", "type", "check"])
            }
        }
    }

    fn route(&mut self, span: Span, route: &ast::Route) -> Eval<Rt> {
        let text = self.text(route.key);
        let layer3 = match route.version {
            Some(ast::IpVersion::V4) => Some(Layer3::Ipv4),
            Some(ast::IpVersion::V6) => Some(Layer3::Ipv6),
            None => None,
        };
        let Some(mut found) = (match layer3 {
            Some(layer3) => key::by_layer3(KeyKind::Rt, layer3, text),
            None => key::by_name(KeyKind::Rt, text),
        }) else {
            return self.unknown_key(KeyKind::Rt, route.key, "rt");
        };
        let network = self.network_of_packet();
        if found.layer3 == Layer3::Context {
            let Some(known) = network.and_then(|layer3| key::in_layer3(found, layer3)) else {
                let message =
                    "write `rt ip nexthop` or `rt ip6 nexthop`: the family of the packet is not known here";
                return self.error(span, message);
            };
            found = known;
        }
        let never = matches!(
            (found.layer3, network),
            (Layer3::Ipv4, Some(Layer3::Ipv6)) | (Layer3::Ipv6, Some(Layer3::Ipv4))
        );
        if never {
            self.error(span, "packets here are of the other family: this never matches")
        } else {
            Ok(Rt { key: found })
        }
    }

    fn ipsec(&mut self, ipsec: &ast::Ipsec) -> Eval<Xfrm> {
        let text = self.text(ipsec.key);
        let found = match ipsec.version {
            Some(ast::IpVersion::V4) => key::by_layer3(KeyKind::Ipsec, Layer3::Ipv4, text),
            Some(ast::IpVersion::V6) => key::by_layer3(KeyKind::Ipsec, Layer3::Ipv6, text),
            None => key::by_layer3(KeyKind::Ipsec, Layer3::Any, text),
        };
        let Some(key) = found else { return self.unknown_key(KeyKind::Ipsec, ipsec.key, "ipsec") };
        let number =
            ipsec.number.map(|number| self.fit(number, "the number of a transformation")).transpose()?;
        let direction = match ipsec.direction {
            ast::IpsecDirection::In => XfrmDirection::In,
            ast::IpsecDirection::Out => XfrmDirection::Out,
        };
        Ok(Xfrm { direction, number: number.unwrap_or(0), key })
    }

    fn osf(&mut self, osf: &ast::Osf) -> Eval<Selector> {
        let ttl = match osf.ttl {
            None => None,
            Some(name) => {
                let word = self.text(name);
                match OSF_TTL_MODES.iter().find(|(mode, _)| *mode == word) {
                    Some((_, number)) => Some(*number),
                    None => return self.unknown(name.span, word, "way to judge the ttl", &["loose", "skip"]),
                }
            }
        };
        let key = self.key(KeyKind::Osf, osf.key, "osf")?;
        Ok(Selector::Osf { ttl, version: key.number != 0 })
    }

    fn numgen(&mut self, numgen: &ast::Numgen) -> Eval<Numgen> {
        let random = match self.text(numgen.mode) {
            "random" => true,
            "inc" => false,
            word => return self.unknown(numgen.mode.span, word, "kind of number", &["inc", "random"]),
        };
        let modulus = self.modulus(numgen.modulus)?;
        let offset = numgen.offset.map(|offset| self.fit(offset, "an offset")).transpose()?;
        Ok(Numgen { random, modulus, offset: offset.unwrap_or(0) })
    }

    fn modulus(&mut self, number: ast::Number) -> Eval<u32> {
        let modulus = self.fit(number, "a modulus")?;
        if modulus == 0 { self.error(number.span, "there is no number below 0") } else { Ok(modulus) }
    }

    fn hash(&mut self, hash: &'a ast::Hash) -> Eval<Hash> {
        let of = match &hash.input {
            Some(input) => Some(Box::new(self.computed(input, None)?)),
            None => None,
        };
        let modulus = self.modulus(hash.modulus)?;
        let seed = hash.seed.map(|seed| self.fit(seed, "a seed")).transpose()?;
        let offset = hash.offset.map(|offset| self.fit(offset, "an offset")).transpose()?;
        Ok(Hash { of, modulus, seed, offset: offset.unwrap_or(0) })
    }
}
