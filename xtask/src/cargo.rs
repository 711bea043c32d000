//! Cargo, run from the root of the workspace.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// `cargo` with these arguments, at the root of the workspace.
pub(crate) fn cargo<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(root());
    command
}

/// What a command prints, or an error where it fails.
pub(crate) fn output(command: &mut Command) -> Result<String, String> {
    let shown = format!("{command:?}");
    let output = command
        .stderr(std::process::Stdio::inherit())
        .output()
        .map_err(|e| format!("cannot run {shown}: {e}"))?;
    if !output.status.success() {
        return Err(format!("{shown} failed ({})", output.status));
    }
    String::from_utf8(output.stdout).map_err(|_| format!("{shown} printed something that is not UTF-8"))
}

/// What `cargo metadata` says about the workspace and all its dependencies with all features.
pub(crate) fn metadata() -> Result<Value, String> {
    let text = output(&mut cargo(["metadata", "--format-version=1", "--all-features"]))?;
    serde_json::from_str(&text).map_err(|e| format!("cargo metadata printed no JSON: {e}"))
}

/// The crates of the workspace that are published, out of its metadata.
pub(crate) fn published(metadata: &Value) -> Vec<&Value> {
    let members = metadata["workspace_members"].as_array().map(Vec::as_slice).unwrap_or_default();
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let own = packages.filter(|package| members.contains(&package["id"]));
    own.filter(|package| package["publish"].is_null()).collect()
}

/// A program that a build made.
pub(crate) struct Program {
    /// Name of the target.
    pub(crate) name: String,
    /// Kind of the target: `lib`, `test`, `bin`, `example`, ….
    pub(crate) kind: String,
    /// Whether it runs tests.
    pub(crate) has_tests: bool,
    /// The program.
    pub(crate) path: PathBuf,
    /// Folder of its package, in which `cargo test` runs it.
    pub(crate) folder: PathBuf,
}

impl Program {
    /// The package's folder and the target's name.
    pub(crate) fn shown(&self) -> String {
        let package = self.folder.file_name().unwrap_or_default().to_string_lossy();
        match self.kind.as_str() {
            "test" => format!("{package}: {}", self.name),
            kind => format!("{package}: unit tests of the {kind}"),
        }
    }
}

/// Builds with these arguments and lists the programs made.
pub(crate) fn build(arguments: &[&str]) -> Result<Vec<Program>, String> {
    let with_format = arguments.iter().copied().chain(["--message-format=json-render-diagnostics"]);
    let text = output(&mut cargo(with_format))?;
    let messages = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    Ok(messages.filter_map(|message| program(&message)).collect())
}

fn program(message: &Value) -> Option<Program> {
    Some(Program {
        path: message["executable"].as_str()?.into(),
        name: message["target"]["name"].as_str()?.to_owned(),
        kind: message["target"]["kind"][0].as_str()?.to_owned(),
        has_tests: message["profile"]["test"].as_bool()?,
        folder: Path::new(message["manifest_path"].as_str()?).parent()?.to_owned(),
    })
}
