//! Every text of the corpus and of the recipes that nft takes is understood.
//!
//! The material is not part of the repository: it is read from `NETWRIGHT_SHARED`, or from `../shared` beside the checkout.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::Command;

use netwright_nft::diagnostic::SourceMap;
use netwright_nft::syntax::{NoIncludes, parse};

fn shared() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let path = std::env::var_os("NETWRIGHT_SHARED").map_or(beside, PathBuf::from);
    if path.join("corpus").is_dir() {
        return Some(path);
    }
    println!("not run: there is no corpus in {}", path.display());
    None
}

/// What is wrong with a text, one line for each error.
fn errors(text: &str) -> Vec<String> {
    let mut sources = SourceMap::default();
    let id = sources.add("text", text);
    let parsed = parse(&mut sources, id, &mut NoIncludes);
    let mut errors: Vec<String> = parsed
        .diagnostics
        .iter()
        .map(|diagnostic| {
            let place =
                diagnostic.span().and_then(|span| sources.locate(span)).map(|location| location.to_string());
            format!(
                "{}: {} {:?}",
                place.unwrap_or_default(),
                diagnostic.message,
                diagnostic.labels[0].message
            )
        })
        .collect();
    if errors.is_empty() && parsed.commands.is_empty() {
        errors.push("nothing was read".to_string());
    }
    errors
}

fn records(shared: &Path) -> Vec<serde_json::Value> {
    let output =
        Command::new("gzip").arg("-dc").arg(shared.join("corpus/records.jsonl.gz")).output().unwrap();
    assert!(output.status.success(), "gzip cannot read the records");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The texts of a record: what is tested, in each of its tables and chains.
fn texts(record: &serde_json::Value) -> Vec<String> {
    let mut texts = Vec::new();
    for table in record["tables"].as_array().unwrap() {
        let reference = format!("{} {}", table["family"].as_str().unwrap(), table["name"].as_str().unwrap());
        for setup in record["setup"].as_array().unwrap() {
            texts.push(setup.as_str().unwrap().replace("{T}", &reference));
        }
        if let Some(command) = record["command"].as_str() {
            texts.push(command.replace("{T}", &reference));
        }
        for chain in table["chains"].as_array().unwrap() {
            let name = chain["name"].as_str().unwrap();
            texts.push(format!("add chain {reference} {name} {{ {}; }}", chain["spec"].as_str().unwrap()));
            if let Some(rule) = record["rule"].as_str() {
                texts.push(format!("add rule {reference} {name} {rule}"));
            }
        }
        for listing in record["listing_nft"].as_object().into_iter().flat_map(|map| map.values()) {
            texts.push(format!("add rule {reference} c {}", listing.as_str().unwrap_or("accept")));
        }
    }
    texts
}

#[test]
fn records_that_nft_takes_are_understood() {
    let Some(shared) = shared() else { return };
    let (mut understood, mut failed, mut refused, mut refusable) = (0, Vec::new(), 0, 0);
    for record in records(&shared) {
        let wrong: Vec<String> = texts(&record)
            .iter()
            .flat_map(|text| errors(text).into_iter().map(move |error| format!("{text}\n    {error}")))
            .collect();
        if record["expect"] == "fail" {
            refusable += 1;
            refused += usize::from(!wrong.is_empty());
        } else if wrong.is_empty() {
            understood += 1;
        } else {
            failed.push(format!("{}: {}", record["id"], wrong[0]));
        }
    }
    println!("{understood} of {} records understood", understood + failed.len());
    println!("{refused} of {refusable} records that must fail refused by the syntax alone");
    assert!(understood > 0 && failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn rulesets_are_understood() {
    let Some(shared) = shared() else { return };
    let (mut understood, mut failed) = (0, Vec::new());
    for entry in std::fs::read_dir(shared.join("corpus/rulesets")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "nft") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        match errors(&text).first() {
            Some(error) if !text.trim().is_empty() => failed.push(format!("{}: {error}", path.display())),
            _ => understood += 1,
        }
    }
    println!("{understood} of {} rulesets understood", understood + failed.len());
    assert!(understood > 0 && failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn recipes_are_understood() {
    let Some(shared) = shared() else { return };
    let context = std::fs::read_to_string(shared.join("recipes/context.nft")).unwrap();
    assert_eq!(errors(&context), Vec::<String>::new());
    let recipes = std::fs::read_to_string(shared.join("recipes/recipes.psv")).unwrap();
    let (mut understood, mut refused, mut failed) = (0, 0, Vec::new());
    for line in recipes.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        // A rule may hold `|` itself: the last field is the only one behind it.
        let (front, outcome) = line.rsplit_once('|').unwrap();
        let mut fields = front.splitn(4, '|');
        let (name, table, chain, rule) =
            (fields.next().unwrap(), fields.next().unwrap(), fields.next().unwrap(), fields.next().unwrap());
        let text = if table == "RAW" { rule.to_string() } else { format!("add rule {table} {chain} {rule}") };
        match errors(&text).first() {
            // What nft did not load either, for want of something in the kernel or in the rule, need not be a rule.
            Some(_) if outcome != "loads" => refused += 1,
            Some(error) => failed.push(format!("{name}: {text}\n    {error}")),
            None => understood += 1,
        }
    }
    println!(
        "{understood} of {} recipes understood, {refused} refused as by nft",
        understood + refused + failed.len()
    );
    assert!(understood > 0 && failed.is_empty(), "{}", failed.join("\n"));
}
