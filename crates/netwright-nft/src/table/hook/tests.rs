use super::*;

fn text(family: Family, hook: Hook, value: i32) -> String {
    let mut text = String::new();
    write_priority(&mut text, family, hook, value, false).unwrap();
    text
}

#[test]
fn priorities_are_listed_by_the_nearest_name() {
    for (family, hook, value, expected) in [
        (Family::IPV4, Hook::Prerouting, 0, "filter"),
        (Family::IPV4, Hook::Prerouting, 10, "filter + 10"),
        (Family::IPV4, Hook::Prerouting, 11, "11"),
        (Family::IPV4, Hook::Prerouting, -155, "mangle - 5"),
        (Family::IPV4, Hook::Prerouting, -100, "dstnat"),
        (Family::INET, Hook::Output, -100, "dstnat"),
        (Family::INET, Hook::Forward, -100, "-100"),
        (Family::IPV6, Hook::Input, 105, "srcnat + 5"),
        (Family::IPV4, Hook::Prerouting, 105, "105"),
        (Family::BRIDGE, Hook::Input, -205, "filter - 5"),
        (Family::BRIDGE, Hook::Prerouting, 0, "0"),
        (Family::BRIDGE, Hook::Output, 100, "out"),
        (Family::NETDEV, Hook::Ingress, -500, "-500"),
        (Family::IPV4, Hook::Input, i32::MIN, "-2147483648"),
    ] {
        assert_eq!(text(family, hook, value), expected);
        assert_eq!(parse_priority(family, hook, expected), Some(value));
    }
}

#[test]
fn names_belong_to_hooks() {
    assert_eq!(parse_priority(Family::IPV4, Hook::Postrouting, "dstnat"), None);
    assert_eq!(parse_priority(Family::ARP, Hook::Input, "raw"), None);
    assert_eq!(parse_priority(Family::IPV4, Hook::Input, "raw + 300"), Some(0));
    assert_eq!(parse_priority(Family::IPV4, Hook::Input, "filter +10"), Some(10));
    for nonsense in ["filter + -1", "filter +", "+ 5", "", "filter + 99999999999"] {
        assert_eq!(parse_priority(Family::IPV4, Hook::Input, nonsense), None, "{nonsense}");
    }
}

#[test]
fn chain_types_belong_to_hooks() {
    assert!(allows(Family::INET, Hook::Ingress, "filter"));
    assert!(allows(Family::IPV6, Hook::Output, "route"));
    assert!(!allows(Family::IPV6, Hook::Forward, "nat"));
    assert!(!allows(Family::BRIDGE, Hook::Prerouting, "nat"));
    assert!(!allows(Family::ARP, Hook::Forward, "filter"));
    assert!(!allows(Family::IPV4, Hook::Input, "frobnicate"));
}
