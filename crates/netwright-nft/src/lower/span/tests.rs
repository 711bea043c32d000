use super::{greatest, span, stored};
use crate::ir::{Expression, TypePart, Value};
use crate::table::DataType;

fn number(data_type: DataType, bits: u32, number: u128) -> Value {
    Value::number(data_type, bits, number)
}

#[test]
fn a_number_of_the_machine_is_turned_for_sets_without_intervals() {
    let parts = [TypePart::of(DataType::MARK)];
    let key = Expression::Value(number(DataType::MARK, 32, 0x01020304));
    let (first, last) = span(&parts, &key).unwrap();
    assert_eq!((&first[..], &last[..]), (&[1, 2, 3, 4][..], &[1, 2, 3, 4][..]));
    let there = stored(&parts, &first);
    assert_eq!(&there[..], &0x01020304_u32.to_ne_bytes());
    assert_eq!(&stored(&parts, &there)[..], &first[..]);
}

#[test]
fn parts_side_by_side_are_filled_up() {
    let parts = [TypePart::of(DataType::INET_SERVICE), TypePart::of(DataType::MARK)];
    let port = |port| number(DataType::INET_SERVICE, 16, port);
    let key = Expression::Concatenation(vec![
        Expression::Range(port(80), port(443)),
        Expression::Value(number(DataType::MARK, 32, 7)),
    ]);
    let (first, last) = span(&parts, &key).unwrap();
    assert_eq!(&first[..], &[0, 80, 0, 0, 0, 0, 0, 7]);
    assert_eq!(&last[..], &[1, 187, 0, 0, 0, 0, 0, 7]);
    let there = stored(&parts, &first);
    assert_eq!(&there[..4], &[0, 80, 0, 0]);
    assert_eq!(&there[4..], &7_u32.to_ne_bytes());
    assert_eq!(&stored(&parts, &there)[..], &first[..]);
}

#[test]
fn a_prefix_ends_with_ones() {
    let parts = [TypePart::of(DataType::IPV4_ADDR)];
    let key = Expression::Prefix(number(DataType::IPV4_ADDR, 32, 0x0a000000), 8);
    let (first, last) = span(&parts, &key).unwrap();
    assert_eq!((&first[..], &last[..]), (&[10, 0, 0, 0][..], &[10, 255, 255, 255][..]));
    assert_eq!(&greatest(&parts[0])[..], &[255; 4]);
}

#[test]
fn another_number_of_parts_is_refused() {
    let parts = [TypePart::of(DataType::IPV4_ADDR)];
    assert!(span(&parts, &Expression::Concatenation(Vec::new())).is_err());
}
