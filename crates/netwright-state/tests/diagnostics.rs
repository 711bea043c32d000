//! What is said about wrong host files: each `tests/diagnostics/NAME.toml` (or `.json`) beside its
//! `NAME.diagnostics`. With `NETWRIGHT_BLESS` set the expectations are written anew.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::fmt::Write;
use std::fs;
use std::path::Path;

use netwright_nft::diagnostic::{Diagnostic, Severity, SourceMap};
use netwright_state::{Format, read};

/// Diagnostics as plain text, two spaces before what belongs to the one above.
fn render(sources: &SourceMap, diagnostics: &[Diagnostic]) -> String {
    let mut text = String::new();
    for diagnostic in diagnostics {
        let severity = match diagnostic.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let place = diagnostic.span().and_then(|span| sources.locate(span)).unwrap();
        writeln!(text, "{place}: {severity}: {}", diagnostic.message).unwrap();
        for label in diagnostic.labels.iter().skip(1) {
            let place = sources.locate(label.span).unwrap();
            writeln!(text, "  {place}: {}", label.message).unwrap();
        }
        for help in &diagnostic.help {
            writeln!(text, "  help: {help}").unwrap();
        }
    }
    text
}

fn check(path: &Path) -> Result<(), String> {
    let name = path.file_name().unwrap().to_str().unwrap();
    let text = fs::read_to_string(path).unwrap();
    let mut sources = SourceMap::default();
    let mut files = |path: &str| match path {
        "there.nft" => Ok("table inet t\n".to_owned()),
        _ => Err("there is no such file".to_owned()),
    };
    let (host, diagnostics) = read(&mut sources, name, &text, Format::of(name), &mut files);
    let errors = diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error);
    assert_eq!(host.is_none(), errors, "{name}: a host comes back exactly where nothing is wrong");
    let seen = render(&sources, &diagnostics);
    let expectation = path.with_extension("diagnostics");
    if std::env::var_os("NETWRIGHT_BLESS").is_some() {
        fs::write(&expectation, &seen).unwrap();
    }
    let expected = fs::read_to_string(&expectation).unwrap_or_default();
    if seen == expected { Ok(()) } else { Err(format!("{name}: expected\n{expected}\nbut saw\n{seen}")) }
}

#[test]
fn every_mistake_is_told() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/diagnostics");
    let mut inputs: Vec<_> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    inputs.retain(|path| path.extension().is_some_and(|extension| extension != "diagnostics"));
    inputs.sort();
    assert!(inputs.len() >= 10);
    let wrong: Vec<String> = inputs.iter().filter_map(|path| check(path).err()).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
