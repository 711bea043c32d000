//! The tables against the kernel headers that are installed here.

mod headers;
mod scan;

use std::path::{Path, PathBuf};

use crate::cargo::root;
use crate::report::everything_must_run;
use headers::Headers;
use scan::{Name, Row};

/// Compares every row of every table with the headers; rows that the headers do not know are listed.
pub(crate) fn run() -> Result<(), String> {
    let rows = rows(&root().join("crates"))?;
    if rows.is_empty() {
        return Err("no table was found in crates/".to_owned());
    }
    let headers = match Headers::open() {
        Ok(headers) => headers,
        Err(why) if everything_must_run() => return Err(why),
        Err(why) => {
            println!("not compared: {why}");
            return Ok(());
        }
    };
    let named = rows.iter().filter_map(|row| {
        let name = match &row.name {
            Name::Full(name) => name.clone(),
            Name::Member { enumeration, rest } => headers.member(enumeration, rest)?,
            Name::Nowhere => return None,
        };
        Some((row, headers.form(&name).ok_or(name)))
    });
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for (row, name) in named {
        match name {
            Ok(name) => known.push((row, name)),
            Err(name) => unknown.push((row, name)),
        }
    }
    for (row, name) in &unknown {
        println!("{}: {name} is not in the installed headers", row.place());
    }
    let names: Vec<&str> = known.iter().map(|(_, name)| *name).collect();
    let values = headers.values(&names)?;
    let differs = |(row, name): &(&Row, &str)| {
        let value = values.get(name).filter(|value| **value != row.value)?;
        Some(format!("{}: {name} is {} here and {value} in the headers", row.place(), row.value))
    };
    let wrong: Vec<String> = known.iter().filter_map(differs).collect();
    println!(
        "{} rows agree with the installed headers, {} differ, {} are unknown to them, {} have no name there",
        known.len() - wrong.len(),
        wrong.len(),
        unknown.len(),
        rows.len() - known.len() - unknown.len()
    );
    match wrong.is_empty() {
        true => Ok(()),
        false => Err(format!("rows that differ from the headers:\n  {}", wrong.join("\n  "))),
    }
}

fn rows(folder: &Path) -> Result<Vec<Row>, String> {
    let mut files = Vec::new();
    sources(folder, &mut files).map_err(|e| format!("cannot list {}: {e}", folder.display()))?;
    files.sort();
    let mut rows = Vec::new();
    for file in files {
        let text =
            std::fs::read_to_string(&file).map_err(|e| format!("cannot read {}: {e}", file.display()))?;
        let shown = file.strip_prefix(root()).unwrap_or(&file).to_owned();
        rows.extend(scan::rows(&shown, &text));
    }
    Ok(rows)
}

fn sources(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            sources(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("tests.rs") {
            files.push(path);
        }
    }
    Ok(())
}
