#![allow(clippy::unwrap_used)]

use super::*;
use crate::testing::read_host;

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

const ROUTER: &str = r#"
link.wan.addresses = ["192.0.2.1/24", "2001:db8::1/64"]
link.br0 = { kind = "bridge", ports = ["lan1", "lan2"], addresses = ["10.0.0.1/24"] }
link."wan.7" = { kind = "vlan", parent = "wan", id = 7, addresses = ["10.7.0.1/24"] }
link.bond0 = { kind = "bond", ports = ["b1", "b2"], addresses = ["10.8.0.1/24"] }
route = [
  { to = "default", via = "192.0.2.254" },
  { to = "198.51.100.0/24", via = "192.0.2.253", table = 7 },
  { to = "203.0.113.0/24", type = "blackhole" },
]
neighbour = [{ dev = "wan", address = "192.0.2.9", mac = "02:00:00:00:09:09" }]
"#;

fn cards(topology: &Topology<'_>, spots: &[Spot]) -> Vec<String> {
    spots.iter().map(|spot| topology.cards.get(spot.card).cloned().unwrap_or_default()).collect()
}

#[test]
fn machines_stand_behind_ports_and_upper_links() {
    let (host, _) = read_host(ROUTER);
    let mut topology = Topology::new(&host);
    topology.settle("lan2", address("10.0.0.8"));
    let place = |link: &str, from: &str| {
        let sender = topology.sender(link, address(from)).unwrap();
        cards(&topology, &sender.spots).join(" ")
    };
    assert_eq!(place("br0", "10.0.0.9"), "lan1");
    assert_eq!(place("br0", "10.0.0.8"), "lan2");
    assert_eq!(place("lan2", "10.0.0.9"), "lan2");
    assert_eq!(place("bond0", "10.8.0.9"), "b1 b2");
    let tagged = topology.sender("wan.7", address("10.7.0.9")).unwrap();
    assert_eq!(tagged.spots[0].tags, [Tag { kind: ether::DOT1Q, id: 7 }]);
    assert_eq!(topology.link_at(&tagged.spots[0], address("10.7.0.9")).unwrap().name, "wan.7");
    assert_eq!(topology.name_at(&tagged.spots[0]), "wan.7");
    let port = topology.sender("lan2", address("10.0.0.9")).unwrap();
    assert_eq!(topology.name_at(&port.spots[0]), "lan2");
}

#[test]
fn a_neighbour_of_somebody_behind_a_port_is_behind_another() {
    let (host, _) = read_host(ROUTER);
    let topology = Topology::new(&host);
    let bridge = host.link("br0").unwrap();
    let sender = topology.sender("lan1", address("10.0.0.9")).unwrap();
    let seen_from = Some((&sender.spots[..], address("10.0.0.9")));
    let place = |to: &str| topology.places(bridge, address(to), seen_from).unwrap();
    assert_eq!(cards(&topology, &place("10.0.0.8")), ["lan2"]);
    assert_eq!(cards(&topology, &place("10.0.0.9")), ["lan1"]);
}

#[test]
fn who_is_far_comes_by_a_router() {
    let (host, _) = read_host(ROUTER);
    let topology = Topology::new(&host);
    let by = |link: &str, from: &str| topology.sender(link, address(from)).unwrap().station.to_string();
    assert_eq!(by("wan", "192.0.2.7"), "192.0.2.7");
    assert_eq!(by("wan", "198.51.100.9"), "192.0.2.253");
    assert_eq!(by("wan", "100.64.0.1"), "192.0.2.254");
    // somebody's address that is not there
    assert_eq!(by("wan", "10.0.0.9"), "192.0.2.254");
    // the file knows of no router for these
    assert_eq!(by("wan", "2001:db8:ffff::9"), "2001:db8::fffe");
    assert_eq!(by("bond0", "172.16.0.9"), "10.8.0.254");
    assert_eq!(by("wan", "fe80::9"), "fe80::9");
    assert_eq!(by("wan", "0.0.0.0"), "0.0.0.0");
}

#[test]
fn hardware_addresses_are_of_one_machine_each() {
    let (host, _) = read_host(ROUTER);
    let topology = Topology::new(&host);
    let mac = |link: &str, of: &str| topology.mac(link, address(of));
    assert_eq!(mac("wan", "192.0.2.9").to_string(), "02:00:00:00:09:09");
    assert_ne!(mac("wan", "192.0.2.8"), mac("wan", "192.0.2.7"));
    assert_ne!(mac("wan", "192.0.2.8"), mac("br0", "192.0.2.8"));
    assert!(!mac("wan", "192.0.2.8").is_group());
    let own = link_local(Mac([2, 0, 0x5e, 0, 0x53, 1]));
    assert_eq!(IpAddr::V6(own), address("fe80::5eff:fe00:5301"));
}

#[test]
fn broadcasts_are_known() {
    let (host, _) = read_host(ROUTER);
    let wan = host.link("wan").unwrap();
    let broadcast = |to: &str| is_broadcast(wan, address(to));
    assert!(broadcast("255.255.255.255") && broadcast("192.0.2.255"));
    assert!(!broadcast("192.0.2.254") && !broadcast("10.0.0.255") && !broadcast("ff02::1"));
}

#[test]
fn what_has_no_other_side_is_an_obstacle() {
    let (host, _) = read_host(
        r#"
link.a = { kind = "veth", peer = "b" }
link.d = { kind = "dummy", addresses = ["10.0.0.1/24"] }
link.e = { kind = "bridge", ports = [], addresses = ["10.1.0.1/24"] }
"#,
    );
    let topology = Topology::new(&host);
    for (link, word) in
        [("a", "kind veth"), ("b", "other end"), ("d", "kind dummy"), ("e", "no port"), ("f", "no link f")]
    {
        let obstacle = topology.sender(link, address("10.9.0.9")).unwrap_err();
        assert!(obstacle.contains(word), "{obstacle}");
    }
}
