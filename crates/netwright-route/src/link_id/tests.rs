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
    assert_eq!(LinkId::named(2, "exactly15bytes-").name(), Some("exactly15bytes-"));
    assert_eq!(LinkId::named(2, "sixteen-bytes-xx").to_string(), "if2");
}
