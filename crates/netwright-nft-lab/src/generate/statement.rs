//! What rules do.

use netwright_netfilter::Family;
use netwright_nft::ir::{
    BinaryOperator, ChainTarget, Counter, CtSelector, Duplicate, Element, Expression, Forward, Limit,
    LimitRate, Log, Nat, NatKind, ObjectKind, ObjectName, Queue, QueueTarget, Quota, Reject, Selector,
    SetReference, SetUpdate, SetUpdateOperation, Statement, Synproxy, Tproxy, TypePart, Value, Verdict,
};
use netwright_nft::table::key::{self, KeyKind};
use netwright_nft::table::{DataType, HeaderId};

use super::Generator;

impl Generator {
    /// Something after which the rule goes on.
    pub(super) fn action(&mut self) -> Statement {
        match self.random.below(16) {
            0 | 1 => Statement::Counter(self.counter()),
            2 => Statement::Quota(self.quota()),
            3 | 4 => Statement::Limit(self.limit()),
            5 => Statement::ConnectionLimit {
                count: self.random.below(1000) as u32,
                over: self.random.one_in(2),
            },
            6 => Statement::Last(None),
            7 => self.object(),
            8 | 9 => Statement::Log(self.log()),
            10 => Statement::Notrack,
            11 => Statement::FlowAdd("ft".to_owned()),
            12 if self.transport == HeaderId::Tcp => Statement::ResetTcpOption(*self.random.pick(&[2, 4, 8])),
            12 | 13 if self.network == HeaderId::Ip => Statement::SetUpdate(self.set_update()),
            _ => self.assign(),
        }
    }

    /// Something after which nothing is reached.
    pub(super) fn end(&mut self, depth: usize) -> Statement {
        match self.random.below(14) {
            0 => Statement::Reject(self.reject()),
            1 | 2 => Statement::Nat(self.nat()),
            3 if self.transport_matched => self.tproxy(),
            4 => Statement::Synproxy(self.synproxy()),
            5 => self.elsewhere(),
            6 => Statement::Queue(self.queue()),
            7 | 8 => self.verdict_map(),
            _ => Statement::Verdict(self.verdict(depth)),
        }
    }

    fn verdict(&mut self, depth: usize) -> Verdict {
        match self.random.below(7) {
            0 => Verdict::Accept,
            1 => Verdict::Drop,
            2 => Verdict::Continue,
            3 => Verdict::Return,
            4 if depth > 0 => {
                let shape = self.shape();
                let rules = (0..=self.random.below(2)).map(|_| self.plain_rule(depth - 1)).collect();
                (self.network, self.transport, self.network_matched, self.transport_matched) = shape;
                Verdict::Jump(ChainTarget::Anonymous(rules))
            }
            5 => Verdict::Jump(ChainTarget::Named("other".to_owned())),
            _ => Verdict::Goto(ChainTarget::Named("other".to_owned())),
        }
    }

    fn counter(&mut self) -> Counter {
        Counter { packets: self.random.below(1000) as u64, bytes: self.random.number() >> 20 }
    }

    fn quota(&mut self) -> Quota {
        let bytes = (1 + self.random.below(5000)) as u64 * *self.random.pick(&[1, 1024, 1 << 20]);
        Quota { bytes, used: *self.random.pick(&[0, 1, 4096]), over: self.random.one_in(2) }
    }

    fn limit(&mut self) -> Limit {
        let number = 1 + self.random.below(5000) as u64;
        let rate = match self.random.one_in(2) {
            true => LimitRate::Packets(number),
            false => LimitRate::Bytes(number * *self.random.pick(&[1, 1024, 1 << 20])),
        };
        let seconds = *self.random.pick(&[1, 60, 3600, 86400, 604_800]);
        Limit { rate, seconds, burst: 1 + self.random.below(100) as u32, over: self.random.one_in(2) }
    }

    fn object(&mut self) -> Statement {
        let (kind, name) = *self.random.pick(&[
            (ObjectKind::COUNTER, "hits"),
            (ObjectKind::QUOTA, "monthly"),
            (ObjectKind::LIMIT, "slow"),
        ]);
        if kind == ObjectKind::COUNTER && self.random.one_in(3) {
            let keys = self.elements(&TypePart::of(DataType::INET_SERVICE));
            let data = || Some(Expression::ObjectName("hits".to_owned()));
            let map = keys.into_iter().map(|element| Element { data: data(), ..element }).collect();
            let key = Box::new(Expression::Selector(self.named(self.transport, "dport")));
            return Statement::Object(kind, ObjectName::Map(key, SetReference::Anonymous(map)));
        }
        if kind == ObjectKind::COUNTER && self.random.one_in(2) {
            let key = Box::new(Expression::Selector(self.named(self.transport, "dport")));
            return Statement::Object(kind, ObjectName::Map(key, SetReference::Named("counters".to_owned())));
        }
        Statement::Object(kind, ObjectName::Name(name.to_owned()))
    }

    fn log(&mut self) -> Log {
        let prefix = self.random.one_in(2).then(|| self.word() + ": ");
        if self.random.one_in(2) {
            let threshold = self.random.one_in(2).then_some(20);
            let snaplen = self.random.one_in(2).then_some(100);
            return Log { prefix, group: Some(2), snaplen, queue_threshold: threshold, ..Log::default() };
        }
        let level = *self.random.pick(&[None, Some(0), Some(3), Some(7)]);
        Log { prefix, level, flags: *self.random.pick(&[0, 1, 2, 3, 4, 8, 0x20, 0x2f]), ..Log::default() }
    }

    fn set_update(&mut self) -> SetUpdate {
        let operation = *self.random.pick(&[
            SetUpdateOperation::Add,
            SetUpdateOperation::Update,
            SetUpdateOperation::Delete,
        ]);
        let mapped = self.random.one_in(3);
        let data = mapped.then(|| Expression::Value(self.value(&TypePart::of(DataType::MARK))));
        let statements = match self.random.below(3) {
            0 if !mapped => vec![Statement::Limit(self.limit())],
            1 if !mapped => vec![Statement::Counter(Counter::default())],
            _ => Vec::new(),
        };
        SetUpdate {
            operation,
            set: (if mapped { "learned" } else { "growing" }).to_owned(),
            key: Expression::Selector(self.named(HeaderId::Ip, "saddr")),
            data,
            timeout: self.random.one_in(2).then(|| 1000 * (1 + self.random.below(100_000)) as u64),
            statements,
            comment: None,
        }
    }

    fn assign(&mut self) -> Statement {
        let ct = |name: &str| {
            key::by_name(KeyKind::Ct, name).map(|key| Selector::Ct(CtSelector { key, direction: None }))
        };
        let meta = |name: &str| key::by_name(KeyKind::Meta, name).map(Selector::Meta);
        let selector = match self.random.below(8) {
            0 => ct("mark"),
            1 => meta("priority"),
            2 => meta("nftrace"),
            3 => meta("pkttype"),
            4 => Some(self.named(self.network, "saddr")),
            5 => Some(self.named(self.transport, "dport")),
            6 => Some(self.named(self.network, "dscp")),
            _ => meta("mark"),
        };
        let selector = selector.unwrap_or_else(|| self.plain_field());
        let mark = selector.part().data_type == DataType::MARK;
        let value = match self.random.below(4) {
            0 if mark => {
                let key = Box::new(Expression::Selector(self.named(self.transport, "dport")));
                Expression::Map(key, SetReference::Named("marks".to_owned()))
            }
            1 if mark => {
                let keys = self.elements(&TypePart::of(DataType::INET_SERVICE));
                let data = TypePart::of(DataType::MARK);
                let map = keys
                    .into_iter()
                    .map(|element| Element { data: Some(Expression::Value(self.value(&data))), ..element });
                let map = SetReference::Anonymous(map.collect());
                Expression::Map(Box::new(Expression::Selector(self.named(self.transport, "dport"))), map)
            }
            2 if mark => self.computed_mark(),
            _ => Expression::Value(self.value(&selector.part())),
        };
        Statement::Assign(selector, value)
    }

    /// `meta mark`, `meta mark & 0x55 | 0x11`, `meta mark << 3`
    fn computed_mark(&mut self) -> Expression {
        let part = TypePart::of(DataType::MARK);
        let loaded = Expression::Selector(self.mark());
        let number = |number| Expression::Value(Value::number(part.data_type, part.bits, number));
        let amount = |number| Expression::Value(Value::number(DataType::INTEGER, 32, number));
        let binary = |operator, left, right| Expression::Binary(operator, Box::new(left), Box::new(right));
        match self.random.below(4) {
            // What is set anyway need not be kept, and is listed as if it were.
            0 => {
                binary(BinaryOperator::Or, binary(BinaryOperator::And, loaded, number(0xff12)), number(0x12))
            }
            1 => binary(BinaryOperator::Xor, loaded, number(0x5a)),
            2 => binary(BinaryOperator::ShiftLeft, loaded, amount(3)),
            _ => loaded,
        }
    }

    /// An expression that nobody knows.
    pub(super) fn unknown(&mut self) -> Statement {
        let data = (0..4 * self.random.below(4)).map(|_| self.random.byte()).collect();
        Statement::Raw(vec![netwright_netfilter::Expression::Unknown {
            name: format!("x-{}", self.word()),
            data,
        }])
    }

    fn reject(&mut self) -> Reject {
        let code = *self.random.pick(&[0, 1, 2]);
        match self.random.below(4) {
            0 if self.transport == HeaderId::Tcp && self.transport_matched => Reject::TcpReset,
            1 if self.network == HeaderId::Ip && self.network_matched => {
                Reject::Icmp(*self.random.pick(&[0, 1, 9, 13]))
            }
            1 if self.network_matched => Reject::Icmpv6(*self.random.pick(&[0, 1, 3])),
            // The code 1 is what goes without saying.
            _ if code == 1 && !self.network_matched => Reject::Default,
            _ if code == 1 => Reject::Icmpx(3),
            _ => Reject::Icmpx(code),
        }
    }

    fn address(&mut self) -> (Family, TypePart) {
        match self.network {
            HeaderId::Ip6 => (Family::IPV6, TypePart::of(DataType::IPV6_ADDR)),
            _ => (Family::IPV4, TypePart::of(DataType::IPV4_ADDR)),
        }
    }

    fn nat(&mut self) -> Nat {
        let kind = *self.random.pick(&[
            NatKind::Source,
            NatKind::Destination,
            NatKind::Masquerade,
            NatKind::Redirect,
        ]);
        let (family, part) = self.address();
        let addressed = matches!(kind, NatKind::Source | NatKind::Destination);
        let address = addressed.then(|| match self.constant(&part) {
            Expression::Prefix(value, _) => Expression::Value(value),
            other => other,
        });
        let port = self.transport_matched.then(|| self.constant(&TypePart::of(DataType::INET_SERVICE)));
        let flags = *self.random.pick(&[0, 0, 4, 8, 16, 12]);
        if addressed && self.random.one_in(4) {
            let address = Some(self.mapped_address(&part));
            return Nat { kind, family: Some(family), address, port: None, flags, prefix: false };
        }
        Nat { kind, family: address.as_ref().map(|_| family), address, port, flags, prefix: false }
    }

    /// `tcp dport map { 80 : 192.0.2.1, * : 192.0.2.2 }`
    fn mapped_address(&mut self, part: &TypePart) -> Expression {
        let mut elements = self.elements(&TypePart::of(DataType::INET_SERVICE));
        if self.random.one_in(2) {
            elements.push(Element::default());
        }
        let map = elements
            .into_iter()
            .map(|element| Element { data: Some(Expression::Value(self.value(part))), ..element });
        let map = SetReference::Anonymous(map.collect());
        Expression::Map(Box::new(Expression::Selector(self.named(self.transport, "dport"))), map)
    }

    fn tproxy(&mut self) -> Statement {
        let (family, part) = self.address();
        let address = self.random.one_in(2).then(|| Expression::Value(self.value(&part)));
        let port = Expression::Value(self.value(&TypePart::of(DataType::INET_SERVICE)));
        // Where packets of both families come by and this rule has matched one, the language asks for its name.
        let single = matches!(self.family, Family::IPV4 | Family::IPV6);
        let family = Some(family).filter(|_| address.is_some() || (self.network_matched && !single));
        Statement::Tproxy(Tproxy { family, address, port: Some(port) })
    }

    fn synproxy(&mut self) -> Synproxy {
        let both = self.random.one_in(2);
        Synproxy {
            mss: both.then_some(1460),
            wscale: both.then_some(7),
            timestamp: self.random.one_in(2),
            sack_permitted: self.random.one_in(2),
        }
    }

    /// A copy, or the packet itself, to another interface.
    fn elsewhere(&mut self) -> Statement {
        let interface = TypePart::of(DataType::IFACE_INDEX);
        let lo = Expression::Value(Value::number(interface.data_type, interface.bits, 1));
        if self.family != Family::NETDEV {
            return Statement::Notrack;
        }
        match self.random.below(3) {
            0 => Statement::Duplicate(Duplicate { address: None, device: Some(lo) }),
            1 => Statement::Forward(Forward { device: lo, family: None, address: None }),
            _ => {
                let (family, part) = self.address();
                let address = Some(Expression::Value(self.value(&part)));
                Statement::Forward(Forward { device: lo, family: Some(family), address })
            }
        }
    }

    fn queue(&mut self) -> Queue {
        let first = self.random.below(100) as u16;
        let to = match self.random.below(3) {
            0 => QueueTarget::Computed(Box::new(Expression::Selector(self.computed()))),
            1 => QueueTarget::Numbers(first, first),
            _ => QueueTarget::Numbers(first, first + 1 + self.random.below(5) as u16),
        };
        let fanout = matches!(to, QueueTarget::Numbers(from, to) if from != to) && self.random.one_in(2);
        Queue { to, bypass: self.random.one_in(2), fanout }
    }

    fn verdict_map(&mut self) -> Statement {
        let key = Expression::Selector(self.named(self.transport, "dport"));
        if self.random.one_in(2) {
            return Statement::VerdictMap(key, SetReference::Named("verdicts".to_owned()));
        }
        let keys = self.elements(&TypePart::of(DataType::INET_SERVICE));
        let map = keys
            .into_iter()
            .map(|element| Element { data: Some(Expression::Verdict(self.verdict(0))), ..element });
        Statement::VerdictMap(key, SetReference::Anonymous(map.collect()))
    }
}
