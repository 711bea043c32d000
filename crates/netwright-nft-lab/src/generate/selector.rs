//! What is loaded.

use netwright_netfilter::Family;
use netwright_nft::ir::{
    CtSelector, Direction, Expression, Exthdr, Fib, Hash, Numgen, Payload, PayloadLocation, Rt, Selector,
    Socket, Xfrm, XfrmDirection,
};
use netwright_nft::table::header::{EXTENSIONS, PayloadBase};
use netwright_nft::table::key::{self, Key, KeyKind, Layer3};
use netwright_nft::table::{ExtensionBase, Header, HeaderId};

use super::Generator;

impl Generator {
    /// Anything that can be compared with a constant.
    pub(super) fn selector(&mut self) -> Selector {
        match self.random.below(18) {
            0..=4 => self.field(),
            5 => self.raw(),
            6 | 7 => self.extension().unwrap_or_else(|| self.field()),
            8 | 9 => Selector::Meta(self.key(KeyKind::Meta)),
            10 if self.family != Family::NETDEV => Selector::Ct(self.ct()),
            11 => Selector::Rt(Rt { key: self.key(KeyKind::Rt) }),
            12 => self.socket(),
            13 => Selector::Fib(self.fib()),
            14 => self.computed(),
            15 => self.xfrm(),
            16 => Selector::Osf {
                ttl: *self.random.pick(&[None, Some(1), Some(2)]),
                version: self.random.one_in(2),
            },
            _ => Selector::Tunnel(self.key(KeyKind::Tunnel)),
        }
    }

    /// A field of the packet's headers.
    pub(super) fn field(&mut self) -> Selector {
        let id = *self.random.pick(&[self.network, self.transport]);
        let fields = id.header().fields;
        // The fields that tell the protocol would be told twice.
        let fields: Vec<_> =
            fields.iter().filter(|field| Some(field.name) != id.header().protocol_field).collect();
        let field = *self.random.pick(&fields);
        Selector::Payload(Payload { inner: None, location: PayloadLocation::Field(id.header(), field) })
    }

    /// Bytes behind the transport header, where nothing has a name.
    fn raw(&mut self) -> Selector {
        let (offset, bits) = (8 * self.random.below(40) as u32, 8 * (1 + self.random.below(8)) as u32);
        let location = PayloadLocation::Raw { base: PayloadBase::INNER, offset, bits };
        Selector::Payload(Payload { inner: None, location })
    }

    fn extension(&mut self) -> Option<Selector> {
        let base = match (self.random.below(2), self.network, self.transport) {
            (0, HeaderId::Ip6, _) => ExtensionBase::IPV6,
            (0, _, _) => ExtensionBase::IPV4,
            (_, _, HeaderId::Tcp) => ExtensionBase::TCP,
            (_, _, HeaderId::Sctp) => ExtensionBase::SCTP,
            _ => return None,
        };
        let headers: Vec<&'static Header> = EXTENSIONS
            .iter()
            .filter(|header| header.extension.is_some_and(|one| one.base == base))
            // Their fields are listed as those of the segment routing header.
            .filter(|header| !matches!(header.id, HeaderId::Routing0 | HeaderId::Routing2))
            .collect();
        let header = *self.random.pick(&headers);
        let number = header.extension?.number;
        // The options that share a number are the same option.
        let first = headers.iter().find(|one| one.extension.is_some_and(|one| one.number == number));
        let testable = header.extension?.testable && first == Some(&header);
        // The kind of an option has no name in texts.
        let named: Vec<_> = header.fields.iter().filter(|field| field.name != "kind").collect();
        if named.is_empty() {
            return None;
        }
        let field = Some(*self.random.pick(&named)).filter(|_| !testable || !self.random.one_in(4));
        Some(Selector::Exthdr(Exthdr { base, number, header: Some(header), field, raw: None }))
    }

    fn key(&mut self, kind: KeyKind) -> &'static Key {
        let keys: Vec<&'static Key> = key::table(kind)
            .iter()
            .filter(|key| key.readable && key.bits > 0 && (self.family == Family::BRIDGE || !key.bridge_only))
            .filter(|key| fits(key.layer3, self.network))
            // Old numbers of the same thing are not written any more.
            .filter(|key| {
                key.layer3 == Layer3::Any || key::by_layer3(kind, key.layer3, key.name) == Some(key)
            })
            // Nothing can be compared with them.
            .filter(|key| !["secmark", "event"].contains(&key.name))
            // What tells the protocol is a match of its own kind.
            .filter(|key| {
                kind != KeyKind::Meta || !["protocol", "nfproto", "l4proto", "iiftype"].contains(&key.name)
            })
            .collect();
        keys[self.random.below(keys.len())]
    }

    fn ct(&mut self) -> CtSelector {
        let key = self.key(KeyKind::Ct);
        let one = Some(*self.random.pick(&[Direction::Original, Direction::Reply]));
        let direction = match key.direction {
            key::Direction::None => None,
            key::Direction::Required => one,
            // A protocol is the same in both directions.
            key::Direction::Optional if ["protocol", "l3proto"].contains(&key.name) => None,
            key::Direction::Optional => one.filter(|_| self.random.one_in(2)),
        };
        CtSelector { key, direction }
    }

    fn socket(&mut self) -> Selector {
        let key = self.key(KeyKind::Socket);
        let level = (key.name == "cgroupv2").then(|| 1 + self.random.below(5) as u32);
        Selector::Socket(Socket { key, level })
    }

    fn fib(&mut self) -> Fib {
        let address = 1 << self.random.below(2);
        let mark = if self.random.one_in(3) { 1 << 2 } else { 0 };
        let interface = *self.random.pick(&[0, 1 << 3]);
        Fib { flags: address | mark | interface, key: self.key(KeyKind::Fib), present: false }
    }

    /// Numbers that the kernel computes.
    pub(super) fn computed(&mut self) -> Selector {
        let modulus = 2 + self.random.below(30) as u32;
        let offset = self.random.below(3) as u32 * 5;
        if self.random.one_in(2) {
            return Selector::Numgen(Numgen { random: self.random.one_in(2), modulus, offset });
        }
        let of = match self.random.below(3) {
            0 => None,
            1 => Some(Box::new(Expression::Selector(self.plain_field()))),
            _ => {
                let parts = [self.plain_field(), self.plain_field()];
                Some(Box::new(Expression::Concatenation(
                    parts.into_iter().map(Expression::Selector).collect(),
                )))
            }
        };
        let seed = of.as_ref().filter(|_| self.random.one_in(2)).map(|_| 0xabc);
        Selector::Hash(Hash { of, modulus, seed, offset })
    }

    /// A field of whole bytes: an address or a port.
    pub(super) fn plain_field(&mut self) -> Selector {
        let (id, name) = match self.random.below(4) {
            0 => (self.network, "saddr"),
            1 => (self.network, "daddr"),
            2 => (self.transport, "sport"),
            _ => (self.transport, "dport"),
        };
        self.named(id, name)
    }

    pub(super) fn named(&mut self, id: HeaderId, name: &str) -> Selector {
        let header = id.header();
        let field = header.field(name).unwrap_or(&header.fields[0]);
        Selector::Payload(Payload { inner: None, location: PayloadLocation::Field(header, field) })
    }

    fn xfrm(&mut self) -> Selector {
        let direction = *self.random.pick(&[XfrmDirection::In, XfrmDirection::Out]);
        Selector::Xfrm(Xfrm { direction, number: self.random.below(3) as u32, key: self.key(KeyKind::Ipsec) })
    }
}

fn fits(layer3: Layer3, network: HeaderId) -> bool {
    match layer3 {
        Layer3::Any => true,
        Layer3::Ipv4 => network == HeaderId::Ip,
        Layer3::Ipv6 => network == HeaderId::Ip6,
        Layer3::Context => false,
    }
}
