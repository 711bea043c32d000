//! Each feature of the published crates builds alone, and none at all builds too.

use crate::cargo::{cargo, metadata, output, published};

/// Checks each published crate without its features, and with each of them alone.
pub(crate) fn run() -> Result<(), String> {
    let metadata = metadata()?;
    let mut checked = 0;
    for package in published(&metadata) {
        let name = package["name"].as_str().unwrap_or_default();
        let features: Vec<&String> =
            package["features"].as_object().into_iter().flat_map(|all| all.keys()).collect();
        if features.is_empty() {
            continue;
        }
        let alone = features.into_iter().map(String::as_str).filter(|feature| *feature != "default");
        for feature in std::iter::once("").chain(alone) {
            println!("{name} with {}", if feature.is_empty() { "no feature" } else { feature });
            output(&mut cargo([
                "check",
                "--quiet",
                "--package",
                name,
                "--lib",
                "--no-default-features",
                "--features",
                feature,
            ]))?;
            checked += 1;
        }
    }
    println!("{checked} choices of features build");
    Ok(())
}
