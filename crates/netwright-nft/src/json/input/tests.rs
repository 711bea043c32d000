//! What JSON is taken for, and what is said about JSON that is wrong.

use crate::catalog::Catalog;
use crate::diagnostic::{Diagnostic, Severity, SourceId, SourceMap};
use crate::evaluate::{Options, compile};
use crate::ir::{Operation, Target};
use crate::print;
use crate::table::{Names, PrintOptions};

use super::parse;

/// What stands before and behind a rule's statements.
const BEFORE: &str = r#"{"nftables":[{"rule":{"family":"inet","table":"t","chain":"c","expr":["#;
const BEHIND: &str = "]}}]}";

fn read(text: &str) -> (SourceMap, Vec<crate::ir::Command>, Vec<Diagnostic>) {
    let mut sources = SourceMap::default();
    let id = sources.add("x.json", text);
    let parsed = parse(&mut sources, id);
    let options =
        Options { names: &Names::new(), catalog: &Catalog::default(), zone: crate::table::Zone::UTC };
    let compiled = compile(&sources, &parsed, &options);
    let diagnostics = parsed.diagnostics.into_iter().chain(compiled.diagnostics).collect();
    (sources, compiled.commands, diagnostics)
}

/// The statements as nft writes them, or what is wrong with them and where.
#[track_caller]
fn check(statements: &str, expected: &str) {
    let (sources, commands, diagnostics) = read(&format!("{BEFORE}{statements}{BEHIND}"));
    let wrong = diagnostics.iter().find(|one| one.severity == Severity::Error);
    let seen = match (wrong, commands.last().map(|command| &command.target)) {
        (Some(wrong), _) => told(&sources, wrong),
        (None, Some(Target::Rule { rule, .. })) => print::rule(rule, &PrintOptions::default(), &Names::new()),
        (None, other) => format!("{other:?}"),
    };
    assert_eq!(seen, expected, "{statements}");
}

fn told(sources: &SourceMap, wrong: &Diagnostic) -> String {
    let place = wrong.span().and_then(|span| sources.locate(span)).map(|place| place.to_string());
    let label = wrong.labels.first().map_or("", |label| label.message.as_str());
    let help = wrong.help.first().map_or("", String::as_str);
    format!("{}: {} | {label} | {help}", place.unwrap_or_default(), wrong.message)
}

/// The first thing that is wrong with a text.
#[track_caller]
fn mistake(text: &str, expected: &str) {
    let (sources, _, diagnostics) = read(text);
    assert_eq!(
        diagnostics.first().map(|wrong| told(&sources, wrong)).unwrap_or_default(),
        expected,
        "{text}"
    );
}

fn commands(text: &str) -> Vec<crate::ir::Command> {
    let (sources, commands, diagnostics) = read(text);
    assert_eq!(diagnostics.first().map(|wrong| told(&sources, wrong)), None);
    commands
}

#[test]
fn statements_are_those_of_the_language() {
    let port = r#"{"payload":{"protocol":"tcp","field":"dport"}}"#;
    check(
        &format!(r#"{{"match":{{"op":"!=","left":{port},"right":{{"set":[22,{{"range":[80,90]}}]}}}}}}"#),
        "tcp dport != { 22, 80-90 }",
    );
    check(
        r#"{"match":{"op":"in","left":{"ct":{"key":"state"}},"right":["new","established"]}}"#,
        "ct state new,established",
    );
    check(
        r#"{"match":{"op":"==","left":{"ct":{"key":"ip saddr","dir":"original"}},"right":{"prefix":{"addr":"192.0.2.0","len":24}}}}"#,
        "ct original ip saddr == 192.0.2.0/24",
    );
    check(
        r#"{"log":{"prefix":"in $x: ","flags":["all"]}},{"reject":{"type":"icmpx"}}"#,
        "log prefix \"in $x: \" flags all reject with icmpx port-unreachable",
    );
    check(
        r#"{"limit":{"rate":5,"per":"minute","inv":true}},{"jump":{"target":"other"}}"#,
        "limit rate over 5/minute burst 5 packets jump other",
    );
    check(
        r#"{"counter":"hits"},{"quota":{"val":2,"val_unit":"mbytes"}}"#,
        "counter name \"hits\" quota 2 mbytes",
    );
    check(r#"{"mangle":{"key":{"meta":{"key":"mark"}},"value":{"|":[1,2,4]}}}"#, "meta mark set 0x00000007");
}

#[test]
fn escapes_do_not_change_what_is_meant() {
    let name = r#"{"meta":{"key":"iif\u006eame"}}"#;
    check(&format!(r#"{{"match":{{"op":"==","left":{name},"right":"eth\\*"}}}}"#), "iifname == \"eth\\*\"");
    check(
        r#"{"match":{"op":"==","left":{"payload":{"protocol":"ip","field":"saddr"}},"right":{"prefix":{"addr":"192\u002e0.2.0","len":24}}}}"#,
        "ip saddr == 192.0.2.0/24",
    );
    check(r#"{"log":{"prefix":"a\/b"}}"#, "log prefix \"a/b\"");
    check(
        r#"{"match":{"op":"==","left":{"payload":{"protocol":"ip","field":"saddr"}},"right":"\u0078"}}"#,
        "x.json:1:152: `x` is not an IPv4 address |  | ",
    );
}

#[test]
fn comments_are_as_long_as_the_kernel_keeps_them() {
    let document = |length: usize| {
        let comment = "x".repeat(length);
        let rule = format!(
            r#"{{"family":"ip","table":"t","chain":"c","comment":"{comment}","expr":[{{"accept":null}}]}}"#
        );
        format!(r#"{{"nftables":[{{"add":{{"rule":{rule}}}}}]}}"#)
    };
    // the language takes 128
    let commands = commands(&document(250));
    let [rule] = commands.as_slice() else { panic!("{commands:?}") };
    assert!(
        matches!(&rule.target, Target::Rule { rule, .. } if rule.comment.as_ref().is_some_and(|text| text.len() == 250))
    );
}

#[test]
fn a_listing_is_loaded_without_its_handles() {
    let text = r#"{"nftables":[{"metainfo":{"version":"9.9","json_schema_version":1}},
        {"table":{"family":"inet","name":"t","handle":7}},
        {"chain":{"family":"inet","table":"t","name":"c","handle":1,"type":"filter","hook":"input","prio":-10,"policy":"drop"}},
        {"rule":{"family":"inet","table":"t","chain":"c","handle":4,"comment":"a","expr":[{"accept":null}]}}]}"#;
    let commands = commands(text);
    let [_, chain, rule] = commands.as_slice() else { panic!("{commands:?}") };
    assert!(
        matches!(&chain.target, Target::Chain(chain) if chain.hook.as_ref().is_some_and(|hook| hook.hook.priority == -10))
    );
    assert!(
        matches!(&rule.target, Target::Rule { anchor: None, rule, .. } if rule.comment.as_deref() == Some("a"))
    );
}

#[test]
fn verbs_are_those_of_the_language() {
    let text = r#"{"nftables":[{"flush":{"table":{"family":"ip","name":"t"}}},
        {"add":{"table":{"family":"ip","name":"t"}}},
        {"insert":{"rule":{"family":"ip","table":"t","chain":"c","index":2,"expr":[{"drop":null}]}}},
        {"replace":{"rule":{"family":"ip","table":"t","chain":"c","handle":3,"expr":[{"drop":null}]}}},
        {"delete":{"rule":{"family":"ip","table":"t","chain":"c","handle":5}}},
        {"rename":{"chain":{"family":"ip","table":"t","name":"c","newname":"d"}}},
        {"list":{"chains":{"family":"inet"}}},
        {"reset":{"counter":{"family":"ip","table":"t","name":"x"}}},
        {"destroy":{"set":{"family":"ip","table":"t","name":"x"}}}]}"#;
    let operations: Vec<Operation> = commands(text).iter().map(|command| command.operation).collect();
    use Operation::{Add, Delete, Destroy, Flush, Insert, List, Rename, Replace, Reset};
    assert_eq!(operations, [Flush, Add, Insert, Replace, Delete, Rename, List, Reset, Destroy]);
}

#[test]
fn mistakes_are_told_with_their_place() {
    check(
        r#"{"counter":{"packets":"1"}}"#,
        "x.json:1:93: a whole number for `packets` is needed here, this is the string `1` | in nftables[0].rule.expr[0].counter.packets | ",
    );
    check(
        r#"{"counter":{"packets":1}}"#,
        "x.json:1:82: a counter needs a member `bytes` | in nftables[0].rule.expr[0].counter | ",
    );
    check(
        r#"{"accept":null},{"counterr":null}"#,
        "x.json:1:88: there is no statement `counterr` | in nftables[0].rule.expr[1] | Did you mean `counter`?",
    );
    check(
        r#"{"limit":{"rate":"5","per":"second"}}"#,
        "x.json:1:88: a whole number for `rate` is needed here, this is the string `5` | in nftables[0].rule.expr[0].limit.rate | ",
    );
    check(
        r#"{"limit":{"rate":5}}"#,
        "x.json:1:80: a limit needs a member `per` | in nftables[0].rule.expr[0].limit | ",
    );
    check(
        r#"{"accept":null,"drop":null}"#,
        "x.json:1:71: a statement is an object with one member, this one has 2 | in nftables[0].rule.expr[0] | ",
    );
    check(
        r#"{"match":{"left":1,"right":2}}"#,
        "x.json:1:80: a match needs a member `op` | in nftables[0].rule.expr[0].match | ",
    );
    check(
        r#"{"limit":{"per":"day","rate":-1}}"#,
        &format!(
            "x.json:1:100: `rate` is between 0 and {} | in nftables[0].rule.expr[0].limit.rate | ",
            u64::MAX
        ),
    );
}

#[test]
fn broken_texts_are_refused() {
    mistake("", "x.json:1:1: expected a value |  | ");
    mistake("[]", "x.json:1:1: an object for the document is needed here, this is an array |  | ");
    mistake(r#"{"nftables":[{"add":"#, "x.json:1:21: expected a value |  | ");
    mistake(
        r#"{"nftables":[],"nftables":[]}"#,
        "x.json:1:16: `nftables` is given twice |  | Remove one of the two.",
    );
    mistake(
        r#"{"nftables":[{"metainfo":{"json_schema_version":2}}]}"#,
        "x.json:1:49: version 2 of the schema is not known, only 1 | in nftables[0].metainfo.json_schema_version | ",
    );
    mistake(
        r#"{"nftables":[{"adds":{"table":{}}}]}"#,
        "x.json:1:15: there is no kind of object `adds` | in nftables[0] | Did you mean `add`?",
    );
    mistake(&"[".repeat(1_000_000), "x.json:1:66: too many arrays and objects in each other |  | ");
    let nested = format!("{{\"|\":[{}1,1{}]}}", r#"{"|":["#.repeat(60), ",1]}".repeat(60));
    mistake(
        &format!("{BEFORE}{nested}{BEHIND}"),
        "x.json:1:251: too many arrays and objects in each other |  | ",
    );
}

#[test]
fn all_mistakes_are_told_but_not_without_end() {
    let wrong = vec![r#"{"x":1}"#; 5000].join(",");
    let mut sources = SourceMap::default();
    let id: SourceId = sources.add("x.json", format!(r#"{{"nftables":[{wrong}]}}"#));
    assert_eq!(parse(&mut sources, id).diagnostics.len(), super::MAX_ERRORS);
}

#[test]
fn a_truncated_text_is_survived_wherever_it_ends() {
    let text = format!(
        "{BEFORE}{}{BEHIND}",
        r#"{"log":{"prefix":"a\u00e9b"}},{"vmap":{"key":{"meta":{"key":"mark"}},"data":{"set":[[1,{"drop":null}]]}}}"#
    );
    for end in 0..text.len() {
        assert!(!read(&text[..end]).2.is_empty(), "{end}");
    }
    assert!(read(&text).2.is_empty());
}

#[test]
fn the_upper_half_of_64_bits_is_below_zero() {
    let of = |number: &str| {
        format!(
            r#"{{"match":{{"op":"==","left":{{"payload":{{"base":"nh","offset":0,"len":64}}}},"right":{number}}}}}"#
        )
    };
    check(&of("-2"), "@nh,0,64 == 0xfffffffffffffffe");
    check(&of("-9223372036854775808"), "@nh,0,64 == 0x8000000000000000");
}

#[test]
fn what_means_nothing_is_ignored_with_a_warning() {
    let warned = |text: &str, expected: &str| {
        let (sources, commands, said) = read(text);
        let said: Vec<String> = said
            .iter()
            .map(|one| {
                assert_eq!(one.severity, Severity::Warning, "{text}");
                told(&sources, one)
            })
            .collect();
        assert_eq!((said, commands.len()), (vec![expected.to_owned()], 1), "{text}");
    };
    warned(
        &format!(r#"{BEFORE}{{"counter":{{"packets":1,"bytes":1,"packet":1}}}}{BEHIND}"#),
        "x.json:1:105: `packet` is no member of a counter: it is ignored | in nftables[0].rule.expr[0].counter | Did you mean `packets`?",
    );
    warned(
        r#"{"nftables":[{"add":{"table":{"family":"ip","name":"t"}},"by":"us"}]}"#,
        "x.json:1:58: `by` is no member of a command: it is ignored | in nftables[0] | ",
    );
    mistake(
        r#"{"nftables":[{"add":{"table":{"family":"ip","name":"t"}},"flush":{"ruleset":null}}]}"#,
        "x.json:1:14: a command is an object with one member, this one has 2 | in nftables[0] | ",
    );
}
