//! Exit codes, colours, pipes and what the command tells about itself.

use std::process::{Command, Stdio};

use crate::support::{directory, has, isolated, netwright, run, stdout};

#[test]
fn wrong_usage_ends_with_2() {
    for arguments in [&["chekc"][..], &["check"], &["list", "nothing"], &["--no-such-option"], &[]] {
        let (code, stdout, stderr) = run(netwright().args(arguments));
        assert_eq!((code, stdout.as_str()), (2, ""), "{arguments:?}");
        assert!(stderr.contains("--help") || stderr.contains("Usage:"), "{stderr}");
    }
    let (_, _, stderr) = run(netwright().arg("chekc"));
    assert!(stderr.contains("'check'"), "{stderr}");
}

#[test]
fn help_and_version_go_to_standard_output() {
    assert!(stdout(netwright().arg("--version")).starts_with("netwright "));
    for command in ["check", "list", "netns", "schema", "run", "explain-policy"] {
        let help = stdout(netwright().args([command, "--help"]));
        assert!(help.contains("Example"), "{help}");
    }
}

#[test]
fn colours_are_for_terminals_alone() {
    let typo = || {
        let mut command = netwright();
        command.current_dir(directory().join("check")).args(["check", "typo.toml"]);
        command
    };
    let coloured = |command: &mut Command| run(command).2.contains('\u{1b}');
    assert!(!coloured(&mut typo()));
    assert!(coloured(typo().args(["--color", "always"])));
    assert!(!coloured(typo().args(["--color", "never"])));
    assert!(!coloured(typo().env("NO_COLOR", "1").env("CLICOLOR_FORCE", "1")));
}

#[test]
fn a_closed_pipe_is_no_reason_to_complain() {
    let mut command = netwright();
    command.arg("schema").stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the command starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("the command ends");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

/// Scripts ask `nft --version | grep -q`, and a disk may be full.
#[test]
fn what_cannot_be_written_is_an_error_and_no_panic() {
    let full = || std::fs::OpenOptions::new().write(true).open("/dev/full").expect("/dev/full");
    let asked = [
        &["--version"][..],
        &["--help"],
        &["list", "--help"],
        &["nft", "--version"],
        &["nft", "-V"],
        &["nft", "--help"],
        &["man"],
        &["schema"],
        &["completions", "bash"],
    ];
    for arguments in asked {
        let output = netwright().args(arguments).stdout(full()).output().expect("the command starts");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {stderr}");
        assert_eq!(
            stderr, "error: cannot write to standard output: No space left on device\n",
            "{arguments:?}"
        );
        let child = netwright().args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = child.expect("the command starts");
        drop(child.stdout.take());
        let mut stderr = String::new();
        let said = child.stderr.take().expect("a pipe");
        std::io::Read::read_to_string(&mut { said }, &mut stderr).expect("text");
        assert_eq!((child.wait().is_ok(), stderr.as_str()), (true, ""), "{arguments:?}");
    }
}

#[test]
fn a_file_and_a_command_are_not_done_in_part() {
    let (code, stdout, stderr) = run(netwright().args(["nft", "-f", "x.nft", "list", "tables"]));
    assert_eq!((code, stdout.as_str()), (1, ""));
    assert!(stderr.starts_with("error: a file and a command: only one of them can be done\n"), "{stderr}");
}

#[test]
fn the_schema_describes_the_host_file() {
    let schema: serde_json::Value = serde_json::from_str(&stdout(netwright().arg("schema"))).expect("JSON");
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    for key in ["forwarding", "link", "route", "rule", "neighbour", "firewall", "flow"] {
        assert!(schema["properties"][key]["description"].is_string(), "{key}");
    }
    assert_eq!(schema["additionalProperties"], false);
}

#[test]
fn completions_and_the_manual_page_are_made() {
    assert!(stdout(netwright().args(["completions", "bash"])).contains("netwright"));
    assert!(stdout(netwright().arg("man")).contains(".TH netwright"));
}

/// Under strace: listing, loading, applying and testing start nothing but the command itself.
#[test]
fn no_other_program_is_run_and_nothing_but_libc_is_linked() {
    let linked = stdout(Command::new("ldd").arg(env!("CARGO_BIN_EXE_netwright")));
    for line in linked.lines() {
        let name = line.split_whitespace().next().unwrap_or_default().rsplit('/').next().unwrap_or_default();
        let known = ["linux-vdso.so", "libc.so", "libm.so", "libgcc_s.so", "ld-linux"];
        assert!(known.iter().any(|known| name.starts_with(known)), "{linked}");
    }
    if !has("strace") {
        return;
    }
    let script = r#"
        traced() {
            strace -qqf -e trace=execve,execveat -o "$trace" "$0" "$@" >/dev/null || [ $? = 1 ] # where flows differ
            grep -E 'execve' "$trace" | grep -v ' = -1 ' | grep -v -F -e "\"$0\"" -e '"/proc/self/exe"' || true
        }
        trace=$(mktemp)
        traced nft 'add table inet t; add chain inet t c { type filter hook input priority 0; }'
        traced nft -a list ruleset
        traced nft -j -o list ruleset
        traced list links
        traced list routes
        traced netns add other
        traced netns delete other
        traced apply "$1/host/server.toml"
        traced status
        traced capture
        traced withdraw
        traced test "$1/host/flows.toml"
        rm "$trace"
    "#;
    let (code, printed, errors) = run(&mut isolated(script));
    assert_eq!((code, printed.as_str()), (0, ""), "{errors}");
}
