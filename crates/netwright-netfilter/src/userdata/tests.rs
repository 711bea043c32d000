use super::*;

/// `nft add set inet t s2 { typeof ip saddr . tcp dport; }` writes this behind the order of the key.
const TYPEOF: &str = "00040d000000012c0014000407000000010c00040c00000001040b0000000114000407000000010c000408000000010402000000";

fn bytes(hex: &str) -> Vec<u8> {
    hex.as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

#[test]
fn concatenated_types_are_read_and_written_as_nft_writes_them() {
    let read = TypeOf::read(&bytes(TYPEOF)).unwrap();
    assert_eq!(read.kind, TypeOfKind::CONCATENATION);
    let field = |protocol, field| TypeOf::with_numbers(TypeOfKind::PAYLOAD, &[protocol, field]).unwrap();
    let parts = [field(12, 11), field(8, 2)];
    assert_eq!(read.parts().unwrap(), parts);
    let mut userdata = Userdata::new();
    userdata.push_type_of(entry::SET_KEY_TYPEOF, &TypeOf::concatenation(&parts).unwrap()).unwrap();
    assert_eq!(userdata.0[2..], bytes(TYPEOF));
}

#[test]
fn comments_end_with_a_nul() {
    let comment = Userdata::comment("hello").unwrap();
    assert_eq!(comment.0, b"\x00\x06hello\x00");
    assert_eq!(comment.text(entry::COMMENT), Some("hello"));
}

#[test]
fn entries_end_where_they_are_cut_off() {
    let userdata = Userdata(vec![2, 4, 1, 0, 0, 0, 9, 200, 1]);
    assert_eq!(userdata.entries().count(), 1);
    assert_eq!(userdata.number(entry::SET_AUTO_MERGE), Some(u32::from_ne_bytes([1, 0, 0, 0])));
    assert_eq!(Userdata(vec![7]).find(7), None);
}

#[test]
fn what_the_kernel_would_refuse_is_refused() {
    assert_eq!(Userdata::comment(&"x".repeat(255)), Err(UserdataTooLong(258)));
    let mut userdata = Userdata::comment(&"x".repeat(200)).unwrap();
    assert_eq!(userdata.push_number(7, 1).err(), None);
    assert!(userdata.push_text(7, &"x".repeat(60)).is_err());
}
