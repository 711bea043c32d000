//! TOML into the tree.

use std::ops::Range;

use netwright_nft::diagnostic::{Diagnostic, SourceId};
use toml::Spanned;
use toml::de::{DeTable, DeValue, Error};

use super::{Entry, Node, Parsed, Value, span};

/// Reads a TOML text, as far as it can be made out.
pub(crate) fn parse(source: SourceId, text: &str) -> Parsed {
    let (table, errors) = DeTable::parse_recoverable(text);
    let root = Node { span: span(source, 0..0), value: Value::Table(entries(source, table.get_ref())) };
    let broken = errors.iter().map(|error| span(source, error.span().unwrap_or(0..0))).collect();
    Parsed { root, diagnostics: report(source, text, &errors), broken }
}

fn entries(source: SourceId, table: &DeTable<'_>) -> Vec<Entry> {
    let mut entries: Vec<Entry> = table
        .iter()
        .map(|(key, value)| Entry {
            key: key.get_ref().clone().into_owned(),
            key_span: span(source, key.span()),
            node: node(source, value),
        })
        .collect();
    entries.sort_by_key(|entry| entry.key_span.start);
    entries
}

fn node(source: SourceId, value: &Spanned<DeValue<'_>>) -> Node {
    let content = match value.get_ref() {
        DeValue::String(text) => Value::String(text.clone().into_owned()),
        DeValue::Integer(number) => {
            i128::from_str_radix(number.as_str(), number.radix()).map_or(Value::Float, Value::Integer)
        }
        DeValue::Float(_) => Value::Float,
        DeValue::Boolean(value) => Value::Boolean(*value),
        DeValue::Datetime(_) => Value::Time,
        DeValue::Array(array) => Value::Array(array.iter().map(|item| node(source, item)).collect()),
        DeValue::Table(table) => Value::Table(entries(source, table)),
    };
    Node { span: span(source, value.span()), value: content }
}

/// The parser's errors, the first of each line: what follows on the same line is mostly its echo.
fn report(source: SourceId, text: &str, errors: &[Error]) -> Vec<Diagnostic> {
    let mut located: Vec<(Range<usize>, &Error)> =
        errors.iter().map(|error| (error.span().unwrap_or(0..0), error)).collect();
    located.sort_by_key(|(range, _)| range.start);
    let newlines: Vec<usize> = text.match_indices('\n').map(|(at, _)| at).collect();
    let line = |at: usize| newlines.partition_point(|&newline| newline < at);
    located.dedup_by_key(|(range, _)| line(range.start));
    // An array that is not closed swallows the rest of the file, a complaint for each line.
    located.dedup_by(|(_, later), (_, first)| {
        later.message() == first.message() && later.message().starts_with("missing comma")
    });
    located.into_iter().map(|(range, error)| explain(source, text, range, error.message())).collect()
}

fn explain(source: SourceId, text: &str, range: Range<usize>, message: &str) -> Diagnostic {
    let word = text.get(range.clone()).unwrap_or("");
    let at = span(source, range);
    if message == "duplicate key" {
        return Diagnostic::error(at, format!("`{word}` is given twice")).help("Remove one of the two.");
    }
    if message == "invalid basic string, expected `\"`" {
        return Diagnostic::error(at, "a string that is not closed on its line");
    }
    if !message.starts_with("string values must be quoted") {
        return Diagnostic::error(at, message);
    }
    match word {
        "" => Diagnostic::error(at, "a value is missing behind `=`"),
        "yes" | "on" | "True" | "Yes" | "On" => {
            Diagnostic::error(at, format!("`{word}` is not a value of TOML")).help("Write `true`.")
        }
        "no" | "off" | "False" | "No" | "Off" => {
            Diagnostic::error(at, format!("`{word}` is not a value of TOML")).help("Write `false`.")
        }
        _ => Diagnostic::error(at, format!("`{word}` must be quoted")).help(format!("Write `\"{word}\"`.")),
    }
}
