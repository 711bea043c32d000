use netwright_wire::{Header, MessageFlags};

use super::*;

/// As `conntrack -E -o ktimestamp` would show it: `tcp 6 120 SYN_SENT src=192.0.2.9 dst=192.0.2.1 sport=1024 dport=80`.
fn entry() -> Conntrack {
    let addresses = TupleAddressAttrs {
        source4: Some([192, 0, 2, 9].into()),
        destination4: Some([192, 0, 2, 1].into()),
        ..Default::default()
    };
    let protocol = TupleProtocolAttrs {
        number: Some(6),
        source_port: Some(1024),
        destination_port: Some(80),
        ..Default::default()
    };
    let original = TupleAttrs { addresses: Some(addresses), protocol: Some(protocol), ..Default::default() };
    let attributes = ConntrackAttrs {
        original: Some(original),
        timeout: Some(120),
        id: Some(7),
        zone: Some(3),
        ..Default::default()
    };
    Conntrack { family: Family::IPV4, attributes }
}

#[test]
fn deleting_names_the_original_direction() {
    let entry = entry();
    let mut writer = Writer::new();
    DeleteConntrack(&entry).write(&mut writer);
    let expected = [
        2, 0, 0, 0, // IPv4
        52, 0, 1, 0x80, // original
        20, 0, 1, 0x80, 8, 0, 1, 0, 192, 0, 2, 9, 8, 0, 2, 0, 192, 0, 2, 1, // addresses
        28, 0, 2, 0x80, 5, 0, 1, 0, 6, 0, 0, 0, 6, 0, 2, 0, 4, 0, 0, 0, 6, 0, 3, 0, 0, 80, 0,
        0, // protocol
        8, 0, 12, 0, 0, 0, 0, 7, // number
        6, 0, 18, 0, 0, 3, 0, 0, // zone
    ];
    assert_eq!(writer.bytes(), expected);
    assert_eq!(entry.to_string(), "protocol 6 192.0.2.9 port 1024 → 192.0.2.1 port 80");
}

#[test]
fn an_entry_survives_being_written_and_read() {
    let entry = entry();
    let mut writer = Writer::new();
    NetfilterHeader::new(entry.family).write::<Big>(&mut writer);
    entry.attributes.write_attributes(&mut writer);
    let header = Header {
        length: 0,
        kind: number(ConntrackMessageKind::NEW),
        flags: MessageFlags::empty(),
        sequence: 0,
        port: 0,
    };
    let message = Message { header, payload: writer.bytes() };
    assert_eq!(Conntrack::read(&message).unwrap(), Some(entry));
    let other = Message { header: Header { kind: 2562, ..message.header }, ..message };
    assert_eq!(Conntrack::read(&other).unwrap(), None);
    let short = Message { payload: &writer.bytes()[..4], ..message };
    assert!(Conntrack::read(&short).is_err());
}
