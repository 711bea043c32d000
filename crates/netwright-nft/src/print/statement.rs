//! Statements.

use std::fmt;

use netwright_netfilter::Expression as Kernel;
use netwright_netfilter::bytecode::{Form, bytecode};

use super::Printer;
use super::expression::has_several_bits;
use crate::ir::{
    BinaryOperator, Counter, Expression, Extension, Limit, LimitRate, Log, Match, MatchOperator, ObjectKind,
    ObjectName, PayloadLocation, Queue, QueueTarget, Quota, Reject, Selector, SetUpdate, SetUpdateOperation,
    Statement, Synproxy,
};
use crate::table::symbol::{self, Symbol};
use crate::table::value::BitStyle;
use crate::table::vocabulary::{DEFAULT_LOG_LEVEL, LOG_LEVEL, QUEUE_FLAG, write_flags, write_log_flags};
use crate::table::{DataType, ExtensionBase, PrintOptions, time, unit};
use crate::xt;

impl<W: fmt::Write> Printer<'_, W> {
    pub(super) fn statement(&mut self, statement: &Statement) -> fmt::Result {
        match statement {
            Statement::Match(matched) => self.matched(matched),
            Statement::Verdict(verdict) => self.verdict(verdict),
            Statement::VerdictMap(key, map) => self.map("vmap", key, map),
            Statement::Counter(counter) => self.counter(counter),
            Statement::Quota(quota) => self.quota(quota),
            Statement::Limit(limit) => self.limit(limit),
            Statement::ConnectionLimit { count, over } => {
                write!(self.out, "ct count {}{count}", if *over { "over " } else { "" })
            }
            Statement::Last(used) => self.last(*used),
            Statement::Object(kind, name) => self.object_reference(*kind, name),
            Statement::Log(log) => self.log(log),
            Statement::Reject(reject) => self.reject(*reject),
            Statement::Nat(nat) => self.nat(nat),
            Statement::Tproxy(proxy) => self.tproxy(proxy),
            Statement::Synproxy(synproxy) => self.synproxy(synproxy),
            Statement::Duplicate(copy) => self.duplicate(copy),
            Statement::Forward(forward) => self.forward(forward),
            Statement::Queue(queue) => self.queue(queue),
            Statement::Notrack => self.word("notrack"),
            Statement::FlowAdd(table) => write!(self.out, "flow add @{table}"),
            Statement::Assign(selector, value) => self.assign(selector, value),
            Statement::ResetTcpOption(number) => self.reset_option(*number),
            Statement::SetUpdate(update) => self.set_update(update),
            Statement::Extension(extension) => self.extension(extension),
            Statement::Raw(code) => self.raw(code),
        }
    }

    fn matched(&mut self, matched: &Match) -> fmt::Result {
        self.plain(&matched.left)?;
        let several = match &matched.right {
            Expression::Value(value) => has_several_bits(value),
            Expression::Flags(values) => values.len() > 1,
            Expression::Range(..)
            | Expression::Prefix(..)
            | Expression::Wildcard(_)
            | Expression::Verdict(_)
            | Expression::ObjectName(_)
            | Expression::Selector(_)
            | Expression::Concatenation(_)
            | Expression::Binary(..)
            | Expression::Set(_)
            | Expression::Map(..)
            | Expression::Exists(_) => false,
        };
        let field = is_field(&matched.left);
        let computed = matches!(matched.left, Expression::Binary(..));
        let in_range = matches!(matched.right, Expression::Range(..));
        let in_many =
            matches!(matched.right, Expression::Set(_) | Expression::Range(..) | Expression::Prefix(..));
        let moved = matches!(
            matched.left,
            Expression::Binary(BinaryOperator::ShiftLeft | BinaryOperator::ShiftRight, ..)
        );
        let swapped = matched.is_swapped();
        self.word(match matched.operator {
            MatchOperator::Implicit | MatchOperator::Equal if moved && in_range => " ",
            MatchOperator::Implicit if computed && in_many && !swapped => " == ",
            MatchOperator::Equal if computed && in_many && swapped => " ",
            MatchOperator::Implicit => " ",
            MatchOperator::Equal if several && !field && !computed => " ",
            MatchOperator::Equal => " == ",
            MatchOperator::NotEqual => " != ",
            MatchOperator::Less => " < ",
            MatchOperator::LessOrEqual => " <= ",
            MatchOperator::Greater => " > ",
            MatchOperator::GreaterOrEqual => " >= ",
            MatchOperator::NoneOf => " ! ",
        })?;
        let style = match matched.operator {
            MatchOperator::Implicit | MatchOperator::NoneOf => BitStyle::List,
            _ if field => BitStyle::Number,
            _ => BitStyle::Alternatives,
        };
        if matched.hides_symbols() {
            let options = PrintOptions { numeric_symbol: true, ..*self.options };
            return self.with(&options).expression(&matched.right, style);
        }
        self.expression(&matched.right, style)
    }

    fn counter(&mut self, counter: &Counter) -> fmt::Result {
        self.word("counter")?;
        if self.options.stateless {
            return Ok(());
        }
        write!(self.out, " packets {} bytes {}", counter.packets, counter.bytes)
    }

    fn quota(&mut self, quota: &Quota) -> fmt::Result {
        self.word(if quota.over { "quota over " } else { "quota " })?;
        unit::write_bytes(self.out, quota.bytes)?;
        if quota.used == 0 || self.options.stateless {
            return Ok(());
        }
        self.word(" used ")?;
        unit::write_bytes(self.out, quota.used)
    }

    /// `limit rate over 10/second burst 5 packets`
    fn limit(&mut self, limit: &Limit) -> fmt::Result {
        self.word(if limit.over { "limit rate over " } else { "limit rate " })?;
        match limit.rate {
            LimitRate::Packets(rate) => {
                unit::write_rate(self.out, rate, limit.seconds, false)?;
                write!(self.out, " burst {} packets", limit.burst)
            }
            LimitRate::Bytes(rate) => {
                unit::write_rate(self.out, rate, limit.seconds, true)?;
                if limit.burst == 0 {
                    return Ok(());
                }
                self.word(" burst ")?;
                unit::write_bytes(self.out, u64::from(limit.burst))
            }
        }
    }

    fn last(&mut self, used: Option<u64>) -> fmt::Result {
        self.word("last")?;
        if self.options.stateless {
            return Ok(());
        }
        self.word(" used ")?;
        match used {
            Some(milliseconds) => time::write_duration(self.out, milliseconds, self.options.numeric_time),
            None => self.word("never"),
        }
    }

    fn object_reference(&mut self, kind: ObjectKind, name: &ObjectName) -> fmt::Result {
        match kind {
            ObjectKind::CT_HELPER => self.word("ct helper set ")?,
            ObjectKind::CT_TIMEOUT => self.word("ct timeout set ")?,
            ObjectKind::CT_EXPECTATION => self.word("ct expectation set ")?,
            ObjectKind::SECMARK => self.word("meta secmark set ")?,
            other => match other.name() {
                Some(word) => write!(self.out, "{word} name ")?,
                None => write!(self.out, "object {} name ", other.0)?,
            },
        }
        match name {
            ObjectName::Name(name) => self.quoted(name),
            ObjectName::Map(key, map) => self.map("map", key, map),
        }
    }

    fn log(&mut self, log: &Log) -> fmt::Result {
        self.word("log")?;
        if let Some(prefix) = &log.prefix {
            write!(self.out, " prefix \"{prefix}\"")?;
        }
        if let Some(group) = log.group {
            write!(self.out, " group {group}")?;
        }
        if let Some(snaplen) = log.snaplen {
            write!(self.out, " snaplen {snaplen}")?;
        }
        if let Some(threshold) = log.queue_threshold {
            write!(self.out, " queue-threshold {threshold}")?;
        }
        if let Some(level) = log.level.filter(|level| *level != DEFAULT_LOG_LEVEL) {
            match symbol::name(LOG_LEVEL, level) {
                Some(name) => write!(self.out, " level {name}")?,
                None => write!(self.out, " level {level}")?,
            }
        }
        write_log_flags(self.out, log.flags)
    }

    fn reject(&mut self, reject: Reject) -> fmt::Result {
        self.word("reject")?;
        let (word, table, code) = match reject {
            Reject::Default => return Ok(()),
            Reject::TcpReset => return self.word(" with tcp reset"),
            Reject::Icmp(code) => ("icmp", symbol::ICMP_CODE, code),
            Reject::Icmpv6(code) => ("icmpv6", symbol::ICMPV6_CODE, code),
            Reject::Icmpx(code) => ("icmpx", symbol::ICMPX_CODE, code),
        };
        write!(self.out, " with {word} ")?;
        if self.options.numeric_symbol {
            return write!(self.out, "{code}");
        }
        self.symbol(table, u32::from(code))
    }

    /// A name of a table, or the number.
    pub(super) fn symbol(&mut self, table: &'static [Symbol], number: u32) -> fmt::Result {
        match symbol::name(table, number) {
            Some(name) => self.word(name),
            None => write!(self.out, "{number}"),
        }
    }

    pub(super) fn synproxy(&mut self, synproxy: &Synproxy) -> fmt::Result {
        self.word("synproxy")?;
        // The two are listed together.
        if synproxy.mss.is_some() || synproxy.wscale.is_some() {
            let (mss, wscale) = (synproxy.mss.unwrap_or(0), synproxy.wscale.unwrap_or(0));
            write!(self.out, " mss {mss} wscale {wscale}")?;
        }
        if synproxy.timestamp {
            self.word(" timestamp")?;
        }
        if synproxy.sack_permitted {
            self.word(" sack-perm")?;
        }
        Ok(())
    }

    fn queue(&mut self, queue: &Queue) -> fmt::Result {
        self.word("queue")?;
        let flags = u32::from(queue.bypass) | u32::from(queue.fanout) << 1;
        if flags != 0 {
            self.word(" flags ")?;
            write_flags(self.out, QUEUE_FLAG, flags)?;
        }
        self.word(" to ")?;
        match &queue.to {
            QueueTarget::Numbers(first, last) if first == last => write!(self.out, "{first}"),
            QueueTarget::Numbers(first, last) => write!(self.out, "{first}-{last}"),
            QueueTarget::Computed(computed) => self.plain(computed),
        }
    }

    fn assign(&mut self, selector: &Selector, value: &Expression) -> fmt::Result {
        self.selector(selector)?;
        self.word(" set ")?;
        let listed = selector.part().data_type == DataType::CT_EVENT;
        self.expression(value, if listed { BitStyle::List } else { BitStyle::Alternatives })
    }

    fn reset_option(&mut self, number: u8) -> fmt::Result {
        self.word("reset tcp option ")?;
        match crate::lift::extension(ExtensionBase::TCP, number) {
            Some(header) => self.word(header.name),
            None => write!(self.out, "{number}"),
        }
    }

    fn set_update(&mut self, update: &SetUpdate) -> fmt::Result {
        let word = match update.operation {
            SetUpdateOperation::Add => "add",
            SetUpdateOperation::Update => "update",
            SetUpdateOperation::Delete => "delete",
        };
        write!(self.out, "{word} @{} {{ ", update.set)?;
        self.plain(&update.key)?;
        if let Some(timeout) = update.timeout {
            self.word(" timeout ")?;
            time::write_duration(self.out, timeout, self.options.numeric_time)?;
        }
        if let Some(comment) = &update.comment {
            write!(self.out, " comment \"{comment}\"")?;
        }
        if !update.statements.is_empty() {
            self.word(" ")?;
            self.stateless(&update.statements)?;
        }
        if let Some(data) = &update.data {
            self.word(" : ")?;
            self.plain(data)?;
        }
        self.word(" }")
    }

    /// What iptables made: in words of the language where it has them, else by name.
    fn extension(&mut self, extension: &Extension) -> fmt::Result {
        match &extension.words {
            Some(words) => self.word(words),
            None => {
                let (kind, name) = xt::title(&extension.code);
                write!(self.out, "xt {kind} \"{name}\"")
            }
        }
    }

    /// What has no words, as its instructions.
    fn raw(&mut self, code: &[Kernel]) -> fmt::Result {
        self.separated(&bytecode(code, Form::Bytes), " ", |printer, line| printer.word(line))
    }
}

/// Whether something is read from the packet itself.
fn is_field(expression: &Expression) -> bool {
    match expression {
        Expression::Selector(Selector::Payload(payload)) => {
            matches!(payload.location, PayloadLocation::Field(..) | PayloadLocation::Raw { .. })
        }
        Expression::Selector(Selector::Exthdr(_)) => true,
        Expression::Value(_)
        | Expression::Range(..)
        | Expression::Prefix(..)
        | Expression::Wildcard(_)
        | Expression::Verdict(_)
        | Expression::ObjectName(_)
        | Expression::Flags(_)
        | Expression::Selector(_)
        | Expression::Concatenation(_)
        | Expression::Binary(..)
        | Expression::Set(_)
        | Expression::Map(..)
        | Expression::Exists(_) => false,
    }
}
