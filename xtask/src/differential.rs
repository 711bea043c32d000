//! `cargo xtask differential`: what nft and we make of thousands of inputs.

use std::process::Command;

use crate::cargo::build;

/// Builds both sides optimised, and compares. They have the features of the whole workspace, as `cargo run --release`
/// builds the command, so that neither is built twice. The same numbers give the same inputs.
pub(crate) fn run(inputs: &str, seed: &str) -> Result<(), String> {
    let programs =
        build(&["build", "--release", "--workspace", "--bin", "netwright", "--bin", "differential"])?;
    let path = |name: &str| {
        let made = programs.iter().find(|program| program.kind == "bin" && program.name == name);
        made.map(|program| &program.path).ok_or_else(|| format!("the build made no {name}"))
    };
    match Command::new(path("differential")?).arg(path("netwright")?).args([inputs, seed]).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("the comparison failed ({status})")),
        Err(error) => Err(format!("the comparison cannot be started: {error}")),
    }
}
