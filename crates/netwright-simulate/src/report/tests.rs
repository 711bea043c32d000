use std::net::Ipv4Addr;

use super::*;

fn report() -> Report {
    let good = FlowReport {
        name: "good".into(),
        expected: Expect::Accept,
        seen: Some(Expect::Accept),
        seen_from: Some(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0)),
        arrived_at: Some(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 80)),
        decided_by: Some(Place { at: "a.nft:3".into(), text: "tcp dport 80 accept".into() }),
        passed: true,
        details: Vec::new(),
        elapsed: Duration::from_micros(1500),
    };
    let bad = FlowReport {
        name: "bad".into(),
        seen: None,
        decided_by: None,
        passed: false,
        details: vec!["it could not be tested: nobody is there".into()],
        ..good.clone()
    };
    Report { flows: vec![good, bad], elapsed: Duration::from_millis(250) }
}

#[test]
fn text_is_a_table_with_reasons_below() {
    let expected = "
      flow  expected  seen        decided by
ok    good  accept    accept      a.nft:3
FAIL  bad   accept    not tested  -

bad: expected accept, seen not tested
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
    assert_eq!(good["milliseconds"], 1.5);
    assert!(json["flows"][1]["seen"].is_null());
}
