//! Rules written instruction by instruction, and what they say.

#![allow(clippy::unwrap_used)]

use netwright_netfilter::expression::{
    BitwiseOp, CompareOp, LookupAttrs, MatchAttrs, PayloadAttrs, PayloadBase,
};
use netwright_netfilter::{
    DataValue, Element, Expression, Family, Register, Rule, Set, SetFlags, Verdict, raw::*,
};

use super::{Scope, rule};
use crate::ir::Statement;
use crate::print;
use crate::table::{Names, PrintOptions};

fn text_in(family: Family, code: Vec<Expression>, scope: &Scope<'_>) -> String {
    let rule = rule(&Rule::new(family, "t", "c", code), scope);
    print::rule(&rule, &PrintOptions::default(), &Names::new())
}

#[track_caller]
fn check(family: Family, code: Vec<Expression>, expected: &str) {
    assert_eq!(text_in(family, code, &Scope::default()), expected);
}

fn protocol(number: u8) -> [Expression; 2] {
    [meta(MetaKey::L4_PROTOCOL).into(R1), cmp(R1, EQ, [number])]
}

#[test]
fn a_protocol_is_implied_by_its_fields() {
    let [load, compare] = protocol(6);
    let port = [payload(Base::TRANSPORT, 2, 2).into(R1), cmp(R1, EQ, [0, 22])];
    let code = [vec![load, compare], port.to_vec(), vec![verdict(Verdict::ACCEPT)]].concat();
    check(Family::INET, code, "tcp dport 22 accept");
}

#[test]
fn a_statement_between_keeps_the_protocol() {
    let [load, compare] = protocol(6);
    let code = vec![load, compare, counter(), payload(Base::TRANSPORT, 2, 2).into(R1), cmp(R1, EQ, [0, 22])];
    check(Family::INET, code, "meta l4proto tcp counter packets 0 bytes 0 tcp dport 22");
}

#[test]
fn neighbouring_fields_are_compared_at_once() {
    let code = vec![payload(Base::NETWORK, 12, 8).into(R1), cmp(R1, EQ, [192, 0, 2, 1, 192, 0, 2, 2])];
    check(Family::IPV4, code, "ip saddr 192.0.2.1 ip daddr 192.0.2.2");
}

#[test]
fn bits_of_several_fields_are_compared_one_by_one() {
    let masked = |op: CompareOp| {
        vec![
            payload(Base::NETWORK, 8, 4).into(R1),
            bitwise(R1, R1, [0xff, 0xff, 0, 0], [0; 4]),
            cmp(R1, op, [64, 6, 0, 0]),
        ]
    };
    check(Family::IPV4, masked(EQ), "ip ttl 64 ip protocol tcp");
    // Not both of them together is something else than neither.
    check(Family::IPV4, masked(NEQ), "@nh,64,32 & 0xffff0000 != 0x40060000");
    let [load, compare] = protocol(6);
    let flags = vec![load, compare, payload(Base::TRANSPORT, 13, 3).into(R1), cmp(R1, EQ, [0x12, 1, 2])];
    check(Family::IPV4, flags, "tcp flags == 0x12 tcp window 258");
}

#[test]
fn ports_without_a_transport_stand_alone() {
    let port = vec![payload(Base::TRANSPORT, 2, 2).into(R1), cmp(R1, EQ, [0, 22])];
    check(Family::INET, port, "th dport 22");
    let both = vec![payload(Base::TRANSPORT, 0, 4).into(R1), cmp(R1, EQ, [0, 5, 0, 22])];
    check(Family::INET, both, "@th,0,32 0x50016");
}

#[test]
fn the_start_of_an_address_is_a_prefix() {
    let code = vec![payload(Base::NETWORK, 12, 1).into(R1), cmp(R1, NEQ, [10])];
    check(Family::IPV4, code, "ip saddr != 10.0.0.0/8");
    let code = vec![
        payload(Base::NETWORK, 12, 4).into(R1),
        bitwise(R1, R1, [255, 255, 254, 0], [0; 4]),
        cmp(R1, EQ, [192, 0, 2, 0]),
    ];
    check(Family::IPV4, code, "ip saddr 192.0.2.0/23");
}

#[test]
fn several_bits_are_alternatives() {
    let code =
        vec![ct(CtKey::STATE).into(R1), bitwise(R1, R1, 6_u32.to_ne_bytes(), [0; 4]), cmp(R1, NEQ, [0; 4])];
    check(Family::INET, code, "ct state established,related");
}

#[test]
fn an_anonymous_set_is_written_in_place_and_in_order() {
    let mut set = Set::new(Family::INET, "t", "__set0", 2);
    set.flags = SetFlags::ANONYMOUS | SetFlags::CONSTANT;
    let elements = [Element::new([0, 80]), Element::new([0, 22])];
    let mut scope = Scope::default();
    scope.add_set(&set, &elements);
    let [load, compare] = protocol(17);
    let code = vec![load, compare, payload(Base::TRANSPORT, 2, 2).into(R1), lookup(R1, "__set0")];
    assert_eq!(text_in(Family::INET, code, &scope), "udp dport { 22, 80 }");
}

#[test]
fn a_set_of_intervals_has_first_and_last_keys() {
    use netwright_netfilter::ElementFlags;
    let mut set = Set::new(Family::IPV4, "t", "__set0", 2);
    set.flags = SetFlags::ANONYMOUS | SetFlags::INTERVAL;
    let end = |key: [u8; 2]| Element::new(key).flags(ElementFlags::INTERVAL_END);
    let elements = [end([0, 0]), Element::new([0, 1]), end([0, 10]), Element::new([255, 0])];
    let mut scope = Scope::default();
    scope.add_set(&set, &elements);
    let code = vec![payload(Base::TRANSPORT, 2, 2).into(R1), lookup(R1, "__set0")];
    assert_eq!(text_in(Family::IPV4, code, &scope), "th dport { 1-9, 65280-65535 }");
}

#[test]
fn what_is_not_understood_stays() {
    let strange = Expression::Match(MatchAttrs::default().name("owner".to_owned()));
    let load = payload(PayloadBase(9), 0, 4).into(R1);
    let code = vec![strange.clone(), load.clone(), counter()];
    let rule = rule(&Rule::new(Family::IPV4, "t", "c", code), &Scope::default());
    let kept: Vec<&Expression> = rule
        .statements
        .iter()
        .flat_map(|statement| match statement {
            Statement::Raw(code) => code.as_slice(),
            Statement::Extension(extension) => std::slice::from_ref(&extension.code),
            _ => &[],
        })
        .collect();
    assert_eq!(kept, [&strange, &load]);
}

#[test]
fn a_register_that_is_combined_with_itself_does_not_grow_without_end() {
    let double = Expression::Bitwise(
        netwright_netfilter::expression::BitwiseAttrs::default()
            .source(Register::R1)
            .source2(Register::R1)
            .destination(Register::R1)
            .op(BitwiseOp::OR)
            .length(4),
    );
    let mut code = vec![meta(MetaKey::MARK).into(R1)];
    code.extend(std::iter::repeat_n(double, 100));
    code.push(cmp(R1, EQ, [0; 4]));
    let rule = rule(&Rule::new(Family::INET, "t", "c", code), &Scope::default());
    assert!(rule.statements.iter().any(|statement| matches!(statement, Statement::Raw(_))));
}

#[test]
fn what_is_written_to_the_packet_has_its_order_whatever_is_noted() {
    let mut map = Set::new(Family::IPV4, "t", "__map0", 1);
    map.flags = SetFlags::ANONYMOUS | SetFlags::CONSTANT | SetFlags::MAP;
    (map.key_type, map.data_type, map.data_length) = (Some(4), Some(4), Some(4));
    let host = crate::table::ByteOrder::Host.number();
    map.userdata.push_number(netwright_netfilter::userdata::entry::SET_DATA_ORDER, host).unwrap();
    let mut element = Element::new([58]);
    element.data = Some(DataValue::from([0, 0, 1, 2]).into());
    let elements = [element];
    let mut scope = Scope::default();
    scope.add_set(&map, &elements);
    let look_up = LookupAttrs::default().source(R1).destination(R1).set("__map0".to_owned()).into();
    let code = vec![
        payload(Base::NETWORK, 8, 1).into(R1),
        look_up,
        Expression::Payload(
            PayloadAttrs::default().source(R1).base(PayloadBase::NETWORK).offset(12).length(4),
        ),
    ];
    assert_eq!(text_in(Family::IPV4, code, &scope), "ip saddr set ip ttl map { 58 : 258 }");
}
