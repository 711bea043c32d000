//! Each sentence of what a sandbox protects names what tries it, and that exists.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
/// Where attempts and tests are written.
const TESTS: [&str; 6] = [
    "crates/netwright-sandbox-lab/tests/sandbox/attempts",
    "crates/netwright-sandbox/tests/filter",
    "crates/netwright-sandbox/tests",
    "crates/netwright-confine/tests",
    "crates/netwright-confine/src/confinement/filter",
    "crates/netwright-cli/tests/cli",
];

/// The names of all attempts and test functions.
fn known() -> BTreeSet<String> {
    let mut known = BTreeSet::new();
    for directory in TESTS {
        let entries = fs::read_dir(Path::new(ROOT).join(directory)).expect("the tests are there").flatten();
        let files: Vec<PathBuf> = entries
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|end| end == "rs"))
            .collect();
        for text in files.iter().map(|file| fs::read_to_string(file).expect("a file")) {
            let functions = text
                .lines()
                .filter_map(|line| line.trim_start().trim_start_matches("pub(super) ").strip_prefix("fn "));
            known.extend(functions.filter_map(|rest| rest.split('(').next()).map(str::to_owned));
            // the first word in quotes behind `Attempt::new(` or `Attempt::one(` is an attempt's name, and so it is with `rebinding(`
            let attempts = ["Attempt::new(", "Attempt::one(", "rebinding("];
            for behind in attempts.iter().flat_map(|start| text.split(start).skip(1)) {
                known.extend(behind.split('"').nth(1).map(str::to_owned));
            }
        }
    }
    known
}

#[test]
fn each_sentence_has_something_that_tries_it() {
    let text = fs::read_to_string(Path::new(ROOT).join("docs/sandbox/threat-model.md")).expect("the page");
    let sections: Vec<&str> =
        text.split("\n## ").filter(|section| section.starts_with("What holds")).collect();
    assert_eq!(sections.len(), 2, "a sandbox's, and those with --attach");
    let known = known();
    let (mut sentences, mut missing) = (0, Vec::new());
    let lines = sections.into_iter().flat_map(str::lines);
    for row in lines.filter(|line| line.starts_with("| ") && !line.starts_with("| |")) {
        sentences += 1;
        let tried = row.trim_end_matches(['|', ' ']).rsplit(" | ").next().unwrap_or_default();
        let names: Vec<&str> = tried.split('`').skip(1).step_by(2).collect();
        let is_list = !names.is_empty() && tried.starts_with('`');
        if !is_list {
            missing.push(format!("nothing tries: {row}"));
        }
        missing.extend(
            names.iter().filter(|name| !known.contains(**name)).map(|name| format!("there is no {name}")),
        );
    }
    assert!(sentences > 30, "only {sentences} sentences were found");
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

/// What a sentence says where no test can.
const UNTRIED: &str = "Nothing tries that.";

#[test]
fn what_does_not_hold_names_what_shows_it_or_that_nothing_does() {
    let text = fs::read_to_string(Path::new(ROOT).join("docs/sandbox/threat-model.md")).expect("the page");
    let (_, section) = text.split_once("\n## What does not hold\n").expect("the section");
    let known = known();
    let (mut points, mut missing) = (0, Vec::new());
    for point in section.split("\n- ").skip(1) {
        points += 1;
        let point = point.trim_end();
        let tried = point.rsplit_once("Tried by `").map(|(_, tried)| tried.trim_end_matches("`."));
        let Some(tried) = tried else {
            missing.extend((!point.ends_with(UNTRIED)).then(|| format!("nothing tries: {point}")));
            continue;
        };
        let names = tried.split("`, `");
        missing.extend(names.filter(|name| !known.contains(*name)).map(|name| format!("there is no {name}")));
    }
    assert!(points > 15, "only {points} points were found");
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}
