//! Stateful objects.

use std::fmt;

use netwright_netfilter::Family;
use netwright_netfilter::object::TunnelKeyAttrs;

use super::Printer;
use crate::ir::{Limit, LimitRate, Object, ObjectData, ObjectKind, Quota, Statement, Synproxy};
use crate::table::time;
use crate::table::unit::{self, DEFAULT_PACKET_BURST};
use crate::table::vocabulary::{CT_OBJECT_PROTOCOL, timeout_states};

impl Object {
    /// What kind of object it is.
    #[must_use]
    pub fn kind(&self) -> ObjectKind {
        match &self.data {
            ObjectData::Statement(statement) => match &**statement {
                Statement::Counter(_) => ObjectKind::COUNTER,
                Statement::Quota(_) => ObjectKind::QUOTA,
                Statement::Limit(_) => ObjectKind::LIMIT,
                Statement::Synproxy(_) => ObjectKind::SYNPROXY,
                Statement::ConnectionLimit { .. } => ObjectKind::CONNLIMIT,
                Statement::Match(_)
                | Statement::Verdict(_)
                | Statement::VerdictMap(..)
                | Statement::Last(_)
                | Statement::Object(..)
                | Statement::Log(_)
                | Statement::Reject(_)
                | Statement::Nat(_)
                | Statement::Tproxy(_)
                | Statement::Duplicate(_)
                | Statement::Forward(_)
                | Statement::Queue(_)
                | Statement::Notrack
                | Statement::FlowAdd(_)
                | Statement::Assign(..)
                | Statement::ResetTcpOption(_)
                | Statement::SetUpdate(_)
                | Statement::Extension(_)
                | Statement::Raw(_) => ObjectKind(0),
            },
            ObjectData::CtHelper { .. } => ObjectKind::CT_HELPER,
            ObjectData::CtTimeout { .. } => ObjectKind::CT_TIMEOUT,
            ObjectData::CtExpectation { .. } => ObjectKind::CT_EXPECTATION,
            ObjectData::Secmark(_) => ObjectKind::SECMARK,
            ObjectData::Other(kind, _) => ObjectKind(*kind),
        }
    }
}

impl<W: fmt::Write> Printer<'_, W> {
    pub(super) fn object(&mut self, object: &Object) -> fmt::Result {
        self.tabs()?;
        match object.kind().name() {
            Some(word) => write!(self.out, "{word} {} {{", object.name)?,
            None => write!(self.out, "object {} {} {{", object.kind().0, object.name)?,
        }
        self.handle(object.handle)?;
        self.word("\n")?;
        self.indent += 1;
        if let Some(comment) = &object.comment {
            self.comment_line(comment)?;
        }
        self.object_data(&object.data)?;
        self.indent -= 1;
        self.tabs()?;
        self.word("}\n")
    }

    fn object_data(&mut self, data: &ObjectData) -> fmt::Result {
        match data {
            ObjectData::Statement(statement) => self.object_statement(statement),
            ObjectData::CtHelper { helper, l4proto, l3proto } => {
                self.tabs()?;
                write!(self.out, "type \"{helper}\" protocol ")?;
                self.symbol(CT_OBJECT_PROTOCOL, u32::from(*l4proto))?;
                self.word("\n")?;
                self.l3proto(*l3proto)
            }
            ObjectData::CtTimeout { l4proto, l3proto, policy } => {
                self.protocol(*l4proto)?;
                self.l3proto(*l3proto)?;
                self.timeouts(*l4proto, policy)
            }
            ObjectData::CtExpectation { l4proto, l3proto, dport, timeout, size } => {
                self.protocol(*l4proto)?;
                self.tabs()?;
                writeln!(self.out, "dport {dport}")?;
                self.tabs()?;
                self.word("timeout ")?;
                time::write_duration(self.out, u64::from(*timeout), self.options.numeric_time)?;
                self.word("\n")?;
                self.tabs()?;
                writeln!(self.out, "size {size}")?;
                self.l3proto(*l3proto)
            }
            ObjectData::Secmark(context) => {
                self.tabs()?;
                writeln!(self.out, "\"{context}\"")
            }
            ObjectData::Other(kind, bytes) => {
                let tunnel = TunnelKeyAttrs::read_attributes(bytes).ok();
                if let Some(tunnel) = tunnel.filter(|_| ObjectKind(*kind) == ObjectKind::TUNNEL) {
                    return self.tunnel(&tunnel);
                }
                self.tabs()?;
                self.word("# ")?;
                bytes.iter().try_for_each(|byte| write!(self.out, "{byte:02x}"))?;
                self.word("\n")
            }
        }
    }

    fn object_statement(&mut self, statement: &Statement) -> fmt::Result {
        match statement {
            Statement::Counter(_) if self.options.stateless => Ok(()),
            Statement::Counter(counter) => {
                self.tabs()?;
                writeln!(self.out, "packets {} bytes {}", counter.packets, counter.bytes)
            }
            Statement::Quota(quota) => self.named_quota(quota),
            Statement::Limit(limit) => self.named_limit(limit),
            Statement::Synproxy(synproxy) => self.named_synproxy(synproxy),
            other => {
                self.tabs()?;
                self.statement(other)?;
                self.word("\n")
            }
        }
    }

    fn named_quota(&mut self, quota: &Quota) -> fmt::Result {
        self.tabs()?;
        self.word(if quota.over { "over " } else { "" })?;
        unit::write_bytes(self.out, quota.bytes)?;
        if quota.used != 0 && !self.options.stateless {
            self.word(" used ")?;
            unit::write_bytes(self.out, quota.used)?;
        }
        self.word("\n")
    }

    /// A limit by name does not list the usual burst.
    fn named_limit(&mut self, limit: &Limit) -> fmt::Result {
        self.tabs()?;
        self.word(if limit.over { "rate over " } else { "rate " })?;
        match limit.rate {
            LimitRate::Packets(rate) => {
                unit::write_rate(self.out, rate, limit.seconds, false)?;
                if limit.burst != 0 && limit.burst != DEFAULT_PACKET_BURST {
                    write!(self.out, " burst {} packets", limit.burst)?;
                }
            }
            LimitRate::Bytes(rate) => {
                unit::write_rate(self.out, rate, limit.seconds, true)?;
                if limit.burst != 0 {
                    self.word(" burst ")?;
                    unit::write_bytes(self.out, u64::from(limit.burst))?;
                }
            }
        }
        self.word("\n")
    }

    fn named_synproxy(&mut self, synproxy: &Synproxy) -> fmt::Result {
        if let Some(mss) = synproxy.mss {
            self.tabs()?;
            writeln!(self.out, "mss {mss}")?;
        }
        if let Some(wscale) = synproxy.wscale {
            self.tabs()?;
            writeln!(self.out, "wscale {wscale}")?;
        }
        match (synproxy.timestamp, synproxy.sack_permitted) {
            (true, true) => self.line("timestamp sack-perm"),
            (true, false) => self.line("timestamp"),
            (false, true) => self.line("sack-perm"),
            (false, false) => Ok(()),
        }
    }

    fn protocol(&mut self, number: u8) -> fmt::Result {
        self.tabs()?;
        self.word("protocol ")?;
        self.symbol(CT_OBJECT_PROTOCOL, u32::from(number))?;
        self.word("\n")
    }

    fn l3proto(&mut self, family: Option<Family>) -> fmt::Result {
        let Some(family) = family else { return Ok(()) };
        self.tabs()?;
        writeln!(self.out, "l3proto {family}")
    }

    /// The timeouts that are not the usual ones.
    fn timeouts(&mut self, protocol: u8, policy: &[(u16, u32)]) -> fmt::Result {
        let states = timeout_states(protocol);
        let state = |number: u16| states.iter().find(|state| u32::from(state.number) == u32::from(number));
        let unusual: Vec<(u16, u32)> = policy
            .iter()
            .filter(|(number, seconds)| {
                state(*number).is_none_or(|state| u64::from(state.default) != u64::from(*seconds))
            })
            .copied()
            .collect();
        if unusual.is_empty() {
            return Ok(());
        }
        self.tabs()?;
        self.word("policy = { ")?;
        self.separated(&unusual, ", ", |printer, (number, seconds)| {
            match state(*number) {
                Some(state) => write!(printer.out, "{} : ", state.name)?,
                None => write!(printer.out, "{number} : ")?,
            }
            time::write_duration(printer.out, u64::from(*seconds) * 1000, printer.options.numeric_time)
        })?;
        self.word(" }\n")
    }
}
