use crate::resolver::behaviour::Behaviour;
use crate::resolver::testing::{Bench, extended_query, message, policy, query, show};

fn bench() -> Bench {
    Bench::new(&["*.example.org:443"], &["*.bad.example.net"])
}

#[test]
fn foreign_records_stay_outside() {
    let mut bench = bench();
    let shown = bench.resolve(
        "www.example.org",
        "A",
        &[
            "bank.example.com 300 A 192.0.2.66",
            "www.example.org 300 A 192.0.2.1",
            "other.example.org 300 A 192.0.2.67",
            "other.example.org 300 CNAME bank.example.com",
            "www.example.org 300 AAAA 2001:db8::66",
            "www.example.org 300 TXT hello",
        ],
    );
    assert_eq!(shown.answers, ["www.example.org 300 A 192.0.2.1"]);
    assert_eq!(bench.released(), ["[0] [192.0.2.1] 310"]);
}

#[test]
fn records_outside_of_the_answers_stay_outside() {
    let mut bench = bench();
    let mut upstream = message(
        7,
        0x8180,
        ("www.example.org", "A"),
        &["www.example.org 300 A 192.0.2.1"],
        &["www.example.org 300 A 192.0.2.66"],
    );
    upstream[11] = 1;
    upstream.extend(crate::resolver::testing::record("www.example.org 300 A 192.0.2.67"));
    let shown = bench.resolve_message(&extended_query("www.example.org", "A", 1232), &upstream);
    assert_eq!(
        (shown.answers, shown.authorities),
        (vec!["www.example.org 300 A 192.0.2.1".to_owned()], vec![])
    );
    assert_eq!(bench.released(), ["[0] [192.0.2.1] 310"]);
}

#[test]
fn a_chain_is_followed_in_any_order() {
    let mut bench = bench();
    let shown = bench.resolve(
        "www.example.org",
        "A",
        &[
            "edge.example.com 30 A 192.0.2.1",
            "cdn.example.net 60 CNAME EDGE.example.com",
            "www.example.org 7200 CNAME cdn.example.net",
        ],
    );
    let chain = [
        "www.example.org 3600 CNAME cdn.example.net",
        "cdn.example.net 60 CNAME EDGE.example.com",
        "EDGE.example.com 30 A 192.0.2.1",
    ];
    assert_eq!(
        shown.answers.iter().map(|text| text.to_lowercase()).collect::<Vec<_>>(),
        chain.map(str::to_lowercase)
    );
    assert_eq!(bench.released(), ["[0] [192.0.2.1] 60"]);
    bench.resolve("edge.example.com", "A", &[]);
    assert!(!bench.asked, "a name in the middle is not allowed by itself");
}

#[test]
fn a_chain_over_a_denied_name_is_refused() {
    let mut bench = bench();
    let records = [
        "www.example.org 60 CNAME x.bad.example.net",
        "x.bad.example.net 60 CNAME y.example.com",
        "y.example.com 60 A 192.0.2.1",
    ];
    let shown = bench.resolve("www.example.org", "A", &records);
    assert_eq!((shown.code, shown.explanation, shown.answers.len()), (3, Some(15), 0));
    assert_eq!(bench.reasons(), ["it is an alias of x.bad.example.net, which a rule denies"]);
    assert!(bench.released().is_empty());
}

#[test]
fn circles_and_long_chains_fail() {
    let mut bench = bench();
    for records in [
        vec!["a.example.org 60 CNAME a.example.org".to_owned()],
        vec![
            "a.example.org 60 CNAME b.example.org".to_owned(),
            "b.example.org 60 CNAME A.example.org".to_owned(),
        ],
    ] {
        let records: Vec<&str> = records.iter().map(String::as_str).collect();
        assert_eq!(bench.resolve("a.example.org", "A", &records).code, 2);
        assert_eq!(bench.reasons(), ["its aliases lead in a circle"]);
    }
    let chain = |length: usize| -> Vec<String> {
        let links =
            (0..length).map(|index| format!("n{index}.example.org 60 CNAME n{}.example.org", index + 1));
        links.chain([format!("n{length}.example.org 60 A 192.0.2.1")]).collect()
    };
    for (length, code) in [(16, 0), (17, 2), (500, 2)] {
        let chain = chain(length);
        let records: Vec<&str> = chain.iter().map(String::as_str).collect();
        assert_eq!(bench.resolve("n0.example.org", "A", &records).code, code, "{length}");
    }
}

#[test]
fn addresses_that_are_not_public_are_held_back() {
    for (kind, address) in [
        ("A", "127.0.0.1"),
        ("A", "127.0.0.53"),
        ("A", "0.0.0.0"),
        ("A", "10.0.0.1"),
        ("A", "172.16.3.4"),
        ("A", "192.168.1.1"),
        ("A", "100.64.0.1"),
        ("A", "169.254.169.254"),
        ("A", "169.254.1.1"),
        ("A", "224.0.0.1"),
        ("A", "255.255.255.255"),
        ("A", "240.0.0.1"),
        ("AAAA", "::1"),
        ("AAAA", "::"),
        ("AAAA", "fe80::1"),
        ("AAAA", "fd00::1"),
        ("AAAA", "fd00:ec2::254"),
        ("AAAA", "ff02::1"),
        ("AAAA", "::ffff:10.0.0.1"),
        ("AAAA", "::ffff:127.0.0.1"),
        ("AAAA", "::10.0.0.1"),
        ("AAAA", "64:ff9b::10.0.0.1"),
        ("AAAA", "64:ff9b::169.254.169.254"),
        ("AAAA", "64:ff9b:1::1"),
        ("AAAA", "2002:a00:1::1"),
    ] {
        let mut bench = bench();
        let shown = bench.resolve("www.example.org", kind, &[&format!("www.example.org 0 {kind} {address}")]);
        assert_eq!((shown.code, shown.answers.len(), shown.explanation), (0, 0, Some(15)), "{address}");
        assert!(bench.released().is_empty(), "{address}");
        assert_eq!(bench.notices.len(), 1, "{address}");
        assert!(bench.notices[0].address.is_some(), "{address}");
        assert!(
            bench.reasons()[0].ends_with("is not a public one, which a rule for the address must allow too")
        );
    }
}

#[test]
fn public_addresses_beside_private_ones_are_told() {
    let mut bench = bench();
    let records = ["www.example.org 60 A 10.0.0.1", "www.example.org 60 A 192.0.2.1"];
    assert_eq!(bench.resolve("www.example.org", "A", &records).answers, ["www.example.org 60 A 192.0.2.1"]);
    assert_eq!(bench.released(), ["[0] [192.0.2.1] 70"]);
}

#[test]
fn a_rule_for_the_address_lets_a_private_one_through() {
    let mut bench = Bench::new(&["*.example.org:443", "10.0.0.0/8:443"], &[]);
    assert_eq!(
        bench.resolve("db.example.org", "A", &["db.example.org 60 A 10.0.0.1"]).answers,
        ["db.example.org 60 A 10.0.0.1"]
    );
    assert!(bench.released().is_empty(), "the name's own rule opens nothing there");
    assert_eq!(bench.resolve("db.example.org", "A", &["db.example.org 60 A 192.168.0.1"]).answers.len(), 0);
    let mut bench = Bench::new(&["lan"], &[]);
    assert_eq!(
        bench.resolve("printer", "A", &["printer 60 A 192.168.0.9"]).answers,
        ["printer 60 A 192.168.0.9"]
    );
    assert!(bench.released().is_empty(), "the rule for the network is enough");
}

#[test]
fn an_address_inside_of_another_is_released_as_what_is_sent() {
    let mut bench = bench();
    bench.resolve("www.example.org", "AAAA", &["www.example.org 60 AAAA ::ffff:192.0.2.1"]);
    assert_eq!(bench.released(), ["[0] [192.0.2.1] 70"]);
}

#[test]
fn hints_are_released_or_held_back_as_addresses_are() {
    let mut bench = bench();
    let record = "www.example.org 60 HTTPS 1 . 4=192.0.2.1,10.0.0.1 6=fd00::1 7=/q";
    let shown = bench.resolve("www.example.org", "HTTPS", &[record]);
    assert_eq!(shown.answers.len(), 1);
    assert!(
        shown.answers[0].contains("Ipv4Hint([3221225985])") && !shown.answers[0].contains("Ipv6Hint"),
        "{shown:?}"
    );
    assert_eq!(bench.released(), ["[0] [192.0.2.1] 70"]);
    assert_eq!(bench.reasons().len(), 1);
    let must = "www.example.org 60 HTTPS 1 . 0=4 4=10.0.0.1";
    assert_eq!(
        bench.resolve("www.example.org", "HTTPS", &[must]).answers.len(),
        0,
        "a hint that readers must use is gone"
    );
    let denied = "www.example.org 60 HTTPS 1 x.bad.example.net 4=192.0.2.3";
    assert_eq!(bench.resolve("www.example.org", "HTTPS", &[denied]).answers.len(), 0);
    assert_eq!(bench.released().len(), 1);
}

#[test]
fn records_with_broken_data_are_left_out() {
    let mut bench = bench();
    for (kind, bytes) in [
        ("A", "01 02 03"),
        ("A", "01 02 03 04 05"),
        ("AAAA", "01"),
        ("SRV", "00 01"),
        ("SRV", "00 01 00 01 00 01"),
        ("HTTPS", "00"),
        ("HTTPS", "00 01 00 00 04 00 09 01"),
        ("HTTPS", "00 01 00 00 05 00 00 00 04 00 00"),
    ] {
        let mut upstream = message(
            7,
            0x8180,
            ("www.example.org", kind),
            &[&format!("www.example.org 60 TYPE9 {bytes}")],
            &[],
        );
        let length = upstream.len() - bytes.split(' ').count() - 10;
        upstream[length + 1] = crate::resolver::testing::number(kind) as u8;
        upstream[7] = 2;
        upstream.extend(crate::resolver::testing::record("www.example.org 60 TXT fine"));
        let shown = bench.resolve_message(&extended_query("www.example.org", kind, 1232), &upstream);
        assert_eq!((shown.code, shown.answers.len()), (0, 0), "{kind} {bytes}");
        assert!(bench.released().is_empty());
    }
}

#[test]
fn a_broken_message_is_a_failure() {
    let mut bench = bench();
    let whole = message(7, 0x8180, ("www.example.org", "A"), &["www.example.org 60 A 192.0.2.1"], &[]);
    for length in 0..whole.len() {
        assert_eq!(
            bench.resolve_message(&query("www.example.org", "A"), &whole[..length]).code,
            2,
            "{length}"
        );
    }
    assert!(bench.released().is_empty());
}

#[test]
fn negative_answers_keep_who_is_in_charge() {
    let mut bench = bench();
    for (flags, code) in [(0x8183, 3), (0x8180, 0)] {
        let authorities = [
            "example.com 900 SOA ns.example.com",
            "example.org 900 SOA ns.example.org",
            "example.org 900 NS ns.example.org",
        ];
        let upstream = message(7, flags, ("no.example.org", "A"), &[], &authorities);
        let shown = bench.resolve_message(&extended_query("no.example.org", "A", 1232), &upstream);
        assert_eq!((shown.code, shown.explanation), (code, None));
        assert_eq!(shown.authorities, ["example.org SOA ns.example.org"]);
        assert!(bench.notices.is_empty());
    }
}

#[test]
fn a_chain_to_nowhere_is_told() {
    let mut bench = bench();
    let upstream = message(
        7,
        0x8183,
        ("www.example.org", "A"),
        &["www.example.org 60 CNAME gone.example.net"],
        &["example.net 60 SOA ns.example.net"],
    );
    let shown = bench.resolve_message(&query("www.example.org", "A"), &upstream);
    assert_eq!((shown.code, shown.answers.len(), shown.authorities.len()), (3, 1, 1));
}

#[test]
fn long_answers_are_cut_by_what_the_client_takes() {
    let mut bench = bench();
    let records: Vec<String> = (0..100).map(|host| format!("www.example.org 60 A 192.0.2.{host}")).collect();
    let records: Vec<&str> = records.iter().map(String::as_str).collect();
    let upstream = message(7, 0x8180, ("www.example.org", "A"), &records, &[]);
    for (query, limit, truncated) in [
        (query("www.example.org", "A"), 512, true),
        (extended_query("www.example.org", "A", 0), 512, true),
        (extended_query("www.example.org", "A", 1232), 1232, true),
        (extended_query("www.example.org", "A", 65535), 4096, false),
    ] {
        let answer = bench.answer(&query, &upstream).unwrap();
        assert!(answer.len() <= limit, "{limit}");
        let shown = show(&answer);
        assert_eq!(shown.truncated, truncated, "{limit}");
        assert!(shown.answers.len() >= if truncated { 25 } else { 100 }, "{limit}");
    }
}

#[test]
fn an_answer_releases_so_many_addresses_at_the_most() {
    let mut bench = bench();
    let records: Vec<String> = (0..1000)
        .map(|host| format!("www.example.org 60 A 192.0.{}.{}", host / 250 + 2, host % 250))
        .collect();
    let records: Vec<&str> = records.iter().map(String::as_str).collect();
    let bytes = bench
        .answer(&query("www.example.org", "A"), &message(7, 0x8180, ("www.example.org", "A"), &records, &[]));
    assert!(bytes.is_some());
    assert_eq!(bench.released()[0].split(", ").count(), super::RECORDS);
}

#[test]
fn learning_sees_what_is_there() {
    let mut bench = Bench::with(
        policy(&[], &["*.bad.example.net"]),
        Behaviour { undecided: crate::Undecided::Allow, ipv6: true, ..Behaviour::default() },
    );
    let records = ["www.example.org 60 CNAME x.bad.example.net", "x.bad.example.net 60 A 127.0.0.1"];
    assert_eq!(bench.resolve("www.example.org", "A", &records).answers.len(), 2);
}
