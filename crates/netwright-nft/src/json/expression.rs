//! Expressions.

use super::{Node, ToJson};
use crate::ir::{
    BinaryOperator, ChainTarget, CtSelector, Direction, Element, Expression, Exthdr, Fib, Hash, MapReference,
    Numgen, Payload, PayloadLocation, Selector, SetReference, Value, Verdict, Xfrm, XfrmDirection,
};
use crate::table::key::{FIB_FLAGS, Layer3, OSF_TTL_MODES};
use crate::table::value::{self, Json, bits_of};
use crate::table::{DataType, ExtensionBase, Header, PrintOptions};

impl ToJson<'_> {
    pub(super) fn expression(&self, expression: &Expression) -> Node {
        match expression {
            Expression::Value(value) => self.value(value),
            Expression::Range(from, to) => {
                // The ends of a range have no names of the host's.
                let options = PrintOptions {
                    numeric_protocol: true,
                    service_names: false,
                    guid_names: false,
                    host_names: false,
                    ..*self.options
                };
                let ends = ToJson { options: &options, ..*self };
                // The ends are numbers, though their bits may have names.
                let end = |value: &Value| match value.as_number() {
                    Some(number) if !value.data_type.is_string() => ends.number(value, number),
                    _ => ends.value(value),
                };
                Node::single("range", vec![end(from), end(to)])
            }
            Expression::Prefix(value, length) => {
                Node::single("prefix", Node::object().with("addr", self.value(value)).with("len", *length))
            }
            Expression::Wildcard(value) => {
                Node::Text(format!("{}*", netwright_wire::text::from_bytes(&value.bytes)))
            }
            Expression::Verdict(verdict) => self.verdict(verdict),
            Expression::ObjectName(name) => name.as_str().into(),
            Expression::Flags(values) => {
                Node::one_or_many(values.iter().map(|value| self.value(value)).collect())
            }
            Expression::Selector(selector) => self.selector(selector),
            Expression::Concatenation(parts) => Node::single("concat", self.all(parts)),
            Expression::Binary(operator, left, right) => self.binary(*operator, left, right),
            Expression::Set(set) => self.reference(set),
            Expression::Map(key, map) => self.map(key, map),
            Expression::Exists(there) => Node::Boolean(*there),
        }
    }

    fn all(&self, expressions: &[Expression]) -> Vec<Node> {
        expressions.iter().map(|expression| self.expression(expression)).collect()
    }

    pub(super) fn map(&self, key: &Expression, map: &MapReference) -> Node {
        Node::single("map", self.keyed(key, map))
    }

    pub(super) fn keyed(&self, key: &Expression, map: &MapReference) -> Node {
        Node::object().with("key", self.expression(key)).with("data", self.reference(map))
    }

    pub(super) fn reference(&self, set: &SetReference) -> Node {
        match set {
            SetReference::Named(name) => Node::Text(format!("@{name}")),
            SetReference::Anonymous(elements) => {
                Node::single("set", elements.iter().map(|element| self.element(element)).collect::<Vec<_>>())
            }
        }
    }

    pub(super) fn element(&self, element: &Element) -> Node {
        let key = element.key.as_ref().map_or_else(|| "*".into(), |key| self.expression(key));
        let plain = element.timeout.is_none()
            && element.expires.is_none()
            && element.comment.is_none()
            && element.statements.is_empty();
        let key = if plain { key } else { Node::single("elem", self.detailed(element, key)) };
        match &element.data {
            Some(data) => vec![key, self.expression(data)].into(),
            None => key,
        }
    }

    fn detailed(&self, element: &Element, key: Node) -> Node {
        let seconds = |milliseconds: u64| milliseconds / 1000;
        let expires = element.expires;
        let mut node = Node::object()
            .with("val", key)
            .with_some("timeout", element.timeout.map(seconds))
            .with_some("expires", expires.map(seconds))
            .with_some("comment", element.comment.as_deref());
        for statement in &element.statements {
            if let (Node::Object(members), Node::Object(more)) = (&mut node, self.statement(statement)) {
                members.extend(more);
            }
        }
        node
    }

    /// Operators of one kind that follow each other share their operands.
    fn binary(&self, operator: BinaryOperator, left: &Expression, right: &Expression) -> Node {
        let mut operands = Vec::new();
        self.operands(operator, left, &mut operands);
        match right {
            // Flags that are added stand side by side.
            Expression::Value(value)
                if operator == BinaryOperator::Or && crate::print::has_several_bits(value) =>
            {
                let number = value.as_number().unwrap_or(0);
                operands.extend(bits_of(number).map(|bit| self.number(value, bit)));
            }
            right => operands.push(self.expression(right)),
        }
        let name = match operator {
            BinaryOperator::And => "&",
            BinaryOperator::Or => "|",
            BinaryOperator::Xor => "^",
            BinaryOperator::ShiftLeft => "<<",
            BinaryOperator::ShiftRight => ">>",
        };
        Node::single(name, operands)
    }

    fn operands(&self, operator: BinaryOperator, expression: &Expression, operands: &mut Vec<Node>) {
        match expression {
            Expression::Binary(same, left, right) if *same == operator => {
                self.operands(operator, left, operands);
                operands.push(self.expression(right));
            }
            other => operands.push(self.expression(other)),
        }
    }

    pub(super) fn value(&self, value: &Value) -> Node {
        if value.data_type.is_string() {
            let text = netwright_wire::text::from_bytes(&value.bytes);
            return match text.strip_suffix('*') {
                Some(front) => Node::Text(format!("{front}\\*")),
                None => Node::Text(text.into_owned()),
            };
        }
        let Some(number) = value.as_number() else {
            let digits: String = value.bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            return Node::Text(format!("0x{digits}"));
        };
        let named = value.data_type.is_bitmask() && value.data_type != DataType::BITMASK;
        if named && number.count_ones() > 1 {
            let bits: Vec<Node> = bits_of(number).map(|bit| self.number(value, bit)).collect();
            return Node::single("|", bits);
        }
        self.number(value, number)
    }

    fn number(&self, value: &Value, number: u128) -> Node {
        match value::to_json(value.data_type, value.bits, number, self.names, self.options) {
            Json::Text(text) => Node::Text(text),
            // Interfaces and realms without a name are texts all the same.
            Json::Number(number) if value.data_type == DataType::IFACE_INDEX => {
                Node::Text((number as u32 as i32).to_string())
            }
            Json::Number(number) if value.data_type == DataType::REALM => Node::Text(number.to_string()),
            // Readers of the schema know numbers with a sign: the upper half of 64 bits is below zero.
            Json::Number(number) => match u64::try_from(number) {
                Ok(number) => Node::Number(i128::from(number.cast_signed())),
                Err(_) => Node::Text(format!("{number:#x}")),
            },
            Json::Boolean(value) => Node::Boolean(value),
        }
    }

    pub(super) fn verdict(&self, verdict: &Verdict) -> Node {
        let (name, target) = match verdict {
            Verdict::Accept => return Node::single("accept", Node::Null),
            Verdict::Drop => return Node::single("drop", Node::Null),
            Verdict::Continue => return Node::single("continue", Node::Null),
            Verdict::Return => return Node::single("return", Node::Null),
            Verdict::Other(code) => return Node::single("verdict", *code),
            Verdict::Jump(target) => ("jump", target),
            Verdict::Goto(target) => ("goto", target),
        };
        let target = match target {
            ChainTarget::Named(name) => Node::single("target", name.as_str()),
            ChainTarget::Anonymous(_) => Node::Null,
        };
        Node::single(name, target)
    }

    pub(super) fn selector(&self, selector: &Selector) -> Node {
        match selector {
            Selector::Payload(payload) => Node::single("payload", payload_node(payload)),
            Selector::Exthdr(exthdr) => exthdr_node(exthdr),
            Selector::Meta(key) => Node::single("meta", Node::single("key", key.name)),
            Selector::Ct(ct) => Node::single("ct", ct_node(ct)),
            Selector::Rt(rt) => {
                let node = Node::single("key", rt.key.name).with_some("family", layer3(rt.key.layer3));
                Node::single("rt", node)
            }
            Selector::Socket(socket) => Node::single("socket", Node::single("key", socket.key.name)),
            Selector::Fib(fib) => {
                Node::single("fib", fib_node(fib, if fib.present { "check" } else { fib.key.name }))
            }
            Selector::Numgen(numgen) => Node::single("numgen", numgen_node(numgen)),
            Selector::Hash(hash) => self.hash(hash),
            Selector::Xfrm(xfrm) => Node::single("ipsec", xfrm_node(xfrm)),
            Selector::Osf { ttl, version } => {
                let mode = OSF_TTL_MODES.iter().find(|(_, mode)| Some(*mode) == *ttl).map(|(name, _)| *name);
                let node = Node::single("key", if *version { "version" } else { "name" });
                Node::single("osf", node.with_some("ttl", mode))
            }
            Selector::Tunnel(key) => Node::single("tunnel", Node::single("key", key.name)),
        }
    }

    fn hash(&self, hash: &Hash) -> Node {
        let offset = Some(hash.offset).filter(|offset| *offset != 0);
        match &hash.of {
            Some(of) => {
                let node = Node::object()
                    .with("mod", hash.modulus)
                    .with_some("seed", hash.seed)
                    .with_some("offset", offset)
                    .with("expr", self.expression(of));
                Node::single("jhash", node)
            }
            None => Node::single("symhash", Node::single("mod", hash.modulus).with_some("offset", offset)),
        }
    }
}

fn payload_node(payload: &Payload) -> Node {
    match &payload.location {
        PayloadLocation::Field(header, field) => Node::object()
            .with_some("tunnel", payload.inner.or(inside_itself(header)).map(|tunnel| tunnel.name))
            .with("protocol", header.name)
            .with("field", field.name),
        PayloadLocation::Raw { base, offset, bits } => Node::object()
            .with("base", base.raw_name().unwrap_or_default())
            .with("offset", *offset)
            .with("len", *bits),
    }
}

fn exthdr_node(exthdr: &Exthdr) -> Node {
    let word = match exthdr.base {
        ExtensionBase::IPV6 => "exthdr",
        ExtensionBase::TCP => "tcp option",
        ExtensionBase::IPV4 => "ip option",
        ExtensionBase::SCTP => "sctp chunk",
        _ => return Node::single("dccp option", Node::single("type", exthdr.number)),
    };
    let node = match (exthdr.header, exthdr.raw) {
        (Some(header), None) => {
            Node::single("name", header.name).with_some("field", exthdr.field.map(|field| field.name))
        }
        (_, raw) => {
            let (offset, bits) = raw.unwrap_or((0, 8));
            Node::single("base", exthdr.number).with("offset", offset).with("len", bits)
        }
    };
    Node::single(word, node)
}

fn layer3(layer3: Layer3) -> Option<&'static str> {
    match layer3 {
        Layer3::Ipv4 => Some("ip"),
        Layer3::Ipv6 => Some("ip6"),
        Layer3::Any | Layer3::Context => None,
    }
}

fn ct_node(ct: &CtSelector) -> Node {
    let key = match layer3(ct.key.layer3) {
        Some(family) => format!("{family} {}", ct.key.name),
        None => ct.key.name.to_owned(),
    };
    let direction = ct.direction.map(|direction| match direction {
        Direction::Original => "original",
        Direction::Reply => "reply",
    });
    Node::single("key", key).with_some("dir", direction)
}

pub(super) fn fib_node(fib: &Fib, result: &'static str) -> Node {
    let flags = FIB_FLAGS.iter().filter(|flag| fib.flags & flag.bit != 0);
    let flags: Vec<Node> = flags.map(|flag| flag.name.into()).collect();
    Node::single("result", result).with("flags", flags)
}

fn numgen_node(numgen: &Numgen) -> Node {
    Node::single("mode", if numgen.random { "random" } else { "inc" })
        .with("mod", numgen.modulus)
        .with("offset", numgen.offset)
}

fn xfrm_node(xfrm: &Xfrm) -> Node {
    let direction = match xfrm.direction {
        XfrmDirection::In => "in",
        XfrmDirection::Out => "out",
    };
    Node::single("key", xfrm.key.name)
        .with_some("family", layer3(xfrm.key.layer3))
        .with("dir", direction)
        .with("spnum", xfrm.number)
}

/// A tunnel whose own fields are said to be inside of it.
fn inside_itself(header: &'static Header) -> Option<&'static Header> {
    Some(header).filter(|header| header.tunnel.is_some_and(|tunnel| tunnel.own_fields_inside))
}
