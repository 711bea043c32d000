use std::time::Duration;

use super::*;
use crate::Policy;
use crate::resolver::testing::{Bench, extended_query, host_list, hosts, message, policy, query};

const NO_SUCH_NAME: u8 = 3;

#[test]
fn an_allowed_name_is_released_before_it_is_told() {
    let mut bench = Bench::new(&["other.example.org:22", "www.example.org:443"], &[]);
    let shown = bench.resolve(
        "www.example.org",
        "A",
        &["www.example.org 300 A 192.0.2.1", "www.example.org 300 A 192.0.2.2"],
    );
    assert_eq!((shown.id, shown.code), (0x1234, 0));
    assert_eq!(shown.answers, ["www.example.org 300 A 192.0.2.1", "www.example.org 300 A 192.0.2.2"]);
    assert_eq!(bench.released(), ["[1] [192.0.2.1, 192.0.2.2] 310"]);
    assert_eq!(bench.known.of("192.0.2.2".parse().unwrap()).as_deref(), Some("www.example.org"));
    assert!(bench.notices.is_empty());
}

#[test]
fn what_cannot_be_released_is_not_told() {
    let mut bench = Bench::new(&["www.example.org:443"], &[]);
    bench.recorder.fails = true;
    let shown = bench.resolve("www.example.org", "A", &["www.example.org 300 A 192.0.2.1"]);
    assert_eq!((shown.code, shown.answers.len()), (2, 0));
    assert_eq!(bench.reasons(), ["its addresses could not be let through: the kernel has no room"]);
    assert_eq!(bench.known.of("192.0.2.1".parse().unwrap()), None);
}

#[test]
fn a_name_that_no_rule_allows_does_not_exist() {
    let mut bench = Bench::new(&["*.example.org:443"], &["bad.example.org"]);
    for (name, reason) in [
        ("example.com", "no rule allows the name"),
        ("example.org", "no rule allows the name"),
        ("wwwexample.org", "no rule allows the name"),
        ("bad.example.org", "a rule denies the name"),
        ("BAD.Example.ORG", "a rule denies the name"),
    ] {
        let shown = bench.resolve(name, "A", &[]);
        assert!(!bench.asked, "{name}");
        assert_eq!((shown.code, shown.explanation), (NO_SUCH_NAME, Some(15)), "{name}");
        assert_eq!(bench.reasons(), [reason]);
        assert_eq!(bench.notices[0].name, name.to_ascii_lowercase());
    }
    bench.resolve("a.b.example.org", "A", &[]);
    assert!(bench.asked);
}

#[test]
fn data_in_labels_does_not_leave() {
    let mut bench = Bench::new(&["example.org:443"], &[]);
    for name in [
        "c2VjcmV0.example.org",
        "secret.example.com",
        "_a.secret.example.org",
        "_0123456789abcdefg.example.org",
        "_a._b._c._d.example.org",
    ] {
        bench.resolve(name, "TXT", &[]);
        assert!(!bench.asked, "{name}");
    }
    // A label with a dot inside is not the border of the allowed name.
    let mut asked = query("x", "A");
    asked.splice(12..15, *b"\x04evil.example\x03org\0");
    asked[12] = 12;
    bench.answer(&asked, &[]);
    assert!(!bench.asked);
}

#[test]
fn kinds_of_questions_that_are_no_record_types_are_refused() {
    let mut bench = Bench::new(&["any"], &[]);
    for kind in ["ANY", "AXFR", "IXFR"] {
        let shown = bench.resolve("www.example.org", kind, &[]);
        assert_eq!((bench.asked, shown.code, shown.explanation), (false, 5, Some(18)), "{kind}");
    }
    for kind in [0, 41, 128, 249, 300, 65280] {
        let answer = bench.answer(&query("www.example.org", &format!("TYPE{kind}")), &[]).unwrap();
        assert_eq!((bench.asked, answer[3] & 15), (false, 5), "{kind}");
    }
    let mut chaos = query("version.bind", "TXT");
    *chaos.last_mut().unwrap() = 3;
    assert_eq!(bench.resolve_message(&chaos, &[]).code, 5);
    // The upper bit of the class means something to multicast DNS only.
    let mut flushed = query("www.example.org", "A");
    let place = flushed.len() - 2;
    flushed[place] = 0x80;
    assert_eq!(bench.answer(&flushed, &[]).unwrap()[3] & 15, 5);
}

#[test]
fn types_that_nobody_here_knows_are_forwarded() {
    let mut bench = Bench::new(&["example.org:25"], &[]);
    for kind in ["TLSA", "TYPE44", "DS", "TYPE48"] {
        let answer = ["example.org 60", kind, "03 01 01 c0"].join(" ");
        let bytes = bench
            .answer(&query("example.org", kind), &message(7, 0x8180, ("example.org", kind), &[&answer], &[]))
            .unwrap();
        assert!(bench.asked);
        assert_eq!(bytes[7], 1, "{kind}: one answer");
        assert!(bytes.ends_with(&[0, 0, 0, 60, 0, 4, 3, 1, 1, 0xc0]), "{kind}");
    }
    let shown = bench.resolve(
        "example.org",
        "MX",
        &["example.org 60 MX 10 mail.example.org", "mail.example.org 60 A 192.0.2.1"],
    );
    assert_eq!(shown.answers, ["example.org 60 MX 10 mail.example.org"]);
    assert!(bench.released().is_empty());
    bench.resolve("www.example.org", "A", &[]);
    assert!(!bench.asked, "another name stays closed");
}

#[test]
fn malformed_questions_get_a_format_error_or_nothing() {
    let mut bench = Bench::new(&["any"], &[]);
    let whole = extended_query("www.example.org", "A", 1232);
    for length in 0..whole.len() {
        match bench.answer(&whole[..length], &[]) {
            None => assert!(length < 12),
            Some(answer) => assert_eq!((answer[3] & 15, &answer[..2]), (1, &[0x12, 0x34][..]), "{length}"),
        }
    }
    let mut response = whole.clone();
    response[2] |= 0x80;
    assert_eq!(bench.answer(&response, &[]), None, "answers are not answered");
    let mut two = whole.clone();
    two[5] = 2;
    assert_eq!(bench.answer(&two, &[]).unwrap()[3] & 15, 1);
    let mut notify = whole.clone();
    notify[2] = 4 << 3;
    assert_eq!(bench.answer(&notify, &[]).unwrap()[3] & 15, 4);
    let mut twice = whole.clone();
    twice.extend_from_slice(&whole[whole.len() - 11..]);
    twice[11] = 2;
    assert_eq!(bench.answer(&twice, &[]).unwrap()[3] & 15, 1, "two sets of extensions");
    let mut version = whole.clone();
    let place = version.len() - 5;
    version[place] = 1;
    let answer = bench.answer(&version, &[]).unwrap();
    assert!(!bench.asked);
    assert_eq!(answer[answer.len() - 6..], [1, 0, 0, 0, 0, 0], "BADVERS stands in the upper bits");
}

#[test]
fn service_labels_belong_to_the_name_behind_them() {
    let mut bench = Bench::new(&["example.org:443"], &[]);
    for (name, kind) in [
        ("_https._tcp.example.org", "SRV"),
        ("_acme-challenge.example.org", "TXT"),
        ("_443._tcp.example.org", "TLSA"),
        ("_8443._https.example.org", "HTTPS"),
    ] {
        bench.answer(&query(name, kind), &[]);
        assert!(bench.asked, "{name} {kind}");
    }
    bench.resolve("_x.example.org", "A", &[]);
    assert!(!bench.asked, "an address belongs to the name alone");
    let mut bench = Bench::new(&["example.org:443", "*.example.net"], &["example.org"]);
    bench.resolve("_https._tcp.example.org", "SRV", &[]);
    assert!(!bench.asked, "denied as its name is");
}

#[test]
fn targets_of_services_are_reachable_under_the_rule_that_led_to_them() {
    let mut bench = Bench::new(&["example.org:5060"], &["*.bad.example.net"]);
    bench.resolve("sip.example.net", "A", &[]);
    assert!(!bench.asked);
    let srv = [
        "_sip._udp.example.org 120 SRV 0 5 5060 sip.example.net",
        "_sip._udp.example.org 120 SRV 0 5 5060 x.bad.example.net",
    ];
    let shown = bench.resolve("_sip._udp.example.org", "SRV", &srv);
    assert_eq!(shown.answers, ["_sip._udp.example.org 120 SRV 0 5 5060 sip.example.net"]);
    assert_eq!(bench.reasons(), ["it leads to x.bad.example.net, which a rule denies"]);
    bench.resolve("sip.example.net", "A", &["sip.example.net 300 A 192.0.2.5"]);
    assert_eq!(bench.released(), ["[0] [192.0.2.5] 310"]);
    assert_eq!(bench.known.of("192.0.2.5".parse().unwrap()).as_deref(), Some("example.org"));
    bench.resolve("x.bad.example.net", "A", &[]);
    assert!(!bench.asked);
    bench.now += Duration::from_secs(131);
    bench.resolve("sip.example.net", "A", &[]);
    assert!(!bench.asked, "no longer than the record lives");
}

#[test]
fn mail_servers_and_rewritten_names_are_reachable_too() {
    // order 100, preference 10, flags "s", service "SIP+D2U", no expression
    let rewritten =
        "00 64 00 0a 01 73 07 53 49 50 2b 44 32 55 00 04 5f 73 69 70 07 65 78 61 6d 70 6c 65 03 6e 65 74 00";
    for (kind, data, target) in
        [("MX", "10 mx.example.net", "mx.example.net"), ("NAPTR", rewritten, "_sip.example.net")]
    {
        let mut bench = Bench::new(&["example.org:25"], &[]);
        let shown = bench.resolve("example.org", kind, &[&format!("example.org 120 {kind} {data}")]);
        assert_eq!(shown.answers.len(), 1, "{kind}");
        bench.resolve(target, "A", &[&format!("{target} 300 A 192.0.2.5")]);
        assert_eq!(bench.released(), ["[0] [192.0.2.5] 310"], "{kind}");
    }
}

#[test]
fn a_rule_that_is_gone_takes_its_targets_along() {
    let mut bench = Bench::new(&["example.org:5060"], &[]);
    bench.resolve(
        "_sip._udp.example.org",
        "SRV",
        &["_sip._udp.example.org 120 SRV 0 5 5060 sip.example.net"],
    );
    bench.policy = policy(&["example.com"], &[]);
    bench.resolve("sip.example.net", "A", &[]);
    assert!(!bench.asked);
}

#[test]
fn alias_and_service_bindings_lead_on() {
    let mut bench = Bench::new(&["example.org:443"], &[]);
    bench.resolve("example.org", "HTTPS", &["example.org 60 HTTPS 0 pool.example.net"]);
    bench.resolve("pool.example.net", "HTTPS", &["pool.example.net 60 HTTPS 1 edge.example.com 4=192.0.2.9"]);
    bench.resolve("edge.example.com", "AAAA", &["edge.example.com 60 AAAA 2001:db8::9"]);
    assert_eq!(bench.released(), ["[0] [192.0.2.9] 70", "[0] [2001:db8::9] 70"]);
}

#[test]
fn a_question_of_a_search_list_is_not_told_where_the_name_is_allowed() {
    let behaviour =
        Behaviour { search: vec![Name::from_text("corp.example").unwrap()], ..Behaviour::default() };
    let mut bench = Bench::with(policy(&["www.example.org"], &[]), behaviour);
    assert_eq!(bench.resolve("www.example.org.corp.example", "A", &[]).code, NO_SUCH_NAME);
    assert!(bench.notices.is_empty());
    assert_eq!(bench.resolve("www.example.com.corp.example", "A", &[]).code, NO_SUCH_NAME);
    assert_eq!(bench.reasons(), ["no rule allows the name"]);
}

#[test]
fn a_short_name_is_looked_for_below_the_domains_of_the_search_list() {
    let search = ["corp.example", "lab.corp.example"].map(|domain| Name::from_text(domain).unwrap()).into();
    let behaviour = Behaviour { search, ..Behaviour::default() };
    let mut bench = Bench::with(policy(&["db:5432", "lan"], &["old.corp.example", "new"]), behaviour);
    bench.resolve("db.corp.example", "A", &["db.corp.example 300 A 192.0.2.7"]);
    assert_eq!(bench.released(), ["[0] [192.0.2.7] 310"]);
    bench.policy = policy(&["printer"], &[]);
    bench.asked = false;
    bench.resolve("printer.lab.corp.example", "A", &["printer.lab.corp.example 300 A 192.0.2.8"]);
    assert!(bench.asked, "a domain of the list may be below another one");
    bench.policy = policy(&["db:5432", "lan"], &["old.corp.example", "new"]);
    for other in ["secret.db.corp.example", "other.corp.example", "db.example", "old.corp.example"] {
        bench.asked = false;
        assert_eq!(bench.resolve(other, "A", &[]).code, NO_SUCH_NAME, "{other}");
        assert!(!bench.asked, "{other}");
    }
    bench.policy = policy(&["old", "new"], &["old.corp.example", "new"]);
    for denied in ["old.corp.example", "new.corp.example"] {
        assert_eq!(bench.resolve(denied, "A", &[]).code, NO_SUCH_NAME, "{denied}");
        assert!(!bench.asked, "{denied}");
    }
}

#[test]
fn without_ipv6_no_name_has_such_addresses() {
    let mut bench = Bench::with(policy(&["www.example.org"], &[]), Behaviour::default());
    let shown = bench.resolve("www.example.org", "AAAA", &["www.example.org 60 AAAA 2001:db8::1"]);
    assert_eq!((bench.asked, shown.code, shown.answers.len()), (false, 0, 0));
    let shown = bench.resolve(
        "www.example.org",
        "HTTPS",
        &["www.example.org 60 HTTPS 1 . 4=192.0.2.1 6=2001:db8::1"],
    );
    assert_eq!(shown.answers, ["www.example.org 60 HTTPS 1  Ipv4Hint([3221225985])"]);
    assert_eq!(bench.released(), ["[0] [192.0.2.1] 70"]);
}

#[test]
fn listed_names_are_answered_by_their_list() {
    let listed = Policy {
        hosts: hosts(&[("db.local", "10.0.0.5"), ("free.local", "10.0.0.6")]),
        ..policy(&["db.local:5432"], &["*.example.org"])
    };
    let behaviour = Behaviour {
        hosts: host_list(&[("db.local", "10.9.9.9"), ("intra.example.com", "10.0.0.7")]),
        ..Behaviour::default()
    };
    let mut bench = Bench::with(listed, behaviour);
    assert_eq!(bench.resolve("DB.local", "A", &[]).answers, ["DB.local 60 A 10.0.0.5"]);
    assert_eq!(bench.released(), ["[0] [10.0.0.5] 70"]);
    let shown = bench.resolve("db.local", "AAAA", &[]);
    assert_eq!((bench.asked, shown.code, shown.answers.len()), (false, 0, 0));
    assert_eq!(bench.resolve("free.local", "A", &[]).answers, ["free.local 60 A 10.0.0.6"]);
    assert_eq!(bench.released().len(), 1, "rules for addresses decide");
    assert_eq!(
        bench.resolve("5.0.0.10.in-addr.arpa", "PTR", &[]).answers,
        ["5.0.0.10.in-addr.arpa 60 PTR db.local"]
    );
    assert_eq!(
        bench.resolve("intra.example.com", "A", &[]).code,
        NO_SUCH_NAME,
        "the host's list opens nothing"
    );
    bench.policy = policy(&["intra.example.com"], &[]);
    assert_eq!(bench.resolve("intra.example.com", "A", &[]).answers, ["intra.example.com 60 A 10.0.0.7"]);
}

#[test]
fn names_of_addresses_are_told_where_the_address_is_reachable() {
    let mut bench = Bench::new(&["192.0.2.0/24:22", "www.example.org:443"], &[]);
    let shown =
        bench.resolve("9.2.0.192.in-addr.arpa", "PTR", &["9.2.0.192.in-addr.arpa 60 PTR a.example.net"]);
    assert_eq!(shown.answers, ["9.2.0.192.in-addr.arpa 60 PTR a.example.net"]);
    let name = "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa";
    assert_eq!(bench.resolve(name, "PTR", &[]).code, NO_SUCH_NAME);
    assert!(!bench.asked && bench.notices.is_empty());
    bench.resolve("www.example.org", "AAAA", &["www.example.org 60 AAAA 2001:db8::1"]);
    bench.resolve(name, "PTR", &[]);
    assert!(bench.asked, "it was given out");
    bench.resolve("9.2.0.192.in-addr.arpa", "TXT", &[]);
    assert!(!bench.asked, "only names are told");
}

#[test]
fn an_open_engine_lets_every_name_through_and_remembers_it() {
    let mut bench = Bench::with(
        policy(&[], &["www.example.org"]),
        Behaviour { undecided: crate::Undecided::Allow, ipv6: true, ..Behaviour::default() },
    );
    let shown = bench.resolve("www.example.org", "A", &["www.example.org 60 A 10.0.0.1"]);
    assert_eq!(shown.answers, ["www.example.org 60 A 10.0.0.1"]);
    assert_eq!(bench.known.of("10.0.0.1".parse().unwrap()).as_deref(), Some("www.example.org"));
    assert!(bench.released().is_empty(), "there is no rule to release it for");
    assert_eq!(bench.notices[0].action, crate::Action::Allowed);
}

#[test]
fn where_somebody_is_asked_names_are_resolved_but_those_that_are_denied() {
    let behaviour = || Behaviour { undecided: crate::Undecided::Ask, ipv6: true, ..Behaviour::default() };
    let rules = policy(&["rebound.example.org"], &["ads.example.org"]);
    let mut bench = Bench::with(rules, behaviour());
    let shown = bench.resolve("www.example.org", "A", &["www.example.org 60 A 192.0.2.1"]);
    assert_eq!(shown.answers, ["www.example.org 60 A 192.0.2.1"]);
    assert!(bench.released().is_empty() && bench.notices.is_empty(), "{:?}", bench.notices);
    assert_eq!(bench.known.of("192.0.2.1".parse().unwrap()).as_deref(), Some("www.example.org"));

    let shown = bench.resolve("rebound.example.org", "A", &["rebound.example.org 60 A 10.0.0.1"]);
    assert_eq!(shown.answers, ["rebound.example.org 60 A 10.0.0.1"]);
    assert!(bench.released().is_empty(), "the name does not open a private address");
    assert_eq!(bench.known.of("10.0.0.1".parse().unwrap()).as_deref(), Some("rebound.example.org"));
    bench.engine.release_again(&bench.policy, &bench.recorder, bench.now);
    assert!(bench.released().is_empty(), "nor does it later");

    let shown = bench.resolve("ads.example.org", "A", &["ads.example.org 60 A 192.0.2.2"]);
    assert!(shown.answers.is_empty() && !bench.asked);
    let alias = ["www.example.org 60 CNAME ads.example.org", "ads.example.org 60 A 192.0.2.2"];
    assert!(bench.resolve("www.example.org", "AAAA", &alias).answers.is_empty());
}

#[test]
fn a_new_policy_has_its_own_places() {
    let mut bench = Bench::new(&["www.example.org:443"], &[]);
    bench.resolve("www.example.org", "A", &["www.example.org 300 A 192.0.2.1"]);
    bench.policy = policy(&["example.net", "www.example.org:443", "*.example.org:80"], &[]);
    bench.engine.release_again(&bench.policy, &bench.recorder, bench.now + Duration::from_secs(10));
    assert_eq!(bench.released(), ["[0] [192.0.2.1] 310", "[1, 2] [192.0.2.1] 300"]);
    bench.engine.release_again(&bench.policy, &bench.recorder, bench.now + Duration::from_secs(311));
    assert_eq!(bench.released().len(), 2, "what has expired stays closed");
}

#[test]
fn addresses_stay_released_for_a_while() {
    let mut bench = Bench::new(&["www.example.org"], &[]);
    for seconds in ["0", "30", "4294967295", "86400"] {
        let record = format!("www.example.org {seconds} A 192.0.2.1");
        bench.resolve("www.example.org", "A", &[&record]);
    }
    assert_eq!(
        bench.released(),
        ["[0] [192.0.2.1] 60", "[0] [192.0.2.1] 60", "[0] [192.0.2.1] 60", "[0] [192.0.2.1] 3610"]
    );
}
