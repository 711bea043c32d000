//! The public interface of the crates that programs build on, as files that a change must update: `interface.txt`
//! beside each manifest, one line for each item. What a tag had and the files no longer have needs a new version.

mod render;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::cargo::{cargo, output, root};

/// The crates whose interface is promised.
const CRATES: [&str; 4] = ["netwright", "netwright-route", "netwright-sys", "netwright-wire"];

/// What to do with the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Compare.
    Check,
    /// Write.
    Update,
}

/// Compares the files with what the compiler says, or writes them.
pub(crate) fn run(mode: Mode) -> Result<(), String> {
    let mut wrong = String::new();
    for name in CRATES {
        let lines = interface(name)?;
        let path = file(name);
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        if mode == Mode::Update {
            fs::write(&path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
            println!("{name}: {} lines", lines.len());
            continue;
        }
        let there = fs::read_to_string(&path).unwrap_or_default();
        if there == text {
            println!("{name}: {} lines, as in its file", lines.len());
        } else {
            wrong.push_str(&differences(name, &there, &text));
        }
    }
    if wrong.is_empty() {
        return Ok(());
    }
    Err(format!(
        "the public interface is another: see whether that is meant, and run `cargo xtask interface --update`\n{wrong}"
    ))
}

/// Lists what a revision had and these files no longer have. An error where something is gone and the version is the
/// same, or differs by less than it must.
pub(crate) fn since(revision: &str) -> Result<(), String> {
    let show = |path: &str| {
        output(Command::new("git").arg("show").arg(format!("{revision}:{path}")).current_dir(root()))
    };
    let version = |manifest: &str| {
        let line = manifest.lines().find(|line| line.starts_with("version = "));
        line.and_then(|line| line.split('"').nth(1)).unwrap_or_default().to_owned()
    };
    let now = fs::read_to_string(root().join("Cargo.toml")).map_err(|error| error.to_string())?;
    let (before, now) = (version(&show("Cargo.toml")?), version(&now));
    let mut gone = String::new();
    for name in CRATES {
        let Ok(there) = show(&format!("crates/{name}/interface.txt")) else {
            println!("{name}: {revision} has no file of its interface");
            continue;
        };
        let text = fs::read_to_string(file(name)).unwrap_or_default();
        let kept: BTreeSet<&str> = text.lines().collect();
        let lines = there.lines().filter(|line| !kept.contains(line));
        gone.extend(lines.map(|line| format!("{name}: {line}\n")));
    }
    print!("{gone}");
    if gone.is_empty() || breaks(&before) != breaks(&now) {
        return Ok(());
    }
    Err(format!("this is gone since {revision}, and programs for {before} take {now} for compatible"))
}

/// The part of a version that says what is compatible.
fn breaks(version: &str) -> &str {
    let numbers = if version.starts_with("0.") { 2 } else { 1 };
    version.match_indices('.').nth(numbers - 1).map_or(version, |(end, _)| &version[..end])
}

fn file(name: &str) -> PathBuf {
    root().join("crates").join(name).join("interface.txt")
}

/// The lines of a crate. The compiler of the checkout is asked, by a format that only it and its nightly have.
fn interface(name: &str) -> Result<BTreeSet<String>, String> {
    let folder = root().join("target/interface");
    let folder = folder.to_str().ok_or("the checkout has a path that is not UTF-8")?;
    let arguments =
        ["rustdoc", "--quiet", "--package", name, "--lib", "--all-features", "--target-dir", folder];
    let format = ["--", "-Zunstable-options", "--output-format", "json", "--cap-lints", "allow"];
    output(cargo(arguments.into_iter().chain(format)).env("RUSTC_BOOTSTRAP", "1"))?;
    let path = format!("{folder}/doc/{}.json", name.replace('-', "_"));
    let text = fs::read_to_string(&path).map_err(|error| format!("cannot read {path}: {error}"))?;
    let documentation: Value =
        serde_json::from_str(&text).map_err(|error| format!("{path} is no JSON: {error}"))?;
    Ok(render::lines(&documentation))
}

fn differences(name: &str, before: &str, now: &str) -> String {
    let (old, new): (BTreeSet<&str>, BTreeSet<&str>) = (before.lines().collect(), now.lines().collect());
    let gone = old.difference(&new).map(|line| format!("{name}: - {line}\n"));
    let added = new.difference(&old).map(|line| format!("{name}: + {line}\n"));
    let (gone, added): (Vec<String>, Vec<String>) = (gone.collect(), added.collect());
    // The rest is seen when the files are written.
    gone.into_iter().take(40).chain(added.into_iter().take(40)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_that_are_compatible_begin_the_same() {
        for (version, begin) in [("0.1.0", "0.1"), ("0.2.7", "0.2"), ("1.4.2", "1"), ("12.0.0", "12")] {
            assert_eq!(breaks(version), begin);
        }
    }
}
