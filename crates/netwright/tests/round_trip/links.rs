//! Links of every kind with options as they come, made by `ip`: each can be deleted and made again as it was listed.

use std::collections::{BTreeMap, BTreeSet};

use netwright::route::link::kind::{Bridge, BridgePort, Macvlan};
use netwright::route::link::{HardwareType, LinkKind, PortKind};
use netwright::{Change, Create, Link};
use netwright_lab::random::Random;

use super::*;

/// Links that are tried.
const TRIED: usize = 40;

/// Options of a kind, of which each link gets some. Where one needs another, they stand together.
const OF_VXLAN: &[&str] = &[
    "local 192.0.2.1",
    "remote 192.0.2.77",
    "remote 2001:db8::77 local 2001:db8::1",
    "group 239.1.1.1 dev d0",
    "group ff05::100 dev d0",
    "dev d2",
    "ttl 7",
    "ttl inherit",
    "tos 8",
    "tos inherit",
    "flowlabel 0xabc",
    "df set",
    "df inherit",
    "srcport 40000 50000",
    "nolearning",
    "proxy",
    "rsc",
    "l2miss",
    "l3miss",
    "noudpcsum",
    "udpcsum",
    "udp6zerocsumtx",
    "udp6zerocsumrx",
    "remcsumtx",
    "remcsumrx",
    "gbp",
    "ageing 77",
    "ageing none",
    "maxaddress 99",
];
const OF_BRIDGE: &[&str] = &[
    "forward_delay 500",
    "hello_time 300",
    "max_age 1500",
    "ageing_time 7700",
    "stp_state 1",
    "priority 4096",
    "vlan_filtering 1",
    "vlan_protocol 802.1ad",
    "vlan_default_pvid 77",
    "vlan_default_pvid 0",
    "vlan_stats_enabled 1",
    "vlan_stats_per_port 1",
    "group_fwd_mask 8",
    "group_address 01:80:c2:00:00:0f",
    "mcast_snooping 0",
    "mcast_router 2",
    "mcast_query_use_ifaddr 1",
    "mcast_querier 1",
    "mcast_hash_max 1024",
    "mcast_last_member_count 5",
    "mcast_startup_query_count 7",
    "mcast_last_member_interval 300",
    "mcast_membership_interval 30000",
    "mcast_querier_interval 30000",
    "mcast_query_interval 15000",
    "mcast_query_response_interval 1200",
    "mcast_startup_query_interval 4000",
    "mcast_stats_enabled 1",
    "mcast_igmp_version 3",
    "mcast_mld_version 2",
    "nf_call_iptables 1",
    "nf_call_ip6tables 1",
    "nf_call_arptables 1",
    "no_linklocal_learn 1",
];
/// Of what is a port of a bridge.
const OF_PORT: &[&str] = &[
    "cost 77",
    "priority 7",
    "guard on",
    "hairpin on",
    "fastleave on",
    "root_block on",
    "learning off",
    "flood off",
    "proxy_arp on",
    "proxy_arp_wifi on",
    "mcast_router 2",
    "mcast_flood off",
    "bcast_flood off",
    "mcast_to_unicast on",
    "group_fwd_mask 8",
    "neigh_suppress on",
    "vlan_tunnel on",
    "isolated on",
    "locked on",
    "neigh_vlan_suppress on",
    "mcast_max_groups 9",
];
/// Of any link, when it is there.
const OF_ALL: &[&str] = &[
    "up",
    "up",
    "mtu 1400",
    "txqueuelen 77",
    "group 9",
    "alias 'behind the wall'",
    "address 02:00:00:00:77:01",
    "broadcast 02:ff:ff:ff:ff:ff",
    "multicast off",
    "allmulticast on",
    "promisc on",
    "arp off",
    "dynamic on",
    "addrgenmode none",
    "addrgenmode random",
    "gso_max_size 32768",
    "gro_max_size 30000",
    "gso_ipv4_max_size 20000",
    "gro_ipv4_max_size 20000",
    "property add altname other-name",
];

fn some(random: &mut Random, options: &[&str], one_in: usize) -> String {
    let chosen: Vec<&str> = options.iter().copied().filter(|_| random.one_in(one_in)).collect();
    chosen.join(" ")
}

/// A kind: what comes before its options, of which each link gets some. `#` stands for a number of the link's own.
struct Kind(&'static str, &'static str, &'static [&'static str]);

const KINDS: &[Kind] = &[
    Kind("link d0 type macvlan", "mode bridge", &["bcqueuelen 2000"]),
    Kind("link d2 type macvlan", "mode private", &[]),
    Kind("link d2 type macvlan", "mode source", &["bcqueuelen 2000"]),
    Kind("type vxlan", "id 1# dstport 48#", OF_VXLAN),
    Kind("type vxlan", "external dstport 48#", &["vnifilter", "gpe"]),
    Kind("numtxqueues 3 numrxqueues 2 type veth", "", &[]),
    Kind("type ifb", "", &[]),
    Kind("type bridge", "", OF_BRIDGE),
    Kind("type dummy", "", &[]),
    Kind(
        "link d0 type vlan",
        "id 1#",
        &["protocol 802.1ad", "reorder_hdr off", "gvrp on", "ingress 1:2 3:4", "egress 2:3"],
    ),
    Kind("link d2 type ipvlan", "mode l3", &["private", "vepa"]),
    Kind("type vrf", "table 1#", &[]),
    Kind(
        "type bond",
        "mode active-backup",
        &[
            "miimon 100 updelay 200",
            "fail_over_mac follow",
            "num_grat_arp 3",
            "resend_igmp 5",
            "all_slaves_active 1",
        ],
    ),
    Kind(
        "type bond",
        "mode active-backup arp_interval 500 arp_ip_target 192.0.2.9,192.0.2.8",
        &["arp_validate all", "arp_all_targets all"],
    ),
    Kind(
        "type bond",
        "mode 802.3ad miimon 100",
        &[
            "lacp_rate fast",
            "xmit_hash_policy layer3+4",
            "min_links 2",
            "ad_select bandwidth",
            "ad_actor_sys_prio 9",
            "ad_user_port_key 7",
        ],
    ),
    Kind(
        "type gre",
        "local 192.0.2.1 remote 192.0.2.1#",
        &["ttl 9", "tos inherit", "ikey 7", "okey 8", "iseq oseq", "icsum", "ignore-df", "nopmtudisc"],
    ),
    Kind(
        "type gretap",
        "local 192.0.2.1 remote 192.0.3.#",
        &["ttl 9", "key 7", "dev d0", "encap fou encap-sport 5555 encap-dport 6666"],
    ),
    Kind(
        "type ip6gre",
        "local 2001:db8::1 remote 2001:db8::#",
        &["hoplimit 9", "encaplimit 3", "flowlabel 0x1234", "key 7"],
    ),
    Kind("type ipip", "local 192.0.2.1 remote 192.0.4.#", &["ttl 9", "mode any", "dev d0"]),
    Kind("type sit", "local 192.0.2.1 remote 192.0.5.#", &["ttl 9", "isatap"]),
    Kind(
        "type ip6tnl",
        "local 2001:db8::1 remote 2001:db8:5::#",
        &["mode any", "hoplimit 9", "dscp inherit", "encaplimit none"],
    ),
    Kind(
        "type geneve",
        "id 1# remote 192.0.2.77 dstport 58#",
        &["ttl inherit", "tos 8", "df set", "udpcsum", "innerprotoinherit"],
    ),
    Kind("type vti", "local 192.0.2.1 remote 192.0.6.# key 1#", &[]),
    Kind("type xfrm", "if_id 1#", &["dev d0"]),
    Kind(
        "link d0 type macsec",
        "port 1#",
        &["encrypt on", "replay on window 128", "validate strict", "icvlen 12"],
    ),
    Kind("type wireguard", "", &[]),
];

impl Kind {
    /// The words that make such a link.
    fn words(&self, random: &mut Random, number: usize) -> String {
        let Kind(kind, base, options) = self;
        format!("{kind} {base} {}", some(random, options, 4)).replace('#', &format!("{number:02}"))
    }
}

/// What `ip` shows of a link that is made again as of one that was there.
fn told(ip: &Oracle, name: &str) -> Result<BTreeSet<String>, Failure> {
    /// What the kernel gives each link anew, or finds out by and by.
    const PASSING: &[&str] = &[
        "ifindex",
        "permaddr",
        "operstate",
        "state",
        "root_id",
        "bridge_id",
        "id",
        "designated_bridge",
        "designated_root",
    ];
    const PASSING_FLAGS: &[&str] = &["NO-CARRIER", "LOWER_UP", "M-DOWN"];
    fn lasting(value: &mut Value) {
        match value {
            Value::Object(object) => {
                object.retain(|key, _| !PASSING.contains(&key.as_str()) && !key.ends_with("_timer"));
                object.values_mut().for_each(lasting);
            }
            Value::Array(list) => {
                list.retain(|value| !value.as_str().is_some_and(|flag| PASSING_FLAGS.contains(&flag)));
            }
            _ => {}
        }
    }
    let mut value = ip.json(&format!("-d link show {name}"))?;
    let Some(link) = value.get_mut(0) else { return Err(Failure::wrong(format!("ip shows no {name}"))) };
    lasting(link);
    if let (true, Some(object)) = (link["linkinfo"]["info_kind"] == "veth", link.as_object_mut()) {
        object.remove("link"); // the name of the other end
    }
    let mut leaves = BTreeSet::new();
    flatten(String::new(), link, &mut leaves);
    Ok(leaves)
}

/// Each value with the way to it.
fn flatten(way: String, value: &Value, leaves: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            object.iter().for_each(|(key, value)| flatten(format!("{way}.{key}"), value, leaves));
        }
        Value::Array(list) => list.iter().for_each(|value| flatten(format!("{way}[]"), value, leaves)),
        value => drop(leaves.insert(format!("{way}={value}"))),
    }
}

/// The options that we read, whether `ip` knows them or not.
fn options(link: &Link) -> (Option<LinkKind>, Option<PortKind>) {
    let mut port = link.port.as_ref().map(PortKind::without_state);
    if let Some(PortKind::Bridge(port)) = &mut port {
        port.state = None;
    }
    (link.kind.as_ref().map(LinkKind::without_state), port)
}

pub(super) fn links_come_back(_: &mut Lab) -> Outcome {
    let (ip, net, mut random) = (Oracle::ip()?, Net::open()?, Random::new(21));
    set_up(&ip)?;
    let mut wrong = Vec::new();
    let mut kinds = BTreeMap::<String, usize>::new();
    let known = |kind: &&Kind| {
        let Kind(kind, base, _) = kind;
        let base = base.replace('#', "99");
        ip.line(&format!("link add known {kind} {base}")).is_ok() && ip.line("link delete known").is_ok()
    };
    let known: Vec<&Kind> = KINDS.iter().filter(known).collect();
    for number in 0..TRIED {
        let name = format!("t{number}");
        let words = known[number % known.len()].words(&mut random, number);
        if let Err(refused) = ip.line(&format!("link add {name} {words}")) {
            let Failure::Wrong(why) = refused else { return Err(refused) };
            println!("not taken: {words}: {}", why.split_once("Usage").map_or(&*why, |(why, _)| why));
            continue;
        }
        if words.contains("mode source") {
            for address in ["02:00:00:00:77:02", "02:00:00:00:77:03"] {
                ip.line(&format!("link set {name} type macvlan macaddr add {address}"))?;
            }
        }
        let port = words.contains("type veth") || words.contains("type vxlan");
        if port && random.one_in(2) && ip.line(&format!("link set {name} master br0")).is_ok() {
            let options = some(&mut random, OF_PORT, 6);
            if !options.is_empty() {
                let _ = ip.line(&format!("link set {name} type bridge_slave {options}"));
            }
        }
        let ethernet = net.links().get(&name)?.hardware_type == HardwareType::ETHERNET;
        for option in OF_ALL.iter().filter(|_| random.one_in(6)) {
            if !ethernet && (option.starts_with("address") || option.starts_with("broadcast")) {
                continue; // they are the ends of the tunnel
            }
            let _ = ip.line(&match option.strip_prefix("property add ") {
                Some(property) => format!("link property add dev {name} {property}"),
                None => format!("link set {name} {option}"),
            });
        }
        // What this `ip` need not know; nor need the kernel.
        let newer: &[Change] = match words.split(' ').find(|word| ["macvlan", "bridge"].contains(word)) {
            Some("macvlan") => &[Change::kind(Macvlan::default().broadcast_cutoff(5))],
            Some(_) => &[Change::kind(Bridge::default().maximum_learnt(55))],
            None => &[Change::port(BridgePort::default().maximum_multicast_groups(9))],
        };
        for change in newer.iter().filter(|_| random.one_in(2)) {
            let _ = net.links().set(&net.links().get(&name)?, change.clone());
        }
        let listed = net.links().get(&name)?;
        let come_back = |listed: &Link| {
            let before = told(&ip, &name)?;
            let again = Create::again(listed).ok_or_else(|| Failure::wrong("it cannot be made"))?;
            net.links().delete(listed)?;
            let made = net.links().create(again).map_err(Failure::wrong)?;
            let after = told(&ip, &name)?;
            let (lost, new) = (before.difference(&after), after.difference(&before));
            let (lost, new): (Vec<_>, Vec<_>) = (lost.collect(), new.collect());
            ensure!(lost.is_empty() && new.is_empty(), "was {lost:?} and is {new:?}");
            ensure_eq!(options(&made), options(listed));
            net.links().delete(&made).map_err(Failure::wrong)
        };
        match come_back(&listed) {
            Ok(()) => *kinds.entry(listed.kind_name().unwrap_or_default().to_owned()).or_default() += 1,
            Err(failure) => wrong.push(format!("{words}: {failure:?}")),
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    println!("{kinds:?}");
    ensure!(kinds.values().sum::<usize>() * 2 >= TRIED, "only {kinds:?} of {TRIED} were taken");
    Ok(())
}
