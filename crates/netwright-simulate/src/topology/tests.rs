use netwright_nft::diagnostic::SourceMap;
use netwright_state::{Format, read};

use super::*;

fn host(text: &str) -> Host {
    let mut none = |_: &str| Err("nothing is there".to_owned());
    let (host, found) = read(&mut SourceMap::default(), "host.toml", text, Format::Toml, &mut none);
    host.unwrap_or_else(|| panic!("{found:?}"))
}

fn machine<'t>(topology: &'t Topology<'_>, index: usize) -> &'t Machine {
    topology.machines.get(index).unwrap()
}

const ROUTER: &str = r#"
link.wan.addresses = ["192.0.2.1/24", "2001:db8::1/64"]
link.br0 = { kind = "bridge", ports = ["lan1", "lan2"], addresses = ["10.0.0.1/24"] }
link."wan.7" = { kind = "vlan", parent = "wan", id = 7, addresses = ["10.7.0.1/24"] }
link.bond0 = { kind = "bond", ports = ["b1", "b2"], addresses = ["10.8.0.1/24"] }
route = [
  { to = "default", via = "192.0.2.254" },
  { to = "198.51.100.0/24", via = "192.0.2.253" },
  { to = "203.0.113.0/24", type = "blackhole" },
]
"#;

#[test]
fn each_card_has_a_switch_and_a_bond_has_one() {
    let host = host(ROUTER);
    let topology = Topology::new(&host);
    let mut ports: Vec<_> = topology.switches.iter().map(|switch| switch.ports.join(" ")).collect();
    ports.sort();
    assert_eq!(ports, ["b1 b2", "lan1", "lan2", "wan"]);
    let gateways: Vec<String> = topology.machines.iter().map(|machine| machine.address.to_string()).collect();
    assert_eq!(gateways, ["192.0.2.254/24", "192.0.2.253/24"]);
}

#[test]
fn machines_are_spread_over_ports_and_found_again() {
    let host = host(ROUTER);
    let mut topology = Topology::new(&host);
    let address = |text: &str| text.parse().unwrap();
    let first = topology.sender("br0", address("10.0.0.9")).unwrap();
    let second = topology.sender("br0", address("10.0.0.8")).unwrap();
    assert_ne!(machine(&topology, first).socket.switch, machine(&topology, second).socket.switch);
    assert_eq!(topology.sender("lan2", address("10.0.0.9")), Ok(first));
    assert_eq!(topology.receivers(address("10.0.0.9")), Ok(vec![first]));
    let tagged = topology.sender("wan.7", address("10.7.0.9")).unwrap();
    assert_eq!(machine(&topology, tagged).socket.tags, [Tag { id: 7, protocol: None }]);
}

#[test]
fn who_is_far_stands_behind_the_gateway_of_his_route() {
    let host = host(ROUTER);
    let mut topology = Topology::new(&host);
    let address = |text: &str| text.parse().unwrap();
    let near = topology.receivers(address("198.51.100.9")).unwrap();
    let far = topology.receivers(address("100.64.0.1")).unwrap();
    let names = |found: &[usize]| {
        found.iter().map(|&index| machine(&topology, index).address.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(names(&near), ["192.0.2.254/24", "192.0.2.253/24"]);
    assert_eq!(names(&far), ["192.0.2.254/24"]);
    // a foreign address comes by a gateway, and is not the place to find its owner
    let foreign = topology.sender("wan", address("10.0.0.9")).unwrap();
    let owner = topology.receivers(address("10.0.0.9")).unwrap();
    assert!(machine(&topology, foreign).holds(address("10.0.0.9")));
    assert!(!owner.contains(&foreign));
}

#[test]
fn without_a_gateway_a_router_is_made_up() {
    let host = host(ROUTER);
    let mut topology = Topology::new(&host);
    let v6 = topology.sender("wan", "2001:db8:ffff::9".parse().unwrap()).unwrap();
    assert_eq!(machine(&topology, v6).address.to_string(), "2001:db8::fffe/64");
    let again = topology.sender("wan", "2001:db8:eeee::9".parse().unwrap());
    assert_eq!(again, Ok(v6));
    let bonded = topology.sender("bond0", "172.16.0.9".parse().unwrap()).unwrap();
    assert_eq!(machine(&topology, bonded).address.to_string(), "10.8.0.254/24");
}

#[test]
fn what_has_no_other_side_is_an_obstacle() {
    let host = host(
        r#"
link.a = { kind = "veth", peer = "b" }
link.d = { kind = "dummy", addresses = ["10.0.0.1/24"] }
link.e = { kind = "bridge", ports = [], addresses = ["10.1.0.1/24"] }
"#,
    );
    let mut topology = Topology::new(&host);
    for (link, word) in
        [("a", "kind veth"), ("b", "other end"), ("d", "kind dummy"), ("e", "no port"), ("f", "no link f")]
    {
        let obstacle = topology.sender(link, "10.9.0.9".parse().unwrap()).unwrap_err();
        assert!(obstacle.contains(word), "{obstacle}");
    }
}
