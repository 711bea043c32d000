//! Texts that nft refuses are refused, and those that it takes are taken and mean the same.
#![allow(clippy::unwrap_used, clippy::panic)]

use netwright_nft::catalog::Catalog;
use netwright_nft::diagnostic::SourceMap;
use netwright_nft::evaluate::{Compiled, Options, compile};
use netwright_nft::ir::Target;
use netwright_nft::syntax::{Binding, NoIncludes, parse_with};
use netwright_nft::table::{Names, PrintOptions, Zone};
use netwright_nft::{json, print};

/// A compiled text, with all that is said about it.
fn compiled(text: &str, bindings: &[Binding<'_>]) -> (Compiled, Vec<String>) {
    let mut sources = SourceMap::default();
    let id = sources.add("test", text);
    let parsed = match text.starts_with('{') {
        true => json::parse(&mut sources, id),
        false => parse_with(&mut sources, id, &mut NoIncludes, bindings),
    };
    let options = Options { names: &Names::new(), catalog: &Catalog::of_nothing(), zone: Zone::UTC };
    let compiled = compile(&sources, &parsed, &options);
    let said = parsed.diagnostics.iter().chain(&compiled.diagnostics);
    let said = said.map(|error| error.message.clone()).collect();
    (compiled, said)
}

/// The rule in a text's last command, as it is listed; why it is refused.
fn rule(family: &str, rule: &str) -> Result<String, String> {
    let (compiled, said) = compiled(
        &format!(
            "add table {family} t; add chain {family} t c
            add map {family} t ports {{ type ipv4_addr : inet_service; }}
            add set {family} t s {{ type ipv4_addr; flags dynamic; }}
            add set {family} t services {{ type inet_service; }}
            add map {family} t published {{ type inet_proto . inet_service : ipv4_addr . inet_service; }}
            add rule {family} t c {rule}"
        ),
        &[],
    );
    if let Some(said) = said.into_iter().next() {
        return Err(said);
    }
    match compiled.commands.last().map(|command| &command.target) {
        Some(Target::Rule { rule, .. }) => Ok(print::rule(rule, &PrintOptions::default(), &Names::new())),
        other => panic!("{other:?}"),
    }
}

#[test]
fn translations_are_taken_in_the_forms_of_nft() {
    for (family, text, listed) in [
        ("ip", "tcp dport 80 redirect to 8080", "tcp dport 80 redirect to :8080"),
        ("inet", "tcp dport 80 redirect to :8080-8090 random", "tcp dport 80 redirect to :8080-8090 random"),
        (
            "ip6",
            "tcp dport 80 redirect to tcp dport map { 80 : 81 }",
            "tcp dport 80 redirect to :tcp dport map { 80 : 81 }",
        ),
        ("ip", "tcp dport 80 masquerade to :80-90", "tcp dport 80 masquerade to :80-90"),
        (
            "inet",
            "meta l4proto tcp dnat ip addr . port to 192.0.2.1 . 81",
            "meta l4proto tcp dnat ip to 192.0.2.1:81",
        ),
        ("ip6", "meta l4proto tcp dnat ip6 addr . port to ::1 . 81", "meta l4proto tcp dnat ip6 to [::1]:81"),
        ("ip", "dnat to numgen inc mod 7 offset 167772161", "dnat ip to numgen inc mod 7 offset 167772161"),
        // As systemd-networkd maps ports: the key tells the transport protocol.
        (
            "inet",
            "dnat ip addr . port to meta l4proto . th dport map @published",
            "dnat ip to meta l4proto . th dport map @published",
        ),
        (
            "ip",
            "dnat to ip protocol . th dport map { tcp . 80 : 192.0.2.1 . 81 }",
            "dnat ip to ip protocol . th dport map { tcp . 80 : 192.0.2.1 . 81 }",
        ),
    ] {
        assert_eq!(rule(family, text).as_deref(), Ok(listed), "{family} {text}");
    }
    for (family, text) in [
        ("ip", "tcp dport 80 masquerade to 80"),
        ("ip", "tcp dport 80 redirect ip to :80"),
        ("ip", "tcp dport 80 redirect :80"),
        ("ip", "redirect to 80"),
        ("ip", "redirect to meta l4proto . th dport map { tcp . 80 : 81 }"),
        ("ip", "dnat to meta mark map { 5 : 192.0.2.1 . 81 }"),
        ("inet", "tcp dport 80 redirect to jhash ip saddr mod 2"),
        ("ip", "tcp dport 80 dnat addr . port to 192.0.2.1 . 81"),
        ("inet", "meta l4proto tcp dnat ip to ip saddr map @ports"),
    ] {
        assert!(rule(family, text).is_err(), "{family} {text}");
    }
}

#[test]
fn contradicting_protocols_are_refused() {
    for (family, text) in [
        ("inet", "ip protocol { tcp, udp } tcp dport 20"),
        ("inet", "meta l4proto { tcp, udp } tcp dport 20"),
        ("inet", "meta nfproto { ipv4, ipv6 } ip saddr 192.0.2.1"),
        ("inet", "meta nfproto ipv6 ct original ip saddr 192.0.2.1"),
        ("ip", "ct original ip6 saddr ::1"),
        ("arp", "tcp dport 22"),
        ("ip", "tcp dport { }"),
        ("ip", "tcp dport { , 22 }"),
        ("ip", "reject with icmpx no-route"),
        ("ip6", "meta l4proto tcp reject with icmpx no-route"),
        ("ip", "comp flags 1,2"),
        ("inet", "ip6 saddr 1"),
        ("inet", "ip6 saddr & 1 == ::1"),
        ("inet", "meta mark set hbh nexthdr"),
        ("inet", "meta mark set ipsec in reqid"),
        ("inet", "ip id @services"),
        ("inet", "tcp dport . meta skgid { 22 . exists }"),
        ("inet", "ether type 0x88f7 ip saddr 192.0.2.1"),
        ("bridge", "meta protocol vlan ip saddr 192.0.2.1"),
        ("bridge", "meta protocol 0x88f7 tcp dport 22"),
        ("netdev", "meta protocol { ip, vlan } ip saddr 192.0.2.1"),
        ("netdev", "dup to 192.0.2.1 device lo"),
        ("inet", "add @s { ip saddr comment \"x\" }"),
        ("ip", "ip hdrlength >> 4 == 0"),
    ] {
        assert!(rule(family, text).is_err(), "{family} {text}");
    }
    for (family, text) in [
        ("inet", "meta l4proto { tcp, udp } th dport 20"),
        ("inet", "meta l4proto { tcp } tcp dport 20"),
        ("inet", "meta nfproto ipv4 ct original ip saddr 192.0.2.1"),
        ("arp", "th dport 22"),
        ("bridge", "ether type set ip"),
        ("inet", "rt mtu > 100"),
        ("inet", "meta mark set rt mtu"),
        ("inet", "add @s { ip saddr }"),
        ("bridge", "ether type 0x88f7 ip saddr 192.0.2.1"),
        ("bridge", "meta protocol 0x88f7 th dport 22"),
        ("inet", "reject with icmpx no-route"),
        ("inet", "tcp dport { 22,, 80, }"),
    ] {
        assert_eq!(rule(family, text).err(), None, "{family} {text}");
    }
}

#[test]
fn a_bound_variable_is_a_value_and_no_order() {
    let text = "add table ip t; add chain ip t c; add rule ip t c tcp dport $x accept";
    let bound = |value| compiled(text, &[Binding { name: "x", value }]).1;
    assert_eq!(bound("22"), [""; 0]);
    assert_eq!(bound("{ 22, 80 }"), [""; 0]);
    for value in
        ["22; flush ruleset", "22\nflush ruleset", "22; include \"/etc/passwd\"", "22\ninclude \"x\""]
    {
        assert!(!bound(value).is_empty(), "{value}");
        let orders = compiled(text, &[Binding { name: "x", value }]).0.commands;
        assert_eq!(orders.len(), compiled(text, &[Binding { name: "x", value: "22" }]).0.commands.len());
    }
}

#[test]
fn sets_that_rules_add_to_are_dynamic() {
    let dynamic = |text: &str| {
        let (compiled, said) = compiled(text, &[]);
        assert_eq!(said, [""; 0]);
        compiled.commands.iter().any(|command| match &command.target {
            Target::Set(set) => set.flags & netwright_netfilter::SetFlags::EVAL.bits() != 0,
            _ => false,
        })
    };
    let table =
        |rule: &str| format!("table ip t {{\n set s {{ type ipv4_addr; }}\n chain c {{\n {rule}\n }}\n}}\n");
    assert!(dynamic(&table("update @s { ip saddr }")));
    assert!(dynamic(&table("jump {\n add @s { ip saddr }\n }")));
    assert!(!dynamic(&table("ip saddr @s")));
}

#[test]
fn variables_stand_for_sets_and_for_several_keys() {
    let (_, said) = compiled(
        "define s = @s
        define several = { eth0, eth1 }
        table ip t {
            set s { type ipv4_addr; }
            chain c {
                add $s { ip saddr }
                iifname vmap { lo : accept, $several : drop }
            }
        }
        add quota ip t q { comment \"x\"; }",
        &[],
    );
    assert_eq!(said, [""; 0]);
}

#[test]
fn what_is_created_is_written_as_nft_reads_it() {
    let ground = "add table ip t; add chain ip t c; add table inet t; ";
    let said = |text: &str| compiled(&format!("{ground}{text}"), &[]).1;
    for text in [
        "create table ip u",
        "create chain ip t d { }",
        "create chain t d",
        "create set ip t s { type mark; }",
        "create counter ip t k",
        "create counter t k packets 1 bytes 2",
        "create quota inet t q 10 bytes",
        "create limit ip t l rate 1/second",
        "create ct helper ip t h { type \"ftp\" protocol tcp; }",
        "add counter ip t k { packets 1 bytes 2 }",
        "table ip t { counter k { packets 1 bytes 2 }; }",
    ] {
        assert_eq!(said(text), [""; 0], "{text}");
    }
    for text in [
        "create counter ip t k { }",
        "create counter t k { packets 1 bytes 2 }",
        "create quota inet t q { 10 bytes }",
        "create limit ip t l { rate 1/second }",
        "create synproxy ip t p { mss 1460 wscale 7 }",
        "create secmark ip t m { \"x\" }",
        "create rule ip t c accept",
        "create ip t c accept",
    ] {
        assert_eq!(said(text).len(), 1, "{text}");
    }
    let json = |verb: &str| {
        let rule = r#"{"rule": {"family": "ip", "table": "t", "chain": "c", "expr": [{"accept": null}]}}"#;
        let ground = r#"{"add": {"table": {"family": "ip", "name": "t"}}}, {"add": {"chain": {"family": "ip", "table": "t", "name": "c"}}}"#;
        compiled(&format!(r#"{{"nftables": [{ground}, {{"{verb}": {rule}}}]}}"#), &[]).1
    };
    assert_eq!(json("add"), [""; 0]);
    assert_eq!(json("create"), ["rules cannot be created, only added: each is new"]);
}

/// What is said about commands on a table that has something of each kind.
fn said(text: &str) -> Vec<String> {
    let ground = "add table inet t; add chain inet t c
        add set inet t s { type ipv4_addr; }
        add set inet t counted { type ipv4_addr; counter; limit rate 1/second; }
        add set inet t filled { type ipv4_addr; flags dynamic; }
        add map inet t m { type ipv4_addr : mark; }
        add counter inet t k";
    compiled(&format!("{ground}\n{text}"), &[]).1
}

#[test]
fn comments_of_whatever_have_at_most_128_bytes() {
    for form in [
        "add table inet t { comment \"C\"; }",
        "add chain inet t d { comment \"C\"; }",
        "add set inet t d { type ipv4_addr; comment \"C\"; }",
        "add map inet t d { type ipv4_addr : mark; comment \"C\"; }",
        "add counter inet t d { comment \"C\"; }",
        "add element inet t s { 10.0.0.1 comment \"C\" }",
        "add rule inet t c counter comment \"C\"",
        "add rule inet t c ip saddr { 10.0.0.1 comment \"C\" } counter",
    ] {
        assert_eq!(said(&form.replace('C', &"x".repeat(128))), [""; 0], "{form}");
        let long = said(&form.replace('C', &"x".repeat(129)));
        assert_eq!(long, ["a comment has at most 128 bytes"], "{form}");
    }
}

#[test]
fn elements_have_the_statements_of_their_set() {
    for text in [
        "add element inet t counted { 10.0.0.1 counter packets 1 bytes 2 limit rate 1/second }",
        "add element inet t counted { 10.0.0.1 }",
        "add element inet t counted { 10.0.0.1 limit rate 1/second counter }",
        "add element inet t filled { 10.0.0.1 limit rate 1/second }",
        "add rule inet t c ip saddr { 10.0.0.1 counter } accept",
    ] {
        assert_eq!(said(text), [""; 0], "{text}");
    }
    for text in [
        "add element inet t s { 10.0.0.1 counter }",
        "delete element inet t s { 10.0.0.1 counter }",
        "get element inet t s { 10.0.0.1 counter }",
        "add element inet t m { 10.0.0.1 counter : 1 }",
        "add element inet t counted { 10.0.0.1 counter }",
        "add set inet t d { type ipv4_addr; elements = { 10.0.0.1 counter }; }",
    ] {
        assert_eq!(said(text).len(), 1, "{text}");
    }
}

#[test]
fn commands_are_taken_in_the_forms_of_nft() {
    for text in [
        "reset counter inet t k; reset counters; reset quotas inet t; reset rules inet t; reset rules",
        "reset rule inet t c handle 5; reset set inet t s; reset map inet t m; reset element inet t s { 10.0.0.1 }",
        "list meters; list meters inet; list flow tables; list ct helpers table t",
        "replace rule inet t c handle 5 accept",
        "insert rule inet t c position 0 accept; add rule inet t c handle 0 accept",
        "table inet t { counter d { }; quota q { over 1 mbytes }\n }",
        "delete chain inet t c { type filter hook ingress device lo priority 0; }",
    ] {
        assert_eq!(said(text), [""; 0], "{text}");
    }
    for text in [
        "reset tables",
        "reset chain inet t c",
        "reset sets inet t",
        "reset maps",
        "reset meter inet t s",
        "reset limits",
        "reset flowtables inet",
        "reset ct helper inet t h",
        "reset ruleset",
        "list meters inet t",
        "list meters table inet t",
        "list ct helper table t",
        "delete meter inet t s",
        "destroy meter inet t s",
        "destroy chain inet t c { }",
        "replace rule inet t c index 0 accept",
        "replace rule inet t c position 5 accept",
        "add set inet t d { type ipv4_addr : mark; }",
        "table inet t { counter d packets 1 bytes 2\n }",
        "table inet t { counter d\n }",
        "table inet t { quota d over 1 mbytes\n }",
        "table inet t { limit d rate 1/second\n }",
    ] {
        assert_eq!(said(text).len(), 1, "{text}");
    }
}

#[test]
fn comparisons_are_with_values_of_their_type() {
    for (text, listed) in [
        ("meta mark { tcp, udp }", "meta mark { 0x00000006, 0x00000011 }"),
        ("meta mark 5-tcp", "meta mark 0x00000005-0x00000006"),
        ("meta mark 5 | exists", "meta mark 0x00000005"),
        ("meta mark & tcp == 6", "meta mark & 0x00000006 == 0x00000006"),
        ("ct mark set exists", "ct mark set 0x00000001"),
        ("ip protocol & tcp == tcp", "ip protocol & tcp == tcp"),
        ("tcp sequence << 3 <= 158", "tcp sequence << 3 <= 158"),
        ("tcp sequence << 3 > 7", "tcp sequence << 3 > 7"),
        ("icmp type 8-9 icmp id 1", "icmp type 8-9 icmp id 1"),
    ] {
        assert_eq!(rule("inet", text).as_deref(), Ok(listed), "{text}");
    }
    for text in [
        "meta mark tcp",
        "meta mark exists",
        "ct mark redirect",
        "meta mark == exists | 40",
        "meta mark & 5 == tcp",
        "meta mark . tcp dport { tcp . 22 }",
        "tcp option maxseg size | 183 != tcp & 46551",
        "tcp sequence << 3 == 158",
        "icmp type != echo-reply icmp sequence 1",
        "icmp type > 5 icmp id 1",
        "icmpv6 type != echo-reply icmpv6 mtu 1",
    ] {
        assert!(rule("inet", text).is_err(), "{text}");
    }
    for text in ["tproxy to :tcp dport map { 80 : 8080 }", "tproxy to 192.0.2.1:tcp dport map { 80 : 8080 }"]
    {
        assert!(rule("ip", text).is_err(), "{text}");
        assert!(rule("ip", &format!("ip protocol tcp {text}")).is_ok(), "{text}");
    }
}

#[test]
fn a_map_leads_to_ranges_only_where_it_says_so() {
    for (text, right) in [
        ("add map ip t m { type ipv4_addr : ipv4_addr; elements = { 192.0.2.1 : 10.0.0.0/8 }; }", false),
        ("add map ip t m { type ipv4_addr : mark; elements = { 192.0.2.1 : 5-6 }; }", false),
        (
            "add map ip t m { type ipv4_addr : ipv4_addr . inet_service; elements = { 192.0.2.1 : 10.0.0.1 . 5-6 }; }",
            false,
        ),
        (
            "add map ip t m { type ipv4_addr : interval ipv4_addr; elements = { 192.0.2.1 : 10.0.0.0/8 }; }",
            true,
        ),
        (
            r#"{"nftables":[{"add":{"map":{"family":"ip","table":"t","name":"m","type":"ipv4_addr","map":"ipv4_addr",
            "elem":[["192.0.2.1",{"prefix":{"addr":"10.0.0.0","len":8}}]]}}}]}"#,
            true,
        ),
    ] {
        let text = if text.starts_with('{') { text.to_owned() } else { format!("add table ip t; {text}") };
        let (compiled, said) = compiled(&text, &[]);
        assert_eq!(said.is_empty(), right, "{text}: {said:?}");
        if let (true, Some(Target::Set(map))) = (right, compiled.commands.last().map(|last| &last.target)) {
            assert!(map.data_ranges, "{text}");
        }
    }
}

#[test]
fn what_has_no_meaning_is_refused() {
    for text in [
        // Strings of any length, and prefixes of less than a byte, side by side with other values.
        "ct helper . ip saddr { \"a\" . 192.0.2.1 }",
        "ip dscp . ip ttl { 5/3 . 7 }",
        "ip option ra vmap { 1/1 : accept }",
        // Numbers that are never generated.
        "jhash ip saddr mod 16 & 222 == 5",
        "numgen random mod 100 | 697024202 > 18",
        "jhash ip saddr mod 16 5/9",
        "ip ttl << 5 { 32, 33 }",
        // The other family.
        "ip saddr 192.0.2.1 snat ip6 to ::1",
        "meta l4proto udp snat to jhash ip saddr mod 2 map { 0 : 192.0.2.1, 1 : 192.0.2.2 }",
        "ip6 daddr [ 2001:db8::1 ]",
        "osf name >> 10 != 201",
    ] {
        assert!(rule("inet", text).is_err(), "{text}");
    }
    assert!(rule("bridge", "ether type arp reject").is_err());
    let meter = |after: &str| {
        compiled(
            &format!(
                "add table ip t; add chain ip t c
                add rule ip t c meter m {{ ip saddr timeout 5s counter }}
                add rule ip t c meter {after} {{ ip saddr counter }}"
            ),
            &[],
        )
    };
    assert_eq!((meter("m").1.len(), meter("n").1.len()), (1, 0));
    for (text, listed) in [
        ("ip version . rt nexthop { 4 . 192.0.2.1 }", "ip version . rt ip nexthop { 4 . 192.0.2.1 }"),
        ("numgen random mod 100 | 99 > 1", "numgen random mod 100 | 99 > 1"),
    ] {
        assert_eq!(rule("inet", text).as_deref(), Ok(listed), "{text}");
    }
    // A number is a name, however it is written.
    assert_eq!(rule("inet", "meta secmark set 0x5a"), Err("table `t` has no secmark `90`".to_owned()));
    for (expression, right) in [
        (r#"{"match":{"op":"==","left":[{"meta":{"key":"length"}}],"right":5}}"#, false),
        (r#"{"match":{"op":"==","left":{"meta":{"key":"length"}},"right":[5]}}"#, false),
        (r#"{"match":{"op":"==","left":{"concat":[{"meta":{"key":"length"}}]},"right":5}}"#, false),
        (r#"{"match":{"op":"in","left":{"ct":{"key":"state"}},"right":["new"]}}"#, true),
    ] {
        let text = format!(
            r#"{{"nftables":[{{"add":{{"table":{{"family":"ip","name":"t"}}}}}},
            {{"add":{{"chain":{{"family":"ip","table":"t","name":"c"}}}}}},
            {{"add":{{"rule":{{"family":"ip","table":"t","chain":"c","expr":[{expression}]}}}}}}]}}"#
        );
        assert_eq!(compiled(&text, &[]).1.is_empty(), right, "{text}");
    }
    for of in ["ip saddr & 255.255.255.0", "ip ttl . (meta mark & 5)"] {
        let text = format!("add table ip t; add set ip t s {{ typeof {of}; }}");
        assert!(!compiled(&text, &[]).1.is_empty(), "{of}");
    }
}

#[test]
fn what_was_matched_stays_matched() {
    for text in [
        "tcp dport 1 meta l4proto { tcp, udp } tcp sport 1",
        "udp dport 53 ip protocol tcp udp sport 53",
        "udp dport 53 meta l4proto { tcp } udp sport 53",
        "meta l4proto { tcp, udp } meta l4proto tcp tcp sport 1",
        "meta l4proto { tcp, 99 } tcp dport 1",
        "tcp dport 1 meta l4proto { tcp, udp } reject with tcp reset",
        "ip saddr 192.0.2.1 meta nfproto ipv6 ip daddr 192.0.2.2",
        "ip saddr 192.0.2.1 ether type { ip, arp } ip daddr 192.0.2.2",
        "ip saddr 192.0.2.1 tcp dport 80 tproxy to :8080",
    ] {
        assert!(rule("inet", text).is_err(), "{text}");
    }
    for text in [
        "tcp dport 1 meta l4proto != { tcp, udp } tcp sport 1",
        "meta l4proto tcp meta l4proto { tcp, udp } th dport 53",
        "ip6 saddr ::1 meta nfproto { ipv4, ipv6 } ip6 daddr ::2",
        "ip saddr 192.0.2.1 tcp dport 80 tproxy ip to :8080",
    ] {
        assert!(rule("inet", text).is_ok(), "{text}");
    }
    for text in
        ["ether type 0x88f7 reject with icmp type net-unreachable", "ether type 0x88f7 ip saddr 192.0.2.1"]
    {
        assert!(rule("ip", text).is_ok(), "{text}");
    }
    assert!(rule("netdev", "fwd ip to 192.0.2.1 device lo counter").is_err());
}

/// A number in the header of IP that no header here is of is an extension header, a tunnel or what nft knows nothing of.
#[test]
fn what_the_network_header_says_and_nobody_knows_says_nothing() {
    for taken in [
        "ip6 nexthdr 60 tcp dport 7015",
        "ip6 nexthdr { 60, 43 } tcp dport 4",
        "ip protocol 99 udp dport 5",
        "ip protocol { 6, 99 } tcp dport 1",
        "tcp dport 1 ip protocol 99 tcp sport 2",
        "ip protocol 6 ip protocol 99 tcp dport 1",
    ] {
        assert_eq!(rule("inet", taken).err(), None, "{taken}");
    }
    for refused in [
        "meta l4proto { 6, 99 } tcp dport 1",
        "tcp dport 1 meta l4proto 99 tcp sport 2",
        "ip protocol 99 tcp dport 1 udp dport 2",
        "meta l4proto 99 ip protocol 6 tcp dport 3",
    ] {
        assert!(rule("inet", refused).is_err(), "{refused}");
    }
}

#[test]
fn constants_have_the_type_that_is_compared() {
    for text in [
        "osf name @names",
        "comp flags . comp nexthdr { 1 . 2 }",
        "ct secmark { 1, 2 }",
        "tcp option 254 << 7 exists",
        "oifname & tcp \"a\"",
        "oifname \"a\" | tcp",
        "ip ttl . oifname { 1 . exists }",
        "ip ttl . ip length { exists . 1 }",
        "socket transparent { 1/1, 1 }",
        "ct id << 29 == 77",
    ] {
        assert!(rule("inet", text).is_err(), "{text}");
    }
    for text in [
        "ip ttl . ip length { exists . 1-2, 3 . 4 }",
        "ct id << 29 == { 77-190, 815630575 }",
        "exthdr frag == 1 << 0",
        "meta mark set tcp flags | 154",
        "tcp flags set tcp flags & (fin | ecn) | cwr",
    ] {
        assert!(rule("inet", text).is_ok(), "{text}");
    }
}

#[test]
fn a_meter_fits_the_set_that_is_there() {
    let after = |set: &str, meter: &str| {
        let text = format!("add table ip t; add chain ip t c; add {set}; add rule ip t c meter m {meter}");
        compiled(&text, &[]).1.is_empty()
    };
    let dynamic = "set ip t m { type ipv4_addr; size 10; flags dynamic; }";
    let timed = "set ip t m { type ipv4_addr; flags dynamic,timeout; }";
    for (set, meter, right) in [
        (dynamic, "{ ip saddr counter }", true),
        (dynamic, "size 10 { ip saddr counter }", true),
        (dynamic, "size 11 { ip saddr counter }", false),
        (dynamic, "{ ip saddr timeout 5s counter }", false),
        (dynamic, "{ tcp dport counter }", false),
        (timed, "{ ip saddr timeout 5s counter }", true),
        (timed, "{ ip saddr counter }", false),
        ("set ip t m { type ipv4_addr; }", "{ ip saddr counter }", false),
        ("map ip t m { type ipv4_addr : mark; flags dynamic; }", "{ ip saddr counter }", false),
    ] {
        assert_eq!(after(set, meter), right, "{set} {meter}");
    }
}
