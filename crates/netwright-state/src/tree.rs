//! The tree that TOML and JSON texts are both read into: values with their places.

mod json;
mod toml;

use netwright_nft::diagnostic::{Diagnostic, SourceId, Span};

pub(crate) use self::json::parse as parse_json;
pub(crate) use self::toml::parse as parse_toml;

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) span: Span,
    pub(crate) value: Value,
}

/// What a value is.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Null,
    Boolean(bool),
    Integer(i128),
    /// A number that is no integer; its worth does not matter, since no key takes one.
    Float,
    String(String),
    /// A date or time of TOML.
    Time,
    Array(Vec<Node>),
    /// In the order of the file.
    Table(Vec<Entry>),
}

/// A key of a table with its value.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) key_span: Span,
    pub(crate) node: Node,
}

/// What a text was read into: as much of the tree as could be made out, and what was wrong.
pub(crate) struct Parsed {
    pub(crate) root: Node,
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// Every place where the text could not be followed, told or not.
    pub(crate) broken: Vec<Span>,
}

impl Node {
    /// What it is, for `found …`.
    pub(crate) fn describe(&self) -> String {
        match &self.value {
            Value::Null => "nothing".into(),
            Value::Boolean(value) => format!("the boolean `{value}`"),
            Value::Integer(value) => format!("the integer {value}"),
            Value::Float => "a number that is not whole".into(),
            Value::String(text) if text.len() <= 40 => format!("the string {text:?}"),
            Value::String(_) => "a string".into(),
            Value::Time => "a date or time".into(),
            Value::Array(_) => "an array".into(),
            Value::Table(_) => "a table".into(),
        }
    }
}

/// A range of bytes as a span; offsets beyond 4 GiB stay at the end.
fn span(source: SourceId, range: std::ops::Range<usize>) -> Span {
    let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    Span { source, start: offset(range.start), end: offset(range.end) }
}
