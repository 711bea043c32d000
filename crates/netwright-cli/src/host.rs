//! Reading a host file with its firewall, and telling what is wrong with it.

use std::path::Path;

use netwright_nft::diagnostic::{Diagnostic, Severity, SourceId, SourceMap};
use netwright_nft::syntax;
use netwright_state::model::Host;
use netwright_state::{Format, read};

use crate::arguments::{Global, HostFile};
use crate::diagnostics;
use crate::failure::Failure;
use crate::files::{self, Includes, STDIN};
use crate::output::{self, ERROR, count};

/// A host file without mistakes.
pub(crate) struct Loaded {
    /// What it is called in messages.
    pub(crate) name: String,
    /// What it says.
    pub(crate) host: Host,
    /// The texts that were read.
    pub(crate) sources: SourceMap,
}

impl HostFile {
    /// Reads it. Mistakes are shown, all of them; with an error among them it is refused.
    pub(crate) fn load(&self, global: &Global) -> Result<Loaded, Failure> {
        let (name, text) = files::read_argument(&self.file)?;
        let mut sources = SourceMap::default();
        let mut file = |path: &str| files::read(Path::new(path));
        let (host, mut found) = read(&mut sources, &name, &text, format_of(&name, &text), &mut file);
        found.extend(firewall(&mut sources));
        if global.quiet {
            found.retain(|diagnostic| diagnostic.severity == Severity::Error);
        }
        let errors = diagnostics::show(&found, &sources);
        match host {
            Some(host) if errors == 0 => Ok(Loaded { name, host, sources }),
            _ => {
                let name = output::plain(&name);
                output::message(&format!("{ERROR}error{ERROR:#}: {} in {name}", count(errors, "mistake")));
                Err(Failure::Reported)
            }
        }
    }
}

/// By the file's name; standard input by its first character, since no TOML file starts with a brace.
fn format_of(name: &str, text: &str) -> Format {
    match name {
        STDIN if text.trim_start().starts_with('{') => Format::Json,
        _ => Format::of(name),
    }
}

/// What is wrong with the firewall's texts: all texts but the first, which is the host file.
fn firewall(sources: &mut SourceMap) -> Vec<Diagnostic> {
    let texts: Vec<SourceId> = (1..).map(SourceId).take_while(|&id| sources.get(id).is_some()).collect();
    let mut found = Vec::new();
    for id in texts {
        found.extend(syntax::parse(sources, id, &mut Includes::beside()).diagnostics);
    }
    found
}
