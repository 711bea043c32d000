use std::time::Duration;

use netwright_nft::diagnostic::SourceMap;
use netwright_simulate::{FlowReport, Place, Report};
use netwright_state::model::{Expect, Host};
use netwright_state::{Format, read};

use super::{Shown, select};
use crate::arguments::{Color, Global};

const FILE: &str = r#"
[link.wan]
addresses = ["203.0.113.2/24"]

[[flow]]
name = "the web is open"
from = "wan 192.0.2.66"
to = "203.0.113.2"
tcp = 443

[[flow]]
name = "names are not"
from = "wan 192.0.2.66"
to = "203.0.113.2"
udp = 53
times = 3
expect = "drop"
"#;

fn host(sources: &mut SourceMap) -> Host {
    let (host, found) = read(sources, "host.toml", FILE, Format::Toml, &mut |_| Err("no file".into()));
    host.unwrap_or_else(|| unreachable!("{found:?}"))
}

fn flow(name: &str, expected: Expect, seen: Expect, at: &str, text: &str) -> FlowReport {
    FlowReport {
        name: name.into(),
        expected,
        seen: Some(seen),
        seen_from: Some("192.0.2.66:4000".parse().expect("an address")),
        arrived_at: (seen == Expect::Accept).then(|| "203.0.113.2:443".parse().expect("an address")),
        decided_by: Some(Place { at: at.into(), text: text.into() }),
        passed: expected == seen,
        details: if expected == seen { Vec::new() } else { vec!["An answer came back.".into()] },
        elapsed: Duration::from_micros(1234),
    }
}

fn shown(flows: Vec<FlowReport>, quiet: bool, verbose: bool) -> String {
    let mut sources = SourceMap::default();
    let host = host(&mut sources);
    let report = Report { flows, elapsed: Duration::from_millis(250) };
    let global = Global { color: Color::Never, quiet, verbose };
    let mut out = Vec::new();
    let shown = Shown { report: &report, host: &host, sources: &sources, global: &global };
    shown.write(&mut out).expect("a vector takes everything");
    anstream::adapter::strip_str(&String::from_utf8(out).expect("text")).to_string()
}

fn good() -> Vec<FlowReport> {
    vec![
        flow("the web is open", Expect::Accept, Expect::Accept, "host.nft:7", "tcp dport 443 accept"),
        flow("names are not", Expect::Drop, Expect::Drop, "host.nft:4", "policy drop"),
    ]
}

#[test]
fn all_as_expected_is_a_table_and_a_line() {
    let expected = "    FLOW             EXPECTED  SEEN    DECIDED BY
ok  the web is open  accept    accept  host.nft:7  tcp dport 443 accept
ok  names are not    drop      drop    host.nft:4  policy drop

2 flows: 2 as expected (0.25 s)
";
    assert_eq!(shown(good(), false, false), expected);
    assert_eq!(shown(good(), true, false), "");
}

#[test]
fn more_words_tell_the_packet_and_the_time() {
    let text = shown(good(), false, true);
    let line = text.lines().nth(2).unwrap_or_default();
    assert!(line.contains("wan 192.0.2.66 → 203.0.113.2 udp 53, 3 times"), "{text}");
    assert!(line.contains("  1.2 ms  host.nft:4"), "{text}");
}

#[test]
fn what_is_not_as_expected_is_explained_below() {
    let mut flows = good();
    flows[1] = flow("names are not", Expect::Drop, Expect::Accept, "host.nft:9", "udp dport 53 accept");
    let expected = "\
FAIL  names are not    drop      accept  host.nft:9  udp dport 53 accept

FAIL names are not
  declared    host.toml:11
  packet      wan 192.0.2.66 → 203.0.113.2 udp 53, 3 times
  expected    drop
  seen        accept, coming from 192.0.2.66:4000, arriving at 203.0.113.2:443
  decided by  host.nft:9: udp dport 53 accept
  An answer came back.

2 flows: 1 as expected, 1 not as expected (0.25 s)
";
    let text = shown(flows, false, false);
    assert!(text.ends_with(expected), "{text}");
}

#[test]
fn flows_are_chosen_by_words_of_their_names() {
    let mut host = host(&mut SourceMap::default());
    assert!(select(&mut host, &["nothing like it".into()]).is_err());
    assert_eq!(host.flows.len(), 2);
    assert!(select(&mut host, &["WEB".into()]).is_ok());
    assert_eq!(host.flows.iter().map(|flow| flow.name.as_str()).collect::<Vec<_>>(), ["the web is open"]);
}
