//! `cargo xtask conformance`: the tables of the conformance tests.

use crate::cargo::cargo;

/// Runs them and lets them print.
pub(crate) fn run() -> Result<(), String> {
    let tests = ["--test", "conformance", "--test", "conformance_kernel"];
    let mut command = cargo(["test", "--package", "netwright-nft-lab"]);
    let status = command.args(tests).args(["--", "--nocapture"]).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("the conformance tests failed ({status})")),
        Err(error) => Err(format!("cargo cannot be run: {error}")),
    }
}
