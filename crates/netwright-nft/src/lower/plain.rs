//! Statements that are one expression and use no registers: what elements and objects carry is among them.

use netwright_netfilter::Expression as Code;
use netwright_netfilter::expression::{
    ConnectionLimitAttrs, ConnectionLimitFlags, CounterAttrs, ExtensionHeaderAttrs, ExtensionHeaderOp,
    LastAttrs, LimitAttrs, LimitFlags, LimitKind, LogAttrs, LogFlags, LogLevel, QuotaAttrs, QuotaFlags,
    SynProxyAttrs, SynProxyFlags,
};

use crate::ir::{Counter, Limit, LimitRate, Log, Quota, Synproxy};

pub(super) fn counter(counter: &Counter) -> Code {
    CounterAttrs::default()
        .with(|attrs| {
            attrs.byte_count = (counter.bytes > 0).then_some(counter.bytes);
            attrs.packets = (counter.packets > 0).then_some(counter.packets);
        })
        .into()
}

pub(super) fn quota(quota: &Quota) -> Code {
    QuotaAttrs::default()
        .byte_count(quota.bytes)
        .consumed(quota.used)
        .flags(if quota.over { QuotaFlags::INVERTED } else { QuotaFlags::empty() })
        .into()
}

pub(super) fn connection_limit(count: u32, over: bool) -> Code {
    ConnectionLimitAttrs::default()
        .count(count)
        .with(|attrs| attrs.flags = over.then_some(ConnectionLimitFlags::INVERTED))
        .into()
}

pub(super) fn last(used: Option<u64>) -> Code {
    LastAttrs::default()
        .with(|attrs| {
            attrs.milliseconds = used;
            attrs.set = used.map(|_| 1);
        })
        .into()
}

pub(super) fn reset_tcp_option(kind: u8) -> Code {
    ExtensionHeaderAttrs::default().kind(kind).op(ExtensionHeaderOp::TCP_OPTION).into()
}

pub(super) fn limit(limit: &Limit) -> LimitAttrs {
    let (rate, kind) = match limit.rate {
        LimitRate::Packets(rate) => (rate, LimitKind::PACKETS),
        LimitRate::Bytes(rate) => (rate, LimitKind::BYTES),
    };
    LimitAttrs::default()
        .rate(rate)
        .unit(limit.seconds)
        .kind(kind)
        .flags(if limit.over { LimitFlags::INVERTED } else { LimitFlags::empty() })
        .with(|attrs| attrs.burst = (limit.burst > 0).then_some(limit.burst))
}

pub(super) fn log(log: &Log) -> Code {
    LogAttrs::default()
        .with(|attrs| {
            attrs.prefix = log.prefix.clone();
            attrs.group = log.group;
            attrs.snapshot_length = log.snaplen;
            attrs.queue_threshold = log.queue_threshold;
            attrs.level = log.level.map(LogLevel);
            attrs.flags = (log.flags != 0).then(|| LogFlags::from_bits_retain(log.flags));
        })
        .into()
}

pub(super) fn synproxy(proxy: &Synproxy) -> SynProxyAttrs {
    let mut flags = SynProxyFlags::empty();
    flags.set(SynProxyFlags::MSS, proxy.mss.is_some());
    flags.set(SynProxyFlags::WINDOW_SCALE, proxy.wscale.is_some());
    flags.set(SynProxyFlags::TIMESTAMP, proxy.timestamp);
    flags.set(SynProxyFlags::SACK_PERMITTED, proxy.sack_permitted);
    SynProxyAttrs::default().flags(flags).with(|attrs| {
        attrs.mss = proxy.mss;
        attrs.window_scale = proxy.wscale;
    })
}
