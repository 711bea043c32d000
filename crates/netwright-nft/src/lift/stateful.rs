//! Statements that need no registers: those that keep state, which elements and objects carry too, and a few others.

use netwright_netfilter::Expression as Kernel;
use netwright_netfilter::expression::{
    ConnectionLimitFlags, LimitAttrs, LimitFlags, LimitKind, LogAttrs, QuotaFlags, SynProxyAttrs,
    SynProxyFlags,
};

use crate::ir::{Counter, Limit, LimitRate, Log, Quota, Statement, Synproxy};

/// The statement that an expression without registers is.
pub(super) fn statement(expression: &Kernel) -> Option<Statement> {
    Some(match expression {
        Kernel::Counter(attrs) => Statement::Counter(Counter {
            packets: attrs.packets.unwrap_or(0),
            bytes: attrs.byte_count.unwrap_or(0),
        }),
        Kernel::Quota(attrs) => Statement::Quota(Quota {
            bytes: attrs.byte_count?,
            used: attrs.consumed.unwrap_or(0),
            over: attrs.flags.is_some_and(|flags| flags.contains(QuotaFlags::INVERTED)),
        }),
        Kernel::Limit(attrs) => Statement::Limit(limit(attrs)?),
        Kernel::ConnectionLimit(attrs) => Statement::ConnectionLimit {
            count: attrs.count?,
            over: attrs.flags.is_some_and(|flags| flags.contains(ConnectionLimitFlags::INVERTED)),
        },
        Kernel::Last(attrs) => {
            Statement::Last(attrs.milliseconds.filter(|_| attrs.set.is_some_and(|set| set != 0)))
        }
        Kernel::Log(attrs) => Statement::Log(log(attrs)),
        Kernel::SynProxy(attrs) => Statement::Synproxy(synproxy(attrs)),
        Kernel::NoTrack(_) => Statement::Notrack,
        Kernel::FlowOffload(attrs) => Statement::FlowAdd(attrs.table.clone()?),
        _ => return None,
    })
}

pub(super) fn limit(attrs: &LimitAttrs) -> Option<Limit> {
    let rate = attrs.rate?;
    let rate = match attrs.kind.unwrap_or(LimitKind::PACKETS) {
        LimitKind::PACKETS => LimitRate::Packets(rate),
        LimitKind::BYTES => LimitRate::Bytes(rate),
        _ => return None,
    };
    Some(Limit {
        rate,
        seconds: attrs.unit?,
        burst: attrs.burst.unwrap_or(0),
        over: attrs.flags.is_some_and(|flags| flags.contains(LimitFlags::INVERTED)),
    })
}

fn log(attrs: &LogAttrs) -> Log {
    Log {
        prefix: attrs.prefix.clone(),
        group: attrs.group,
        snaplen: attrs.snapshot_length,
        queue_threshold: attrs.queue_threshold,
        level: attrs.level.map(|level| level.0),
        flags: attrs.flags.map_or(0, |flags| flags.bits()),
    }
}

pub(super) fn synproxy(attrs: &SynProxyAttrs) -> Synproxy {
    let has = |flag| attrs.flags.is_some_and(|flags| flags.contains(flag));
    Synproxy {
        mss: attrs.mss.filter(|_| has(SynProxyFlags::MSS)),
        wscale: attrs.window_scale.filter(|_| has(SynProxyFlags::WINDOW_SCALE)),
        timestamp: has(SynProxyFlags::TIMESTAMP),
        sack_permitted: has(SynProxyFlags::SACK_PERMITTED),
    }
}
