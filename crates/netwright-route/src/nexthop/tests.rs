use netwright_wire::{Header, MessageFlags};

use super::*;

#[test]
fn what_is_written_is_read() {
    let group = Nexthop {
        id: Some(10),
        group: vec![GroupMember::new(1), GroupMember::new(2).weight(256), GroupMember::new(3).weight(65536)],
        group_kind: Some(0),
        protocol: Some(Protocol::STATIC),
        ..Nexthop::default()
    };
    let single = Nexthop {
        id: Some(1),
        family: Family::IPV6,
        gateway: Some("fe80::1".parse().unwrap()),
        link: Some(LinkId::new(3)),
        protocol: Some(Protocol::STATIC),
        flags: RouteFlags::ON_LINK,
        ..Nexthop::default()
    };
    for nexthop in [group, single] {
        let mut writer = Writer::new();
        nexthop.write(Purpose::New, &mut writer);
        let header =
            Header { length: 0, kind: kind::NEW_NEXTHOP, flags: MessageFlags::empty(), sequence: 0, port: 0 };
        let read = Nexthop::read(&Message { header, payload: writer.bytes() }).unwrap().unwrap();
        assert_eq!(read, nexthop);
    }
}

#[test]
fn half_a_member_is_malformed() {
    assert!(Group::read::<Native>(&[0; 12]).is_err());
    assert_eq!(Group::read::<Native>(&[]).unwrap().0, []);
}
