//! `netwright netns` and `netwright list` in namespaces made for the test.

use crate::support::{isolated, run, stdout};
use serde_json::{Value, json};

#[test]
fn namespaces_come_and_go_by_name() {
    let script = r#"
        "$0" netns add blue green
        "$0" netns list
        "$0" netns delete green
        "$0" netns list --json
    "#;
    assert_eq!(stdout(&mut isolated(script)), "blue\ngreen\n[\n  \"blue\"\n]\n");
}

#[test]
fn a_name_that_is_taken_does_not_stop_the_others() {
    let script = r#""$0" netns add blue; "$0" netns add blue red && exit 9; "$0" netns list"#;
    let (code, out, err) = run(&mut isolated(script));
    assert_eq!((code, out.as_str()), (0, "blue\nred\n"));
    assert!(err.starts_with("error: cannot create the network namespace blue: "), "{err}");
}

#[test]
fn exec_runs_a_command_inside_and_ends_as_it_ends() {
    let script = r#"
        "$0" netns add blue
        test "$(readlink /proc/self/ns/net)" != "$("$0" netns exec blue -- readlink /proc/self/ns/net)"
        "$0" netns exec blue sh -c 'exit 42' || test $? = 42
        "$0" netns exec blue sh -c 'kill -TERM $$' 2>/dev/null || test $? = 143
        "$0" netns exec blue /no/such/program 2>/dev/null || test $? = 127
        "$0" netns exec blue /dev/null 2>/dev/null || test $? = 126
        "$0" netns exec blue printf %s: -x --help
    "#;
    assert_eq!(stdout(&mut isolated(script)), "-x:--help:");
}

#[test]
fn a_namespace_that_is_not_there_has_a_suggestion() {
    let (code, _, err) = run(&mut isolated(r#""$0" netns add blue; "$0" list --netns bleu"#));
    assert_eq!(
        (code, err.as_str()),
        (1, "error: there is no network namespace `bleu`\n help: Did you mean `blue`?\n")
    );
}

/// What `list --json` prints in a namespace that a script has prepared.
fn listed(script: &str) -> Value {
    serde_json::from_str(&stdout(&mut isolated(script))).expect("JSON")
}

#[test]
fn a_new_namespace_has_loopback_and_the_first_rules() {
    let all = listed(r#""$0" netns add blue; "$0" list --json --netns blue"#);
    assert_eq!(all["links"][0]["name"], "lo");
    assert_eq!(all["links"][0]["up"], false);
    assert_eq!((&all["addresses"], &all["routes"], &all["neighbours"]), (&json!([]), &json!([]), &json!([])));
    assert_eq!(
        all["rules"][0],
        json!({
            "family": "ipv4", "priority": 0, "action": "lookup", "table": "local", "protocol": "kernel",
        })
    );
}

#[test]
fn a_topic_alone_is_an_array() {
    let links = listed(r#""$0" list links --json"#);
    assert_eq!(links.as_array().map(Vec::len), Some(1));
    assert_eq!(links[0]["mtu"], 65536);
    assert_eq!(links[0]["flags"], json!(["loopback"]));
}

#[test]
fn an_empty_namespace_is_listed_as_tables() {
    let expected = "\
Links
INDEX  NAME  KIND      STATE    MTU
    1  lo    loopback  down   65536

Policy rules
PRIORITY  FAMILY  PACKETS  ACTION          PROTOCOL
       0  IPv4    all      lookup local    kernel
   32766  IPv4    all      lookup main     kernel
   32767  IPv4    all      lookup default  kernel
       0  IPv6    all      lookup local    kernel
   32766  IPv6    all      lookup main     kernel
";
    let script = r#""$0" netns add blue; "$0" list --netns blue"#;
    assert_eq!(stdout(&mut isolated(script)), expected);
}
