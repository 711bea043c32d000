use super::super::super::allowance::Allowance;
use super::*;

fn tuple() -> Tuple {
    Tuple { source: "192.0.0.2:40000".parse().unwrap(), destination: "198.51.100.7:443".parse().unwrap() }
}

fn outside(allowance: &Allowance) -> Outside {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap().into();
    Outside { socket, permit: allowance.take(2).unwrap(), tuple: None, judged: 0 }
}

#[test]
fn a_connection_goes_from_held_to_passed() {
    let (mut table, now, allowance) = (Table::default(), Instant::now(), Allowance::new(2));
    assert_eq!(table.arrived(tuple(), 1, b"segment", now), Next::Dial);
    let number = table.dialled(tuple(), 1, b"segment", outside(&allowance), now);
    assert_eq!(table.arrived(tuple(), 1, b"copy", now), Next::Wait);
    assert_eq!(table.outside(number).map(|(tuple, _)| tuple), Some(tuple()));
    assert!(table.accepted(&tuple(), now).is_none(), "it was not released yet");
    assert_eq!(table.answered(number, now), Some(&b"copy"[..]));
    assert_eq!(table.arrived(tuple(), 1, b"copy", now), Next::Release);
    assert!(table.accepted(&tuple(), now).is_some());
    assert!(table.accepted(&tuple(), now).is_none(), "once only");
    assert_eq!(table.arrived(tuple(), 1, b"late", now), Next::Wait);
    assert_eq!(table.arrived(tuple(), 2, b"another connection", now), Next::Dial);
    table.sweep(now + PASSED);
    assert!(table.is_empty());
}

#[test]
fn who_has_given_up_is_forgotten() {
    let (mut table, start, allowance) = (Table::default(), Instant::now(), Allowance::new(2));
    let number = table.dialled(tuple(), 1, b"segment", outside(&allowance), start);
    let second = Duration::from_secs(1);
    table.arrived(tuple(), 1, b"segment", start + second);
    table.sweep(start + 4 * second);
    assert!(table.outside(number).is_some(), "the next copy is due after three seconds");
    table.sweep(start + 5 * second);
    assert!(table.outside(number).is_none() && table.is_empty());
    assert!(allowance.take(2).is_some());
}

#[test]
fn a_failed_connection_gives_its_segment_back() {
    let (mut table, now, allowance) = (Table::default(), Instant::now(), Allowance::new(2));
    let number = table.dialled(tuple(), 1, b"segment", outside(&allowance), now);
    assert_eq!(table.failed(number), Some(b"segment".to_vec()));
    assert_eq!(table.failed(number), None);
    assert_eq!(table.answered(number, now), None);
    assert_eq!(table.arrived(tuple(), 1, b"segment", now), Next::Dial);
}
