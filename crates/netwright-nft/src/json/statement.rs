//! Statements.

use netwright_netfilter::{Expression as Kernel, Family};

use super::expression::fib_node;
use super::{Node, ToJson};
use crate::ir::{
    ChainTarget, Expression, Limit, LimitRate, Log, Match, MatchOperator, Nat, NatKind, ObjectKind,
    ObjectName, Queue, QueueTarget, Quota, Reject, Selector, SetReference, SetUpdate, SetUpdateOperation,
    Statement, Synproxy, Tproxy, Value, Verdict,
};
use crate::print::{self, has_several_bits};
use crate::table::symbol::{self, Symbol};
use crate::table::vocabulary::{
    self, DEFAULT_LOG_LEVEL, DEFAULT_REJECT_ICMP, DEFAULT_REJECT_ICMPV6, DEFAULT_REJECT_ICMPX, LOG_FLAG,
    LOG_FLAGS_ALL, LOG_LEVEL, NAT_FLAG, QUEUE_FLAG,
};
use crate::table::{DataType, ExtensionBase, PrintOptions, unit};
use crate::xt;

impl ToJson<'_> {
    pub(super) fn statements(&self, statements: &[Statement]) -> Vec<Node> {
        // In words that can be loaded, where there are such.
        let meant = |statement: &Statement| {
            if let Statement::Extension(extension) = statement { extension.statements() } else { None }
        };
        let nodes = |statement: &Statement| match meant(statement) {
            Some(meant) => meant.iter().map(|statement| self.statement(statement)).collect(),
            None => vec![self.statement(statement)],
        };
        statements.iter().flat_map(nodes).collect()
    }

    pub(super) fn statement(&self, statement: &Statement) -> Node {
        match statement {
            Statement::Match(matched) => self.matched(matched),
            // The schema has no words for rules in a rule: nft lists their text.
            Statement::Verdict(
                Verdict::Jump(ChainTarget::Anonymous(_)) | Verdict::Goto(ChainTarget::Anonymous(_)),
            ) => print::statement_in_chain(statement, self.options, self.names).into(),
            Statement::Verdict(verdict) => self.verdict(verdict),
            Statement::VerdictMap(key, map) => Node::single("vmap", self.keyed(key, map)),
            Statement::Counter(_) if self.options.stateless => Node::single("counter", Node::Null),
            Statement::Counter(counter) => {
                Node::single("counter", Node::single("packets", counter.packets).with("bytes", counter.bytes))
            }
            Statement::Quota(quota) => Node::single("quota", self.quota(quota)),
            Statement::Limit(limit) => Node::single("limit", limit_node(limit)),
            Statement::ConnectionLimit { count, over } => {
                Node::single("ct count", Node::single("val", *count).with_some("inv", over.then_some(true)))
            }
            Statement::Last(_) if self.options.stateless => Node::single("last", Node::Null),
            Statement::Last(used) => {
                Node::single("last", used.map_or(Node::Null, |used| Node::single("used", used)))
            }
            Statement::Object(kind, name) => self.object_reference(*kind, name),
            Statement::Log(log) => Node::single("log", log_node(log)),
            Statement::Reject(reject) => Node::single("reject", self.reject(*reject)),
            Statement::Nat(nat) => self.nat(nat),
            Statement::Tproxy(proxy) => Node::single("tproxy", self.tproxy(proxy)),
            Statement::Synproxy(synproxy) => Node::single("synproxy", synproxy_node(synproxy)),
            Statement::Duplicate(copy) => {
                let node = Node::object()
                    .with_some("addr", copy.address.as_ref().map(|address| self.expression(address)))
                    // Without an address the device takes its place.
                    .with_some(
                        if copy.address.is_some() { "dev" } else { "addr" },
                        copy.device.as_ref().map(|device| self.expression(device)),
                    );
                Node::single("dup", node)
            }
            Statement::Forward(forward) => {
                let family = forward.family.map(|family| family.to_string());
                let node = Node::single("dev", self.expression(&forward.device))
                    .with_some("family", family)
                    .with_some("addr", forward.address.as_ref().map(|address| self.expression(address)));
                Node::single("fwd", node)
            }
            Statement::Queue(queue) => Node::single("queue", self.queue(queue)),
            Statement::Notrack => Node::single("notrack", Node::Null),
            Statement::FlowAdd(table) => {
                Node::single("flow", Node::single("op", "add").with("flowtable", format!("@{table}")))
            }
            Statement::Assign(selector, value) => {
                let value = match value {
                    Expression::Value(value) if value.data_type == DataType::CT_EVENT => self.listed(value),
                    other => self.expression(other),
                };
                let node = Node::single("key", self.selector(selector)).with("value", value);
                Node::single("mangle", node)
            }
            Statement::ResetTcpOption(number) => {
                let header = crate::lift::extension(ExtensionBase::TCP, *number);
                let option = match header {
                    Some(header) => Node::single("name", header.name),
                    None => Node::single("base", *number).with("offset", 0u8).with("len", 0u8),
                };
                Node::single("reset", Node::single("tcp option", option))
            }
            Statement::SetUpdate(update) => self.set_update(update),
            Statement::Extension(extension) => {
                let (kind, name) = xt::title(&extension.code);
                Node::single("xt", Node::single("type", kind).with("name", name))
            }
            Statement::Raw(code) => raw(code),
        }
    }

    fn matched(&self, matched: &Match) -> Node {
        let flags = self.is_flag_match(matched);
        let op = match matched.operator {
            MatchOperator::Implicit if flags => "in",
            MatchOperator::Implicit | MatchOperator::Equal => "==",
            MatchOperator::NotEqual => "!=",
            MatchOperator::Less => "<",
            MatchOperator::LessOrEqual => "<=",
            MatchOperator::Greater => ">",
            MatchOperator::GreaterOrEqual => ">=",
            MatchOperator::NoneOf => "!",
        };
        let left = match (&matched.left, &matched.right) {
            // Compared by itself, existence is asked of the interface.
            (Expression::Selector(Selector::Fib(fib)), Expression::Exists(_)) => {
                Node::single("fib", fib_node(fib, fib.key.name))
            }
            (left, _) => self.expression(left),
        };
        let node = Node::single("op", op).with("left", left).with("right", self.compared(matched));
        Node::single("match", node)
    }

    /// The right side: the bits of a field that is compared as a whole are one number.
    fn compared(&self, matched: &Match) -> Node {
        let whole = (matched.operator.is_ordered()
            || matches!(matched.operator, MatchOperator::Equal | MatchOperator::NotEqual))
            && matches!(matched.left, Expression::Selector(Selector::Payload(_) | Selector::Exthdr(_)));
        match &matched.right {
            Expression::Value(value) if whole && has_several_bits(value) => {
                value.as_number().and_then(|number| u64::try_from(number).ok()).map_or(Node::Null, Node::from)
            }
            right if matched.hides_symbols() => {
                let options = PrintOptions { numeric_symbol: true, ..*self.options };
                ToJson { options: &options, ..*self }.expression(right)
            }
            right => self.expression(right),
        }
    }

    /// Bits as a list.
    fn listed(&self, value: &Value) -> Node {
        match self.value(value) {
            Node::Object(mut members) => members.pop().map_or(Node::Null, |(_, bits)| bits),
            other => other,
        }
    }

    /// Whether any of several bits matches.
    fn is_flag_match(&self, matched: &Match) -> bool {
        match &matched.right {
            Expression::Flags(_) => true,
            Expression::Value(value) => value.data_type.is_bitmask() && value.data_type != DataType::BITMASK,
            // Hours that go round midnight.
            Expression::Range(from, to) => from.data_type == DataType::HOUR && from.bytes > to.bytes,
            Expression::Prefix(..)
            | Expression::Wildcard(_)
            | Expression::Verdict(_)
            | Expression::ObjectName(_)
            | Expression::Selector(_)
            | Expression::Concatenation(_)
            | Expression::Binary(..)
            | Expression::Set(_)
            | Expression::Map(..)
            | Expression::Exists(_) => false,
        }
    }

    fn quota(&self, quota: &Quota) -> Node {
        let (amount, unit) = unit::split_bytes(quota.bytes);
        let node =
            Node::single("val", amount).with("val_unit", unit).with_some("inv", quota.over.then_some(true));
        let used = Some(quota.used).filter(|used| *used != 0 && !self.options.stateless);
        match used.map(unit::split_bytes) {
            Some((amount, unit)) => node.with("used", amount).with("used_unit", unit),
            None => node,
        }
    }

    fn object_reference(&self, kind: ObjectKind, name: &ObjectName) -> Node {
        let word = kind.name().unwrap_or("object");
        match name {
            ObjectName::Name(name) => Node::single(word, name.as_str()),
            ObjectName::Map(key, map) => Node::single(word, self.map(key, map)),
        }
    }

    fn reject(&self, reject: Reject) -> Node {
        let (word, table, code) = match reject {
            Reject::Default => match self.family {
                Family::IPV4 => ("icmp", symbol::ICMP_CODE, DEFAULT_REJECT_ICMP),
                Family::IPV6 => ("icmpv6", symbol::ICMPV6_CODE, DEFAULT_REJECT_ICMPV6),
                _ => ("icmpx", symbol::ICMPX_CODE, DEFAULT_REJECT_ICMPX),
            },
            Reject::TcpReset => return Node::single("type", "tcp reset"),
            Reject::Icmp(code) => ("icmp", symbol::ICMP_CODE, code),
            Reject::Icmpv6(code) => ("icmpv6", symbol::ICMPV6_CODE, code),
            Reject::Icmpx(code) => ("icmpx", symbol::ICMPX_CODE, code),
        };
        let named = symbol::name(table, u32::from(code)).filter(|_| !self.options.numeric_symbol);
        let code = named.map_or_else(|| Node::from(code), Node::from);
        Node::single("type", word).with("expr", code)
    }

    fn nat(&self, nat: &Nat) -> Node {
        let word = match nat.kind {
            NatKind::Source => "snat",
            NatKind::Destination => "dnat",
            NatKind::Masquerade => "masquerade",
            NatKind::Redirect => "redirect",
        };
        let mut flags = flag_names(NAT_FLAG, nat.flags);
        if nat.prefix {
            flags.push("netmap".into());
        }
        let node = Node::object()
            .with_some("family", nat.family.map(|family| family.to_string()))
            .with_some("addr", nat.address.as_ref().map(|address| self.expression(address)))
            .with_some("port", nat.port.as_ref().map(|port| self.expression(port)))
            .with_some("flags", (!flags.is_empty()).then_some(flags))
            .with_some("type_flags", nat.prefix.then(|| vec![Node::from("prefix")]));
        Node::single(word, null_if_empty(node))
    }

    fn tproxy(&self, proxy: &Tproxy) -> Node {
        Node::object()
            .with_some("family", proxy.family.map(|family| family.to_string()))
            .with_some("addr", proxy.address.as_ref().map(|address| self.expression(address)))
            .with_some("port", proxy.port.as_ref().map(|port| self.expression(port)))
    }

    fn queue(&self, queue: &Queue) -> Node {
        let number = match &queue.to {
            QueueTarget::Numbers(first, last) if first == last => Node::from(*first),
            QueueTarget::Numbers(first, last) => {
                Node::single("range", vec![Node::from(*first), Node::from(*last)])
            }
            QueueTarget::Computed(computed) => self.expression(computed),
        };
        // unlike the flags of other statements, one alone is a list, too
        let flags = flag_names(QUEUE_FLAG, u32::from(queue.bypass) | u32::from(queue.fanout) << 1);
        Node::single("num", number).with_some("flags", (!flags.is_empty()).then_some(flags))
    }

    fn set_update(&self, update: &SetUpdate) -> Node {
        let operation = match update.operation {
            SetUpdateOperation::Add => "add",
            SetUpdateOperation::Update => "update",
            SetUpdateOperation::Delete => "delete",
        };
        let key = self.expression(&update.key);
        let key = match (update.timeout, &update.comment) {
            (None, None) => key,
            (timeout, comment) => Node::single(
                "elem",
                Node::single("val", key)
                    .with_some("timeout", timeout.map(|timeout| timeout / 1000))
                    .with_some("comment", comment.as_deref()),
            ),
        };
        let options = crate::table::PrintOptions { stateless: true, ..*self.options };
        let stateless = ToJson { options: &options, ..*self };
        let statements = (!update.statements.is_empty()).then(|| stateless.statements(&update.statements));
        let word = if update.data.is_some() { "map" } else { "set" };
        let node = Node::single("op", operation)
            .with("elem", key)
            .with_some("data", update.data.as_ref().map(|data| self.expression(data)))
            .with(word, self.reference(&SetReference::Named(update.set.clone())))
            .with_some("stmt", statements);
        Node::single(word, node)
    }
}

fn null_if_empty(node: Node) -> Node {
    match node {
        Node::Object(members) if members.is_empty() => Node::Null,
        other => other,
    }
}

fn flag_names(table: &'static [Symbol], bits: u32) -> Vec<Node> {
    vocabulary::flags(table, bits).0.map(Node::from).collect()
}

/// `limit` of a statement: the burst in bytes has its unit.
fn limit_node(limit: &Limit) -> Node {
    let per = unit::rate_unit_name(limit.seconds).map_or_else(|| limit.seconds.into(), Node::from);
    let inverted = limit.over.then_some(true);
    match limit.rate {
        LimitRate::Packets(rate) => {
            Node::single("rate", rate).with("burst", limit.burst).with("per", per).with_some("inv", inverted)
        }
        LimitRate::Bytes(rate) => {
            let (rate, rate_unit) = unit::split_bytes(rate);
            let (burst, burst_unit) = unit::split_bytes(u64::from(limit.burst));
            Node::single("rate", rate)
                .with("burst", burst)
                .with("per", per)
                .with_some("inv", inverted)
                .with("rate_unit", rate_unit)
                .with("burst_unit", burst_unit)
        }
    }
}

fn log_node(log: &Log) -> Node {
    let level = log.level.filter(|level| *level != DEFAULT_LOG_LEVEL);
    let level = level.map(|level| symbol::name(LOG_LEVEL, level).map_or_else(|| level.into(), Node::from));
    let flags = if log.flags & LOG_FLAGS_ALL == LOG_FLAGS_ALL {
        vec!["all".into()]
    } else {
        flag_names(LOG_FLAG, log.flags)
    };
    let node = Node::object()
        .with_some("prefix", log.prefix.as_deref())
        .with_some("group", log.group)
        .with_some("snaplen", log.snaplen)
        .with_some("queue-threshold", log.queue_threshold)
        .with_some("level", level)
        .with_some("flags", (!flags.is_empty()).then_some(flags));
    null_if_empty(node)
}

pub(super) fn synproxy_node(synproxy: &Synproxy) -> Node {
    let mut flags: Vec<Node> = Vec::new();
    if synproxy.timestamp {
        flags.push("timestamp".into());
    }
    if synproxy.sack_permitted {
        flags.push("sack-perm".into());
    }
    let node = Node::object()
        .with_some("mss", synproxy.mss)
        .with_some("wscale", synproxy.wscale)
        .with_some("flags", (!flags.is_empty()).then_some(flags));
    null_if_empty(node)
}

/// What has no words: as the instructions are written.
fn raw(code: &[Kernel]) -> Node {
    let lines = netwright_netfilter::bytecode::bytecode(code, netwright_netfilter::bytecode::Form::Bytes);
    Node::single("raw", lines.into_iter().map(Node::Text).collect::<Vec<_>>())
}
