//! `netwright check`: each host file beside what the command says about it. Set `NETWRIGHT_BLESS=1` to write the
//! answers anew.

use std::fs;
use std::io::Write;
use std::process::Stdio;

use crate::support::{directory, netwright, run};

/// The answer's parts in one text.
fn check(arguments: &[&str], answer: &str) {
    let directory = directory().join("check");
    let (code, stdout, stderr) = run(netwright().current_dir(&directory).arg("check").args(arguments));
    let found = format!("{stdout}{stderr}exit code {code}\n");
    let path = directory.join(answer);
    if std::env::var_os("NETWRIGHT_BLESS").is_some() {
        fs::write(&path, &found).expect("the answer can be written");
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(found, expected, "{arguments:?}");
}

#[test]
fn a_good_file_is_told_to_be_good() {
    check(&["good.toml"], "good.answer");
    check(&["good.toml", "-v"], "good-verbose.answer");
    check(&["good.toml", "-q"], "good-quiet.answer");
}

#[test]
fn a_misspelt_key_has_a_suggestion() {
    check(&["typo.toml"], "typo.answer");
}

#[test]
fn all_mistakes_are_shown_at_once() {
    check(&["several.toml"], "several.answer");
}

#[test]
fn the_firewall_is_checked_for_its_meaning() {
    check(&["meaning.toml"], "meaning.answer");
}

#[test]
fn what_cannot_be_included_is_shown_where_it_is_included() {
    check(&["missing.toml"], "missing.answer");
    check(&["include.toml"], "include.answer");
}

#[test]
fn json_is_read_too() {
    check(&["keys.json"], "keys.answer");
}

#[test]
fn what_is_no_file_has_a_clear_error() {
    check(&["/proc/sys/net"], "directory.answer");
    check(&["nowhere.toml"], "nowhere.answer");
}

#[test]
fn standard_input_is_toml_or_json() {
    for (text, code) in [("forwarding = true", 0), ("{\"forwarding\": true}", 0), ("{\"forwarding\": 1}", 1)]
    {
        let mut command = netwright();
        command.args(["check", "-"]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().expect("the command starts");
        let mut stdin = child.stdin.take().expect("a pipe");
        stdin.write_all(text.as_bytes()).expect("the command reads");
        drop(stdin);
        assert_eq!(child.wait().expect("the command ends").code(), Some(code), "{text}");
    }
}

#[test]
fn the_examples_are_good() {
    let examples = directory().join("../../../examples");
    for name in ["router.toml", "host.toml"] {
        let (code, stdout, stderr) = run(netwright().current_dir(&examples).args(["check", name]));
        assert_eq!((code, stderr.as_str()), (0, ""), "{stdout}");
    }
}
