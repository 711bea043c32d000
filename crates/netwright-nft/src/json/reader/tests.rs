use super::*;
use crate::diagnostic::SourceMap;

/// The tree in a compact form, or the first mistake with its place.
fn check(text: &str, expected: &str) {
    let mut sources = SourceMap::default();
    let source = sources.add("x", text);
    let parsed = read(source, text);
    let seen = match parsed.diagnostics.first() {
        Some(wrong) => format!("{}: {}", sources.locate(wrong.span().unwrap()).unwrap(), wrong.message),
        None => show(&parsed.root),
    };
    assert_eq!(seen, expected, "{text}");
}

fn show(node: &Located) -> String {
    match &node.value {
        Value::Array(items) => format!("[{}]", items.iter().map(show).collect::<Vec<_>>().join(" ")),
        Value::Object(entries) => {
            let entries: Vec<_> = entries.iter().map(|e| format!("{}={}", e.key, show(&e.node))).collect();
            format!("{{{}}}", entries.join(" "))
        }
        value => format!("{value:?}"),
    }
}

#[test]
fn values() {
    check(r#" {"a": [1, -2, true, null], "b": {}} "#, "{a=[Integer(1) Integer(-2) Boolean(true) Null] b={}}");
    check("[0, 1.5, 1e3, 18446744073709551616]", "[Integer(0) Float Float Integer(18446744073709551616)]");
    check(r#""\u00e9\ud83d\ude00\n\/""#, "String(\"é😀\\n/\")");
    check("\u{feff}[]", "[]");
}

#[test]
fn mistakes() {
    check("", "x:1:1: expected a value");
    check("{\"a\": 1,\n \"a\": 2}", "x:2:2: `a` is given twice");
    check("{\"a\" 1}", "x:1:6: expected `:` behind the key");
    check("{a: 1}", "x:1:2: expected a key in quotes");
    check("[1 2]", "x:1:4: expected `,` or `]`");
    check("[yes]", "x:1:2: `yes` must be quoted");
    check("[01]", "x:1:2: a number that JSON does not have");
    check("[1] x", "x:1:5: expected the end of the file");
    check("[\"a\n\"]", "x:1:2: a string that is not closed on its line");
    check(r#"["\ud800"]"#, "x:1:3: an escape that JSON does not have");
    check(r#"["\x"]"#, "x:1:3: an escape that JSON does not have");
    check(&"[".repeat(100_000), "x:1:66: too many arrays and objects in each other");
}
