use netwright_wire::{Header, MessageFlags};

use super::*;

#[test]
fn what_is_written_is_read() {
    let mut neighbour = Neighbour::forwarding(7, [2, 0, 0, 0, 0, 1].into());
    neighbour.destination = Some([192, 0, 2, 1].into());
    neighbour.state = NeighbourState::NO_ARP;
    neighbour.vlan = Some(0);
    neighbour.port = Some(4789);
    neighbour.vni = Some(42);
    neighbour.extended_flags = Some(NeighbourExtendedFlags::from_bits_retain(0x100));
    neighbour.protocol = Some(Protocol::STATIC);
    let mut writer = Writer::new();
    neighbour.write(Purpose::New, &mut writer);
    let header =
        Header { length: 0, kind: kind::NEW_NEIGHBOUR, flags: MessageFlags::empty(), sequence: 0, port: 0 };
    let read = Neighbour::read(&Message { header, payload: writer.bytes() }).unwrap().unwrap();
    assert_eq!(read, neighbour);
    assert_eq!(neighbour.to_string(), "02:00:00:00:00:01 dst 192.0.2.1 dev if7");
}

#[test]
fn names_of_states() {
    assert_eq!(NeighbourState::STALE.name(), Some("stale"));
    assert_eq!(NeighbourState::empty().name(), Some("none"));
    assert_eq!((NeighbourState::STALE | NeighbourState::PROBE).name(), None);
}
