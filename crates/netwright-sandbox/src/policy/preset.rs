//! Presets: policy files that others include by name.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;

/// The presets that come with this crate.
const BUILT_IN: [(&str, &str); 4] = [
    ("lan", include_str!("../../policies/lan.toml")),
    ("dns", include_str!("../../policies/dns.toml")),
    ("web", include_str!("../../policies/web.toml")),
    ("git", include_str!("../../policies/git.toml")),
];

/// Where presets come from.
pub trait Presets {
    /// The text of a preset and what it is called in messages; nothing where there is none of that name.
    ///
    /// # Errors
    /// It is there and cannot be read: why, as the end of a sentence.
    fn load(&self, name: &str) -> Result<Option<(String, String)>, String>;

    /// The names of all presets, for advice.
    fn names(&self) -> Vec<String>;
}

/// Directories with `NAME.toml` files, the first that has one counts, and the built-in presets behind them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SearchPath {
    /// The directories, in order.
    pub directories: Vec<PathBuf>,
}

impl SearchPath {
    /// The user's directory and the machine's: `netwright/policies` in `$XDG_CONFIG_HOME` (else `~/.config`) and in `/etc`.
    #[must_use]
    pub fn usual() -> Self {
        let set = |variable| std::env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from);
        let user = set("XDG_CONFIG_HOME").or_else(|| set("HOME").map(|home| home.join(".config")));
        let bases = user.into_iter().chain([PathBuf::from("/etc")]);
        SearchPath { directories: bases.map(|base| base.join("netwright/policies")).collect() }
    }
}

impl Presets for SearchPath {
    fn load(&self, name: &str) -> Result<Option<(String, String)>, String> {
        for directory in &self.directories {
            let path = directory.join(format!("{name}.toml"));
            match fs::read_to_string(&path) {
                Ok(text) => return Ok(Some((path.display().to_string(), text))),
                Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {}
                Err(error) => return Err(format!("{} cannot be read: {error}", path.display())),
            }
        }
        let built_in = BUILT_IN.iter().find(|(known, _)| *known == name);
        Ok(built_in.map(|(name, text)| (format!("{name}.toml (built in)"), (*text).to_owned())))
    }

    fn names(&self) -> Vec<String> {
        let mut names: BTreeSet<String> = BUILT_IN.iter().map(|(name, _)| (*name).to_owned()).collect();
        for entry in
            self.directories.iter().filter_map(|directory| fs::read_dir(directory).ok()).flatten().flatten()
        {
            names.extend(
                entry.file_name().to_str().and_then(|name| name.strip_suffix(".toml")).map(str::to_owned),
            );
        }
        names.into_iter().collect()
    }
}
