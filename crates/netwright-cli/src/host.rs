//! Reading a host file with its firewall, and telling what is wrong with it.

use std::path::Path;

use netwright::Net;
use netwright::nft::{self, host_names};
use netwright_nft::catalog::Catalog;
use netwright_nft::diagnostic::{Diagnostic, Severity, SourceId, SourceMap};
use netwright_nft::evaluate::{Options, compile};
use netwright_nft::syntax::{self, Parsed};
use netwright_nft::table::{Database, Names};
use netwright_state::model::Host;
use netwright_state::{Format, HostText, Origin, Ruleset, read_all, reserved_index};

use crate::arguments::{Global, HostFile};
use crate::diagnostics;
use crate::failure::Failure;
use crate::files::{self, Files, STDIN};
use crate::output::{self, ERROR, count};
use crate::zone::zone;

/// A host file without mistakes.
pub(crate) struct Loaded {
    /// What it is called in messages.
    pub(crate) name: String,
    /// Where it comes from.
    pub(crate) origin: Origin,
    /// What it says.
    pub(crate) host: Host,
    /// What its firewall declares.
    pub(crate) firewall: Ruleset,
    texts: Vec<SourceId>,
    files: Files,
    /// How many host files it was read from.
    hosts: usize,
    /// The texts that were read.
    pub(crate) sources: SourceMap,
}

impl HostFile {
    /// Reads it. Mistakes are shown, all of them; with an error among them it is refused.
    ///
    /// `net` is where the host is or shall be; without it the firewall is only good for finding mistakes, since the
    /// numbers of interfaces are not known.
    pub(crate) fn load(&self, global: &Global, net: Option<&Net>) -> Result<Loaded, Failure> {
        let texts = files::read_arguments(&self.file)?;
        let name = match texts.as_slice() {
            [(name, _)] => name.clone(),
            _ => self.file.display().to_string(),
        };
        Loaded::of(name, origin_of(&self.file), &texts, Files::Disk, global, net)
    }

    /// Reads it as [`HostFile::load`] does, with one more text that is read as a part of it.
    pub(crate) fn load_with(&self, name: &str, text: String, global: &Global) -> Result<Loaded, Failure> {
        let mut texts = files::read_arguments(&self.file)?;
        texts.push((name.to_owned(), text));
        let name = self.file.display().to_string();
        Loaded::of(name, origin_of(&self.file), &texts, Files::Disk, global, None)
    }

    /// Where it comes from.
    pub(crate) fn origin(&self) -> Origin {
        origin_of(&self.file)
    }
}

impl Loaded {
    /// Reads texts as one host. Mistakes are shown.
    fn of(
        name: String,
        origin: Origin,
        hosts: &[(String, String)],
        mut files: Files,
        global: &Global,
        net: Option<&Net>,
    ) -> Result<Loaded, Failure> {
        let mut sources = SourceMap::default();
        let formed = hosts.iter().map(|(name, text)| HostText { name, text, format: format_of(name, text) });
        let mut file = |path: &str| files.read(path);
        let (host, mut found) = read_all(&mut sources, &formed.collect::<Vec<_>>(), &mut file);
        let names = match (net, host.as_ref()) {
            (Some(net), Some(host)) => names_in(net, host),
            (Some(net), None) => nft::names_in(net.namespace()),
            (None, host) => declared_names(host),
        };
        let texts = texts(&sources, hosts.len());
        let (firewall, mut wrong) = firewall(&texts, &mut sources, &names, &mut files);
        wrong.iter_mut().for_each(tell_of_interfaces);
        wrong.sort_by_key(|diagnostic| diagnostic.span().map(|span| (span.source, span.start)));
        found.extend(wrong);
        if found.iter().all(|diagnostic| diagnostic.severity != Severity::Error) {
            let mut interfaces: Vec<String> = names.all(Database::Interfaces).map(str::to_owned).collect();
            if net.is_none()
                && let Ok(here) = netwright::Namespace::current()
            {
                interfaces.extend(nft::names_in(&here).all(Database::Interfaces).map(str::to_owned));
            }
            let known = |name: &str| interfaces.iter().any(|known| known == name);
            if let Some(host) = &host {
                found.extend(netwright_state::ruleset::check_sets(host, &firewall));
            }
            found.extend(netwright_state::ruleset::check(&firewall, &known, &interfaces));
        }
        if global.quiet {
            found.retain(|diagnostic| diagnostic.severity == Severity::Error);
        }
        let errors = diagnostics::show(&found, &sources);
        match host {
            Some(host) if errors == 0 => {
                let hosts = hosts.len();
                Ok(Loaded { name, origin, host, firewall, texts, files, hosts, sources })
            }
            _ => {
                let name = output::plain(&name);
                output::message(&format!("{ERROR}error{ERROR:#}: {} in {name}", count(errors, "mistake")));
                Err(Failure::Reported)
            }
        }
    }

    /// What was kept of a host file by [`Loaded::kept`].
    pub(crate) fn of_kept(
        kept: &serde_json::Value,
        origin: Origin,
        global: &Global,
        net: &Net,
    ) -> Result<Loaded, Failure> {
        let unreadable = || Failure::said("what was kept of the last apply cannot be read");
        let number = kept.get("hosts").and_then(serde_json::Value::as_u64).ok_or_else(unreadable)?;
        let text = |item: &serde_json::Value| {
            let part = |at: usize| item.get(at)?.as_str().map(str::to_owned);
            Some((part(0)?, part(1)?))
        };
        let texts = kept.get("texts").and_then(serde_json::Value::as_array).ok_or_else(unreadable)?;
        let texts: Vec<_> = texts.iter().map(text).collect::<Option<_>>().ok_or_else(unreadable)?;
        let hosts = usize::try_from(number).ok().and_then(|number| texts.get(..number));
        let hosts = hosts.ok_or_else(unreadable)?.to_vec();
        Loaded::of("what was applied last".to_owned(), origin, &hosts, Files::Kept(texts), global, Some(net))
    }

    /// The same with nothing but the firewall.
    pub(crate) fn firewall_alone(self) -> Loaded {
        let Host { owner, firewall, firewall_sources, place, .. } = self.host;
        Loaded { host: Host { owner, firewall, firewall_sources, place, ..Host::default() }, ..self }
    }

    /// A host file that declares nothing.
    pub(crate) fn nothing() -> Self {
        Loaded {
            name: "nothing".to_owned(),
            origin: Origin::Input,
            host: Host::default(),
            firewall: Ruleset::default(),
            texts: Vec::new(),
            files: Files::Disk,
            hosts: 0,
            sources: SourceMap::default(),
        }
    }

    /// All that was read, to be kept: the host files first.
    pub(crate) fn kept(&self) -> serde_json::Value {
        let sources = (0..).map_while(|id| self.sources.get(SourceId(id)));
        let texts = sources.filter(|source| !source.name().is_empty());
        let texts = texts.map(|source| serde_json::json!([source.name(), source.text()]));
        serde_json::json!({ "hosts": self.hosts, "texts": texts.collect::<Vec<_>>() })
    }

    /// What the firewall declares for a namespace that has its interfaces by now, or what is wrong with it.
    pub(crate) fn firewall_in(&self, net: &Net) -> Result<Ruleset, String> {
        let names = names_in(net, &self.host);
        let mut sources = self.sources.clone();
        let (firewall, found) = firewall(&self.texts, &mut sources, &names, &mut self.files.clone());
        match found.iter().find(|diagnostic| diagnostic.severity == Severity::Error) {
            None => Ok(firewall),
            Some(first) => Err(match first.span().and_then(|span| sources.locate(span)) {
                Some(at) => format!("{at}: {}", first.message),
                None => first.message.clone(),
            }),
        }
    }
}

/// Whether two are of the same texts, wherever those were read from.
pub(crate) fn same_texts(one: &serde_json::Value, other: &serde_json::Value) -> bool {
    fn texts(kept: &serde_json::Value) -> Option<Vec<&serde_json::Value>> {
        kept.get("texts")?.as_array()?.iter().map(|text| text.get(1)).collect()
    }
    one.get("hosts") == other.get("hosts") && texts(one).is_some() && texts(one) == texts(other)
}

/// What is said of an interface by its number needs it to be there.
fn tell_of_interfaces(diagnostic: &mut Diagnostic) {
    let name = diagnostic.message.strip_suffix(" is not a network interface index");
    if let Some(name) = name.map(|name| name.trim_matches('`').to_owned()) {
        diagnostic.help.push(format!(
            "`iif` and `oif` take the number of an interface, which it has once it is there; `iifname` and `oifname` \
             compare its name at any time. Or declare it in a table `[link.{name}]`."
        ));
    }
}

/// Where a file is, from the root.
fn origin_of(file: &Path) -> Origin {
    if file.as_os_str() == "-" {
        return Origin::Input;
    }
    let path = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    Origin::Path(path.to_string_lossy().into_owned())
}

/// By the file's name; standard input by its first character, since no TOML file starts with a brace.
fn format_of(name: &str, text: &str) -> Format {
    match name {
        STDIN if text.trim_start_matches('\u{feff}').trim_start().starts_with('{') => Format::Json,
        _ => Format::of(name),
    }
}

/// The names of a namespace, with the numbers that declared links will have which are not there yet.
fn names_in(net: &Net, host: &Host) -> Names {
    let Ok(links) = net.links().list() else { return nft::names_in(net.namespace()) };
    let mut names = host_names();
    names.find_hosts(netwright::sys::host_name);
    let highest = links.iter().map(|link| link.index).max().unwrap_or(0);
    for link in &links {
        let all = std::iter::once(&link.name).chain(&link.alternative_names);
        all.for_each(|name| names.insert(Database::Interfaces, name, link.index.into()));
    }
    for (place, link) in host.links.iter().enumerate() {
        let all = || std::iter::once(&link.name).chain(&link.alternative_names);
        let there = all().find_map(|name| names.number(Database::Interfaces, name));
        let index = there.unwrap_or_else(|| reserved_index(highest, place).into());
        all().for_each(|name| names.insert(Database::Interfaces, name, index));
    }
    names
}

/// The names of a host whose links are not there yet. Their numbers are placeholders: what is compiled with them is
/// good for finding mistakes.
fn declared_names(host: Option<&Host>) -> Names {
    const PLACEHOLDERS: std::ops::RangeFrom<u64> = 1_000_000..;
    let mut names = host_names();
    names.insert(Database::Interfaces, "lo", 1);
    let links = host.map_or(&[][..], |host| &host.links);
    let every = links.iter().flat_map(|link| std::iter::once(&link.name).chain(&link.alternative_names));
    for (number, name) in PLACEHOLDERS.zip(every) {
        names.insert(Database::Interfaces, name, number);
    }
    names
}

/// The texts of the firewall: all but the first, which are the host files.
fn texts(sources: &SourceMap, hosts: usize) -> Vec<SourceId> {
    let first = u32::try_from(hosts).unwrap_or(u32::MAX);
    (first..).map(SourceId).take_while(|&id| sources.get(id).is_some()).collect()
}

/// What the firewall's texts declare, and what is wrong with them.
fn firewall(
    texts: &[SourceId],
    sources: &mut SourceMap,
    names: &Names,
    files: &mut Files,
) -> (Ruleset, Vec<Diagnostic>) {
    let zone = zone();
    let parsed: Vec<Parsed> = texts.iter().map(|&id| syntax::parse_on_one_line(sources, id, files)).collect();
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
