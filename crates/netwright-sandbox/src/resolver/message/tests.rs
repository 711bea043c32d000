use std::time::{Duration, Instant};

use super::*;

fn name(text: &str) -> Name {
    Name::from_text(text).unwrap()
}

/// Reads the name at a place of a message.
fn name_at(message: &[u8], at: usize) -> Option<Name> {
    let mut reader = Reader::new(message);
    reader.bytes(at)?;
    reader.name()
}

#[test]
fn names_are_read_through_pointers() {
    let message = b"\x03org\0\x07example\xc0\0\x03www\xc0\x05";
    assert_eq!(name_at(message, 15).unwrap().text(), "www.example.org");
    let mut reader = Reader::new(message);
    reader.bytes(5);
    assert_eq!(reader.name().unwrap().text(), "example.org");
    assert_eq!(reader.bytes(4).unwrap(), b"\x03www", "goes on behind the pointer");
}

#[test]
fn pointers_that_do_not_lead_back_are_refused() {
    for message in [
        b"\xc0\0".as_slice(),
        b"\x01a\xc0\0",
        b"\x01a\xc0\x02",
        b"\xc0\x02\xc0\0",
        b"\x01a\xc0\x05\0\x01b\0",
        b"\xc0",
    ] {
        assert!(name_at(message, 0).is_none(), "{message:?}");
    }
    assert!(name_at(b"\x01a\xc0\x04\xc0\0", 4).is_none(), "two that lead to each other");
    for kind in [0x40_u8, 0x80] {
        assert!(name_at(&[kind | 1, b'a', 0], 0).is_none(), "labels of other kinds");
    }
}

#[test]
fn long_names_are_refused() {
    let label = [&[63], [b'a'; 63].as_slice()].concat();
    let longest = [label.repeat(3), vec![61], vec![b'a'; 61], vec![0]].concat();
    assert_eq!(name_at(&longest, 0).unwrap().wire().len(), 255);
    let longer = [label.repeat(3), vec![62], vec![b'a'; 62], vec![0]].concat();
    assert!(name_at(&longer, 0).is_none());
    // The second name is the first one with a label before.
    let with_pointer = [longest.as_slice(), b"\x01b\xc0\0"].concat();
    assert!(name_at(&with_pointer, 255).is_none());
}

#[test]
fn a_message_of_pointers_takes_no_time() {
    // Each pointer leads to the one before: read as written, this is a thousand million steps.
    let mut message = vec![0; 13];
    for at in (13..0x3ffe_u16).step_by(2) {
        message.extend((0xc000 | (at - 2).max(12)).to_be_bytes());
    }
    let record = [&[0xff, 0xfd][..], &[0, 1, 0, 1, 0, 0, 0, 0, 0, 0]].concat();
    let records = 4000;
    message.extend(record.repeat(records));
    let began = Instant::now();
    let mut reader = Reader::new(&message);
    reader.bytes(message.len() - 12 * records);
    let read = (0..records).map_while(|_| reader.record()).count();
    assert_eq!(read, 0);
    assert!(began.elapsed() < Duration::from_secs(1));
}

#[test]
fn records_are_written_as_they_are_read() {
    let question = Question { name: name("www.example.org"), kind: kind::MX, class: INTERNET };
    let data = [&[0, 10][..], name("Mail.Example.ORG").wire()].concat();
    let record =
        Record { owner: name("example.org"), kind: kind::MX, class: INTERNET, time_to_live: 60, data };
    let soa = [name("ns.example.org").wire(), name("admin.example.org").wire(), &[7; 20]].concat();
    let soa = Record { kind: kind::SOA, data: soa, ..record.clone() };
    let mut writer = Writer::new(9, flag::RESPONSE, 512);
    writer.question(&question);
    assert!(
        writer.answer(&record) && writer.authority(&soa) && writer.extension(1232, 0, Some((15, b"\0\x0f")))
    );
    let message = writer.finish();
    // Every name after the first points back.
    assert_eq!(message.len(), 12 + 21 + (2 + 10 + 2 + 5 + 2) + (2 + 10 + 5 + 8 + 20) + 17);
    let mut reader = Reader::new(&message);
    let header = reader.header().unwrap();
    assert_eq!(
        (header.id, header.questions, header.answers, header.authorities, header.additional),
        (9, 1, 1, 1, 1)
    );
    assert_eq!(reader.question().unwrap(), question);
    assert_eq!(
        reader.record().unwrap().unwrap(),
        Record { data: [&[0, 10][..], name("mail.example.org").wire()].concat(), ..record }.cased(&message)
    );
    let read = reader.record().unwrap().unwrap();
    assert!(read.data.ends_with(&[7; 20]));
    assert_eq!(Extension::of(&reader.record().unwrap().unwrap()), Some(Extension { size: 1232, version: 0 }));
    assert!(reader.is_at_end());
}

impl Record {
    /// With the name in its data as the message spells it: what is pointed to decides about the case.
    fn cased(mut self, message: &[u8]) -> Self {
        let spelled = [&[0, 10][..], b"\x04Mail", name("example.org").wire()].concat();
        assert!(message.windows(5).any(|window| window == b"\x04Mail"));
        self.data = spelled;
        self
    }
}

#[test]
fn every_type_with_names_is_read_in_full() {
    let base = [&[0; 12][..], name("example.org").wire()].concat();
    for (kind, before, after) in [
        (kind::NS, &b""[..], &b""[..]),
        (kind::MX, b"\0\x0a", b""),
        (kind::SRV, b"\0\x01\0\x02\0\x03", b""),
        (kind::NAPTR, b"\0\x01\0\x02\x01S\x07SIP+D2U\0", b""),
        (kind::DNAME, b"", b""),
        (kind::NXT, b"", b"\x01\x02"),
    ] {
        let data = [before, b"\x01x\xc0\x0c", after].concat();
        let record = [
            &b"\xc0\x0c"[..],
            &kind.to_be_bytes(),
            b"\0\x01\0\0\0\x3c",
            &(data.len() as u16).to_be_bytes(),
            &data,
        ]
        .concat();
        let message = [base.clone(), record].concat();
        let mut reader = Reader::new(&message);
        reader.bytes(base.len());
        let read = reader.record().unwrap().unwrap();
        assert_eq!(read.data, [before, name("x.example.org").wire(), after].concat(), "{kind}");
        // And it is written so that it is read as the same.
        let mut writer = Writer::new(0, 0, 512);
        assert!(writer.answer(&read));
        let written = writer.finish();
        let mut reader = Reader::new(&written);
        reader.header();
        assert_eq!(reader.record().unwrap().unwrap(), read);
    }
}

#[test]
fn what_has_no_room_leaves_nothing() {
    let owner = name("a.example.org");
    let record =
        Record { owner: owner.clone(), kind: kind::A, class: INTERNET, time_to_live: 1, data: vec![1; 4] };
    let big = Record { owner: name("b.example.org"), kind: 16, data: vec![0; 600], ..record.clone() };
    let mut writer = Writer::new(1, 0, 512);
    assert!(writer.answer(&record));
    assert!(!writer.answer(&big));
    let small = Record { owner: name("b.example.org"), ..record };
    assert!(writer.answer(&small));
    let message = writer.finish();
    let mut reader = Reader::new(&message);
    assert_eq!(reader.header().unwrap().answers, 2);
    reader.record();
    assert_eq!(reader.record().unwrap().unwrap(), small);
    assert!(reader.is_at_end());
}

#[test]
fn names_beyond_the_reach_of_pointers_are_written_out() {
    let mut writer = Writer::new(1, 0, 65535);
    let record = |index: usize| Record {
        owner: name(&format!("host-{index}.example.org")),
        kind: 16,
        class: INTERNET,
        time_to_live: 1,
        data: vec![0; 100],
    };
    let written = (0..2000).take_while(|&index| writer.answer(&record(index))).count();
    let message = writer.finish();
    assert!(message.len() > 60_000);
    let mut reader = Reader::new(&message);
    assert_eq!(usize::from(reader.header().unwrap().answers), written);
    for index in 0..written {
        assert_eq!(reader.record().unwrap().unwrap(), record(index));
    }
}
