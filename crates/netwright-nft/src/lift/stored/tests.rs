//! What is stored is listed as what is not.

#![allow(clippy::unwrap_used)]

use std::collections::HashMap;

use netwright_netfilter::expression::CounterAttrs;
use netwright_netfilter::userdata::entry;
use netwright_netfilter::{
    ChainRef, Data, DataValue, Element, ElementFlags, ElementView, Expression, Family, Rule, RuleAttrs,
    RuleView, Set, SetFlags, StoredElements, StoredRules, Table, Userdata, raw,
};
use netwright_wire::{Big, Value as _, Writer};

use super::Stored;
use crate::ir::Ruleset;
use crate::lift::{self, Dump};
use crate::table::{Concat, DataType, Names, PrintOptions};
use crate::{json, print};

/// Numbers without a pattern.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        // few values, so that some are equal and some differ in one byte alone
        (0..count).map(|_| [0, 1, 2, 0x10, 0x41, 0x80, 0xff][self.below(7) as usize]).collect()
    }
}

fn value(bytes: &[u8]) -> Data {
    Data::Value(DataValue::new(bytes).unwrap())
}

fn stored_elements(elements: &[Element]) -> StoredElements {
    let mut stored = StoredElements::default();
    for element in elements {
        let mut writer = Writer::new();
        element.write::<Big>(&mut writer);
        stored.push(ElementView::new(writer.bytes())).unwrap();
    }
    stored
}

fn table() -> Table {
    Table { family: Family::IPV4, name: "t".into(), ..Table::default() }
}

/// Both as text and as JSON.
fn listings(ruleset: &Ruleset, stored: &Stored) -> [String; 2] {
    let (options, names) = (PrintOptions::default(), Names::new());
    let (mut text, mut document) = (String::new(), String::new());
    print::write_ruleset_with(&mut text, ruleset, stored, &options, &names).unwrap();
    json::write_ruleset_with(&mut document, ruleset, stored, &options, &names).unwrap();
    [text, document]
}

/// The dump, with and without what is stored.
fn check(whole: &Dump, stored: (Ruleset, Stored)) {
    let all = lift::ruleset(whole);
    let (mut ruleset, stored) = stored;
    assert_eq!(listings(&all, &Stored::default()), listings(&ruleset, &stored));
    stored.fill(&mut ruleset);
    assert_eq!(all, ruleset);
}

fn check_set(set: &Set, elements: Vec<Element>) {
    let stored = stored_elements(&elements);
    assert_eq!(stored.iter().collect::<Vec<_>>(), elements);
    let bare = Dump { tables: vec![table()], sets: vec![(set.clone(), Vec::new())], ..Dump::default() };
    let whole = Dump { sets: vec![(set.clone(), elements)], ..bare.clone() };
    check(&whole, Stored::ruleset(bare, vec![(set.clone(), stored)], HashMap::new()));
}

#[test]
fn elements_are_listed_in_the_same_order() {
    let types: [&[DataType]; 9] = [
        &[DataType::IPV4_ADDR],
        &[DataType::MARK],
        &[DataType::INET_SERVICE],
        &[DataType::IFNAME],
        &[DataType::CT_STATE],
        &[DataType::TCP_FLAG],
        &[DataType::IPV4_ADDR, DataType::INET_SERVICE],
        &[DataType::MARK, DataType::IFNAME],
        &[DataType::CT_STATE, DataType::IPV6_ADDR],
    ];
    let mut random = Random(1);
    for round in 0..400 {
        let types = types[round % types.len()];
        let widths: Vec<usize> = types
            .iter()
            .map(|one| if *one == DataType::IFNAME { 16 } else { one.bytes() as usize })
            .collect();
        let one = types.len() == 1;
        let padded = |random: &mut Random| -> Vec<u8> {
            let part = |random: &mut Random, width: usize| {
                let mut bytes = random.bytes(width);
                if !one {
                    bytes.resize(width.next_multiple_of(4), 0);
                }
                bytes
            };
            widths.iter().flat_map(|width| part(random, *width)).collect()
        };
        let length = padded(&mut random).len();
        let mut set = Set::new(Family::IPV4, "t", "s", length as u32);
        let number = types.iter().fold(0, |number, one| number << 6 | one.0);
        assert_eq!(Concat::from_number(number).iter().collect::<Vec<_>>(), types);
        set.key_type = Some(number);
        set.description.size = Some(1000);
        let interval = random.below(3) == 0;
        if interval {
            set.flags |= SetFlags::INTERVAL;
        }
        let map = !interval && random.below(3) == 0;
        if map {
            set.flags |= SetFlags::MAP;
            (set.data_type, set.data_length) = (Some(DataType::MARK.0), Some(4));
        }
        let plain = random.below(2) == 0;
        let count = random.below(40);
        let mut elements = Vec::new();
        for _ in 0..count {
            let mut element = Element::default();
            match random.below(12) {
                0 if !plain => element.flags = Some(ElementFlags::CATCH_ALL),
                _ => element.key = Some(value(&padded(&mut random))),
            }
            if interval && one && random.below(2) == 0 && element.key.is_some() {
                element.flags = Some(ElementFlags::INTERVAL_END);
            }
            if interval && !one && random.below(2) == 0 && element.key.is_some() {
                element.key_end = Some(value(&padded(&mut random)));
            }
            if map {
                element.data = Some(value(&random.bytes(4)));
            }
            if !plain {
                if random.below(3) == 0 {
                    (element.timeout, element.expiration) = (Some(5000), Some(1000));
                }
                if random.below(3) == 0 {
                    let mut notes = Userdata::new();
                    notes.push_text(entry::COMMENT, "a comment").unwrap();
                    element.userdata = Some(notes);
                }
                if random.below(3) == 0 {
                    let counter = CounterAttrs::default().packets(7);
                    element.expression = Some(Box::new(Expression::Counter(counter)));
                }
            }
            elements.push(element);
        }
        set.count = (random.below(2) == 0).then_some(elements.len() as u32);
        check_set(&set, elements);
    }
}

#[test]
fn rules_are_listed_as_they_are() {
    let set = Set {
        name: "__set0".into(),
        key_type: Some(DataType::INET_SERVICE.0),
        flags: SetFlags::ANONYMOUS,
        ..Set::new(Family::IPV4, "t", "", 2)
    };
    let ports = vec![Element::new([0, 22]), Element::new([0, 80])];
    let code = |number: u8| {
        let protocol = [raw::meta(raw::MetaKey::L4_PROTOCOL).into(raw::R1), raw::cmp(raw::R1, raw::EQ, [6])];
        let port = raw::payload(raw::Base::TRANSPORT, 2, 2).into(raw::R1);
        let verdict = raw::verdict(netwright_netfilter::Verdict::ACCEPT);
        let compared = if number.is_multiple_of(2) {
            raw::cmp(raw::R1, raw::EQ, [0, number])
        } else {
            raw::lookup(raw::R1, "__set0")
        };
        protocol.into_iter().chain([port, compared, verdict]).collect::<Vec<_>>()
    };
    let chain = |name: &str| netwright_netfilter::Chain {
        family: Family::IPV4,
        table: "t".into(),
        name: name.into(),
        ..Default::default()
    };
    let mut whole = Dump {
        tables: vec![table()],
        chains: vec![chain("c"), chain("d"), chain("e")],
        sets: vec![(set, ports)],
        ..Dump::default()
    };
    let bare = whole.clone();
    let mut stored: HashMap<ChainRef, StoredRules> = HashMap::new();
    for number in 0..20 {
        let name = if number % 3 == 0 { "c" } else { "d" };
        let rule = Rule { handle: Some(number.into()), ..Rule::new(Family::IPV4, "t", name, code(number)) };
        let mut writer = Writer::new();
        let attributes = RuleAttrs::default().table("t".into()).chain(name.into()).handle(number.into());
        let attributes = attributes.expressions(rule.expressions.clone());
        attributes.write_attributes(&mut writer);
        let rules =
            stored.entry(ChainRef::new(Family::IPV4, "t", name)).or_insert(StoredRules::new(Family::IPV4));
        rules.push(RuleView::new(writer.bytes()));
        whole.rules.push(rule);
    }
    let handles: Vec<u64> = stored.values().flat_map(StoredRules::handles).collect();
    assert_eq!(handles.len(), 20);
    check(&whole, Stored::ruleset(bare, Vec::new(), stored));
}

/// The kernel makes one interval of names that begin so and lie side by side.
#[test]
fn names_side_by_side_are_listed_as_they_are_written() {
    let name = |text: &[u8]| {
        let mut bytes = text.to_vec();
        bytes.resize(16, 0);
        bytes
    };
    let mut set = Set::new(Family::IPV4, "t", "s", 16);
    set.key_type = Some(DataType::IFNAME.0);
    set.flags |= SetFlags::INTERVAL;
    for (from, behind, listed) in [
        (name(b"a"), name(b"c"), "\"a*\", \"b*\""),
        (name(b"eth1"), name(b"eth3\0\0\0\0\0\0\0\0\0\0\0\x01"), "\"eth1*\", \"eth2*\", \"eth3\""),
        (name(b"br-"), name(b"br/"), "\"br-*\", \"br.*\""),
        (name(b"lo"), name(b"lp"), "\"lo*\""),
        (name(b"lo"), name(b"lo\0\0\0\0\0\0\0\0\0\0\0\0\0\x01"), "\"lo\""),
        (name(b"ay"), name(b"c"), "\"ay*\", \"az*\", "),
    ] {
        let mut end = Element::new(value(&behind));
        end.flags = Some(ElementFlags::INTERVAL_END);
        let elements = vec![Element::new(value(&from)), end];
        let mut dump = Dump::default();
        dump.tables.push(table());
        dump.sets.push((set.clone(), elements.clone()));
        let [text, _] = listings(&lift::ruleset(&dump), &Stored::default());
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains(&format!("elements = {{ {listed}")), "{text}");
        check_set(&set, elements);
    }
}
