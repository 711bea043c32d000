use netwright_wire::Messages;

use super::*;
use crate::request::{Find, Reset};
use crate::{Batch, MessageKind, NetfilterHeader, ObjectData};
use netwright_wire::Request;

const TABLE: u16 = 1;

fn table() -> TableRef {
    TableRef::new(Family::INET, "t")
}

/// The attributes of the only message of a batch, by type.
fn kinds(batch: &Batch) -> (Option<MessageKind>, Vec<u16>) {
    let step = batch.step(1).unwrap();
    let attributes = step.message.attributes_after(NetfilterHeader::SIZE);
    (step.kind(), attributes.map(|attribute| attribute.unwrap().kind).collect())
}

fn deleted(thing: &impl Deletable) -> (Option<MessageKind>, Vec<u16>) {
    let mut batch = Batch::new();
    batch.delete(thing);
    kinds(&batch)
}

fn asked(request: &impl Request) -> Vec<u8> {
    let mut writer = Writer::new();
    request.write(&mut writer);
    writer.bytes()[NetfilterHeader::SIZE..].to_vec()
}

/// What a question has behind its head must be what a deletion has.
fn is_written_in_one_way<R: Reference + Deletable + Clone>(reference: &R) {
    let mut batch = Batch::new();
    batch.delete(reference);
    batch.destroy(reference);
    let bytes = batch.finish().unwrap().to_vec();
    let about: Vec<Vec<u8>> = Messages::new(&bytes)
        .map(|message| message.unwrap())
        .filter(|message| MessageKind::of(message).is_some())
        .map(|message| message.bytes_after(NetfilterHeader::SIZE).to_vec())
        .collect();
    let find = asked(&Find(reference.clone()));
    assert_eq!(about, [find.clone(), find.clone()], "{reference}");
    assert_eq!(asked(&Reset(Find(reference.clone()))), find);
}

#[test]
fn references_are_written_in_one_way() {
    is_written_in_one_way(&table());
    is_written_in_one_way(&table().chain("c"));
    is_written_in_one_way(&table().chain("c").rule(7));
    is_written_in_one_way(&table().set("s"));
    is_written_in_one_way(&table().object(ObjectKind::QUOTA, "q"));
    is_written_in_one_way(&table().flowtable("f"));
}

#[test]
fn what_was_listed_goes_by_its_handle() {
    let chain = Chain { handle: Some(5), ..Chain::new(Family::INET, "t", "c") };
    assert_eq!(deleted(&chain), (Some(MessageKind::DELETE_CHAIN), vec![TABLE, 2]));
    assert_eq!(deleted(&Chain { handle: None, ..chain.clone() }).1, [TABLE, 3]);
    assert_eq!(deleted(&table().chain_by_handle(5)), deleted(&chain));
    let set = Set { handle: Some(5), ..Set::new(Family::INET, "t", "s", 4) };
    assert_eq!(deleted(&set), (Some(MessageKind::DELETE_SET), vec![TABLE, 16]));
    assert_eq!(deleted(&set.reference()).1, [TABLE, 2]);
    let data = ObjectData::Unknown { kind: ObjectKind::COUNTER, data: Vec::new() };
    let object = Object { handle: Some(5), ..Object::new(Family::INET, "t", "o", data) };
    assert_eq!(deleted(&object), (Some(MessageKind::DELETE_OBJECT), vec![TABLE, 6, 3]));
    assert_eq!(deleted(&ByHandle::table_of(Family::INET, 9)), (Some(MessageKind::DELETE_TABLE), vec![4]));
    assert_eq!(Rule::new(Family::INET, "t", "c", []).reference(), None);
}

#[test]
fn they_read_as_in_the_language() {
    assert_eq!(table().to_string(), "inet t");
    assert_eq!(table().chain("c").rule(7).to_string(), "inet t c handle 7");
    let object = table().object(ObjectKind::QUOTA, "q");
    assert_eq!((object.noun(), object.to_string()), ("quota", "inet t q".to_owned()));
}
