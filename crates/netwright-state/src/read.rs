//! From the text of a host file to the model, or to all that is wrong with it.

use std::collections::HashSet;

use netwright_nft::diagnostic::{Diagnostic, Severity, SourceMap, Span};

use crate::firewall;
use crate::model::Host;
use crate::section::{Reader, decode_section};
use crate::tree::{Parsed, parse_json, parse_toml};
use crate::validate;

/// How a host file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// TOML 1.
    Toml,
    /// JSON (RFC 8259).
    Json,
}

impl Format {
    /// The format that a file's name tells: JSON for `.json`, else TOML.
    #[must_use]
    pub fn of(name: &str) -> Self {
        let json = name.rsplit_once('.').is_some_and(|(_, end)| end.eq_ignore_ascii_case("json"));
        if json { Format::Json } else { Format::Toml }
    }
}

/// Reads a host file.
///
/// `name` is the file's path as messages shall show it; included files are looked for beside it and handed to
/// `files`, which gives their text, or says in a few words why it cannot. The host file and the included ones are
/// added to `sources`, which the places of the diagnostics and of the model refer to.
///
/// The host comes back only where no diagnostic is an error. The diagnostics are in the order of the file.
pub fn read(
    sources: &mut SourceMap,
    name: &str,
    text: &str,
    format: Format,
    files: &mut dyn FnMut(&str) -> Result<String, String>,
) -> (Option<Host>, Vec<Diagnostic>) {
    let source = sources.add(name, text);
    let Parsed { root, diagnostics, broken } = match format {
        Format::Toml => parse_toml(source, text),
        Format::Json => parse_json(source, text),
    };
    let patchy = !diagnostics.is_empty();
    let mut reader = Reader { patchy, ..Reader::default() };
    let host = decode_section::<Host>(&root, &mut reader);
    let mut found = reader.diagnostics;
    if patchy {
        leave_echoes_out(&mut found, &broken, sources);
    }
    found.extend(diagnostics);
    let host = host.filter(|_| !patchy).map(|mut host| {
        validate::complete(&mut host);
        found.extend(validate::host(&host));
        firewall::gather(&mut host, sources, source, name, files, &mut found);
        host
    });
    found.sort_by_key(|diagnostic| diagnostic.span().map(|span| (span.source, span.start)));
    let refused = found.iter().any(|diagnostic| diagnostic.severity == Severity::Error);
    (host.filter(|_| !refused), found)
}

/// On a line that could not be parsed, what the tree holds is a guess: only the parser's word counts there.
fn leave_echoes_out(found: &mut Vec<Diagnostic>, broken: &[Span], sources: &SourceMap) {
    let line =
        |span: Span| (span.source, sources.get(span.source).map(|source| source.line_index(span.start)));
    let lines: HashSet<_> = broken.iter().map(|&span| line(span)).collect();
    found.retain(|diagnostic| diagnostic.span().is_none_or(|span| !lines.contains(&line(span))));
}
