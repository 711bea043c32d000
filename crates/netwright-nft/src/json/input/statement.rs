//! Statements.

use super::super::reader::{Located, Value};
use super::{Input, Members, Read};
use crate::diagnostic::Span;
use crate::syntax::ast::{
    Comparison, Counter, Element, ElementOptions, Expression, ExpressionKind, Limit, LimitUnit, LiteralKind,
    Log, LogFlag, LogPrefix, Match, Meter, Name, Nat, NatKind, Number, ObjectKind, Queue, Quota, Reject,
    SetOperation, SetUpdate, Statement, StatementKind, Synproxy, Tproxy,
};
use crate::table::unit;

const STATEMENTS: &[&str] = &[
    "accept",
    "drop",
    "continue",
    "return",
    "jump",
    "goto",
    "match",
    "vmap",
    "mangle",
    "counter",
    "quota",
    "limit",
    "last",
    "ct count",
    "ct helper",
    "ct timeout",
    "ct expectation",
    "secmark",
    "synproxy",
    "tunnel",
    "log",
    "reject",
    "snat",
    "dnat",
    "masquerade",
    "redirect",
    "tproxy",
    "dup",
    "fwd",
    "queue",
    "notrack",
    "flow",
    "set",
    "map",
    "meter",
    "reset",
    "xt",
];

const OPERATORS: &[&str] = &["==", "!=", "<", ">", "<=", ">=", "in", "!"];

impl Input {
    pub(super) fn statements(&mut self, node: &Located) -> Read<Vec<Statement>> {
        let (mut statements, mut result) = (Vec::new(), Ok(()));
        for item in self.array(node, "statements")? {
            match self.statement(item) {
                Ok(statement) => statements.push(statement),
                Err(reported) => result = Err(reported),
            }
        }
        result.map(|()| statements)
    }

    fn statement(&mut self, node: &Located) -> Read<Statement> {
        let entry = self.single(node, "a statement")?;
        let kind = self.statement_kind(&entry.key, entry.key_span, &entry.node)?;
        Ok(Statement { span: node.span, kind })
    }

    pub(super) fn statement_kind(
        &mut self,
        word: &str,
        word_span: Span,
        node: &Located,
    ) -> Read<StatementKind> {
        if let Some(verdict) = self.verdict(word, node)? {
            return Ok(StatementKind::Verdict(verdict));
        }
        if let Some(object) = object_kind(word)
            && let Some(name) = self.reference(node)?
        {
            return Ok(StatementKind::ObjectReference { object, name });
        }
        match word {
            "match" => self.matched(node),
            "vmap" => {
                let members = self.object(node, "a map of verdicts", &["key", "data"])?;
                let (key, map) = (self.need_member(&members, "key")?, self.need_member(&members, "data")?);
                Ok(StatementKind::VerdictMap { key, map })
            }
            "mangle" => {
                let members = self.object(node, "a change", &["key", "value"])?;
                let (target, value) =
                    (self.need_member(&members, "key")?, self.need_member(&members, "value")?);
                Ok(StatementKind::Assign { target, value })
            }
            "counter" => {
                let members = self.optional(node, "a counter", &["packets", "bytes"])?;
                let counter = self.counter(&members)?;
                if !matches!(node.value, Value::Null) {
                    members.need(self, "packets")?;
                    members.need(self, "bytes")?;
                }
                Ok(StatementKind::Counter(counter))
            }
            "quota" => self.quota(node).map(StatementKind::Quota),
            "limit" => {
                let members = self.object(node, "a limit", LIMIT)?;
                members.need(self, "per")?;
                self.limit(&members).map(StatementKind::Limit)
            }
            "synproxy" => {
                let members = self.optional(node, "a synproxy", &["mss", "wscale", "flags"])?;
                self.synproxy(&members).map(StatementKind::Synproxy)
            }
            "last" => {
                let members = self.optional(node, "last", &["used"])?;
                Ok(StatementKind::Last { used: members.milliseconds(self, "used")? })
            }
            "ct count" => {
                let members = self.object(node, "a limit of connections", &["val", "inv"])?;
                let (count, over) = (members.need_number(self, "val")?, members.flag(self, "inv")?);
                Ok(StatementKind::ConnectionLimit { over, count })
            }
            "log" => self.log(node).map(Box::new).map(StatementKind::Log),
            "reject" => self.reject(node).map(StatementKind::Reject),
            "snat" => self.nat(NatKind::Source, node),
            "dnat" => self.nat(NatKind::Destination, node),
            "masquerade" => self.nat(NatKind::Masquerade, node),
            "redirect" => self.nat(NatKind::Redirect, node),
            "tproxy" => {
                let members = self.object(node, "a proxy", &["family", "addr", "port"])?;
                let version = self.version(&members)?;
                let (address, port) = (self.member(&members, "addr")?, self.member(&members, "port")?);
                Ok(StatementKind::Tproxy(Tproxy { version, address, port }))
            }
            "dup" => {
                let members = self.object(node, "dup", &["addr", "dev"])?;
                let (to, device) = (self.need_member(&members, "addr")?, self.member(&members, "dev")?);
                Ok(StatementKind::Dup { to, device })
            }
            "fwd" => self.fwd(node),
            "queue" => self.queue(node).map(StatementKind::Queue),
            "notrack" => self.optional(node, "notrack", &[]).map(|_| StatementKind::Notrack),
            "flow" => self.flow(node),
            "set" => self.set_update(node, "set"),
            "map" => self.set_update(node, "map"),
            "meter" => self.meter(node),
            "reset" => self.reset(node),
            "xt" => {
                let members = self.object(node, "xt", &["type", "name"])?;
                let (kind, name) = (members.need_name(self, "type")?, members.need_name(self, "name")?);
                Ok(StatementKind::Xt { kind, name })
            }
            _ => self.unknown(word_span, word, "statement", STATEMENTS),
        }
    }

    /// An object whose members are all optional; `null` is one without any.
    fn optional<'t>(&mut self, node: &'t Located, what: &'static str, known: &[&str]) -> Read<Members<'t>> {
        match node.value {
            Value::Null => Ok(Members { span: node.span, what, entries: &[] }),
            _ => self.object(node, what, known),
        }
    }

    /// The name of an object, or a map that yields it.
    fn reference(&mut self, node: &Located) -> Read<Option<Expression>> {
        match &node.value {
            Value::String(_) => {
                let kind = ExpressionKind::Literal(LiteralKind::String);
                Ok(Some(Expression { span: self.span(node), kind }))
            }
            Value::Object(entries) if entries.iter().any(|entry| entry.key == "map") => {
                self.expression(node).map(Some)
            }
            _ => Ok(None),
        }
    }

    fn matched(&mut self, node: &Located) -> Read<StatementKind> {
        let members = self.object(node, "a match", &["op", "left", "right"])?;
        let op = members.need(self, "op")?;
        let operator = match self.string(op, "`op`")? {
            "==" => Some(Comparison::Equal),
            "!=" => Some(Comparison::NotEqual),
            "<" => Some(Comparison::Less),
            ">" => Some(Comparison::Greater),
            "<=" => Some(Comparison::LessOrEqual),
            ">=" => Some(Comparison::GreaterOrEqual),
            "!" => Some(Comparison::Not),
            "in" => None,
            word => return self.unknown(op.span, word, "operator", OPERATORS),
        };
        let right = members.need(self, "right")?;
        let left = members.need(self, "left")?;
        if let Value::Array(_) = left.value {
            return self.error(left.span, "a list stands on the right side alone");
        }
        if matches!(&right.value, Value::String(text) if text == "*") {
            return self
                .error(right.span, "`*` stands for all others in a set or map, and for nothing elsewhere");
        }
        let left = self.left(left, right)?;
        let right = self.expression(right)?;
        Ok(StatementKind::Match(Match { left, operator, operator_span: op.span, right, mask: None }))
    }

    fn left(&mut self, node: &Located, right: &Located) -> Read<Expression> {
        match &node.value {
            Value::Object(entries) => match entries.as_slice() {
                [entry] if entry.key == "tcp option" => {
                    let asked = matches!(right.value, Value::Boolean(_));
                    let kind = self.tcp_option(&entry.node, asked)?;
                    Ok(Expression { span: node.span, kind })
                }
                _ => self.expression(node),
            },
            _ => self.expression(node),
        }
    }

    pub(super) fn counter(&mut self, members: &Members<'_>) -> Read<Counter> {
        Ok(Counter { packets: members.count(self, "packets")?, bytes: members.count(self, "bytes")? })
    }

    fn quota(&mut self, node: &Located) -> Read<Quota> {
        let members = self.object(node, "a quota", &["val", "val_unit", "used", "used_unit", "inv"])?;
        let bytes = members.need_number(self, "val")?;
        let (bytes, _) = self.amount(&members, bytes, "val_unit", "bytes")?;
        let used = match members.number(self, "used")? {
            Some(used) => Some(self.amount(&members, used, "used_unit", "bytes")?.0),
            None => None,
        };
        Ok(Quota { over: members.flag(self, "inv")?, bytes, used })
    }

    /// A number times its unit, which may be `packets`.
    fn amount(
        &mut self,
        members: &Members<'_>,
        number: Number,
        unit: &str,
        default: &str,
    ) -> Read<(Number, LimitUnit)> {
        let (word, span) = match members.get(unit) {
            Some(node) => (self.string(node, &format!("`{unit}`"))?, node.span),
            None => (default, number.span),
        };
        if word == "packets" {
            return Ok((number, LimitUnit::Packets));
        }
        let Some(factor) = unit::byte_unit(word) else {
            let units = unit::BYTE_UNITS.iter().map(|(name, _)| *name);
            return self.unknown(span, word, "unit", &units.chain(["packets"]).collect::<Vec<_>>());
        };
        match number.value.checked_mul(factor) {
            Some(value) => Ok((Number { value, ..number }, LimitUnit::Bytes)),
            None => self.error(number.span, "this amount does not fit into 64 bits"),
        }
    }

    /// A limit, of a statement or an object. Objects may call the unit `unit` and leave the unit of time out.
    pub(super) fn limit(&mut self, members: &Members<'_>) -> Read<Limit> {
        let default = match members.get("unit") {
            Some(node) => self.string(node, "`unit`")?,
            None => "packets",
        };
        let rate = members.need_number(self, "rate")?;
        let (rate, unit) = self.amount(members, rate, "rate_unit", default)?;
        let burst = match (members.number(self, "burst")?, unit) {
            (Some(burst), LimitUnit::Bytes) => Some(self.amount(members, burst, "burst_unit", "bytes")?.0),
            // Without a burst, packets have the default one.
            (burst, _) => burst.filter(|burst| burst.value != 0),
        };
        let per = match members.get("per") {
            None => 1,
            Some(node) => {
                let word = self.string(node, "`per`")?;
                match unit::rate_unit(word).or_else(|| unit::rate_unit(word.strip_suffix('s')?)) {
                    Some(seconds) => seconds,
                    None => {
                        let units: Vec<&str> = unit::RATE_UNITS.iter().map(|(name, _)| *name).collect();
                        return self.unknown(node.span, word, "unit of time", &units);
                    }
                }
            }
        };
        Ok(Limit { over: members.flag(self, "inv")?, rate, unit, per, burst })
    }

    pub(super) fn synproxy(&mut self, members: &Members<'_>) -> Read<Synproxy> {
        let mut made = Synproxy {
            mss: members.number(self, "mss")?,
            window_scale: members.number(self, "wscale")?,
            ..Synproxy::default()
        };
        for node in members.get("flags").map_or(&[] as &[_], |flags| self.some(flags)) {
            match self.string(node, "a flag")? {
                "timestamp" => made.timestamp = true,
                "sack-perm" => made.sack_permitted = true,
                word => return self.unknown(node.span, word, "flag", &["timestamp", "sack-perm"]),
            }
        }
        Ok(made)
    }

    fn log(&mut self, node: &Located) -> Read<Log> {
        let known = ["prefix", "group", "snaplen", "queue-threshold", "level", "flags"];
        let members = self.optional(node, "log", &known)?;
        let mut log = Log {
            prefix: members.name(self, "prefix")?.map(log_prefix),
            level: members.name(self, "level")?,
            group: members.number(self, "group")?,
            snaplen: members.number(self, "snaplen")?,
            queue_threshold: members.number(self, "queue-threshold")?,
            flags: Vec::new(),
        };
        for node in members.get("flags").map_or(&[] as &[_], |flags| self.some(flags)) {
            let word = self.string(node, "a flag")?;
            match LOG_FLAGS.iter().find(|(name, _)| *name == word) {
                Some((_, flag)) => log.flags.push(*flag),
                None => {
                    let known: Vec<&str> = LOG_FLAGS.iter().map(|(name, _)| *name).collect();
                    return self.unknown(node.span, word, "flag", &known);
                }
            }
        }
        Ok(log)
    }

    fn reject(&mut self, node: &Located) -> Read<Reject> {
        let members = self.optional(node, "reject", &["type", "expr"])?;
        let Some(kind) = members.get("type") else { return Ok(Reject::Default) };
        let code = match (self.member(&members, "expr")?, self.string(kind, "`type`")?) {
            (_, "tcp reset") => return Ok(Reject::TcpReset),
            (Some(code), _) => code,
            (None, _) => {
                let span = self.made("port-unreachable", kind.span);
                Expression { span, kind: ExpressionKind::Literal(LiteralKind::Word) }
            }
        };
        match self.string(kind, "`type`")? {
            "icmp" => Ok(Reject::Icmp(code)),
            "icmpv6" => Ok(Reject::Icmpv6(code)),
            "icmpx" => Ok(Reject::Icmpx(code)),
            word => self.unknown(kind.span, word, "way to reject", &["icmp", "icmpv6", "icmpx", "tcp reset"]),
        }
    }

    fn nat(&mut self, kind: NatKind, node: &Located) -> Read<StatementKind> {
        let members =
            self.optional(node, "a translation", &["family", "addr", "port", "flags", "type_flags"])?;
        let mut nat = Nat {
            kind,
            version: self.version(&members)?,
            prefix: false,
            address_and_port: false,
            interval: false,
            address: self.member(&members, "addr")?,
            port: self.member(&members, "port")?,
            flags: Vec::new(),
        };
        for node in members.get("flags").map_or(&[] as &[_], |flags| self.some(flags)) {
            match self.string(node, "a flag")? {
                // What the kernel does for prefixes, which `type_flags` say.
                "netmap" => nat.prefix = true,
                _ => nat.flags.push(self.name(node, "a flag")?),
            }
        }
        for node in members.get("type_flags").map_or(&[] as &[_], |flags| self.some(flags)) {
            match self.string(node, "a flag")? {
                // Only `flags` say that networks are mapped one to one.
                "prefix" => {}
                "interval" => nat.interval = true,
                "concat" => nat.address_and_port = true,
                word => return self.unknown(node.span, word, "flag", &["prefix", "interval", "concat"]),
            }
        }
        Ok(StatementKind::Nat(nat))
    }

    fn fwd(&mut self, node: &Located) -> Read<StatementKind> {
        let members = self.object(node, "fwd", &["dev", "family", "addr"])?;
        let (device, version) = (self.need_member(&members, "dev")?, self.version(&members)?);
        Ok(match self.member(&members, "addr")? {
            Some(to) => StatementKind::Fwd { version, to, device: Some(device) },
            None => StatementKind::Fwd { version, to: device, device: None },
        })
    }

    fn queue(&mut self, node: &Located) -> Read<Queue> {
        let members = self.optional(node, "queue", &["num", "flags"])?;
        let mut queue = Queue { to: self.member(&members, "num")?, ..Queue::default() };
        for node in members.get("flags").map_or(&[] as &[_], |flags| self.some(flags)) {
            match self.string(node, "a flag")? {
                "bypass" => queue.bypass = true,
                "fanout" => queue.fanout = true,
                word => return self.unknown(node.span, word, "flag", &["bypass", "fanout"]),
            }
        }
        Ok(queue)
    }

    fn flow(&mut self, node: &Located) -> Read<StatementKind> {
        let members = self.object(node, "flow", &["op", "flowtable"])?;
        let op = members.need(self, "op")?;
        match self.string(op, "`op`")? {
            "add" => Ok(StatementKind::FlowAdd { flowtable: self.referred(&members, "flowtable")? }),
            word => self.unknown(op.span, word, "operation", &["add"]),
        }
    }

    /// A name behind `@`.
    fn referred(&mut self, members: &Members<'_>, name: &str) -> Read<Name> {
        let node = members.need(self, name)?;
        let text = self.string(node, &format!("`{name}`"))?;
        if text.len() < 2 || !text.starts_with('@') {
            return self.error(node.span, "a name with an `@` before it is needed here: `@name`");
        }
        Ok(Name { span: self.part(node, 1..text.len()) })
    }

    fn set_update(&mut self, node: &Located, word: &'static str) -> Read<StatementKind> {
        let known = if word == "map" {
            &["op", "elem", "data", "map", "stmt"][..]
        } else {
            &["op", "elem", "set", "stmt"]
        };
        let members = self.object(node, "a change of a set", known)?;
        let op = members.need(self, "op")?;
        let operation = match self.string(op, "`op`")? {
            "add" => SetOperation::Add,
            "update" => SetOperation::Update,
            "delete" => SetOperation::Delete,
            word => return self.unknown(op.span, word, "operation", &["add", "update", "delete"]),
        };
        let key = members.need(self, "elem")?;
        let mut element = self.key(key)?;
        element.value = self.member(&members, "data")?.map(Box::new);
        self.add_statements(&mut element, members.get("stmt"))?;
        Ok(StatementKind::SetUpdate(SetUpdate { operation, set: self.referred(&members, word)?, element }))
    }

    /// More statements of an element: one, or a list of them.
    fn add_statements(&mut self, element: &mut Element, statements: Option<&Located>) -> Read<()> {
        let Some(node) = statements else { return Ok(()) };
        let more = match &node.value {
            Value::Object(_) => vec![self.statement(node)?],
            _ => self.statements(node)?,
        };
        let options = element.options.get_or_insert_with(|| Box::new(ElementOptions::default()));
        options.statements.extend(more);
        Ok(())
    }

    fn meter(&mut self, node: &Located) -> Read<StatementKind> {
        let members = self.object(node, "a meter", &["name", "size", "key", "stmt"])?;
        let (name, size) = (members.need_name(self, "name")?, members.number(self, "size")?);
        let key = members.need(self, "key")?;
        let mut element = self.key(key)?;
        let statements = members.need(self, "stmt")?;
        self.add_statements(&mut element, Some(statements))?;
        Ok(StatementKind::Meter(Meter { name, size, element }))
    }

    fn reset(&mut self, node: &Located) -> Read<StatementKind> {
        let entry = self.single(node, "a reset")?;
        if entry.key != "tcp option" {
            return self.unknown(entry.key_span, &entry.key, "thing to reset", &["tcp option"]);
        }
        let kind = self.tcp_option(&entry.node, true)?;
        Ok(StatementKind::ResetOption(Expression { span: node.span, kind }))
    }
}

/// The members of a limit.
pub(super) const LIMIT: &[&str] = &["rate", "rate_unit", "per", "burst", "burst_unit", "inv"];

const LOG_FLAGS: &[(&str, LogFlag)] = &[
    ("tcp sequence", LogFlag::TcpSequence),
    ("tcp options", LogFlag::TcpOptions),
    ("ip options", LogFlag::IpOptions),
    ("skuid", LogFlag::SocketUser),
    ("ether", LogFlag::Ether),
    ("all", LogFlag::All),
];

/// A prefix without variables: a `$` in JSON is a dollar.
fn log_prefix(name: Name) -> LogPrefix {
    let kind = ExpressionKind::Literal(LiteralKind::String);
    LogPrefix { span: name.span, parts: vec![Expression { span: name.span, kind }] }
}

/// The kind of named object that a word means.
pub(super) fn object_kind(word: &str) -> Option<ObjectKind> {
    Some(match word {
        "counter" => ObjectKind::Counter,
        "quota" => ObjectKind::Quota,
        "limit" => ObjectKind::Limit,
        "ct helper" => ObjectKind::CtHelper,
        "ct timeout" => ObjectKind::CtTimeout,
        "ct expectation" => ObjectKind::CtExpectation,
        "synproxy" => ObjectKind::Synproxy,
        "secmark" => ObjectKind::Secmark,
        "tunnel" => ObjectKind::Tunnel,
        _ => return None,
    })
}
