//! What came of all tests, as a table.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use netwright_lab::{Failure, Outcome};

/// What kind of test, and in which mode.
type Key = (&'static str, &'static str);

static RESULTS: Mutex<BTreeMap<Key, Counts>> = Mutex::new(BTreeMap::new());

#[derive(Default)]
struct Counts {
    passed: usize,
    wrong: Vec<String>,
    not_run: Vec<String>,
}

/// How many combinations of a kind were tried in a mode.
static COUNTS: Mutex<BTreeMap<(String, &'static str), usize>> = Mutex::new(BTreeMap::new());

/// Counts what a sweep says that it tried.
pub(crate) fn count(mode: &'static str, said: &str) {
    let mut counts = COUNTS.lock().unwrap_or_else(PoisonError::into_inner);
    for line in said.lines().filter_map(|line| line.strip_prefix("counted: ")) {
        let Some((kind, number)) = line.split_once(' ') else { continue };
        *counts.entry((kind.to_owned(), mode)).or_default() += number.parse::<usize>().unwrap_or_default();
    }
}

/// Notes what came of a test, and passes it on.
pub(crate) fn note(kind: &'static str, mode: &'static str, name: &str, outcome: Outcome) -> Outcome {
    let mut results = RESULTS.lock().unwrap_or_else(PoisonError::into_inner);
    let counts = results.entry((kind, mode)).or_default();
    match &outcome {
        Ok(()) => counts.passed += 1,
        Err(Failure::Wrong(_)) => counts.wrong.push(name.to_owned()),
        Err(Failure::Missing(why) | Failure::Lacking(why)) => counts.not_run.push(format!("{name} ({why})")),
    }
    outcome
}

/// Prints the table: a wrong attempt is a leak, a wrong control is an attempt that shows nothing.
pub(crate) fn print() {
    let results = RESULTS.lock().unwrap_or_else(PoisonError::into_inner);
    println!("\n{:<10} {:<8} {:>7} {:>7} {:>8}", "", "mode", "passed", "wrong", "not run");
    for ((kind, mode), counts) in results.iter() {
        let (wrong, not_run) = (counts.wrong.len(), counts.not_run.len());
        println!("{kind:<10} {mode:<8} {:>7} {wrong:>7} {not_run:>8}", counts.passed);
    }
    let swept = COUNTS.lock().unwrap_or_else(PoisonError::into_inner);
    for ((kind, mode), number) in swept.iter() {
        println!("swept {kind:<22} {mode:<12} {number:>9} combinations");
    }
    for ((kind, mode), counts) in results.iter() {
        for wrong in &counts.wrong {
            println!("{kind} {mode}: {wrong}");
        }
    }
    let mut told: Vec<&String> = results.values().flat_map(|counts| &counts.not_run).collect();
    told.sort();
    told.dedup();
    told.iter().for_each(|why| println!("not run: {why}"));
    for (name, why) in crate::leak::without_control() {
        println!("without a control: {name} ({why})");
    }
}
