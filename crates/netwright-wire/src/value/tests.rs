use std::fmt::Debug;

use super::*;
use crate::{Big, Native};

#[track_caller]
fn round_trip<T: Value + PartialEq + Debug>(value: T, length: usize) {
    let mut big = Writer::new();
    value.write::<Big>(&mut big);
    let mut native = Writer::new();
    value.write::<Native>(&mut native);
    assert_eq!((big.len(), native.len()), (length, length));
    assert_eq!(T::read::<Big>(big.bytes()).as_ref(), Ok(&value));
    assert_eq!(T::read::<Native>(native.bytes()).as_ref(), Ok(&value));
}

#[test]
fn values_come_back_as_they_went() {
    round_trip(0x12u8, 1);
    round_trip(-2i8, 1);
    round_trip(0x1234u16, 2);
    round_trip(-3i16, 2);
    round_trip(0x1234_5678u32, 4);
    round_trip(i32::MIN, 4);
    round_trip(u64::MAX - 1, 8);
    round_trip(-1i64, 8);
    round_trip(true, 1);
    round_trip((), 0);
    round_trip([1u8, 2, 3], 3);
    round_trip(Ipv4Addr::new(192, 0, 2, 1), 4);
    round_trip(Ipv6Addr::LOCALHOST, 16);
    round_trip(IpAddr::from([192, 0, 2, 1]), 4);
    round_trip(IpAddr::from(Ipv6Addr::LOCALHOST), 16);
    round_trip(String::from("eth0"), 5);
    round_trip(String::new(), 1);
    round_trip(vec![9u8; 7], 7);
}

#[test]
fn addresses_are_in_network_order_everywhere() {
    let mut writer = Writer::new();
    IpAddr::from([192, 0, 2, 1]).write::<Native>(&mut writer);
    assert_eq!(writer.bytes(), [192, 0, 2, 1]);
}

#[test]
fn short_payloads_are_errors_and_long_ones_are_read_by_prefix() {
    assert_eq!(u32::read::<Big>(&[1, 2, 3]), Err(Malformed::new("u32", 4, 3)));
    assert_eq!(u16::read::<Big>(&[1, 2, 3]), Ok(0x0102));
    assert!(bool::read::<Big>(&[]).is_err());
    assert!(Ipv6Addr::read::<Big>(&[0; 15]).is_err());
    for wrong in [0, 3, 5, 15, 17] {
        assert!(IpAddr::read::<Big>(&vec![0; wrong]).is_err(), "{wrong}");
    }
}

#[test]
fn texts_end_at_a_nul_or_at_the_end() {
    assert_eq!(String::view::<Native>(b"eth0\0\0\0").unwrap().as_str(), Some("eth0"));
    assert_eq!(String::view::<Native>(b"eth0").unwrap(), *"eth0");
    assert_eq!(String::view::<Native>(b"").unwrap().as_str(), Some(""));
    let odd = String::view::<Native>(b"a\xffb").unwrap();
    assert_eq!(odd.as_str(), None);
    assert_eq!(odd.to_string(), "a\u{fffd}b");
    // what is kept can be written as it was
    assert_eq!(String::read::<Native>(b"a\xff\0").unwrap(), "a\u{10ffff}");
}

#[derive(Debug, PartialEq)]
struct Port(u16);

impl Value for Port {
    type View<'a> = u16;

    fn view<O: ByteOrder>(payload: &[u8]) -> Result<u16, Malformed> {
        u16::view::<O>(payload)
    }

    fn own(view: u16) -> Result<Self, Malformed> {
        Ok(Port(view))
    }

    fn write<O: ByteOrder>(&self, writer: &mut Writer) {
        self.0.write::<O>(writer);
    }
}

impl ListItem for Port {
    const KIND: u16 = 1;
}

#[test]
fn lists_are_nests_of_one_kind() {
    round_trip(vec![Port(80), Port(443)], 16);
    round_trip(Vec::<Port>::new(), 0);
    let mut writer = Writer::new();
    writer.attribute::<Big, _>(1, &Port(80));
    writer.attribute::<Big, _>(2, &Port(81));
    assert_eq!(Vec::<Port>::read::<Big>(writer.bytes()), Ok(vec![Port(80)]));
    assert!(Vec::<Port>::read::<Big>(&writer.bytes()[..5]).is_err());
}
