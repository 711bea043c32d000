use super::ast::*;
use super::{Binding, Loader, NoIncludes, Parsed, parse, parse_with, words_after};
use crate::diagnostic::SourceMap;

/// The tree of a text in which nothing is wrong, with its sources.
fn good(text: &str) -> (Parsed, SourceMap) {
    let mut sources = SourceMap::default();
    let id = sources.add("test", text);
    let parsed = parse(&mut sources, id, &mut NoIncludes);
    assert_eq!(parsed.diagnostics, vec![], "{text}");
    (parsed, sources)
}

/// What is wrong with a text: `line:column message`, and help where there is any.
fn problems(text: &str) -> Vec<String> {
    let mut sources = SourceMap::default();
    let id = sources.add("test", text);
    let parsed = parse(&mut sources, id, &mut NoIncludes);
    parsed.diagnostics.iter().map(|diagnostic| describe(diagnostic, &sources)).collect()
}

fn describe(diagnostic: &crate::diagnostic::Diagnostic, sources: &SourceMap) -> String {
    let place = sources.locate(diagnostic.span().unwrap()).unwrap();
    let help: String = diagnostic.help.iter().map(|help| format!(" ({help})")).collect();
    format!("{}:{} {}{help}", place.line, place.column, diagnostic.message)
}

/// The statements of a rule.
fn statements(rule: &str) -> (Vec<Statement>, SourceMap) {
    let (mut parsed, sources) = good(&format!("add rule inet t c {rule}"));
    match parsed.commands.remove(0).kind {
        CommandKind::Rule { rule, .. } => (rule.statements, sources),
        other => panic!("{other:?}"),
    }
}

/// An expression in a form that shows how it was understood.
fn show(expression: &Expression, sources: &SourceMap) -> String {
    let show_one = |expression: &Expression| show(expression, sources);
    let list = |items: &[Expression]| items.iter().map(show_one).collect::<Vec<_>>();
    match &expression.kind {
        ExpressionKind::Literal(_) => expression.text(sources).to_string(),
        ExpressionKind::Variable(_) => sources.snippet(expression.span).to_string(),
        ExpressionKind::SetReference(name) => format!("@{}", name.text(sources)),
        ExpressionKind::Concat(parts) => format!("concat({})", list(&parts.items).join(" ")),
        ExpressionKind::List(items) => format!("list({})", list(&items.items).join(" ")),
        ExpressionKind::Range(range) => format!("range({} {})", show_one(&range.from), show_one(&range.to)),
        ExpressionKind::Prefix(prefix) => {
            format!("prefix({} {})", show_one(&prefix.value), prefix.length.value)
        }
        ExpressionKind::Binary(binary) => {
            format!("{:?}({} {})", binary.operator, show_one(&binary.left), show_one(&binary.right))
        }
        ExpressionKind::Map(map) => format!("map({} {})", show_one(&map.key), show_one(&map.map)),
        ExpressionKind::Meta(key) => format!("meta({})", key.text(sources)),
        ExpressionKind::Payload(payload) => {
            let names = [payload.tunnel, Some(payload.protocol), Some(payload.field), payload.qualifier];
            let words: Vec<&str> = names.iter().flatten().map(|name| name.text(sources)).collect();
            format!("payload({})", words.join(" "))
        }
        ExpressionKind::Ct(ct) => format!("ct({})", ct.key.text(sources)),
        ExpressionKind::Set(set) => {
            let elements: Vec<String> = set
                .elements
                .iter()
                .map(|element| match &element.value {
                    Some(value) => format!("{}={}", show_one(&element.key), show_one(value)),
                    None => show_one(&element.key),
                })
                .collect();
            format!("set({})", elements.join(" "))
        }
        ExpressionKind::Verdict(verdict) => format!("{verdict:?}"),
        other => format!("{other:?}"),
    }
}

/// A rule of one match or assignment.
fn check(rule: &str, left: &str, right: &str) {
    let (statements, sources) = statements(rule);
    assert_eq!(statements.len(), 1, "{rule}");
    let (seen_left, seen_right) = match &statements[0].kind {
        StatementKind::Match(found) => (&found.left, &found.right),
        StatementKind::Assign { target, value } => (target, value),
        StatementKind::VerdictMap { key, map } => (key, map),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        (show(seen_left, &sources), show(seen_right, &sources)),
        (left.to_string(), right.to_string()),
        "{rule}"
    );
}

#[test]
fn the_nodes_of_elements_are_small() {
    assert_eq!(size_of::<Expression>(), 32);
    assert_eq!(size_of::<Element>(), 48);
}

#[test]
fn a_word_is_a_field_on_the_left_and_a_value_on_the_right() {
    check("tcp dport ssh", "payload(tcp dport)", "ssh");
    check("ip protocol tcp", "payload(ip protocol)", "tcp");
    check("vxlan ip saddr 10.0.0.1", "payload(vxlan ip saddr)", "10.0.0.1");
    check("arp saddr ether 1:2:3:4:5:6", "payload(arp saddr ether)", "1:2:3:4:5:6");
    check("mark 5", "meta(mark)", "5");
    check("meta mark set ct mark", "meta(mark)", "ct(mark)");
    check("meta pkttype set host", "meta(pkttype)", "host");
    check("ct event set new,related", "ct(event)", "list(new related)");
    let (statements, _) = statements("ip protocol tcp tcp dport 22 ip6 nexthdr udp udp sport 1 accept");
    assert_eq!(statements.len(), 5);
}

#[test]
fn operators_bind_as_in_nft() {
    check("meta mark set 1 | 2 ^ 3 & 4 << 5", "meta(mark)", "Or(1 Xor(2 And(3 ShiftLeft(4 5))))");
    check(
        "meta mark set ct mark and 0xff00 or meta mark and 0xff",
        "meta(mark)",
        "Or(And(ct(mark) 0xff00) And(meta(mark) 0xff))",
    );
    check("tcp flags & (fin | syn) == syn", "And(payload(tcp flags) Or(fin syn))", "syn");
    check("meta mark set 1 << 2 << 3", "meta(mark)", "ShiftLeft(ShiftLeft(1 2) 3)");
}

#[test]
fn ranges_prefixes_concatenations_and_lists() {
    check("tcp dport 22-23", "payload(tcp dport)", "range(22 23)");
    check("ip saddr 10.0.0.0/8", "payload(ip saddr)", "prefix(10.0.0.0 8)");
    check(
        "ip saddr . tcp dport { 10.0.0.0/8 . 1-2, 1.1.1.1 . 3 }",
        "concat(payload(ip saddr) payload(tcp dport))",
        "set(concat(prefix(10.0.0.0 8) range(1 2)) concat(1.1.1.1 3))",
    );
    check("ct state new,established", "ct(state)", "list(new established)");
    check("ip saddr vmap { 1.1.1.1 : accept, * : drop }", "payload(ip saddr)", "set(1.1.1.1=Accept *=Drop)");
    check("meta mark set tcp dport map { 1 : 2 }", "meta(mark)", "map(payload(tcp dport) set(1=2))");
    check(
        "ip saddr { { 1.1.1.1, 2.2.2.2 }, 3.3.3.3 }",
        "payload(ip saddr)",
        "set(set(1.1.1.1 2.2.2.2) 3.3.3.3)",
    );
}

#[test]
fn a_mask_behind_a_slash_is_no_prefix() {
    let (statements, sources) = statements("tcp flags syn,ack / syn,ack,fin");
    let StatementKind::Match(found) = &statements[0].kind else { panic!("{statements:?}") };
    assert_eq!(show(&found.right, &sources), "list(syn ack)");
    assert_eq!(found.mask.as_ref().map(|mask| show(mask, &sources)).as_deref(), Some("list(syn ack fin)"));
}

#[test]
fn rates_and_amounts_are_multiplied_out() {
    for rate in ["1 kbytes/second", "1kbytes / second", "1 kbytes/ second", "1 kbytes /second"] {
        let (statements, _) = statements(&format!("limit rate over {rate} burst 2 mbytes"));
        let StatementKind::Limit(limit) = statements[0].kind else { panic!("{statements:?}") };
        assert_eq!(
            (limit.over, limit.rate.value, limit.unit, limit.per),
            (true, 1024, LimitUnit::Bytes, 1),
            "{rate}"
        );
        assert_eq!(limit.burst.map(|burst| burst.value), Some(2 << 20));
    }
    let (statements, _) = statements("quota until 3 kbytes used 5 bytes");
    let StatementKind::Quota(quota) = statements[0].kind else { panic!("{statements:?}") };
    assert_eq!((quota.over, quota.bytes.value, quota.used.map(|used| used.value)), (false, 3072, Some(5)));
}

#[test]
fn times() {
    let (parsed, _) = good("add set ip t s { type ipv4_addr; timeout 9d3h4m5s6ms; gc-interval 10s; }");
    let CommandKind::Item { item, .. } = &parsed.commands[0].kind else { panic!("{parsed:?}") };
    let TableItem::Set(set) = &**item else { panic!("{item:?}") };
    let milliseconds = ((((9 * 24 + 3) * 60 + 4) * 60 + 5) * 1000) + 6;
    assert_eq!(set.timeout.and_then(|time| time.milliseconds), Some(milliseconds));
    assert_eq!(set.gc_interval.and_then(|time| time.milliseconds), Some(10_000));
    assert_eq!(problems("add set ip t s { timeout 1x; }"), ["1:26 unexpected `1` (Write the unit: `30s`.)"]);
}

#[test]
fn nat_targets() {
    let (statements, sources) = statements("dnat ip6 to [2001:db8::1]-[2001:db8::2]:80-90 random,persistent");
    let StatementKind::Nat(nat) = &statements[0].kind else { panic!("{statements:?}") };
    assert_eq!(nat.version, Some(IpVersion::V6));
    assert_eq!(
        nat.address.as_ref().map(|address| show(address, &sources)).as_deref(),
        Some("range(2001:db8::1 2001:db8::2)")
    );
    assert_eq!(nat.port.as_ref().map(|port| show(port, &sources)).as_deref(), Some("range(80 90)"));
    assert_eq!(nat.flags.len(), 2);
    let (statements, _) = statements_of_redirect();
    let StatementKind::Nat(nat) = &statements[0].kind else { panic!("{statements:?}") };
    assert!(nat.address.is_none() && nat.port.is_some());
}

fn statements_of_redirect() -> (Vec<Statement>, SourceMap) {
    statements("redirect to :tcp dport map { 22 : 8000 } comment \"moved\"")
}

#[test]
fn both_forms_yield_the_same_items() {
    let (nested, _) =
        good("table inet t {\n chain c {\n  type filter hook input priority filter - 5; policy drop;\n }\n}");
    let (command, _) =
        good("add chain inet t c { type filter hook input priority filter - 5; policy drop; }");
    let CommandKind::Table(table) = &nested.commands[0].kind else { panic!("{nested:?}") };
    let CommandKind::Item { item, .. } = &command.commands[0].kind else { panic!("{command:?}") };
    let (TableItem::Chain(first), TableItem::Chain(second)) = (&table.items[0], &**item) else {
        panic!("{table:?}")
    };
    let priority =
        |chain: &Chain| chain.hook.as_ref().and_then(|hook| hook.priority.as_ref()).map(|p| p.offset);
    assert_eq!(priority(first), Some(-5));
    assert_eq!(priority(first), priority(second));
    assert!(first.policy.is_some() && second.policy.is_some());
}

#[test]
fn commands_of_all_kinds() {
    for text in [
        "ip t c counter",
        "t c tcp dport 22 accept",
        "rule inet t c accept",
        "insert rule inet t c index 2 accept",
        "replace rule t c handle 4 drop",
        "delete rule inet t c handle 4",
        "delete table inet handle 4",
        "destroy chain inet t c",
        "delete flowtable inet t f { devices = { eth0 }; }",
        "rename chain t c d",
        "get element ip t s { 10.0.0.1 }",
        "reset element ip t s { 10.0.0.1 }",
        "flush ruleset inet",
        "list ruleset",
        "list sets inet t",
        "list counters table inet t",
        "list ct helpers table ip t",
        "list ct timeout table ip t",
        "list ct helper ip t h",
        "list hooks netdev device eth0",
        "reset rules chain inet t c",
        "reset rules inet t",
        "monitor destroy rules json",
        "monitor",
        "describe ct_state",
        "describe tcp dport",
        "import ruleset json",
        "import vm json",
        "export json",
        "add table x; delete table x",
        "add limit ip t l rate 10/second",
        "add secmark ip t s { \"a:b\"; }",
        "define none = { }; add element t s $none",
    ] {
        good(text);
    }
    assert!(!problems("add element t s { }").is_empty());
    assert_eq!(
        problems("reset rule ip t c 4"),
        ["1:19 unexpected `4` (`nft -a list ruleset` shows handles.)"]
    );
}

#[test]
fn variables_mean_what_is_visible_where_they_stand() {
    let (parsed, sources) = good(
        "define x = 1\ntable ip t {\n define x = 2\n chain c { mark $x; }\n redefine x = 3\n chain d { mark $x; }\n undefine x\n \
         chain e { mark $x; }\n}\nredefine x = { $x, 5 }\nadd rule ip t c mark $x",
    );
    let CommandKind::Table(table) = &parsed.commands[0].kind else { panic!("{parsed:?}") };
    let value = |rule: &Rule| {
        let StatementKind::Match(found) = &rule.statements[0].kind else { panic!("{rule:?}") };
        let ExpressionKind::Variable(Some(id)) = found.right.kind else { panic!("{found:?}") };
        show(&parsed.definition(id).unwrap().value, &sources)
    };
    let seen: Vec<String> = table
        .items
        .iter()
        .map(|item| match item {
            TableItem::Chain(chain) => value(&chain.rules[0]),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(seen, ["2", "3", "1"]);
    let CommandKind::Rule { rule, .. } = &parsed.commands[1].kind else { panic!("{parsed:?}") };
    assert_eq!(value(rule), "set($x 5)");
}

#[test]
fn problems_of_variables() {
    assert_eq!(
        problems("define lan = 1\nadd rule t c mark $lam"),
        ["2:19 there is no variable `lam` here (Did you mean `$lan`?)"]
    );
    assert_eq!(
        problems("define a = 1.2.3.4\nadd rule t c ip saddr $a/8"),
        ["2:23 there is no variable `a/8` here (`/` can be part of a name. Write `$a / …` with a blank.)"]
    );
    assert_eq!(
        problems("define x = 1\ndefine x = 2"),
        ["2:8 the variable `x` is defined already (Use `redefine` to change it.)"]
    );
    assert_eq!(problems("undefine x"), [""; 0]);
    assert_eq!(problems("define x = \nadd rule t c mark $x"), ["1:12 unexpected end of the line"]);
}

#[test]
fn variables_from_outside_and_inside_a_prefix() {
    let mut sources = SourceMap::default();
    let id = sources.add("test", "add rule ip t c ip saddr $bad log prefix \"seen $who: \"");
    let bindings = [Binding { name: "bad", value: "192.0.2.1" }, Binding { name: "who", value: "\"x\"" }];
    let parsed = parse_with(&mut sources, id, &mut NoIncludes, &bindings);
    assert_eq!(parsed.diagnostics, vec![]);
    assert_eq!(parsed.definitions.len(), 2);
    assert_eq!(parsed.definitions[0].value.text(&sources), "192.0.2.1");
    let CommandKind::Rule { rule, .. } = &parsed.commands[0].kind else { panic!("{parsed:?}") };
    let StatementKind::Log(log) = &rule.statements[1].kind else { panic!("{rule:?}") };
    let parts: Vec<&str> =
        log.prefix.iter().flat_map(|prefix| &prefix.parts).map(|part| sources.snippet(part.span)).collect();
    assert_eq!(parts, ["seen ", "$who", ": "]);
}

/// Files that exist only here.
struct Files(&'static [(&'static str, &'static str)]);

impl Loader for Files {
    fn load(&mut self, pattern: &str, _from: &str) -> Result<Vec<(String, String)>, String> {
        let start = pattern.strip_suffix('*');
        let found: Vec<(String, String)> = self
            .0
            .iter()
            .filter(|(name, _)| start.map_or(*name == pattern, |start| name.starts_with(start)))
            .map(|(name, text)| ((*name).to_string(), (*text).to_string()))
            .collect();
        if found.is_empty() && start.is_none() { Err("there is no such file".to_string()) } else { Ok(found) }
    }
}

fn with_files(text: &str, files: &'static [(&'static str, &'static str)]) -> (Parsed, Vec<String>) {
    let mut sources = SourceMap::default();
    let id = sources.add("test", text);
    let parsed = parse(&mut sources, id, &mut Files(files));
    let problems = parsed.diagnostics.iter().map(|diagnostic| describe(diagnostic, &sources)).collect();
    (parsed, problems)
}

#[test]
fn included_texts_are_read_in_their_place_and_order() {
    let (parsed, problems) = with_files(
        "include \"d/*\"\ntable ip t {\n chain c {\n include \"rules\"\n drop\n }\n}\nadd rule ip t c mark $two",
        &[("d/1", "define one = 1"), ("d/2", "define two = $one\n"), ("rules", "accept\nmark $one")],
    );
    assert_eq!(problems, Vec::<String>::new());
    let CommandKind::Table(table) = &parsed.commands[0].kind else { panic!("{parsed:?}") };
    let TableItem::Chain(chain) = &table.items[0] else { panic!("{table:?}") };
    assert_eq!(chain.rules.len(), 3);
    assert!(matches!(chain.rules[2].statements[0].kind, StatementKind::Verdict(Verdict::Drop)));
    assert_eq!(parsed.commands.len(), 2);
}

#[test]
fn problems_of_included_texts() {
    assert_eq!(
        with_files("include \"none*\"\ninclude \"none\"", &[]).1,
        ["2:9 `none` cannot be included: there is no such file"]
    );
    assert_eq!(
        with_files("include \"me\"", &[("me", "include \"me\"")]).1,
        ["1:9 more than 16 files include one another here"]
    );
    assert_eq!(with_files("include \"bad\"\nfoo", &[("bad", "\n  bar")]).1.len(), 2);
}

#[test]
fn all_problems_of_a_text_are_told_at_once() {
    let text = "tabel inet x {\n chain c { accept; }\n}\ntable inet t {\n sett s { }\n set s {\n  tpye ipv4_addr\n  elements = { 1.1.1.1 2.2.2.2,\n    \
                3.3.3.3 }\n }\n chain c {\n  type filter hok input priority 0;\n  ct state new acept\n  tcp dport { 22, 80 accept\n  iifname \"lo accept\n  \
                accept\n }\n}\nlst ruleset\n";
    assert_eq!(
        problems(text),
        [
            "1:1 unknown command `tabel` (Did you mean `table`?)",
            "5:2 unknown part of a table `sett` (Did you mean `set`?)",
            "7:3 unknown property of a set `tpye` (Did you mean `type`?)",
            "8:24 unexpected `2.2.2.2` (Elements have commas between them.)",
            "12:15 unexpected `hok` (Did you mean `hook`?)",
            "13:16 unknown statement `acept` (Did you mean `accept`?)",
            "14:22 unexpected `accept`",
            "15:11 this string has no closing quote (Put a `\"` at its end. A string cannot go on in the next line.)",
            "19:1 unknown command `lst` (Did you mean `list`?)",
        ]
    );
}

#[test]
fn what_is_right_is_kept_beside_what_is_wrong() {
    let mut sources = SourceMap::default();
    let id =
        sources.add("test", "table ip t {\n chain c {\n  accept\n  acept\n  drop\n }\n}\nfoo\nadd table x");
    let parsed = parse(&mut sources, id, &mut NoIncludes);
    assert_eq!((parsed.commands.len(), parsed.diagnostics.len()), (2, 2));
    let CommandKind::Table(table) = &parsed.commands[0].kind else { panic!("{parsed:?}") };
    assert!(matches!(&table.items[0], TableItem::Chain(chain) if chain.rules.len() == 2));
}

#[test]
fn a_missing_brace_is_told_with_the_one_that_is_open() {
    let mut sources = SourceMap::default();
    let id = sources.add("test", "table ip t {\n chain c {\n  accept\n");
    let parsed = parse(&mut sources, id, &mut NoIncludes);
    assert_eq!(parsed.diagnostics.len(), 1);
    let labels = &parsed.diagnostics[0].labels;
    assert_eq!(sources.locate(labels[1].span).map(|place| (place.line, place.column)), Some((2, 10)));
}

#[test]
fn hostile_texts_end_with_an_error() {
    for text in ["{", "(", "jump { ", "1 . ", "1|", "$a", "[", "!", "\"", "table ip t {\n"] {
        for start in ["", "add rule ip t c ip saddr ", "add rule ip t c meta mark set ", "add rule ip t c "] {
            let problems = problems(&format!("{start}{}", text.repeat(20_000)));
            assert!((1..=100).contains(&problems.len()), "{start}{text}: {}", problems.len());
        }
    }
}

#[test]
fn many_elements_are_all_read() {
    let count = |n: usize| {
        let elements: Vec<String> =
            (0..n).map(|i| format!("10.{}.{}.{}", i >> 16, i >> 8 & 255, i & 255)).collect();
        let (parsed, _) = good(&format!("add element ip t s {{ {} }}", elements.join(",\n")));
        match &parsed.commands[0].kind {
            CommandKind::Elements { elements, .. } => match &elements.kind {
                ExpressionKind::Set(set) => set.elements.len(),
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(count(50_000), 50_000);
}

#[test]
fn queues_are_computed_behind_to_alone() {
    good("add rule inet t c queue num 1-3");
    good("add rule inet t c queue to symhash mod 3");
    assert_eq!(
        problems("add rule inet t c queue num symhash mod 3"),
        ["1:29 `num` takes a number or a range (Write `to` before what computes a number.)"]
    );
}

#[test]
fn old_routing_headers_are_read() {
    for rule in ["rt0 addr[1] ::1", "rt2 addr ::1", "rt type 0"] {
        assert_eq!(statements(rule).0.len(), 1, "{rule}");
    }
}

#[test]
fn words_to_complete_fit_their_place() {
    let has = |text: &str, word: &str| words_after(text).contains(&word);
    for start in ["", "  ", "add table t; ", "table t { }; "] {
        assert!(has(start, "flush") && !has(start, "saddr"), "{start:?}");
    }
    assert!(has("add ", "chain") && !has("add ", "saddr"));
    assert!(has("describe ", "tcp") && has("add rule t c ip ", "saddr"));
    assert!(has("table t { ", "chain") && has("table t { chain c { a; ", "accept"));
    assert!(words_after("add rule ").windows(2).all(|pair| pair[0] < pair[1]));
}
