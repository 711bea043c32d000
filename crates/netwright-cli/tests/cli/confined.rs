//! `netwright run` with files, limits and other namespaces, and what becomes of what is open when the policy changes.

use crate::support::{has, isolated, run, stdout};

/// A script in namespaces of its own, in the working directory `work` of a home directory that is there for it alone, below `/mnt`; with `run` for
/// a command without a network.
fn at_home(script: &str) -> (i32, String, String) {
    let prelude = r#"
        mount -t tmpfs tmpfs /mnt
        mkdir -p /mnt/home/work
        printf secret > /mnt/home/secret
        export HOME=/mnt/home
        cd "$HOME/work"
        ip link set lo up
        run() { "$0" run --no-network "$@"; }"#;
    run(&mut isolated(&format!("{prelude}\n{script}")))
}

#[test]
fn a_workspace_is_written_and_nothing_else_is_there() {
    let script = r#"
        run --workspace sh -c '
            echo done > out
            cat ~/secret && echo FOUND
            echo x > ~/.profile && echo own-home
            echo x > /tmp/netwright-x && echo own-tmp
            (echo x > /usr/netwright-x) 2>/dev/null && echo WRITTEN
            chmod 777 /usr 2>/dev/null && echo CHANGED
            true'
        cat out
        for path in ~/.profile /tmp/netwright-x /usr/netwright-x; do test ! -e $path || echo "LEFT $path"; done
    "#;
    let (code, out, err) = at_home(script);
    assert_eq!((code, out.as_str()), (0, "own-home\nown-tmp\ndone\n"), "{err}");
    // what was refused is told, with the flag that would allow it
    assert!(err.contains("--read '/mnt/home/secret'"), "{err}");
}

#[test]
fn what_is_named_is_read_or_written() {
    let script = r#"
        mkdir ~/out
        run --read . --read ~/secret sh -c 'cat ~/secret; (echo x > ~/secret) 2>/dev/null || echo kept'
        run --read . --write ~/out sh -c 'echo made > ~/out/file; mv ~/out/file ~/out/moved; cat ~/out/moved'
        cat ~/out/moved ~/secret
        run --read ~/secret true
    "#;
    let (code, out, err) = at_home(script);
    assert_eq!(out, "secretkept\nmade\nmade\nsecret", "{err}");
    assert!(code == 125 && err.contains("enter the working directory"), "{err}");
}

#[test]
fn files_that_are_given_for_reading_cannot_be_changed() {
    let script = r#"
        PATH=/usr/bin:/bin
        printf 'first\nsecond\n' > ~/given
        chmod 644 ~/given
        try='
import os
def attempt(name, job):
    try:
        job()
        print(name)
    except OSError:
        pass
attempt("WRITTEN", lambda: os.open("/proc/self/fd/0", os.O_WRONLY))
attempt("SHORTENED", lambda: os.truncate("/proc/self/fd/0", 0))
attempt("RIGHTS", lambda: os.fchmod(0, 0o777))
attempt("TIMES", lambda: os.utime(0, (1, 1)))
print(os.read(0, 99))'
        { read line; run --workspace python3 -c "$try"; } < ~/given
        run --read . python3 -c "$try" < ~/given
        run --read . cat /proc/self/fd/0 < ~/given
        cat ~/given
        # what is given for writing is written, also when it is opened anew
        run --read . sh -c 'echo one; echo two >> /dev/stdout; echo three >> /proc/self/fd/2' >> ~/told 2>> ~/told
        cat ~/told
        # one that has no name any more
        exec 5< ~/given
        rm ~/given
        run --workspace cat <&5
    "#;
    let (code, out, err) = at_home(script);
    let expected = [
        "b'second\\n'",
        "b'first\\nsecond\\n'",
        "first",
        "second",
        "first",
        "second",
        "one",
        "two",
        "three",
        "first",
        "second",
    ];
    assert_eq!((code, out), (0, expected.map(|line| format!("{line}\n")).concat()), "{err}");
}

#[test]
fn named_pipes_that_may_be_read_cannot_be_written() {
    let script = r#"
        PATH=/usr/bin:/bin
        mkfifo ~/pipe own
        try='
import os, sys
for path in sys.argv[1:]:
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    for name in path, f"/proc/self/fd/{reader}":
        try:
            os.write(os.open(name, os.O_WRONLY), b"x")
            print(path, "written")
        except OSError as error:
            print(path, error.strerror)'
        run --read . --read ~/pipe --write own python3 -c "$try" ~/pipe own
        run --write ~ python3 -c "$try" ~/pipe
        run --read . sh -c 'mkfifo /tmp/own; exec 3<> /tmp/own; echo x > /proc/self/fd/3; echo /tmp/own'
        # what is moved from one directory to another
        run --workspace sh -c 'mkdir a b; echo x > a/x; mv a/x b/y; ln b/y a/z; mv a/z /tmp/z; cat b/y /tmp/z'
    "#;
    let (code, out, err) = at_home(script);
    let pipe = "/mnt/home/pipe";
    if !netwright_confine::Confinement::confines_written() {
        return;
    }
    let expected = [
        format!("{pipe} Permission denied"),
        format!("{pipe} Permission denied"),
        "own written".into(),
        "own written".into(),
        format!("{pipe} written"),
        format!("{pipe} written"),
        "/tmp/own".into(),
        "x".into(),
        "x".into(),
    ];
    assert_eq!((code, out), (0, expected.map(|line| line + "\n").concat()), "{err}");
}

#[test]
fn files_that_cannot_be_confined_so_are_refused() {
    let refusals = [
        ("run --write /no/such/place true", "cannot let /no/such/place be written"),
        ("cd ~; run --workspace true", "it is the home directory"),
        ("run --cache cargo true", "there is none at"),
        ("run --cache carg true", "possible values"),
        ("run --workspace true < ~", "standard input is a directory"),
        ("run --device /dev/no-such true", "cannot let the device /dev/no-such be used: "),
        ("run --device /etc/passwd true", "it is not below /dev"),
        ("run --device /dev true", "it is not below /dev"),
        ("run --socket /no/such/socket true", "cannot leave the socket /no/such/socket reachable"),
    ];
    for (script, expected) in refusals {
        let (code, _, err) = at_home(script);
        assert!(code == 125 && err.contains(expected), "{script}: {code} {err}");
    }
}

#[test]
fn files_of_a_policy_are_confined_and_explained() {
    let script = r#"
        mkdir out
        printf 'allow = []\n\n[files]\nwrite = ["./out"]\nread = [".", "~/secret"]\n' > ../policy.toml
        "$0" explain-policy --policy ../policy.toml ~/secret ./out/x /usr
        "$0" explain-policy --policy ../policy.toml ~/other || echo not-all
        "$0" run --quiet --mode relay --policy ../policy.toml sh -c 'cat ~/secret; echo; echo x > out/y; (echo z > ~/z) 2>/dev/null || echo kept'
        cat out/y
        test ! -e ~/z
        printf '[files]\nwrit = []\n' > ../policy.toml
        "$0" run --policy ../policy.toml true || true
    "#;
    let (code, out, err) = at_home(script);
    let expected = [
        "yes  /mnt/home/secret may be read and not written (/mnt/home/secret).",
        "yes  ./out/x may be read and written (/mnt/home/work/out).",
        "yes  /usr may be read and not written (/usr).",
        " no  /mnt/home/other is not there for the command: nothing that may be read or written covers it.",
        "not-all",
        "secret",
        "kept",
        "x",
    ];
    assert_eq!((code, out), (0, expected.map(|line| format!("{line}\n")).concat()), "{err}");
    assert!(err.contains("unknown key `writ` in `files`") && err.contains("Did you mean `write`?"), "{err}");
}

#[test]
fn what_files_were_used_becomes_a_policy() {
    let script = r#"
        mkdir ~/data
        "$0" run --quiet --mode relay --learn ~/learned.toml --read . sh -c 'cat ~/secret > /dev/null; echo x > ~/data/new'
        grep -A9 files ~/learned.toml
        "$0" run --quiet --mode relay --policy ~/learned.toml sh -c 'cat ~/secret; echo y > ~/data/new; cat ~/data/new'
    "#;
    let (code, out, err) = at_home(script);
    let expected = "[files]\nread = [\".\", \"/mnt/home/secret\"]\nwrite = [\"/mnt/home/data\"]\nsecrety\n";
    assert_eq!((code, out.as_str()), (0, expected), "{err}");
}

#[test]
fn files_stay_as_they_were_when_the_policy_changes() {
    let script = r#"
        printf '[files]\nwrite = ["."]\n' > ../policy.toml
        "$0" run --mode relay --policy ../policy.toml sh -c 'touch begun; while ! test -e told; do sleep 0.05; done; cat ~/secret 2>&1' 2> ../said &
        while ! test -e begun; do sleep 0.05; done
        printf '[files]\nwrite = [".", "~/secret"]\n' > ../policy.toml
        while ! grep -q 'stays as it was' ../said; do sleep 0.05; done
        touch told
        wait $! || echo "ended by $?"
    "#;
    let (code, out, err) = at_home(script);
    assert_eq!(
        (code, out.as_str()),
        (0, "cat: /mnt/home/secret: No such file or directory\nended by 1\n"),
        "{err}"
    );
}

#[test]
fn a_command_ends_when_its_time_is_over() {
    let script = r#"
        ends() { "$0" run --no-network --time 1 sh -c "trap '' TERM; $1" 2>/dev/null || test $? = 124; }
        ends 'sleep 600 & wait' & first=$!
        ends 'while :; do kill -STOP $$; done' & second=$!
        wait $first; wait $second
        "$0" run --no-network --time 1h true
        "$0" run --no-network --time 5x true 2>/dev/null || test $? = 125
    "#;
    assert_eq!(stdout(&mut isolated(script)), "");
}

/// At a terminal, a command can have the kernel stop all of its own group of processes, to which the supervisor belongs, while a child of it goes on in
/// another group.
#[test]
fn who_stops_at_a_terminal_gains_no_time() {
    if !has("python3") {
        return;
    }
    let script = r#"
        cat > shell.py <<'END'
import os, pty, signal, sys
command = """
import os, signal, time
signal.signal(signal.SIGTTOU, signal.SIG_IGN)
child = os.fork()
if child == 0:
    os.setpgid(0, 0)
    time.sleep(600)
while os.getpgid(child) != child:
    time.sleep(0.01)
os.tcsetpgrp(0, child)
os.read(0, 1)
"""
def shell():
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    job = os.fork()
    if job == 0:
        os.setpgid(0, 0)
        os.tcsetpgrp(0, os.getpid())
        signal.signal(signal.SIGTTOU, signal.SIG_DFL)
        os.execv(sys.argv[1], [sys.argv[1], "run", "--quiet", "--no-network", "--time", "1", "python3", "-c", command])
    signal.alarm(60)
    while True:
        _, status = os.waitpid(job, os.WUNTRACED)
        if os.WIFSTOPPED(status):
            print("stopped")
        else:
            print("ended with", os.waitstatus_to_exitcode(status))
            return
pid, terminal = pty.fork()
if pid == 0:
    shell()
    sys.stdout.flush()
    os._exit(0)
said = b""
try:
    while more := os.read(terminal, 1000):
        said += more
except OSError:
    pass
print(said.decode().replace("\\r", ""), end="")
END
        python3 shell.py "$0"
    "#;
    let (_, told, err) = at_home(script);
    let lines: Vec<&str> =
        told.lines().filter(|line| line.contains("stopped") || line.contains("ended")).collect();
    assert_eq!(lines, ["stopped", "ended with 124"], "{told}{err}");
}

#[test]
fn a_command_has_no_more_processes_than_it_may() {
    let script = r#"
        PATH=/usr/bin:/bin
        mount -t tmpfs tmpfs /mnt
        try='
import os
children = 0
try:
    while children < 50:
        if os.fork() == 0:
            os.read(os.pipe()[0], 1)
        children += 1
except OSError:
    print("stopped after", children)'
        limited() { count=$1; shift; "$0" run --no-network --processes $count $who "$@"; }
        who=
        if ! limited 5 true 2> /mnt/said; then
            # root, without a control group for it
            grep -q 'limit the number of processes' /mnt/said
            who='--user nobody'
        fi
        limited 5 python3 -c "$try"
        limited 9 python3 -c "$try"
        limited 2 sh -c '/bin/true; echo enough'
        # root of a user namespace, which may be the machine's root
        if unshare --map-root-user "$0" run --no-network --processes 5 python3 -c "$try" > /mnt/out 2> /mnt/said; then
            grep -qx 'stopped after 4' /mnt/out
        else
            grep -q 'limit the number of processes' /mnt/said
        fi
    "#;
    let (code, out, err) = run(&mut isolated(script));
    let expected = "stopped after 4\nstopped after 8\nenough\n";
    assert_eq!((code, out.as_str()), (0, expected), "{err}");
}

#[test]
fn a_command_that_fills_memory_ends() {
    let script = r#"
        "$0" run --quiet --no-network --memory 64M python3 -c 'held = bytearray(300000000); print("filled")' 2>/dev/null || echo ended
        "$0" run --quiet --no-network --memory 256M python3 -c 'held = bytearray(1000000); print("held")'
    "#;
    assert_eq!(stdout(&mut isolated(script)), "ended\nheld\n");
}

#[test]
fn what_is_open_and_not_allowed_any_more_is_cut() {
    let script = r#"
        ip address add 203.0.113.9/32 dev lo
        python3 -c '
import socket, threading
listener = socket.create_server(("203.0.113.9", 8000))
datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
datagrams.bind(("203.0.113.9", 8001))
def echo(connection):
    while data := connection.recv(99):
        connection.send(data)
def streams():
    while True:
        threading.Thread(target=echo, args=(listener.accept()[0],), daemon=True).start()
threading.Thread(target=streams, daemon=True).start()
open("/mnt/ready", "w").close()
while True:
    data, peer = datagrams.recvfrom(99)
    datagrams.sendto(data, peer)
' > /dev/null 2>&1 &
        server=$!
        while ! test -e /mnt/ready; do sleep 0.05; done
        echo 'allow = ["203.0.113.9"]' > /mnt/policy.toml
        (while ! test -e /mnt/go; do sleep 0.05; done; echo 'allow = []' > /mnt/policy.toml) &
        "$0" run --mode relay --policy /mnt/policy.toml python3 -c '
import socket, time
stream = socket.create_connection(("203.0.113.9", 8000), 5)
datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
datagrams.settimeout(5)
datagrams.connect(("203.0.113.9", 8001))
for one in stream, datagrams:
    one.send(b"x")
    print("before", one.recv(9))
open("/mnt/go", "w").close()
try:
    print("after", stream.recv(9))
except OSError as error:
    print("after", type(error).__name__)
for attempt in range(100):
    time.sleep(0.05)
    try:
        datagrams.send(b"y")
        datagrams.recv(9)
    except OSError:
        print("cut")
        break
'
        kill $server
    "#;
    let (code, out, err) = at_home(script);
    assert_eq!(
        (code, out.as_str()),
        (0, "before b'x'\nbefore b'x'\nafter ConnectionResetError\ncut\n"),
        "{err}"
    );
    assert!(err.contains("so it was cut"), "{err}");
}

#[test]
fn a_published_port_is_there_by_both_families() {
    let script = r#"
        "$0" run --quiet --mode relay -p 18080:8080 python3 -c '
import socket, sys
listener = socket.create_server(("127.0.0.1", 8080))
open(sys.argv[1], "w").close()
for turn in range(2):
    connection = listener.accept()[0]
    connection.send(b"inside")
    connection.close()
' /mnt/ready &
        while ! test -e /mnt/ready; do sleep 0.05; done
        for address in 127.0.0.1 ::1; do
            python3 -c 'import socket, sys; print(socket.create_connection((sys.argv[1], 18080), 5).recv(9))' $address
        done
        wait
    "#;
    let (code, out, err) = at_home(script);
    assert_eq!((code, out.as_str()), (0, "b'inside'\nb'inside'\n"), "{err}");
}

#[test]
fn a_sandbox_in_a_sandbox_has_the_true_reason() {
    let script = r#""$0" run --quiet --no-network "$0" run --no-network true 2>&1 || echo $?"#;
    let out = stdout(&mut isolated(script));
    assert!(out.contains("this runs in a sandbox of netwright already") && out.ends_with("125\n"), "{out}");
}

#[test]
fn the_system_files_tell_of_the_links_inside() {
    let script = r#"
        ip link add elsewhere0 type veth peer name elsewhere1
        "$0" run --no-network ls /sys/class/net
    "#;
    assert_eq!(stdout(&mut isolated(script)), "lo\n");
}

#[test]
fn queues_devices_and_control_groups_of_others_are_out_of_reach() {
    let script = r#"
        queue=$(ipcmk -Q | sed 's/.*: //')
        run sh -c 'ipcs -q | grep -c 0x' || true
        run --share ipc sh -c 'ipcs -q | grep -c 0x | sed "s/[1-9][0-9]*/some/"'
        ipcrm -q "$queue"
        run sh -c 'ls /dev | tr "\n" " "; echo; chmod 600 /dev/null 2>/dev/null && echo CHANGED; echo x > /dev/null'
        run sh -c 'unshare --cgroup true 2>/dev/null && echo GROUPS; mkdir /sys/fs/cgroup/x 2>/dev/null && echo MADE; true'
    "#;
    let (code, out, err) = at_home(script);
    let devices = "fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero ";
    assert_eq!((code, out), (0, format!("0\nsome\n{devices}\n")), "{err}");
}

#[test]
fn nothing_comes_in_unasked_and_nothing_is_left_behind() {
    let script = r#"
        "$0" run --quiet --mode nat --allow 203.0.113.9:1 python3 -c '
import os, socket, subprocess
listener = socket.create_server(("0.0.0.0", 7070))
address = subprocess.run(["ip", "-4", "-br", "address", "show", "dev", "eth0"], capture_output=True, text=True).stdout
open("/mnt/address.new", "w").write(address.split()[2].split("/")[0])
os.rename("/mnt/address.new", "/mnt/address")
listener.accept()
open("/mnt/accepted", "w").close()
' > /dev/null 2>&1 &
        supervisor=$!
        while ! test -e /mnt/address; do sleep 0.05; done
        address=$(cat /mnt/address)
        connect='import socket, sys; socket.create_connection((sys.argv[1], 7070), 1)'
        python3 -c "$connect" $address 2>/dev/null && echo CONNECTED
        ip -br link | grep -c nwrun
        kill -KILL $supervisor
        wait $supervisor || true
        while ip -br link | grep -q nwrun; do sleep 0.05; done
        python3 -c "$connect" $address 2>/dev/null && echo CONNECTED
        test ! -e /mnt/accepted
        ip route show table all | grep nwrun || echo nothing
    "#;
    let (code, out, err) = at_home(script);
    assert_eq!((code, out.as_str()), (0, "1\nnothing\n"), "{err}");
}

#[test]
fn what_may_be_read_is_changed_in_no_way_and_by_no_name() {
    let script = r#"
        made() {
            rm -rf there out
            mkdir -p there/directory out
            echo one > there/file
            echo two > there/directory/file
            chmod -R a+rwX there
        }
        seen() { find there -printf '%p %m %U %s %T@ %n %y ' | sort; cat there/file there/directory/file; }
        cat > changes.py
        PATH=/usr/bin:/bin
        python=$(command -v python3)
        for flags in '' --mounts '--share pid'; do
            for own in '' own; do
                made
                before=$(seen)
                run --quiet $flags --read there --read changes.py --write out \
                    "$python" changes.py "$PWD/there" "$PWD/out" $own > tries || echo "failed: $flags $own"
                test "$(cat tries)" -gt 800 || echo "tries: $(cat tries)"
                test "$(seen)" = "$before" || echo "changed: $flags $own"
            done
        done
        # without a sandbox they are ways
        made
        before=$(seen)
        "$python" changes.py "$PWD/there" "$PWD/out" > tries
        test "$(seen 2>&1)" = "$before" || echo control"#;
    let script = format!("{script}\n");
    let whole = script
        .replace("cat > changes.py", &format!("cat > changes.py <<'EOF'\n{}EOF", include_str!("changes.py")));
    let (code, out, err) = at_home(&whole);
    assert_eq!((code, out.as_str()), (0, "control\n"), "{err}");
}
