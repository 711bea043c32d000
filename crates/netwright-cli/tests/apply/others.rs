//! What others have, and what is done beside it: changed twice, rolled back and withdrawn, all of it is as it was.

use crate::judge::{difference, state, without_numbers};
use crate::support::{Place, isolated, isolated_with, may_make_tunnels, needs, said, sh};

/// A name, what others have, and host files that are applied one after the other.
const SITUATIONS: &[(&str, &str, &[&str])] = &[
    (
        "the MTU of macvlans on a card",
        "ip link add link eth0 name mv9 address 02:00:00:00:09:01 type macvlan mode bridge
        ip link add link eth0 name mv8 address 02:00:00:00:09:02 mtu 1450 type macvlan mode bridge
        ip link set mv9 up; ip addr add 10.25.0.1/24 dev mv9; ip route add 10.26.0.0/16 via 10.25.0.9 dev mv9
        ip -6 addr add 2001:db8:25::1/64 dev mv9 nodad",
        &["[link.eth0]\nmtu = 1400\n", "[link.eth0]\nmtu = 1460\n", "[link.eth0]\nmtu = 1300\n", "[link.eth0]\n"],
    ),
    (
        "IPv6 of a macvlan on a card that gets too small for it",
        "ip link add link eth0 name mv9 address 02:00:00:00:09:01 type macvlan mode bridge; ip link set mv9 up
        ip -6 addr add 2001:db8:25::1/64 dev mv9 nodad; ip -6 route add 2001:db8:26::/64 via 2001:db8:25::9 proto static",
        &["[link.eth0]\nmtu = 1200\nadopt = true\n", "[link.eth0]\nmtu = 1210\nadopt = true\n"],
    ),
    (
        "IPv6 of a card that gets too small for it",
        "ip -6 addr add 2001:db8:5::5/64 dev eth0 nodad; ip -6 route add 2001:db8:6::/64 via 2001:db8:5::1 dev eth0 proto static
        ip -6 route append 2001:db8:6::/64 via 2001:db8:5::2 dev eth0 proto static
        ip neigh add 2001:db8:5::9 lladdr 02:00:00:00:77:79 dev eth0 nud permanent",
        &["[link.eth0]\nmtu = 1200\nadopt = true\n", "[link.eth0]\nmtu = 1400\n"],
    ),
    (
        "a card that is taken down",
        "ip addr add 10.9.9.9/24 dev eth0; ip route add default via 10.9.9.1 dev eth0 proto dhcp src 10.9.9.9 metric 100
        ip -6 addr add 2001:db8:5::5/64 dev eth0 nodad; ip -6 route add 2001:db8:6::/64 via 2001:db8:5::1 dev eth0 proto static
        ip nexthop add id 5 via 10.9.9.2 dev eth0; ip nexthop add id 6 via 10.9.9.3 dev eth0; ip nexthop add id 7 group 5,3/6
        ip route add 203.0.113.0/24 nhid 5 proto bgp; ip route add 198.51.100.0/24 nhid 7 proto bgp
        ip neigh add 10.9.9.7 lladdr 02:00:00:00:77:77 dev eth0 nud permanent",
        &["[link.eth0]\nup = false\nadopt = true\n", "[link.eth0]\nup = false\nadopt = true\nmtu = 1400\n", "[link.eth0]\n"],
    ),
    (
        "the MTU for IPv6 of a card that goes down and comes up",
        "echo 1300 > /proc/sys/net/ipv6/conf/eth0/mtu; ip -6 addr add 2001:db8:5::5/64 dev eth0 nodad",
        &["[link.eth0]\nup = false\nadopt = true\n", "[link.eth0]\n", "[link.eth0]\nup = false\nadopt = true\nmtu = 1350\n"],
    ),
    (
        "the MTU for IPv6 of a card that is down",
        "ip link set eth1 up; echo 1300 > /proc/sys/net/ipv6/conf/eth1/mtu; ip link set eth1 down",
        &["[link.eth1]\n", "[link.eth1]\nup = false\n", "[link.eth1]\nmtu = 1400\n"],
    ),
    (
        "the MTU for IPv6 of macvlans on a card that goes down and comes up",
        "for n in mv8 mv9; do ip link add link eth0 name $n type macvlan mode bridge; done
        for n in mv8 mv9; do ip link set $n up; echo 1310 > /proc/sys/net/ipv6/conf/$n/mtu; done",
        &["[link.eth0]\nup = false\nadopt = true\n", "[link.eth0]\n"],
    ),
    (
        "IPv6 of a card on which it is switched off",
        "ip -6 addr add 2001:db8:5::5/64 dev eth0 nodad; ip -6 route add 2001:db8:6::/64 via 2001:db8:5::1 dev eth0 proto static
        ip -6 route append 2001:db8:6::/64 via 2001:db8:5::2 dev eth0 proto static; ip addr add 10.9.9.9/24 dev eth0
        ip neigh add 2001:db8:5::9 lladdr 02:00:00:00:77:79 dev eth0 nud permanent
        ip -6 nexthop add id 5 via 2001:db8:5::3 dev eth0; ip -6 route add 2001:db8:7::/64 nhid 5 proto zebra",
        &[
            "[link.eth0]\nipv6 = { disable = true }\nadopt = true\n",
            "[link.eth0]\nipv6 = { disable = true }\nadopt = true\nmtu = 1400\n",
            "[link.eth0]\nipv6 = { disable = false }\nadopt = true\n",
            "[link.eth0]\n",
        ],
    ),
    (
        "ways of IPv6 over two cards, of which one goes down",
        "ip link set eth1 up; for n in 0 1; do ip -6 addr add 2001:db8:1$n::1/64 dev eth$n nodad; done
        ip -6 route add 2001:db8:13::/48 nexthop via 2001:db8:10::2 dev eth0 nexthop via 2001:db8:11::2 dev eth1 weight 3",
        &["[link.eth0]\nup = false\nadopt = true\n"],
    ),
    (
        "a bridge that containers are on",
        "ip link add cni0 address 02:00:00:00:09:03 type bridge; ip addr add 10.244.0.1/24 dev cni0; ip link set cni0 up
        ip link set eth1 master cni0 up; bridge link set dev eth1 hairpin on isolated on cost 77 learning off
        bridge fdb add 02:00:00:00:66:68 dev eth1 master static; bridge mdb add dev cni0 port eth1 grp 239.1.1.1 permanent",
        &["[link.cni0]\nmtu = 1400\naddresses = [\"10.244.0.2/24\"]\n", "[link.eth1]\nmtu = 1300\n", "[link.cni0]\n"],
    ),
    (
        "a port of somebody else's bridge",
        "ip link add br9 address 02:00:00:00:09:04 type bridge; ip link set br9 up; ip link set eth0 master br9
        bridge link set dev eth0 cost 77 priority 3 learning off guard on; ip addr add 10.29.0.1/24 dev br9
        bridge fdb add 02:00:00:00:66:68 dev eth0 master static",
        &[
            "[link.br0]\nkind = \"bridge\"\n[link.eth0]\nmaster = \"br0\"\nadopt = true\n",
            "[link.br0]\nkind = \"bridge\"\n[link.br1]\nkind = \"bridge\"\n[link.eth0]\nmaster = \"br1\"\nadopt = true\n",
            "[link.br0]\nkind = \"bridge\"\n",
        ],
    ),
    (
        "neighbours that a routing daemon keeps, and one that is taken over",
        "ip addr add 10.24.0.1/24 dev eth0; ip neigh add 10.24.0.2 lladdr 02:00:00:00:77:77 dev eth0 nud permanent
        ip neigh add 10.24.0.5 lladdr 02:00:00:00:77:80 dev eth0 nud reachable extern_learn
        ip neigh add 10.24.0.6 dev eth0 managed",
        &[
            "[link.eth0]\nmac = \"02:00:00:00:55:01\"\n",
            "[link.eth0]\n[[neighbour]]\ndev = \"eth0\"\naddress = \"10.24.0.2\"\nmac = \"02:00:00:00:00:50\"\nadopt = true\n",
            "[link.eth0]\n",
        ],
    ),
    (
        "a card that passes packets on beside a host that does not, and one that does not beside one that does",
        "echo 1 >/proc/sys/net/ipv4/conf/eth0/forwarding; echo 1 >/proc/sys/net/ipv6/conf/eth0/forwarding",
        &["forwarding = true\n", "forwarding = true\n[link.eth1]\n", "forwarding = false\n", "[link.eth1]\n"],
    ),
    (
        "the MTU of IPv6 that a card's routers gave it",
        "echo 1400 >/proc/sys/net/ipv6/conf/eth0/mtu",
        &["[link.eth0]\nmtu = 1450\n", "[link.eth0]\nmtu = 1350\n", "[link.eth0]\nmtu = 1340\n", "[link.eth0]\nmtu = 1480\n"],
    ),
];

/// All host files, and the way back of each.
fn once(place: &Place, setup: &str, files: &[&str]) -> Result<(), String> {
    sh("ip link set lo up; for n in 0 1; do
        ip link add eth$n address 02:00:00:00:01:0$n type veth peer name far$n address 02:00:00:00:02:0$n
        ip link set far$n up; done; ip link set eth0 up");
    sh(setup);
    let wrong =
        |what: &str, lines: &[String], told: &str| Err(format!("{what}\n{}\n{told}", lines.join("\n")));
    let others = state();
    for text in files {
        let before = state();
        let path = place.write("host.toml", &format!("owner = \"me\"\n{text}"));
        let (code, told) = place.apply(&path);
        if code != Some(0) {
            return wrong("refused", &difference(&before, &state()), &told);
        }
        let after = state();
        let (code, rest) = said(place.netwright().args(["plan", "--exit-code"]).arg(&path));
        if code != Some(0) {
            return wrong("applied twice changes something", &[], &rest);
        }
        if told.contains("Nothing to do") {
            continue;
        }
        let (code, back) = said(place.netwright().arg("rollback"));
        let left = difference(&before, &state());
        if code != Some(0) || !left.is_empty() {
            return wrong("rolled back it is not what was", &left, &format!("{told}--- back\n{back}"));
        }
        let (_, again) = place.apply(&path);
        let left = difference(&without_numbers(&after), &without_numbers(&state()));
        if !left.is_empty() {
            return wrong("applied again it is otherwise", &left, &again);
        }
    }
    let (_, told) = said(place.netwright().arg("withdraw"));
    let left = difference(&others, &state());
    if left.is_empty() { Ok(()) } else { wrong("withdrawn it is not what others had", &left, &told) }
}

const NAME: &str = "others::what_others_have_is_there_again_in_the_end";

#[test]
fn what_others_have_is_there_again_in_the_end() {
    if !needs(&["ip", "nft", "bridge"]) {
        return;
    }
    let mut wrong = Vec::new();
    for (number, (name, ..)) in SITUATIONS.iter().enumerate() {
        let told = isolated_with(NAME, number as u64, |place, number| {
            let (_, setup, files) = SITUATIONS[number as usize];
            match once(place, setup, files) {
                Ok(()) => "done".to_owned(),
                Err(error) => format!("wrong {error}"),
            }
        });
        match told {
            None => return,
            Some(Ok(told)) if told.starts_with("done") => {}
            Some(Ok(told) | Err(told)) => wrong.push(format!("{name}: {told}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn what_comes_in_by_a_link_has_one_receiver() {
    isolated("others::what_comes_in_by_a_link_has_one_receiver", |place| {
        sh("for n in 0 1; do ip link add eth$n type veth peer name far$n; ip link set eth$n up; done
            ip link add br9 type bridge; ip link set eth0 master br9; ip link add link eth1 name theirs type macvlan mode bridge");
        let refused = |text: &str, why: &[&str]| {
            let before = state();
            let path = place.write("host.toml", &format!("owner = \"me\"\n{text}"));
            let (code, told) = place.apply(&path);
            assert_eq!(code, Some(1), "{told}");
            assert!(why.iter().all(|why| told.contains(why)) && told.contains("host.toml:"), "{told}");
            assert!(difference(&before, &state()).is_empty(), "{told}");
        };
        let card = "[link.eth0]\n";
        let macvlan = "[link.mv]\nkind = \"macvlan\"\nparent = \"eth0\"\n";
        refused(
            &format!("{card}{macvlan}"),
            &["macvlan `mv` cannot lie on link `eth0`, which is a port of br9"],
        );
        let bridge = "[link.br0]\nkind = \"bridge\"\nports = [\"eth0\"]\n";
        refused(
            bridge,
            &["link `eth0` is a port of br9, where somebody else put it", "`adopt = true`", "`[link.eth0]`"],
        );
        refused("[link.eth1]\nmaster = \"br0\"\n[link.br0]\nkind = \"bridge\"\n", &["macvlan `theirs`"]);
        let both = format!("{bridge}[link.eth0]\nadopt = true\n{macvlan}");
        refused(&both, &["`mv` cannot lie on `eth0`, which is a port of `br0`"]);
    });
}

#[test]
fn ipv6_of_others_is_not_switched_off_without_their_leave() {
    isolated("others::ipv6_of_others_is_not_switched_off_without_their_leave", |place| {
        sh("ip link set lo up; ip link add eth0 type veth peer name far0; ip link set far0 up; ip link set eth0 up
            ip -6 addr add 2001:db8:5::5/64 dev eth0 nodad; ip -6 route add 2001:db8:6::/64 via 2001:db8:5::1 dev eth0 proto static
            ip neigh add 2001:db8:5::9 lladdr 02:00:00:00:77:79 dev eth0 nud permanent");
        let before = state();
        let text = "owner = \"me\"\n[link.eth0]\nipv6 = { disable = true }\n";
        let (code, told) = place.apply(&place.write("host.toml", text));
        assert_eq!(code, Some(1), "{told}");
        for what in [
            "host.toml:3",
            "address 2001:db8:5::5/64",
            "route 2001:db8:6::/64 via 2001:db8:5::1",
            "neighbour 2001:db8:5::9",
            "`adopt = true`",
        ] {
            assert!(told.contains(what), "{what}: {told}");
        }
        assert!(difference(&before, &state()).is_empty(), "{told}");
        // by their leave it goes, and what cannot be there meanwhile is not tried to be put back
        let told = place.apply_well("host.toml", &format!("{text}adopt = true\n"));
        assert!(!told.contains("could not be put back"), "{told}");
        // what the owner made itself needs no leave
        assert_eq!(said(place.netwright().arg("withdraw")).0, Some(0));
        sh(
            "ip -6 addr flush dev eth0 scope global; ip -6 neigh flush dev eth0 nud permanent; ip -6 route flush 2001:db8:6::/64 || :",
        );
        let own = "owner = \"me\"\n[link.eth0]\naddresses = [\"2001:db8:5::5/64\"]\n[[route]]\nto = \"2001:db8:6::/64\"\nvia = \"2001:db8:5::1\"\n";
        place.apply_well("host.toml", own);
        place.apply_well("host.toml", text);
        place.apply_well("host.toml", own);
        assert!(sh("ip -6 route").contains("2001:db8:6::/64 via 2001:db8:5::1"));
    });
}

#[test]
fn a_link_without_ipv6_is_told_before_anything_changes() {
    isolated("others::a_link_without_ipv6_is_told_before_anything_changes", |place| {
        sh("ip link add eth0 type veth peer name far0; echo 1 >/proc/sys/net/ipv6/conf/eth0/disable_ipv6");
        let text = "[link.eth0]\naddresses = [\"192.0.2.1/24\", \"2001:db8:1::1/64\"]\n";
        let path = place.write("host.toml", text);
        let (code, told) = place.apply(&path);
        assert_eq!(code, Some(1), "{told}");
        assert!(told.contains("host.toml:2") && told.contains("disable = false"), "{told}");
        assert!(!sh("ip -o addr").contains("192.0.2.1"), "{told}");
        for what in [
            "[link.eth0]\n[[neighbour]]\ndev = \"eth0\"\naddress = \"2001:db8::9\"\nmac = \"02:00:00:00:00:09\"\n",
            "[link.eth0]\n[[route]]\nto = \"2001:db8:9::/48\"\ndev = \"eth0\"\n",
        ] {
            let (code, told) = place.apply(&place.write("host.toml", what));
            assert_eq!(code, Some(1), "{told}");
            assert!(
                told.contains("IPv6 is switched off on link `eth0`") && told.contains("nothing was"),
                "{told}"
            );
            let off = what.replace("[link.eth0]\n", "[link.eth0]\nipv6 = { disable = true }\n");
            let (code, told) = said(place.netwright().arg("check").arg(place.write("host.toml", &off)));
            assert_eq!(code, Some(1), "{told}");
            assert!(told.contains("IPv6 is off on `eth0`") && told.contains("turned off here"), "{told}");
        }
        sh("echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6");
        let new = "[link.lan]\nkind = \"bridge\"\naddresses = [\"2001:db8:2::1/64\"]\n";
        let (code, told) = place.apply(&place.write("host.toml", new));
        assert_eq!(code, Some(1), "{told}");
        assert!(
            told.contains("IPv6 is switched off on link `lan`") && told.contains("nothing was"),
            "{told}"
        );
        sh("echo 0 >/proc/sys/net/ipv6/conf/default/disable_ipv6");
        place.apply_well("host.toml", &format!("{text}ipv6 = {{ disable = false }}\n"));
        let (code, told) = said(place.netwright().arg("withdraw"));
        assert_eq!(code, Some(0), "{told}");
        assert_eq!(sh("cat /proc/sys/net/ipv6/conf/eth0/disable_ipv6").trim(), "1");
    });
}

#[test]
fn a_neighbour_is_refused_where_the_kernel_keeps_none() {
    isolated("others::a_neighbour_is_refused_where_the_kernel_keeps_none", |place| {
        let before = state();
        let tunnel = "[link.tunnel]\nkind = \"ipip\"\nremote = \"192.0.2.2\"\nlocal = \"192.0.2.1\"\n";
        for (link, table) in [("lo", "[link.lo]\n"), ("tunnel", tunnel)] {
            let neighbour = format!(
                "[[neighbour]]\ndev = \"{link}\"\naddress = \"192.0.2.9\"\nmac = \"02:00:00:00:00:09\"\n"
            );
            let (code, told) = place.apply(&place.write("host.toml", &format!("{table}{neighbour}")));
            assert_eq!(code, Some(1), "{told}");
            assert!(
                told.contains("keeps no neighbours of IPv4") && told.contains("nothing was changed"),
                "{told}"
            );
        }
        assert!(difference(&before, &state()).is_empty());
    });
}

#[test]
fn a_name_that_another_link_has_is_told_before_anything_changes() {
    isolated("others::a_name_that_another_link_has_is_told_before_anything_changes", |place| {
        sh("ip link add eth0 type veth peer name far0; ip link property add dev far0 altname uplink");
        let text = "[link.eth0]\nalternative-names = [\"uplink\"]\n";
        let (code, told) = place.apply(&place.write("host.toml", text));
        assert_eq!(code, Some(1), "{told}");
        assert!(told.contains("it is that of link `far0`") && told.contains("nothing was changed"), "{told}");
    });
}

#[test]
fn what_somebody_else_made_again_is_theirs() {
    isolated("others::what_somebody_else_made_again_is_theirs", |place| {
        let text = "owner = \"a\"\n[link.eth0]\naddresses = [\"10.1.0.1/24\", \"2001:db8::1/64\"]\n\
            ipv6 = { duplicate-address-detection = false }\n[[route]]\nto = \"10.9.0.0/16\"\nvia = \"10.1.0.9\"\n\
            [firewall]\nrules = \"table inet f { chain i { type filter hook input priority 0; } }\"\n";
        sh("ip link set lo up; ip link add eth0 type veth peer name far0; ip link set far0 up");
        place.apply_well("host.toml", text);
        sh("ip addr del 10.1.0.1/24 dev eth0; ip addr add 10.1.0.1/24 dev eth0 valid_lft 5000 preferred_lft 5000
            ip -6 addr del 2001:db8::1/64 dev eth0; ip -6 addr add 2001:db8::1/64 dev eth0 nodad
            ip route replace 10.9.0.0/16 via 10.1.0.7 proto dhcp
            nft delete table inet f; nft add table inet f; nft add chain inet f theirs");
        let theirs = state();
        let (code, told) = said(place.netwright().arg("status"));
        assert_eq!(code, Some(10), "{told}");
        for what in [
            "address 10.1.0.1/24 is on eth0 already",
            "route 10.9.0.0/16 exists already",
            "table inet f exists already",
        ] {
            assert!(told.contains(what), "{what}: {told}");
        }
        let (code, told) = place.apply(&place.folder.join("host.toml"));
        assert_eq!(code, Some(1), "{told}");
        // the link was down before, and stays up for them
        let (code, told) = said(place.netwright().arg("withdraw"));
        assert_eq!(code, Some(0), "{told}");
        let left = difference(&theirs, &state());
        assert!(left.is_empty(), "{}\n{told}", left.join("\n"));
    });
}

#[test]
fn a_link_that_another_owner_uses_stays_up() {
    isolated("others::a_link_that_another_owner_uses_stays_up", |place| {
        sh("ip link add eth0 type veth peer name far0");
        place.apply_well("a.toml", "owner = \"a\"\n[link.eth0]\naddresses = [\"10.3.0.1/24\"]\n");
        place.apply_well("b.toml", "owner = \"b\"\n[link.eth0]\naddresses = [\"10.4.0.1/24\"]\n");
        place.apply_well("c.toml", "owner = \"c\"\n[link.lan]\nkind = \"bridge\"\n");
        place.apply_well("d.toml", "owner = \"d\"\n[link.lan]\naddresses = [\"10.5.0.1/24\"]\n");
        let (code, told) = said(place.netwright().args(["withdraw", "--owner", "a"]));
        assert_eq!(code, Some(0), "{told}");
        assert!(told.contains("stays up: owner `b` has"), "{told}");
        assert!(sh("ip -o link show up").contains("eth0"), "{told}");
        let (_, told) = said(place.netwright().args(["withdraw", "--owner", "c"]));
        assert!(told.contains("- address 10.5.0.1/24 dev lan"), "{told}");
        let (code, told) = said(place.netwright().arg("status"));
        assert_eq!(code, Some(10), "{told}");
        assert!(told.contains("link lan is not there"), "{told}");
    });
}

#[test]
fn a_card_changes_between_a_port_and_the_link_below_others() {
    isolated("others::a_card_changes_between_a_port_and_the_link_below_others", |place| {
        sh("ip link add eth0 type veth peer name far0; ip link set far0 up");
        let port = "owner = \"me\"\n[link.eth0]\n[link.br0]\nkind = \"bridge\"\nports = [\"eth0\"]\n";
        let below = "owner = \"me\"\n[link.eth0]\n[link.br0]\nkind = \"bridge\"\n[link.mv0]\nkind = \"macvlan\"\n\
            parent = \"eth0\"\naddresses = [\"10.9.0.1/24\"]\n";
        for text in [port, below, port, below] {
            place.apply_well("host.toml", text);
            let (code, told) =
                said(place.netwright().args(["plan", "--exit-code"]).arg(place.folder.join("host.toml")));
            assert_eq!(code, Some(0), "{told}");
        }
        for port in [true, false] {
            let (code, told) = said(place.netwright().arg("rollback"));
            assert_eq!(code, Some(0), "{told}");
            assert_eq!(sh("ip -o link show eth0").contains("master br0"), port, "{told}");
            assert_eq!(sh("ip -o addr").contains("10.9.0.1"), !port, "{told}");
        }
    });
}

#[test]
fn what_the_kernel_noted_of_a_link_without_addresses_is_nobodys() {
    isolated("others::what_the_kernel_noted_of_a_link_without_addresses_is_nobodys", |place| {
        if !may_make_tunnels() {
            return;
        }
        sh(
            "ip link set lo up; ip tuntap add t9 mode tun; ip link set t9 up; ip addr add 10.103.0.1/24 dev t9; \
            ip neigh add 10.103.0.2 dev t9 nud noarp",
        );
        assert!(sh("ip neigh show nud noarp dev t9").contains("0.0.0.0"));
        let told = place.apply_well("host.toml", "owner = \"a\"\n[link.t9]\nup = false\nadopt = true\n");
        assert!(!told.contains("0.0.0.0"), "{told}");
        assert!(!said(place.netwright().arg("capture")).1.contains("0.0.0.0"));
        assert_eq!(said(place.netwright().arg("withdraw")).0, Some(0));
    });
}
