use super::*;
use crate::expression::*;
use crate::raw::*;
use crate::{Family, Set};

#[test]
fn the_order_of_a_value_follows_from_what_loaded_the_register() {
    let rule = [
        meta(MetaKey::INPUT_INDEX).into(R1),
        bitwise(R1, R1, 0xff_u32.to_ne_bytes(), 0_u32.to_ne_bytes()),
        cmp(R1, EQ, 2_u32.to_ne_bytes()),
        payload(Base::TRANSPORT, 2, 2).into(R1),
        cmp(R1, EQ, 22_u16.to_be_bytes()),
    ];
    let lines = bytecode(&rule, Form::Bytes);
    assert_eq!(lines[1], "[ bitwise reg 1 = ( reg 1 & 0x000000ff ) ^ 0x00000000 ]");
    assert_eq!(lines[2], "[ cmp eq reg 1 0x00000002 ]");
    assert_eq!(lines[4], "[ cmp eq reg 1 0x0016 ]");
    assert_eq!(bytecode(&rule, Form::Words)[4], rule[4].to_string());
}

#[test]
#[cfg(target_endian = "little")]
fn words_are_what_lies_in_the_registers() {
    assert_eq!(cmp(R1, EQ, 22_u16.to_be_bytes()).to_string(), "[ cmp eq reg 1 0x00001600 ]");
}

#[test]
fn the_order_of_an_immediate_follows_from_what_uses_it() {
    let mark = meta(MetaKey::MARK).from(R1);
    let rule = [immediate(7_u32.to_ne_bytes()).into(R1), mark, immediate([1, 2]).into(R1)];
    assert_eq!(bytecode(&rule, Form::Bytes)[0], "[ immediate reg 1 0x00000007 ]");
    assert_eq!(bytecode(&rule, Form::Bytes)[2], "[ immediate reg 1 0x0102 ]");
}

#[test]
fn a_concatenation_is_printed_part_by_part() {
    let set = Set::new(Family::IPV4, "t", "s", 12);
    let rule = [
        payload(Base::NETWORK, 12, 4).into(R1),
        meta(MetaKey::L4_PROTOCOL).into(Register::R32_01),
        meta(MetaKey::MARK).into(Register::R32_02),
        lookup(R1, "s"),
    ];
    let layout = set_layout(&rule, &set).unwrap();
    let mark = 9_u32.to_ne_bytes();
    let mut key = crate::DataValue::from([192, 0, 2, 1]);
    key.extend_part(&[6]).unwrap();
    key.extend_part(&mark).unwrap();
    assert_eq!(element(&Element::new(key), &layout, Form::Bytes), "c0000201 . 06 . 00000009");
}

#[test]
fn what_lacks_attributes_is_printed() {
    assert_eq!(Expression::from(RangeAttrs::default()).to_string(), "[ range eq reg 0   ]");
    assert_eq!(Expression::from(NoTrackAttrs::default()).to_string(), "[ notrack ]");
    let unknown = Expression::Unknown { name: "newer".into(), data: vec![] };
    assert_eq!(unknown.to_string(), "[ newer ]");
}
