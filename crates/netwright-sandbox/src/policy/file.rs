//! Policy files: TOML with the keys `allow`, `deny`, `include`, `dns`, `hosts`, `sockets`, `files` and `profile`.

mod tree;

use std::net::IpAddr;
use std::path::PathBuf;

use netwright_nft::diagnostic::{Diagnostic, Severity, SourceId, SourceMap, Span, nearest};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::preset::Presets;
use super::{FileAccess, Place, Policy, Rule, grammar, merge};

/// The keys of a policy, and of each of its profiles.
const KEYS: [&str; 7] = ["allow", "deny", "include", "dns", "hosts", "sockets", "files"];
/// Those of the table of files.
const FILES: [&str; 4] = ["read", "write", "workspace", "caches"];
const PROFILE: &str = "profile";
/// Keys that others use, and ours.
const FOREIGN: [(&str, &str); 14] = [
    ("allowed", "allow"),
    ("permit", "allow"),
    ("accept", "allow"),
    ("rules", "allow"),
    ("block", "deny"),
    ("blocked", "deny"),
    ("denied", "deny"),
    ("reject", "deny"),
    ("preset", "include"),
    ("presets", "include"),
    ("nameservers", "dns"),
    ("resolvers", "dns"),
    ("unix", "sockets"),
    ("profiles", "profile"),
];

impl Policy {
    /// Reads a policy file. What `profiles` names is added to what stands at its top, and so are the presets that it includes.
    ///
    /// `name` is the file's path as messages shall show it. The texts of the file and of its presets are added to `sources`, which the places of
    /// the diagnostics refer to. The policy comes back only where no diagnostic is an error.
    pub fn from_toml(
        sources: &mut SourceMap,
        name: &str,
        text: &str,
        profiles: &[&str],
        presets: &dyn Presets,
    ) -> (Option<Policy>, Vec<Diagnostic>) {
        let mut reader = Reader { sources, presets, diagnostics: Vec::new(), open: Vec::new() };
        let policy = reader.file(name, text, profiles);
        reader.finish(policy)
    }

    /// A preset by its name, as `include` adds it.
    pub fn from_preset(
        sources: &mut SourceMap,
        name: &str,
        presets: &dyn Presets,
    ) -> (Option<Policy>, Vec<Diagnostic>) {
        let mut reader = Reader { sources, presets, diagnostics: Vec::new(), open: Vec::new() };
        let mut policy = Policy::default();
        reader.include(&mut policy, name, None);
        reader.finish(policy)
    }

    /// The JSON Schema (draft 2020-12) of policy files.
    #[must_use]
    pub fn schema() -> &'static str {
        include_str!("schema.json")
    }
}

/// Reads files and takes notes of what is wrong with them.
struct Reader<'a> {
    sources: &'a mut SourceMap,
    presets: &'a dyn Presets,
    diagnostics: Vec<Diagnostic>,
    /// The presets that are being read, each included by the one before.
    open: Vec<String>,
}

/// A value with the source that it stands in.
#[derive(Clone, Copy)]
struct Node<'v, 't> {
    source: SourceId,
    value: &'v Spanned<DeValue<'t>>,
}

impl Reader<'_> {
    fn finish(mut self, policy: Policy) -> (Option<Policy>, Vec<Diagnostic>) {
        self.diagnostics.sort_by_key(|diagnostic| diagnostic.span().map(|span| (span.source, span.start)));
        let refused = self.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error);
        ((!refused).then_some(policy), self.diagnostics)
    }

    fn file(&mut self, name: &str, text: &str, profiles: &[&str]) -> Policy {
        let source = self.sources.add(name, text);
        let (table, errors) = DeTable::parse_recoverable(text);
        let mut policy = Policy::default();
        let mut known: Vec<(String, Policy)> = Vec::new();
        let found = self.diagnostics.len();
        for (key, value) in tree::entries(table.get_ref()) {
            let node = Node { source, value };
            match key.get_ref().as_ref() {
                PROFILE => self.profiles(node, &mut known),
                _ => self.entry(&mut policy, key, node, &[PROFILE]),
            }
        }
        tree::report(self.sources, source, text, &errors, found, &mut self.diagnostics);
        for wanted in profiles {
            match known.iter().find(|(name, _)| name == wanted) {
                Some((_, profile)) => policy.merge(profile.clone()),
                None => {
                    let at = Span { source, start: 0, end: 0 };
                    let message = format!("there is no profile `{wanted}` in {name}");
                    let near = nearest(wanted, known.iter().map(|(name, _)| name.as_str()));
                    let diagnostic = Diagnostic::error(at, message).did_you_mean(near);
                    let names: Vec<&str> = known.iter().map(|(name, _)| name.as_str()).collect();
                    self.diagnostics.push(match (near, names.as_slice()) {
                        (Some(_), _) => diagnostic,
                        (None, []) => diagnostic.help("A profile is a table `[profile.NAME]`."),
                        (None, names) => diagnostic.help(format!("There are {}.", names.join(", "))),
                    });
                }
            }
        }
        policy
    }

    fn profiles(&mut self, node: Node<'_, '_>, known: &mut Vec<(String, Policy)>) {
        let DeValue::Table(tables) = node.value.get_ref() else {
            return self.expected(node, "tables, such as `[profile.test]`");
        };
        for (name, value) in tree::entries(tables) {
            let inner = Node { value, ..node };
            let DeValue::Table(table) = value.get_ref() else {
                let expected = format!("a table `[profile.{}]`", name.get_ref());
                self.expected(inner, &expected);
                continue;
            };
            let mut policy = Policy::default();
            for (key, value) in tree::entries(table) {
                self.entry(&mut policy, key, Node { value, ..node }, &[]);
            }
            known.push((name.get_ref().clone().into_owned(), policy));
        }
    }

    fn entry(
        &mut self,
        policy: &mut Policy,
        key: &Spanned<std::borrow::Cow<'_, str>>,
        node: Node<'_, '_>,
        more: &[&str],
    ) {
        match key.get_ref().as_ref() {
            "allow" => self.rules(node, &mut policy.allow, &mut policy.places.allow),
            "deny" => self.rules(node, &mut policy.deny, &mut policy.places.deny),
            "include" => {
                for (name, item) in self.strings(node, "names of presets", "[\"web\"]") {
                    let at = self.span(item);
                    self.include(policy, &name, Some(at));
                }
            }
            "dns" => {
                for (text, item) in self.strings(node, "addresses", "[\"192.0.2.53\"]") {
                    policy.dns.extend(self.address(&text, item));
                }
            }
            "hosts" => self.hosts(node, policy),
            "sockets" => {
                for (text, item) in self.strings(node, "paths of sockets", "[\"/run/docker.sock\"]") {
                    if text.starts_with('/') {
                        policy.sockets.push(PathBuf::from(text));
                    } else {
                        self.error(item, format!("`{text}` is no whole path"))
                            .help("A path begins with `/`.");
                    }
                }
            }
            "files" => self.files(node, policy),
            unknown => {
                let at = tree::span(node.source, key.span());
                let word = unknown.to_ascii_lowercase();
                let foreign = FOREIGN.iter().find(|(theirs, _)| *theirs == word).map(|(_, ours)| *ours);
                let near = foreign.or_else(|| nearest(&word, KEYS.into_iter().chain(more.iter().copied())));
                let diagnostic =
                    Diagnostic::error(at, format!("unknown key `{unknown}` in a policy")).did_you_mean(near);
                self.diagnostics.push(match near {
                    Some(_) => diagnostic,
                    None => diagnostic.help(format!("The keys are {}.", KEYS.join(", "))),
                });
            }
        }
    }

    fn files(&mut self, node: Node<'_, '_>, policy: &mut Policy) {
        let DeValue::Table(table) = node.value.get_ref() else {
            return self.expected(node, "a table, such as { write = [\"./out\"] }");
        };
        for (key, value) in tree::entries(table) {
            let item = Node { value, ..node };
            match key.get_ref().as_ref() {
                "read" => {
                    let paths = self.strings(item, "paths", "[\"/srv/data\"]");
                    policy.files.read.extend(paths.into_iter().map(|(path, _)| path.into()));
                }
                "write" => {
                    let paths = self.strings(item, "paths", "[\"./out\"]");
                    policy.files.write.extend(paths.into_iter().map(|(path, _)| path.into()));
                }
                "caches" => {
                    for (name, item) in self.strings(item, "names of tools", "[\"cargo\"]") {
                        if FileAccess::caches().any(|known| known == name) {
                            policy.files.caches.push(name);
                            continue;
                        }
                        let span = self.span(item);
                        let near = nearest(&name, FileAccess::caches());
                        let diagnostic = Diagnostic::error(span, format!("no cache of `{name}` is known"));
                        let known = FileAccess::caches().collect::<Vec<_>>().join(", ");
                        self.diagnostics.push(match near {
                            Some(_) => diagnostic.did_you_mean(near),
                            None => diagnostic.help(format!(
                                "There are {known}; write the path of another one to `write`."
                            )),
                        });
                    }
                }
                "workspace" => match value.get_ref() {
                    DeValue::Boolean(wanted) => policy.files.workspace = *wanted,
                    _ => self.expected(item, "true or false"),
                },
                unknown => {
                    let at = tree::span(node.source, key.span());
                    let near = nearest(unknown, FILES);
                    let diagnostic = Diagnostic::error(at, format!("unknown key `{unknown}` in `files`"))
                        .did_you_mean(near);
                    self.diagnostics.push(match near {
                        Some(_) => diagnostic,
                        None => diagnostic.help(format!("The keys are {}.", FILES.join(", "))),
                    });
                }
            }
        }
    }

    fn rules(
        &mut self,
        node: Node<'_, '_>,
        rules: &mut Vec<Rule>,
        places: &mut std::collections::HashMap<Rule, Place>,
    ) {
        let mut read = Vec::new();
        for (text, item) in self.strings(node, "rules", "[\"example.org:443\"]") {
            match text.parse::<Rule>() {
                Ok(rule) => {
                    let at = self.sources.locate(self.span(item));
                    if let Some(at) = at {
                        places
                            .entry(rule.clone())
                            .or_insert(Place { name: at.name.to_owned(), line: Some(at.line) });
                    }
                    read.push(rule);
                }
                Err(error) => {
                    let (inner, verbatim) = self.inside(item, &text);
                    self.diagnostics.push(error.diagnostic(inner, verbatim));
                }
            }
        }
        merge::extend(rules, read);
    }

    fn hosts(&mut self, node: Node<'_, '_>, policy: &mut Policy) {
        let DeValue::Table(table) = node.value.get_ref() else {
            return self.expected(node, "names with addresses, such as { \"db.local\" = \"10.0.0.5\" }");
        };
        for (key, value) in tree::entries(table) {
            let name = match grammar::name(key.get_ref()) {
                Ok(name) => name,
                Err(why) => {
                    self.diagnostics.push(Diagnostic::error(tree::span(node.source, key.span()), why));
                    continue;
                }
            };
            let item = Node { value, ..node };
            let addresses = match value.get_ref() {
                DeValue::String(text) => vec![(text.clone().into_owned(), item)],
                DeValue::Table(_) => {
                    self.error(item, "expected an address, found a table")
                        .help(format!("Write the whole name in quotes: \"{name}.…\"."));
                    continue;
                }
                _ => self.strings(item, "addresses", "[\"10.0.0.5\"]"),
            };
            for (text, item) in addresses {
                let address = self.address(&text, item);
                policy.hosts.extend(address.map(|address| (name.clone(), address)));
            }
        }
    }

    fn address(&mut self, text: &str, item: Node<'_, '_>) -> Option<IpAddr> {
        let address = text.parse().ok();
        if address.is_none() {
            self.error(item, format!("`{text}` is not an IPv4 or IPv6 address"));
        }
        address
    }

    /// Adds a preset. `at` is where it is named, if that is in a file.
    fn include(&mut self, policy: &mut Policy, name: &str, at: Option<Span>) {
        let at = at.unwrap_or_default();
        let error = |message: String| Diagnostic::error(at, message);
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        {
            let help = "Presets are named without path and ending: \"web\" is web.toml in the search path.";
            return self
                .diagnostics
                .push(error(format!("`{name}` cannot be the name of a preset")).help(help));
        }
        if self.open.iter().any(|open| open == name) {
            let way = self.open.iter().map(|open| format!("`{open}` includes ")).collect::<String>();
            return self.diagnostics.push(error(format!("the presets include each other: {way}`{name}`")));
        }
        match self.presets.load(name) {
            Ok(Some((file, text))) => {
                self.open.push(name.to_owned());
                let preset = self.file(&file, &text, &[]);
                self.open.pop();
                policy.merge(preset);
            }
            Ok(None) => {
                let names = self.presets.names();
                let near = nearest(name, names.iter().map(String::as_str));
                let diagnostic = error(format!("there is no preset `{name}`")).did_you_mean(near);
                self.diagnostics.push(match near {
                    Some(_) => diagnostic,
                    None => diagnostic.help(format!("There are {}.", names.join(", "))),
                });
            }
            Err(why) => self.diagnostics.push(error(format!("the preset `{name}` is no use: {why}"))),
        }
    }

    /// The strings of an array, each with its place; notes what is none.
    fn strings<'v, 't>(
        &mut self,
        node: Node<'v, 't>,
        expected: &str,
        example: &str,
    ) -> Vec<(String, Node<'v, 't>)> {
        let mut strings = Vec::new();
        match node.value.get_ref() {
            DeValue::Array(items) => {
                for value in items.iter() {
                    let item = Node { value, ..node };
                    match value.get_ref() {
                        DeValue::String(text) => strings.push((text.clone().into_owned(), item)),
                        _ => self.expected(item, "a string"),
                    }
                }
            }
            DeValue::String(text) => {
                let help = format!("Write [{text:?}].");
                self.error(node, format!("expected an array of {expected}, found a string")).help(help);
            }
            _ => self.expected(node, &format!("an array of {expected}, such as {example}")),
        }
        strings
    }

    fn expected(&mut self, node: Node<'_, '_>, expected: &str) {
        let found = tree::describe(node.value.get_ref());
        self.error(node, format!("expected {expected}, found {found}"));
    }

    fn error(&mut self, node: Node<'_, '_>, message: impl Into<String>) -> Noted<'_> {
        let span = self.span(node);
        self.diagnostics.push(Diagnostic::error(span, message));
        Noted(self.diagnostics.last_mut())
    }

    fn span(&self, node: Node<'_, '_>) -> Span {
        tree::span(node.source, node.value.span())
    }

    /// The span of what stands between the quotes of a string, and whether it stands there letter by letter.
    fn inside(&self, node: Node<'_, '_>, text: &str) -> (Span, bool) {
        let span = self.span(node);
        let raw = self.sources.snippet(span);
        match raw.get(1..raw.len().saturating_sub(1)) == Some(text) {
            true => (Span { start: span.start + 1, end: span.end.saturating_sub(1), ..span }, true),
            false => (span, false),
        }
    }
}

/// What was noted last, to add advice to.
struct Noted<'a>(Option<&'a mut Diagnostic>);

impl Noted<'_> {
    fn help(self, help: impl Into<String>) {
        if let Some(diagnostic) = self.0 {
            diagnostic.help.push(help.into());
        }
    }
}

#[cfg(test)]
mod tests;
