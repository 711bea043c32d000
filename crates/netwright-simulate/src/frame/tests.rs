#![allow(clippy::unwrap_used)]

use super::*;

const MAC: Mac = Mac([2, 0, 0, 0, 0, 9]);
const OTHER: Mac = Mac([2, 0, 0, 0, 0, 1]);

#[test]
fn frames_survive_being_written_and_read() {
    let tags = vec![Tag { kind: ether::DOT1AD, id: 100 }, Tag { kind: ether::DOT1Q, id: 7 }];
    for tags in [Vec::new(), tags] {
        let frame = Frame { to: OTHER, from: MAC, tags, kind: ether::IPV4, payload: b"packet" };
        assert_eq!(Frame::parse(&frame.bytes()), Some(frame.clone()));
        let bytes = frame.bytes();
        for length in 0..14 {
            assert_eq!(Frame::parse(&bytes[..length]), None);
        }
    }
}

#[test]
fn questions_for_neighbours_are_understood() {
    for (target, sender, group) in [
        ("192.0.2.1", "192.0.2.9", "ff:ff:ff:ff:ff:ff"),
        ("2001:db8::abcd:1", "2001:db8::9", "33:33:ff:cd:00:01"),
        ("fe80::1", "fe80::9", "33:33:ff:00:00:01"),
    ] {
        let (target, sender) = (target.parse().unwrap(), sender.parse().unwrap());
        let (to, kind, bytes) = question(target, sender, MAC).unwrap();
        assert_eq!(to.to_string(), group);
        assert_eq!(Discovery::parse(kind, &bytes), Some(Discovery::Asks { target, sender }));
        let (kind, bytes) = answer(target, OTHER, sender, MAC).unwrap();
        assert_eq!(Discovery::parse(kind, &bytes), Some(Discovery::Tells { target, at: OTHER }));
        for length in 0..bytes.len() {
            Discovery::parse(kind, &bytes[..length]);
        }
    }
    let (v4, v6) = (IpAddr::from([192, 0, 2, 1]), "fe80::1".parse().unwrap());
    assert_eq!(question(v4, v6, MAC), None);
    assert_eq!(answer(v6, OTHER, v4, MAC), None);
}

#[test]
fn groups_have_addresses() {
    assert_eq!(Mac::of_group("224.129.0.251".parse().unwrap()).to_string(), "01:00:5e:01:00:fb");
    assert_eq!(Mac::of_group("ff02::1:ff00:1".parse().unwrap()).to_string(), "33:33:ff:00:00:01");
    assert!(Mac::BROADCAST.is_group() && !MAC.is_group());
}
