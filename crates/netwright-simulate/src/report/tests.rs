#![allow(clippy::unwrap_used)]

use std::net::Ipv4Addr;

use netwright_state::model::RefusalPattern;

use super::*;

fn report() -> Report {
    let verdict = Verdict {
        outcome: Outcome::Accept,
        seen_from: Some(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0)),
        arrived_at: Some(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 80)),
        decided_by: vec![Place {
            at: "a.nft:3".into(),
            text: "tcp dport 80 accept".into(),
            line: Some(("a.nft".into(), 3)),
        }],
        ..Verdict::default()
    };
    let mut good = FlowReport {
        name: "good".into(),
        declared: None,
        expected: Expect::Accept,
        cases: 1,
        shown: Vec::new(),
        failed: 0,
        elapsed: Duration::from_micros(1500),
    };
    let mut bad = FlowReport { name: "bad".into(), cases: 2, ..good.clone() };
    let case = CaseReport { packet: "host → 127.0.0.1 tcp 80".into(), verdict, wrong: Vec::new() };
    good.note(case.clone());
    bad.note(case);
    bad.note(CaseReport {
        packet: "host → 127.0.0.1 tcp 81".into(),
        verdict: Verdict { outcome: Outcome::Error("nobody is there".into()), ..Verdict::default() },
        wrong: vec!["it could not be tested: nobody is there".into()],
    });
    Report { flows: vec![good, bad], notes: Vec::new(), coverage: None, elapsed: Duration::from_millis(250) }
}

#[test]
fn text_is_a_table_with_reasons_below() {
    let expected = "
      flow  expected  seen    decided by
ok    good  accept    accept  a.nft:3
FAIL  bad   accept    error   -

bad: expected accept, seen error
  it could not be tested: nobody is there

2 flows, 1 not as expected, in 0.25 s";
    assert_eq!(format!("\n{}", report()), expected);
}

#[test]
fn json_says_the_same() {
    let json = report().to_json();
    assert_eq!(json["passed"], false);
    let good = &json["flows"][0];
    assert_eq!(good["seen"], "accept");
    assert_eq!(good["seen-from"], "127.0.0.1");
    assert_eq!(good["arrived-at"], "127.0.0.1:80");
    assert_eq!(good["decided-by"]["at"], "a.nft:3");
    assert_eq!(good["deciders"][0]["at"], "a.nft:3");
    assert_eq!(good["milliseconds"], 1.5);
    let bad = &json["flows"][1];
    assert_eq!((&bad["seen"], &bad["reason"]), (&"error".into(), &"nobody is there".into()));
    assert_eq!((&bad["packets"], &bad["failed-packets"]), (&2.into(), &1.into()));
    assert_eq!(bad["failures"][0]["packet"], "host → 127.0.0.1 tcp 81");
}

#[test]
fn outcomes_are_told_apart() {
    let reject = |refusal| Outcome::Reject(refusal);
    let reset = reject(Refusal::TcpReset);
    let unreachable = reject(Refusal::Icmp { kind: 3, code: 3 });
    let all = [
        Outcome::Accept,
        Outcome::Arrived,
        Outcome::Drop,
        reset,
        unreachable,
        Outcome::NoPath(String::new()),
    ];
    let fits = |expected: &str| {
        let expected: Expect = expected.parse().unwrap();
        all.iter().map(|outcome| if outcome.fits(expected) { '1' } else { '0' }).collect::<String>()
    };
    assert_eq!(fits("accept"), "100000");
    assert_eq!(fits("arrive"), "110000");
    assert_eq!(fits("drop"), "001000");
    assert_eq!(fits("reject"), "000110");
    assert_eq!(fits("reject tcp-reset"), "000100");
    assert_eq!(fits("reject with icmp port-unreachable"), "000010");
    assert_eq!(fits("reject with icmpx port-unreachable"), "000010");
    assert_eq!(fits("reject icmp 3/13"), "000000");
    assert_eq!(fits("no-path"), "000001");
    assert!(!Outcome::Error(String::new()).fits(Expect::Reject(RefusalPattern::Any)));
}
