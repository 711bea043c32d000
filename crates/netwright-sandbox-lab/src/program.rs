//! The command under test.

use std::path::{Path, PathBuf};
use std::process::Command;

use netwright_lab::Failure;

/// The `netwright` that is to be tested: `NETWRIGHT_PROGRAM`, or the one that is built beside the calling program. Where Cargo
/// tests this crate alone it would be missing or old, so it is built first; a run with `CI=true` has built everything before.
pub fn netwright() -> Result<PathBuf, Failure> {
    if let Some(program) = std::env::var_os("NETWRIGHT_PROGRAM") {
        return Ok(program.into());
    }
    let this = std::env::current_exe()?;
    let folder =
        this.parent().and_then(Path::parent).ok_or_else(|| Failure::wrong("this program lies nowhere"))?;
    let netwright = folder.join("netwright");
    let everything_is_built = std::env::var_os("CI").is_some() && netwright.is_file();
    if let Some(cargo) = std::env::var_os("CARGO").filter(|_| !everything_is_built) {
        let mut build = Command::new(cargo);
        build.args(["build", "--quiet", "--package", "netwright-cli", "--bin", "netwright"]);
        if folder.ends_with("release") {
            build.arg("--release");
        }
        if let Some(target) = folder.parent() {
            build.arg("--target-dir").arg(target);
        }
        build.status()?;
    }
    match netwright.is_file() {
        true => Ok(netwright),
        false => Err(Failure::missing(format_args!("{} was not built", netwright.display()))),
    }
}
