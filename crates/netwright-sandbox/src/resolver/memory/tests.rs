use std::net::Ipv4Addr;

use super::*;

fn address(number: u32) -> IpAddr {
    Ipv4Addr::from(number).into()
}

#[test]
fn the_newest_name_comes_first() {
    let (known, now) = (KnownNames::default(), Instant::now());
    known.remember("a.example.org", &[address(1), address(2)], now + Duration::from_secs(60));
    known.remember("b.example.org", &[address(1)], now + Duration::from_secs(60));
    assert_eq!(known.of(address(1)).as_deref(), Some("b.example.org"));
    assert_eq!(known.all_of(address(1)), ["a.example.org", "b.example.org"]);
    assert_eq!(known.of(address(2)).as_deref(), Some("a.example.org"));
    assert_eq!(known.of(address(3)), None);
    known.remember("a.example.org", &[address(1)], now + Duration::from_secs(10));
    assert_eq!(known.all_of(address(1)), ["b.example.org", "a.example.org"]);
    assert!(known.is_released(address(1), now + Duration::from_secs(59)));
    assert!(!known.is_released(address(1), now + Duration::from_secs(61)));
}

#[test]
fn what_was_released_long_ago_is_forgotten() {
    let (known, now) = (KnownNames::default(), Instant::now());
    let Some(long_ago) = now.checked_sub(AFTERWARDS) else {
        panic!("the machine runs since {AFTERWARDS:?} at least")
    };
    known.remember("a.example.org", &[address(1)], long_ago);
    known.remember("b.example.org", &[address(2)], long_ago + Duration::from_secs(60));
    assert_eq!(known.of(address(1)), None);
    assert_eq!(known.of(address(2)).as_deref(), Some("b.example.org"));
    assert!(known.released(now).is_empty());
}

#[test]
fn memory_is_bounded() {
    let (known, until) = (KnownNames::default(), Instant::now() + Duration::from_secs(60));
    for number in 0..ADDRESSES as u32 + 100 {
        known.remember("a.example.org", &[address(number)], until);
    }
    assert_eq!(known.released(Instant::now()).len(), ADDRESSES);
    assert_eq!(known.of(address(0)), None, "the oldest went");
    for number in 0..100 {
        known.remember(&format!("{number}.example.org"), &[address(1)], until);
    }
    assert_eq!(known.all_of(address(1)).len(), NAMES);
    assert_eq!(known.of(address(1)).as_deref(), Some("99.example.org"));
}
