//! Sources, places in them, and what there is to say about a place.
//!
//! Everything that reads text (nft rulesets, host files, policies) reports through [`Diagnostic`]; drawing it
//! (colours, carets, a terminal's width) is the caller's business.

use std::fmt;
use std::sync::Arc;

/// Names one text in a [`SourceMap`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourceId(pub u32);

/// A range of bytes in one source: `start` inclusive, `end` exclusive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// The text that the range lies in.
    pub source: SourceId,
    /// Offset of the first byte.
    pub start: u32,
    /// Offset behind the last byte.
    pub end: u32,
}

impl Span {
    /// The smallest span that covers both; they must lie in the same source.
    #[must_use]
    pub fn to(self, other: Span) -> Span {
        Span { source: self.source, start: self.start.min(other.start), end: self.end.max(other.end) }
    }
}

/// A place for people: lines and columns count from 1, columns in characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location<'a> {
    /// Name of the source as given to [`SourceMap::add`], usually a path.
    pub name: &'a str,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

impl fmt::Display for Location<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.name, self.line, self.column)
    }
}

/// One text with its name.
#[derive(Clone, Debug)]
pub struct Source {
    name: String,
    text: Arc<str>,
    line_starts: Vec<u32>,
    /// Of a text that was made from others: where each part of it begins, and where it comes from.
    origins: Vec<(u32, Span)>,
    /// Where another text includes it.
    included: Option<Span>,
}

impl Source {
    /// The name given when it was added.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The whole text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The whole text, to be kept while the map grows.
    #[must_use]
    pub fn shared_text(&self) -> Arc<str> {
        Arc::clone(&self.text)
    }

    /// The line (from 0) that a byte offset lies in.
    #[must_use]
    pub fn line_index(&self, offset: u32) -> usize {
        self.line_starts.partition_point(|&start| start <= offset).saturating_sub(1)
    }
}

/// All texts that one piece of work has read.
#[derive(Clone, Debug, Default)]
pub struct SourceMap {
    sources: Vec<Source>,
}

impl SourceMap {
    /// Takes a text in and gives it an id. Texts above 4 GiB are cut at the limit of [`Span`].
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<String>) -> SourceId {
        let text = text.into();
        let newlines = text.bytes().enumerate().filter(|&(_, byte)| byte == b'\n');
        let line_starts = std::iter::once(0).chain(newlines.map(|(at, _)| at as u32 + 1)).collect();
        let source =
            Source { name: name.into(), text: text.into(), line_starts, origins: Vec::new(), included: None };
        self.sources.push(source);
        SourceId(self.sources.len() as u32 - 1)
    }

    /// Takes in a text that another includes.
    pub(crate) fn add_included(&mut self, name: String, text: String, by: Span) -> SourceId {
        let id = self.add(name, text);
        if let Some(source) = self.sources.last_mut() {
            source.included = Some(by);
        }
        id
    }

    /// Adds the places where the text with the caret is included, the nearest first, each once: in a circle they come again and again.
    pub(crate) fn with_includers(&self, mut diagnostic: Diagnostic) -> Diagnostic {
        let mut told = std::collections::HashSet::new();
        let mut source = diagnostic.span().map(|span| span.source);
        while let Some(by) = source.and_then(|id| self.get(id)?.included) {
            if !told.insert(self.locate(by).map(|place| (place.name, place.line, place.column))) {
                break;
            }
            diagnostic = diagnostic.also(by, "included here");
            source = Some(by.source);
        }
        diagnostic
    }

    /// The id that the next text will have.
    pub(crate) fn next_id(&self) -> SourceId {
        SourceId(self.sources.len() as u32)
    }

    /// Takes a text in whose parts stand for something that is written elsewhere: each begins at an offset, in order, and
    /// has a place of its own.
    pub(crate) fn add_made(&mut self, text: String, origins: Vec<(u32, Span)>) {
        self.add("", text);
        if let Some(source) = self.sources.last_mut() {
            source.origins = origins;
        }
    }

    /// Where people find what a span covers: the span itself, unless its text was made from another.
    #[must_use]
    pub fn written(&self, span: Span) -> Span {
        let origins = self.get(span.source).map_or(&[] as &[_], |source| source.origins.as_slice());
        let behind = origins.partition_point(|&(start, _)| start <= span.start);
        behind.checked_sub(1).and_then(|at| origins.get(at)).map_or(span, |&(_, written)| written)
    }

    /// The source of an id, unless the id came from another map.
    #[must_use]
    pub fn get(&self, id: SourceId) -> Option<&Source> {
        self.sources.get(id.0 as usize)
    }

    /// The text that a span covers; empty where the span does not fit.
    #[must_use]
    pub fn snippet(&self, span: Span) -> &str {
        self.get(span.source).and_then(|s| s.text.get(span.start as usize..span.end as usize)).unwrap_or("")
    }

    /// File, line and column of the start of a span.
    #[must_use]
    pub fn locate(&self, span: Span) -> Option<Location<'_>> {
        let source = self.get(span.source)?;
        let line = source.line_index(span.start);
        let start = source.line_starts[line] as usize;
        let before = source.text.get(start..span.start as usize).unwrap_or("");
        Some(Location {
            name: &source.name,
            line: line as u32 + 1,
            column: before.chars().count() as u32 + 1,
        })
    }
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Severity {
    /// The input is refused.
    Error,
    /// The input is taken, but probably not what was meant.
    Warning,
}

/// A place and what there is to say about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// Where.
    pub span: Span,
    /// What, in a few words; may be empty for the primary place.
    pub message: String,
}

/// One problem, with its places and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// One sentence without a full stop, in lower case.
    pub message: String,
    /// The places: the first is where the caret goes.
    pub labels: Vec<Label>,
    /// What to do, each a sentence of its own.
    pub help: Vec<String>,
    /// Whether it is that something which is named is not there.
    pub missing: bool,
}

impl Diagnostic {
    /// An error at a place.
    pub fn error(span: Span, message: impl Into<String>) -> Self {
        let labels = vec![Label { span, message: String::new() }];
        let (severity, message) = (Severity::Error, message.into());
        Diagnostic { severity, message, labels, help: Vec::new(), missing: false }
    }

    /// A warning at a place.
    pub fn warning(span: Span, message: impl Into<String>) -> Self {
        Diagnostic { severity: Severity::Warning, ..Diagnostic::error(span, message) }
    }

    /// An error: something that is named is not there.
    pub fn missing(span: Span, message: impl Into<String>) -> Self {
        Diagnostic { missing: true, ..Diagnostic::error(span, message) }
    }

    /// Words beside the caret.
    #[must_use]
    pub fn label(mut self, message: impl Into<String>) -> Self {
        if let Some(first) = self.labels.first_mut() {
            first.message = message.into();
        }
        self
    }

    /// A second place that matters.
    #[must_use]
    pub fn also(mut self, span: Span, message: impl Into<String>) -> Self {
        self.labels.push(Label { span, message: message.into() });
        self
    }

    /// What to do about it.
    #[must_use]
    pub fn help(mut self, message: impl Into<String>) -> Self {
        self.help.push(message.into());
        self
    }

    /// Asks whether a known word was meant, where there is one like the word that was written.
    #[must_use]
    pub fn did_you_mean(self, near: Option<impl fmt::Display>) -> Self {
        match near {
            Some(near) => self.help(suggestion(near)),
            None => self,
        }
    }

    /// Where the caret goes.
    #[must_use]
    pub fn span(&self) -> Option<Span> {
        self.labels.first().map(|label| label.span)
    }
}

/// The question whether another word was meant.
#[must_use]
pub fn suggestion(word: impl fmt::Display) -> String {
    format!("Did you mean `{word}`?")
}

/// The candidate nearest to a misspelt word, if one is near enough to be what was meant.
#[must_use]
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = word.chars().count();
    let limit = length.div_ceil(3).max(1);
    candidates
        .into_iter()
        // words of other lengths are never near, and comparing with a very long one would take its time
        .filter(|candidate| candidate.chars().count().abs_diff(length) <= limit)
        .map(|candidate| (edit_distance(word, candidate), candidate))
        .filter(|&(distance, _)| distance <= limit)
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, candidate)| candidate)
}

/// Insertions, deletions, replacements and swaps of neighbours that turn one word into the other.
fn edit_distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    rows[0] = (0..=b.len()).collect();
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let cost = usize::from(a[i - 1] != b[j - 1]);
            let mut best = (rows[i - 1][j] + 1).min(rows[i][j - 1] + 1).min(rows[i - 1][j - 1] + cost);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests;
