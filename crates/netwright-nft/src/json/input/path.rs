//! The way from the root of a JSON text to a place in it: `nftables[2].add.rule.expr[0]`.

use std::fmt::Write;

use super::super::reader::{Located, Value};
use crate::diagnostic::{Diagnostic, Span};

/// A diagnostic that also says which member it is about.
pub(super) fn with_path(diagnostic: Diagnostic, root: &Located) -> Diagnostic {
    match diagnostic.span().map(|span| path(root, span)) {
        Some(path) if !path.is_empty() => diagnostic.label(format!("in {path}")),
        _ => diagnostic,
    }
}

/// The names and indices that lead to the smallest value that holds a span.
fn path(root: &Located, span: Span) -> String {
    let (mut at, mut path) = (root, String::new());
    loop {
        // Writing to a string cannot fail.
        at = match &at.value {
            Value::Array(items) => {
                let index = items.partition_point(|item| item.span.end < span.end);
                let Some(item) = items.get(index).filter(|item| item.span.start <= span.start) else {
                    return path;
                };
                let _ = write!(path, "[{index}]");
                item
            }
            Value::Object(entries) => {
                let index = entries.partition_point(|entry| entry.node.span.end < span.end);
                let Some(entry) = entries.get(index).filter(|entry| entry.node.span.start <= span.start)
                else {
                    return path;
                };
                let separator = if path.is_empty() { "" } else { "." };
                let _ = write!(path, "{separator}{}", super::clip(&entry.key));
                &entry.node
            }
            _ => return path,
        };
    }
}
