use netwright_wire::{Header, MessageFlags};

use super::*;

fn round_trip(rule: &Rule) -> Rule {
    let mut writer = Writer::new();
    rule.write(Purpose::New, &mut writer);
    let header =
        Header { length: 0, kind: kind::NEW_RULE, flags: MessageFlags::empty(), sequence: 0, port: 0 };
    Rule::read(&Message { header, payload: writer.bytes() }).unwrap().unwrap()
}

#[test]
fn what_is_written_is_read() {
    let mut rule = Rule::lookup(Table(1000))
        .from("2001:db8::/32".parse().unwrap())
        .mark(Mark { value: 0, mask: 0xff })
        .family(Family::IPV6)
        .priority(0);
    rule.tunnel = Some(5);
    rule.users = Some(UserRange { start: 0, end: 0 });
    rule.suppress_prefix_length = Some(0);
    rule.suppress_group = Some(0);
    rule.type_of_service = 0x10;
    rule.flags = RuleFlags::INVERT;
    rule.protocol = Some(Protocol::STATIC);
    assert_eq!(round_trip(&rule), rule);
    let vrf = Rule { vrf: true, action: RuleAction::LOOKUP, ..rule };
    assert_eq!(round_trip(&Rule { table: None, ..vrf.clone() }).table, None);
}

#[test]
fn a_new_rule_looks_up_in_main_and_is_nobodys() {
    let rule = round_trip(&Rule::default());
    assert_eq!((rule.action, rule.table), (RuleAction::LOOKUP, Some(Table::MAIN)));
    assert_eq!((rule.protocol, rule.family), (None, Family::IPV4));
}

#[test]
fn what_the_kernel_says_for_nothing_is_none() {
    let all_ones = Some(u32::MAX);
    let attrs = RuleAttrs {
        suppress_prefix_length: all_ones,
        suppress_group: all_ones,
        mark_mask: Some(0),
        source_port_mask: Some(0xffff),
        destination_port_mask: Some(0xffff),
        dscp_mask: Some(0x3f),
        flow_label_mask: Some(NetworkOrder(0xf_ffff)),
        ..RuleAttrs::default()
    };
    let rule = Rule::from_parts(RuleHeader::default(), attrs);
    assert!(!rule.has_recent_attributes());
    assert_eq!((rule.suppress_prefix_length, rule.suppress_group, rule.mark), (None, None, None));
}

#[test]
fn text() {
    let mut rule =
        Rule::new(RuleAction::GOTO).to("10.0.0.0/8".parse().unwrap()).mark(Mark { value: 1, mask: 255 });
    rule.target = Some(7);
    rule.flags = RuleFlags::INVERT;
    assert_eq!(rule.to_string(), "not from all to 10.0.0.0/8 fwmark 0x1/0xff goto 7");
    assert_eq!(Rule::default().priority(5).to_string(), "5: from all");
    let ports = |start, end| Some(PortRange { start, end });
    let rule = Rule {
        users: Some(UserRange { start: 0, end: 0 }),
        ip_protocol: Some(6),
        source_ports: ports(1, 1023),
        destination_ports: ports(80, 80),
        destination_port_mask: Some(0xfff0),
        dscp: Some(10),
        suppress_prefix_length: Some(0),
        ..Rule::lookup(Table(7))
    };
    assert_eq!(
        rule.to_string(),
        "from all dscp 10 uidrange 0 ipproto 6 sport 1-1023 dport 80/0xfff0 lookup 7 suppress_prefixlength 0"
    );
}

#[test]
fn what_the_kernel_takes_for_any_is_refused_in_a_new_rule() {
    let base = Rule::lookup(Table(100)).priority(7);
    let refused = |rule: &Rule| {
        let mut writer = Writer::new();
        rule.write(Purpose::New, &mut writer);
        writer.check().is_err()
    };
    assert!(!refused(&base));
    for rule in [
        Rule { tunnel: Some(0), ..base.clone() },
        Rule { ip_protocol: Some(0), ..base.clone() },
        Rule { mark: Some(Mark { value: 0, mask: 0 }), ..base.clone() },
        Rule { flow: Some(0), ..base.clone() },
        Rule { suppress_prefix_length: Some(u32::MAX), ..base.clone() },
        Rule { suppress_group: Some(u32::MAX), ..base.clone() },
    ] {
        assert!(refused(&rule), "{rule:?}");
    }
    for rule in [base.clone().mark(0), Rule { suppress_group: Some(0), ..base }] {
        assert!(!refused(&rule), "{rule:?}");
    }
}
