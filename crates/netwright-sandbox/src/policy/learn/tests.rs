use std::time::SystemTime;

use super::*;
use crate::event::Process;

/// `COMMAND [NAME=]ADDRESS PORT/PROTOCOL`, or `COMMAND NAME ?`.
fn event(text: &str) -> Event {
    let words: Vec<&str> = text.split(' ').collect();
    let [command, place, service] = words[..] else { panic!("{text}") };
    let (name, address) = match place.split_once('=') {
        Some((name, address)) => (Some(name), Some(address)),
        None if service == "?" => (Some(place), None),
        None => (None, Some(place)),
    };
    let (port, protocol) = match service.split_once('/') {
        Some((port, protocol)) => {
            (port.parse().ok(), Protocol::ALL.into_iter().find(|known| known.as_str() == protocol))
        }
        None => (None, None),
    };
    Event {
        time: SystemTime::UNIX_EPOCH,
        action: Action::Allowed,
        process: Some(Process { id: 1, command: command.to_owned() }),
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

fn learned(events: &[&str]) -> Learner {
    let mut learner = Learner::default();
    events.iter().for_each(|text| learner.note(&event(text)));
    learner
}

/// The rules learned of events, which must all be allowed by them.
#[track_caller]
fn check(events: &[&str], rules: &[&str]) {
    let learner = learned(events);
    let policy = learner.policy();
    let written: Vec<String> = policy.allow.iter().map(Rule::to_string).collect();
    assert_eq!(written, rules);
    for text in events {
        let event = event(text);
        let allowed = match event.protocol {
            Some(protocol) => {
                let (name, address, port) = (event.name, event.address, event.port.unwrap_or_default());
                policy.decide(&Destination { name, address, port, protocol }).is_allowed()
            }
            None => policy.name_rules(&event.name.unwrap()).is_allowed(),
        };
        assert!(allowed, "{text} is not allowed by {written:?}");
    }
}

#[test]
fn what_was_allowed_before_stays_and_is_not_learned_again() {
    let rules = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
    let known = Policy {
        allow: rules(&["b.example.org:443", "192.0.2.0/24"]),
        deny: rules(&["192.0.2.9"]),
        ..Policy::default()
    };
    let learner = learned(&[
        "curl b.example.org=198.51.100.1 443/tcp",
        "curl 192.0.2.1 80/tcp",
        "curl a.example.org=198.51.100.2 443/tcp",
    ]);
    let policy = learner.policy_beside(&known);
    assert_eq!(policy.allow, rules(&["b.example.org:443", "192.0.2.0/24", "a.example.org:443/tcp"]));
    assert_eq!(policy.deny, known.deny);
    let text = learner.to_toml_beside(&known);
    let (head, rest) = text.split_once('\n').unwrap();
    assert_eq!(head, "# What was allowed before, and what else was seen of a command.");
    assert!(rest.contains("    # once by curl\n    \"192.0.2.0/24\",\n"), "{rest}");
}

#[test]
fn names_take_their_ports_together() {
    check(
        &[
            "curl example.org ?",
            "curl Example.org.=203.0.113.1 443/tcp",
            "curl example.org=203.0.113.2 80/tcp",
            "curl example.org=203.0.113.2 443/tcp",
        ],
        &["example.org:80,443/tcp"],
    );
    check(
        &["curl example.org=203.0.113.1 443/tcp", "curl example.org=203.0.113.1 443/udp"],
        &["example.org:443"],
    );
    check(
        &[
            "x example.org=203.0.113.1 443/tcp",
            "x example.org=203.0.113.1 123/udp",
            "x example.org=203.0.113.1 0/icmp",
        ],
        &["example.org/icmp", "example.org:123/udp", "example.org:443/tcp"],
    );
}

#[test]
fn three_names_make_a_pattern() {
    check(
        &[
            "x a.example.org=203.0.113.1 443/tcp",
            "x b.example.org=203.0.113.1 443/tcp",
            "x c.example.org=203.0.113.1 443/tcp",
            "x d.e.example.org=203.0.113.1 443/tcp",
            "x a.example.org=203.0.113.1 80/tcp",
            "x example.org=203.0.113.1 443/tcp",
        ],
        &["*.example.org:443/tcp", "example.org:443/tcp", "a.example.org:80/tcp"],
    );
    check(
        &[
            "x a.example.org=203.0.113.1 443/tcp",
            "x b.example.org=203.0.113.1 443/tcp",
            "x c.example.org=203.0.113.1 443/tcp",
            "x d.e.example.org=203.0.113.1 443/tcp",
            "x example.org=203.0.113.1 443/tcp",
        ],
        &["*.example.org:443/tcp", "example.org:443/tcp"],
    );
    check(
        &["x a.example.org=203.0.113.1 443/tcp", "x b.example.org=203.0.113.1 443/tcp"],
        &["a.example.org:443/tcp", "b.example.org:443/tcp"],
    );
}

#[test]
fn strangers_are_not_let_in() {
    for parent in ["org", "co.uk", "com.au", "github.io", "cloudfront.net", "amazonaws.com"] {
        let events: Vec<String> = ["a", "b", "c", "d"]
            .iter()
            .map(|name| format!("x {name}.{parent}=203.0.113.1 443/tcp"))
            .collect();
        let learner = learned(&events.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(learner.policy().allow.len(), 4, "{parent}");
    }
}

#[test]
fn addresses_stay_addresses() {
    check(
        &[
            "x 203.0.113.1 22/tcp",
            "x 203.0.113.2 22/tcp",
            "x 203.0.113.3 22/tcp",
            "x 2001:db8::1 0/icmp",
            "x 127.0.0.1 5432/tcp",
            "x 8.8.8.8 53/udp",
        ],
        &[
            "8.8.8.8:53/udp",
            "203.0.113.1:22/tcp",
            "203.0.113.2:22/tcp",
            "203.0.113.3:22/tcp",
            "2001:db8::1/icmp",
            "host:5432/tcp",
        ],
    );
}

#[test]
fn a_name_with_a_private_address_needs_both() {
    check(&["psql db.example.org=10.0.0.5 5432/tcp"], &["db.example.org:5432/tcp", "10.0.0.5:5432/tcp"]);
    check(
        &["x meta.example.org=169.254.169.254 80/tcp"],
        &["meta.example.org:80/tcp", "169.254.169.254:80/tcp"],
    );
}

#[test]
fn what_was_only_asked_for_may_be_asked_for() {
    check(
        &["x _http._tcp.example.org ?", "x example.org ?"],
        &["example.org/icmp", "_http._tcp.example.org/icmp"],
    );
}

#[test]
fn patterns_take_in_what_lies_below() {
    check(
        &[
            "x a.b.example.org=203.0.113.1 443/tcp",
            "x c.b.example.org=203.0.113.1 443/tcp",
            "x d.b.example.org=203.0.113.1 443/tcp",
            "x e.example.org=203.0.113.1 443/tcp",
            "x f.example.org=203.0.113.1 443/tcp",
            "x g.example.org=203.0.113.1 443/tcp",
            "x h.example.org ?",
            "x i.example.org ?",
        ],
        &["*.example.org:443/tcp", "h.example.org/icmp", "i.example.org/icmp"],
    );
}

#[test]
fn what_was_refused_is_not_learned() {
    let mut learner = Learner::default();
    learner.note(&Event { action: Action::Blocked, ..event("x 203.0.113.1 22/tcp") });
    learner.note(&event("x bad\u{7}name ?"));
    assert_eq!(learner.policy(), Policy::default());
}

#[test]
fn the_file_tells_how_often_and_by_whom() {
    let events = [
        "npm a.example.org=203.0.113.1 443/tcp",
        "npm b.example.org=203.0.113.1 443/tcp",
        "node c.example.org=203.0.113.1 443/tcp",
        "node c.example.org=203.0.113.1 443/tcp",
        "git 203.0.113.9 22/tcp",
    ];
    let text = learned(&events).to_toml();
    let expected = "# What was seen of a command, and nothing else.
allow = [
    # 4 times by node, npm: a.example.org, b.example.org, c.example.org
    \"*.example.org:443/tcp\",
    # once by git
    \"203.0.113.9:22/tcp\",
]
";
    assert_eq!(text, expected);
}
