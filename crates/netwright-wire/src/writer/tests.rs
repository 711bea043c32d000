use super::*;
use crate::{Attributes, Big, Messages, Native};

#[test]
fn messages_lie_on_four_bytes_with_their_own_lengths() {
    let mut writer = Writer::new();
    for payload in [&b""[..], b"1", b"12", b"123", b"1234"] {
        let mark = writer.begin_message(20, MessageFlags::REQUEST, 9);
        writer.push(payload);
        writer.end_message(mark);
        assert_eq!(writer.len() % 4, 0);
    }
    let lengths: Vec<_> =
        Messages::new(writer.bytes()).map(|message| message.unwrap().header.length).collect();
    assert_eq!(lengths, [16, 17, 18, 19, 20]);
    let first = Messages::new(writer.bytes()).next().unwrap().unwrap().header;
    assert_eq!((first.kind, first.sequence, first.port), (20, 9, 0));
}

#[test]
fn flags_may_be_added_later() {
    let mut writer = Writer::new();
    let start = writer.len();
    let mark = writer.begin_message(20, MessageFlags::REQUEST, 1);
    writer.end_message(mark);
    writer.add_flags(start, MessageFlags::ACK);
    writer.add_flags(1000, MessageFlags::ECHO); // beyond the end, so nothing happens
    let header = Messages::new(writer.bytes()).next().unwrap().unwrap().header;
    assert_eq!(header.flags, MessageFlags::REQUEST | MessageFlags::ACK);
}

#[test]
fn attributes_have_their_byte_order_and_padding() {
    let mut writer = Writer::new();
    writer.attribute::<Big, _>(1, &0x0102_0304u32);
    writer.attribute::<Native, _>(2, &0x0102u16);
    assert_eq!(writer.bytes()[4..8], [1, 2, 3, 4]);
    assert_eq!(writer.bytes()[12..14], 0x0102u16.to_ne_bytes());
    assert_eq!(writer.bytes()[14..], [0, 0], "padding is zero");
    let nest = writer.begin_nest(3);
    writer.bytes_attribute(4, b"abc");
    assert_eq!(writer.nest_len(&nest), 8);
    writer.end_nest(nest);
    let kinds: Vec<_> =
        Attributes::new(writer.bytes()).map(|a| a.unwrap()).map(|a| (a.kind, a.nested)).collect();
    assert_eq!(kinds, [(1, false), (2, false), (3, true)]);
}

#[test]
fn the_length_field_is_never_wrong() {
    let fits = vec![7; usize::from(u16::MAX) - HEADER];
    let mut writer = Writer::new();
    writer.bytes_attribute(1, &fits);
    assert_eq!(writer.check(), Ok(()));
    assert_eq!(Attributes::new(writer.bytes()).next().unwrap().unwrap().payload, fits);

    let start = writer.len();
    let nest = writer.begin_nest(2);
    writer.bytes_attribute(3, &fits);
    writer.end_nest(nest);
    let error = writer.check().unwrap_err();
    assert_eq!(error, Unsendable::TooLong { kind: 2, length: 65540 });
    assert!(error.to_string().contains("attribute 2 would be 65540 bytes"));
    writer.truncate(start + 1);
    assert!(writer.check().is_err(), "the head of the nest is still there");
    writer.truncate(start);
    assert_eq!(writer.check(), Ok(()));
    assert_eq!(writer.len(), start);

    writer.bytes_attribute(4, &vec![0; 70_000]);
    assert!(writer.check().is_err());
    writer.clear();
    assert!(writer.is_empty() && writer.check().is_ok());
}

#[test]
fn a_text_with_a_nul_is_not_sent() {
    let mut writer = Writer::new();
    writer.attribute::<Native, _>(1, &"fine".to_owned());
    let start = writer.len();
    writer.attribute::<Native, _>(2, &"cut\0off".to_owned());
    let error = writer.check().unwrap_err();
    assert_eq!(error, Unsendable::Nul { text: "cut\0off".into() });
    assert_eq!(error.to_string(), "the text \"cut\\0off\" has a NUL in it");
    writer.truncate(start);
    assert_eq!(writer.check(), Ok(()));
}

#[test]
fn a_contradiction_is_not_sent() {
    let mut writer = Writer::new();
    writer.contradiction("up is down");
    assert_eq!(writer.check().unwrap_err().to_string(), "up is down");
    let mut whole = Writer::new();
    whole.inherit(&writer);
    assert_eq!(whole.check(), writer.check());
    writer.clear();
    assert_eq!(writer.check(), Ok(()));
}
