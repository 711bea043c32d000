//! What is published: every crate has what its page shows, and can be packed and checked as it would be uploaded.

use std::path::Path;

use serde_json::Value;

use crate::cargo::{cargo, metadata, output, published};

/// Files that stand beside each manifest.
const FILES: [&str; 3] = ["README.md", "LICENSE-MIT", "LICENSE-APACHE"];
/// What each manifest has.
const FIELDS: [&str; 6] = ["description", "license", "repository", "keywords", "categories", "rust_version"];

/// Checks the published crates, and packs them all without uploading.
pub(crate) fn run() -> Result<(), String> {
    let metadata = metadata()?;
    let published = published(&metadata);
    let mut wrong = Vec::new();
    for package in &published {
        wrong.extend(lacks(package));
    }
    if !wrong.is_empty() {
        return Err(wrong.join("\n"));
    }
    println!("{} crates have what their pages show", published.len());
    output(&mut cargo(["publish", "--workspace", "--dry-run", "--no-verify", "--allow-dirty", "--quiet"]))?;
    println!("all of them can be packed");
    Ok(())
}

fn lacks(package: &Value) -> Vec<String> {
    let name = package["name"].as_str().unwrap_or_default();
    let manifest = package["manifest_path"].as_str().unwrap_or_default();
    let folder = Path::new(manifest).parent().unwrap_or(Path::new(""));
    let files = FILES.iter().filter(|file| !folder.join(file).is_file());
    let files = files.map(|file| format!("{name} has no {file}"));
    let empty = |value: &Value| value.is_null() || value.as_array().is_some_and(Vec::is_empty);
    let fields = FIELDS.iter().filter(|field| empty(&package[**field]));
    let fields = fields.map(|field| format!("{name} has no {field} in its manifest"));
    let all_features = package["metadata"]["docs"]["rs"]["all-features"] == Value::Bool(true);
    let documented = (!all_features).then(|| format!("{name} is not documented with all its features"));
    files.chain(fields).chain(documented).collect()
}
