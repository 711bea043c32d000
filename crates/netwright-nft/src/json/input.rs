//! JSON to syntax tree, so that its meaning is found as that of text is.
//!
//! Words and numbers become literals whose text is that of the JSON. What has to be read differently (a string with escapes, a
//! boolean) gets a text of its own in a source made for it, whose parts know where they come from.

mod command;
mod expression;
mod members;
mod object;
mod path;
mod selector;
mod statement;

use super::reader::{self, Entry, Located, Value};
use crate::diagnostic::{Diagnostic, SourceId, SourceMap, Span, nearest};
use crate::syntax::Parsed;
use crate::syntax::ast::{Command, Name, Number, Time};
use members::Members;

/// The newest form of the schema that is understood (`json_schema_version`).
const SCHEMA_VERSION: u64 = 1;

/// So many errors are enough: what follows is noise, and a hostile text must not cost more memory than its size.
const MAX_ERRORS: usize = 100;

/// Reads commands, or a listing to be loaded, in the schema of `libnftables-json(5)`.
///
/// What the text says is evaluated, lowered and told about as if it had been written in the language. Of commands without a verb,
/// as listings have them, the handles mean nothing.
pub fn parse(sources: &mut SourceMap, id: SourceId) -> Parsed {
    let Some(text) = sources.get(id).map(|source| source.shared_text()) else { return Parsed::default() };
    let document = reader::read(id, &text);
    let mut input = Input {
        made_id: sources.next_id(),
        made: String::new(),
        origins: Vec::new(),
        diagnostics: Vec::new(),
        warnings: Vec::new(),
    };
    let mut commands = Vec::new();
    if document.diagnostics.is_empty() {
        // What is wrong was noted.
        let _ = input.document(&document.root, &mut commands);
    }
    let found = input.diagnostics.into_iter().chain(input.warnings);
    let found = found.map(|diagnostic| path::with_path(diagnostic, &document.root));
    let diagnostics = document.diagnostics.into_iter().chain(found).collect();
    if !input.made.is_empty() {
        sources.add_made(input.made, input.origins);
    }
    Parsed { commands, diagnostics, ..Parsed::default() }
}

/// The error of a function that has reported why.
#[derive(Clone, Copy, Debug)]
struct Reported;

type Read<T> = Result<T, Reported>;

/// A text being read into commands.
struct Input {
    /// The source of texts that the JSON does not have as they are needed.
    made_id: SourceId,
    made: String,
    origins: Vec<(u32, Span)>,
    diagnostics: Vec<Diagnostic>,
    warnings: Vec<Diagnostic>,
}

impl Input {
    fn document(&mut self, root: &Located, commands: &mut Vec<Command>) -> Read<()> {
        let members = self.object(root, "the document", &["nftables"])?;
        let list = members.need(self, "nftables")?;
        let list = self.array(list, "commands")?;
        for item in list {
            match self.command(item) {
                Ok(command) => commands.extend(command),
                Err(Reported) if self.diagnostics.len() >= MAX_ERRORS => return Err(Reported),
                Err(Reported) => {}
            }
        }
        Ok(())
    }

    fn report<T>(&mut self, diagnostic: Diagnostic) -> Read<T> {
        if self.diagnostics.len() < MAX_ERRORS {
            self.diagnostics.push(diagnostic);
        }
        Err(Reported)
    }

    fn error<T>(&mut self, span: Span, message: impl Into<String>) -> Read<T> {
        self.report(Diagnostic::error(span, message))
    }

    /// An error about a word that is none of several.
    fn unknown<T>(&mut self, span: Span, word: &str, what: &str, known: &[&str]) -> Read<T> {
        let diagnostic = Diagnostic::error(span, format!("there is no {what} `{}`", clip(word)));
        let near = if word.len() > 40 { None } else { nearest(word, known.iter().copied()) };
        self.report(diagnostic.did_you_mean(near))
    }

    fn wrong_type<T>(&mut self, node: &Located, wanted: &str) -> Read<T> {
        self.error(node.span, format!("{wanted} is needed here, this is {}", describe(&node.value)))
    }

    /// An object; members without a known name are ignored.
    fn object<'t>(&mut self, node: &'t Located, what: &'static str, known: &[&str]) -> Read<Members<'t>> {
        let Value::Object(entries) = &node.value else {
            return self.wrong_type(node, &format!("an object for {what}"));
        };
        for entry in entries.iter().filter(|entry| !known.contains(&entry.key.as_str())) {
            self.ignored(entry, what, known);
        }
        Ok(Members { span: node.span, what, entries })
    }

    /// A warning about a member that means nothing.
    fn ignored(&mut self, entry: &Entry, what: &str, known: &[&str]) {
        if self.warnings.len() >= MAX_ERRORS {
            return;
        }
        let word = &entry.key;
        let message = format!("`{}` is no member of {what}: it is ignored", clip(word));
        let near = if word.len() > 40 { None } else { nearest(word, known.iter().copied()) };
        self.warnings.push(Diagnostic::warning(entry.key_span, message).did_you_mean(near));
    }

    /// The only member of an object.
    fn single<'t>(&mut self, node: &'t Located, what: &str) -> Read<&'t Entry> {
        match &node.value {
            Value::Object(entries) => match entries.as_slice() {
                [entry] => Ok(entry),
                _ => {
                    let count = entries.len();
                    self.error(
                        node.span,
                        format!("{what} is an object with one member, this one has {count}"),
                    )
                }
            },
            _ => self.wrong_type(node, &format!("an object for {what}")),
        }
    }

    fn array<'t>(&mut self, node: &'t Located, what: &str) -> Read<&'t [Located]> {
        match &node.value {
            Value::Array(items) => Ok(items),
            _ => self.wrong_type(node, &format!("an array of {what}")),
        }
    }

    /// An array of exactly two.
    fn pair<'t>(&mut self, node: &'t Located, what: &str) -> Read<[&'t Located; 2]> {
        match self.array(node, what)? {
            [first, second] => Ok([first, second]),
            items => {
                let count = items.len();
                self.error(node.span, format!("two {what} are needed here, not {count}"))
            }
        }
    }

    fn string<'t>(&mut self, node: &'t Located, what: &str) -> Read<&'t str> {
        match &node.value {
            Value::String(text) => Ok(text),
            _ => self.wrong_type(node, &format!("a string for {what}")),
        }
    }

    fn name(&mut self, node: &Located, what: &str) -> Read<Name> {
        self.string(node, what)?;
        Ok(Name { span: self.span(node) })
    }

    /// One string, or an array of strings.
    fn names(&mut self, node: &Located, what: &str) -> Read<Vec<Name>> {
        self.some(node).iter().map(|item| self.name(item, what)).collect()
    }

    /// The items of an array; anything else is the only item.
    fn some<'t>(&self, node: &'t Located) -> &'t [Located] {
        match &node.value {
            Value::Array(items) => items,
            _ => std::slice::from_ref(node),
        }
    }

    fn number(&mut self, node: &Located, what: &str) -> Read<Number> {
        match &node.value {
            Value::Integer(value) => match u64::try_from(*value) {
                Ok(value) => Ok(Number { span: node.span, value }),
                Err(_) => self.error(node.span, format!("{what} is between 0 and {}", u64::MAX)),
            },
            _ => self.wrong_type(node, &format!("a whole number for {what}")),
        }
    }

    fn boolean(&mut self, node: &Located, what: &str) -> Read<bool> {
        match &node.value {
            Value::Boolean(value) => Ok(*value),
            _ => self.wrong_type(node, &format!("true or false for {what}")),
        }
    }

    /// A length of time in units of so many milliseconds.
    fn time(&mut self, node: &Located, what: &str, unit: u64) -> Read<Time> {
        let number = self.number(node, what)?;
        match number.value.checked_mul(unit) {
            Some(milliseconds) => Ok(Time { span: node.span, milliseconds: Some(milliseconds) }),
            None => self.error(node.span, format!("{what} is too great")),
        }
    }

    /// Where the text of a value is to be read: at its place, unless it has escapes.
    fn span(&mut self, node: &Located) -> Span {
        match &node.value {
            // Each escape is longer than what it stands for.
            Value::String(text)
                if node.span.end.saturating_sub(node.span.start) as usize != text.len() + 2 =>
            {
                self.made(&format!("\"{text}\""), node.span)
            }
            _ => node.span,
        }
    }

    /// A text of its own for something that is written elsewhere.
    fn made(&mut self, text: &str, written: Span) -> Span {
        let start = u32::try_from(self.made.len()).unwrap_or(u32::MAX);
        self.origins.push((start, written));
        self.made.push_str(text);
        let end = u32::try_from(self.made.len()).unwrap_or(u32::MAX);
        Span { source: self.made_id, start, end }
    }

    /// Where a part of a string is to be read; the range is that of its text without quotes.
    fn part(&mut self, node: &Located, range: std::ops::Range<usize>) -> Span {
        let whole = self.span(node);
        let offset =
            |at: usize| whole.start.saturating_add(1).saturating_add(u32::try_from(at).unwrap_or(u32::MAX));
        Span { source: whole.source, start: offset(range.start), end: offset(range.end) }
    }
}

/// What a value is, for `this is …`.
fn describe(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Boolean(value) => format!("{value}"),
        Value::Integer(value) => format!("the number {value}"),
        Value::Float => "a number that is not whole".into(),
        Value::String(text) => format!("the string `{}`", clip(text)),
        Value::Array(_) => "an array".into(),
        Value::Object(_) => "an object".into(),
    }
}

/// A text as it fits into a message.
fn clip(text: &str) -> String {
    if text.chars().count() <= 40 { text.to_string() } else { text.chars().take(40).chain(['…']).collect() }
}

#[cfg(test)]
mod tests;
