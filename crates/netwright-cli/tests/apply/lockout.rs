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
            "ip saddr . tcp dport { 198.51.100.7 . 22 } accept",
        ] {
            let said = done(place, &filter(rules));
            assert!(!said.contains("warning"), "{said}");
        }
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
