//! The tables of the page, from what was found last of each library.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::measure::Built;
use super::{Judgement, LIBRARIES, Library, PROGRAMS, home};
use crate::cargo::root;

const BEGIN: &str = "<!-- from here on written by cargo xtask comparison -->\n";
const END: &str = "<!-- to here -->\n";

fn kept(library: &Library) -> PathBuf {
    root().join("target/comparison").join(format!("{}.json", library.folder))
}

/// Keeps what was found of a library: its rows as pairs, the figures first, then what was tried.
pub(super) fn keep(library: &Library, built: &Built, judgements: &[Judgement]) -> Result<(), String> {
    let mut figures = vec![("versions".to_owned(), built.versions.clone())];
    figures.push(("packages built in".to_owned(), built.packages.to_string()));
    figures.push(("processor's time of building all six".to_owned(), format!("{:.0} s", built.seconds)));
    for (program, size) in PROGRAMS.iter().zip(&built.sizes) {
        figures.push((format!("size of `{program}`"), format!("{} KiB", size.div_ceil(1024))));
    }
    let mut checks = Vec::new();
    for (program, judgement) in PROGRAMS.iter().zip(judgements) {
        for (what, much) in &judgement.figures {
            figures.push((format!("`{program}`: {what}"), much.clone()));
        }
        for (what, held) in &judgement.checks {
            let held = if *held { "yes" } else { "no" };
            checks.push((format!("`{program}`: {what}"), held.to_owned()));
        }
    }
    let path = kept(library);
    let text = json!({ "figures": figures, "checks": checks }).to_string();
    fs::write(&path, text).map_err(|e| format!("{}: {e}", path.display()))
}

/// Writes the tables into the page, between their marks.
pub(crate) fn write() -> Result<(), String> {
    let found: Vec<Value> = LIBRARIES
        .iter()
        .map(|library| {
            let text = fs::read_to_string(kept(library)).unwrap_or_default(); // not tried yet
            serde_json::from_str(&text).unwrap_or(Value::Null)
        })
        .collect();
    let path = home().join("README.md");
    let failed = |e: std::io::Error| format!("{}: {e}", path.display());
    let page = fs::read_to_string(&path).map_err(failed)?;
    let (before, rest) = page.split_once(BEGIN).ok_or("the page has no mark of where its tables begin")?;
    let (_, after) = rest.split_once(END).ok_or("the page has no mark of where its tables end")?;
    let (lines, figures, checks) = (lines()?, rows(&found, "figures"), rows(&found, "checks"));
    let head = row("", LIBRARIES.map(|library| library.name.to_owned()))
        + &row("---", LIBRARIES.map(|_| "---".to_owned()));
    let tables = format!("{head}{lines}{figures}\nWhat `judge` found:\n\n{head}{checks}");
    fs::write(&path, format!("{before}{BEGIN}\n{tables}\n{END}{after}")).map_err(failed)
}

/// The rows with the lines of each program and of all.
pub(super) fn lines() -> Result<String, String> {
    let (mut text, mut sums) = (String::new(), LIBRARIES.map(|_| 0));
    for program in PROGRAMS {
        let mut lines = LIBRARIES.map(|_| 0);
        for ((library, lines), sum) in LIBRARIES.iter().zip(&mut lines).zip(&mut sums) {
            *lines = library.lines(program)?;
            *sum += *lines;
        }
        text += &row(&format!("lines of `{program}`"), lines.map(|lines| lines.to_string()));
    }
    Ok(text + &row("lines in all", sums.map(|sum| sum.to_string())))
}

/// A row for each thing that any library has, and its cell of each library.
fn rows(found: &[Value], which: &str) -> String {
    let pairs = |one: &Value| one[which].as_array().cloned().unwrap_or_default();
    let mut names: Vec<Value> = Vec::new();
    for pair in found.iter().flat_map(pairs) {
        if !names.contains(&pair[0]) {
            names.push(pair[0].clone());
        }
    }
    let mut text = String::new();
    for name in names {
        let cell = |one: &Value| {
            let pair = pairs(one).into_iter().find(|pair| pair[0] == name);
            pair.and_then(|pair| Some(pair[1].as_str()?.to_owned())).unwrap_or_else(|| "–".to_owned())
        };
        text += &row(name.as_str().unwrap_or_default(), found.iter().map(cell));
    }
    text
}

/// A row of a table.
fn row(name: &str, cells: impl IntoIterator<Item = String>) -> String {
    let cells: Vec<String> = cells.into_iter().collect();
    format!("| {name} | {} |\n", cells.join(" | "))
}
