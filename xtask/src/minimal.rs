//! The oldest versions of dependencies that the manifests of the library crates allow: the crates build with them.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::cargo::{cargo, metadata, output, published, root};

/// Parts of a manifest that are about this checkout alone.
const LEFT_OUT: [&str; 4] = ["[dev-dependencies]", "[[test]]", "[[bench]]", "[[example]]"];

/// Copies the published crates that have a library into a workspace of their own, chooses the oldest versions, and checks them.
pub(crate) fn run() -> Result<(), String> {
    let metadata = metadata()?;
    let folder = root().join("target/minimal");
    let _ = fs::remove_dir_all(folder.join("crates"));
    let mut copied = 0;
    for package in published(&metadata).into_iter().filter(|package| is_library(package)) {
        let manifest = package["manifest_path"].as_str().map(PathBuf::from).unwrap_or_default();
        let from = manifest.parent().unwrap_or(Path::new(""));
        let to = folder.join("crates").join(package["name"].as_str().unwrap_or_default());
        copy(from, &to)?;
        write(&to.join("Cargo.toml"), &without(&read(&manifest)?, &LEFT_OUT))?;
        copied += 1;
    }
    let text = read(&root().join("Cargo.toml"))?;
    let alone = |line: &str| !line.starts_with("exclude = ");
    let text: String = text.lines().filter(|line| alone(line)).map(|line| format!("{line}\n")).collect();
    write(&folder.join("Cargo.toml"), &text.replace(", \"xtask\"]", "]"))?;
    let _ = fs::remove_file(folder.join("Cargo.lock"));
    let run = |arguments: &[&str]| {
        let mut command = cargo(arguments.iter().copied());
        command.current_dir(&folder).env("RUSTC_BOOTSTRAP", "1");
        output(command.env("CARGO_TARGET_DIR", folder.join("target")))
    };
    run(&["update", "--quiet", "-Z", "direct-minimal-versions"])?;
    run(&["check", "--quiet", "--workspace", "--lib", "--all-features"])?;
    println!("{copied} crates build with the oldest versions that they allow");
    Ok(())
}

/// Whether programs build on it. The command's own dependencies are its own affair.
fn is_library(package: &Value) -> bool {
    let targets = package["targets"].as_array().into_iter().flatten();
    targets.filter_map(|target| target["kind"].as_array()).flatten().any(|kind| kind == "lib")
}

/// A manifest without some of its parts.
fn without(manifest: &str, parts: &[&str]) -> String {
    let mut left_out = false;
    let kept = manifest.lines().filter(|line| {
        if line.starts_with('[') {
            left_out = parts.contains(&line.trim_end());
        }
        !left_out
    });
    kept.map(|line| format!("{line}\n")).collect()
}

/// Copies a crate but for its tests.
fn copy(from: &Path, to: &Path) -> Result<(), String> {
    let why = |error: std::io::Error| format!("cannot copy {}: {error}", from.display());
    fs::create_dir_all(to).map_err(why)?;
    for entry in fs::read_dir(from).map_err(why)? {
        let entry = entry.map_err(why)?;
        let name = entry.file_name();
        if ["benches", "examples", "tests"].iter().any(|tests| name == *tests) {
            continue;
        }
        let to = to.join(name);
        match entry.file_type().map_err(why)?.is_dir() {
            true => copy(&entry.path(), &to)?,
            false => drop(fs::copy(entry.path(), to).map_err(why)?),
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_for_tests_alone_is_left_out() {
        let manifest = "[package]\nname = \"a\"\n[dev-dependencies]\nb = \"1\"\n\n[dependencies]\nc = \"1\"\n[[test]]\nname = \"t\"\n";
        assert_eq!(without(manifest, &LEFT_OUT), "[package]\nname = \"a\"\n[dependencies]\nc = \"1\"\n");
    }
}
