use netwright_wire::{Attributes, Messages};

use super::*;
use crate::expression::{CounterAttrs, ObjectKind};
use crate::object::SecmarkAttrs;
use crate::raw::*;
use crate::{Element, ElementListAttrs, Object, ObjectData, RuleView, Set, Table};

fn set() -> Set {
    Set::new(Family::INET, "filter", "blocklist", 4)
}

fn texts(batch: &Batch) -> Vec<String> {
    (0..).map_while(|index| batch.step(index)).map(|step| step.to_string()).collect()
}

#[test]
fn steps_say_what_they_are() {
    let mut batch = Batch::new();
    let table = Table::new(Family::INET, "filter");
    let chain = Chain::new(Family::INET, "filter", "input");
    let rule = Rule::new(Family::INET, "filter", "input", [counter()]);
    let object = |data| Object::new(Family::IPV6, "filter", "o", data);
    batch.flush_ruleset(Family::UNSPECIFIED);
    batch.flush_ruleset(Family::IPV4);
    batch.add(&table);
    batch.create(&chain);
    batch.add(&rule);
    batch.insert(&rule);
    batch.replace(&Rule { handle: Some(7), ..rule.clone() });
    batch.delete(&chain.reference().rule(8));
    batch.flush_chain(&chain);
    batch.flush_table(&table);
    batch.destroy(&Table { handle: Some(9), ..table });
    batch.add(&object(ObjectData::Counter(CounterAttrs::default())));
    batch.delete(&object(ObjectData::Secmark(SecmarkAttrs::default())));
    batch.add(&object(ObjectData::Unknown { kind: ObjectKind(99), data: vec![] }));
    batch.add(&set());
    batch.flush_set(&set());
    batch.finish().unwrap();
    let expected = [
        "commit the batch",
        "flush ruleset",
        "flush ruleset ip",
        "add table inet filter",
        "create chain inet filter input",
        "add rule inet filter input",
        "insert rule inet filter input",
        "replace rule inet filter input handle 7",
        "delete rule inet filter input handle 8",
        "flush chain inet filter input",
        "flush table inet filter",
        "destroy table inet handle 9",
        "add counter ip6 filter o",
        "delete secmark ip6 filter o",
        "add object ip6 filter o",
        "add set inet filter blocklist",
        "flush set inet filter blocklist",
        "commit the batch",
    ];
    assert_eq!(texts(&batch), expected);
    assert_eq!(batch.messages() as usize, expected.len());
}

#[test]
fn messages_are_numbered_one_after_the_other() {
    let mut batch = Batch::for_generation(0x0102_0304).numbered_from(40);
    assert_eq!(batch.generation(), Some(0x0102_0304));
    batch.add(&Table::new(Family::IPV4, "t"));
    batch.finish().unwrap();
    batch.echo(true);
    batch.tag(Some(3));
    batch.add(&Table::new(Family::IPV4, "u"));
    let bytes = batch.finish().unwrap().to_vec();
    let headers: Vec<_> = Messages::new(&bytes).map(|message| message.unwrap().header).collect();
    let numbers: Vec<_> = headers.iter().map(|header| (header.kind, header.sequence)).collect();
    assert_eq!(numbers, [(0x10, 40), (0xa00, 41), (0xa00, 42), (0x11, 43)]);
    assert_eq!(headers[2].flags, MessageFlags::REQUEST | MessageFlags::CREATE | MessageFlags::ECHO);
    let tags: Vec<_> = (0..3).map(|index| batch.step(index).unwrap().tag).collect();
    assert_eq!(tags, [None, None, Some(3)]);
    assert_eq!(batch.finish().unwrap(), bytes);
}

#[test]
fn the_begin_names_subsystem_and_generation() {
    let mut batch = Batch::for_generation(5);
    let bytes = batch.finish().unwrap();
    assert_eq!(bytes[16..28], [0, 0, 0, 10, 8, 0, 1, 0, 0, 0, 0, 5]);
}

#[test]
fn elements_fill_messages_up_to_the_limit() {
    let mut batch = Batch::new();
    let count = 10_000_u32;
    batch.add_elements(&set(), (0..count).map(u32::to_be_bytes));
    batch.add(&Table::new(Family::INET, "other"));
    let bytes = batch.finish().unwrap();
    let mut next = 0_u32;
    let mut sizes = Vec::new();
    for message in Messages::new(bytes).map(Result::unwrap).filter(|message| message.header.kind == 0xa0c) {
        let nest = message.attributes_after(NetfilterHeader::SIZE).find(3).unwrap().unwrap();
        sizes.push(nest.payload.len());
        for element in nest.attributes().map(Result::unwrap) {
            let element = Element::read_attributes(element.payload).unwrap();
            assert_eq!(element, Element::new(next.to_be_bytes()));
            next += 1;
        }
    }
    assert_eq!(next, count);
    assert_eq!(sizes.len(), 3);
    assert!(sizes[..2].iter().all(|size| (NEST - 32..=NEST).contains(size)), "{sizes:?}");
}

const NEST: usize = 65535 - 4;

#[test]
fn the_element_at_fault_is_named_over_all_messages() {
    let mut batch = Batch::new();
    batch.add_elements(&set(), (0..5000_u32).map(u32::to_be_bytes));
    let first = batch.step(1).unwrap();
    let nest = first.message.attributes_after(NetfilterHeader::SIZE).find(3).unwrap().unwrap();
    let in_first = nest.attributes().count();
    let offset = |index: usize| {
        let message = batch.step(2).unwrap().message;
        let nest = message.attributes_after(NetfilterHeader::SIZE).find(3).unwrap().unwrap();
        let element = nest.attributes().nth(index).unwrap().unwrap();
        (element.payload.as_ptr() as usize - message.payload.as_ptr() as usize + 16 - 4) as u32
    };
    let step = batch.step(2).unwrap().at(Some(offset(16)));
    assert_eq!(step.element(), Some((in_first + 16, 5000)));
    let expected = format!("add element inet filter blocklist (element {} of 5000)", in_first + 17);
    assert_eq!(step.to_string(), expected);
    assert_eq!(batch.step(2).unwrap().at(Some(4)).element(), None);
}

#[test]
fn no_element_is_no_message() {
    let mut batch = Batch::new();
    batch.delete_elements(&set(), std::iter::empty::<[u8; 4]>());
    assert!(batch.is_empty());
}

#[test]
fn an_element_that_fits_nowhere_is_an_error() {
    let mut batch = Batch::new();
    batch.add_elements(&set(), [&vec![0; 70_000][..]]);
    assert!(batch.finish().is_err());
}

#[test]
fn maps_and_sets_of_the_same_batch() {
    let mut batch = Batch::new();
    let id = batch.allocate_id();
    assert_ne!(id, batch.allocate_id());
    let map = Set { id: Some(id), ..set() };
    batch.create_elements(&map, [([1, 2, 3, 4], [5_u8])]);
    let step = batch.step(1).unwrap();
    assert_eq!(step.to_string(), "create element inet filter blocklist");
    let attrs = ElementListAttrs::read_attributes(step.message.bytes_after(4)).unwrap();
    assert_eq!(attrs.set_id, Some(id));
    assert_eq!(attrs.elements.unwrap().0, [Element::mapping([1, 2, 3, 4], [5])]);
}

#[test]
fn a_new_rule_has_no_handle_and_a_replacement_has_no_position() {
    let rule = Rule { handle: Some(1), position: Some(2), ..Rule::new(Family::IPV4, "t", "c", [notrack()]) };
    let mut batch = Batch::new();
    batch.add(&rule);
    batch.replace(&rule);
    let view = |index| RuleView::new(batch.step(index).unwrap().message.bytes_after(4));
    assert_eq!((view(1).handle().unwrap(), view(1).position().unwrap()), (None, Some(2)));
    assert_eq!((view(2).handle().unwrap(), view(2).position().unwrap()), (Some(1), None));
    assert_eq!(Attributes::new(view(1).bytes()).count(), 4);
}

#[test]
fn what_the_kernel_points_at_has_a_name() {
    let mut batch = Batch::new();
    let expressions = [counter(), lookup(Register::R1, "s"), verdict(Verdict::DROP)];
    batch.add(&Rule::new(Family::INET, "filter", "input", expressions));
    batch.add(&Chain::new(Family::INET, "filter", "input"));
    batch.finish().unwrap();
    let rule = batch.step(1).unwrap();
    let list = Attributes::new(rule.message.bytes_after(4)).find(4).unwrap().unwrap();
    let at = |payload: &[u8]| {
        let start = payload.as_ptr() as usize - rule.message.payload.as_ptr() as usize;
        Some(u32::try_from(16 + start - 4).unwrap())
    };
    let second = list.attributes().flatten().nth(1).unwrap();
    let fault = rule.at(at(second.payload));
    assert_eq!((fault.expression(), fault.part()), (Some(1), Some("expression 2, lookup".into())));
    let chain = Attributes::new(rule.message.bytes_after(4)).find(2).unwrap().unwrap();
    let fault = rule.at(at(chain.payload));
    assert_eq!((fault.expression(), fault.part()), (None, Some("chain".into())));
    assert_eq!((rule.expression(), rule.part()), (None, None));
    assert_eq!(rule.at(Some(4)).part(), None);
    assert_eq!(rule.at(Some(u32::MAX)).part(), None);
    assert_eq!(batch.step(2).unwrap().at(Some(20)).part().as_deref(), Some("table"));
}

#[test]
fn messages_are_copied_with_numbers_of_their_own() {
    let mut from = Batch::new();
    from.tag(Some(7));
    from.add(&Table::new(Family::INET, "one"));
    from.add(&Table::new(Family::INET, "two"));
    from.add(&Table::new(Family::INET, "three"));
    assert!(from.finish().is_ok());
    assert_eq!(from.next_message(), 4);
    let mut batch = Batch::for_generation(3);
    batch.add(&Table::new(Family::INET, "zero"));
    assert!(batch.finish().is_ok());
    batch.copy(&from, 2..4);
    let whole = batch.finish().map(<[u8]>::len);
    assert_eq!(whole, Ok(batch.len()));
    let steps: Vec<_> = (1..5).map_while(|index| batch.step(index)).collect();
    let said: Vec<String> = steps.iter().map(ToString::to_string).collect();
    assert_eq!(said[..3], ["add table inet zero", "add table inet two", "add table inet three"]);
    assert_eq!(steps.iter().map(|step| step.message.header.sequence).collect::<Vec<_>>(), [2, 3, 4, 5]);
    assert_eq!((steps[0].tag, steps[1].tag), (None, Some(7)));
}
