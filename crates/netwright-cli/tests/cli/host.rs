//! `netwright plan`, `apply` and `test` in namespaces made for the test.

use serde_json::Value;

use crate::support::{isolated, netwright, run, stdout};

#[test]
fn a_plan_changes_nothing_and_tells_what_is_pending() {
    let script = r#"
        cd "$1"/host
        "$0" plan server.toml
        "$0" plan server.toml --exit-code -q >/dev/null || test $? = 10
        "$0" list links --json
    "#;
    let text = stdout(&mut isolated(script));
    let (plan, links) = text.split_once("\n[").expect("the links behind the plan");
    for line in ["+ link lan", "+ address 192.0.2.1/24", "+ route 198.51.100.0/24", "+ firewall", "+ rule"] {
        assert!(plan.lines().any(|found| found.starts_with(line)), "{line}: {plan}");
    }
    assert!(plan.contains(" to add"), "{plan}");
    assert!(!links.contains("lan"), "{links}");
}

#[test]
fn applying_twice_changes_nothing_the_second_time() {
    let script = r#"
        cd "$1"/host
        "$0" apply server.toml >/dev/null
        "$0" apply server.toml
        "$0" plan server.toml --exit-code
    "#;
    let nothing = "Nothing to do: all is as declared.\n";
    assert_eq!(stdout(&mut isolated(script)), format!("{nothing}{nothing}"));
}

#[test]
fn what_was_applied_is_there_and_what_is_foreign_stays() {
    let script = r#"
        cd "$1"/host
        "$0" nft add table ip foreign
        "$0" apply server.toml --quiet
        "$0" list routes --json
        "$0" nft list tables >&2
    "#;
    let (code, out, err) = run(&mut isolated(script));
    assert_eq!(code, 0, "{err}");
    let routes: Value = serde_json::from_str(&out).expect("JSON");
    let route = routes.as_array().into_iter().flatten().find(|route| route["to"] == "198.51.100.0/24");
    assert_eq!(
        route.map(|route| (&route["via"], &route["dev"])),
        Some((&"192.0.2.254".into(), &"lan".into()))
    );
    assert!(err.contains("table ip foreign\n") && err.contains("table ip nat\n"), "{err}");
}

#[test]
fn a_plan_can_be_read_by_programs() {
    let plan: Value =
        serde_json::from_str(&stdout(&mut isolated(r#""$0" plan "$1"/host/server.toml --json"#)))
            .expect("JSON");
    let steps = plan["steps"].as_array().expect("steps");
    let address = steps.iter().find(|step| step["object"] == "address").expect("an address");
    assert_eq!((&address["does"], &address["line"]), (&"add".into(), &5.into()));
    assert!(address["file"].as_str().is_some_and(|file| file.ends_with("host/server.toml")));
}

/// The firewall stands and the rest is there where a link is missing, which the exit status tells.
#[test]
fn a_link_that_is_missing_is_told_and_the_rest_applied() {
    let (code, out, err) = run(&mut isolated(r#"cd "$1"/host; "$0" apply flows.toml"#));
    assert_eq!(code, 3, "{err}");
    assert!(out.contains("+ firewall\n"), "{out}");
    assert!(err.contains("there is no link `wan` on this host\n --> flows.toml:1:7"), "{err}");
}

#[test]
fn what_cannot_be_applied_points_into_the_file() {
    let script = r#"cd "$1"/host; "$0" nft add table inet filter '{ comment "theirs"; chain other { }; }'
        "$0" apply flows.toml -q"#;
    let (code, out, err) = run(&mut isolated(script));
    assert_eq!((code, out.as_str()), (1, ""));
    let message =
        "table inet filter exists already, was made by somebody else, and is different\n --> flows.nft:1:";
    assert!(err.contains(message), "{err}");
    assert!(err.ends_with("error: nothing was changed\n"), "{err}");
}

#[test]
fn what_was_changed_is_taken_back_where_the_kernel_refuses_the_rest() {
    let script = r#"cd "$1"/host; "$0" apply refused.toml -q || code=$?; "$0" list links; exit $code"#;
    let (code, out, err) = run(&mut isolated(script));
    assert_eq!(code, 1);
    assert!(!out.contains("br0"), "{out}");
    assert!(
        err.contains("error: cannot add route 198.51.100.0/24 via 10.9.9.1 dev br0: network is unreachable"),
        "{err}"
    );
    assert!(err.contains("\n --> refused.toml:5:1\n"), "{err}");
    assert!(err.ends_with("error: everything that had been changed was taken back\n"), "{err}");
}

#[test]
fn flows_are_tried_with_real_packets() {
    let mut command = netwright();
    command.current_dir(crate::support::directory().join("host"));
    let (code, out, err) = run(command.args(["test", "flows.toml"]));
    assert_eq!((code, err.as_str()), (1, ""), "{out}");
    let lines: Vec<Vec<&str>> =
        out.lines().map(|line| line.split("  ").filter(|cell| !cell.is_empty()).collect()).collect();
    let row = |index: usize| lines[index].iter().map(|cell| cell.trim()).collect::<Vec<_>>();
    assert_eq!(row(0), ["FLOW", "EXPECTED", "SEEN", "DECIDED BY"]);
    assert_eq!(row(1), ["ok", "the web is open", "accept", "accept", "flows.nft:5", "tcp dport 443 accept"]);
    assert_eq!(row(2)[..4], ["ok", "nothing else is", "drop", "drop"], "{out}");
    assert_eq!(
        row(3),
        ["FAIL", "a mistake in the file", "accept", "drop", "flows.nft:6", "udp dport 53 drop"]
    );
    assert!(out.contains("\nFAIL a mistake in the file\n  declared    flows.toml:24\n"), "{out}");
    assert!(out.contains("\n3 flows: 2 as expected, 1 not as expected ("), "{out}");
}

#[test]
fn single_flows_can_be_tried_and_read_by_programs() {
    let mut command = netwright();
    command.current_dir(crate::support::directory().join("host"));
    let report: Value =
        serde_json::from_str(&stdout(command.args(["test", "flows.toml", "web", "--json"]))).expect("JSON");
    assert_eq!(report["passed"], true);
    assert_eq!(report["flows"].as_array().map(Vec::len), Some(1));
    assert_eq!(report["flows"][0]["decided-by"]["at"], "flows.nft:5");
}

#[test]
fn a_rule_that_the_kernel_refuses_is_pointed_at_in_its_file() {
    let script = r#"cd "$1"/host; "$0" apply overflow.toml -q || code=$?; "$0" nft list ruleset; exit $code"#;
    let (code, out, err) = run(&mut isolated(script));
    assert_eq!((code, out.as_str()), (1, ""), "nothing of it may stay");
    assert!(err.starts_with("error: cannot add rule inet filter input: "), "{err}");
    assert!(err.contains("\n --> overflow.nft:4:30\n"), "{err}");
}

#[test]
fn a_chain_that_no_file_of_the_host_has_is_a_mistake() {
    let mut command = netwright();
    command.current_dir(crate::support::directory().join("host"));
    let (code, _, err) = run(command.args(["check", "chains.toml"]));
    assert_eq!(code, 1);
    assert!(err.starts_with("error: table `f` has no chain `inptu`\n --> chains-b.nft:3:14\n"), "{err}");
    assert!(err.contains("`input`") && err.ends_with("error: 1 mistake in chains.toml\n"), "{err}");
}
