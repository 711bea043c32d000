//! Bits that are computed, set and compared: what they become, and how that is listed.
#![allow(clippy::unwrap_used, clippy::panic)]

use netwright_netfilter::bytecode::{Form, bytecode};
use netwright_netfilter::{Family, Rule as KernelRule};
use netwright_nft::catalog::Catalog;
use netwright_nft::diagnostic::SourceMap;
use netwright_nft::evaluate::{Options, compile};
use netwright_nft::ir::Target;
use netwright_nft::syntax::{NoIncludes, parse};
use netwright_nft::table::{Names, PrintOptions, Zone};
use netwright_nft::{lift, lower, print};

/// The bytecode of a rule, and the rule as it is listed.
fn made(family: Family, rule: &str) -> (Vec<String>, String) {
    let text = format!("add table {family} t; add chain {family} t c; add rule {family} t c {rule}");
    let mut sources = SourceMap::default();
    let id = sources.add("test", &text);
    let parsed = parse(&mut sources, id, &mut NoIncludes);
    let names = Names::new();
    let catalog = Catalog::default();
    let compiled = compile(&sources, &parsed, &Options { names: &names, catalog: &catalog, zone: Zone::UTC });
    let said = parsed.diagnostics.iter().chain(&compiled.diagnostics).next();
    assert!(said.is_none(), "{rule}: {said:?}");
    let Some(Target::Rule { rule: made, .. }) = compiled.commands.last().map(|command| &command.target)
    else {
        panic!("{rule}")
    };
    let scope = lower::Scope { family, table: "t", catalog: &catalog };
    let code = lower::rule(&scope, made).unwrap();
    let lines = bytecode(&code.expressions, Form::Bytes);
    let kernel = KernelRule::new(family, "t", "c", code.expressions);
    let listed = lift::rule(&kernel, &lift::Scope::default());
    (lines, print::rule(&listed, &PrintOptions::default(), &names))
}

/// What follows the load of the bits, and the listing.
#[track_caller]
fn check(family: Family, rule: &str, lines: &[&str], listed: &str) {
    let (made, text) = made(family, rule);
    let made: Vec<&str> = made.iter().map(|line| line.trim().trim_matches(['[', ']']).trim()).collect();
    let tail = made.get(made.len().saturating_sub(lines.len())..).unwrap();
    assert_eq!(tail, lines, "{rule}");
    assert_eq!(text, listed, "{rule}");
}

#[test]
fn bits_of_a_tag_are_written_back_in_pairs_of_bytes() {
    check(
        Family::BRIDGE,
        "vlan pcp set 3",
        &[
            "payload load 2b @ link header + 14 => reg 1",
            "bitwise reg 1 = ( reg 1 & 0x1fff ) ^ 0x6000",
            "payload write reg 1 => 2b @ link header + 14 csum_type 0 csum_off 0 csum_flags 0x0",
        ],
        "vlan pcp set 3",
    );
    check(
        Family::BRIDGE,
        "vlan dei set vlan dei ^ 1",
        &["payload write reg 1 => 2b @ link header + 14 csum_type 0 csum_off 0 csum_flags 0x0"],
        "ether type 8021q @ll,112,16 set @ll,112,16 ^ 0x1000",
    );
    check(
        Family::IPV6,
        "ip6 nexthdr set 6",
        &[
            "immediate reg 1 0x06",
            "payload write reg 1 => 1b @ network header + 6 csum_type 0 csum_off 0 csum_flags 0x1",
        ],
        "ip6 nexthdr set tcp",
    );
}

#[test]
fn what_is_set_is_listed_by_name_where_it_is_one_field() {
    for (family, rule, listed) in [
        (Family::IPV4, "ip dscp set ip dscp | 1", "ip dscp set ip dscp | lephb"),
        (Family::IPV4, "icmp code set 4", "meta l4proto icmp @th,0,16 set @th,0,16 & 0xff04 | 0x4"),
        (Family::IPV4, "icmp type set icmp type ^ 1", "meta l4proto icmp @th,0,16 set @th,0,16 ^ 0x100"),
        (Family::IPV6, "ip6 ecn set ip6 ecn & 1", "@nh,10,1 set 0x0"),
        (Family::IPV6, "ip6 flowlabel set ip6 flowlabel & 1", "@nh,12,19 set 0x0"),
        (Family::IPV4, "@th,9,4 set 1", "@th,9,4 set 0x1"),
        (Family::IPV4, "@nh,12,4 set 15", "@nh,8,8 set @nh,8,8 | 0xf"),
        (Family::IPV4, "@th,0,24 set @th,0,24 & 0xff00ff | 0x1100", "@th,8,8 set 0x11"),
        (Family::BRIDGE, "vlan type set arp", "vlan type set arp"),
        (Family::BRIDGE, "vlan type > ip", "vlan type > ip"),
        (Family::BRIDGE, "vlan type ip", "ether type 8021q vlan type ip"),
    ] {
        assert_eq!(made(family, rule).1, listed, "{rule}");
    }
}

#[test]
fn what_is_shifted_is_a_number_of_the_machine() {
    check(
        Family::IPV4,
        "tcp dport << 2 > 8",
        &[
            "byteorder reg 1 = ntoh(reg 1, 2, 2)",
            "bitwise reg 1 = ( reg 1 << 0x00000002 )",
            "byteorder reg 1 = hton(reg 1, 2, 2)",
            "cmp gt reg 1 0x0008",
        ],
        "tcp dport << 2 > 0x8",
    );
    check(
        Family::IPV4,
        "ip id >> 1 100-139",
        &[
            "byteorder reg 1 = ntoh(reg 1, 2, 2)",
            "bitwise reg 1 = ( reg 1 >> 0x00000001 )",
            "byteorder reg 1 = hton(reg 1, 2, 2)",
            "range eq reg 1 0x0064 0x008b",
        ],
        "ip id >> 1 0x64-0x8b",
    );
    check(
        Family::IPV4,
        "ip hdrlength >> 1 == 1",
        &["bitwise reg 1 = ( reg 1 & 0x0e ) ^ 0x00", "cmp eq reg 1 0x02"],
        "@nh,4,3 0x1",
    );
}

#[test]
fn masks_of_a_field_are_one() {
    check(
        Family::BRIDGE,
        "vlan id & 3 == 1",
        &[
            "payload load 2b @ link header + 14 => reg 1",
            "bitwise reg 1 = ( reg 1 & 0x0003 ) ^ 0x0000",
            "cmp eq reg 1 0x0001",
        ],
        "ether type 8021q @ll,126,2 0x1",
    );
    check(
        Family::IPV4,
        "meta mark set ip ecn | 1",
        &[
            "payload load 1b @ network header + 1 => reg 1",
            "bitwise reg 1 = ( reg 1 & 0x00000002 ) ^ 0x00000001",
            "meta set mark with reg 1",
        ],
        "meta mark set @nh,8,8 & 0x3 | 0x1",
    );
    // Which of two is greater is another question without the bits turned over.
    check(
        Family::IPV4,
        "ip id ^ 108 >= 176",
        &["bitwise reg 1 = ( reg 1 & 0xffff ) ^ 0x006c", "cmp gte reg 1 0x00b0"],
        "ip id ^ 108 >= 176",
    );
}

#[test]
fn what_is_swapped_before_it_is_compared_is_a_number() {
    for (rule, listed) in [
        ("ct state > new", "ct state > 0x8"),
        ("meta iiftype > ether", "meta iiftype > 1"),
        ("fib daddr type >= local", "fib daddr type >= 2"),
        ("ct direction > original", "ct direction > original"),
        ("tcp dport & 0xff 1-2", "tcp dport & 255 == 1-2"),
        ("meta mark & 0xff 1-2", "meta mark & 0x000000ff 0x00000001-0x00000002"),
    ] {
        assert_eq!(made(Family::INET, rule).1, listed, "{rule}");
    }
}

#[test]
fn what_is_done_to_a_key_is_done_to_numbers_of_the_machine_or_undone_in_the_elements() {
    let load = "payload load 4b @ transport header + 4 => reg 1";
    let shifted = [
        load,
        "byteorder reg 1 = ntoh(reg 1, 4, 4)",
        "bitwise reg 1 = ( reg 1 >> 0x00000007 )",
        "byteorder reg 1 = hton(reg 1, 4, 4)",
    ];
    for rule in ["ah spi >> 7 { 1, 3-5 }", "ah spi >> 7 { 1, 3 }", "ah spi >> 7 vmap { 1 : accept }"] {
        let (lines, _) = made(Family::INET, rule);
        let lines: Vec<&str> = lines.iter().map(|line| line.trim().trim_matches(['[', ']']).trim()).collect();
        assert_eq!(lines.get(2..6), Some(shifted.as_slice()), "{rule}: {lines:?}");
    }
    for rule in ["ah spi ^ 7 { 1, 3 }", "ah spi << 7 != { 128, 256 }", "ah spi ^ 5 vmap { 1 : accept }"] {
        let (lines, _) = made(Family::INET, rule);
        assert_eq!(lines.len(), 4, "{rule}: {lines:?}");
        assert!(lines[2].contains(load), "{rule}: {lines:?}");
    }
}

#[test]
fn a_mask_of_a_name_begins_where_the_name_does() {
    let (lines, _) = made(Family::INET, "iifname & \"ab\" == \"a\"");
    assert!(lines[1].contains("& 0x61620000 0x00000000 0x00000000 0x00000000 )"), "{lines:?}");
}

#[test]
fn the_protocol_of_an_option_is_asked_for_before_everything_else() {
    for (rule, first) in [
        ("counter frag id 5", "meta load nfproto => reg 1"),
        ("tcp dport 22 ip option ra length 5", "meta load nfproto => reg 1"),
        ("counter ip6 hoplimit 5", "counter pkts 0 bytes 0"),
        ("tcp sequence set ip option lsrr addr map { 192.0.2.1 : 5 }", "meta load nfproto => reg 1"),
    ] {
        assert!(made(Family::INET, rule).0[0].contains(first), "{rule}");
    }
}

#[test]
fn within_a_byte_numbers_are_brought_to_its_end() {
    check(
        Family::IPV4,
        "ip dscp 3/1",
        &[
            "bitwise reg 1 = ( reg 1 & 0xfc ) ^ 0x00",
            "bitwise reg 1 = ( reg 1 >> 0x00000002 )",
            "bitwise reg 1 = ( reg 1 & 0x20 ) ^ 0x00",
            "cmp eq reg 1 0x00",
        ],
        "ip dscp & cs4 == cs0",
    );
    // One byte has no other order.
    check(
        Family::INET,
        "meta nftrace set sctp chunk init-ack num-outbound-streams",
        &["exthdr load 2b @ 2 + 12 => reg 1", "meta set nftrace with reg 1"],
        "meta nftrace set sctp chunk init-ack num-outbound-streams",
    );
}

#[test]
fn numbers_are_shifted_in_the_machine_s_order() {
    check(
        Family::IPV4,
        "ip id set ip id << 1 | 3",
        &[
            "payload load 2b @ network header + 4 => reg 1",
            "byteorder reg 1 = ntoh(reg 1, 2, 2)",
            "bitwise reg 1 = ( reg 1 << 0x00000001 )",
            "bitwise reg 1 = ( reg 1 & 0xfffc ) ^ 0x0003",
            "byteorder reg 1 = hton(reg 1, 2, 2)",
            "payload write reg 1 => 2b @ network header + 4 csum_type 1 csum_off 10 csum_flags 0x0",
        ],
        "ip id set ip id << 1 | 0x3",
    );
    check(
        Family::IPV4,
        "ip id set meta mark << 1",
        &[
            "bitwise reg 1 = ( reg 1 << 0x00000001 )",
            "byteorder reg 1 = hton(reg 1, 4, 4)",
            "payload write reg 1 => 2b @ network header + 4 csum_type 1 csum_off 10 csum_flags 0x0",
        ],
        "ip id set meta mark << 1",
    );
}

#[test]
fn what_a_hash_gives_is_an_address_as_it_comes() {
    check(
        Family::IPV4,
        "dnat to symhash mod 4",
        &["hash reg 1 = symhash() % mod 4", "nat dnat ip addr_min reg 1"],
        "dnat to symhash mod 4",
    );
    check(
        Family::IPV4,
        "dup to numgen inc mod 2",
        &["numgen reg 1 = inc mod 2", "byteorder reg 1 = hton(reg 1, 4, 4)", "dup sreg_addr 1"],
        "dup to numgen inc mod 2",
    );
}

#[test]
fn the_one_set_of_flags_is_all_flags_but_for_states() {
    check(
        Family::IPV4,
        "ct status { dying }",
        &["ct load status => reg 1", "cmp eq reg 1 0x00000200"],
        "ct status == dying",
    );
    check(
        Family::IPV4,
        "ct state { new }",
        &["bitwise reg 1 = ( reg 1 & 0x00000008 ) ^ 0x00000000", "cmp neq reg 1 0x00000000"],
        "ct state new",
    );
}
