//! Matches.

use netwright_nft::ir::{
    BinaryOperator, Expression, Match, MatchOperator, Payload, PayloadLocation, Selector, SetReference,
    TypePart, Value,
};
use netwright_nft::table::{DataType, HeaderId};

use super::Generator;
use super::value::{keyed, ranges};

impl Generator {
    pub(super) fn matched(&mut self) -> Match {
        match self.random.below(8) {
            0 => self.concatenated(),
            1 => self.masked(),
            2 => self.in_named_set(),
            _ => self.compared(),
        }
    }

    fn compared(&mut self) -> Match {
        let mut selector = self.selector();
        let part = selector.part();
        if let Selector::Fib(fib) = &mut selector
            && fib.key.name == "oif"
            && self.random.one_in(2)
        {
            fib.present = true;
            return self.existence(selector);
        }
        if part.data_type == DataType::BOOLEAN {
            return self.existence(selector);
        }
        let limit = match &selector {
            Selector::Numgen(numgen) => Some(numgen.modulus + numgen.offset),
            Selector::Hash(hash) => Some(hash.modulus + hash.offset),
            _ => None,
        };
        let left = Expression::Selector(selector);
        if let Some(limit) = limit {
            let number = self.random.below(limit as usize) as u128;
            let right = Expression::Value(Value::number(part.data_type, part.bits, number));
            return Match { operator: self.implicit_or_not(), left, right };
        }
        if part.data_type.is_bitmask() && !part.data_type.symbols().is_empty() {
            return self.flagged(left, &part);
        }
        if self.random.one_in(4) && part.bits > 1 {
            let operator = self.implicit_or_not();
            let elements = self.elements(&part);
            if elements.len() > 1 {
                return Match { operator, left, right: Expression::Set(SetReference::Anonymous(elements)) };
            }
        }
        if part.data_type == DataType::IFNAME && self.random.one_in(3) {
            let operator = self.implicit_or_not();
            return Match { operator, left, right: Expression::Wildcard(self.value(&part)) };
        }
        let right = self.constant(&part);
        let single = matches!(right, Expression::Value(_)) && ranges(&part);
        let operator = match self.random.below(6) {
            0 => MatchOperator::NotEqual,
            1 if single => MatchOperator::Less,
            2 if single => MatchOperator::LessOrEqual,
            3 if single => MatchOperator::Greater,
            4 if single => MatchOperator::GreaterOrEqual,
            _ => MatchOperator::Implicit,
        };
        Match { operator, left, right }
    }

    fn existence(&mut self, selector: Selector) -> Match {
        let right = Expression::Exists(self.random.one_in(2));
        Match { operator: MatchOperator::Implicit, left: Expression::Selector(selector), right }
    }

    fn implicit_or_not(&mut self) -> MatchOperator {
        *self.random.pick(&[MatchOperator::Implicit, MatchOperator::Implicit, MatchOperator::NotEqual])
    }

    /// One flag or another: `ct state established,related`.
    fn flagged(&mut self, left: Expression, part: &TypePart) -> Match {
        let right = Expression::Value(self.value(part));
        let operator =
            *self.random.pick(&[MatchOperator::Implicit, MatchOperator::NotEqual, MatchOperator::NoneOf]);
        Match { operator, left, right }
    }

    /// `ip saddr . tcp dport { … }`
    fn concatenated(&mut self) -> Match {
        let mut fields = vec![self.plain_field(), self.plain_field()];
        fields.dedup();
        if fields.len() == 1 {
            fields.push(self.mark());
        }
        let parts: Vec<TypePart> = fields.iter().map(Selector::part).collect();
        let count = 2 + self.random.below(2);
        let columns: Vec<Vec<Expression>> = parts.iter().map(|part| self.sorted(part, count)).collect();
        let rows = columns.iter().map(Vec::len).min().unwrap_or(0);
        let row = |number: usize| columns.iter().filter_map(|column| column.get(number).cloned()).collect();
        let elements = (0..rows).map(|number| keyed(Expression::Concatenation(row(number)))).collect();
        let left = Expression::Concatenation(fields.into_iter().map(Expression::Selector).collect());
        let operator = self.implicit_or_not();
        Match { operator, left, right: Expression::Set(SetReference::Anonymous(elements)) }
    }

    pub(super) fn mark(&mut self) -> Selector {
        let key = netwright_nft::table::key::by_name(netwright_nft::table::key::KeyKind::Meta, "mark");
        key.map_or_else(|| self.plain_field(), Selector::Meta)
    }

    /// `meta mark & 0x55 == 0x11`
    fn masked(&mut self) -> Match {
        let selector = self.mark();
        let part = selector.part();
        // Neither end of the mask is a row of ones.
        let mask = 0x0010_0001 | (self.random.number() as u128 & 0x0ffe_fffe);
        let number = self.random.number() as u128 & mask;
        let value = |number| Value::number(part.data_type, part.bits, number);
        let left = Expression::Binary(
            BinaryOperator::And,
            Box::new(Expression::Selector(selector)),
            Box::new(Expression::Value(value(mask))),
        );
        let operator = *self.random.pick(&[MatchOperator::Equal, MatchOperator::NotEqual]);
        Match { operator, left, right: Expression::Value(value(number)) }
    }

    /// `udp dport 4789`, `vxlan ip saddr 10.0.0.1`
    pub(super) fn tunnelled(&mut self) -> [Match; 2] {
        let outer = self.named(HeaderId::Udp, "dport");
        let port = TypePart::of(DataType::INET_SERVICE);
        let (id, inner) =
            *self.random.pick(&[(self.network, "saddr"), (HeaderId::Vxlan, "vni"), (HeaderId::Tcp, "dport")]);
        let location =
            PayloadLocation::Field(id.header(), id.header().field(inner).unwrap_or(&id.header().fields[0]));
        // The tunnel's own fields are not inside of it.
        let tunnel = (id != HeaderId::Vxlan).then(|| HeaderId::Vxlan.header());
        let inner = Selector::Payload(Payload { inner: tunnel, location });
        let constant = self.constant(&inner.part());
        let equal = |selector, right| Match {
            operator: MatchOperator::Implicit,
            left: Expression::Selector(selector),
            right,
        };
        [
            equal(outer, Expression::Value(Value::number(port.data_type, port.bits, 4789))),
            equal(inner, constant),
        ]
    }

    fn in_named_set(&mut self) -> Match {
        let operator = self.implicit_or_not();
        let (saddr, dport) = (self.named(HeaderId::Ip, "saddr"), self.named(self.transport, "dport"));
        let (left, name) = match self.random.below(3) {
            _ if self.network == HeaderId::Ip6 => (Expression::Selector(dport), "ports"),
            0 => (Expression::Selector(saddr), "addresses"),
            1 => (Expression::Selector(dport), "ports"),
            _ => {
                let parts = vec![Expression::Selector(saddr), Expression::Selector(dport)];
                (Expression::Concatenation(parts), "pairs")
            }
        };
        Match { operator, left, right: Expression::Set(SetReference::Named(name.to_owned())) }
    }
}
