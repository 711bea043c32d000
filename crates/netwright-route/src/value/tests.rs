use std::net::Ipv4Addr;

use netwright_wire::Native;

use super::*;

#[test]
fn network_order_is_big_whatever_the_table_says() {
    let mut writer = Writer::new();
    writer.attribute::<Native, _>(15, &NetworkOrder(4789_u16));
    assert_eq!(&writer.bytes()[4..6], [0x12, 0xb5]);
    assert_eq!(NetworkOrder::<u16>::view::<Native>(&[0x12, 0xb5]).unwrap().0, 4789);
}

#[test]
fn numbered_values_keep_their_order() {
    let list = Numbered(vec![Ipv4Addr::new(192, 0, 2, 1), Ipv4Addr::new(192, 0, 2, 2)]);
    let mut writer = Writer::new();
    list.write::<Native>(&mut writer);
    assert_eq!(&writer.bytes()[2..4], 0_u16.to_ne_bytes());
    assert_eq!(&writer.bytes()[10..12], 1_u16.to_ne_bytes());
    assert_eq!(Numbered::read::<Native>(writer.bytes()).unwrap(), list);
    assert!(Numbered::<Ipv4Addr>::read::<Native>(&writer.bytes()[..15]).is_err());
}
