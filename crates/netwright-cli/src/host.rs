//! Reading a host file with its firewall, and telling what is wrong with it.

use std::path::Path;

use netwright::Net;
use netwright_nft::catalog::Catalog;
use netwright_nft::diagnostic::{Diagnostic, Severity, SourceId, SourceMap};
use netwright_nft::evaluate::{Options, compile};
use netwright_nft::syntax::{self, Parsed};
use netwright_nft::table::{Database, Names};
use netwright_state::model::Host;
use netwright_state::{Format, Ruleset, read};

use crate::arguments::{Global, HostFile};
use crate::diagnostics;
use crate::failure::Failure;
use crate::files::{self, Includes, STDIN};
use crate::names;
use crate::output::{self, ERROR, count};

/// A host file without mistakes.
pub(crate) struct Loaded {
    /// What it is called in messages.
    pub(crate) name: String,
    /// What it says.
    pub(crate) host: Host,
    /// What its firewall declares.
    pub(crate) firewall: Ruleset,
    texts: Vec<SourceId>,
    /// The texts that were read.
    pub(crate) sources: SourceMap,
}

impl HostFile {
    /// Reads it. Mistakes are shown, all of them; with an error among them it is refused.
    ///
    /// `net` is where the host is or shall be; without it the firewall is only good for finding mistakes, since the
    /// numbers of interfaces are not known.
    pub(crate) fn load(&self, global: &Global, net: Option<&Net>) -> Result<Loaded, Failure> {
        let (name, text) = files::read_argument(&self.file)?;
        let mut sources = SourceMap::default();
        let mut file = |path: &str| files::read(Path::new(path));
        let (host, mut found) = read(&mut sources, &name, &text, format_of(&name, &text), &mut file);
        let names = match net {
            Some(net) => names::in_namespace(net),
            None => declared_names(host.as_ref()),
        };
        let texts = texts(&sources);
        let (firewall, mut wrong) = firewall(&texts, &mut sources, &names);
        wrong.sort_by_key(|diagnostic| diagnostic.span().map(|span| (span.source, span.start)));
        found.extend(wrong);
        if global.quiet {
            found.retain(|diagnostic| diagnostic.severity == Severity::Error);
        }
        let errors = diagnostics::show(&found, &sources);
        match host {
            Some(host) if errors == 0 => Ok(Loaded { name, host, firewall, texts, sources }),
            _ => {
                let name = output::plain(&name);
                output::message(&format!("{ERROR}error{ERROR:#}: {} in {name}", count(errors, "mistake")));
                Err(Failure::Reported)
            }
        }
    }
}

impl Loaded {
    /// What the firewall declares for a namespace that has its interfaces by now, or what is wrong with it.
    pub(crate) fn firewall_in(&self, net: &Net) -> Result<Ruleset, String> {
        let names = names::in_namespace(net);
        let mut sources = self.sources.clone();
        let (firewall, found) = firewall(&self.texts, &mut sources, &names);
        match found.iter().find(|diagnostic| diagnostic.severity == Severity::Error) {
            None => Ok(firewall),
            Some(first) => Err(match first.span().and_then(|span| sources.locate(span)) {
                Some(at) => format!("{at}: {}", first.message),
                None => first.message.clone(),
            }),
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

/// The names of a host whose links are not there yet. Their numbers are placeholders: what is compiled with them is
/// good for finding mistakes.
fn declared_names(host: Option<&Host>) -> Names {
    const PLACEHOLDERS: std::ops::RangeFrom<u64> = 1_000_000..;
    let mut names = names::of_this_host();
    names.insert(Database::Interfaces, "lo", 1);
    let links = host.map_or(&[][..], |host| &host.links);
    let every = links.iter().flat_map(|link| std::iter::once(&link.name).chain(&link.alternative_names));
    for (number, name) in PLACEHOLDERS.zip(every) {
        names.insert(Database::Interfaces, name, number);
    }
    names
}

/// The texts of the firewall: all but the first, which is the host file.
fn texts(sources: &SourceMap) -> Vec<SourceId> {
    (1..).map(SourceId).take_while(|&id| sources.get(id).is_some()).collect()
}

/// What the firewall's texts declare, and what is wrong with them.
fn firewall(texts: &[SourceId], sources: &mut SourceMap, names: &Names) -> (Ruleset, Vec<Diagnostic>) {
    let zone = names::zone();
    let parsed: Vec<Parsed> =
        texts.iter().map(|&id| syntax::parse(sources, id, &mut Includes::beside())).collect();
    // What a text refers to may come in a later one: the names of all are known before.
    let mut catalog = Catalog::default();
    for text in &parsed {
        catalog = compile(sources, text, &Options { names, catalog: &catalog, zone }).catalog;
    }
    catalog.declare_all();
    let (mut commands, mut found) = (Vec::new(), Vec::new());
    for text in parsed {
        let compiled = compile(sources, &text, &Options { names, catalog: &catalog, zone });
        found.extend(text.diagnostics);
        found.extend(compiled.diagnostics);
        commands.extend(compiled.commands);
        catalog = compiled.catalog;
    }
    let clean = found.iter().all(|diagnostic| diagnostic.severity != Severity::Error);
    match Ruleset::declared(&commands) {
        Ok(ruleset) => (ruleset.as_listed(), found),
        // what refers to a thing that could not be read is no mistake of its own
        Err(unfit) => {
            found.extend(unfit.into_iter().filter(|_| clean).map(Diagnostic::from));
            (Ruleset::default(), found)
        }
    }
}
