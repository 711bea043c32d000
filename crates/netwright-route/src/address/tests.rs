use netwright_wire::{Header, MessageFlags};

use super::*;

fn round_trip(address: &Address) -> Address {
    let mut writer = Writer::new();
    address.write(Purpose::New, &mut writer);
    let header =
        Header { length: 0, kind: kind::NEW_ADDRESS, flags: MessageFlags::empty(), sequence: 0, port: 0 };
    Address::read(&Message { header, payload: writer.bytes() }).unwrap().unwrap()
}

#[test]
fn what_is_written_is_read() {
    let mut address = "192.0.2.1/24".parse::<Address>().unwrap().on(7);
    address.peer = Some([192, 0, 2, 2].into());
    address.label = Some("eth0:1".into());
    address.scope = Some(Scope::LINK);
    address.lifetime = Some(Lifetime { preferred: Some(0), valid: None });
    address.route_priority = Some(0);
    address.protocol = Some(AddressProtocol(9));
    for flags in [0, 0x02, 0xff, 0x302, 0x8000_0001] {
        address.flags = AddressFlags::from_bits_retain(flags);
        assert_eq!(round_trip(&address), address);
    }
}

/// The kernel tells both lifetimes of such a one as for ever.
#[test]
fn what_is_not_preferred_any_more_is_made_so_again() {
    let mut address = "192.0.2.1/24".parse::<Address>().unwrap().on(7);
    address.scope = Some(Scope::GLOBAL);
    address.lifetime = Some(Lifetime::default());
    assert_eq!(round_trip(&address).lifetime, Some(Lifetime::default()));
    address.flags = AddressFlags::DEPRECATED | AddressFlags::PERMANENT;
    assert_eq!(round_trip(&address).lifetime, Some(Lifetime { preferred: Some(0), valid: None }));
}

#[test]
fn attributes_without_a_field_are_kept() {
    let mut address = "2001:db8::1/64".parse::<Address>().unwrap().on(7);
    address.scope = Some(Scope::GLOBAL);
    let payload = &[1, 2, 3][..];
    address.unknown.keep(u16::MAX, netwright_wire::Attribute { kind: 99, nested: false, payload });
    keep_addresses(&mut address.unknown, Some([1, 2, 3, 4].into()), None);
    let once = round_trip(&address);
    assert_eq!(once.unknown.iter().map(|attribute| attribute.kind).collect::<Vec<_>>(), [99, 5]);
    assert_eq!(round_trip(&once).unknown.iter().count(), 2);
}

#[test]
fn an_address_message_without_an_address_is_malformed() {
    assert!(Address::from_parts(AddressHeader::default(), AddressAttrs::default()).is_err());
}

#[test]
fn text() {
    let mut address = "192.0.2.1".parse::<Address>().unwrap();
    assert_eq!(address.to_string(), "192.0.2.1/32");
    address.peer = Some([192, 0, 2, 2].into());
    assert_eq!(address.on(LinkId::named(3, "ppp0")).to_string(), "192.0.2.1 peer 192.0.2.2/32 dev ppp0");
    assert!("192.0.2.1/33".parse::<Address>().is_err());
}
