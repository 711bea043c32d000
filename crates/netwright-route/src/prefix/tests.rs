use super::*;

fn prefix(text: &str) -> Prefix {
    text.parse().unwrap()
}

#[test]
fn text_goes_in_and_comes_out() {
    for text in ["192.0.2.0/24", "192.0.2.1/24", "0.0.0.0/0", "::/0", "2001:db8::1/64", "fe80::/10"] {
        assert_eq!(prefix(text).to_string(), text);
    }
    assert_eq!(prefix("192.0.2.1").to_string(), "192.0.2.1/32");
    assert_eq!(prefix("2001:db8::1").to_string(), "2001:db8::1/128");
}

#[test]
fn wrong_text_is_explained() {
    let error = |text: &str| text.parse::<Prefix>().unwrap_err().to_string();
    assert_eq!(error("192.0.2/24"), "`192.0.2` is not an IPv4 or IPv6 address");
    assert_eq!(error(""), "`` is not an IPv4 or IPv6 address");
    assert_eq!(error("192.0.2.0/33"), "`33` is not a prefix length: an IPv4 prefix has 0 to 32 bits");
    assert_eq!(error("192.0.2.0/+8"), "`+8` is not a prefix length: an IPv4 prefix has 0 to 32 bits");
    assert_eq!(error("::/"), "`` is not a prefix length: an IPv6 prefix has 0 to 128 bits");
    assert_eq!(error("::/999"), "`999` is not a prefix length: an IPv6 prefix has 0 to 128 bits");
}

#[test]
fn host_bits_are_kept_until_asked() {
    assert_eq!(prefix("192.0.2.77/24").network(), prefix("192.0.2.0/24"));
    assert_eq!(prefix("2001:db8::77/32").network(), prefix("2001:db8::/32"));
    assert_eq!(prefix("255.255.255.255/0").network(), Prefix::ALL_IPV4);
    assert!(prefix("192.0.2.0/24").is_network());
    assert!(!prefix("192.0.2.1/24").is_network());
    assert!(prefix("192.0.2.1/32").is_network() && prefix("192.0.2.1/32").is_host());
}

#[test]
fn containment_knows_the_family() {
    assert!(prefix("192.0.2.0/24").contains("192.0.2.255".parse().unwrap()));
    assert!(!prefix("192.0.2.0/24").contains("192.0.3.0".parse().unwrap()));
    assert!(Prefix::ALL_IPV4.contains("203.0.113.1".parse().unwrap()));
    assert!(!Prefix::ALL_IPV4.contains("::".parse().unwrap()));
    assert!(prefix("10.0.0.0/8").covers(prefix("10.1.0.0/16")));
    assert!(!prefix("10.1.0.0/16").covers(prefix("10.0.0.0/8")));
    assert!(prefix("10.1.0.0/16").overlaps(prefix("10.0.0.0/8")));
    assert!(!prefix("10.1.0.0/16").overlaps(prefix("10.2.0.0/16")));
}

#[test]
fn broadcast_exists_for_ipv4_networks_with_room() {
    assert_eq!(prefix("192.0.2.1/24").broadcast(), Some(Ipv4Addr::new(192, 0, 2, 255)));
    assert_eq!(prefix("192.0.2.1/31").broadcast(), None);
    assert_eq!(prefix("2001:db8::1/64").broadcast(), None);
}

#[test]
fn too_long_a_length_is_refused() {
    assert!(Prefix::new("192.0.2.0".parse().unwrap(), 33).is_err());
    assert!(Prefix::new("::".parse().unwrap(), 129).is_err());
}
