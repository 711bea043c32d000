//! What a sandbox leaves open, as docs/sandbox/threat-model.md says under "What does not hold".

use crate::support::{isolated, run};

/// A script in namespaces of its own, in the working directory `work` of a home directory; with `run` for a command without a network.
fn at_home(script: &str) -> String {
    let prelude = r#"
        PATH=/usr/sbin:/usr/bin:/sbin:/bin
        mount -t tmpfs tmpfs /mnt
        mkdir -p /mnt/home/work
        export HOME=/mnt/home
        cd "$HOME/work"
        ip link set lo up
        run() { "$0" run --quiet --no-network "$@"; }"#;
    let (code, out, err) = run(&mut isolated(&format!("{prelude}\n{script}")));
    assert_eq!(code, 0, "{out}{err}");
    out
}

#[test]
fn files_that_are_not_confined_are_read_and_written() {
    let script = "echo secret > ~/secret
        run sh -c 'cat ~/secret; echo written > ~/.profile'
        cat ~/.profile";
    assert_eq!(at_home(script), "secret\nwritten\n");
}

#[test]
fn what_is_written_in_a_workspace_is_there_outside() {
    let script = "run --workspace sh -c 'mkdir -p .git/hooks; echo hook > .git/hooks/post-commit; test -r /etc/passwd && echo system'
        cat .git/hooks/post-commit
        echo old > ~/file
        run --read . --write ~/file sh -c 'echo new > ~/file; cp ~/file /tmp/other; mv /tmp/other ~/file 2> /dev/null || echo not replaced'
        cat ~/file";
    assert_eq!(at_home(script), "system\nhook\nnot replaced\nnew\n");
}

#[test]
fn who_watches_on_the_same_machine_is_told() {
    let script = "mkfifo ~/held ~/go
        run sh -c 'exec 9> ~/lock; flock 9; echo by a pipe > ~/held; read line < ~/go' &
        timeout 60 cat ~/held
        flock --nonblock ~/lock true || echo by a lock
        timeout 60 sh -c 'echo on > ~/go'
        wait";
    assert_eq!(at_home(script), "by a pipe\nby a lock\n");
}

#[test]
fn standard_streams_are_what_they_are() {
    let script = "echo before > ~/out; echo given > ~/in
        run sh -c 'exec 3>&1; cat /proc/self/fd/3 > ~/seen; : > /proc/self/fd/3; echo changed > /proc/self/fd/0' < ~/in >> ~/out
        cat ~/seen ~/out ~/in";
    assert_eq!(at_home(script), "before\nchanged\n");
}

#[test]
fn what_is_left_running_goes_on_where_processes_are_shared() {
    let script = "mkfifo ~/go ~/on
        run --share pid sh -c '(read line < ~/go; echo went on > ~/on) & true'
        timeout 60 sh -c 'echo now > ~/go'
        timeout 60 cat ~/on";
    assert_eq!(at_home(script), "went on\n");
}

/// A session of its own, so that nobody else's is changed. Of a process outside in it, files of processes change nothing: without a terminal the command has
/// another session, and with one the priority is what it was when the command ends.
#[test]
fn files_of_processes_change_nothing_outside() {
    let script = r##"setsid -w sh -euc '
        sleep 600 & outside=$!
        until grep -q sleep /proc/$outside/comm; do sleep 0.01; done
        look() {
            cd /proc/$outside
            cat limits oom_score_adj coredump_filter comm cgroup 2> /dev/null || true
            grep -E "^(Uid|Gid|Groups|Cap|NoNewPrivs|Seccomp|SigIgn|Cpus_allowed)" status
        }
        before=$(look)
        "$0" run --quiet --no-network --share pid sh -c "
            for file in /proc/self/* /proc/self/attr/*; do
                test -f \$file && test -w \$file || continue
                for value in 15 1000; do echo \$value > \$file || true; done
            done" 2> /dev/null
        test "$(look)" = "$before" && echo unchanged
        # Where the kernel has it; it lets one change in a tenth of a second through, whoever makes it.
        weigh="for try in $(seq -s " " 300); do echo 14 > /proc/self/autogroup && break; sleep 0.03; done; cat /proc/self/autogroup"
        if test -e /proc/$outside/autogroup; then
            "$0" run --quiet --no-network sh -c "$weigh" 2> /dev/null | sed "s/.* nice //"
            sed "s/.* nice //" /proc/$outside/autogroup
            script -qec "\"$0\" run --quiet --no-network sh -c \"$weigh\" 2> /dev/null; cat /proc/self/autogroup" /dev/null < /dev/null |
                tr -d "\\r" | sed "s/.* nice //"
        else
            printf "14\n0\n14\n0\n"
        fi
        kill $outside' "$0""##;
    assert_eq!(at_home(script), "unchanged\n14\n0\n14\n0\n");
}

#[test]
fn landlock_of_programs_inside_does_not_bind_who_connects_for_them() {
    // Where the kernel has no rules for connecting, nobody is bound by any.
    let script = r#"cat > confine.py <<'end'
import ctypes, socket, struct
call = ctypes.CDLL(None, use_errno=True).syscall
server = socket.socket()
server.bind(("127.0.0.1", 0))
server.listen()
rules = call(444, struct.pack("QQ", 0, 2), 16, 0)
ctypes.CDLL(None).prctl(38, 1, 0, 0, 0)
call(446, rules, 0)
client = socket.socket()
try:
    client.connect(server.getsockname())
    print("connected")
except OSError:
    print("refused")
end
        test -x /usr/bin/python3 || { echo connected; exit; }
        run --mounts /usr/bin/python3 confine.py"#;
    assert_eq!(at_home(script), "connected\n");
}

#[test]
fn that_core_dumps_leave_is_told() {
    let script = r#"
        echo '@/run/dumps.socket' > ~/pattern
        mount --bind ~/pattern /proc/sys/kernel/core_pattern
        "$0" run --no-network --share pid true 2>&1"#;
    let told = "when something crashes inside, the kernel tells the program outside that listens at /run/dumps.socket, with its memory (kernel.core_pattern)\n";
    assert_eq!(at_home(script), told);
}
