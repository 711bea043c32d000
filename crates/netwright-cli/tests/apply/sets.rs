//! Sets whose elements come from files or from programs, and what the plan says of rules and elements.

use crate::support::{isolated, said, sh};

const FROM_FILE: &str = "[firewall]\nrules = '''\ntable inet f {\n set bad { type ipv4_addr; flags interval; }\n \
    chain input { type filter hook input priority 0; ip saddr @bad drop; ct state established accept\n }\n}\n'''\n\
    [[firewall.set]]\ntable = \"inet f\"\nname = \"bad\"\nelements = \"@lists/bad.txt\"\n";

#[test]
fn the_elements_of_a_set_come_from_a_file_by_difference() {
    isolated("sets::the_elements_of_a_set_come_from_a_file_by_difference", |place| {
        sh(&format!("mkdir {}/lists", place.folder.display()));
        place.write(
            "lists/bad.txt",
            "# of today\n192.0.2.1\n198.51.100.0/24  # a network\n\n203.0.113.1-203.0.113.9,\n",
        );
        let told = place.apply_well("host.toml", FROM_FILE);
        assert!(told.contains("table inet f, set bad: 198.51.100.0/24"), "{told}");
        let listed = sh("nft list set inet f bad | tr -d ' \\t\\n'");
        assert!(listed.contains("elements={192.0.2.1,198.51.100.0/24,203.0.113.1-203.0.113.9}"), "{listed}");
        assert!(place.apply_well("host.toml", FROM_FILE).contains("Nothing to do"));
        place.write("lists/bad.txt", "198.51.100.0/24\n203.0.113.1-203.0.113.9\n192.0.2.77");
        let path = place.folder.join("host.toml");
        let (_, plan) = said(place.netwright().arg("plan").arg(&path));
        let elements: Vec<&str> =
            plan.lines().filter(|line| line.contains("set bad")).map(str::trim).collect();
        assert_eq!(
            elements,
            ["- table inet f, set bad: 192.0.2.1", "+ table inet f, set bad: 192.0.2.77"],
            "{plan}"
        );
        place.apply_well("host.toml", FROM_FILE);
        // what is wrong is shown where it stands
        place.write("lists/bad.txt", "198.51.100.0/24\n\n192.0.2.999\n");
        let (code, told) = said(place.netwright().arg("check").arg(&path));
        assert_eq!(code, Some(1), "{told}");
        assert!(told.contains("lists/bad.txt:3:1"), "{told}");
        // at the start of the machine what was applied last is applied, with the list of then
        sh("nft flush ruleset");
        let (code, told) = said(place.netwright().args(["apply", "--boot"]).arg(&path));
        assert_eq!(code, Some(3), "{told}");
        assert!(sh("nft list set inet f bad").contains("192.0.2.77"));
    });
}

#[test]
fn an_empty_list_is_an_empty_set_and_a_missing_one_an_error() {
    isolated("sets::an_empty_list_is_an_empty_set_and_a_missing_one_an_error", |place| {
        let path = place.write("host.toml", FROM_FILE);
        let (code, told) = place.apply(&path);
        assert_eq!(code, Some(1));
        assert!(told.contains("bad.txt") && told.contains("host.toml:12"), "{told}");
        sh(&format!("mkdir {}/lists", place.folder.display()));
        place.write("lists/bad.txt", "# nobody\n");
        place.apply_well("host.toml", FROM_FILE);
        assert!(!sh("nft list set inet f bad").contains("elements"));
    });
}

#[test]
fn what_programs_put_into_a_kept_set_stays() {
    isolated("sets::what_programs_put_into_a_kept_set_stays", |place| {
        let text = |port: u16, kept: &str| {
            format!(
                "[firewall]\nrules = '''\ntable inet f {{\n set s {{ type ipv4_addr; elements = {{ 192.0.2.1 }}; }}\n \
                 chain input {{ type filter hook input priority 0; ip saddr @s tcp dport {port} drop\n }}\n}}\n'''\n{kept}"
            )
        };
        let kept = "[[firewall.set]]\ntable = \"inet f\"\nname = \"s\"\nelements = \"kept\"\n";
        place.apply_well("host.toml", &text(1, kept));
        sh("nft add element inet f s '{ 198.51.100.7 }'");
        assert!(place.apply_well("host.toml", &text(1, kept)).contains("Nothing to do"));
        place.apply_well("host.toml", &text(2, kept));
        assert!(sh("nft list set inet f s").contains("198.51.100.7"));
        let (code, told) = said(place.netwright().arg("rollback"));
        assert_eq!(code, Some(0), "{told}");
        assert!(sh("nft list set inet f s").contains("198.51.100.7"), "{told}");
        // without the word it is as declared
        place.apply_well("host.toml", &text(2, ""));
        assert!(!sh("nft list set inet f s").contains("198.51.100.7"));
        let path = place.write("host.toml", &text(2, &kept.replace("\"s\"", "\"t\"")));
        let (code, told) = said(place.netwright().arg("check").arg(path));
        assert_eq!(code, Some(1));
        assert!(told.contains("there is no set `t` in a table `inet f`"), "{told}");
    });
}

#[test]
fn a_plan_has_the_text_of_each_rule() {
    isolated("sets::a_plan_has_the_text_of_each_rule", |place| {
        let path = place.write(
            "host.toml",
            "[firewall]\nrules = '''\ntable inet f {\n chain input { type filter hook input priority 0; tcp dport 22 accept\n udp dport 53 counter drop\n }\n}\n'''\n",
        );
        let (_, plan) = said(place.netwright().arg("plan").arg(&path));
        for rule in [
            "+ table inet f, chain input: tcp dport 22 accept",
            "+ table inet f, chain input: udp dport 53 counter drop",
        ] {
            assert!(plan.contains(rule), "{rule}: {plan}");
        }
        let (_, json) = said(place.netwright().args(["plan", "--json"]).arg(&path));
        assert!(json.contains("chain input: tcp dport 22 accept"), "{json}");
    });
}
