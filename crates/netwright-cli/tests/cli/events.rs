//! `netwright monitor` in namespaces made for the test.

use crate::support::{isolated, run, stdout};
use serde_json::Value;

#[test]
fn changes_are_shown_as_they_happen() {
    let script = r#"
        folder=$(mktemp -d); trap 'rm -r "$folder"' EXIT
        "$0" monitor --existing links addresses rules > "$folder/told" & monitor=$!
        until grep -qs '^# ' "$folder/told"; do sleep 0.02; done
        ip link add d0 type bridge
        ip address add 192.0.2.1/24 dev d0
        ip address del 192.0.2.1/24 dev d0
        ip rule add from 10.0.0.0/8 table 100 pref 10
        until grep -qs 'rule 10:' "$folder/told"; do sleep 0.02; done
        kill $monitor
        grep -v fe80 "$folder/told"
    "#;
    let told = stdout(&mut isolated(script));
    for line in [
        "= link lo down state down mtu 65536",
        "# what is there has been told; changes follow",
        "+ link d0 down state down mtu 1500",
        "+ address 192.0.2.1/24 dev d0",
        "- address 192.0.2.1/24 dev d0",
        "+ rule 10: from 10.0.0.0/8 lookup 100",
    ] {
        assert!(told.lines().any(|told| told == line), "`{line}` is not in:\n{told}");
    }
}

#[test]
fn json_is_one_object_per_line() {
    let script = r#"
        folder=$(mktemp -d); trap 'rm -r "$folder"' EXIT
        ip link set lo up
        "$0" monitor --json --existing routes nexthops > "$folder/told" & monitor=$!
        until grep -qs listed "$folder/told"; do sleep 0.02; done
        ip route add 198.51.100.0/24 dev lo
        ip route replace 198.51.100.0/24 dev lo mtu 1400
        ip route del 198.51.100.0/24
        until grep -qs removed "$folder/told"; do sleep 0.02; done
        kill $monitor
        cat "$folder/told"
    "#;
    let told = stdout(&mut isolated(script));
    let events: Vec<Value> =
        told.lines().map(|line| serde_json::from_str(line).expect("it is JSON")).collect();
    let of = |event: &str| {
        let mut found =
            events.iter().filter(|told| told["event"] == event && told["object"]["to"] == "198.51.100.0/24");
        found.next().unwrap_or_else(|| panic!("no {event} in\n{told}"))
    };
    assert_eq!((&of("added")["kind"], &of("added")["object"]["dev"]), (&"route".into(), &"lo".into()));
    assert_eq!(of("changed")["before"]["to"], "198.51.100.0/24");
    assert_eq!(of("removed")["object"]["dev"], "lo");
    assert!(events.iter().any(|event| event["event"] == "existing"));
}

#[test]
fn it_ends_when_it_is_told_to() {
    assert_eq!(stdout(&mut isolated(r#""$0" monitor --existing links --count 1"#)).lines().count(), 1);
    assert_eq!(stdout(&mut isolated(r#""$0" monitor links --timeout 0"#)), "");
    let (code, out, err) = run(&mut isolated(r#""$0" monitor nothing"#));
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(err.contains("possible values") && err.contains("links"), "{err}");
}
