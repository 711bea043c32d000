//! `netwright run` and `netwright explain-policy`.

use std::fs;
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;

use serde_json::Value;

use crate::support::{Scratch, isolated, netwright, run, stdout, with};

#[test]
fn the_exit_status_is_that_of_the_command() {
    let script = r#"
        run() { "$0" run --mode relay --no-network "$@"; }
        run sh -c 'exit 42' || test $? = 42
        run -- true
        run /no/such/program 2>/dev/null || test $? = 127
        run /dev/null 2>/dev/null || test $? = 126
        "$0" run 2>/dev/null || test $? = 125
        "$0" run --allow 'example.org:4x' true 2>/dev/null || test $? = 125
        "$0" run --policy /no/such/file true 2>/dev/null || test $? = 125
        run printf %s: -x --help
    "#;
    assert_eq!(stdout(&mut isolated(script)), "-x:--help:");
}

#[test]
fn files_that_cannot_be_used_have_a_reason_in_words() {
    let script = r#"
        run() { "$0" run --mode relay --no-network "$@" 2>&1 || true; }
        run /dev/null
        run /no/such/program
        run /dev/null/program
        run --log /no/such/log true
        run --log / true
        run --log /proc/self/log true
        "$0" run --mode relay --learn /no/such/policy echo begun 2>&1 || true
    "#;
    let expected = [
        "cannot run /dev/null: permission denied",
        "cannot run /no/such/program: there is no such file",
        "cannot run /dev/null/program: Not a directory",
        "cannot write the log /no/such/log: there is no such directory",
        "cannot write the log /: it is a directory",
        "cannot write the log /proc/self/log: there is no such directory",
        "cannot write the policy /no/such/policy: there is no such directory",
    ];
    let expected: String = expected.map(|line| format!("error: {line}\n")).concat();
    assert_eq!(stdout(&mut isolated(script)), expected);
}

#[test]
fn a_signal_that_kills_the_command_kills_the_caller_too() {
    let mut command = netwright();
    command.args(["run", "--mode", "relay", "--no-network", "sh", "-c", "kill -TERM $$"]);
    let status = command.stderr(Stdio::null()).status().expect("the command starts");
    assert_eq!(status.signal(), Some(15));
}

#[test]
fn signals_are_passed_on() {
    let script = r#"
        "$0" run --mode relay --no-network sh -c 'trap "echo asked; exit 9" USR1; echo ready; while :; do sleep 0.05; done' > "$2" &
        while ! grep -q ready "$2"; do sleep 0.05; done
        kill -USR1 $!
        wait $! || test $? = 9
        cat "$2"
    "#;
    let scratch = Scratch::new("signals");
    assert_eq!(stdout(&mut with(script, scratch.file("out", ""))), "ready\nasked\n");
}

#[test]
fn surroundings_stay_and_descriptors_do_not() {
    let script = r#"
        cd /usr
        exec 5</dev/null
        VALUE=kept "$0" run --mode relay --no-network sh -c 'echo "$VALUE" $(pwd); test ! -e /proc/self/fd/5; umask'
    "#;
    let told = stdout(&mut isolated(script));
    assert!(told.starts_with("kept /usr\n"), "{told}");
}

#[test]
fn what_is_blocked_is_told_at_the_end_and_in_the_log() {
    let scratch = Scratch::new("blocked");
    let script = r#"
        "$0" run --mode relay --allow 192.0.2.9:80 --deny 192.0.2.10 --log "$2" bash -c '
            for try in 1 2; do (exec 3<>/dev/tcp/192.0.2.9/443) 2>/dev/null && exit 1; done
            (exec 3<>/dev/tcp/192.0.2.10/80) 2>/dev/null && exit 2
            (echo x > /dev/udp/192.0.2.11/53) 2>/dev/null
            exit 0'
    "#;
    let log = scratch.path("log");
    let (code, out, err) = run(&mut with(script, log.clone()));
    assert_eq!((code, out.as_str()), (0, ""), "{err}");
    assert!(err.starts_with("blocked 3 attempts to reach something:\nTIMES  COMMAND  TARGET"), "{err}");
    assert!(
        err.contains("192.0.2.9:443  tcp       no rule allows it")
            && err.contains("--allow '192.0.2.9:443/tcp'"),
        "{err}"
    );
    assert!(err.contains("the rule `192.0.2.10` denies it") && !err.contains("--allow '192.0.2.10"), "{err}");
    let lines = fs::read_to_string(log).expect("a log");
    let events: Vec<Value> =
        lines.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect();
    assert_eq!(events.len(), 3, "{lines}");
    let first = &events[0];
    assert_eq!(first["action"], "blocked");
    assert_eq!((&first["command"], &first["address"]), (&Value::from("bash"), &Value::from("192.0.2.9")));
    assert_eq!((&first["port"], &first["protocol"]), (&Value::from(443), &Value::from("tcp")));
    assert_eq!(first["allow"], "192.0.2.9:443/tcp");
    assert!(
        first["pid"].is_u64() && first["time"].as_str().is_some_and(|time| time.ends_with('Z')),
        "{first}"
    );
    assert!(events[1].get("allow").is_none(), "what a rule denies no flag allows: {}", events[1]);
}

#[test]
fn quiet_says_nothing_and_so_does_who_was_not_blocked() {
    let attempt = r#"bash -c '(exec 3<>/dev/tcp/192.0.2.9/443) 2>/dev/null || true'"#;
    let quiet = format!(r#""$0" run --mode relay --quiet --no-network {attempt}"#);
    assert_eq!(stdout(&mut isolated(&quiet)), "");
    assert_eq!(stdout(&mut isolated(r#""$0" run --mode relay --no-network echo fine"#)), "fine\n");
}

#[test]
fn what_is_allowed_is_told_when_more_is_wanted() {
    let attempt = r#"bash -c '(exec 3<>/dev/tcp/192.0.2.9/443) 2>/dev/null || true'"#;
    for (flag, expected) in [("--verbose", true), ("", false)] {
        let (code, _, err) = run(&mut isolated(&format!(
            r#""$0" run --mode relay {flag} --allow 192.0.2.9 --log /dev/null {attempt}"#
        )));
        assert_eq!(code, 0, "{err}");
        assert_eq!(err.contains("192.0.2.9:443/tcp: a rule allows it"), expected, "{flag}: {err}");
    }
}

#[test]
fn the_loopback_inside_is_the_sandboxes_own() {
    let script = r#"
        "$0" run --mode relay --no-network sh -c 'cat /proc/net/tcp /proc/net/unix | wc -l; cat /etc/resolv.conf; ls /sys/class/net 2>/dev/null | wc -l' > "$2"
        grep -qx 'nameserver 127.0.0.53' "$2"
    "#;
    let scratch = Scratch::new("loopback");
    stdout(&mut with(script, scratch.path("out")));
}

#[test]
fn a_policy_is_explained() {
    let scratch = Scratch::new("explain");
    let policy = scratch.file("policy.toml", "allow = [\n  \"*.example.org:443/tcp\",\n]\n");
    let explain = |targets: &[&str]| {
        let mut command = netwright();
        run(command.arg("explain-policy").arg("--policy").arg(&policy).args(targets))
    };
    let (code, out, _) = explain(&["www.example.org:443"]);
    assert_eq!(code, 0);
    assert!(out.starts_with("yes  ") && out.contains("policy.toml:2"), "{out}");
    let (code, out, _) = explain(&["www.example.org:443", "www.example.org:80"]);
    assert_eq!(code, 1);
    assert!(out.contains("\n no  ") && out.contains("--allow www.example.org:80/tcp"), "{out}");
    let (code, out, _) = explain(&["--json", "www.example.org:80"]);
    let list: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!((code, &list[0]["allowed"]), (1, &Value::from(false)));
    assert_eq!(explain(&["www.example.org"]).0, 2, "which port is not said");
}

#[test]
fn the_schema_describes_the_policy_file() {
    let schema: Value = serde_json::from_str(&stdout(netwright().args(["schema", "policy"]))).expect("JSON");
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    for key in ["allow", "deny", "include", "dns", "hosts", "sockets", "profile"] {
        assert!(schema["properties"][key].is_object(), "{key}");
    }
}

#[test]
fn what_was_seen_becomes_a_policy() {
    let scratch = Scratch::new("learn");
    let script = r#"
        "$0" run --mode relay --quiet --learn "$2" bash -c '(exec 3<>/dev/tcp/192.0.2.9/443) 2>/dev/null; true'
        "$0" explain-policy --policy "$2" 192.0.2.9:443
        "$0" run --learn "$2" true 2>&1 || test $? = 125
    "#;
    let told = stdout(&mut with(script, scratch.path("learned.toml")));
    assert!(told.starts_with("yes  192.0.2.9:443/tcp is allowed by "), "{told}");
    assert!(told.contains("learned.toml exists already\n"), "{told}");
}

#[test]
fn what_is_learned_is_written_where_its_path_led_at_the_start() {
    let scratch = Scratch::new("learn-elsewhere");
    let script = r#"
        cd "$2"
        mkdir at elsewhere
        "$0" run --mode relay --quiet --learn at/learned.toml sh -c 'mv at moved; ln -s elsewhere at'
        ls moved elsewhere"#;
    std::fs::create_dir(scratch.path("folder")).expect("a folder");
    assert_eq!(stdout(&mut with(script, scratch.path("folder"))), "elsewhere:\n\nmoved:\nlearned.toml\n");
}

#[test]
fn standard_input_reaches_the_command() {
    let mut command = netwright();
    command
        .args(["run", "--mode", "relay", "--no-network", "cat"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut child = command.spawn().expect("the command starts");
    child.stdin.take().expect("a pipe").write_all(b"through\n").expect("the command reads");
    let output = child.wait_with_output().expect("the command ends");
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(0), &b"through\n"[..]));
}

#[test]
fn names_are_resolved_where_the_host_names_no_name_servers() {
    let script = r#"
        ip link set lo up
        mount -t tmpfs none /etc
        "$0" run --mode relay --quiet --hosts db.local=192.0.2.5 --allow db.local:5 -- getent ahostsv4 db.local
    "#;
    let (code, out, err) = run(&mut isolated(script));
    assert_eq!(code, 0, "{err}");
    assert!(out.starts_with("192.0.2.5 "), "{out}");
}

#[test]
fn root_writes_no_files_of_the_kernel() {
    let script = r#"
        for flags in --no-network '--no-network --share pid'; do
            "$0" run --mode relay $flags -- sh -c '
                for path in acpi bus irq scsi sys sysrq-trigger; do
                    test ! -e /proc/$path || test ! -w /proc/$path || echo $path
                done'
        done
    "#;
    assert_eq!(stdout(&mut isolated(script)), "");
}

#[test]
fn what_cannot_be_is_told_with_what_to_do() {
    let script = r#"
        run() { "$0" run --mode relay "$@" 2>&1 || true; }
        ip link set lo up
        setpriv --bounding-set=-net_bind_service "$0" run --mode relay -p 80 true 2>&1 || true
        run -p 192.0.2.1:8080:80 true
        run -p 8080:80 -p 8080:81 true
        run --hosts 'two words=192.0.2.1' true
        cd "$2"
        rmdir "$2"
        run --no-network true
    "#;
    let scratch = Scratch::new("advice");
    let told = stdout(&mut with(script, scratch.folder()));
    let said = [
        "cannot publish port 127.0.0.1:80: permission denied (EACCES)\n help: The low ports are root's",
        "cannot publish port 192.0.2.1:8080: address not available (EADDRNOTAVAIL)\n help: This host has no such address",
        "cannot publish port 127.0.0.1:8080: address in use (EADDRINUSE)\n help: Something listens there already",
        "`two words` is no name\n",
        "find the working directory: no such object (ENOENT)\n help: It was removed",
    ];
    for said in said {
        assert!(told.contains(said), "{said}: {told}");
    }
}

#[test]
fn a_pipe_that_nobody_reads_can_be_given_up() {
    let script = r#"
        mkfifo "$2/pipe"
        for flag in --log --policy; do
            "$0" run --mode relay $flag "$2/pipe" echo begun &
            sleep 0.3
            kill -TERM $!
            wait $! 2> /dev/null || echo $?
        done
    "#;
    let scratch = Scratch::new("pipe");
    assert_eq!(stdout(&mut with(script, scratch.folder())), "143\n143\n");
}

#[test]
fn two_runs_write_whole_lines_to_one_log() {
    let script = r#"
        echo old > "$2/log"
        for last in 1 2; do
            "$0" run --mode relay --quiet --log "$2/log" bash -c '
                touch "$0/$1"
                until test -e "$0/1" -a -e "$0/2"; do sleep 0.05; done
                for port in 1 2 3; do (exec 3<>/dev/tcp/192.0.2.$1/$port) 2>/dev/null; done
                true' "$2" $last &
        done
        wait
    "#;
    let scratch = Scratch::new("shared-log");
    stdout(&mut with(script, scratch.folder()));
    let lines = fs::read_to_string(scratch.path("log")).expect("a log");
    let events: Vec<Value> =
        lines.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect();
    assert_eq!(events.len(), 6, "{lines}");
}

#[test]
fn what_the_host_does_not_let_through_is_told() {
    let script = r#"
        ip link set lo up
        setpriv --bounding-set=-net_raw --inh-caps=-net_raw "$0" run --mode relay --allow 192.0.2.1/icmp ping -c 1 -W 1 192.0.2.1 || true
    "#;
    let (_, _, err) = run(&mut isolated(script));
    assert!(err.contains("net.ipv4.ping_group_range must have it") && !err.contains("--allow"), "{err}");
}

#[test]
fn few_open_files_are_enough_for_connections() {
    let script = r#"
        ip link set lo up
        ulimit -n 64
        "$0" run --mode relay --allow host:8080 bash -c 'exec 3<>/dev/tcp/127.0.0.1/8080' || true
    "#;
    let (_, _, err) = run(&mut isolated(script));
    assert!(err.contains("Connection refused") && !err.contains("ulimit"), "{err}");
}

#[test]
fn published_ports_wait_without_work_where_no_more_files_may_be_open() {
    let script = r#"
        ip link set lo up
        "$0" run --mode relay -p 8080:80 sh -c 'echo ready; exec sleep 60' > "$2" & supervisor=$!
        until grep -q ready "$2"; do sleep 0.05; done
        prlimit --nofile=3 --pid $supervisor
        bash -c '
            exec 3<>/dev/tcp/127.0.0.1/8080
            ticks() { sed "s/.*) //" /proc/$0/stat | { read -ra fields; echo $((fields[11] + fields[12])); }; }
            before=$(ticks)
            sleep 2
            test $(($(ticks) - before)) -lt 40 && echo idle' $supervisor
        kill -TERM $supervisor
        wait $supervisor 2> /dev/null || true
    "#;
    let scratch = Scratch::new("published");
    assert_eq!(stdout(&mut with(script, scratch.file("out", ""))), "idle\n");
}
