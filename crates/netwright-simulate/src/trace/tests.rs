#![allow(clippy::unwrap_used, clippy::panic)]

use netwright_netfilter::VerdictAttrs;

use super::*;

fn header(source: u8) -> Vec<u8> {
    let mut header = vec![0x45, 0, 0, 60, 0, 0, 0, 0, 64, 17, 0, 0];
    header.extend([10, 0, 0, source, 192, 0, 2, 1]);
    header
}

/// A trace in one of the marking chains.
fn marked(id: u32, chain: &str, kind: TraceKind) -> Trace {
    Trace {
        family: Family::INET,
        id,
        kind,
        table: TABLE.into(),
        chain: chain.into(),
        network_header: header(9),
        transport_header: vec![0, 1, 0, 2],
        ..Trace::default()
    }
}

fn ruled(id: u32, rule: u64, code: Verdict) -> Trace {
    Trace {
        family: Family::IPV4,
        id,
        kind: TraceKind::RULE,
        table: "filter".into(),
        chain: "input".into(),
        rule: Some(rule),
        verdict: Some(VerdictAttrs::new(code)),
        ..Trace::default()
    }
}

#[test]
fn a_way_is_put_together() {
    let mut journeys = Vec::new();
    follow(&mut journeys, marked(7, "in", TraceKind::RULE), u8::MAX, 0);
    follow(&mut journeys, marked(7, "in", TraceKind::POLICY), u8::MAX, 0);
    follow(&mut journeys, marked(7, "prerouted", TraceKind::POLICY), u8::MAX, 0);
    follow(&mut journeys, ruled(7, 3, Verdict::CONTINUE), u8::MAX, 0);
    follow(&mut journeys, ruled(7, 4, Verdict::ACCEPT), u8::MAX, 0);
    follow(&mut journeys, ruled(8, 5, Verdict::DROP), u8::MAX, 0);
    let [journey] = journeys.as_slice() else { panic!("{journeys:?}") };
    assert_eq!(journey.stage, Stage::Prerouted);
    assert_eq!(journey.steps.iter().map(|step| step.rule).collect::<Vec<_>>(), [Some(3), Some(4)]);
    assert_eq!(journey.dropped(), None);
}

#[test]
fn a_drop_may_carry_an_error_number() {
    let mut journeys = Vec::new();
    follow(&mut journeys, marked(7, "out", TraceKind::RULE), u8::MAX, 0);
    follow(&mut journeys, ruled(7, 4, Verdict(1 << 16)), u8::MAX, 0);
    assert_eq!(journeys[0].dropped().and_then(|step| step.rule), Some(4));
}

/// A packet keeps its number only as long as the link that it seems to come in by.
#[test]
fn a_packet_is_known_again_under_another_number() {
    let mut journeys = Vec::new();
    follow(&mut journeys, marked(7, "in", TraceKind::RULE), u8::MAX, 0);
    follow(
        &mut journeys,
        Trace { network_header: header(8), ..marked(9, "in", TraceKind::RULE) },
        u8::MAX,
        0,
    );
    follow(&mut journeys, marked(8, "onwards", TraceKind::POLICY), u8::MAX, 0);
    follow(&mut journeys, ruled(8, 4, Verdict::DROP), u8::MAX, 0);
    assert_eq!(journeys[0].stage, Stage::Routed);
    assert!(journeys[0].dropped().is_some());
    assert!(journeys[1].dropped().is_none());
}
