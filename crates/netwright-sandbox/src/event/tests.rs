use super::*;

fn event(name: Option<&str>, address: Option<&str>, port: Option<u16>, protocol: Option<Protocol>) -> Event {
    Event {
        time: SystemTime::UNIX_EPOCH,
        action: Action::Blocked,
        process: None,
        name: name.map(str::to_owned),
        path: None,
        file_use: None,
        address: address.map(|address| address.parse().unwrap()),
        port,
        protocol,
        source: None,
        reason: String::new(),
    }
}

#[test]
fn the_rule_that_would_allow_it_is_the_narrowest() {
    let suggestion = |name, address, port, protocol| {
        event(name, address, port, protocol).suggestion().map(|rule| rule.to_string())
    };
    let (tcp, udp, icmp) = (Some(Protocol::Tcp), Some(Protocol::Udp), Some(Protocol::Icmp));
    let allow = |text: &str| Some(text.to_owned());
    let address = Some("192.0.2.9");
    assert_eq!(suggestion(Some("a.example.org"), None, None, None), allow("a.example.org"));
    assert_eq!(suggestion(Some("example.org"), address, Some(443), tcp), allow("example.org:443/tcp"));
    assert_eq!(suggestion(None, address, Some(53), udp), allow("192.0.2.9:53/udp"));
    assert_eq!(suggestion(None, Some("2001:db8::1"), Some(22), tcp), allow("[2001:db8::1]:22/tcp"));
    assert_eq!(suggestion(None, address, None, icmp), allow("192.0.2.9/icmp"));
    assert_eq!(suggestion(None, Some("127.0.0.1"), Some(5432), tcp), allow("host:5432/tcp"));
    assert_eq!(suggestion(None, address, None, None), None, "a protocol that no rule can tell");
    assert_eq!(suggestion(None, None, None, tcp), None);
    let odd = "a\" accept comment \"b.example.org";
    assert_eq!(
        suggestion(Some(odd), address, Some(443), tcp),
        allow("192.0.2.9:443/tcp"),
        "no rule can have the name"
    );
    assert_eq!(suggestion(Some(odd), None, None, None), None);
}

#[test]
fn the_target_is_one_word() {
    assert_eq!(event(Some("example.org"), Some("192.0.2.9"), Some(443), None).target(), "example.org:443");
    assert_eq!(event(None, Some("2001:db8::1"), Some(53), None).target(), "[2001:db8::1]:53");
    assert_eq!(event(None, Some("2001:db8::1"), None, None).target(), "2001:db8::1");
}
