//! Metadata of tunnels.

use netwright_netfilter::object::{TunnelKeyAttrs, TunnelOption};

use super::Node;
use crate::table::symbol;
use crate::table::vocabulary::ERSPAN_DIRECTION;

/// The members of a tunnel object.
pub(super) fn tunnel(tunnel: &TunnelKeyAttrs) -> Node {
    let ipv4 = tunnel.ipv4.as_ref();
    let ipv6 = tunnel.ipv6.as_ref();
    let node = Node::object()
        .with_some("id", tunnel.id)
        .with_some("src-ipv4", ipv4.and_then(|ip| ip.source).map(|address| address.to_string()))
        .with_some("dst-ipv4", ipv4.and_then(|ip| ip.destination).map(|address| address.to_string()))
        .with_some("src-ipv6", ipv6.and_then(|ip| ip.source).map(|address| address.to_string()))
        .with_some("dst-ipv6", ipv6.and_then(|ip| ip.destination).map(|address| address.to_string()))
        .with_some("sport", tunnel.source_port)
        .with_some("dport", tunnel.destination_port)
        .with_some("tos", tunnel.tos.filter(|tos| *tos != 0))
        .with_some("ttl", tunnel.ttl.filter(|ttl| *ttl != 0));
    let options = tunnel.options.as_ref().map(|options| options.0.as_slice()).unwrap_or_default();
    match options {
        [TunnelOption::Vxlan(vxlan)] => {
            node.with("type", "vxlan").with("tunnel", Node::object().with_some("gbp", vxlan.group_policy))
        }
        [TunnelOption::Erspan(erspan)] => {
            let direction =
                erspan.direction.and_then(|number| symbol::name(ERSPAN_DIRECTION, u32::from(number)));
            let erspan = Node::object()
                .with_some("version", erspan.version)
                .with_some("index", erspan.index)
                .with_some("dir", direction)
                .with_some("hwid", erspan.hardware);
            node.with("type", "erspan").with("tunnel", erspan)
        }
        [] => node,
        several => node.with("type", "geneve").with("tunnel", several.iter().map(geneve).collect::<Vec<_>>()),
    }
}

fn geneve(option: &TunnelOption) -> Node {
    match option {
        TunnelOption::Geneve(attrs) => {
            let digits: String = attrs.data.iter().flatten().map(|byte| format!("{byte:02x}")).collect();
            Node::object()
                .with_some("class", attrs.class)
                .with_some("opt-type", attrs.kind)
                .with("data", format!("0x{digits}"))
        }
        _ => Node::Null,
    }
}
