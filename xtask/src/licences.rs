//! The licences of everything that a build takes in.

mod spdx;

use crate::cargo::metadata;

/// Licences that ask for no more than their notice.
const PERMISSIVE: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unicode-DFS-2016",
    "Unlicense",
    "Zlib",
];

/// Lists every package's licence, and fails where one is not permissive.
pub(crate) fn run() -> Result<(), String> {
    let metadata = metadata()?;
    let packages = metadata["packages"].as_array().ok_or("cargo metadata lists no packages")?;
    let mut refused = Vec::new();
    for package in packages {
        let name = package["name"].as_str().unwrap_or("?");
        let version = package["version"].as_str().unwrap_or("?");
        let licence = package["license"].as_str().unwrap_or("");
        println!("{name} {version}: {}", if licence.is_empty() { "none stated" } else { licence });
        if let Err(why) = spdx::satisfied(licence, |id| PERMISSIVE.contains(&id)) {
            refused.push(format!("{name} {version}: {why}"));
        }
    }
    match refused.is_empty() {
        true => Ok(()),
        false => Err(format!("not permissively licensed:\n  {}", refused.join("\n  "))),
    }
}
