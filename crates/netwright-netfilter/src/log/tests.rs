use netwright_wire::{Acknowledged, Big, Messages, Request, Value, Writer};

use super::{Listen, LogPacketAttrs, LogPacketHeader, Logged};
use crate::{Family, NetfilterHeader};

/// Written by hand after `linux/netfilter/nfnetlink_log.h`: command, mode, threshold.
#[test]
fn a_listener_asks_for_a_group() {
    fn is_acknowledged<R: Acknowledged>(request: &R) -> u16 {
        request.kind()
    }
    let request = Listen { group: 0x0102, bytes: Some(512) };
    assert_eq!(is_acknowledged(&request), 0x0401);
    let mut writer = Writer::new();
    request.write(&mut writer);
    let mut expected = vec![0, 0, 1, 2];
    expected.extend(5u16.to_ne_bytes().iter().chain(&1u16.to_ne_bytes()).chain(&[1, 0, 0, 0]));
    expected.extend(10u16.to_ne_bytes().iter().chain(&2u16.to_ne_bytes()).chain(&[0, 0, 2, 0, 2, 0, 0, 0]));
    expected.extend(8u16.to_ne_bytes().iter().chain(&5u16.to_ne_bytes()).chain(&[0, 0, 0, 1]));
    assert_eq!(writer.bytes(), expected);
}

#[test]
fn a_packet_is_read_in_place() {
    let attrs = LogPacketAttrs {
        header: Some(LogPacketHeader { protocol: 0x0800, hook: 3, padding: 0 }),
        mark: Some(7),
        payload: Some(vec![0x45, 0, 0, 20]),
        prefix: Some("held".into()),
        user: Some(1000),
        ..Default::default()
    };
    let mut writer = Writer::new();
    for kind in [0x0400, 0x0401, 0x0a00] {
        let mark = writer.begin_message(kind, netwright_wire::MessageFlags::empty(), 0);
        NetfilterHeader { family: Family::IPV4, version: 0, resource: 3 }.write::<Big>(&mut writer);
        attrs.write_attributes(&mut writer);
        writer.end_message(mark);
    }
    let mut read =
        Messages::new(writer.bytes()).map(|message| message.and_then(|message| Logged::view(&message)));
    let logged = read.next().unwrap().unwrap().unwrap();
    assert_eq!((logged.family, logged.group), (Family::IPV4, 3));
    assert_eq!(logged.packet.payload().unwrap(), Some(&[0x45, 0, 0, 20][..]));
    assert_eq!(LogPacketAttrs::read::<Big>(logged.packet.bytes()).unwrap(), attrs);
    assert!(read.all(|other| other.unwrap().is_none()));
}
