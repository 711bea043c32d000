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

/// One text of a host file.
#[derive(Clone, Copy, Debug)]
pub struct HostText<'a> {
    /// Its path as messages shall show it; included files are looked for beside it.
    pub name: &'a str,
    /// What stands in it.
    pub text: &'a str,
    /// How it is written.
    pub format: Format,
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
    read_all(sources, &[HostText { name, text, format }], files)
}

/// Reads several host files as one host, as [`read`] reads one. The texts come first in `sources`, in their order.
pub fn read_all(
    sources: &mut SourceMap,
    texts: &[HostText<'_>],
    files: &mut dyn FnMut(&str) -> Result<String, String>,
) -> (Option<Host>, Vec<Diagnostic>) {
    let added: Vec<_> = texts.iter().map(|text| sources.add(text.name, text.text)).collect();
    let mut found = Vec::new();
    let mut hosts = Vec::new();
    for (HostText { name, text, format }, source) in texts.iter().zip(added) {
        let Parsed { root, diagnostics, broken } = match format {
            Format::Toml => parse_toml(source, text),
            Format::Json => parse_json(source, text),
        };
        let patchy = !diagnostics.is_empty();
        let mut reader = Reader { patchy, ..Reader::default() };
        let host = decode_section::<Host>(&root, &mut reader);
        let mut wrong = reader.diagnostics;
        if patchy {
            leave_echoes_out(&mut wrong, &broken, sources);
        }
        found.extend(wrong);
        found.extend(diagnostics);
        hosts.push(host.filter(|_| !patchy).map(|host| (host, source, *name)));
    }
    let host = hosts.into_iter().collect::<Option<Vec<_>>>().map(|mut hosts| {
        for (host, source, name) in &mut hosts {
            firewall::gather(host, sources, *source, name, files, &mut found);
        }
        let mut host = join(hosts.into_iter().map(|(host, ..)| host), &mut found);
        validate::complete(&mut host);
        found.extend(validate::host(&host));
        host
    });
    found.sort_by_key(|diagnostic| diagnostic.span().map(|span| (span.source, span.start)));
    let refused = found.iter().any(|diagnostic| diagnostic.severity == Severity::Error);
    (host.filter(|_| !refused), found)
}

/// The hosts of several files as one. What there can be once alone must stand in one of them alone.
fn join(hosts: impl Iterator<Item = Host>, found: &mut Vec<Diagnostic>) -> Host {
    let mut all: Option<Host> = None;
    for host in hosts {
        match &mut all {
            None => all = Some(host),
            Some(all) => add(all, host, found),
        }
    }
    all.unwrap_or_default()
}

fn add(all: &mut Host, host: Host, found: &mut Vec<Diagnostic>) {
    let keys = [
        ("owner", all.owner.is_some() && host.owner.is_some()),
        ("forwarding", all.forwarding.is_some() && host.forwarding.is_some()),
    ];
    for (key, _) in keys.into_iter().filter(|(_, twice)| *twice) {
        let place = |host: &Host| host.place.key(key).unwrap_or(host.place.span);
        let wrong = Diagnostic::error(place(&host), format!("`{key}` stands in two files"));
        found.push(wrong.also(place(all), "first here"));
    }
    if all.owner.is_none() && host.owner.is_some() || all.forwarding.is_none() && host.forwarding.is_some() {
        all.place.take_keys(&host.place);
    }
    all.owner = all.owner.take().or(host.owner);
    all.forwarding = all.forwarding.take().or(host.forwarding);
    all.links.extend(host.links);
    all.routes.extend(host.routes);
    all.rules.extend(host.rules);
    all.neighbours.extend(host.neighbours);
    all.flows.extend(host.flows);
    all.onlys.extend(host.onlys);
    all.test.links.extend(host.test.links);
    all.test.routes.extend(host.test.routes);
    all.test.rules.extend(host.test.rules);
    all.test.neighbours.extend(host.test.neighbours);
    if all.firewall_sources.is_empty() {
        all.firewall.place = host.firewall.place;
    }
    all.firewall.include.extend(host.firewall.include);
    all.firewall.rules = all.firewall.rules.take().or(host.firewall.rules);
    all.firewall.adopt |= host.firewall.adopt;
    all.firewall.sets.extend(host.firewall.sets);
    all.firewall_sources.extend(host.firewall_sources);
}

/// On a line that could not be parsed, what the tree holds is a guess: only the parser's word counts there.
fn leave_echoes_out(found: &mut Vec<Diagnostic>, broken: &[Span], sources: &SourceMap) {
    let line =
        |span: Span| (span.source, sources.get(span.source).map(|source| source.line_index(span.start)));
    let lines: HashSet<_> = broken.iter().map(|&span| line(span)).collect();
    found.retain(|diagnostic| diagnostic.span().is_none_or(|span| !lines.contains(&line(span))));
}
