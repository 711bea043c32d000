use super::*;

fn policy(allow: &[&str], deny: &[&str]) -> Policy {
    let rules = |texts: &[&str]| texts.iter().map(|text| text.parse::<Rule>().unwrap()).collect();
    Policy { allow: rules(allow), deny: rules(deny), ..Policy::default() }
}

/// `ADDRESS PORT/PROTOCOL`, or `NAME=ADDRESS PORT/PROTOCOL`.
fn destination(text: &str) -> Destination {
    let (place, service) = text.split_once(' ').unwrap();
    let (name, address) =
        place.split_once('=').map_or((None, place), |(name, address)| (Some(name.to_owned()), address));
    let (port, protocol) = service.split_once('/').unwrap();
    Destination {
        name,
        address: Some(address).filter(|address| !address.is_empty()).map(|address| address.parse().unwrap()),
        port: port.parse().unwrap(),
        protocol: Protocol::ALL.into_iter().find(|known| known.as_str() == protocol).unwrap(),
    }
}

#[track_caller]
fn check(allow: &[&str], deny: &[&str], cases: &[(&str, Decision)]) {
    let policy = policy(allow, deny);
    for (text, expected) in cases {
        assert_eq!(policy.decide(&destination(text)), *expected, "{text}");
    }
}

#[test]
fn ports_and_protocols_are_those_of_the_rule() {
    use Decision::*;
    check(
        &["192.0.2.1:443", "192.0.2.0/24:80/udp", "198.51.100.0/24/icmp"],
        &[],
        &[
            ("192.0.2.1 443/tcp", Allowed(0)),
            ("192.0.2.1 443/udp", Allowed(0)),
            ("192.0.2.1 444/tcp", Unmatched),
            ("192.0.2.1 0/icmp", Unmatched),
            ("192.0.2.1 80/udp", Allowed(1)),
            ("192.0.2.9 80/tcp", Unmatched),
            ("198.51.100.9 0/icmp", Allowed(2)),
            ("198.51.100.9 80/tcp", Unmatched),
            ("::ffff:192.0.2.1 443/tcp", Allowed(0)),
            ("64:ff9b::192.0.2.1 443/tcp", Unmatched),
        ],
    );
}

#[test]
fn words_leave_special_addresses_out() {
    use Decision::*;
    check(
        &["any", "icmp"],
        &[],
        &[
            ("10.0.0.1 80/tcp", Allowed(0)),
            ("203.0.113.1 80/udp", Allowed(0)),
            ("203.0.113.1 0/icmp", Allowed(1)),
            ("169.254.169.254 80/tcp", Special(AddressKind::Metadata)),
            ("fd00:ec2::254 80/tcp", Special(AddressKind::Metadata)),
            ("64:ff9b::a9fe:a9fe 80/tcp", Special(AddressKind::Metadata)),
            ("2002:a9fe:a9fe::1 80/tcp", Special(AddressKind::Metadata)),
            ("224.0.0.251 5353/udp", Special(AddressKind::Multicast)),
            ("255.255.255.255 67/udp", Special(AddressKind::Broadcast)),
            ("203.0.113.1 53/udp", NameServerPort),
            ("203.0.113.1 853/tcp", NameServerPort),
            ("8.8.8.8 443/tcp", PublicResolver),
            ("8.8.8.8 0/icmp", Allowed(1)),
            ("127.0.0.1 80/tcp", Own),
        ],
    );
    check(
        &["internet", "lan:22"],
        &[],
        &[
            ("10.0.0.1 80/tcp", Unmatched),
            ("10.0.0.1 22/tcp", Allowed(1)),
            ("100.64.0.1 80/tcp", Unmatched),
            ("2001:db8::1 80/tcp", Allowed(0)),
            ("64:ff9b::203.0.113.1 80/tcp", Allowed(0)),
            ("64:ff9b::10.0.0.1 80/tcp", Unmatched),
            ("2002:a00:1::1 80/tcp", Unmatched),
        ],
    );
}

#[test]
fn what_is_named_is_reached() {
    use Decision::*;
    check(
        &["0.0.0.0/0", "169.254.169.254:80/tcp", "8.8.8.8:443/tcp", "9.9.9.9:53", "host:5432"],
        &[],
        &[
            ("169.254.169.254 80/tcp", Allowed(1)),
            ("169.254.169.254 81/tcp", Special(AddressKind::Metadata)),
            ("8.8.8.8 443/tcp", Allowed(2)),
            ("8.8.8.8 443/udp", PublicResolver),
            ("9.9.9.9 53/udp", Allowed(3)),
            ("9.9.9.9 53/tcp", Allowed(3)),
            ("127.0.0.1 5432/tcp", Allowed(4)),
            ("::1 5432/udp", Allowed(4)),
            ("::1 5433/udp", Own),
            ("127.1.2.3 5432/tcp", Allowed(4)),
            ("192.0.0.2 5432/tcp", Allowed(0)),
            ("fd6e:7772:6967:6874::2 5432/tcp", Unmatched),
        ],
    );
    check(&["10.0.0.0/8:1-65535"], &[], &[("10.1.2.3 53/udp", Allowed(0))]);
    check(&["lan:1-65535"], &[], &[("10.1.2.3 53/udp", NameServerPort)]);
}

#[test]
fn deny_wins() {
    use Decision::*;
    check(
        &["any", "icmp", "a.example.org", "host:80"],
        &["10.0.0.0/8", "203.0.113.1:80", "host:80", "*.example.org"],
        &[
            ("10.0.0.1 80/tcp", Denied(0)),
            ("10.0.0.1 0/icmp", Denied(0)),
            ("64:ff9b::10.0.0.1 80/tcp", Denied(0)),
            ("2002:a00:1::5 80/tcp", Denied(0)),
            ("203.0.113.1 80/udp", Denied(1)),
            ("203.0.113.1 0/icmp", Allowed(1)),
            ("127.0.0.1 80/tcp", Denied(2)),
            ("a.example.org= 80/tcp", Denied(3)),
            ("a.example.org=203.0.113.5 80/tcp", Denied(3)),
            ("203.0.113.5 80/tcp", Allowed(0)),
        ],
    );
    check(&["any"], &["lan"], &[("fd00:ec2::254 80/tcp", Denied(0)), ("127.0.0.1 80/tcp", Own)]);
}

#[test]
fn names_lead_to_admitted_addresses_only() {
    use Decision::*;
    let allow = ["*.example.org:443", "10.1.0.0/16:22"];
    check(
        &allow,
        &[],
        &[
            ("a.example.org= 443/tcp", Allowed(0)),
            ("A.Example.Org.= 443/tcp", Allowed(0)),
            ("a.example.org= 80/tcp", Unmatched),
            ("a.example.org=203.0.113.1 443/tcp", Allowed(0)),
            ("a.example.org=10.1.0.1 443/tcp", Unmatched),
            ("a.example.org=10.1.0.1 22/tcp", Allowed(1)),
            ("a.example.org=10.2.0.1 443/tcp", Unmatched),
            ("a.example.org=127.0.0.1 443/tcp", Own),
            ("a.example.org=64:ff9b::10.2.0.1 443/tcp", Unmatched),
            ("a.example.org=169.254.169.254 443/tcp", Special(AddressKind::Metadata)),
            ("=203.0.113.1 443/tcp", Unmatched),
        ],
    );
    let hosts = vec![("a.example.org".to_owned(), "10.2.0.1".parse().unwrap())];
    let policy = Policy { hosts, ..policy(&allow, &[]) };
    assert_eq!(policy.decide(&destination("a.example.org=10.2.0.1 443/tcp")), Allowed(0));
    assert!(!policy.admits("b.example.org", "10.2.0.1".parse().unwrap()));
}
