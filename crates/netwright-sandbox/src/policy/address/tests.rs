use super::*;

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn kinds_of_addresses() {
    use AddressKind::*;
    let cases = [
        ("192.0.2.1", Public),
        ("198.51.100.7", Public),
        ("203.0.113.9", Public),
        ("1.2.3.4", Public),
        ("2001:db8::1", Public),
        ("3fff::1", Public),
        ("2606::1", Public),
        ("10.0.0.1", Private),
        ("172.16.0.1", Private),
        ("172.31.255.255", Private),
        ("172.32.0.0", Public),
        ("172.15.255.255", Public),
        ("192.168.1.1", Private),
        ("fd00::1", Private),
        ("fc00::", Private),
        ("100.64.0.1", Shared),
        ("100.128.0.0", Public),
        ("100.100.100.200", Metadata),
        ("169.254.169.254", Metadata),
        ("169.254.1.1", LinkLocal),
        ("168.63.129.16", Metadata),
        ("168.63.129.17", Public),
        ("fd00:ec2::254", Metadata),
        ("127.0.0.53", Loopback),
        ("::1", Loopback),
        ("::", Unspecified),
        ("0.1.2.3", Unspecified),
        ("::10.0.0.1", Unspecified),
        ("224.0.0.251", Multicast),
        ("239.255.255.250", Multicast),
        ("ff02::fb", Multicast),
        ("255.255.255.255", Broadcast),
        ("240.0.0.1", Reserved),
        ("198.18.0.1", Reserved),
        ("192.0.0.2", Reserved),
        ("192.0.0.192", Metadata),
        ("fe80::1", LinkLocal),
        ("fec0::1", Reserved),
        ("2001::1", Translated),
        ("2001:20::1", Reserved),
        ("64:ff9b:1::1", Translated),
        ("64:ff9b:1:a9fe:a9:fe00::", Translated),
        ("5f00::1", Translated),
        ("::ffff:0:192.0.2.1", Public),
        ("::ffff:0:10.0.0.1", Private),
        ("::fffe:0:10.0.0.1", Reserved),
        ("4000::1", Reserved),
        ("1000::1", Reserved),
        ("fe00::1", Reserved),
    ];
    for (text, expected) in cases {
        assert_eq!(kind(address(text)), expected, "{text}");
    }
}

#[test]
fn forms_of_ipv4_addresses_are_of_their_kind() {
    for text in ["10.0.0.1", "127.0.0.1", "169.254.169.254", "192.0.2.1", "100.64.0.1", "224.0.0.1"] {
        let IpAddr::V4(plain) = address(text) else { panic!("{text}") };
        let [a, b] = [plain.to_bits() >> 16, plain.to_bits() & 0xffff];
        let forms = [
            format!("::ffff:{text}"),
            format!("64:ff9b::{text}"),
            format!("2002:{a:x}:{b:x}::1"),
            format!("::ffff:0:{text}"),
        ];
        for form in forms {
            assert_eq!(kind(address(&form)), kind(plain.into()), "{form}");
        }
    }
}

/// The sets that the kernel has say the same as the function.
#[test]
fn sets_of_prefixes_agree_with_kinds() {
    let (special, never) = (special(|_| true), special(|kind| !kind.is_ordinary()));
    let edges: Vec<IpAddr> = special.iter().flat_map(|prefix| edges(*prefix)).collect();
    assert!(edges.len() > 100);
    for address in edges.into_iter().filter(|address| address.to_canonical() == *address) {
        let within =
            |prefixes: &[Prefix]| prefixes.iter().any(|prefix| covers(*prefix, (address, length(address))));
        let routable = match address {
            IpAddr::V4(_) => true,
            IpAddr::V6(_) => {
                covers((self::address("2000::"), 3), (address, 128))
                    || covers((self::address("64:ff9b::"), 96), (address, 128))
                    || covers((self::address("::ffff:0:0:0"), 96), (address, 128))
            }
        };
        assert_eq!(within(&never), !kind(address).is_ordinary(), "{address}");
        assert_eq!(routable && !within(&special), kind(address) == AddressKind::Public, "{address}");
    }
}

/// The first and last address of a prefix, and their neighbours.
fn edges((network, bits): Prefix) -> Vec<IpAddr> {
    match network {
        IpAddr::V4(network) => {
            let first = network.to_bits();
            let last = first | u32::MAX.checked_shr(bits.into()).unwrap_or(0);
            [first, last, first.wrapping_sub(1), last.wrapping_add(1)]
                .map(|bits| Ipv4Addr::from_bits(bits).into())
                .to_vec()
        }
        IpAddr::V6(network) => {
            let first = network.to_bits();
            let last = first | u128::MAX.checked_shr(bits.into()).unwrap_or(0);
            [first, last, first.wrapping_sub(1), last.wrapping_add(1)]
                .map(|bits| Ipv6Addr::from_bits(bits).into())
                .to_vec()
        }
    }
}

#[test]
fn the_list_of_name_servers_is_read_to_the_last_line() {
    let text = include_str!("../../../policies/public-resolvers.txt");
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).count();
    assert_eq!(RESOLVERS.len(), lines);
    for prefix in RESOLVERS.iter() {
        assert_eq!(kind(prefix.0), AddressKind::Public, "{prefix:?}");
        assert_eq!(format!("{}/{}", prefix.0, prefix.1).parse::<crate::Rule>().map(|_| ()), Ok(()));
    }
    assert!(
        is_resolver(address("8.8.8.8"))
            && is_resolver(address("64:ff9b::8.8.8.8"))
            && is_resolver(address("2620:fe::fe"))
    );
    assert!(!is_resolver(address("8.8.8.9")) && !is_resolver(address("2620:ff::fe")));
}

#[test]
fn narrow_prefixes_name_what_they_cover() {
    let names = |text: &str| names_what_it_covers(prefix(text).unwrap());
    assert!(
        names("192.0.2.0/24")
            && names("169.254.0.0/16")
            && names("2001:db8::/48")
            && names("224.0.0.0/4")
            && names("fe80::/10")
    );
    assert!(!names("10.0.0.0/8") && !names("0.0.0.0/0") && !names("2001:db8::/32") && !names("64:ff9b::/96"));
    assert!(names("64:ff9b::/120") && !names("2002:cb00::/32") && names("2002:a00:1::/48"));
}
