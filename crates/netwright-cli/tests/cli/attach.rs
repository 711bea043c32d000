//! `netwright run --attach`.

use std::fs;

use crate::support::{control_groups, has, isolated, run};

#[test]
fn attaching_binds_a_process_and_detaching_leaves_nothing() {
    if !control_groups() {
        return;
    }
    let script = r#"
        ip link set lo up
        sleep 30 & process=$!
        trap 'kill $process' EXIT
        tables() { "$0" nft list tables | sed 's/[0-9]*$//'; }
        group() { sed -n 's/^0:://p' /proc/$process/cgroup | sed "s/$process/N/"; }
        attach() {
            "$0" run --attach $process --quiet --allow 192.0.2.9:80 & supervisor=$!
            for try in $(seq 100); do test -n "$(tables)" && break; sleep 0.05; done
        }
        before=$(group)
        attach; tables; group | sed 's/.*\///'
        kill -INT $supervisor; wait $supervisor
        echo "ended: $(tables)"; test "$(group)" = "$before"
        attach; kill -KILL $supervisor; wait $supervisor || true
        echo "killed: $(tables)"
        "$0" run --attach $process 2>&1 | sed -n '/help: /s/.*filter, //p'
        "$0" run --attach $process --detach
        echo "detached: $(tables)"; test "$(group)" = "$before"
        "$0" run --attach $process --detach 2>/dev/null || test $? = 125
        sleep 0 & wait $!
        "$0" run --attach $! 2>&1 | sed "s/$!/N/"
    "#;
    let expected = "\
table inet netwright_attached_
netwright-N
ended: 
killed: table inet netwright_attached_
which still binds these processes: take it away with --detach.
detached: 
error: cannot put process N into a control group of its own: there is no such process
";
    let (code, out, err) = run(&mut isolated(script));
    assert_eq!((code, out.as_str()), (0, expected), "{err}");
}

#[test]
fn what_attached_processes_try_is_told_with_the_process() {
    if !control_groups() {
        return;
    }
    let script = r#"
        ip link set lo up
        ip link add d0 type veth peer name d1; ip link set d0 up; ip link set d1 up
        ip address add 192.0.2.1/24 dev d0; ip address add 2001:db8::1/64 dev d0 nodad
        folder=$(mktemp -d)
        cat >$folder/tries <<'END'
            until test -e "$1/go"; do sleep 0.02; done
            { exec 3<>/dev/tcp/192.0.2.9/80; } 2>/dev/null
            { exec 3<>/dev/tcp/2001:db8::9/80; } 2>/dev/null
            question() { printf '\0\1\1\0\0\1\0\0\0\0\0\0\4%s\7example\0\0\1\0\1' $1; }
            { exec 3<>/dev/udp/192.0.2.53/53; question four >&3; head -c 12 <&3 >/dev/null; } 2>/dev/null
            { exec 3<>/dev/udp/2001:db8::53/53; question sixs >&3; head -c 12 <&3 >/dev/null; } 2>/dev/null
END
        bash $folder/tries $folder & process=$!
        "$0" run --attach $process --quiet --allow 192.0.2.9:81 --log $folder/log & supervisor=$!
        until "$0" nft list tables | grep -q attached; do sleep 0.05; done
        sleep 0.3; begin=$(date +%s%N); touch $folder/go
        wait $process || true
        test $(($(date +%s%N) - begin)) -lt 900000000 && echo "at once"
        kill -INT $supervisor; wait $supervisor
        sed -n "s/.*\"pid\": $process, \"command\": \"bash\", //; s/, \"reason.*//p" $folder/log
        "$0" run --attach $process --detach 2>/dev/null || test $? = 125
        rm -r $folder
    "#;
    let expected = "\
at once
\"address\": \"192.0.2.9\", \"port\": 80, \"protocol\": \"tcp\"
\"address\": \"2001:db8::9\", \"port\": 80, \"protocol\": \"tcp\"
\"name\": \"four.example\"
\"name\": \"sixs.example\"
";
    let (code, out, err) = run(&mut isolated(script));
    assert_eq!((code, out.as_str()), (0, expected), "{err}");
}

#[test]
fn what_is_allowed_is_told_when_more_is_wanted() {
    if !control_groups() {
        return;
    }
    let script = |flag: &str| {
        format!(
            r#"
        ip link set lo up
        ip link add d0 type veth peer name d1; ip link set d0 up; ip link set d1 up
        ip address add 192.0.2.1/24 dev d0
        folder=$(mktemp -d)
        cat >$folder/sends <<'END'
            until test -e "$1/go"; do sleep 0.02; done
            exec 3>/dev/udp/192.0.2.9/4000; echo x >&3
            read <"$1/end"
END
        mkfifo $folder/end
        bash $folder/sends $folder & process=$!
        "$0" run --attach $process {flag} --allow 192.0.2.9 2>$folder/said & supervisor=$!
        until grep -q "in force" $folder/said; do sleep 0.02; done
        "$0" nft list ruleset | grep -A2 "chain allowed" | grep -c log || true
        touch $folder/go
        for try in $(seq 20); do grep -q 4000 $folder/said && break; sleep 0.05; done
        echo >$folder/end; wait $process
        kill -INT $supervisor; wait $supervisor
        sed -n "s/($process)/(N)/p" $folder/said
        rm -r $folder
    "#
        )
    };
    for (flag, expected) in
        [("--verbose", "1\nallowed bash (N): 192.0.2.9:4000/udp: a rule allows it\n"), ("", "0\n")]
    {
        let (code, out, err) = run(&mut isolated(&script(flag)));
        assert_eq!((code, out.as_str()), (0, expected), "{flag}: {err}");
    }
}

#[test]
fn what_a_killed_supervisor_left_is_taken_away_when_its_process_has_ended_too() {
    if !control_groups() {
        return;
    }
    let script = r#"
        sleep 30 & process=$!
        "$0" run --attach $process --quiet --no-network & supervisor=$!
        until "$0" nft list tables | grep -q attached; do sleep 0.05; done
        sleep 0.1; kill -KILL $supervisor $process; wait $supervisor $process || true
        "$0" nft list tables | sed 's/[0-9]*$//'
        "$0" run --attach $process --detach
        "$0" nft list tables
    "#;
    let (code, out, err) = run(&mut isolated(script));
    assert_eq!((code, out.as_str()), (0, "table inet netwright_attached_\n"), "{err}");
}

#[test]
fn groups_that_the_filter_does_not_bind_are_refused() {
    if !control_groups() {
        return;
    }
    let script = r#"
        unshare --net sleep 30 & process=$!
        trap 'kill $process' EXIT
        until test "$(readlink /proc/$process/ns/net)" != "$(readlink /proc/self/ns/net)"; do sleep 0.02; done
        "$0" run --attach $process --no-network || echo $?
        "$0" nft list tables
        grep -c "netwright-$process" /proc/$process/cgroup || true
    "#;
    let (code, out, err) = run(&mut isolated(script));
    assert_eq!((code, out.as_str()), (0, "125\n0\n"), "{err}");
    assert!(err.contains("has another network namespace") && err.contains("nsenter"), "{err}");
}

#[test]
fn a_process_that_leaves_its_group_is_put_back_and_told_of() {
    if !control_groups() {
        return;
    }
    // The hierarchy is mounted a second time: paths below either mount are understood.
    let script = r#"
        ip link set lo up
        mount -t cgroup2 none /mnt
        group=/mnt/netwright-left-$$
        mkdir $group $group/inner
        sleep 60 & process=$!
        echo $process > $group/inner/cgroup.procs
        "$0" run --attach $group/inner --allow 192.0.2.9:80 2>"$2" & supervisor=$!
        while ! grep -q 'in force' "$2"; do sleep 0.05; done
        sleep 0.3
        echo $process > $group/cgroup.procs
        while ! grep -q 'was put back' "$2"; do sleep 0.05; done
        grep -o 'netwright-left.*' /proc/$process/cgroup | sed 's/.*\///'
        kill -INT $supervisor; wait $supervisor
        kill $process; wait $process || true
        rmdir $group/inner $group
    "#;
    let told = std::env::temp_dir().join(format!("netwright-left-{}", std::process::id()));
    fs::write(&told, "").expect("a file");
    let (code, out, err) = run(isolated(script).arg(&told));
    let said = fs::read_to_string(&told).unwrap_or_default();
    let _ = fs::remove_file(&told);
    assert_eq!((code, out.as_str()), (0, "inner\n"), "{err}{said}");
    assert!(said.contains("sleep (") && said.contains("it left the control group"), "{said}");
}

#[test]
fn connections_that_were_there_before_go_on() {
    if !control_groups() {
        return;
    }
    // Nothing has made the kernel track connections here: it takes the first packet afterwards for a new one.
    let script = r#"
        ip link set lo up
        mount -t cgroup2 none /mnt
        group=/mnt/netwright-before-$$
        mkdir $group
        folder=$(mktemp -d)
        python3 -c '
import socket, sys, threading
listener = socket.create_server(("::", 8000), family=socket.AF_INET6, dualstack_ipv6=True)
open(sys.argv[1] + "/listens", "w").close()
def echo(connection):
    while data := connection.recv(99):
        connection.send(data)
while True:
    threading.Thread(target=echo, args=(listener.accept()[0],), daemon=True).start()
' $folder & server=$!
        while ! test -e $folder/listens; do sleep 0.05; done
        sh -c 'echo $$ > "$0/cgroup.procs"; exec python3 -c "$1" "$2"' $group '
import os, socket, sys, time
places = [("127.0.0.1", 8000), ("::1", 8000)]
before = [socket.create_connection(place, 5) for place in places]
os.close(os.open(sys.argv[1] + "/ready", os.O_CREAT))
while not os.path.exists(sys.argv[1] + "/go"):
    time.sleep(0.02)
for connection in before:
    connection.send(b"x")
    print("before", connection.recv(9).decode(), flush=True)
for place in places:
    try:
        socket.create_connection(place, 5)
        print("NEW")
    except OSError:
        print("refused", flush=True)
' $folder & process=$!
        while ! test -e $folder/ready; do sleep 0.05; done
        "$0" run --attach $group --allow 192.0.2.9:80 2>$folder/said & supervisor=$!
        while ! grep -q 'in force' $folder/said; do sleep 0.05; done
        touch $folder/go
        wait $process || true
        kill -INT $supervisor; wait $supervisor
        kill $server
        rmdir $group; rm -r $folder
    "#;
    let (code, out, err) = run(&mut isolated(script));
    assert_eq!((code, out.as_str()), (0, "before x\nbefore x\nrefused\nrefused\n"), "{err}");
}

/// Sockets that a process had before are bound like those that it makes later, and are its own again when the policy ends: all kinds that send without
/// being connected, and connections that begin later; by IPv4 and IPv6.
#[test]
fn sockets_that_were_there_before_are_bound() {
    if !control_groups() || !has("python3") {
        return;
    }
    let script = r#"
        ip link set lo up
        ip link add d0 type veth peer name wire; ip link set wire up; ip link set d0 up
        ip address add 192.0.2.1/24 dev d0; ip address add 2001:db8::1/64 dev d0 nodad
        ip neigh add 192.0.2.9 lladdr 02:00:00:00:00:09 dev d0; ip neigh add 2001:db8::9 lladdr 02:00:00:00:00:09 dev d0
        echo 0 2147483647 > /proc/sys/net/ipv4/ping_group_range || echo 0 0 > /proc/sys/net/ipv4/ping_group_range
        kinds='ip_udp ip_tcp ip_icmp ip6_udp ip6_tcp ip6_icmpv6'
        "$0" nft "table netdev seen {
            $(for kind in $kinds; do echo "counter $kind { };"; done)
            chain in { type filter hook ingress device wire priority 0;
                ip daddr 192.0.2.9 udp dport 9 counter name ip_udp
                ip daddr 192.0.2.9 tcp dport 9 counter name ip_tcp
                ip daddr 192.0.2.9 icmp type echo-request counter name ip_icmp
                ip6 daddr 2001:db8::9 udp dport 9 counter name ip6_udp
                ip6 daddr 2001:db8::9 tcp dport 9 counter name ip6_tcp
                ip6 daddr 2001:db8::9 icmpv6 type echo-request counter name ip6_icmpv6
            }
        }"
        seen() { for kind in $kinds; do "$0" nft list counter netdev seen $kind | grep -q 'packets 0 ' || printf '%s ' $kind; done; echo; }
        folder=$(mktemp -d); mkfifo "$folder/go" "$folder/done"
        cat > "$folder/sends.py" <<'END'
import socket, sys
places = [(socket.AF_INET, "192.0.2.9", socket.IPPROTO_ICMP, 8), (socket.AF_INET6, "2001:db8::9", socket.IPPROTO_ICMPV6, 128)]
def opened():
    for family, to, icmp, echo in places:
        yield socket.socket(family, socket.SOCK_DGRAM), to, b"late"
        bound = socket.socket(family, socket.SOCK_DGRAM)
        bound.connect((to, 9))
        yield bound, None, b"late"
        yield socket.socket(family, socket.SOCK_DGRAM, icmp), to, bytes([echo, 0, 0, 0, 0, 0, 0, 1]) + b"late"
# as many connections as are begun, since each is begun once
rounds = [list(opened()) for _ in range(2)]
streams = [[(socket.socket(family), to) for family, to, _, _ in places] for _ in range(3)]
for round, line in enumerate(sys.stdin):
    for socket_, to, what in rounds[0] + rounds[1]:
        try:
            socket_.sendto(what, (to, 9)) if to else socket_.send(what)
        except OSError:
            pass
    for stream, to in streams[round]:
        stream.setblocking(False)
        try:
            stream.connect((to, 9))
        except OSError:
            pass
    print("done", flush=True)
    for stream, _ in streams[round]:
        sys.stdin.readline()
        stream.close()
        print("closed", flush=True)
END
        python3 "$folder/sends.py" < "$folder/go" > "$folder/done" & process=$!
        trap 'kill $process' EXIT
        exec 8> "$folder/go" 9< "$folder/done"
        round() {
            for step in send close close; do echo $step >&8; read -r said <&9; done
            echo "$1: $(seen)"
            "$0" nft 'reset counters table netdev seen' > "$folder/reset"
        }
        round before
        "$0" run --attach $process --allow 192.0.2.77 2> "$folder/told" & supervisor=$!
        until grep -q 'in force' "$folder/told"; do sleep 0.02; done
        round attached
        kill -INT $supervisor; wait $supervisor
        round detached
    "#;
    let all = "ip_udp ip_tcp ip_icmp ip6_udp ip6_tcp ip6_icmpv6";
    let expected = format!("before: {all} \nattached: \ndetached: {all} \n");
    let (code, out, err) = run(&mut isolated(script));
    assert_eq!((code, out), (0, expected), "{err}");
}
