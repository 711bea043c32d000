//! An apply does not cut the ssh session that it is done in.

use crate::judge::{difference, state};
use crate::support::{Place, isolated, said};

const START: &str = "[link.lan0]\nkind = \"bridge\"\naddresses = [\"192.0.2.1/24\"]\n[[route]]\nto = \"0.0.0.0/0\"\nvia = \"192.0.2.254\"\n\
                     [[route]]\nto = \"198.51.100.0/24\"\nvia = \"192.0.2.253\"\n";
const SESSION: &str = "198.51.100.7 50022 192.0.2.1 22";

fn applied(place: &Place, text: &str, more: &[&str]) -> (Option<i32>, String) {
    let path = place.write("host.toml", text);
    let mut command = place.netwright();
    said(command.arg("apply").arg(path).args(more).env("SSH_CONNECTION", SESSION))
}

#[track_caller]
fn refused(place: &Place, text: &str, why: &str) {
    let before = state();
    let (code, said) = applied(place, text, &[]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("this would lock you out") && said.contains(why), "{said}");
    assert_eq!(difference(&before, &state()), Vec::<String>::new(), "{said}");
}

#[track_caller]
fn done(place: &Place, text: &str) -> String {
    let (code, said) = applied(place, text, &[]);
    assert_eq!(code, Some(0), "{said}");
    said
}

fn filter(rules: &str) -> String {
    format!(
        "{START}[firewall]\nrules = '''\ntable inet filter {{ chain input {{ type filter hook input priority 0; policy drop; {rules}\n}}\n}}\n'''\n"
    )
}

#[test]
fn links_addresses_and_routes_of_the_session_stay() {
    isolated("lockout::links_addresses_and_routes_of_the_session_stay", |place| {
        done(place, START);
        refused(place, "", "lan0");
        refused(place, &START.replace("192.0.2.1/24", "192.0.2.2/24"), "192.0.2.1");
        refused(place, &START.replace("addresses", "up = false\naddresses"), "down");
        refused(
            place,
            &format!("{START}[[route]]\nto = \"198.51.100.0/25\"\ntype = \"blackhole\"\n"),
            "blackhole",
        );
        let other = "[link.br9]\nkind = \"bridge\"\naddresses = [\"10.9.9.1/24\"]\n";
        refused(
            place,
            &format!("{START}{other}[[route]]\nto = \"198.51.100.0/25\"\ndev = \"br9\"\n"),
            "another way",
        );
        // what does not concern it is done
        done(place, &format!("{START}{other}"));
        done(place, &START.replace("192.0.2.253", "192.0.2.252"));
        done(place, &START.replace("[\"192.0.2.1/24\"]", "[\"192.0.2.1/24\", \"192.0.2.9/24\"]"));
        // of another host's session nothing is known here
        let path = place.write("host.toml", "");
        let mut command = place.netwright();
        let other = "198.51.100.7 50022 203.0.113.1 22";
        let (code, said) = said(command.arg("apply").arg(path).env("SSH_CONNECTION", other));
        assert_eq!(code, Some(0), "{said}");
    });
}

#[test]
fn a_firewall_lets_the_session_pass() {
    isolated("lockout::a_firewall_lets_the_session_pass", |place| {
        done(place, START);
        for rules in [
            "",
            "tcp dport 80 accept",
            "ct state established,related ip saddr 203.0.113.0/24 accept",
            "ip saddr 198.51.100.0/24 reject; accept",
            "iifname \"lan*\" tcp dport { 22, 80 } drop; accept",
            "iifname vmap { \"lan0\" : drop, \"lo\" : accept }",
            "ip6 saddr ::/0 accept; udp dport 22 accept; meta l4proto icmp accept",
            "ct state vmap { established : drop, new : accept }",
            "ip saddr . tcp dport { 198.51.100.7 . 22 } drop; accept",
            "ip saddr != 203.0.113.0/24 drop; accept",
            "fib daddr type local drop; accept",
            "ip version 4 drop; accept",
            "ct state established accept\n}\nchain raw { type filter hook prerouting priority raw; tcp dport 22 notrack",
            "ct state untracked drop; accept\n}\nchain raw { type filter hook prerouting priority raw; notrack",
        ] {
            refused(place, &filter(rules), "filter");
        }
        for rules in [
            "ct state established,related accept; tcp dport 22 accept",
            "ct state vmap { established : accept, invalid : drop }; tcp dport 22 accept",
            "tcp dport 22 accept",
            "ip saddr 198.51.100.0/24 accept",
            "ip saddr { 198.51.100.0/24, 203.0.113.0/24 } tcp dport 20-25 accept",
            "meta mark 7 accept",
            "limit rate 10/second accept",
            "iifname \"lan0\" accept",
            "fib daddr type local accept",
            "ct state established,untracked accept; tcp dport 22 accept\n}\nchain raw { type filter hook prerouting priority raw; notrack",
            "ct state established accept; tcp dport 22 accept\n}\nchain raw { type filter hook prerouting priority raw; udp dport 53 notrack",
            "ip saddr . tcp dport { 198.51.100.7 . 22 } accept",
        ] {
            let said = done(place, &filter(rules));
            assert!(!said.contains("warning"), "{said}");
        }
        let said =
            done(place, &filter("").replace("table inet filter {", "table inet filter { flags dormant;"));
        assert!(!said.contains("warning"), "{said}");
        // where it is not certain that the connection is not tracked
        let maybe = "ct state established accept; tcp dport 22 accept\n}\nchain raw { type filter hook prerouting priority raw; meta mark 7 notrack";
        done(place, &filter(maybe));
        let said = done(place, &filter("ct state established accept"));
        assert!(said.contains("a new connection from 198.51.100.7 to port 22 would be dropped"), "{said}");
    });
}

#[test]
fn who_insists_or_takes_back_gets_it() {
    isolated("lockout::who_insists_or_takes_back_gets_it", |place| {
        done(place, START);
        let (code, said) = applied(place, &filter(""), &["--force"]);
        assert_eq!(code, Some(0), "{said}");
        done(place, START);
        let (code, said) = applied(place, &filter(""), &["--confirm", "60s"]);
        assert_eq!(code, Some(0), "{said}");
        assert!(said.contains("warning: this would lock you out"), "{said}");
        let (code, said) = crate::support::said(place.netwright().arg("confirm"));
        assert_eq!(code, Some(0), "{said}");
    });
}

/// A session over IPv6, with a host whose address and way are others', as from a router's advertisements.
#[test]
fn ipv6_of_the_session_stays() {
    isolated("lockout::ipv6_of_the_session_stays", |place| {
        crate::support::sh("ip link set lo up; ip link add eth0 type veth peer name far0; ip link set far0 up; ip link set eth0 up
            ip -6 addr add 2001:db8:5::5/64 dev eth0 nodad; ip neigh add fe80::1 lladdr 02:00:00:00:00:77 dev eth0 nud reachable
            ip -6 route add default via fe80::1 dev eth0 proto ra");
        let session = "2001:db8:f::7 50022 2001:db8:5::5 22";
        let apply = |text: &str| {
            let path = place.write("host.toml", &format!("owner = \"me\"\n{text}"));
            said(place.netwright().arg("apply").arg(path).env("SSH_CONNECTION", session))
        };
        for (text, why) in [
            ("[link.eth0]\nadopt = true\nipv6 = { disable = true }\n", "has no IPv6 any more"),
            ("[link.eth0]\nadopt = true\nmtu = 1200\n", "has no IPv6 any more"),
            ("forwarding = true\n[link.eth0]\n", "no route leads to 2001:db8:f::7"),
            ("[link.lan]\nkind = \"bridge\"\naddresses = [\"2001:db8:f::7/64\"]\n", "which you come from"),
            (
                "[[neighbour]]\ndev = \"eth0\"\naddress = \"fe80::1\"\nmac = \"02:00:00:00:00:99\"\nadopt = true\n[link.eth0]\n",
                "02:00:00:00:00:99",
            ),
        ] {
            let before = state();
            let (code, told) = apply(text);
            assert_eq!(code, Some(1), "{text}: {told}");
            assert!(told.contains("this would lock you out") && told.contains(why), "{text}: {told}");
            assert_eq!(difference(&before, &state()), Vec::<String>::new(), "{told}");
        }
        for text in [
            "[link.eth0]\nmtu = 1400\n",
            "forwarding = { ipv4 = true }\n[link.eth0]\n",
            "forwarding = true\n[link.eth0]\nipv6 = { accept-ra = \"always\" }\n",
            "[link.lan]\nkind = \"bridge\"\naddresses = [\"2001:db8:e::7/64\"]\n",
            "[link.lan]\nkind = \"bridge\"\nipv6 = { disable = true }\n",
            "[[neighbour]]\ndev = \"eth0\"\naddress = \"fe80::1\"\nmac = \"02:00:00:00:00:77\"\nadopt = true\n[link.eth0]\n",
        ] {
            let (code, told) = apply(text);
            assert_eq!(code, Some(0), "{text}: {told}");
        }
    });
}
