//! The names of the simulated internet.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What a record says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Data {
    /// An IPv4 address.
    A([u8; 4]),
    /// An IPv6 address, in text.
    Aaaa(&'static str),
    /// Another name for it.
    Cname(&'static str),
    /// A service: priority, weight, port, host.
    Srv(u16, u16, u16, &'static str),
    /// A text of so many bytes, in pieces of at most 255.
    Text(usize),
    /// A service binding: its target and IPv4 hint.
    Https(&'static str, [u8; 4]),
    /// So many IPv4 addresses, from this one on.
    Many([u8; 4], u8),
    /// An address record of another name, which is put into the answer although nothing leads to it.
    Stray(&'static str, [u8; 4]),
}

/// Name, time to live in seconds, and what it says. A name `*.x` stands for all names below `x` that are not listed.
pub const RECORDS: &[(&str, u32, Data)] = &[
    ("good.example.org", 300, Data::A([198, 51, 100, 10])),
    ("good.example.org", 300, Data::Aaaa("2001:db8:10::10")),
    ("good.example.org", 300, Data::Text(40)),
    ("example.org", 300, Data::A([198, 51, 100, 9])),
    ("*.wild.example.org", 300, Data::A([198, 51, 100, 20])),
    ("*.wild.example.org", 300, Data::Aaaa("2001:db8:10::20")),
    ("secret.wild.example.org", 300, Data::A([198, 51, 100, 21])),
    ("secret.wild.example.org", 300, Data::Aaaa("2001:db8:10::21")),
    ("alias.example.org", 300, Data::Cname("alias-two.example.org")),
    ("alias-two.example.org", 300, Data::Cname("alias-three.example.org")),
    ("alias-three.example.org", 300, Data::Cname("good.example.org")),
    ("foreign.example.org", 300, Data::Cname("evil.example.net")),
    ("evil.example.net", 300, Data::A([203, 0, 113, 66])),
    ("evil.example.net", 300, Data::Aaaa("2001:db8:bad::66")),
    ("*.evil.example.net", 300, Data::A([203, 0, 113, 66])),
    ("*.evil.example.net", 300, Data::Text(200)),
    ("stray.example.org", 300, Data::A([198, 51, 100, 31])),
    ("stray.example.org", 300, Data::Stray("evil.example.net", [203, 0, 113, 66])),
    ("stray.example.org", 300, Data::Stray("good.example.org", [203, 0, 113, 67])),
    ("rebind-private.example.org", 0, Data::A([10, 66, 0, 1])),
    ("rebind-loopback.example.org", 0, Data::A([127, 0, 0, 1])),
    ("rebind-metadata.example.org", 0, Data::A([169, 254, 169, 254])),
    ("rebind-shared.example.org", 0, Data::A([100, 64, 0, 1])),
    ("rebind-zero.example.org", 0, Data::A([0, 0, 0, 0])),
    ("rebind-multicast.example.org", 0, Data::A([239, 1, 2, 3])),
    ("rebind-unique-local.example.org", 0, Data::Aaaa("fd00:66::1")),
    ("rebind-link-local.example.org", 0, Data::Aaaa("fe80::1")),
    ("rebind-mapped.example.org", 0, Data::Aaaa("::ffff:10.66.0.1")),
    ("rebind-mapped-loopback.example.org", 0, Data::Aaaa("::ffff:127.0.0.1")),
    ("rebind-translated.example.org", 0, Data::Aaaa("64:ff9b::a42:1")),
    ("rebind-six-to-four.example.org", 0, Data::Aaaa("2002:a42:1::1")),
    ("half.example.org", 300, Data::A([198, 51, 100, 32])),
    ("half.example.org", 300, Data::A([10, 66, 0, 1])),
    ("now.example.org", 0, Data::A([198, 51, 100, 33])),
    ("brief.example.org", 1, Data::A([198, 51, 100, 34])),
    ("six.example.org", 300, Data::Aaaa("2001:db8:10::60")),
    ("four.example.org", 300, Data::A([198, 51, 100, 44])),
    ("_xmpp-client._tcp.example.org", 300, Data::Srv(5, 10, 5222, "good.example.org")),
    ("_smtp._tcp.example.org", 300, Data::Srv(0, 0, 25, "good.example.org")),
    ("_far._tcp.example.org", 300, Data::Srv(0, 0, 443, "evil.example.net")),
    ("bound.example.org", 300, Data::A([198, 51, 100, 35])),
    ("bound.example.org", 300, Data::Https(".", [10, 66, 0, 1])),
    ("bound-foreign.example.org", 300, Data::A([198, 51, 100, 36])),
    ("bound-foreign.example.org", 300, Data::Https("evil.example.net", [203, 0, 113, 66])),
    ("large.example.org", 300, Data::Text(6000)),
    ("large.example.org", 300, Data::Many([198, 51, 100, 100], 100)),
    ("intra.corp.example.org", 300, Data::A([198, 51, 100, 37])),
    ("git.example.org", 300, Data::A([198, 51, 100, 22])),
    ("db.example.org", 300, Data::A([198, 51, 100, 54])),
    ("time.example.org", 300, Data::A([198, 51, 100, 123])),
    ("time.example.org", 300, Data::Aaaa("2001:db8:10::123")),
];

/// The records of a name, those of a wildcard where it has none. The name is in lower case, without a last dot.
pub fn records(name: &str) -> Vec<(u32, Data)> {
    let of = |owner: &str| -> Vec<(u32, Data)> {
        RECORDS.iter().filter(|(known, ..)| *known == owner).map(|(_, life, data)| (*life, *data)).collect()
    };
    let own = of(name);
    if !own.is_empty() {
        return own;
    }
    let parents = name.match_indices('.').filter_map(|(dot, _)| name.get(dot..));
    parents.map(|parent| of(&format!("*{parent}"))).find(|found| !found.is_empty()).unwrap_or_default()
}

/// All addresses that servers for datagrams listen on: those of the names, and those that no name leads to.
pub fn addresses() -> Vec<IpAddr> {
    let named = RECORDS.iter().filter_map(|(_, _, data)| match data {
        Data::A(address) | Data::Stray(_, address) => Some(IpAddr::V4(Ipv4Addr::from(*address))),
        Data::Aaaa(text) => text.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        _ => None,
    });
    let routed = |address: &IpAddr| match address {
        IpAddr::V4(address) => !address.is_loopback() && !address.is_unspecified() && !address.is_multicast(),
        IpAddr::V6(address) => address.to_ipv4_mapped().is_none() && !address.is_unicast_link_local(),
    };
    let mut all: Vec<IpAddr> = named.filter(routed).collect();
    all.push(super::METADATA);
    all.sort();
    all.dedup();
    all
}
