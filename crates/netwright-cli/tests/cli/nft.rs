//! `netwright nft` in namespaces made for the test.

use std::fs;

use crate::support::{directory, isolated, netwright, run, stdout};

fn listing() -> String {
    fs::read_to_string(directory().join("nft/good.listing")).expect("the expected listing")
}

#[test]
fn a_file_is_loaded_and_listed_back() {
    let script = r#"cd "$1"/nft; "$0" nft -f good.nft; "$0" nft list ruleset"#;
    assert_eq!(stdout(&mut isolated(script)), listing());
    let script = r#"cd "$1"/nft; "$0" nft -f - <good.nft; "$0" list firewall"#;
    assert_eq!(stdout(&mut isolated(script)), listing());
}

#[test]
fn a_listing_can_be_loaded_again() {
    let script = r#"cd "$1"/nft; "$0" nft -f good.listing; "$0" nft list table inet filter"#;
    assert_eq!(stdout(&mut isolated(script)), listing());
}

#[test]
fn parts_can_be_listed() {
    let check = |orders: &str, expected: &str| {
        let script = format!(r#""$0" nft -f "$1"/nft/good.nft; "$0" nft {orders}"#);
        assert_eq!(stdout(&mut isolated(&script)), expected, "{orders}");
    };
    check("list tables", "table inet filter\n");
    check("list tables ip", "");
    check("list counters", "table inet filter {\n\tcounter seen {\n\t\tpackets 0 bytes 0\n\t}\n}\n");
    check("-s list counters", "table inet filter {\n\tcounter seen {\n\t}\n}\n");
    check(
        "list chains",
        "table inet filter {\n\tchain input {\n\t\ttype filter hook input priority filter; policy drop;\n\t}\n}\n",
    );
    check(
        "-t list set inet filter blocked",
        "table inet filter {\n\tset blocked {\n\t\ttype ipv4_addr\n\t\tflags interval\n\t}\n}\n",
    );
}

#[test]
fn listings_are_json_for_programs() {
    let things = |order: &str| -> Vec<serde_json::Value> {
        let script = format!(r#""$0" nft -f "$1"/nft/good.nft; "$0" {order}"#);
        let document: serde_json::Value =
            serde_json::from_str(&stdout(&mut isolated(&script))).expect("JSON");
        let things = document["nftables"].as_array().expect("an array").clone();
        things.into_iter().filter(|thing| thing.get("metainfo").is_none()).collect()
    };
    assert_eq!(things("list firewall --json"), things("nft -j list ruleset"));
    assert_eq!(things("nft -j list tables")[0]["table"]["name"], "filter");
    let sets = things("nft -j list sets");
    assert_eq!((sets.len(), &sets[0]["set"]["name"]), (1, &"blocked".into()));
    let chain = things("nft -j list chain inet filter input");
    assert_eq!((chain.len(), &chain[0]["chain"]["policy"]), (4, &"drop".into()));
}

#[test]
fn what_was_made_is_told_with_its_handle() {
    let script = r#"
        "$0" nft -e -a add table inet t
        "$0" nft -e -a 'add chain inet t c { type filter hook input priority 0; }'
        "$0" nft -e -a add rule inet t c tcp dport '{ 22, 80 }' accept
        "$0" nft -a list chain inet t c
    "#;
    let text = stdout(&mut isolated(script));
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    let handle = |line: &str| line.rsplit_once(" # handle ").map(|(_, handle)| handle.to_owned());
    assert!(lines[0].starts_with("add table inet t # handle "), "{text}");
    assert!(
        lines[1].starts_with(
            "add chain inet t c { type filter hook input priority filter; policy accept; } # handle "
        ),
        "{text}"
    );
    assert!(lines[2].starts_with("add rule inet t c tcp dport { 22, 80 } accept # handle "), "{text}");
    assert_eq!(lines[3], "table inet t {");
    assert_eq!(handle(lines[4]), handle(lines[1]), "{text}");
    assert_eq!(handle(lines[6]), handle(lines[2]), "{text}");
}

#[test]
fn orders_may_refer_to_what_the_kernel_has() {
    let script = r#"
        "$0" nft -f "$1"/nft/good.nft
        "$0" nft add element inet filter blocked '{ 203.0.113.1 }'
        "$0" nft delete element inet filter blocked '{ 198.51.100.7 }'
        "$0" nft insert rule inet filter input index 1 ip saddr @blocked accept
        "$0" nft rename chain inet filter input renamed
        "$0" nft -D 'port=99' add rule inet filter renamed tcp dport '$port' drop
        "$0" nft list ruleset
    "#;
    let text = stdout(&mut isolated(script));
    let rules: Vec<&str> =
        text.lines().map(str::trim).skip_while(|line| !line.starts_with("chain")).collect();
    assert!(text.contains("elements = { 192.0.2.0/24, 203.0.113.1 }"), "{text}");
    assert_eq!(rules[0], "chain renamed {", "{text}");
    assert_eq!(rules[3], "ip saddr @blocked accept", "{text}");
    assert_eq!(rules[6], "tcp dport 99 drop", "{text}");
}

#[test]
fn a_refusal_of_the_kernel_points_at_the_line() {
    let script = r#"cd "$1"/nft; "$0" nft -f refused.nft || code=$?; "$0" nft list ruleset; exit $code"#;
    let (code, out, err) = run(&mut isolated(script));
    assert_eq!((code, out.as_str()), (1, ""), "nothing of it may stay");
    assert!(err.starts_with("error: Could not process rule: "), "{err}");
    assert!(err.contains("cannot add rule inet filter input: value too large (EOVERFLOW)"), "{err}");
    assert!(err.contains(" --> refused.nft:4:36\n"), "{err}");
    assert!(err.contains("\n  |                                    ^^^^"), "{err}");
}

#[test]
fn checking_changes_nothing() {
    let script = r#"cd "$1"/nft; "$0" nft -c -f good.nft; "$0" nft list ruleset"#;
    assert_eq!(stdout(&mut isolated(script)), "");
    let (code, _, err) = run(&mut isolated(r#""$0" nft -c -f "$1"/nft/refused.nft"#));
    assert_eq!(code, 1);
    assert!(err.contains("refused.nft:4:36"), "{err}");
}

#[test]
fn all_mistakes_are_shown_and_nothing_is_done() {
    let script = r#""$0" nft 'add table ip t; add rule ip t c ip sadr 1.2.3.4; add rule ip t c tcp dport htpp' || "$0" nft list ruleset"#;
    let (code, out, err) = run(&mut isolated(script));
    assert_eq!((code, out.as_str()), (0, ""));
    assert!(
        err.contains("sadr") && err.contains("Did you mean `saddr`?") && err.contains("Did you mean `http`?"),
        "{err}"
    );
}

#[test]
fn what_is_not_there_has_a_suggestion() {
    let script = r#""$0" nft -f "$1"/nft/good.nft; "$0" nft list table inet filtre"#;
    let (code, _, err) = run(&mut isolated(script));
    assert_eq!(code, 1);
    assert!(err.contains("there is no table inet filtre") && err.contains("Did you mean `filter`?"), "{err}");
}

#[test]
fn unknown_options_are_wrong_usage() {
    let (code, _, err) = run(netwright().args(["nft", "--no-such-option", "list", "ruleset"]));
    assert_eq!(code, 1, "as nft ends");
    assert!(err.contains("--no-such-option"), "{err}");
}

#[test]
fn what_is_missing_for_an_order_is_named() {
    let script = r#""$0" nft -f "$1"/nft/good.nft; "$0" nft "$2""#;
    let refused = |order: &str| {
        let (code, _, err) = run(isolated(script).arg(order));
        assert_eq!(code, 1, "{err}");
        assert!(err.starts_with("error: Could not process rule: No such file or directory\n"), "{err}");
        err
    };
    let err = refused("add chain inet filtre c");
    assert!(
        err.contains("^^^^^^ there is no table inet filtre") && err.contains("did you mean `filter`?"),
        "{err}"
    );
    let err = refused("flush chain inet filter inptu");
    assert!(err.contains("^^^^^ there is no chain inet filter inptu") && err.contains("`input`?"), "{err}");
}

#[test]
fn what_is_sent_can_be_shown() {
    let script = r#"
        "$0" nft add table inet t
        "$0" nft add chain inet t c
        "$0" nft --debug=netlink add rule inet t c tcp dport '{ 22, 80 }' accept comment '"x"'
        "$0" nft -d mnl add rule inet t c accept
    "#;
    let text = stdout(&mut isolated(script));
    let expected = "\
family 1 __set%d t 3
family 1 __set%d t 0
\telement 0016\telement 0050
inet t c
  [ meta load l4proto => reg 1 ]
  [ cmp eq reg 1 0x06 ]
  [ payload load 2b @ transport header + 2 => reg 1 ]
  [ lookup reg 1 set __set%d ]
  [ immediate reg 0 accept ]
  userdata len 4 sum 0x7a
";
    assert!(text.starts_with(expected), "{text}");
    assert!(text.contains("| 02566 | R"), "the type of a message that makes a rule: {text}");
    assert!(text.contains("| 69 6d 6d 65  |\t|      data      |\t i m m e\n"), "{text}");
}

#[test]
fn options_are_those_of_nft() {
    let outcome = |options: &[&str]| run(netwright().arg("nft").args(options));
    let (code, out, _) = outcome(&["-v"]);
    assert_eq!((code, out.starts_with("nftables v1.")), (0, true), "{out}");
    for wrong in [&[][..], &["-c"], &["-f"], &["-d", "nonsense", "list", "tables"], &["list", "tables", "-a"]]
    {
        let (code, out, err) = outcome(wrong);
        assert_eq!((code, out.as_str()), (1, ""), "{wrong:?}");
        assert!(!err.is_empty(), "{wrong:?}");
    }
    let script = r#""$0" nft -nna -dnetlink list ruleset; "$0" nft ''; "$0" nft -f - </dev/null"#;
    assert_eq!(stdout(&mut isolated(script)), "");
}

#[test]
fn a_program_called_nft_is_nft() {
    let script = r#"ln -s "$0" "$2"/nft; "$2"/nft add table ip t; "$2"/nft list tables"#;
    let place = std::env::temp_dir().join(format!("netwright-as-nft-{}", std::process::id()));
    fs::create_dir_all(&place).expect("a directory for the link");
    let text = stdout(isolated(script).arg(&place));
    fs::remove_dir_all(&place).expect("the directory goes");
    assert_eq!(text, "table ip t\n");
}

#[test]
fn json_is_read() {
    let document = r#"{"nftables": [{"add": {"table": {"family": "ip", "name": "t"}}}]}"#;
    let script = r#""$0" nft -j "$2"; "$0" nft list tables; printf %s "$2" | "$0" nft -j -f -"#;
    assert_eq!(stdout(isolated(script).arg(document)), "table ip t\n");
}

#[test]
fn what_is_counted_can_start_anew() {
    let script = r#"
        "$0" nft 'table ip t {
            counter c { packets 5 bytes 6; }
            counter d { packets 1 bytes 1; }
            chain x { counter packets 7 bytes 8; }
            chain y { counter packets 9 bytes 9; }
        }
        table ip u { counter c { packets 3 bytes 4; }; }'
        "$0" nft reset counter ip t c
        "$0" nft reset counters table ip u
        "$0" nft reset rules chain ip t x
        "$0" nft list ruleset
    "#;
    let text = stdout(&mut isolated(script));
    let counts: Vec<&str> = text.lines().filter(|line| line.contains("packets")).map(str::trim).collect();
    let expected = [
        "packets 5 bytes 6",
        "packets 3 bytes 4",
        "counter packets 7 bytes 8",
        "packets 0 bytes 0",
        "packets 1 bytes 1",
        "counter packets 0 bytes 0",
        "counter packets 9 bytes 9",
        "packets 0 bytes 0",
    ];
    assert_eq!(counts, expected, "{text}");
}

#[test]
fn elements_are_looked_up() {
    let script = r#"
        "$0" nft 'table ip t {
            set s { type ipv4_addr; elements = { 192.0.2.1, 192.0.2.2 }; }
            set r { type ipv4_addr; flags interval; elements = { 10.0.0.0/8, 192.0.2.1-192.0.2.5, 240.0.0.0/4 }; }
            set n { type ipv4_addr; counter; elements = { 192.0.2.1 counter packets 5 bytes 6 }; }
        }'
        "$0" nft get element ip t s '{ 192.0.2.2 }'
        "$0" nft get element ip t r '{ 10.1.1.1, 192.0.2.3-192.0.2.4, 255.1.2.3 }'
        "$0" nft reset element ip t n '{ 192.0.2.1 }'
        "$0" nft get element ip t n '{ 192.0.2.1 }'
        "$0" nft get element ip t s '{ 203.0.113.1 }' 2>/dev/null || echo "none: $?"
        "$0" nft 'add map ip t m { type ipv4_addr : mark; elements = { 192.0.2.1 : 5, 192.0.2.2 : 6 }; }'
        "$0" nft get element ip t m '{ 192.0.2.1 }'
        "$0" nft delete element ip t m '{ 192.0.2.1 }'
        "$0" nft list map ip t m
    "#;
    let text = stdout(&mut isolated(script)).replace(",\n\t\t\t     ", ", ");
    let found: Vec<&str> = text
        .lines()
        .filter(|line| line.contains("elements") || line.contains("none"))
        .map(str::trim)
        .collect();
    let expected = [
        "elements = { 192.0.2.2 }",
        "elements = { 10.0.0.0/8, 192.0.2.1-192.0.2.5, 240.0.0.0/4 }",
        "elements = { 192.0.2.1 counter packets 5 bytes 6 }",
        "elements = { 192.0.2.1 counter packets 0 bytes 0 }",
        "none: 1",
        "elements = { 192.0.2.1 : 0x00000005 }",
        "elements = { 192.0.2.2 : 0x00000006 }",
    ];
    assert_eq!(found, expected, "{text}");
}

#[test]
fn orders_are_read_line_by_line_and_mistakes_do_not_end_the_session() {
    let script = r#"printf '%s\n' 'add table inet filter' '' 'list tables' 'add rule inet filtre input accept' \
        'add chain inet filter input' 'add chin' 'list chains' quit 'flush ruleset' | "$0" nft -i"#;
    let (code, out, err) = run(&mut isolated(script));
    assert_eq!(code, 1, "two of them failed");
    assert_eq!(out, "table inet filter\ntable inet filter {\n\tchain input {\n\t}\n}\n");
    let first = "error: Could not process rule: No such file or directory\n --> <stdin> line 4:1:15\n";
    assert!(err.starts_with(first), "{err}");
    assert!(err.contains("^^^^^^ there is no table inet filtre\n"), "{err}");
    assert!(err.contains("help: did you mean `filter`?"), "{err}");
    assert!(err.contains("\n --> <stdin> line 6:1:5\n"), "{err}");
    assert_eq!(err.matches("error: ").count(), 2, "{err}");
}

#[test]
fn a_session_whose_orders_all_work_ends_well() {
    let script = r#"printf 'add table t\nlist tables' | "$0" nft --interactive"#;
    assert_eq!(stdout(&mut isolated(script)), "table ip t\n");
    let (code, _, err) = run(netwright().args(["nft", "-i", "list", "tables"]));
    assert_eq!(code, 1, "there is one source of orders");
    assert!(err.contains("cannot be used with"), "{err}");
}

#[test]
fn rules_are_merged_where_that_is_asked_for() {
    let orders =
        "table ip t {\n\tchain c {\n\t\ttcp dport 1 drop\n\t\ttcp dport 2 accept comment \"x\"\n\t}\n}\n";
    let told = "Merging:\n<stdin>:3:3-18: \t\ttcp dport 1 drop\n<stdin>:4:3-32: \t\ttcp dport 2 accept comment \"x\"\n\
                into:\n";
    let merged = "\ttcp dport vmap { 1 : drop, 2 : accept }\n";
    let (code, out, err) = run(isolated(r#"printf '%s' "$2" | "$0" nft -c -o -f -"#).arg(orders));
    assert_eq!(
        (code, out.as_str(), err.as_str()),
        (0, merged, told),
        "what became of the rules is data, all else a message"
    );
    let told = format!("{told}{merged}");
    let script = |options: &str| {
        let script = format!(r#"printf '%s' "$2" | "$0" nft {options} -f - 2>&1; "$0" nft list ruleset"#);
        stdout(isolated(&script).arg(orders))
    };
    assert_eq!(script("-c -o"), told, "only told");
    let listing = "table ip t {\n\tchain c {\n\t\ttcp dport vmap { 1 : drop, 2 : accept }\n\t}\n}\n";
    assert_eq!(script("-o"), format!("{told}{listing}"));
    assert!(!script("").contains("vmap"));
}

#[test]
fn a_ruleset_is_exported_and_imported_as_json() {
    let script = r#"
        "$0" nft -f "$1"/nft/good.nft
        "$0" nft export vm json >"$2"
        "$0" nft flush ruleset
        "$0" nft -c import json <"$2"
        "$0" nft list ruleset
        "$0" nft import vm json <"$2"
        "$0" nft list ruleset
    "#;
    let place = std::env::temp_dir().join(format!("netwright-export-{}", std::process::id()));
    assert_eq!(stdout(isolated(script).arg(&place)), listing());
    fs::remove_file(place).expect("the exported ruleset goes");
    let (code, _, err) = run(&mut isolated(r#"echo '{"nftables":[{"ad":{}}]}' | "$0" nft import json"#));
    assert_eq!(code, 1);
    assert!(err.contains("<stdin>:1:"), "{err}");
    let (code, _, err) = run(&mut isolated(r#""$0" nft export xml"#));
    assert_eq!(code, 1);
    assert!(err.contains("there is no format `xml`"), "{err}");
}

#[test]
fn what_was_made_is_told_by_whom_and_as_json() {
    let script = r#"
        "$0" nft -e add table ip t
        "$0" nft -e -j 'add set ip t s { type ipv4_addr; elements = { 192.0.2.1, 192.0.2.2 }; }'
        "$0" nft -e delete set ip t s
        "$0" nft -e -j flush ruleset
    "#;
    let text = stdout(&mut isolated(script));
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!((lines.len(), lines[0]), (3, "add table ip t"), "{text}");
    let (generation, process) = lines[1].split_once(" by process ").expect("who made it");
    assert!(generation.starts_with("# new generation "), "{text}");
    assert!(process.ends_with(" (netwright)"), "{text}");
    let document: serde_json::Value = serde_json::from_str(lines[2]).expect("JSON");
    let things = document["nftables"].as_array().expect("an array");
    assert_eq!(things.len(), 3, "{text}");
    assert_eq!(things[0]["add"]["set"]["name"], "s", "{text}");
    assert!(things[0]["add"]["set"]["handle"].is_u64(), "{text}");
    assert_eq!(things[2]["add"]["element"]["elem"]["set"][0], "192.0.2.2", "{text}");
}

#[test]
fn addresses_are_listed_by_the_names_of_their_hosts() {
    let inside = r#"
        printf '192.0.2.1 one.example\n2001:db8::1 six.example\n' >"$1"
        mount --bind "$1" /etc/hosts
        "$0" nft 'table ip t { chain c { ip saddr 192.0.2.1 accept; ip daddr 192.0.2.1-192.0.2.9 drop; }; }'
        "$0" nft 'table ip6 t { chain c { ip6 saddr { 2001:db8::1 } accept; }; }'
        "$0" nft -N list ruleset
        "$0" nft list table ip6 t
    "#;
    let place = std::env::temp_dir().join(format!("netwright-hosts-{}", std::process::id()));
    let text = stdout(isolated(r#"unshare -m sh -euc "$2" "$0" "$3""#).arg(inside).arg(&place));
    fs::remove_file(&place).expect("the names of hosts go");
    assert!(text.contains("\tip saddr one.example accept\n"), "{text}");
    assert!(text.contains("\tip daddr 192.0.2.1-192.0.2.9 drop\n"), "ends of ranges stay: {text}");
    assert!(text.contains("\tip6 saddr six.example accept\n"), "{text}");
    assert!(text.contains("\tip6 saddr 2001:db8::1 accept\n"), "only with -N: {text}");
}

#[test]
fn blocks_of_a_session_may_have_several_lines() {
    let script = r#"printf 'table ip t {\nchain c {\naccept\n}\n}\nlist ruleset\nquit\n' | "$0" nft -i"#;
    assert_eq!(stdout(&mut isolated(script)), "table ip t {\n\tchain c {\n\t\taccept\n\t}\n}\n");
    let (code, _, err) = run(&mut isolated(r#"printf 'table ip t {\n' | "$0" nft -i"#));
    assert_eq!(code, 1);
    assert!(err.contains("<stdin> line 1"), "{err}");
}
