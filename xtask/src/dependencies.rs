//! How many external crates a user of the library takes in.

use std::collections::BTreeSet;

use crate::cargo::{cargo, output};

const LIBRARY: &str = "netwright";
const TARGET: &str = "x86_64-unknown-linux-gnu";
const MOST: usize = 5;

/// Prints the external dependencies of the library with its default features and fails above [`MOST`].
pub(crate) fn run() -> Result<(), String> {
    let tree = output(&mut cargo([
        "tree",
        "--package",
        LIBRARY,
        "--edges=normal",
        "--prefix=none",
        "--format={p}",
        "--target",
        TARGET,
    ]))?;
    let external = external(&tree);
    println!("{LIBRARY} with default features has {} external dependencies on Linux:", external.len());
    for package in &external {
        println!("  {package}");
    }
    match external.len() {
        0..=MOST => Ok(()),
        count => Err(format!("{LIBRARY} has {count} external dependencies and may have {MOST}")),
    }
}

/// The packages of a tree that do not come from a folder; repeated ones are marked `(*)` by cargo.
fn external(tree: &str) -> BTreeSet<&str> {
    let lines = tree.lines().map(|line| line.trim_end_matches(" (*)").trim());
    lines.filter(|line| !line.is_empty() && !line.contains("(/")).collect()
}

#[cfg(test)]
mod tests {
    use super::external;

    #[test]
    fn own_crates_and_repetitions_do_not_count() {
        let tree = "netwright v0.1.0 (/here/crates/netwright)\nnetwright-wire v0.1.0 (/here)\nbitflags v2.9.1\n\
                    bitflags v2.9.1 (*)\nserde_derive v1.0.0 (proc-macro)\n";
        let found: Vec<&str> = external(tree).into_iter().collect();
        assert_eq!(found, ["bitflags v2.9.1", "serde_derive v1.0.0 (proc-macro)"]);
    }
}
