//! JSON into the tree.

use netwright_nft::diagnostic::{Diagnostic, SourceId};
use netwright_nft::json::reader::{self, Located};

use super::{Entry, Node, Parsed, Value};

/// Reads a JSON text up to its first mistake.
pub(crate) fn parse(source: SourceId, text: &str) -> Parsed {
    let document = reader::read(source, text);
    let broken = document.diagnostics.iter().filter_map(Diagnostic::span).collect();
    Parsed { root: document.root.into(), diagnostics: document.diagnostics, broken }
}

impl From<Located> for Node {
    fn from(located: Located) -> Node {
        let value = match located.value {
            reader::Value::Null => Value::Null,
            reader::Value::Boolean(value) => Value::Boolean(value),
            reader::Value::Integer(value) => Value::Integer(value),
            reader::Value::Float => Value::Float,
            reader::Value::String(text) => Value::String(text),
            reader::Value::Array(items) => Value::Array(items.into_iter().map(Node::from).collect()),
            reader::Value::Object(entries) => Value::Table(entries.into_iter().map(Entry::from).collect()),
        };
        Node { span: located.span, value }
    }
}

impl From<reader::Entry> for Entry {
    fn from(entry: reader::Entry) -> Entry {
        Entry { key: entry.key, key_span: entry.key_span, node: entry.node.into() }
    }
}
