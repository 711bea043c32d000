//! `cargo xtask clients`: programs that reach nft through libnftables, on C's library and on ours.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::cargo::{cargo, output, root};

/// What is done with the programs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// They do the same.
    Compare,
    /// What they take.
    Speed,
}

/// Fetches the programs and C's library where they are not there yet, and runs them on both libraries. Without a mirror of Debian that
/// can be reached, it is said that nothing ran.
pub(crate) fn run(mode: Mode) -> Result<(), String> {
    let scripts = root().join("crates/netwright-libnftables/clients");
    let folder = root().join("target/clients");
    if !folder.join("nft").exists() {
        let fetched = Command::new(scripts.join("fetch")).arg(&folder).status();
        if !fetched.is_ok_and(|status| status.success()) {
            println!("not run: firewalld and C's library could not be fetched");
            return Ok(());
        }
    }
    let ours = library(mode, &folder)?;
    let mut command = Command::new(scripts.join(match mode {
        Mode::Compare => "compare",
        Mode::Speed => "speed",
    }));
    command.arg(&ours).env("ROOT", folder.join("root")).env("NFT", folder.join("nft"));
    match command.env("WITH_C", folder.join("with-c")).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("the programs do not do the same ({status})")),
        Err(error) => Err(format!("{command:?} cannot be started: {error}")),
    }
}

/// Builds our library, and puts it into a folder under the name that programs look for.
fn library(mode: Mode, folder: &Path) -> Result<PathBuf, String> {
    let mut arguments = vec![
        "build",
        "--package",
        "netwright-libnftables",
        "--lib",
        "--message-format=json-render-diagnostics",
    ];
    if mode == Mode::Speed {
        arguments.push("--release");
    }
    let text = output(&mut cargo(arguments))?;
    let messages = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let files = messages.flat_map(|message| message["filenames"].as_array().cloned().unwrap_or_default());
    let mut files = files.filter_map(|file| Some(PathBuf::from(file.as_str()?)));
    let made = files.find(|file| file.ends_with("libnftables.so")).ok_or("the build made no library")?;
    let ours = folder.join("ours");
    let link = ours.join("libnftables.so.1");
    let failed = |error| format!("cannot link {}: {error}", link.display());
    std::fs::create_dir_all(&ours).map_err(failed)?;
    if link.symlink_metadata().is_ok() {
        std::fs::remove_file(&link).map_err(failed)?;
    }
    symlink(&made, &link).map_err(failed)?;
    Ok(ours)
}
