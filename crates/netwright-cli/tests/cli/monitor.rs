//! `netwright nft monitor` in namespaces made for the test.

use std::fs;

use crate::support::{isolated, stdout};

/// What a monitor tells of changes, which are made once it listens, up to the end of the last one.
fn told(options: &str, filter: &str, changes: &str) -> String {
    let script = format!(
        r#"
        timeout 60 "$0" nft {options} monitor {filter} >"$2"/told & monitor=$!
        while kill -0 $monitor && ! [ -s "$2"/told ]; do
            "$0" nft 'table ip probe {{ set s {{ type mark; elements = {{ 1 }}; }}; chain c {{ accept; }}; }}'
            "$0" nft delete element ip probe s '{{ 1 }}'
            "$0" nft delete table ip probe
        done
        {changes}
        "$0" nft 'table ip end {{ set s {{ type mark; elements = {{ 1 }}; }}; chain c {{ accept; }}; }}'
        "$0" nft delete element ip end s '{{ 1 }}'
        "$0" nft delete table ip end
        while kill -0 $monitor && ! grep -q end "$2"/told; do :; done
        kill $monitor
        cat "$2"/told
    "#
    );
    let text = in_a_directory(&script);
    let lines = text.lines().take_while(|line| !line.contains("end"));
    let lines = lines.skip_while(|line| line.contains("probe") || line.starts_with('#'));
    lines.filter(|line| !line.contains("probe")).map(|line| format!("{line}\n")).collect()
}

fn in_a_directory(script: &str) -> String {
    use std::sync::atomic::{AtomicU32, Ordering};
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let place = std::env::temp_dir().join(format!("netwright-monitor-{}-{number}", std::process::id()));
    fs::create_dir_all(&place).expect("a directory for what is told");
    let text = stdout(isolated(script).arg(&place));
    fs::remove_dir_all(&place).expect("the directory goes");
    text
}

const CHANGES: &str = r#"
    "$0" nft 'table inet t {
        counter n { }
        set s { type ipv4_addr; flags interval; elements = { 192.0.2.1, 10.0.0.0/8 }; }
        map m { type ipv4_addr : inet_service; elements = { 192.0.2.1 : 80 }; }
        chain c { type filter hook input priority filter; tcp dport { 1, 2 } accept; ip saddr @s drop; }
    }'
    "$0" nft insert rule inet t c udp dport 53 accept
    "$0" nft delete element inet t s '{ 10.0.0.0/8 }'
    "$0" nft flush chain inet t c
    "$0" nft delete table inet t
"#;

#[test]
fn changes_are_told_in_the_language() {
    let text = told("", "", CHANGES);
    let (numbers, lines): (Vec<&str>, Vec<&str>) = text.lines().partition(|line| line.starts_with('#'));
    let expected = [
        "add table inet t",
        "add chain inet t c { type filter hook input priority filter; policy accept; }",
        "add counter inet t n { packets 0 bytes 0 } ",
        "add set inet t s { type ipv4_addr; flags interval; } ",
        "add element inet t s { 10.0.0.0/8 }",
        "add element inet t s { 192.0.2.1 }",
        "add map inet t m { type ipv4_addr : inet_service; } ",
        "add element inet t m { 192.0.2.1 : 80 }",
        "add rule inet t c tcp dport { 1, 2 } accept",
        "add rule inet t c ip saddr @s drop",
        "insert rule inet t c udp dport 53 accept",
        "delete element inet t s { 10.0.0.0/8 }",
    ];
    let mut sorted = lines.clone();
    sorted.retain(|line| !line.starts_with("delete") || line.contains("element"));
    sorted.sort_unstable();
    let mut wanted = expected.to_vec();
    wanted.sort_unstable();
    assert_eq!(sorted, wanted, "{text}");
    assert_eq!(
        lines.iter().filter(|line| line.starts_with("delete rule inet t c handle ")).count(),
        3,
        "{text}"
    );
    assert_eq!(lines.last(), Some(&"delete table inet t"), "{text}");
    assert!(numbers.iter().all(|line| line.starts_with("# new generation ")), "{text}");
    assert_eq!(numbers.iter().filter(|line| line.ends_with("(netwright)")).count(), numbers.len(), "{text}");
}

#[test]
fn a_filter_leaves_the_rest_untold() {
    assert_eq!(told("", "tables", CHANGES), "add table inet t\ndelete table inet t\n");
    let rules = told("-a", "new rules", CHANGES);
    assert_eq!(rules.lines().count(), 3, "{rules}");
    assert!(
        rules.lines().all(|line| line.contains(" rule inet t c ") && line.contains(" # handle ")),
        "{rules}"
    );
    assert_eq!(told("", "destroy elements", CHANGES_OF_ELEMENTS), "delete element ip t s { 192.0.2.1 }\n");
}

const CHANGES_OF_ELEMENTS: &str = r#"
    "$0" nft 'add table ip t; add set ip t s { type ipv4_addr; }; add element ip t s { 192.0.2.1 };'
    "$0" nft 'delete element ip t s { 192.0.2.1 }'
"#;

#[test]
fn changes_are_json_for_programs() {
    let text = told("-j", "", CHANGES_OF_ELEMENTS);
    let things: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("JSON in each line")).collect();
    assert_eq!(things[0]["add"]["table"]["name"], "t", "{text}");
    assert_eq!(things[1]["add"]["set"]["type"], "ipv4_addr", "{text}");
    let element =
        serde_json::json!({ "family": "ip", "table": "t", "name": "s", "elem": { "set": ["192.0.2.1"] } });
    assert_eq!(things[2]["add"]["element"], element, "{text}");
    assert_eq!(things[3]["delete"]["element"], element, "{text}");
    assert_eq!(things.len(), 4, "{text}");
}

#[test]
fn it_ends_when_nobody_reads() {
    let script = r#"
        { code=0; timeout 60 "$0" nft monitor 2>"$2"/said || code=$?; echo "$code" >"$2"/code; } | head -n 1 >"$2"/first &
        until [ -s "$2"/code ]; do "$0" nft add table ip t; "$0" nft delete table ip t; done
        cat "$2"/first "$2"/code "$2"/said
    "#;
    let text = in_a_directory(script);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 2, "{text}");
    assert!(lines[0].contains(" table ip t") || lines[0].starts_with("# new generation"), "{text}");
    assert_eq!(lines[1], "1", "{text}");
}
