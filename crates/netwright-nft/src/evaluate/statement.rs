//! Statements.

use netwright_netfilter::Family;

use super::element::Wanted;
use super::{Eval, Evaluator, version};
use crate::context::Context;
use crate::diagnostic::{Diagnostic, Span};
use crate::ir::{
    ChainTarget, Counter, Duplicate, Entity, Expression, Forward, Limit, LimitRate, Log, ObjectKind,
    ObjectName, Queue, QueueTarget, Quota, Reject, Rule, Selector, SetUpdate, SetUpdateOperation, Statement,
    Synproxy, TypePart, Verdict,
};
use crate::syntax::ast::{self, ExpressionKind, StatementKind};
use crate::table::names::parse_number;
use crate::table::unit::DEFAULT_PACKET_BURST;
use crate::table::{DataType, HeaderId, key, vocabulary};

impl<'a> Evaluator<'a> {
    /// A rule, with the place of each of its statements.
    pub(super) fn rule(&mut self, rule: &'a ast::Rule) -> Eval<(Rule, Vec<Span>)> {
        let outer = std::mem::replace(&mut self.context, Context::new(self.family));
        let (mut made, mut spans, mut wrong) = (Rule::default(), Vec::new(), false);
        let mut ended: Option<Span> = None;
        for statement in &rule.statements {
            if let Some(earlier) = ended.take() {
                let diagnostic = Diagnostic::error(statement.span, "nothing behind a decision is reached")
                    .also(earlier, "the decision");
                self.diagnostics.push(diagnostic);
                wrong = true;
            }
            match self.statement(statement) {
                Ok(one) => {
                    ended = is_terminal(&one).then_some(statement.span);
                    made.statements.push(one);
                    spans.push(statement.span);
                }
                Err(_) => wrong = true,
            }
        }
        self.context = outer;
        made.comment = rule.comment.map(|comment| self.text(comment).to_owned());
        if wrong { Err(super::Reported) } else { Ok((made, spans)) }
    }

    fn statement(&mut self, statement: &'a ast::Statement) -> Eval<Statement> {
        let made = self.statement_kind(statement)?;
        for selector in made.selectors() {
            if let Err(conflict) = self.context.require(selector, Some(statement.span)) {
                return self.conflict(statement.span, conflict);
            }
        }
        self.check_context(&made, statement)?;
        if let Statement::Match(matched) = &made {
            self.context.learn(matched, Some(statement.span));
        }
        Ok(made)
    }

    /// What a statement asks of the matches before it.
    fn check_context(&mut self, made: &Statement, statement: &ast::Statement) -> Eval<()> {
        let span = statement.span;
        self.check_looked_up(span, made)?;
        match made {
            Statement::Reject(reject) => self.check_reject(*reject, span),
            Statement::Nat(nat) => self.check_nat(nat, span),
            Statement::Tproxy(_)
            | Statement::Match(_)
            | Statement::Verdict(_)
            | Statement::VerdictMap(..)
            | Statement::Counter(_)
            | Statement::Quota(_)
            | Statement::Limit(_)
            | Statement::ConnectionLimit { .. }
            | Statement::Last(_)
            | Statement::Object(..)
            | Statement::Log(_)
            | Statement::Synproxy(_)
            | Statement::Duplicate(_)
            | Statement::Forward(_)
            | Statement::Queue(_)
            | Statement::Notrack
            | Statement::FlowAdd(_)
            | Statement::Assign(..)
            | Statement::ResetTcpOption(_)
            | Statement::SetUpdate(_)
            | Statement::Extension(_)
            | Statement::Raw(_) => Ok(()),
        }
    }

    /// The old keys for the addresses of a connection have the type of the packet's family, which sets cannot have.
    fn check_looked_up(&mut self, span: Span, made: &Statement) -> Eval<()> {
        let old = |selector: &&Selector| {
            let Selector::Ct(ct) = selector else { return None };
            let first = key::by_number(key::KeyKind::Ct, ct.key.number)?;
            (first.layer3 == key::Layer3::Context).then_some(first.name)
        };
        match made.looked_up().iter().find_map(old) {
            Some(name) => {
                self.error(span, format!("write `ip {name}` or `ip6 {name}` where it is looked up"))
            }
            None => Ok(()),
        }
    }

    fn check_reject(&mut self, reject: Reject, span: Span) -> Eval<()> {
        let needed = match reject {
            // The family says it all, whatever was matched of the frame.
            Reject::Icmp(_) if self.family == Family::IPV4 => Ok(Vec::new()),
            Reject::Icmpv6(_) if self.family == Family::IPV6 => Ok(Vec::new()),
            Reject::Icmp(_) => self.context.require_network(HeaderId::Ip, true, Some(span)),
            Reject::Icmpv6(_) => self.context.require_network(HeaderId::Ip6, true, Some(span)),
            Reject::TcpReset => {
                if self.context.transport().is_none() && self.context.transport_matched() {
                    return self.error(span, "a TCP reset needs a match on tcp alone");
                }
                self.context.require_tcp(Some(span))
            }
            Reject::Default | Reject::Icmpx(_) => Ok(Vec::new()),
        };
        match needed {
            Ok(_) => Ok(()),
            Err(conflict) => self.conflict(span, conflict),
        }
    }

    /// What a statement does, before it is held against the others.
    pub(super) fn statement_kind(&mut self, statement: &'a ast::Statement) -> Eval<Statement> {
        let span = statement.span;
        Ok(match &statement.kind {
            StatementKind::Match(matched) => Statement::Match(self.matched(matched)?),
            StatementKind::Verdict(verdict) => Statement::Verdict(self.verdict(span, verdict)?),
            StatementKind::VerdictMap { key, map } => {
                let key = self.computed(key, None)?;
                let map = self.map_reference(&key, map, Wanted::Verdict)?;
                Statement::VerdictMap(key, map)
            }
            StatementKind::Assign { target, value } => self.assign(target, value)?,
            StatementKind::Counter(counter) => Statement::Counter(self.counter(counter)),
            StatementKind::Quota(quota) => Statement::Quota(self.quota(quota)),
            StatementKind::Limit(limit) => {
                if let (Some(burst), ast::LimitUnit::Packets) = (limit.burst, limit.unit)
                    && burst.value == 0
                {
                    return self.error(burst.span, "a burst is at least 1 packet");
                }
                Statement::Limit(self.limit(limit)?)
            }
            StatementKind::Last { used } => Statement::Last(used.and_then(|time| time.milliseconds)),
            StatementKind::ConnectionLimit { over, count } => Statement::ConnectionLimit {
                count: self.fit(*count, "a number of connections")?,
                over: *over,
            },
            StatementKind::ObjectReference { object, name } => self.object_reference(*object, name)?,
            StatementKind::Log(log) => Statement::Log(self.log(span, log)?),
            StatementKind::Reject(reject) => Statement::Reject(self.reject(span, reject)?),
            StatementKind::Nat(nat) => Statement::Nat(self.nat(span, nat)?),
            StatementKind::Tproxy(proxy) => Statement::Tproxy(self.tproxy(span, proxy)?),
            StatementKind::Synproxy(proxy) => Statement::Synproxy(self.synproxy(proxy)?),
            StatementKind::Dup { to, device } => Statement::Duplicate(self.duplicate(to, device.as_ref())?),
            StatementKind::Fwd { version, to, device } => {
                Statement::Forward(self.forward(*version, to, device.as_ref())?)
            }
            StatementKind::Queue(queue) => Statement::Queue(self.queue(span, queue)?),
            StatementKind::Notrack => Statement::Notrack,
            StatementKind::FlowAdd { flowtable } => {
                let name = self.text(*flowtable);
                self.check_known(flowtable.span, Entity::Flowtable, name)?;
                Statement::FlowAdd(name.to_owned())
            }
            StatementKind::SetUpdate(update) => Statement::SetUpdate(self.set_update(span, update)?),
            StatementKind::Meter(meter) => Statement::SetUpdate(self.meter(meter)?),
            StatementKind::ResetOption(option) => {
                let selector = self.selector(option)?;
                match selector {
                    Some(Selector::Exthdr(exthdr)) if exthdr.base == crate::table::ExtensionBase::TCP => {
                        Statement::ResetTcpOption(exthdr.number)
                    }
                    _ => return self.error(option.span, "only TCP options can be reset"),
                }
            }
            StatementKind::Xt { name, .. } => {
                return self.error(name.span, "extensions of iptables cannot be loaded from text");
            }
        })
    }

    pub(super) fn verdict(&mut self, _span: Span, verdict: &'a ast::Verdict) -> Eval<Verdict> {
        Ok(match verdict {
            ast::Verdict::Accept => Verdict::Accept,
            ast::Verdict::Drop => Verdict::Drop,
            ast::Verdict::Continue => Verdict::Continue,
            ast::Verdict::Return => Verdict::Return,
            ast::Verdict::Queue => Verdict::Other(3),
            ast::Verdict::Jump(target) => Verdict::Jump(self.chain_target(target)?),
            ast::Verdict::Goto(target) => Verdict::Goto(self.chain_target(target)?),
        })
    }

    fn chain_target(&mut self, target: &'a ast::ChainTarget) -> Eval<ChainTarget> {
        match target {
            ast::ChainTarget::Named(name) => {
                let name = self.resolve(name)?;
                let text = name.text(self.sources);
                self.check_known(name.span, Entity::Chain, text)?;
                Ok(ChainTarget::Named(text.to_owned()))
            }
            ast::ChainTarget::Anonymous(rules) => {
                let rules: Vec<_> = rules.iter().map(|rule| self.rule(rule).map(|(rule, _)| rule)).collect();
                rules.into_iter().collect::<Eval<_>>().map(ChainTarget::Anonymous)
            }
        }
    }

    pub(super) fn counter(&self, counter: &ast::Counter) -> Counter {
        let number = |number: Option<ast::Number>| number.map_or(0, |number| number.value);
        Counter { packets: number(counter.packets), bytes: number(counter.bytes) }
    }

    pub(super) fn quota(&self, quota: &ast::Quota) -> Quota {
        Quota { bytes: quota.bytes.value, used: quota.used.map_or(0, |used| used.value), over: quota.over }
    }

    pub(super) fn limit(&mut self, limit: &ast::Limit) -> Eval<Limit> {
        if limit.rate.value == 0 {
            return self.error(limit.rate.span, "a rate is at least 1");
        }
        let default = if limit.unit == ast::LimitUnit::Packets { DEFAULT_PACKET_BURST } else { 0 };
        let burst = limit.burst.map(|burst| self.fit(burst, "a burst")).transpose()?;
        let rate = match limit.unit {
            ast::LimitUnit::Packets => LimitRate::Packets(limit.rate.value),
            ast::LimitUnit::Bytes => LimitRate::Bytes(limit.rate.value),
        };
        Ok(Limit { rate, seconds: limit.per, burst: burst.unwrap_or(default), over: limit.over })
    }

    pub(super) fn object_reference(
        &mut self,
        kind: ast::ObjectKind,
        name: &'a ast::Expression,
    ) -> Eval<Statement> {
        let kind = object_kind(kind);
        let name = self.resolve(name)?;
        let reference = match &name.kind {
            ExpressionKind::Map(map) => {
                let key = self.computed(&map.key, None)?;
                let map = self.map_reference(&key, &map.map, Wanted::Object(kind))?;
                ObjectName::Map(Box::new(key), map)
            }
            _ => {
                let text = name.text(self.sources);
                // A number is a name, however it is written.
                let number = matches!(name.kind, ExpressionKind::Literal(ast::LiteralKind::Number))
                    .then(|| parse_number(text))
                    .flatten();
                let text = number.map_or_else(|| text.to_owned(), |number| number.to_string());
                self.check_known(name.span, Entity::Object(kind), &text)?;
                ObjectName::Name(text)
            }
        };
        Ok(Statement::Object(kind, reference))
    }

    fn log(&mut self, span: Span, log: &'a ast::Log) -> Eval<Log> {
        let prefix = match &log.prefix {
            Some(prefix) => {
                let mut text = String::new();
                for part in &prefix.parts {
                    text.push_str(self.resolve(part)?.text(self.sources));
                }
                if text.is_empty() {
                    return self.error(prefix.span, "a prefix has at least one character");
                }
                if text.len() > MAXIMUM_LOG_PREFIX {
                    return self
                        .error(prefix.span, format!("a prefix has at most {MAXIMUM_LOG_PREFIX} bytes"));
                }
                Some(text)
            }
            None => None,
        };
        let level = match log.level {
            Some(name) => {
                let word = self.text(name);
                match crate::table::symbol::value(vocabulary::LOG_LEVEL, word) {
                    Some(level) => Some(level),
                    None => {
                        let known: Vec<&str> =
                            vocabulary::LOG_LEVEL.iter().map(|symbol| symbol.name).collect();
                        return self.unknown(name.span, word, "log level", &known);
                    }
                }
            }
            None => None,
        };
        let flags = log.flags.iter().fold(0, |all, flag| all | log_flag(*flag));
        let to_group = log.group.is_some() || log.snaplen.is_some() || log.queue_threshold.is_some();
        if level.is_some() && to_group {
            return self
                .error(span, "`level` is for the kernel's log, `group` for another: write one of them");
        }
        if flags != 0 && to_group {
            return self.error(span, "`flags` are for the kernel's log: they cannot stand beside `group`");
        }
        if level == Some(AUDIT) && (prefix.is_some() || flags != 0) {
            return self.error(span, "`log level audit` has no other options");
        }
        Ok(Log {
            prefix,
            group: log.group.map(|group| self.fit(group, "a group")).transpose()?,
            snaplen: log.snaplen.map(|length| self.fit(length, "a length")).transpose()?,
            queue_threshold: log.queue_threshold.map(|number| self.fit(number, "a threshold")).transpose()?,
            level,
            flags,
        })
    }

    fn reject(&mut self, span: Span, reject: &'a ast::Reject) -> Eval<Reject> {
        Ok(match reject {
            // What is told goes by the protocol where that is known.
            ast::Reject::Default => match self.context.network().map(|known| known.id) {
                Some(HeaderId::Ip) if self.family != netwright_netfilter::Family::IPV4 => {
                    Reject::Icmp(vocabulary::DEFAULT_REJECT_ICMP)
                }
                Some(HeaderId::Ip6) if self.family != netwright_netfilter::Family::IPV6 => {
                    Reject::Icmpv6(vocabulary::DEFAULT_REJECT_ICMPV6)
                }
                Some(other) if !matches!(other, HeaderId::Ip | HeaderId::Ip6) => {
                    return self.error(span, format!("nothing is sent back to packets of {}", other.name()));
                }
                _ => Reject::Default,
            },
            ast::Reject::TcpReset => Reject::TcpReset,
            ast::Reject::Icmp(code) => Reject::Icmp(self.reject_code(code, DataType::ICMP_CODE)?),
            ast::Reject::Icmpv6(code) => Reject::Icmpv6(self.reject_code(code, DataType::ICMPV6_CODE)?),
            ast::Reject::Icmpx(code)
                if matches!(
                    self.family,
                    netwright_netfilter::Family::IPV4 | netwright_netfilter::Family::IPV6
                ) =>
            {
                let ipv6 = self.family == netwright_netfilter::Family::IPV6;
                let own = if ipv6 { "icmpv6" } else { "icmp" };
                let message = "`icmpx` is for tables of both IPv4 and IPv6";
                let diagnostic = Diagnostic::error(code.span, message);
                return self.report(diagnostic.help(format!("Write `reject with {own} …`.")));
            }
            ast::Reject::Icmpx(code) => Reject::Icmpx(self.reject_code(code, DataType::ICMPX_CODE)?),
        })
    }

    fn reject_code(&mut self, code: &'a ast::Expression, data_type: DataType) -> Eval<u8> {
        let value = self.value(code, &TypePart::of(data_type))?;
        Ok(value.bytes.last().copied().unwrap_or(0))
    }

    fn synproxy(&mut self, proxy: &ast::Synproxy) -> Eval<Synproxy> {
        Ok(Synproxy {
            mss: proxy.mss.map(|mss| self.fit(mss, "a segment size")).transpose()?,
            wscale: proxy.window_scale.map(|scale| self.fit(scale, "a window scale")).transpose()?,
            timestamp: proxy.timestamp,
            sack_permitted: proxy.sack_permitted,
        })
    }

    pub(super) fn synproxy_object(&mut self, proxy: &ast::Synproxy) -> Eval<Synproxy> {
        self.synproxy(proxy)
    }

    fn duplicate(&mut self, to: &'a ast::Expression, device: Option<&'a ast::Expression>) -> Eval<Duplicate> {
        let interface = TypePart::of(DataType::IFACE_INDEX);
        let netdev = self.family == netwright_netfilter::Family::NETDEV;
        if netdev && device.is_none() {
            return Ok(Duplicate { address: None, device: Some(self.argument(to, &interface)?) });
        }
        if let Some(device) = device.filter(|_| netdev) {
            return self.error(device.span, "in the family netdev, copies go out of an interface alone");
        }
        let address = self.argument(to, &Self::address_part(self.family))?;
        let device = device.map(|device| self.argument(device, &interface)).transpose()?;
        Ok(Duplicate { address: Some(address), device })
    }

    fn forward(
        &mut self,
        family: Option<ast::IpVersion>,
        to: &'a ast::Expression,
        device: Option<&'a ast::Expression>,
    ) -> Eval<Forward> {
        let interface = TypePart::of(DataType::IFACE_INDEX);
        if self.family != Family::NETDEV {
            return self.error(to.span, "`fwd` works in tables of the family netdev alone");
        }
        let Some(device) = device else {
            return Ok(Forward { device: self.argument(to, &interface)?, family: None, address: None });
        };
        let family = family.map_or(Family::IPV4, version);
        let address = self.argument(to, &Self::address_part(family))?;
        let device = self.argument(device, &interface)?;
        Ok(Forward { device, family: Some(family), address: Some(address) })
    }

    fn queue(&mut self, span: Span, queue: &'a ast::Queue) -> Eval<Queue> {
        let number = TypePart::QUEUE;
        let to = match &queue.to {
            None => QueueTarget::Numbers(0, 0),
            Some(to) => {
                let to_span = to.span;
                let made = self.computed(to, Some(&number))?;
                let small = |value: &crate::ir::Value| {
                    value.as_number().and_then(|n| u16::try_from(n).ok()).unwrap_or(0)
                };
                match &made {
                    Expression::Value(value) => QueueTarget::Numbers(small(value), small(value)),
                    Expression::Range(from, to) => QueueTarget::Numbers(small(from), small(to)),
                    Expression::Selector(Selector::Numgen(numgen)) => {
                        self.check_queue(to_span, u64::from(numgen.modulus) + u64::from(numgen.offset))?;
                        QueueTarget::Computed(Box::new(made))
                    }
                    Expression::Selector(Selector::Hash(hash)) => {
                        self.check_queue(to_span, u64::from(hash.modulus) + u64::from(hash.offset))?;
                        QueueTarget::Computed(Box::new(made))
                    }
                    Expression::Map(..) => QueueTarget::Computed(Box::new(made)),
                    Expression::Prefix(..)
                    | Expression::Wildcard(_)
                    | Expression::Verdict(_)
                    | Expression::ObjectName(_)
                    | Expression::Flags(_)
                    | Expression::Selector(_)
                    | Expression::Concatenation(_)
                    | Expression::Binary(..)
                    | Expression::Set(_)
                    | Expression::Exists(_) => {
                        return self
                            .error(to_span, "a number, a range, or what computes a number is needed here");
                    }
                }
            }
        };
        if queue.fanout && !matches!(to, QueueTarget::Numbers(first, last) if first != last) {
            return self.error(span, "`fanout` spreads over a range of queues: write `num FROM-TO`");
        }
        Ok(Queue { to, bypass: queue.bypass, fanout: queue.fanout })
    }

    fn check_queue(&mut self, span: Span, greatest: u64) -> Eval<()> {
        if greatest > 65536 {
            self.error(span, "queues are numbered up to 65535: this can be more")
        } else {
            Ok(())
        }
    }

    fn set_update(&mut self, span: Span, update: &'a ast::SetUpdate) -> Eval<SetUpdate> {
        let name = self.text(update.set);
        let set = self.set_named(update.set.span, name)?;
        let key = self.keyed(&update.element.key, &set.key.parts)?;
        let parts = self.parts(&key);
        self.check_key(update.element.key.span, &set, &parts)?;
        let values = match &set.target {
            Some(crate::ir::MapTarget::Values(spec)) => spec.parts.clone(),
            _ => Vec::new(),
        };
        let data = match &update.element.value {
            Some(value) => Some(self.update_data(value, &values)?),
            None => None,
        };
        if data.is_some() != set.target.is_some() && update.operation != ast::SetOperation::Delete {
            return self.error(span, format!("`{name}` needs a value for its key, or takes none"));
        }
        let operation = match update.operation {
            ast::SetOperation::Add => SetUpdateOperation::Add,
            ast::SetOperation::Update => SetUpdateOperation::Update,
            ast::SetOperation::Delete => SetUpdateOperation::Delete,
        };
        self.finish_update(operation, name, key, data, update.element.options.as_deref())
    }

    fn update_data(&mut self, value: &'a ast::Expression, parts: &[TypePart]) -> Eval<Expression> {
        let value = self.resolve(value)?;
        match (&value.kind, parts) {
            (ExpressionKind::Concat(list), parts) if list.items.len() == parts.len() => {
                let items: Eval<Vec<_>> = list
                    .items
                    .iter()
                    .zip(parts)
                    .map(|(item, part)| self.computed(item, Some(part)))
                    .collect();
                Ok(Expression::Concatenation(items?))
            }
            (_, [part]) => self.computed(value, Some(part)),
            _ => self.error(value.span, format!("{} values side by side are needed here", parts.len())),
        }
    }

    pub(super) fn finish_update(
        &mut self,
        operation: SetUpdateOperation,
        set: &str,
        key: Expression,
        data: Option<Expression>,
        options: Option<&'a ast::ElementOptions>,
    ) -> Eval<SetUpdate> {
        let mut element = crate::ir::Element::default();
        if let Some(options) = options {
            if let Some(comment) = options.comment {
                return self.error(comment.span, "elements that packets add have no comments");
            }
            self.element_options(options, &mut element)?;
        }
        let (timeout, statements, comment) = (element.timeout, element.statements, element.comment);
        Ok(SetUpdate { operation, set: set.to_owned(), key, data, timeout, statements, comment })
    }
}

/// The longest prefix of a log line, in bytes.
const MAXIMUM_LOG_PREFIX: usize = 127;
/// The number of `log level audit`.
const AUDIT: u32 = 8;

/// Whether nothing behind a statement is reached.
fn is_terminal(statement: &Statement) -> bool {
    match statement {
        // Behind a chain that is written in place, nft lets the rule go on.
        Statement::Verdict(
            Verdict::Continue
            | Verdict::Jump(ChainTarget::Anonymous(_))
            | Verdict::Goto(ChainTarget::Anonymous(_)),
        ) => false,
        Statement::Verdict(_) => true,
        Statement::Reject(_) | Statement::Nat(_) | Statement::Queue(_) | Statement::Forward(_) => true,
        Statement::Match(_)
        | Statement::VerdictMap(..)
        | Statement::Counter(_)
        | Statement::Quota(_)
        | Statement::Limit(_)
        | Statement::ConnectionLimit { .. }
        | Statement::Last(_)
        | Statement::Object(..)
        | Statement::Log(_)
        | Statement::Tproxy(_)
        | Statement::Synproxy(_)
        | Statement::Duplicate(_)
        | Statement::Notrack
        | Statement::FlowAdd(_)
        | Statement::Assign(..)
        | Statement::ResetTcpOption(_)
        | Statement::SetUpdate(_)
        | Statement::Extension(_)
        | Statement::Raw(_) => false,
    }
}

fn log_flag(flag: ast::LogFlag) -> u32 {
    match flag {
        ast::LogFlag::TcpSequence => 0x01,
        ast::LogFlag::TcpOptions => 0x02,
        ast::LogFlag::IpOptions => 0x04,
        ast::LogFlag::SocketUser => 0x08,
        ast::LogFlag::Ether => 0x20,
        ast::LogFlag::All => vocabulary::LOG_FLAGS_ALL,
    }
}

pub(super) fn object_kind(kind: ast::ObjectKind) -> ObjectKind {
    match kind {
        ast::ObjectKind::Counter => ObjectKind::COUNTER,
        ast::ObjectKind::Quota => ObjectKind::QUOTA,
        ast::ObjectKind::Limit => ObjectKind::LIMIT,
        ast::ObjectKind::CtHelper => ObjectKind::CT_HELPER,
        ast::ObjectKind::CtTimeout => ObjectKind::CT_TIMEOUT,
        ast::ObjectKind::CtExpectation => ObjectKind::CT_EXPECTATION,
        ast::ObjectKind::Synproxy => ObjectKind::SYNPROXY,
        ast::ObjectKind::Secmark => ObjectKind::SECMARK,
        ast::ObjectKind::Tunnel => ObjectKind::TUNNEL,
    }
}
