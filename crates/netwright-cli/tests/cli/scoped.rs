//! What a change of one thing reads: it alone, however much others have.

use crate::support::{has, isolated, stdout};

/// What a host has beside the table that is changed: thousands of rules and elements, many tables.
const OTHERS: &str = r#"
    full() {
        for number in $(seq 100); do echo "add table inet other$number; add chain inet other$number c"; done
        echo 'add set inet other1 s { type ipv6_addr; }; add set inet other1 i { type ipv4_addr; flags interval; }'
        for number in $(seq 1000); do
            echo "add rule inet other1 c tcp dport { $number, 7 } counter comment \"mine\""
            echo "add element inet other1 s { 2001:db8::$number }; add element inet other1 i { 10.0.$((number / 250)).$((number % 250)) }"
        done
    }
"#;

/// The bytes that each command receives.
const RECEIVED: &str = r#"
    received() {
        strace -qqf -e trace=recvfrom,recvmsg -o /mnt/trace "$0" nft "$@" >/mnt/out 2>&1 || { echo "refused: $*"; cat /mnt/out; }
        awk -v what="$*" '$NF > 0 { bytes += $NF; calls++ } END { print what ": " bytes + 0 " bytes in " calls + 0 }' /mnt/trace
    }
    mount -t tmpfs tmpfs /mnt
    "$0" nft 'table inet mine { set s { type ipv4_addr; }; set six { type ipv6_addr; flags interval; }; chain c { tcp dport 1 accept; tcp dport 2 accept; }; }'
    full | "$0" nft -f -
    received add rule inet mine c tcp dport 22 accept comment '"mine"'
    received add rule inet mine c ip saddr @s drop
    received add rule inet mine c tcp dport '{ 22, 80-90 }' counter
    received add rule inet mine c ip6 saddr @six drop
    received insert rule inet mine c index 1 drop
    received -e -a add rule inet mine c counter
    received -c add rule inet mine c counter
    received -j '{"nftables": [{"add": {"rule": {"family": "inet", "table": "mine", "chain": "c", "expr": [{"drop": null}]}}}]}'
    handle=$("$0" nft -a list chain inet mine c | sed -n 's/.*tcp dport 1 accept # handle //p')
    received replace rule inet mine c handle $handle drop
    received delete rule inet mine c handle $handle
    received add element inet mine s '{ 192.0.2.1, 192.0.2.2 }'
    received add element inet mine six '{ 2001:db8::/64 }'
    received get element inet mine six '{ 2001:db8::5 }'
    received delete element inet mine s '{ 192.0.2.1 }'
    received list chain inet mine c
    received -j list set inet mine six
    received reset rules chain inet mine c
    received create counter inet mine k
    received reset counter inet mine k
    received add chain inet mine d '{ type filter hook input priority 0; }'
    received delete chain inet mine d
    received flush set inet mine s
"#;

#[test]
fn a_change_reads_no_more_on_a_full_host() {
    if !has("strace") {
        return;
    }
    // `list table` is not among them: the kernel lists the chains of all tables, whichever is asked for
    let empty = stdout(&mut isolated(&format!("full() {{ :; }}\n{RECEIVED}")));
    let full = stdout(&mut isolated(&format!("{OTHERS}\n{RECEIVED}")));
    assert!(!empty.contains("refused"), "{empty}");
    assert_eq!(empty.lines().filter(|line| line.contains(" bytes in ")).count(), 22, "{empty}");
    assert_eq!(empty, full);
}
