use super::Binding;

#[test]
fn bytes_stay_as_they_are() {
    let data = b"\x00\x01\x04edge\x00\x00\x00\x00\x02\x00\x04\x00\x01\x00\x03\x02h2\x00\x04\x00\x08\x01\x02\x03\x04\x05\x06\x07\x08\xff\x00\x00\x01x";
    let binding = Binding::read(data).unwrap();
    assert_eq!(binding.target.text(), "edge");
    assert_eq!(binding.data(), data);
    assert_eq!(binding.clone().with_hints(|_| true).unwrap(), binding);
}

#[test]
fn hints_go_one_by_one() {
    let data = b"\x00\x01\x00\x00\x04\x00\x08\x01\x02\x03\x04\x05\x06\x07\x08\x00\x06\x00\x11\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x09";
    let binding = Binding::read(data).unwrap();
    let kept = binding.clone().with_hints(|address| address.to_string() != "1.2.3.4").unwrap();
    assert_eq!(kept.data(), b"\x00\x01\x00\x00\x04\x00\x04\x05\x06\x07\x08\x00\x06\x00\x10\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01");
    assert_eq!(binding.with_hints(|_| false).unwrap().data(), b"\x00\x01\x00");
}

#[test]
fn malformed_data_is_no_binding() {
    for data in [
        &b""[..],
        b"\0",
        b"\0\x01",
        b"\0\x01\0\0",
        b"\0\x01\0\0\x01\0\x01",
        b"\0\x01\0\0\x02\0\0\0\x01\0\0",
        b"\0\x01\0\0\x01\0\0\0\x01\0\0",
    ] {
        assert_eq!(Binding::read(data), None, "{data:?}");
    }
}
