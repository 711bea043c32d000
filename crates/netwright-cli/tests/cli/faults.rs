//! `netwright run` where something of the system fails: it ends, says why, and leaves nothing.

use crate::support::{has, isolated, run, stdout};

/// Runs a sandbox once for each of the first calls of a kind, which fails in each process and thread; prints each that ended as it should not.
const STRIKES: &str = r#"
    ip link set lo up
    strike() {
        for turn in $(seq $2); do
            for flags in '--mode relay --allow 192.0.2.9' "$3"; do
                status=0
                timeout 60 strace -qqf -o /dev/null -e inject=$1:when=$turn "$0" run --quiet $flags echo done > "/mnt/out" 2>&1 || status=$?
                case "$status $(tr '\n' ' ' < /mnt/out)" in
                    '0 done '*) ;;
                    '125 error: '*) echo error >> /mnt/errors ;;
                    *) echo "$1 $turn $flags: $status"; cat /mnt/out ;;
                esac
            done
        done
    }
    mount -t tmpfs tmpfs /mnt
    touch /mnt/errors
"#;
/// What was left, after a moment in which the kernel clears away the last namespaces.
const LEFT: &str = r#"
    for try in $(seq 100); do ip -br link | grep -q nwrun || break; sleep 0.05; done
    ip -br link | grep nwrun || true
    "$0" nft list tables
    test -s /mnt/errors && echo struck
"#;

#[test]
fn a_lost_answer_of_the_kernel_is_an_error_and_no_end_of_waiting() {
    if !has("strace") {
        return;
    }
    let script = format!("{STRIKES}\nstrike recvfrom:error=EAGAIN 10 '--mode nat --allow 192.0.2.9'\n{LEFT}");
    let (code, out, err) = run(&mut isolated(&script));
    assert_eq!((code, out.as_str()), (0, "struck\n"), "{err}");
}

#[test]
fn where_no_more_threads_and_processes_may_be_started_that_is_said() {
    if !has("strace") {
        return;
    }
    let script = format!(
        "{STRIKES}\nstrike clone3:error=EAGAIN 4 '--no-network --workspace'\nstrike clone:error=EAGAIN 2 '--no-network'\n
        grep -c 'No more processes or threads' /mnt/out\n{LEFT}"
    );
    let (code, out, err) = run(&mut isolated(&script));
    assert_eq!((code, out.as_str()), (0, "1\nstruck\n"), "{err}");
}

#[test]
fn nothing_has_to_be_written_to_run() {
    let script = r#"
        ip link set lo up
        mount -t tmpfs -o ro,mode=755 tmpfs /run
        for flags in --no-network '--mode relay --allow 192.0.2.9' '--mode nat --allow 192.0.2.9'; do
            "$0" run --quiet $flags echo done
        done
    "#;
    assert_eq!(stdout(&mut isolated(script)), "done\ndone\ndone\n");
}
