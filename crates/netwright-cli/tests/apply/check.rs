//! What `netwright check` says of a firewall is what the kernel says.

use std::fmt::Write;

use crate::support::{isolated, said, sh};

const STATEMENTS: [&str; 10] = [
    "dup to 192.0.2.1",
    "masquerade",
    "snat to 192.0.2.1",
    "dnat to 192.0.2.1",
    "redirect to :80",
    "reject",
    "tcp dport 80 tproxy to :80 meta mark set 1",
    "tcp dport 80 synproxy",
    "accept",
    "iifname { \"lo\" } counter",
];

#[test]
fn refuses_what_the_kernel_refuses() {
    isolated("check::refuses_what_the_kernel_refuses", |place| {
        let mut wrong = String::new();
        for (chain_type, hooks) in [
            ("filter", &["prerouting", "input", "forward", "output", "postrouting"][..]),
            ("nat", &["prerouting", "input", "forward", "output", "postrouting"]),
            ("route", &["prerouting", "input", "output"]),
        ] {
            for hook in hooks {
                for statement in STATEMENTS {
                    for through in [false, true] {
                        let (rule, more) = match through {
                            false => (statement.to_owned(), String::new()),
                            true => ("jump deep".to_owned(), format!("chain deep {{ {statement}\n}}\n")),
                        };
                        let text = format!(
                            "table ip t {{\n{more}chain c {{ type {chain_type} hook {hook} priority 0\n {rule}\n}}\n}}\n"
                        );
                        compare(place, &text, &mut wrong);
                    }
                }
            }
        }
        for text in [
            "table ip t {\nchain c { type nat hook prerouting priority -300\n}\n}\n",
            "table ip t {\nchain c { type nat hook prerouting priority -200\n}\n}\n",
            "table ip t {\nchain c { type nat hook prerouting priority -199\n}\n}\n",
            "table inet f {\nchain a { jump b\n}\nchain b { jump a\n}\nchain i { type filter hook input priority 0; jump a\n}\n}\n",
            "table inet f {\nchain a { jump b\n}\nchain b { return\n}\nchain i { type filter hook input priority 0; jump a\n jump b\n}\n}\n",
            "table inet f {\nchain a { tcp dport vmap { 1 : jump a }\n}\nchain i { type filter hook input priority 0\n}\n}\n",
        ] {
            compare(place, text, &mut wrong);
        }
        for to_base in [
            "jump in",
            "goto in",
            "tcp dport vmap { 1 : jump in }",
            "tcp dport vmap @m",
            "jump { counter; goto in; }",
        ] {
            for caller in ["chain c { ", "chain c { type filter hook output priority 0\n"] {
                let text = format!(
                    "table inet f {{\nmap m {{ type inet_service : verdict\nelements = {{ 1 : goto in }}\n}}\n\
                     chain in {{ type filter hook input priority 0\n}}\n{caller}{to_base}\n}}\n}}\n"
                );
                compare(place, &text, &mut wrong);
            }
        }
        for statement in STATEMENTS {
            let text = format!(
                "table inet f {{\nchain c {{ type filter hook prerouting priority 0\n{statement}\n}}\n}}\n"
            );
            compare(place, &text, &mut wrong);
        }
        assert!(wrong.is_empty(), "{wrong}");
    });
}

fn compare(place: &crate::support::Place, text: &str, wrong: &mut String) {
    let rules = place.write("rules.nft", text);
    place.write("host.toml", "[firewall]\ninclude = [\"rules.nft\"]\n");
    let (kernel, why) = said(std::process::Command::new("nft").arg("-f").arg(&rules));
    sh("nft flush ruleset");
    let (own, told) = said(place.netwright().arg("check").arg(place.folder.join("host.toml")));
    if (kernel == Some(0)) != (own == Some(0)) {
        writeln!(wrong, "{text}nft: {why}\nnetwright: {told}").unwrap();
    }
}

#[test]
fn takes_a_table_on_one_line() {
    isolated("check::takes_a_table_on_one_line", |place| {
        let rules = "table inet f { chain i { type filter hook input priority 0; tcp dport 22 accept; } }";
        let told = place.apply_well("host.toml", &format!("[firewall]\nrules = '{rules}'\n"));
        assert!(sh("nft list ruleset").contains("tcp dport 22 accept"), "{told}");
    });
}

#[test]
fn tells_what_can_hardly_be_meant() {
    isolated("check::tells_what_can_hardly_be_meant", |place| {
        let told = |rules: &str| {
            let text = format!(
                "[link.br-lan]\nkind = \"bridge\"\n[firewall]\nrules = '''\ntable inet f {{ chain c {{ type filter hook input priority 0; policy drop\n{rules}\n}}\n}}\n'''\n"
            );
            let path = place.write("host.toml", &text);
            let (code, told) = said(place.netwright().arg("check").arg(path));
            assert_eq!(code, Some(0), "{told}");
            told
        };
        assert!(told("tcp dport 22 drop").contains("accepts nothing"));
        assert!(told("oifname br-lan accept").contains("packets have no `oifname` at the hook input yet"));
        assert!(told("iifname br-lna accept").contains("there is no interface `br-lna`"));
        assert!(told("iifname { br-lan, docker0 } accept").contains("there is no interface `docker0`"));
        assert!(!told("iifname { br-lan, lo, \"docker*\" } accept").contains("warning"));
    });
}
