//! `netwright nft monitor trace` in namespaces made for the test.

use std::fs;

use crate::support::{isolated, stdout};

#[test]
fn the_way_of_a_marked_packet_is_told() {
    let script = r#"
        ip link set lo up
        "$0" nft 'table inet t {
            chain d { udp dport 9 drop; }
            chain c { type filter hook input priority filter; udp dport 9 meta nftrace set 1; jump d; }
        }'
        : >"$2"/told
        timeout 60 "$0" nft monitor trace >"$2"/told & monitor=$!
        while kill -0 $monitor && ! grep -q 'verdict drop' "$2"/told; do
            bash -c 'echo hello >/dev/udp/127.0.0.1/9'
        done
        kill $monitor
        cat "$2"/told
    "#;
    let place = std::env::temp_dir().join(format!("netwright-trace-{}", std::process::id()));
    fs::create_dir_all(&place).expect("a directory for what is told");
    let text = stdout(isolated(script).arg(&place));
    fs::remove_dir_all(&place).expect("the directory goes");
    let lines: Vec<&str> = text.lines().take(4).collect();
    let id = lines[0].get(..17).expect("a number");
    assert!(
        lines[0].starts_with(&format!(
            "{id} inet t c packet: iif \"lo\" ip saddr 127.0.0.1 ip daddr 127.0.0.1 ip dscp cs0 ip ecn not-ect ip ttl 64 "
        )),
        "{text}"
    );
    assert!(lines[0].contains(" ip protocol udp ip length 34 udp sport "), "{text}");
    assert!(lines[0].contains(" udp dport 9 udp length 14 udp checksum "), "{text}");
    assert_eq!(
        lines[1],
        format!("{id} inet t c rule udp dport 9 meta nftrace set 1 (verdict continue)"),
        "{text}"
    );
    assert_eq!(lines[2], format!("{id} inet t c rule jump d (verdict jump d)"), "{text}");
    assert_eq!(lines[3], format!("{id} inet t d rule udp dport 9 drop (verdict drop)"), "{text}");
}

#[test]
fn rules_of_a_chain_within_a_rule_are_told() {
    let script = r#"
        ip link set lo up
        "$0" nft 'table inet t {
            chain c {
                type filter hook input priority filter
                udp dport 9 meta nftrace set 1
                udp dport 9 jump { udp sport 0-65535 drop; }
            }
        }'
        : >"$2"
        timeout 60 "$0" nft monitor trace >"$2" & monitor=$!
        while kill -0 $monitor && ! grep -q 'verdict drop' "$2"; do
            bash -c 'echo hello >/dev/udp/127.0.0.1/9'
        done
        kill $monitor
        cat "$2"
    "#;
    let place = std::env::temp_dir().join(format!("netwright-trace-inner-{}", std::process::id()));
    let text = stdout(isolated(script).arg(&place));
    fs::remove_file(&place).expect("what was told goes");
    assert!(text.contains(" rule udp sport 0-65535 drop (verdict drop)\n"), "{text}");
    assert!(!text.contains("unknown rule"), "{text}");
}
