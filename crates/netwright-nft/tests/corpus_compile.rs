//! What `nft` makes of rules, out of `NETWRIGHT_SHARED`: our compiler makes the same of them.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::io::Read;
use std::path::PathBuf;

use netwright_netfilter::bytecode::{Form, bytecode, element, set_layout};
use netwright_netfilter::{Expression, RuleAttrs};
use netwright_nft::diagnostic::SourceMap;
use netwright_nft::evaluate::{Compiled, Options, compile};
use netwright_nft::ir::Target;
use netwright_nft::lower::{self, Scope};
use netwright_nft::syntax::{NoIncludes, parse};
use netwright_nft::table::{Database, Names};
use serde_json::Value;

/// The records; `None`, said aloud, where they are absent.
fn records() -> Option<Vec<Value>> {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let shared = std::env::var_os("NETWRIGHT_SHARED").map_or(beside, PathBuf::from);
    let path = shared.join("corpus/records.jsonl.gz");
    let Ok(file) = std::fs::File::open(&path) else {
        eprintln!("did not run: {} is absent", path.display());
        return None;
    };
    let mut text = String::new();
    flate2::read::GzDecoder::new(file).read_to_string(&mut text).unwrap();
    Some(text.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

/// The names that the records use.
fn names() -> Names {
    let mut names = Names::new();
    for (name, number) in [("root", 0), ("daemon", 1), ("bin", 2)] {
        names.insert(Database::Users, name, number);
        names.insert(Database::Groups, name, number);
    }
    names.insert(Database::Interfaces, "lo", 1);
    names.insert(Database::Realms, "cosmos", 0);
    names.insert(Database::DeviceGroups, "default", 0);
    names
}

/// The clock of the records is two hours east of UTC.
const ZONE: i32 = 2 * 3600;

/// A text compiled with all of its errors.
fn compiled(text: &str, names: &Names) -> (Compiled, Vec<String>) {
    let mut sources = SourceMap::default();
    let id = sources.add("test", text);
    let parsed = parse(&mut sources, id, &mut NoIncludes);
    let options = Options { names, catalog: &Default::default(), zone: ZONE };
    let compiled = compile(&sources, &parsed, &options);
    let said = parsed.diagnostics.iter().chain(&compiled.diagnostics);
    let errors = said
        .map(|d| format!("{} [{}]", d.message, d.span().map_or("", |span| sources.snippet(span))))
        .collect();
    (compiled, errors)
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or("")
}

/// Tables, chains and what must have been done before a record, for one of its families.
fn context(record: &Value, table: &Value) -> String {
    let name = format!("{} {}", text(table, "family"), text(table, "name"));
    let mut all = format!("add table {name}\n");
    for chain in table["chains"].as_array().unwrap() {
        all += &format!("add chain {name} {} {{ {}; }}\n", text(chain, "name"), text(chain, "spec"));
    }
    for command in record["setup"].as_array().into_iter().flatten() {
        all += &command.as_str().unwrap().replace("{T}", &name);
        all += "\n";
    }
    all
}

/// What is under test, in one family.
fn command(record: &Value, table: &Value) -> String {
    let name = format!("{} {}", text(table, "family"), text(table, "name"));
    match record["rule"].as_str() {
        Some(rule) => format!("add rule {name} {} {rule}\n", text(&table["chains"][0], "name")),
        None => format!("{}\n", text(record, "command").replace("{T}", &name)),
    }
}

/// Passed and compared, by check.
#[derive(Default)]
struct Score(BTreeMap<&'static str, (usize, usize)>);

impl Score {
    fn count(&mut self, check: &'static str, passed: bool) {
        let entry = self.0.entry(check).or_default();
        entry.0 += usize::from(passed);
        entry.1 += 1;
    }
}

fn bytes(hex: &str) -> Vec<u8> {
    let pair = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap();
    hex.as_bytes().chunks(2).map(pair).collect()
}

/// Numbers of sets are a tool's own choice.
fn without_ids(expressions: &[Expression]) -> Vec<Expression> {
    let mut expressions = expressions.to_vec();
    for expression in &mut expressions {
        match expression {
            Expression::Lookup(lookup) => lookup.set_id = None,
            Expression::ObjectReference(reference) => reference.set_id = None,
            Expression::DynamicSet(update) => update.set_id = None,
            _ => {}
        }
    }
    expressions
}

fn sorted(value: &Value) -> Vec<String> {
    let mut all: Vec<String> =
        value.as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned()).collect();
    all.sort();
    all
}

/// The rule under test against what nft made of it.
fn judge(record: &Value, family: &str, compiled: &Compiled, score: &mut Score, failures: &mut Vec<String>) {
    let Some(Target::Rule { family: number, table, rule, .. }) = compiled.commands.last().map(|c| &c.target)
    else {
        score.count("bytecode", false);
        return;
    };
    let scope = Scope { family: *number, table, catalog: &compiled.catalog };
    let code = match lower::rule(&scope, rule) {
        Ok(code) => code,
        Err(error) => {
            score.count("bytecode", false);
            failures.push(format!(
                "{} {family}: {}\n   not lowered: {error}",
                text(record, "id"),
                text(record, "rule")
            ));
            return;
        }
    };
    let mut wrong = Vec::new();
    let expected = &record["payload"][family];
    if expected.is_object() {
        let printed = bytecode(&code.expressions, Form::Bytes);
        let wanted: Vec<&str> =
            expected["exprs"].as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect();
        score.count("bytecode", printed == wanted);
        if printed != wanted {
            wrong.push(format!("have {}\n   want {}", printed.join(" "), wanted.join(" ")));
        }
        let mut sets: Vec<Vec<String>> = Vec::new();
        for set in &code.sets {
            let (made, list) = lower::set::anonymous(&scope, set).unwrap();
            let layout = set_layout(&code.expressions, &made).unwrap_or_default();
            let mut lines: Vec<String> =
                list.iter().map(|one| element(one, &layout, Form::Bytes).trim().to_owned()).collect();
            lines.sort();
            sets.push(lines);
        }
        let wanted: Vec<Vec<String>> =
            expected["sets"].as_array().unwrap().iter().map(|set| sorted(&set["elements"])).collect();
        score.count("elements", sets == wanted);
        if sets != wanted {
            wrong.push(format!("have {sets:?}\n   want {wanted:?}"));
        }
    }
    let rule = record["wire"][family]
        .as_array()
        .and_then(|list| list.iter().find_map(|one| one["newrule"].as_str()));
    if let Some(hex) = rule {
        let wanted = RuleAttrs::read_attributes(&bytes(hex)[4..]).unwrap().expressions.unwrap_or_default();
        let (have, wanted) = (without_ids(&code.expressions), without_ids(&wanted));
        score.count("wire", have == wanted);
        if have != wanted && wrong.is_empty() {
            let differs = have.iter().zip(&wanted).find(|(have, wanted)| have != wanted);
            wrong.push(format!("wire {differs:?}"));
        }
    }
    if !wrong.is_empty() {
        failures.push(format!(
            "{} {family}: {}\n   {}",
            text(record, "id"),
            text(record, "rule"),
            wrong.join("\n   ")
        ));
    }
}

/// How many of a check passed before: the numbers can only rise.
fn least(check: &str) -> usize {
    include_str!("corpus_compile.ratchet")
        .lines()
        .filter_map(|line| line.split_once(": "))
        .find(|(name, _)| *name == check)
        .map_or(0, |(_, number)| number.trim().parse().unwrap())
}

#[test]
fn rules_compile_to_what_nft_makes_of_them() {
    let Some(records) = records() else { return };
    let names = names();
    let (mut score, mut failures) = (Score::default(), Vec::new());
    let mut by_file: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for record in records.iter().filter(|record| text(record, "expect") == "ok") {
        let before = failures.len();
        for table in record["tables"].as_array().unwrap() {
            let family = text(table, "family");
            let input = context(record, table) + &command(record, table);
            let (compiled, errors) = compiled(&input, &names);
            score.count("accepted", errors.is_empty());
            if !errors.is_empty() {
                failures.push(format!(
                    "{} {family}: {}\n   {}",
                    text(record, "id"),
                    command(record, table).trim(),
                    errors.join("; ")
                ));
            } else if text(record, "kind") == "rule" {
                judge(record, family, &compiled, &mut score, &mut failures);
            }
        }
        let entry = by_file.entry(text(record, "file").to_owned()).or_default();
        entry.0 += usize::from(failures.len() == before);
        entry.1 += 1;
    }
    for record in records.iter().filter(|record| text(record, "expect") == "fail") {
        let by_nft = record["refused_by"].as_array().is_some_and(|by| by.iter().all(|by| by == "nft"));
        for table in record["tables"].as_array().unwrap().iter().filter(|_| by_nft) {
            let input = context(record, table) + &command(record, table);
            let (_, errors) = compiled(&input, &names);
            score.count("must fail", !errors.is_empty());
            if errors.is_empty() {
                failures.push(format!(
                    "{} {}: must fail: {}",
                    text(record, "id"),
                    text(table, "family"),
                    command(record, table).trim()
                ));
            }
        }
    }
    let shown = std::env::var("CORPUS_FAILURES").ok().and_then(|n| n.parse().ok()).unwrap_or(20);
    failures.iter().take(shown).for_each(|failure| eprintln!("{failure}"));
    for (file, (passed, all)) in by_file.iter().filter(|(_, (passed, all))| passed < all) {
        eprintln!("{file}: {passed} of {all}");
    }
    let mut fallen = Vec::new();
    for (check, (passed, all)) in &score.0 {
        eprintln!("{check}: {passed} of {all}");
        let least = least(check);
        if *passed < least {
            fallen.push(format!("{check}: {passed}, it was {least}"));
        }
    }
    assert!(fallen.is_empty(), "fallen behind corpus_compile.ratchet: {fallen:?}");
}

/// The rule under test as a command of the JSON schema.
fn json_command(record: &Value, table: &Value) -> Option<String> {
    let statements = record.get("json").filter(|json| !json.is_null())?;
    let rule = serde_json::json!({
        "family": table["family"], "table": table["name"], "chain": table["chains"][0]["name"], "expr": statements,
    });
    Some(serde_json::json!({"nftables": [{"add": {"rule": rule}}]}).to_string())
}

#[test]
fn rules_in_json_compile_to_what_nft_makes_of_them() {
    let Some(records) = records() else { return };
    let names = names();
    let (mut score, mut failures) = (Score::default(), Vec::new());
    for record in records.iter().filter(|record| text(record, "expect") == "ok") {
        for table in record["tables"].as_array().unwrap() {
            let Some(json) = json_command(record, table) else { continue };
            let family = text(table, "family");
            let (before, _) = compiled(&context(record, table), &names);
            let mut sources = SourceMap::default();
            let id = sources.add("test", json);
            let parsed = netwright_nft::json::parse(&mut sources, id);
            let options = Options { names: &names, catalog: &before.catalog, zone: ZONE };
            let compiled = compile(&sources, &parsed, &options);
            let mut said = parsed.diagnostics.iter().chain(&compiled.diagnostics);
            let error = said.next().map(|d| format!("{} {:?}", d.message, d.labels));
            score.count("accepted", error.is_none());
            match error {
                Some(error) => {
                    failures.push(format!("{} {family}: {}\n   {error}", text(record, "id"), record["json"]))
                }
                None => judge(record, family, &compiled, &mut score, &mut failures),
            }
        }
    }
    let shown = std::env::var("CORPUS_FAILURES").ok().and_then(|n| n.parse().ok()).unwrap_or(20);
    failures.iter().take(shown).for_each(|failure| eprintln!("{failure}"));
    for (check, (passed, all)) in &score.0 {
        eprintln!("JSON {check}: {passed} of {all}");
        // The JSON of a prefix is a mask, which is encoded in another way.
        assert!(passed == all || *check == "wire", "{check}: {passed} of {all}");
    }
}
