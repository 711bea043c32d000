//! What a session is to run.

use netwright_netfilter::Table;
use netwright_nft::catalog::Catalog;
use netwright_nft::diagnostic::{SourceId, SourceMap};
use netwright_nft::ir::Command;
use netwright_nft::json;
use netwright_nft::syntax::{self, Loader, Parsed};

use super::variables::Variables;

/// What a text is called in messages where it has no name.
const UNNAMED: &str = "text";
/// What the definitions of earlier texts are called in messages.
const KNOWN: &str = "<before>";

/// What a text is written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// The nft language.
    #[default]
    Nft,
    /// The schema of libnftables-json(5).
    Json,
}

impl Language {
    /// JSON, where a text starts like it.
    #[must_use]
    pub fn of(text: &str) -> Self {
        if text.trim_start().starts_with('{') { Language::Json } else { Language::Nft }
    }
}

/// Commands to run: a text, or commands as data.
#[derive(Clone, Debug)]
pub struct Script(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Text { name: String, text: String, language: Language },
    Commands(Ready),
}

/// Commands that have their meaning already.
#[derive(Clone, Debug, Default)]
pub(super) struct Ready {
    pub(super) commands: Vec<Command>,
    /// The sets that they refer to and do not make.
    pub(super) catalog: Catalog,
    /// Tables as they are made where a command makes one of their name.
    pub(super) tables: Vec<Table>,
    /// The generation that they are for.
    pub(super) generation: Option<u32>,
}

impl Script {
    /// A text of the nft language.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Script(Kind::Text { name: UNNAMED.into(), text: text.into(), language: Language::Nft })
    }

    /// A text in the schema of libnftables-json(5).
    #[must_use]
    pub fn json(text: impl Into<String>) -> Self {
        Script::text(text).in_language(Language::Json)
    }

    /// Commands that have their meaning already. Sets that they refer to and do not make are in the catalogue; all else
    /// that they do not make must be in the kernel.
    #[must_use]
    pub fn commands(commands: Vec<Command>, catalog: Catalog) -> Self {
        Script(Kind::Commands(Ready { commands, catalog, ..Ready::default() }))
    }

    /// Makes tables of these names as they are here, where commands make them: with what the language has no words for, such
    /// as what tools leave in them.
    #[must_use]
    pub fn with_tables(mut self, made: Vec<Table>) -> Self {
        if let Kind::Commands(ready) = &mut self.0 {
            ready.tables = made;
        }
        self
    }

    /// Commands are refused if the ruleset's generation is another by then.
    #[must_use]
    pub fn for_generation(mut self, number: u32) -> Self {
        if let Kind::Commands(ready) = &mut self.0 {
            ready.generation = Some(number);
        }
        self
    }

    /// The name of the text in messages, such as that of a file.
    #[must_use]
    pub fn named(mut self, to: impl Into<String>) -> Self {
        if let Kind::Text { name, .. } = &mut self.0 {
            *name = to.into();
        }
        self
    }

    /// What the text is written in.
    #[must_use]
    pub fn in_language(mut self, to: Language) -> Self {
        if let Kind::Text { language, .. } = &mut self.0 {
            *language = to;
        }
        self
    }

    pub(super) fn is_nft(&self) -> bool {
        matches!(self.0, Kind::Text { language: Language::Nft, .. })
    }

    pub(super) fn is_json(&self) -> bool {
        matches!(self.0, Kind::Text { language: Language::Json, .. })
    }

    /// What it says; its text goes to the sources.
    pub(super) fn read(
        &mut self,
        sources: &mut SourceMap,
        includes: &mut dyn Loader,
        bound: &[(String, String)],
        variables: &mut Variables,
    ) -> Parsed {
        let Kind::Text { name, text, language } = &mut self.0 else { return Parsed::default() };
        let known = variables.needed_by(text);
        let id = sources.add(std::mem::take(name), std::mem::take(text));
        if *language == Language::Json {
            return json::parse(sources, id);
        }
        let known = sources.add(KNOWN, known);
        // whatever a text has defined before
        let bind = |(name, value): &(String, String)| {
            sources.add(format!("${name}"), format!("redefine {name} = {value}"))
        };
        let bound: Vec<SourceId> = bound.iter().map(bind).collect();
        let before: Vec<SourceId> = [known].into_iter().chain(bound.iter().copied()).collect();
        let parsed = syntax::parse_behind(sources, &before, id, includes);
        variables.note(&parsed, sources, known, &bound);
        parsed
    }

    pub(super) fn into_ready(self) -> Option<Ready> {
        match self.0 {
            Kind::Commands(ready) => Some(ready),
            Kind::Text { .. } => None,
        }
    }
}
