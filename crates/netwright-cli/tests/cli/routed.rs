//! `netwright run --mode nat`, beside what else the host has.

use crate::support::{Scratch, control_groups, has, isolated, run, stdout, with};

/// The start of a script that gives the namespace an uplink; what it routes to goes nowhere.
const UPLINK: &str = r#"
    ip link add eth0 type veth peer name wire
    ip link set wire up
    ip address add 203.0.113.1/24 dev eth0
    ip link set eth0 up
    ip link set lo up
    ip route add default via 203.0.113.9
    mount -t tmpfs none /run
"#;

#[test]
fn routing_leaves_the_host_as_it_was() {
    let script = format!(
        r#"{UPLINK}
        state() {{ cat /proc/sys/net/ipv4/conf/eth0/forwarding; ls /proc/sys/net/ipv4/conf; "$0" nft list ruleset; }}
        state > "$2/before"
        "$0" run --mode nat grep -q eth0 /proc/net/dev
        state > "$2/after"
        cmp "$2/before" "$2/after"
        "#
    );
    let scratch = Scratch::new("routing");
    let (code, out, err) = run(&mut with(&script, scratch.folder()));
    assert_eq!((code, out.as_str(), err.as_str()), (0, "", ""));
}

#[test]
fn routing_takes_privileges() {
    let script = r#"setpriv --bounding-set=-net_admin "$0" run --mode nat true || test $? = 125"#;
    let (code, out, err) = run(&mut isolated(script));
    let expected = "error: cannot route the sandbox's packets: it needs CAP_NET_ADMIN over the host's network\n help: Use `--mode relay`, which needs no privilege, or run it as root.\n";
    assert_eq!((code, out.as_str(), err.as_str()), (0, "", expected));
}

#[test]
fn a_firewall_that_forwards_nothing_is_named() {
    let script = format!(
        r#"{UPLINK}
        "$0" nft 'table inet host {{ chain forward {{ type filter hook forward priority 0; policy drop; }}; }}'
        "$0" run --mode nat true 2>&1 || test $? = 125
        "$0" run --mode auto grep -c eth0 /proc/net/dev 2>&1 || true
        "$0" nft 'add rule inet host forward iifname "nwrun*" accept'
        "$0" run --mode nat grep -c eth0 /proc/net/dev
        "#
    );
    let told = stdout(&mut isolated(&script));
    let (refused, rest) = told.split_once("\n help: ").expect("an error with help");
    let reason = "cannot route the sandbox's packets: the chain forward of the table inet host drops what it does not accept";
    assert_eq!(refused, format!("error: {reason}"));
    let (advice, rest) = rest.split_once('\n').unwrap();
    assert!(advice.contains("--mode relay"), "{advice}");
    // the note and what the command prints come by different ways
    let mut lines: Vec<&str> = rest.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["0", "1", &format!("note: the relay carries its packets: {reason}")]);
}

#[test]
fn rules_for_what_the_host_sends_are_not_passed_by() {
    let script = format!(
        r#"{UPLINK}
        "$0" nft 'table inet host {{ chain out {{ type filter hook output priority 0; jump more; }}; chain more {{ ip daddr 198.51.100.0/24 reject; }}; }}'
        "$0" run --mode nat true 2>&1 || test $? = 125
        "$0" run grep -c eth0 /proc/net/dev 2>&1 || true
        "$0" nft 'flush chain inet host more; add rule inet host more counter accept'
        "$0" run --mode nat grep -c eth0 /proc/net/dev
        "$0" nft 'table ip docker {{ chain out {{ type nat hook output priority -100; fib daddr type local dnat to 127.0.0.1; }}; }}'
        "$0" run --mode nat grep -c eth0 /proc/net/dev
        "$0" nft 'add rule ip docker out tcp dport 80 redirect to :8080'
        "$0" run --mode nat true || test $? = 125
        "#
    );
    let (code, out, err) = run(&mut isolated(&script));
    assert_eq!(code, 0, "{out}{err}");
    let reason = "cannot route the sandbox's packets: they would pass by the chain out of the table inet host, which decides about what this host sends";
    assert!(out.starts_with(&format!("error: {reason}\n help: ")), "{out}");
    let mut lines: Vec<&str> = out.lines().skip(2).collect();
    lines.sort_unstable();
    assert_eq!(lines, ["0", "1", "1", &format!("note: the relay carries its packets: {reason}")]);
    assert!(err.contains("the chain out of the table ip docker"), "{err}");
}

/// Rules that appear while a command is routed past them, of both kinds: nothing gets out until they are gone.
#[test]
fn rules_that_appear_later_are_not_passed_by_either() {
    let script = format!(
        r#"{UPLINK}
        nft() {{ "$0" nft "$@"; }}
        ip neigh add 203.0.113.9 lladdr 02:00:00:00:00:09 dev eth0
        nft 'table netdev seen {{ chain in {{ type filter hook ingress device wire priority 0; ip daddr 203.0.113.9 udp dport 9 counter name came; }}; counter came {{ }}; }}'
        came() {{ nft list counter netdev seen came | grep -q "packets $1 "; }}
        wait_for() {{ until "$@"; do sleep 0.02; done; }}
        is_cut() {{ nft list tables | grep -q '_cut$'; }}
        is_not_cut() {{ ! is_cut; }}
        mkfifo "$2/go" "$2/done"
        "$0" run --mode nat --allow 203.0.113.9 -- bash -c '
            while read -r word && test "$word" = send; do echo secret > /dev/udp/203.0.113.9/9 || true; echo; done' \
            < "$2/go" > "$2/done" 2> "$2/told" &
        exec 8> "$2/go" 9< "$2/done"
        send() {{ echo send >&8; read -r done <&9; }}
        send
        wait_for came 1
        nft 'table inet host {{ chain out {{ type filter hook output priority 0; udp dport 9 reject; }}; }}'
        wait_for is_cut
        send
        nft 'flush chain inet host out'
        wait_for is_not_cut
        send
        wait_for came 2
        ip rule add iif lo to 203.0.113.9 prohibit priority 77
        wait_for is_cut
        send
        ip rule del priority 77
        wait_for is_not_cut
        send
        wait_for came 3
        echo end >&8
        wait
        came 3
        nft list tables
        cat "$2/told"
        "#
    );
    let scratch = Scratch::new("later");
    let told = stdout(&mut with(&script, scratch.folder()));
    let cut = "nothing gets out any more, as the host's rules have changed: its packets would pass by";
    let out_again = "the host's rules let its packets out again";
    let advice = "which is for what this host sends (`--mode relay` meets them)";
    let expected = [
        "table netdev seen",
        "table inet host",
        &format!(
            "{cut} the chain out of the table inet host, which decides about what this host sends (`--mode relay` meets them)"
        ),
        out_again,
        &format!("{cut} the routing rule with priority 77, {advice}"),
        out_again,
    ];
    assert_eq!(told.lines().collect::<Vec<_>>(), expected);
}

/// Rules that lead what comes in elsewhere would lead what the policy has judged to where it has not.
#[test]
fn rules_that_lead_elsewhere_are_not_met() {
    let script = format!(
        r#"{UPLINK}
        try() {{
            "$0" nft "table ip host {{ chain in {{ type $1; }}; chain more {{ }}; }}; table ip6 host {{ chain in {{ type $1; }}; }}"
            "$0" nft "$2"
            "$0" run --mode nat true 2>&1 | sed -n 's/^error: //p'
            "$0" nft 'delete table ip host; delete table ip6 host'
            echo
        }}
        nat='nat hook prerouting priority dstnat'
        try "$nat" 'add rule ip host in tcp dport 80 dnat to 10.66.0.1:22'
        try "$nat" 'add rule ip6 host in tcp dport 80 redirect to :3128'
        try "$nat" 'add rule ip host in jump more; add rule ip host more tcp dport 80 redirect to :3128'
        try 'filter hook prerouting priority mangle' 'add rule ip6 host in tcp dport 80 tproxy to :3129'
        try "$nat" 'add rule ip host in iifname != "lo" tcp dport 80 redirect to :3128'
        echo none:
        try "$nat" 'add rule ip host in iifname "eth0" tcp dport 80 dnat to 10.66.0.1:22'
        try "$nat" 'add rule ip host in iif {{ "eth0", "lo" }} jump more; add rule ip host more tcp dport 80 redirect to :3128'
        try "$nat" 'add rule ip host in fib daddr type local jump more; add rule ip host more tcp dport 80 dnat to 10.66.0.1:22'
        "#
    );
    let told = stdout(&mut isolated(&script));
    let reason = |family: &str| {
        format!(
            "cannot route the sandbox's packets: they would be led elsewhere by the chain in of the table {family} host, which is for what comes in"
        )
    };
    let (led, none) = told.split_once("none:").expect("both");
    let led: Vec<&str> = led.trim().split("\n\n").collect();
    assert_eq!(led, ["ip", "ip6", "ip", "ip6", "ip"].map(reason));
    assert_eq!(none.trim(), "");
}

#[test]
fn routing_rules_for_what_the_host_sends_are_not_passed_by() {
    let script = format!(
        r#"{UPLINK}
        for rule in 'iif lo' 'uidrange 0-0'; do
            ip rule add $rule prohibit priority 77
            "$0" run --mode nat true 2>&1 || test $? = 125
            ip rule del priority 77
        done
        "$0" run --mode nat grep -c eth0 /proc/net/dev
        "#
    );
    let told = stdout(&mut isolated(&script));
    let reason = "they would pass by the routing rule with priority 77, which is for what this host sends";
    assert_eq!(
        told.matches(&format!("error: cannot route the sandbox's packets: {reason}\n")).count(),
        2,
        "{told}"
    );
    assert!(told.ends_with("\n1\n"), "{told}");
}

/// What a unit of systemd is limited by (`IPAddressDeny=`) judges what its processes send, and nothing that is forwarded.
#[test]
fn filters_of_the_control_group_are_not_passed_by() {
    if !control_groups() || !has("python3") {
        return;
    }
    let script = format!(
        r#"{UPLINK}
        root=$(sed -n 's/.* - cgroup2 .*/&/p' /proc/self/mountinfo | head -1 | cut -d' ' -f5)
        group=$root/netwright-test-$$
        mkdir "$group"
        trap 'echo $$ > "$root/cgroup.procs"; rmdir "$group"' EXIT
        cat > "$2/attach.py" <<'END'
import ctypes, os, struct, sys
call = ctypes.CDLL(None, use_errno=True).syscall
def bpf(command, attributes):
    buffer = ctypes.create_string_buffer(attributes, len(attributes))
    result = call(ctypes.c_long(321), ctypes.c_long(command), ctypes.byref(buffer), ctypes.c_long(len(attributes)))
    if result < 0:
        sys.exit(os.strerror(ctypes.get_errno()))
    return result
program = ctypes.create_string_buffer(struct.pack("<BBhiBBhi", 0xb7, 0, 0, 1, 0x95, 0, 0, 0))
licence = ctypes.create_string_buffer(b"GPL")
loaded = bpf(5, struct.pack("IIQQIIQII", 8, 2, ctypes.addressof(program), ctypes.addressof(licence), 0, 0, 0, 0, 0))
bpf(8, struct.pack("IIII", os.open(sys.argv[1], os.O_RDONLY), loaded, 1, 0))
END
        "$0" run --mode nat grep -c eth0 /proc/net/dev
        python3 "$2/attach.py" "$group" || {{ echo 'did not run: no filter can be attached' >&2; exit 0; }}
        echo $$ > "$group/cgroup.procs"
        "$0" run --mode nat true 2>&1 || test $? = 125
        "$0" run grep -c eth0 /proc/net/dev || true
        "#
    );
    let scratch = Scratch::new("filters");
    let (code, out, err) = run(&mut with(&script, scratch.folder()));
    assert_eq!(code, 0, "{out}{err}");
    if err.contains("did not run") {
        return eprintln!("{err}");
    }
    let reason = "cannot route the sandbox's packets: they would pass by a filter (BPF) of the control group of this process, which decides about what it sends";
    assert!(out.starts_with(&format!("1\nerror: {reason}\n help: ")) && out.ends_with("\n0\n"), "{out}");
    assert_eq!(err, format!("note: the relay carries its packets: {reason}\n"));
}
