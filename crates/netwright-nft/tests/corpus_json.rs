//! Rulesets as JSON mean what their text means, and our JSON of them means the same again.
#![allow(clippy::unwrap_used, clippy::panic)]

mod corpus;

use std::path::Path;

use netwright_netfilter::Family;
use netwright_netfilter::bytecode::{Form, bytecode};
use netwright_nft::catalog::Catalog;
use netwright_nft::diagnostic::SourceMap;
use netwright_nft::evaluate::{Compiled, Options, compile};
use netwright_nft::ir::{Ruleset, TableContent, Target};
use netwright_nft::json;
use netwright_nft::lower::{self, Scope};
use netwright_nft::syntax::{NoIncludes, Parsed, parse};
use netwright_nft::table::{Database, Names, PrintOptions};

/// The names that the records use.
fn names() -> Names {
    let mut names = corpus::names();
    for (name, number) in [("root", 0), ("daemon", 1), ("bin", 2)] {
        names.insert(Database::Users, name, number);
        names.insert(Database::Groups, name, number);
    }
    names
}

fn compiled(text: &str, reader: impl Fn(&mut SourceMap) -> Parsed) -> Result<Compiled, String> {
    compiled_in(text, &Catalog::default(), reader)
}

fn compiled_in(
    text: &str,
    catalog: &Catalog,
    reader: impl Fn(&mut SourceMap) -> Parsed,
) -> Result<Compiled, String> {
    let mut sources = SourceMap::default();
    sources.add("test", text);
    let parsed = reader(&mut sources);
    let names = names();
    let compiled = compile(&sources, &parsed, &Options { names: &names, catalog, zone: 7200 });
    match parsed.diagnostics.iter().chain(&compiled.diagnostics).next() {
        None => Ok(compiled),
        Some(wrong) => {
            let place = wrong.span().and_then(|span| sources.locate(span)).map(|place| place.to_string());
            let snippet = wrong.span().map(|span| sources.snippet(span));
            Err(format!("{}: {} [{snippet:?}] {:?}", place.unwrap_or_default(), wrong.message, wrong.labels))
        }
    }
}

fn from_text(text: &str) -> Result<Compiled, String> {
    compiled(text, |sources| parse(sources, Default::default(), &mut NoIncludes))
}

fn from_json(text: &str) -> Result<Compiled, String> {
    compiled(text, |sources| json::parse(sources, Default::default()))
}

/// Everything that is declared, one line each. Rules are in the order of their chain, the rest in any.
fn lines(compiled: &Compiled) -> Vec<String> {
    let mut lines = Vec::new();
    for (at, command) in compiled.commands.iter().enumerate() {
        lines.push(match &command.target {
            Target::Rule { family, table, chain, rule, .. } => {
                let scope = Scope { family: *family, table, catalog: &compiled.catalog };
                let code = lower::rule(&scope, rule).unwrap();
                let code_text = bytecode(&code.expressions, Form::Bytes).join(" ");
                let sets: Vec<_> = code.sets.iter().map(|set| elements(&scope, set)).collect();
                let place = format!("{family} {table} {chain}");
                format!("rule {place} {at:06} {code_text} {sets:?} {:?}", rule.comment)
            }
            Target::Set(set) => {
                let scope = Scope { family: set.family, table: &set.table, catalog: &compiled.catalog };
                let definition = lower::set::definition(&scope, set, None).unwrap();
                let elements = lower::set::elements(&scope, set, &set.elements).unwrap();
                let mut elements: Vec<_> = elements.iter().map(|one| format!("{one:?}")).collect();
                elements.sort();
                format!("{definition:?} {elements:?}")
            }
            other => format!("{other:?}"),
        });
    }
    lines.sort();
    let number =
        |line: &str| line.starts_with("rule ").then(|| line.split(' ').nth(4).map(str::to_owned)).flatten();
    lines.iter().map(|line| number(line).map_or(line.clone(), |at| line.replacen(&at, "", 1))).collect()
}

fn elements(scope: &Scope<'_>, set: &lower::AnonymousSet) -> Vec<String> {
    let (_, list) = lower::set::anonymous(scope, set).unwrap();
    let mut lines: Vec<String> = list.iter().map(|one| format!("{one:?}")).collect();
    lines.sort();
    lines
}

/// The first line in which two differ.
fn difference(ours: &Compiled, wanted: &Compiled) -> Option<String> {
    let (ours, wanted) = (lines(ours), lines(wanted));
    let differs = |list: &[String], other: &[String]| list.iter().find(|line| !other.contains(line)).cloned();
    let (have, want) = (differs(&ours, &wanted), differs(&wanted, &ours));
    let unequal = ours != wanted;
    unequal.then(|| format!("have {}\n  want {}", have.unwrap_or_default(), want.unwrap_or_default()))
}

/// What is declared, as a whole.
fn ruleset(compiled: &Compiled) -> Ruleset {
    let mut made = Ruleset::default();
    let find = |made: &mut Ruleset, family: Family, name: &str| -> usize {
        let found = made.tables.iter().position(|one| one.table.family == family && one.table.name == name);
        found.unwrap()
    };
    for command in &compiled.commands {
        match &command.target {
            Target::Table(table) => {
                made.tables.push(TableContent { table: table.clone(), ..TableContent::default() });
            }
            Target::Chain(chain) => {
                let at = find(&mut made, chain.family, &chain.table);
                made.tables[at].chains.push((**chain).clone());
            }
            Target::Set(set) => {
                let at = find(&mut made, set.family, &set.table);
                made.tables[at].sets.push((**set).clone());
            }
            Target::Object(object) => {
                let at = find(&mut made, object.family, &object.table);
                made.tables[at].objects.push((**object).clone());
            }
            Target::Flowtable(flowtable) => {
                let at = find(&mut made, flowtable.family, &flowtable.table);
                made.tables[at].flowtables.push(flowtable.clone());
            }
            Target::Rule { family, table, chain, rule, .. } => {
                let at = find(&mut made, *family, table);
                let chain = made.tables[at].chains.iter_mut().find(|one| one.name == *chain).unwrap();
                chain.rules.push(rule.clone());
            }
            other => panic!("{other:?}"),
        }
    }
    made
}

fn rulesets(shared: &Path) -> Vec<(String, String, String)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(shared.join("corpus/rulesets")).unwrap() {
        let path = entry.unwrap().path();
        if let Ok(json) = std::fs::read_to_string(path.with_extension("json"))
            && path.extension().is_some_and(|extension| extension == "nft")
        {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            found.push((name, std::fs::read_to_string(&path).unwrap(), json));
        }
    }
    found.sort();
    assert!(!found.is_empty());
    found
}

#[test]
fn rulesets_in_json_mean_what_their_text_means() {
    let Some(shared) = corpus::shared() else { return };
    let (mut wrong, mut passed, mut again) = (Vec::new(), 0, 0);
    let all = rulesets(&shared);
    let options = PrintOptions { zone: 7200, ..Default::default() };
    for (name, text, given) in &all {
        let (wanted, ours) = match (from_text(text), from_json(given)) {
            (Ok(wanted), Ok(ours)) => (wanted, ours),
            (wanted, ours) => {
                wrong.push(format!("{name}: text {:?}, JSON {:?}", wanted.err(), ours.err()));
                continue;
            }
        };
        match difference(&ours, &wanted) {
            None => passed += 1,
            Some(difference) => wrong.push(format!("{name}: {difference}")),
        }
        let printed = json::ruleset(&ruleset(&wanted), &options, &names());
        match from_json(&printed).map(|reread| difference(&reread, &wanted)) {
            Ok(None) => again += 1,
            other => wrong.push(format!("{name} from our JSON: {other:?}\n {printed}")),
        }
    }
    wrong.iter().for_each(|wrong| eprintln!("{wrong}"));
    eprintln!("rulesets in JSON: {passed} of {}, in our JSON: {again} of {}", all.len(), all.len());
    assert!(wrong.is_empty());
}

/// A rule by itself, in the first chain of a table.
fn json_rule(table: &serde_json::Value, statements: &str) -> String {
    let (family, name, chain) = (&table["family"], &table["name"], &table["chains"][0]["name"]);
    format!(
        r#"{{"nftables": [{{"rule": {{"family": {family}, "table": {name}, "chain": {chain}, "expr": {statements}}}}}]}}"#
    )
}

/// Tables, chains and what must have been done before a record.
fn context(record: &serde_json::Value, table: &serde_json::Value) -> String {
    let word = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let name = format!("{} {}", word(&table["family"]), word(&table["name"]));
    let mut all = format!("add table {name}\n");
    for chain in table["chains"].as_array().unwrap() {
        all += &format!("add chain {name} {} {{ {}; }}\n", word(&chain["name"]), word(&chain["spec"]));
    }
    for command in record["setup"].as_array().into_iter().flatten() {
        all += &format!("{}\n", word(command).replace("{T}", &name));
    }
    all
}

#[test]
fn rules_survive_our_json() {
    let Some(shared) = corpus::shared() else { return };
    let (names, options) = (names(), PrintOptions { zone: 7200, ..Default::default() });
    let (mut wrong, mut count) = (Vec::new(), 0);
    for record in corpus::records(&shared) {
        if record["kind"] != "rule" || record["expect"] != "ok" {
            continue;
        }
        for table in record["tables"].as_array().unwrap() {
            let context = context(&record, table);
            let place = format!("{} {}", table["family"].as_str().unwrap(), table["name"].as_str().unwrap());
            let chain = table["chains"][0]["name"].as_str().unwrap();
            let rule = record["rule"].as_str().unwrap();
            let wanted = from_text(&format!("{context}add rule {place} {chain} {rule}\n")).unwrap();
            let Some(Target::Rule { rule: made, family, .. }) =
                wanted.commands.last().map(|last| &last.target)
            else {
                panic!("{rule}");
            };
            count += 1;
            let printed = json::statements(*family, &made.statements, &options, &names).to_string();
            let before = from_text(&context).unwrap();
            let ours = compiled_in(&json_rule(table, &printed), &before.catalog, |sources| {
                json::parse(sources, Default::default())
            });
            let last = |compiled: &Compiled| {
                lines(&Compiled {
                    commands: compiled.commands.last().cloned().into_iter().collect(),
                    ..compiled.clone()
                })
            };
            match ours.map(|ours| last(&ours) == last(&wanted)) {
                Ok(true) => {}
                other => {
                    wrong.push(format!("{} {}: {rule}\n  {other:?} {printed}", record["id"], table["family"]))
                }
            }
        }
    }
    wrong.iter().for_each(|wrong| eprintln!("{wrong}"));
    eprintln!("rules in our JSON: {} of {count}", count - wrong.len());
    // The schema has no words for some differences: `log level warn`, the direction of a protocol, `reject` by itself.
    assert!(wrong.len() * 200 < count);
}
