//! What is below the keys: the TOML tree with its places.

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;

use netwright_nft::diagnostic::{Diagnostic, SourceId, SourceMap, Span};
use toml::Spanned;
use toml::de::{DeTable, DeValue, Error};

/// The entries of a table in the order of the file.
pub(super) fn entries<'v, 't>(
    table: &'v DeTable<'t>,
) -> Vec<(&'v Spanned<Cow<'t, str>>, &'v Spanned<DeValue<'t>>)> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    entries
}

/// A range of bytes as a span; offsets beyond 4 GiB stay at the end.
pub(super) fn span(source: SourceId, range: Range<usize>) -> Span {
    let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    Span { source, start: offset(range.start), end: offset(range.end) }
}

/// What a value is, for `found …`.
pub(super) fn describe(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    }
}

/// Adds what the parser complains of, the first of each line. On such a line the tree is a guess, so what was found there (from `found` on) is left
/// out.
pub(super) fn report(
    sources: &SourceMap,
    source: SourceId,
    text: &str,
    errors: &[Error],
    found: usize,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let line = |at: Span| sources.get(at.source).map_or(0, |source| source.line_index(at.start));
    let mut broken = HashSet::new();
    let mut complaints = Vec::new();
    for error in errors {
        let at = span(source, error.span().unwrap_or(0..0));
        if broken.insert(line(at)) {
            complaints.push(explain(at, text, error));
        }
    }
    // An array that is not closed swallows the rest of the file, a complaint for each line.
    complaints.dedup_by(|later, first| {
        later.message == first.message && later.message.starts_with("missing comma")
    });
    let mut index = 0;
    diagnostics.retain(|diagnostic| {
        index += 1;
        let here = diagnostic.span().filter(|at| at.source == source);
        index <= found || here.is_none_or(|at| !broken.contains(&line(at)))
    });
    diagnostics.extend(complaints);
}

fn explain(at: Span, text: &str, error: &Error) -> Diagnostic {
    let word = text.get(at.start as usize..at.end as usize).unwrap_or("");
    match error.message() {
        "duplicate key" => {
            Diagnostic::error(at, format!("`{word}` is given twice")).help("Put both lists into one.")
        }
        "invalid basic string, expected `\"`" => {
            Diagnostic::error(at, "a string that is not closed on its line")
        }
        message if message.starts_with("string values must be quoted") && word.is_empty() => {
            Diagnostic::error(at, "a value is missing behind `=`")
        }
        message if message.starts_with("string values must be quoted") => {
            Diagnostic::error(at, format!("`{word}` must be quoted")).help(format!("Write `\"{word}\"`."))
        }
        message => Diagnostic::error(at, message.to_owned()),
    }
}
