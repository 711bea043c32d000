//! What a command can write and its policy names: the policy's own file, and sockets.

use super::support::{has, isolated, run};

/// A script in namespaces of its own, below `/mnt`.
fn below_mnt(script: &str) -> (i32, String, String) {
    let prelude = r#"
        mount -t tmpfs tmpfs /mnt
        ip link set lo up
        mkdir -p /mnt/a/b /mnt/others
        cd /mnt/a/b
        export HOME=/mnt
        wait_for() { until "$@"; do sleep 0.02; done; }"#;
    run(&mut isolated(&format!("{prelude}\n{script}")))
}

const READ_AGAIN: &str = "the policy has changed and is in force\n";

#[test]
fn a_policy_is_read_again_when_its_file_changes() {
    let ways = [
        r#"echo 'deny = ["192.0.2.9"]' > policy.toml"#,
        r#"echo 'deny = ["192.0.2.9"]' > other; mv other policy.toml"#,
        r#"echo 'deny = ["192.0.2.9"]' > other; mv other policy.toml; wait_for grep -q 'in force' told
           echo 'deny = ["192.0.2.8"]' > other; mv other policy.toml"#,
    ];
    for (way, times) in ways.into_iter().zip([1, 1, 2]) {
        for flags in ["", "--write ."] {
            let script = format!(
                r#"
                echo 'allow = []' > policy.toml
                "$0" run --mode relay --policy policy.toml {flags} \
                    sh -c 'echo > started; until test -e end; do sleep 0.02; done' 2> told &
                wait_for test -e started
                {way}
                in_force() {{ test "$(grep -c 'in force' told)" = {times}; }}
                wait_for in_force
                touch end
                wait $!
                cat told >&2"#
            );
            let (code, _, err) = below_mnt(&script);
            assert_eq!((code, err.matches(READ_AGAIN).count()), (0, times), "{way}: {err}");
        }
    }
}

/// Who holds a lease on the new file keeps others from opening it for a while, and so may the command.
#[test]
fn a_policy_is_read_again_when_a_lease_is_given_back() {
    if !has("python3") {
        return;
    }
    let script = r#"
        echo 'allow = []' > policy.toml
        cat > lease.py <<'END'
import fcntl, os, signal
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGIO])
file = os.open("other", os.O_RDONLY)
fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_WRLCK)
os.rename("other", "policy.toml")
signal.sigwait([signal.SIGIO])
open("told", "a").write("somebody wants it\n")
fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_UNLCK)
END
        "$0" run --mode relay --policy policy.toml sh -c 'echo > started; until test -e end; do sleep 0.02; done' 2>> told &
        wait_for test -e started
        echo 'deny = ["192.0.2.9"]' > other
        python3 lease.py
        wait_for grep -q 'in force' told
        touch end
        wait $!
        cat told >&2"#;
    let (code, _, err) = below_mnt(script);
    assert_eq!((code, err.as_str()), (0, format!("somebody wants it\n{READ_AGAIN}").as_str()));
}

#[test]
fn a_policy_behind_links_is_read_again_when_they_lead_elsewhere() {
    let script = r#"
        mkdir one two there out
        ln -s ../there/policy.toml one/policy.toml
        ln -s one data
        ln -s data/policy.toml policy.toml
        echo 'deny = ["192.0.2.1"]' > there/policy.toml
        echo 'deny = ["192.0.2.3"]' > two/policy.toml
        start() {
            rm -f out/*
            "$0" run --mode relay --policy policy.toml "$@" \
                sh -c 'echo > out/started; until test -e out/end; do sleep 0.02; done' 2> told &
            wait_for test -e out/started
        }
        in_force() { test "$(grep -c 'in force' told)" = $1; }
        start --write out
        echo 'deny = ["192.0.2.2"]' > there/policy.toml
        wait_for in_force 1
        ln -s two new
        mv -T new data
        wait_for in_force 2
        touch other
        sleep 0.2
        in_force 2
        touch out/end
        wait $!
        # where the command itself could have done that
        start
        ln -s one new
        mv -T new data
        wait_for grep -q 'may have been changed by the command' told
        wait_for grep -q 'stays in force' told
        touch out/end
        wait $!
        echo done"#;
    let (code, out, err) = below_mnt(script);
    assert_eq!((code, out.as_str()), (0, "done\n"), "{err}");
}

#[test]
fn a_mistake_in_a_changed_policy_leaves_the_old_one_in_force() {
    let script = r#"
        echo 'allow = []' > policy.toml
        "$0" run --mode relay --policy policy.toml \
            sh -c 'echo > started; until test -e end; do sleep 0.02; done' 2> told &
        wait_for test -e started
        echo 'alow = []' > policy.toml
        wait_for grep -q 'stays in force' told
        touch end
        wait $!
        cat told >&2"#;
    let (code, _, err) = below_mnt(script);
    assert_eq!(code, 0, "{err}");
    assert!(err.contains("unknown key `alow`") && err.contains("Did you mean `allow`?"), "{err}");
    assert!(err.ends_with("the policy that was read before stays in force\n"), "{err}");
}

/// What a command may try so that its policy lets more through. Each is tried in turn; the last word of all is a look at what is reached.
const REWRITES: &[&str] = &[
    r#"echo "$wide" > policy.toml"#,
    r#"echo "$wide" >> policy.toml"#,
    r#"chmod 666 policy.toml; echo "$wide" > policy.toml"#,
    r#"echo "$wide" > new; mv new policy.toml"#,
    r#"echo "$wide" > new; ln -f new policy.toml"#,
    r#"echo "$wide" > new; ln -sf "$PWD/new" policy.toml"#,
    r#"rm -f policy.toml; echo "$wide" > policy.toml"#,
    r#"truncate -s 0 policy.toml"#,
    r#"ln policy.toml second && echo "$wide" > second"#,
    r#"cp -r /mnt/a/b /mnt/a/c; echo "$wide" > /mnt/a/c/policy.toml; mv /mnt/a/b /mnt/a/old; mv /mnt/a/c /mnt/a/b; touch /mnt/a/old/x; cd /mnt/a/b"#,
    r#"cd /mnt; mv /mnt/a /mnt/old; mkdir -p /mnt/a/b; echo "$wide" > /mnt/a/b/policy.toml; touch /mnt/old/b/x; cd /mnt/a/b"#,
    r#"unshare -rm sh -c 'umount policy.toml; echo "$wide" > policy.toml'"#,
    r#"unshare -rm sh -c 'mount -o remount,bind,rw policy.toml; echo "$wide" > policy.toml'"#,
    r#"unshare -rm sh -c 'mount -t tmpfs x /mnt/a/b; echo "$wide" > /mnt/a/b/policy.toml'"#,
    r#"mkdir -p /mnt/.config/netwright/policies; echo "$wide" > /mnt/.config/netwright/policies/dns.toml"#,
];

#[test]
fn a_command_cannot_change_its_own_policy() {
    let rewrites = REWRITES.join("\n");
    for (flags, policy) in [
        ("", "policy.toml"),
        ("--write /mnt/a", "policy.toml"),
        ("--write /mnt", "/mnt/a/b/policy.toml"),
        ("--workspace", "policy.toml"),
        ("--mounts", "./policy.toml"),
        ("--mounts --write /mnt", "policy.toml"),
    ] {
        let script = format!(
            r#"
            ip address add 203.0.113.9/32 dev lo
            python3 -c 'import socket; listener = socket.create_server(("203.0.113.9", 8000)); open("/mnt/ready", "w").close()
while True: listener.accept()' &
            server=$!
            wait_for test -e /mnt/ready
            echo 'include = ["dns"]' > policy.toml
            echo 'allow = ["192.0.2.9"]' >> policy.toml
            cp policy.toml /mnt/before
            # what the command does takes less than a second, and what it changed would be read at once
            cat > /mnt/rewrites <<'EOF'
            export wide='allow = ["any"]'
            reach() {{ (exec 3<>/dev/tcp/203.0.113.9/8000) && echo REACHED; }}
            {rewrites}
            for try in 1 2 3 4 5; do reach; sleep 0.1; done
EOF
            "$0" run --mode relay --policy {policy} {flags} bash -s < /mnt/rewrites 2> /mnt/told || true
            kill $server
            cat /mnt/told >&2
            test -e /mnt/a/b/policy.toml && cmp -s policy.toml /mnt/before || echo changed"#
        );
        let (code, out, err) = below_mnt(&script);
        assert!(!out.contains("REACHED") && !err.contains(READ_AGAIN), "{flags}: {out}{err}");
        assert_eq!(code, 0, "{err}");
        // the next run reads it, too: where files are confined, nothing is changed that it would find
        let is_confined = !flags.is_empty() && flags != "--mounts";
        assert!(!is_confined || !out.contains("changed"), "{flags}: {out}{err}");
    }
}

#[test]
fn sockets_of_the_file_system_are_refused_but_for_those_allowed() {
    let script = r#"
        python3 -c 'import socket, time; s = socket.socket(socket.AF_UNIX); s.bind("socket"); s.listen(); open("ready", "w").close(); time.sleep(60)' &
        wait_for test -e ready
        connect='import socket, sys; socket.socket(socket.AF_UNIX).connect("/mnt/a/b/socket")'
        "$0" run --mode relay --no-network python3 -c "$connect" && echo CONNECTED
        "$0" run --mode relay --no-network --socket /mnt/a/b/socket python3 -c "$connect" 2>&1 && echo allowed
        kill $!"#;
    let (code, out, err) = below_mnt(script);
    assert_eq!((code, out.as_str()), (0, "allowed\n"), "{err}");
    assert!(err.contains("PermissionError") && err.contains("--socket '/mnt/a/b/socket'"), "{err}");
}

/// What a command may try so that a name which was left open leads to a socket of others, and the name that it connects to then.
const RENAMES: &[(&str, &str)] = &[
    ("true", "/mnt/others/socket"),
    ("ln -sf /mnt/others/socket named", "/mnt/a/b/named"),
    ("ln -f /mnt/others/socket named", "/mnt/a/b/named"),
    ("mv /mnt/others/socket named", "/mnt/a/b/named"),
    ("mv ../b ../c; ln -s /mnt/others ../b; ln -s socket /mnt/others/named", "/mnt/a/b/named"),
    ("rm -r directory; ln -s /mnt/others directory", "/mnt/a/b/directory/socket"),
    ("ln -f /mnt/others/socket directory/socket", "/mnt/a/b/directory/socket"),
    ("mv /mnt/others/socket directory/moved", "/mnt/a/b/directory/moved"),
    (
        "mv /mnt/others directory/moved; ln -s /mnt/a/b/directory/moved /mnt/others",
        "/mnt/a/b/directory/moved/socket",
    ),
    ("mv /mnt/others directory/moved; mv link /mnt/others", "/mnt/a/b/directory/moved/socket"),
    (
        "mv /mnt/others ../moved; rm -r directory; mv ../moved directory; ln -s /mnt/a/b/directory /mnt/others",
        "/mnt/others/socket",
    ),
];

#[test]
fn a_name_that_was_left_open_leads_to_no_other_socket() {
    let serve = r#"
import os, socket, sys, threading
def serve(path):
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen()
    while True:
        server.accept()[0].sendall(path.encode())
for path in sys.argv[1:]:
    threading.Thread(target=serve, args=(path,), daemon=True).start()
while not all(os.path.exists(path) for path in sys.argv[1:]):
    pass
open("/mnt/ready", "w").close()
threading.Event().wait()"#;
    let connect = r#"import socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); print(s.recv(99).decode())"#;
    let mut script =
        format!("cat > /mnt/serve.py <<'EOF'{serve}\nEOF\ncat > /mnt/connect.py <<'EOF'\n{connect}\nEOF\n");
    for (rename, path) in RENAMES {
        script += &format!(
            r#"
            cd /mnt; rm -rf a others ready; mkdir -p a/b/directory others; cd a/b; ln -s /mnt/a/b/directory/moved link
            python3 /mnt/serve.py /mnt/others/socket /mnt/a/b/named /mnt/a/b/directory/own & server=$!
            wait_for test -e /mnt/ready
            "$0" run --no-network --quiet --socket /mnt/a/b/named --socket /mnt/a/b/directory sh -c '
                python3 /mnt/connect.py /mnt/a/b/named; python3 /mnt/connect.py /mnt/a/b/directory/own
                {{ {rename}; }} && python3 /mnt/connect.py {path} 2>/dev/null || echo refused'
            kill $server"#
        );
    }
    let (code, out, err) = below_mnt(&script);
    let expected = "/mnt/a/b/named\n/mnt/a/b/directory/own\nrefused\n".repeat(RENAMES.len());
    assert_eq!((code, out), (0, expected), "{err}");
}
