use super::*;

#[test]
fn equality_is_by_index() {
    assert_eq!(LinkId::named(2, "eth0"), LinkId::new(2));
    assert_ne!(LinkId::named(2, "eth0"), LinkId::named(3, "eth0"));
}

#[test]
fn the_name_is_shown_where_it_is_known() {
    assert_eq!(LinkId::named(2, "eth0").to_string(), "eth0");
    assert_eq!(LinkId::new(2).to_string(), "if2");
    assert_eq!(LinkId::named(2, "exactly15bytes-").name().as_deref(), Some("exactly15bytes-"));
    assert_eq!(LinkId::named(2, "sixteen-bytes-xx").to_string(), "if2");
}

#[test]
fn names_that_are_not_utf8_are_kept() {
    let name = netwright_wire::text::from_bytes(b"\xff\xfe\xfd\xfc-\x80\x81\x82").into_owned();
    let id = LinkId::named(2, &name);
    assert_eq!(id.name().as_deref(), Some(name.as_str()));
    assert_eq!(id.to_string(), name);
    assert_eq!(LinkId::named(2, &netwright_wire::text::from_bytes(&[0xff; 16])).name(), None);
}
