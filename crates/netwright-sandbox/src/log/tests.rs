use std::time::Duration;

use super::*;
use crate::Process;

fn event() -> Event {
    Event {
        time: UNIX_EPOCH + Duration::from_millis(1_709_210_096_007),
        action: Action::Blocked,
        process: Some(Process { id: 77, command: "curl".into() }),
        name: Some("www.example.org".into()),
        path: None,
        file_use: None,
        address: Some([192, 0, 2, 9].into()),
        port: Some(443),
        protocol: Some(Protocol::Tcp),
        source: None,
        reason: "no rule allows it".into(),
    }
}

#[test]
fn a_line_has_all_that_is_known() {
    let event = event();
    assert_eq!(
        json_line(&event, event.suggestion().as_ref()),
        r#"{"time": "2024-02-29T12:34:56.007Z", "action": "blocked", "pid": 77, "command": "curl", "name": "www.example.org", "#
            .to_owned()
            + r#""address": "192.0.2.9", "port": 443, "protocol": "tcp", "reason": "no rule allows it", "#
            + r#""allow": "www.example.org:443/tcp"}"#
    );
    let bare = Event { process: None, name: None, address: None, port: None, protocol: None, ..event };
    assert_eq!(
        json_line(&bare, None),
        r#"{"time": "2024-02-29T12:34:56.007Z", "action": "blocked", "reason": "no rule allows it"}"#
    );
}

#[test]
fn the_same_attempt_is_counted_and_told_once() {
    let mut log = Log::default();
    assert!(log.add(&event()));
    let elsewhere = Event { address: Some([192, 0, 2, 10].into()), ..event() };
    assert!(!log.add(&elsewhere), "an address more of the same name");
    assert!(log.add(&Event { port: Some(80), ..event() }));
    assert!(log.add(&Event { action: Action::Allowed, ..event() }));
    let counts: Vec<u64> = log.attempts(Action::Blocked).map(|attempt| attempt.count).collect();
    assert_eq!(counts, [2, 1]);
}

#[test]
fn a_flood_of_different_attempts_is_bounded() {
    let mut log = Log::default();
    for number in 0..=u16::MAX {
        log.add(&Event { port: Some(number), ..event() });
    }
    assert_eq!(log.attempts(Action::Blocked).count(), Log::MOST);
    assert_eq!(log.more(), (1 << 16) - Log::MOST as u64);
}

#[test]
fn dates_have_leap_years() {
    let text = |days: u64| timestamp(UNIX_EPOCH + Duration::from_secs(days * 86_400));
    assert_eq!(text(0), "1970-01-01T00:00:00.000Z");
    assert_eq!(text(11_016), "2000-02-29T00:00:00.000Z");
    assert_eq!(text(47_540), "2100-02-28T00:00:00.000Z");
    assert_eq!(text(47_541), "2100-03-01T00:00:00.000Z");
}
