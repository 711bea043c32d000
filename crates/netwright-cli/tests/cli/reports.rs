//! What `netwright test` tells other programs: the forms of its reports, and its exit status.

use std::fs;
use std::process::Command;

use crate::support::{directory, netwright, run};

/// `netwright test` in the folder of host files.
fn test(arguments: &str) -> Command {
    let mut command = netwright();
    command.current_dir(directory().join("host")).arg("test").args(arguments.split(' '));
    command
}

#[track_caller]
fn lines_in_order(text: &str, wanted: &[&str]) {
    let mut rest = text;
    for line in wanted {
        let at = rest.find(line).unwrap_or_else(|| panic!("no {line:?} where it belongs in\n{text}"));
        rest = &rest[at + line.len()..];
    }
}

#[test]
fn junit_has_a_case_for_each_flow_and_says_why_it_failed() {
    let (code, out, err) = run(&mut test("flows.toml --format junit"));
    assert_eq!((code, err.as_str()), (1, ""));
    lines_in_order(
        &out,
        &[
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites tests=\"3\" failures=\"1\" errors=\"0\" time=\"",
            "<testsuite name=\"flows.toml\" tests=\"3\" failures=\"1\" errors=\"0\"",
            "<testcase classname=\"flows.toml\" name=\"the web is open\" file=\"flows.toml\" line=\"11\" time=\"",
            "\"/>",
            "name=\"nothing else is\" file=\"flows.toml\" line=\"17\"",
            "name=\"a mistake in the file\" file=\"flows.toml\" line=\"24\"",
            "<failure message=\"expected accept, seen drop\" type=\"drop\">",
            "decided by flows.nft:6: udp dport 53 drop",
            "</failure>\n    </testcase>\n  </testsuite>\n</testsuites>\n",
        ],
    );
    assert_eq!(out.matches("<testcase ").count(), 3, "{out}");
    // schemas of these reports know no more than milliseconds
    for time in out.split(" time=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
        let decimals = time.split_once('.').map_or(0, |(_, decimals)| decimals.len());
        assert!(time.parse::<f64>().is_ok() && decimals <= 3, "{time}");
    }
}

#[test]
fn tap_has_a_line_for_each_flow_as_it_comes() {
    let (code, out, err) = run(&mut test("flows.toml --format tap"));
    assert_eq!((code, err.as_str()), (1, ""));
    lines_in_order(
        &out,
        &[
            "TAP version 13\n1..3\nok 1 - the web is open\nok 2 - nothing else is\nnot ok 3 - a mistake in the file\n  ---\n",
            "  expected: \"accept\"\n  seen: \"drop\"\n  at: \"flows.toml:24\"\n  why:\n",
            "    - \"decided by flows.nft:6: udp dport 53 drop\"\n",
            "  ...\n",
        ],
    );
}

#[test]
fn github_gets_annotations_where_the_flow_and_the_rule_are_written() {
    let (code, out, err) = run(&mut test("flows.toml --format github"));
    assert_eq!((code, err.as_str()), (1, ""));
    let title = "title=a mistake in the file%3A expected accept%2C seen drop::";
    lines_in_order(
        &out,
        &[
            "ok    the web is open",
            &format!("\n::error file=flows.toml,line=24,{title}"),
            &format!("\n::error file=flows.nft,line=6,{title}"),
        ],
    );
    assert_eq!(out.matches("::error ").count(), 2, "{out}");
}

#[test]
fn lcov_has_the_lines_of_rules_and_how_often_they_were_used() {
    let file = std::env::temp_dir().join(format!("netwright-lcov-{}", std::process::id()));
    let (code, out, err) = run(test("flows.toml --coverage=lcov --coverage-file").arg(&file));
    let lcov = fs::read_to_string(&file).unwrap();
    fs::remove_file(&file).unwrap();
    assert_eq!((code, err.as_str()), (1, ""));
    // the results are told besides
    assert!(out.contains("the web is open"), "{out}");
    // a name of spaces is none to readers
    assert!(lcov.starts_with("TN:netwright\nSF:"), "{lcov}");
    lines_in_order(&lcov, &["SF:", "flows.nft\n", "DA:4,", "DA:5,", "DA:6,", "end_of_record\n"]);
    let hits = |line: u32| -> u32 {
        let found = lcov.lines().find_map(|text| text.strip_prefix(&format!("DA:{line},")));
        found.and_then(|hits| hits.parse().ok()).unwrap_or_else(|| panic!("no line {line}: {lcov}"))
    };
    assert!(hits(5) > 0 && hits(6) > 0, "{lcov}");
    let (code, out, _) = run(&mut test("flows.toml web --coverage=lcov"));
    assert_eq!(code, 0);
    assert!(out.contains("DA:6,0\n"), "{out}");
}

#[test]
fn the_first_failure_ends_it_where_that_is_wanted() {
    let (code, out, err) = run(&mut test("flows.toml --fail-fast --format tap"));
    assert_eq!((code, err.as_str()), (1, ""));
    // it is the last one here
    assert!(!out.contains("Bail out!"), "{out}");
    let text = fs::read_to_string(directory().join("host/flows.toml")).unwrap();
    let folder = std::env::temp_dir().join(format!("netwright-reports-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    fs::copy(directory().join("host/flows.nft"), folder.join("flows.nft")).unwrap();
    fs::write(folder.join("flows.toml"), text.replace("tcp = 443\n", "tcp = 444\n")).unwrap();
    let (code, out, err) = run(test("flows.toml --fail-fast --format tap").current_dir(&folder));
    let (all, whole, _) = run(test("flows.toml --format tap").current_dir(&folder));
    fs::remove_dir_all(&folder).unwrap();
    assert_eq!((code, err.as_str()), (1, ""));
    assert!(out.contains("\nnot ok 1 - ") && out.ends_with("Bail out! 2 flows were not tried\n"), "{out}");
    assert!(all == 1 && whole.contains("\nnot ok 3 - "), "{whole}");
}

#[test]
fn a_list_names_the_flows_and_tries_none() {
    let (code, out, err) = run(&mut test("flows.toml --list"));
    assert_eq!((code, err.as_str()), (0, ""));
    assert_eq!(
        out,
        "the web is open  accept  flows.toml:11\nnothing else is  drop  flows.toml:17\na mistake in the file  accept  flows.toml:24\n"
    );
    let (code, out, _) = run(&mut test("flows.toml --list --json nothing"));
    let list: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, list.as_array().map(Vec::len)), (0, Some(1)));
    assert_eq!(list[0]["name"], "nothing else is");
}

#[test]
fn the_exit_status_tells_what_differs_from_what_could_not_be_tried() {
    let status = |arguments: &str| run(&mut test(arguments)).0;
    assert_eq!(status("flows.toml web"), 0);
    assert_eq!(status("flows.toml mistake"), 1);
    // nothing can be said: no such flow, no flow at all, a file with a mistake, no file
    assert_eq!(status("flows.toml nobody"), 2);
    let (code, out, err) = run(&mut test("overflow.toml"));
    assert_eq!(code, 2, "{out}");
    assert!(err.contains("error: ") || err.contains("nothing was tried"), "{err}");
    assert_eq!(status("chains.toml"), 2);
    assert_eq!(status("nowhere.toml"), 2);
    // used too little of the firewall
    assert_eq!(status("flows.toml web --coverage-min 100"), 1);
}
