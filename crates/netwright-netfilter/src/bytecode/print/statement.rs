//! The lines of expressions that act or keep state: none has a value.

use std::fmt;

use super::{number, text};
use crate::expression::*;
use crate::{Expression, Family, Register};

pub(super) fn operands(f: &mut fmt::Formatter<'_>, expression: &Expression) -> fmt::Result {
    match expression {
        Expression::Limit(attrs) => limit(f, attrs),
        Expression::Counter(CounterAttrs { packets, byte_count, .. }) => {
            write!(f, "pkts {} bytes {} ", packets.unwrap_or_default(), byte_count.unwrap_or_default())
        }
        Expression::Quota(QuotaAttrs { byte_count, consumed, flags, .. }) => {
            let (bytes, consumed) = (byte_count.unwrap_or_default(), consumed.unwrap_or_default());
            write!(f, "bytes {bytes} consumed {consumed} flags {} ", flags.unwrap_or_default().bits())
        }
        Expression::ConnectionLimit(ConnectionLimitAttrs { count, flags, .. }) => {
            write!(f, "count {} flags {:x} ", count.unwrap_or_default(), flags.unwrap_or_default().bits())
        }
        Expression::Last(LastAttrs { set, milliseconds, .. }) => match set.unwrap_or_default() {
            0 => f.write_str("never "),
            _ => write!(f, "{} ", milliseconds.unwrap_or_default()),
        },
        Expression::Log(attrs) => log(f, attrs),
        Expression::Reject(RejectAttrs { kind, icmp_code, .. }) => {
            write!(f, "type {} code {} ", kind.unwrap_or_default().0, icmp_code.unwrap_or_default())
        }
        Expression::Nat(attrs) => nat(f, attrs),
        Expression::Masquerade(attrs) => ports(f, attrs.port_minimum, attrs.port_maximum, attrs.flags),
        Expression::Redirect(attrs) => ports(f, attrs.port_minimum, attrs.port_maximum, attrs.flags),
        Expression::Duplicate(attrs) => {
            register(f, "sreg_addr", attrs.address)?;
            register(f, "sreg_dev", attrs.device)
        }
        Expression::Forward(attrs) => forward(f, attrs),
        Expression::Queue(attrs) => queue(f, attrs),
        Expression::TransparentProxy(attrs) => {
            if let Some(family @ (Family::IPV4 | Family::IPV6)) = attrs.family.and_then(family) {
                write!(f, "{family} ")?;
            }
            register(f, "addr reg", attrs.address)?;
            register(f, "port reg", attrs.port)
        }
        Expression::SynProxy(SynProxyAttrs { mss, window_scale, .. }) => {
            write!(f, "mss {} wscale {} ", mss.unwrap_or_default(), window_scale.unwrap_or_default())
        }
        Expression::FlowOffload(attrs) => {
            write!(f, "flowtable {} ", attrs.table.as_deref().unwrap_or_default())
        }
        Expression::Match(MatchAttrs { name, revision, .. })
        | Expression::Target(TargetAttrs { name, revision, .. }) => {
            write!(f, "name {} rev {} ", name.as_deref().unwrap_or_default(), revision.unwrap_or_default())
        }
        _ => Ok(()),
    }
}

fn family(number: u32) -> Option<Family> {
    u8::try_from(number).ok().map(Family)
}

fn register(f: &mut fmt::Formatter<'_>, what: &str, register: Option<Register>) -> fmt::Result {
    register.map_or(Ok(()), |register| write!(f, "{what} {} ", register.0))
}

fn flags(f: &mut fmt::Formatter<'_>, flags: Option<NatFlags>) -> fmt::Result {
    match flags.unwrap_or_default().bits() {
        0 => Ok(()),
        bits => write!(f, "flags {bits:#x} "),
    }
}

fn limit(f: &mut fmt::Formatter<'_>, attrs: &LimitAttrs) -> fmt::Result {
    let unit = match attrs.unit.unwrap_or_default() {
        1 => "second".to_owned(),
        60 => "minute".to_owned(),
        3600 => "hour".to_owned(),
        86_400 => "day".to_owned(),
        604_800 => "week".to_owned(),
        seconds => format!("{seconds} seconds"),
    };
    let (rate, burst) = (attrs.rate.unwrap_or_default(), attrs.burst.unwrap_or_default());
    let flags = attrs.flags.unwrap_or_default().bits();
    write!(f, "rate {rate}/{unit} burst {burst} type {} flags 0x{flags:x} ", text(&attrs.kind))
}

fn log(f: &mut fmt::Formatter<'_>, attrs: &LogAttrs) -> fmt::Result {
    if let Some(prefix) = &attrs.prefix {
        write!(f, "prefix {prefix} ")?;
    }
    if let Some(group) = attrs.group {
        let (length, threshold) =
            (attrs.snapshot_length.unwrap_or_default(), attrs.queue_threshold.unwrap_or_default());
        return write!(f, "group {group} snaplen {length} qthreshold {threshold} ");
    }
    if let Some(level) = attrs.level {
        write!(f, "level {} ", level.0)?;
    }
    let flags = attrs.flags.unwrap_or_default();
    let names = [
        (LogFlags::TCP_SEQUENCE, "tcpseq"),
        (LogFlags::TCP_OPTIONS, "tcpopt"),
        (LogFlags::IP_OPTIONS, "ipopt"),
        (LogFlags::UID, "uid"),
        (LogFlags::MAC_DECODE, "macdecode"),
    ];
    names.iter().filter(|(flag, _)| flags.contains(*flag)).try_for_each(|(_, name)| write!(f, "{name} "))
}

fn nat(f: &mut fmt::Formatter<'_>, attrs: &NatAttrs) -> fmt::Result {
    let number = attrs.family.unwrap_or_default();
    let family = family(number).map_or(number.to_string(), |family| family.to_string());
    write!(f, "{} {family} ", text(&attrs.kind))?;
    register(f, "addr_min reg", attrs.address_minimum)?;
    register(f, "addr_max reg", attrs.address_maximum)?;
    ports(f, attrs.port_minimum, attrs.port_maximum, attrs.flags)
}

fn ports(
    f: &mut fmt::Formatter<'_>,
    minimum: Option<Register>,
    maximum: Option<Register>,
    nat_flags: Option<NatFlags>,
) -> fmt::Result {
    register(f, "proto_min reg", minimum)?;
    register(f, "proto_max reg", maximum)?;
    flags(f, nat_flags)
}

fn forward(f: &mut fmt::Formatter<'_>, attrs: &ForwardAttrs) -> fmt::Result {
    write!(f, "sreg_dev {} ", number(attrs.device))?;
    match attrs.address {
        Some(address) => write!(f, "sreg_addr {} nfproto {} ", address.0, attrs.family.unwrap_or_default()),
        None => Ok(()),
    }
}

fn queue(f: &mut fmt::Formatter<'_>, attrs: &QueueAttrs) -> fmt::Result {
    let (first, total) = (attrs.number.unwrap_or_default(), attrs.total.unwrap_or_default());
    match attrs.source {
        Some(source) => write!(f, "sreg_qnum {} ", source.0)?,
        None if total > 1 => write!(f, "num {first}-{} ", u32::from(first) + u32::from(total) - 1)?,
        None => write!(f, "num {first} ")?,
    }
    let flags = attrs.flags.unwrap_or_default();
    let names = [(QueueFlags::BYPASS, "bypass"), (QueueFlags::CPU_FANOUT, "fanout")];
    names.iter().filter(|(flag, _)| flags.contains(*flag)).try_for_each(|(_, name)| write!(f, "{name} "))
}
