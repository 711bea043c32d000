use super::*;

#[test]
fn names_fit_into_their_field() {
    let interface = |name: &str| Tun { name: name.into(), ..Tun::default() }.interface();
    assert_eq!(interface("tun0").unwrap(), *b"tun0\0\0\0\0\0\0\0\0\0\0\0\0");
    assert!(interface("fifteen-bytes--").is_ok());
    for wrong in ["sixteen-bytes---", "a\0b", &"x".repeat(10_000)] {
        let error = Tun { name: wrong.into(), ..Tun::default() }.interface().unwrap_err();
        assert!(error.to_string().contains("15 bytes"), "{error}");
    }
}

#[test]
fn flags_say_what_is_wanted() {
    assert_eq!(Tun::default().flags(), 0x1001);
    let tap = Tun { ethernet: true, packet_information: true, multiple_queues: true, ..Tun::default() };
    assert_eq!(tap.flags(), 0x0102);
    assert_eq!(Tun { virtio_header: true, ..Tun::default() }.flags(), 0x5001);
}
