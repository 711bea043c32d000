//! The attribute tables against the kernel's headers, where they are installed.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::HashMap;
use std::fs;

use netwright_route::{address, generic, link, namespace_id, neighbour, nexthop, route, rule};
use netwright_wire::Row;

/// The constants of all enumerations in a header. Those that count on from a constant of another header are left out.
fn constants(header: &str) -> Option<HashMap<String, u16>> {
    let text = fs::read_to_string(format!("/usr/include/linux/{header}")).ok()?;
    let mut constants = HashMap::new();
    let mut plain = String::new();
    for part in text.split("/*") {
        plain.push_str(part.split_once("*/").map_or(part, |(_, behind)| behind));
    }
    let lines: Vec<&str> = plain.lines().filter(|line| !line.trim_start().starts_with('#')).collect();
    let plain = lines.join("\n");
    for body in plain.split("enum").skip(1).filter_map(|part| part.split_once('{')?.1.split_once('}')) {
        let mut next = Some(0);
        for entry in body.0.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
            let (name, value) =
                entry.split_once('=').map_or((entry, None), |(n, v)| (n.trim(), Some(v.trim())));
            let value = match value {
                None => next,
                Some(value) => value.parse().ok().or_else(|| constants.get(value).copied()),
            };
            if let Some(value) = value {
                constants.insert(name.to_owned(), value);
            }
            next = value.map(|value| value + 1);
        }
    }
    Some(constants)
}

fn check(header: &str, tables: &[&[Row]]) {
    let Some(constants) = constants(header) else {
        eprintln!("did not run: linux/{header} is not installed");
        return;
    };
    for row in tables.iter().copied().flatten() {
        let expected = constants.get(row.uapi).copied();
        // Address families are macros of the C library's headers, and the header may be older than the table.
        if row.uapi.starts_with("AF_") || expected.is_none() && older(header) {
            continue;
        }
        assert_eq!(Some(row.kind), expected, "{} in linux/{header}", row.uapi);
    }
}

/// Whether the header is older than the one that the tables were made from.
fn older(header: &str) -> bool {
    let newest = [
        ("fib_rules.h", "FRA_DSCP_MASK"),
        ("if_link.h", "IFLA_BOND_SLAVE_AD_CHURN_PARTNER_STATE"),
        ("if_link.h", "IFLA_BRPORT_BACKUP_NHID"),
        ("if_link.h", "IFLA_GRO_IPV4_MAX_SIZE"),
        ("if_link.h", "IFLA_VXLAN_MC_ROUTE"),
        ("neighbour.h", "NDA_NDM_FLAGS_MASK"),
        ("nexthop.h", "NHA_HW_STATS_USED"),
    ];
    let known = constants(header).unwrap_or_default();
    newest.iter().any(|(of, newest)| *of == header && !known.contains_key(*newest))
}

#[test]
fn links() {
    use link::kind::*;
    check(
        "if_link.h",
        &[
            link::LinkAttrs::ROWS,
            link::LinkInfoAttrs::ROWS,
            link::FamilyAttrs::ROWS,
            link::Ipv4LinkAttrs::ROWS,
            link::Ipv6LinkAttrs::ROWS,
            link::ProtocolDownReason::ROWS,
            Bond::ROWS,
            BondAggregation::ROWS,
            BondPort::ROWS,
            Bridge::ROWS,
            BridgePort::ROWS,
            Geneve::ROWS,
            Ipvlan::ROWS,
            Macsec::ROWS,
            Macvlan::ROWS,
            Tun::ROWS,
            Vlan::ROWS,
            Vrf::ROWS,
            VrfPort::ROWS,
            Vxlan::ROWS,
            Xfrm::ROWS,
        ],
    );
    check("if_tunnel.h", &[Gre::ROWS, Ip6GreTap::ROWS, IpIp::ROWS, Sit::ROWS, Ip6Tunnel::ROWS, Vti::ROWS]);
    check("veth.h", &[Veth::ROWS]);
}

#[test]
fn addresses() {
    check("if_addr.h", &[address::AddressAttrs::ROWS]);
}

#[test]
fn routes() {
    let tables = [route::RouteAttrs::ROWS, route::NextHopAttrs::ROWS, route::Metrics::ROWS];
    check("rtnetlink.h", &tables);
}

#[test]
fn rules() {
    check("fib_rules.h", &[rule::RuleAttrs::ROWS]);
}

#[test]
fn neighbours() {
    check("neighbour.h", &[neighbour::NeighbourAttrs::ROWS]);
}

#[test]
fn namespace_ids() {
    check("net_namespace.h", &[namespace_id::NamespaceIdAttrs::ROWS]);
}

#[test]
fn generic_families() {
    check("genetlink.h", &[generic::FamilyAttrs::ROWS, generic::GroupAttrs::ROWS]);
}

#[test]
fn nexthops() {
    check("nexthop.h", &[nexthop::NexthopAttrs::ROWS]);
}
