use super::*;
use crate::resolver::message::INTERNET;

fn question(name: &str, kind: u16) -> Question {
    Question { name: Name::from_text(name).unwrap(), kind, class: INTERNET }
}

#[test]
fn the_local_host_is_here() {
    for name in ["localhost", "LocalHost", "app.localhost"] {
        assert_eq!(reserved(&question(name, kind::A)).unwrap().answers[0].data, [127, 0, 0, 1]);
        assert_eq!(
            reserved(&question(name, kind::AAAA)).unwrap().answers[0].data,
            Ipv6Addr::LOCALHOST.octets()
        );
        assert!(reserved(&question(name, kind::MX)).unwrap().answers.is_empty());
    }
    let outcome = reserved(&question("1.0.0.127.in-addr.arpa", kind::PTR)).unwrap();
    assert_eq!(outcome.answers[0].data, b"\x09localhost\0");
    assert_eq!(reserved(&question("7.0.0.127.in-addr.arpa", kind::PTR)).unwrap().code, code::NO_SUCH_NAME);
    assert_eq!(reserved(&question("notlocalhost", kind::A)), None);
}

#[test]
fn other_name_servers_are_not_found() {
    assert!(reserved(&question("_dns.resolver.arpa", kind::SVCB)).unwrap().answers.is_empty());
    assert_eq!(reserved(&question("use-application-dns.net", kind::A)).unwrap().code, code::NO_SUCH_NAME);
}

#[test]
fn names_of_addresses_are_read() {
    let read =
        |name: &str| reverse_address(&Name::from_text(name).unwrap()).map(|address| address.to_string());
    assert_eq!(read("4.3.2.1.IN-ADDR.arpa").as_deref(), Some("1.2.3.4"));
    let name = "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.B.d.0.1.0.0.2.ip6.arpa";
    assert_eq!(read(name).as_deref(), Some("2001:db8::1"));
    for name in [
        "3.2.1.in-addr.arpa",
        "5.4.3.2.1.in-addr.arpa",
        "256.3.2.1.in-addr.arpa",
        "04.3.2.1.in-addr.arpa",
        "+4.3.2.1.in-addr.arpa",
        "in-addr.arpa",
        "x.3.2.1.in-addr.arpa",
        "1.0.ip6.arpa",
    ] {
        assert_eq!(read(name), None, "{name}");
    }
    assert_eq!(read(&name.replacen("1.0", "+1.0", 1)), None);
    assert_eq!(asked_address(&question("4.3.2.1.in-addr.arpa", kind::A)), None);
}
