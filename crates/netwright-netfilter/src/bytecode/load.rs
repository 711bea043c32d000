//! What each expression loads: how many bytes, in which order.

use super::Part;
use crate::expression::*;
use crate::{Expression, Register};

const fn host(length: usize) -> Part {
    Part { length, host: length > 1 }
}

const fn wire(length: usize) -> Part {
    Part { length, host: false }
}

/// The register that an expression loads and what it puts there, where that follows from the expression alone.
pub(super) fn loaded(expression: &Expression) -> Option<(Register, Part)> {
    let (register, part) = match expression {
        Expression::Meta(attrs) => (attrs.destination, meta(attrs.key?)),
        Expression::Ct(attrs) => (attrs.destination, ct(attrs.key?)),
        Expression::Payload(attrs) => (attrs.destination, wire(attrs.length? as usize)),
        Expression::ExtensionHeader(attrs) => {
            let present = attrs.flags.is_some_and(|flags| flags.contains(ExtensionHeaderFlags::PRESENT));
            (attrs.destination, wire(if present { 1 } else { attrs.length? as usize }))
        }
        Expression::Route(attrs) => (attrs.destination, rt(attrs.key?)),
        Expression::Socket(attrs) => (attrs.destination, socket(attrs.key?)),
        Expression::Fib(attrs) => (attrs.destination, fib(attrs)),
        Expression::Xfrm(attrs) => (attrs.destination, xfrm(attrs.key?)),
        Expression::Tunnel(attrs) => {
            (attrs.destination, if attrs.key? == TunnelKey::ID { host(4) } else { wire(1) })
        }
        Expression::Fingerprint(attrs) => (attrs.destination, wire(16)),
        Expression::Hash(attrs) => (attrs.destination, host(4)),
        Expression::NumberGenerator(attrs) => (attrs.destination, host(4)),
        _ => return None,
    };
    Some((register?, part))
}

/// What a key of `meta` is.
pub(super) fn meta(key: MetaKey) -> Part {
    match key {
        MetaKey::PROTOCOL | MetaKey::BRIDGE_INPUT_VLAN_PROTOCOL => wire(2),
        MetaKey::RANDOM => wire(4),
        MetaKey::BRIDGE_INPUT_ADDRESS => wire(6),
        MetaKey::INPUT_NAME
        | MetaKey::OUTPUT_NAME
        | MetaKey::BRIDGE_INPUT_NAME
        | MetaKey::BRIDGE_OUTPUT_NAME
        | MetaKey::INPUT_KIND
        | MetaKey::OUTPUT_KIND
        | MetaKey::SLAVE_NAME => wire(16),
        MetaKey::TRACE
        | MetaKey::FAMILY
        | MetaKey::L4_PROTOCOL
        | MetaKey::PACKET_TYPE
        | MetaKey::SECURITY_PATH
        | MetaKey::DAY
        | MetaKey::BRIDGE_ROUTE => wire(1),
        MetaKey::INPUT_TYPE | MetaKey::OUTPUT_TYPE | MetaKey::BRIDGE_INPUT_PVID => host(2),
        MetaKey::TIME => host(8),
        _ => host(4),
    }
}

/// What a key of `ct` is.
pub(super) fn ct(key: CtKey) -> Part {
    match key {
        CtKey::DIRECTION | CtKey::L3_PROTOCOL | CtKey::PROTOCOL => wire(1),
        CtKey::SOURCE_PORT | CtKey::DESTINATION_PORT => wire(2),
        CtKey::SOURCE_IPV4 | CtKey::DESTINATION_IPV4 | CtKey::ID => wire(4),
        CtKey::HELPER | CtKey::SOURCE_IPV6 | CtKey::DESTINATION_IPV6 | CtKey::SOURCE | CtKey::DESTINATION => {
            wire(16)
        }
        CtKey::LABELS => host(16),
        CtKey::ZONE => host(2),
        CtKey::PACKETS | CtKey::BYTES | CtKey::AVERAGE_PACKET => host(8),
        _ => host(4),
    }
}

fn rt(key: RouteKey) -> Part {
    match key {
        RouteKey::NEXTHOP_IPV4 => wire(4),
        RouteKey::NEXTHOP_IPV6 => wire(16),
        RouteKey::TCP_MSS => host(2),
        RouteKey::IPSEC => wire(1),
        _ => host(4),
    }
}

fn socket(key: SocketKey) -> Part {
    match key {
        SocketKey::TRANSPARENT | SocketKey::WILDCARD => wire(1),
        SocketKey::CGROUP_V2 => host(8),
        _ => host(4),
    }
}

fn fib(attrs: &FibAttrs) -> Part {
    match attrs.result {
        _ if attrs.flags.is_some_and(|flags| flags.contains(FibFlags::PRESENT)) => wire(1),
        Some(FibResult::OUTPUT_NAME) => wire(16),
        _ => host(4),
    }
}

fn xfrm(key: XfrmKey) -> Part {
    match key {
        XfrmKey::DESTINATION_IPV6 | XfrmKey::SOURCE_IPV6 => wire(16),
        XfrmKey::REQUEST_ID => host(4),
        _ => wire(4),
    }
}
