//! The pages of `docs/test`: their files are written, their commands are run, and what is printed there is printed.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Instant;

use crate::support::{has, isolated, run};

/// A block of a page, with the comment before it and what kind it says it is.
struct Block<'t> {
    comment: Option<&'t str>,
    kind: &'t str,
    text: &'t str,
}

fn blocks(page: &str) -> Vec<Block<'_>> {
    let mut found = Vec::new();
    let mut rest = page;
    while let Some((before, after)) = rest.split_once("\n```") {
        let (kind, after) = after.split_once('\n').expect("a line");
        let (text, after) = after.split_once("```").expect("the end of a block");
        let last = before.lines().next_back().unwrap_or_default();
        let comment = last.strip_prefix("<!-- ").and_then(|last| last.strip_suffix(" -->"));
        found.push(Block { comment, kind, text });
        rest = after;
    }
    found
}

/// A line with single spaces.
fn plain(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Runs the commands of a block; what follows a command must be in what it prints, in that order.
fn transcript(text: &str, folder: &Path) {
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let command = line.strip_prefix("$ ").expect("a command");
        // commands whose flows differ fail as they should
        let script = format!("set +e; cd \"$2\"; {}", command.replace("netwright ", "\"$0\" "));
        let (_, out, err) = run(isolated(&script).arg(folder));
        let printed: Vec<String> = out.lines().chain(err.lines()).map(plain).collect();
        let mut at = 0;
        while let Some(expected) = lines.next_if(|line| !line.starts_with("$ ")) {
            let expected = plain(expected);
            let found = printed[at..].iter().position(|line| line.contains(&expected));
            at += found.unwrap_or_else(|| panic!("{command}: no {expected:?} in\n{out}{err}"));
        }
    }
}

#[test]
fn the_pages_about_tests_say_what_is_so() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/test/README.md");
    let page = fs::read_to_string(path).expect("the page");
    let folder: PathBuf = std::env::temp_dir().join(format!("netwright-testing-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder");
    let (mut files, mut commands) = (0, 0);
    for Block { comment, kind, text } in blocks(&page) {
        match (kind, comment.and_then(|comment| comment.split_once(' ').map(|(word, _)| (word, comment)))) {
            (_, Some(("file:", comment))) => {
                fs::write(folder.join(&comment[6..]), text).expect("a file");
                files += 1;
            }
            (_, Some(("add", comment))) => {
                let name = folder.join(comment.trim_start_matches("add to "));
                let before = fs::read_to_string(&name).expect("the file before");
                fs::write(name, format!("{before}\n{text}")).expect("a file");
            }
            (_, Some(("with", comment))) => {
                let (name, change) = comment[5..].split_once(": ").expect("a file");
                let (from, to) = change.split_once(" => ").expect("a change");
                let before = fs::read_to_string(folder.join(name)).expect("the file before");
                assert!(before.contains(from), "{from}");
                fs::write(folder.join(name), before.replace(from, to)).expect("a file");
                transcript(text, &folder);
                fs::write(folder.join(name), before).expect("a file");
                commands += 1;
            }
            ("console", _) => {
                transcript(text, &folder);
                commands += 1;
            }
            // a part of a file: it must be one that is understood
            ("toml", _) => {
                let whole = match text.starts_with("[test.link.wan]") {
                    // another host: this one has its addresses by DHCP
                    true => format!("[link.wan]\n{text}"),
                    false => {
                        let before = fs::read_to_string(folder.join("web.toml")).expect("a file");
                        format!("{before}\n{text}")
                    }
                };
                fs::write(folder.join("part.toml"), whole).expect("a file");
                let (code, out, err) = run(isolated("cd \"$2\"; \"$0\" check part.toml -q").arg(&folder));
                assert_eq!(code, 0, "{text}\n{out}{err}");
            }
            // one command in each line, all about the same: one flow of it does
            ("", _) => {
                for line in text.lines() {
                    let command = line.split_once('#').map_or(line, |(command, _)| command);
                    let command = command.replace("netwright ", "\"$0\" ");
                    let script = format!("cd \"$2\"; {command} 'the office logs in'");
                    let (code, out, err) = run(isolated(&script).arg(&folder));
                    assert!(code == 0 && out.contains("the office logs in"), "{line}: {code}\n{out}{err}");
                    commands += 1;
                }
            }
            _ => {}
        }
    }
    assert!(files == 2 && commands >= 10, "{files} files, {commands} commands");
    fs::remove_dir_all(&folder).expect("the folder goes");
}

/// How often the command is killed; `NETWRIGHT_KILLS` says otherwise.
const KILLS: u32 = 6;

/// Whenever the command is killed, nothing of it stays behind: no process, no link, no file.
#[test]
fn a_test_that_is_killed_leaves_nothing_behind() {
    let kills = std::env::var("NETWRIGHT_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(KILLS);
    let folder = std::env::temp_dir().join(format!("netwright-killed-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder");
    let host = r#"
link.eth0.addresses = ["192.0.2.1/24"]
[[flow]]
name = "all of these"
from = "eth0 192.0.2.9"
to = "host"
tcp = "1-200"
[firewall]
rules = "table inet f { chain c { type filter hook input priority 0; tcp dport 1-200 counter accept; }; }"
"#;
    fs::write(folder.join("host.toml"), host).expect("a file");
    let (name, value) = ("NETWRIGHT_KILLED", std::process::id().to_string());
    let ends = |script: &str| {
        let script = format!(
            "cd \"$2\"; \"$0\" test host.toml > /dev/null 2>&1 & {script}; wait $! || :; grep -c : /proc/net/dev"
        );
        let mut command = isolated(&script);
        command.arg(&folder).env("TMPDIR", &folder).env("HOME", &folder).env(name, &value);
        // the loopback link alone
        assert_eq!(run(&mut command).1, "1\n", "{script}");
        assert_eq!(processes(&format!("{name}={value}")), Vec::<String>::new(), "{script}");
        assert_eq!(names(&folder), ["host.toml"], "{script}");
    };
    let begun = Instant::now();
    ends(":");
    let whole = begun.elapsed();
    for number in 0..kills {
        ends(&format!("sleep {}; kill -KILL $! 2> /dev/null || :", (whole * number / kills).as_secs_f64()));
    }
    fs::remove_dir_all(&folder).expect("the folder goes");
}

/// After Ctrl-C what is known is told. The flows have names of which few fit into the pipe, so that they cannot all be told before.
#[test]
fn an_interrupted_test_tells_what_it_knows() {
    let folder = std::env::temp_dir().join(format!("netwright-interrupted-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder");
    let count = 500;
    let flow = |number: usize| {
        let name = format!("{number}{}", "-".repeat(400));
        format!("[[flow]]\nname = \"{name}\"\nfrom = \"eth0 192.0.2.9\"\nto = \"192.0.2.1\"\nudp = 9\n")
    };
    let flows: String = (0..count).map(flow).collect();
    fs::write(folder.join("host.toml"), format!("link.eth0.addresses = [\"192.0.2.1/24\"]\n{flows}"))
        .expect("a file");
    let mut command = isolated("cd \"$2\"; exec \"$0\" test host.toml --format tap");
    let command = command.arg(&folder).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the command starts");
    let mut out = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut text = String::new();
    while !text.contains("\nok 1 ") {
        assert_ne!(out.read_line(&mut text).expect("a line"), 0, "{text}");
    }
    let process = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(process, rustix::process::Signal::INT).expect("a signal");
    out.read_to_string(&mut text).expect("text");
    let end = child.wait_with_output().expect("an end");
    fs::remove_dir_all(&folder).expect("the folder goes");
    let told = text.lines().filter(|line| line.starts_with("ok ")).count();
    let said = String::from_utf8_lossy(&end.stderr).into_owned();
    assert_eq!(end.status.code(), Some(130), "{said}");
    assert!(
        told < count && said.contains(&format!("interrupted: {} flows not tried", count - told)),
        "{told}: {said}"
    );
}

/// As engines of containers have it: settings that nobody may write, and for root even without a `/proc`.
#[test]
fn settings_of_the_simulated_host_are_its_own() {
    let folder = std::env::temp_dir().join(format!("netwright-settings-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder");
    let host = r#"
forwarding = true
link.wan.addresses = ["203.0.113.2/24"]
link.lan.addresses = ["192.168.1.1/24"]
[[flow]]
name = "through"
from = "lan 192.168.1.9"
to = "203.0.113.9"
tcp = 80
"#;
    fs::write(folder.join("host.toml"), host).expect("a file");
    let tested = |before: &str| {
        let (code, out, err) =
            run(isolated(&format!("cd \"$2\"; {before} \"$0\" test host.toml")).arg(&folder));
        assert!(code == 0 && out.contains("1 flow: 1 as expected"), "{before}: {code}\n{out}{err}");
    };
    let read_only = "mount --rbind /proc/sys /proc/sys; mount -o remount,bind,ro /proc/sys;";
    tested(read_only);
    // an ordinary user cannot take it away
    if rustix::process::geteuid().is_root() {
        tested("umount -l /proc;");
    }
    // what Docker and Podman leave a container, and what they are asked for
    if rustix::process::geteuid().is_root() && has("setpriv") {
        let kept = [
            "chown",
            "dac_override",
            "fowner",
            "fsetid",
            "kill",
            "setgid",
            "setuid",
            "setpcap",
            "net_bind_service",
            "net_raw",
            "sys_chroot",
            "mknod",
            "audit_write",
            "setfcap",
            "net_admin",
            "sys_admin",
        ];
        let kept: String = kept.iter().map(|name| format!(",+{name}")).collect();
        tested(&format!("{read_only} setpriv --bounding-set=-all{kept}"));
    }
    fs::remove_dir_all(&folder).expect("the folder goes");
}

/// An ordinary user in a container, where not even a namespace of its own gives a `/proc` that can be written.
#[test]
fn settings_that_cannot_be_written_are_told() {
    if !rustix::process::geteuid().is_root() || !has("setpriv") {
        return eprintln!("did not run: it begins as root");
    }
    let folder = std::env::temp_dir().join(format!("netwright-unset-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder");
    let host = "link.wan.addresses = [\"203.0.113.2/24\"]\n[[flow]]\nname = \"in\"\nfrom = \"wan 203.0.113.9\"\nto = \"host\"\ntcp = 80\n";
    fs::write(folder.join("host.toml"), host).expect("a file");
    fs::write(folder.join("router.toml"), format!("forwarding = true\n{host}")).expect("a file");
    // the program may lie where nobody else gets to
    let script = "cd \"$2\"; cp \"$0\" program; chmod -R a+rX .; \
        mount --rbind /proc/sys /proc/sys; mount -o remount,bind,ro /proc/sys; mount -t tmpfs none /proc/tty; \
        set +e; for file in host router; do \
        setpriv --reuid 65534 --regid 65534 --clear-groups ./program test $file.toml; echo status $?; done";
    let (_, out, err) = run(isolated(script).arg(&folder).env("HOME", &folder));
    fs::remove_dir_all(&folder).expect("the folder goes");
    if err.contains("cannot make namespaces") {
        return eprintln!("did not run: this kernel allows ordinary users no namespaces");
    }
    let (first, second) = out.split_once("status 0\n").unwrap_or_else(|| panic!("{out}{err}"));
    assert!(
        first.contains("note: net.ipv4.conf.all.send_redirects is 1 and cannot be set to 0"),
        "{out}{err}"
    );
    assert!(first.contains("1 flow: 1 as expected") && second.contains("status 2"), "{out}{err}");
    assert!(err.contains("cannot write the setting net/ipv4/ip_forward"), "{err}");
}

/// What exists only later is there in the test, and in no plan.
#[test]
fn what_is_declared_for_the_test_alone_is_never_applied() {
    let folder = std::env::temp_dir().join(format!("netwright-later-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder");
    let host = r#"
link.wan.up = true
link.inner.kind = "bridge"
[test.link.wan]
addresses = ["203.0.113.77/24"]
[[test.route]]
to = "default"
via = "203.0.113.1"
[[flow]]
name = "outwards"
from = "host"
to = "198.51.100.7"
tcp = 443
seen-from = "203.0.113.77"
"#;
    fs::write(folder.join("host.toml"), host).expect("a file");
    let (code, out, err) = run(isolated("cd \"$2\"; \"$0\" test host.toml").arg(&folder));
    assert!(code == 0 && out.contains("1 flow: 1 as expected"), "{out}{err}");
    let (_, out, err) = run(isolated("cd \"$2\"; \"$0\" plan host.toml || :").arg(&folder));
    fs::remove_dir_all(&folder).expect("the folder goes");
    assert!(out.contains("inner") && !out.contains("203.0.113") && !err.contains("203.0.113"), "{out}{err}");
}

/// The names in a folder; none where there is no such folder.
fn names(folder: impl AsRef<Path>) -> Vec<std::ffi::OsString> {
    let mut found: Vec<_> =
        fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.file_name()).collect();
    found.sort();
    found
}

/// The processes that have a variable in their environment.
fn processes(mark: &str) -> Vec<String> {
    let all = names("/proc").into_iter().filter_map(|name| name.into_string().ok());
    let has = |number: &String| {
        let environment = fs::read(format!("/proc/{number}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|variable| variable == mark.as_bytes())
    };
    all.filter(|name| name.bytes().all(|byte| byte.is_ascii_digit())).filter(has).collect()
}
