//! `netwright run --netns`: a command that goes out from another network namespace.

use crate::support::{isolated, run};

/// A script beside another network namespace, in which a server answers each connection to port 8000 of its address 2001:db8::9 and its loopback, and names
/// are resolved by 203.0.113.9. It has the name `other` and the process `$other`.
fn beside_another(script: &str) -> (i32, String, String) {
    let prelude = r#"
        mount -t tmpfs tmpfs /mnt
        export HOME=/mnt PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
        ip link set lo up
        "$0" netns add other
        cat > /mnt/server <<'end'
import os, socket, threading
listener = socket.create_server(("::", 8000), family=socket.AF_INET6, dualstack_ipv6=True)
names = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
names.bind(("203.0.113.9", 53))
def resolve():
    while True:
        question, peer = names.recvfrom(999)
        end = question.index(b"\0", 12) + 5
        answer = b"\xc0\x0c\0\x1c\0\1\0\0\0\x3c\0\x10" + socket.inet_pton(socket.AF_INET6, "2001:db8::9")
        is_ipv6 = question[end - 4:end - 2] == b"\0\x1c"
        count = b"\0\1" if is_ipv6 else b"\0\0"
        head = question[:2] + b"\x81\x80\0\1" + count + b"\0\0\0\0"
        names.sendto(head + question[12:end] + (answer if is_ipv6 else b""), peer)
threading.Thread(target=resolve, daemon=True).start()
open("/mnt/ready", "w").close()
while True:
    listener.accept()[0].sendall(b"from the other")
end
        echo 'nameserver 203.0.113.9' > /mnt/resolv.conf
        "$0" netns exec other unshare --mount sh -c '
            ip link set lo up
            ip address add 203.0.113.9/32 dev lo
            ip -6 address add 2001:db8::9/128 dev lo
            mount --bind /mnt/resolv.conf "$(realpath /etc/resolv.conf)"
            exec python3 /mnt/server' > /dev/null 2>&1 &
        other=$!
        trap 'kill $other' EXIT
        while ! test -e /mnt/ready; do kill -0 $other; sleep 0.05; done
        run() { "$0" run --quiet "$@"; }
        address='[2001:db8::9]:8000'"#;
    run(&mut isolated(&format!("{prelude}\n{script}")))
}

/// What asks the server at this address.
fn get(address: &str) -> String {
    format!(
        "python3 -c 'import socket; print(socket.create_connection((\"{address}\", 8000), 5).recv(99).decode())'"
    )
}

#[test]
fn it_goes_out_from_a_namespace_by_name_path_or_process_in_every_mode() {
    let get = get("2001:db8::9");
    let script = format!(
        r#"
        run --mode relay --allow "$address" {get} 2> /dev/null || echo not-from-here
        for mode in relay nat auto; do
            run --mode $mode --netns other --allow "$address" {get}
        done
        for place in /run/netns/other $other /proc/$other/ns/net; do
            run --netns $place --allow "$address" {get}
        done
        run --netns /proc/self/ns/net --mode relay --allow "$address" {get} 2> /dev/null || echo not-from-here
        for mode in relay nat; do
            run --mode $mode --netns other {get} 2> /dev/null || echo refused
        done
        run --no-network --netns other {get} 2> /dev/null || echo refused
    "#
    );
    let (code, out, err) = beside_another(&script);
    let there = "from the other\n";
    let expected = [
        "not-from-here\n",
        there,
        there,
        there,
        there,
        there,
        there,
        "not-from-here\n",
        "refused\n",
        "refused\n",
        "refused\n",
    ];
    assert_eq!((code, out), (0, expected.concat()), "{err}");
}

#[test]
fn its_loopback_its_names_and_its_ports_are_those_of_the_namespace() {
    let (by_name, by_loopback) = (get("www.example.org"), get("127.0.0.1"));
    let script = format!(
        r#"
        run --netns $other --allow www.example.org:8000 --allow "$address" {by_name}
        run --netns other --allow host:8000 {by_loopback}
        server='import socket; print(socket.create_server(("127.0.0.1", 9000)).accept()[0].sendall(b"from inside"))'
        for flags in '--mode relay' --no-network; do
            run $flags --netns other --publish 9000:9000 python3 -c "$server" > /dev/null &
            "$0" netns exec other python3 -c '
import socket, time
for attempt in range(300):
    try:
        data = socket.create_connection(("127.0.0.1", 9000), 5).recv(99)
    except OSError:
        data = b""
    if data:
        print(data.decode())
        break
    time.sleep(0.1)'
            wait $!
        done
    "#
    );
    let (code, out, err) = beside_another(&script);
    let expected = "from the other\nfrom the other\nfrom inside\nfrom inside\n";
    assert_eq!((code, out.as_str()), (0, expected), "{err}");
}

#[test]
fn who_enters_another_user_namespace_stays_who_he_is() {
    // Without capabilities, the way in leads through the user namespace that the network namespace belongs to.
    let get = get("2001:db8::9");
    let script = format!(
        r#"
        unshare --user --map-user=7 --map-group=8 --net sh -c 'touch /mnt/asleep; exec sleep 600' > /dev/null 2>&1 &
        asleep=$!
        trap 'kill $other $asleep' EXIT
        while ! test -e /mnt/asleep; do sleep 0.05; done
        without() {{ setpriv --bounding-set=-all --inh-caps=-all --ambient-caps=-all "$0" run --quiet "$@"; }}
        for mode in relay nat; do
            without --mode $mode --netns $asleep sh -c 'id -u; id -g; grep CapEff /proc/self/status | tr -d "\t"; ip -br link show lo | cut -c1-2'
        done
        without --mode relay --netns other --allow "$address" {get} || echo not-there
        without --netns $asleep --user daemon true || echo no-other-user
    "#
    );
    let (code, out, err) = beside_another(&script);
    let one = "0\n0\nCapEff:0000000000000000\nlo\n";
    assert_eq!((code, out), (0, format!("{one}{one}not-there\nno-other-user\n")), "{err}");
    assert!(
        err.contains("It takes root, or a namespace that belongs to a user namespace of your own"),
        "{err}"
    );
}

#[test]
fn what_is_no_namespace_is_told() {
    let refusals = [
        ("nosuch", "there is no such file"),
        ("/dev/null", "/dev/null is no network namespace"),
        ("/proc/self/ns/user", "is no network namespace"),
        ("999999999", "Name a process that runs"),
    ];
    for (place, expected) in refusals {
        let (code, _, err) = run(&mut isolated(&format!(r#""$0" run --netns {place} true"#)));
        assert!(code == 125 && err.contains(expected), "{place}: {code} {err}");
    }
}
