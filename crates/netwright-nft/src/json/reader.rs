//! JSON texts as trees: RFC 8259, with places, a limit on depth, and repeated names refused.

use std::collections::HashMap;

use crate::diagnostic::{Diagnostic, SourceId, Span};

/// How deep arrays and objects may lie in each other. Whoever walks over a tree recurses, so this bounds the stack for all.
const DEPTH: usize = 64;

/// So many errors are enough: what follows is noise, and a hostile text must not cost more memory than its size.
const MAX_ERRORS: usize = 100;

/// A value and where it stands.
#[derive(Clone, Debug)]
pub struct Located {
    /// From its first character to its last, with the quotes of a string.
    pub span: Span,
    /// What it is.
    pub value: Value,
}

/// What a value is.
#[derive(Clone, Debug)]
pub enum Value {
    /// `null`
    Null,
    /// `true` or `false`
    Boolean(bool),
    /// A whole number.
    Integer(i128),
    /// A number that is not whole, or too great; its worth is not kept.
    Float,
    /// A string, its escapes resolved.
    String(String),
    /// Values one after the other.
    Array(Vec<Located>),
    /// Values by name, in the order of the text. Of a repeated name only the first is kept.
    Object(Vec<Entry>),
}

/// A member of an object.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its name, escapes resolved.
    pub key: String,
    /// Where the name stands, with its quotes.
    pub key_span: Span,
    /// Its value.
    pub node: Located,
}

/// What a text was read into.
#[derive(Clone, Debug)]
pub struct Document {
    /// The outermost value; an empty object where the text could not be followed.
    pub root: Located,
    /// What is wrong: names that are repeated, and the first place that is no JSON.
    pub diagnostics: Vec<Diagnostic>,
}

/// A range of bytes as a span; offsets beyond 4 GiB stay at the end.
fn span(source: SourceId, range: std::ops::Range<usize>) -> Span {
    let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    Span { source, start: offset(range.start), end: offset(range.end) }
}

/// Reads a JSON text up to its first mistake.
#[must_use]
pub fn read(source: SourceId, text: &str) -> Document {
    let mut reader = Reader { source, text, at: 0, diagnostics: Vec::new() };
    let root = reader.document().unwrap_or_else(|wrong| {
        reader.diagnostics.push(wrong);
        Located { span: span(source, 0..0), value: Value::Object(Vec::new()) }
    });
    Document { root, diagnostics: reader.diagnostics }
}

struct Reader<'a> {
    source: SourceId,
    text: &'a str,
    at: usize,
    diagnostics: Vec<Diagnostic>,
}

type Read<T> = Result<T, Diagnostic>;

impl<'a> Reader<'a> {
    fn document(&mut self) -> Read<Located> {
        self.take('\u{feff}');
        let root = self.value(0)?;
        self.space();
        match self.peek() {
            None => Ok(root),
            Some(_) => Err(self.wrong("expected the end of the file")),
        }
    }

    fn value(&mut self, depth: usize) -> Read<Located> {
        self.space();
        let start = self.at;
        let value = match self.peek() {
            _ if depth > DEPTH => return Err(self.wrong("too many arrays and objects in each other")),
            Some('{') => self.object(depth)?,
            Some('[') => self.array(depth)?,
            Some('"') => Value::String(self.string()?),
            Some('-' | '0'..='9') => self.number()?,
            Some(first) if first.is_ascii_alphabetic() => self.word()?,
            _ => return Err(self.wrong("expected a value")),
        };
        Ok(Located { span: span(self.source, start..self.at), value })
    }

    fn object(&mut self, depth: usize) -> Read<Value> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut known = HashMap::<String, Span>::new();
        self.take('{');
        self.space();
        if self.take('}') {
            return Ok(Value::Object(entries));
        }
        loop {
            self.space();
            let start = self.at;
            if self.peek() != Some('"') {
                return Err(self.wrong("expected a key in quotes"));
            }
            let key = self.string()?;
            let key_span = span(self.source, start..self.at);
            self.space();
            if !self.take(':') {
                return Err(self.wrong("expected `:` behind the key"));
            }
            let node = self.value(depth + 1)?;
            match known.insert(key.clone(), key_span) {
                Some(first) => self.repeated(&key, key_span, first)?,
                None => entries.push(Entry { key, key_span, node }),
            }
            self.space();
            if self.take('}') {
                return Ok(Value::Object(entries));
            }
            if !self.take(',') {
                return Err(self.wrong("expected `,` or `}`"));
            }
        }
    }

    fn repeated(&mut self, key: &str, again: Span, first: Span) -> Read<()> {
        let wrong = Diagnostic::error(again, format!("`{key}` is given twice"))
            .also(first, "first here")
            .help("Remove one of the two.");
        if self.diagnostics.len() >= MAX_ERRORS {
            return Err(wrong);
        }
        self.diagnostics.push(wrong);
        Ok(())
    }

    fn array(&mut self, depth: usize) -> Read<Value> {
        let mut items = Vec::new();
        self.take('[');
        self.space();
        if self.take(']') {
            return Ok(Value::Array(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.space();
            if self.take(']') {
                return Ok(Value::Array(items));
            }
            if !self.take(',') {
                return Err(self.wrong("expected `,` or `]`"));
            }
        }
    }

    fn string(&mut self) -> Read<String> {
        let start = self.at;
        self.take('"');
        let mut text = String::new();
        loop {
            match self.next() {
                Some('"') => return Ok(text),
                Some('\\') => text.push(self.escape()?),
                Some(c) if c >= ' ' => text.push(c),
                Some(_) | None => {
                    let at = span(self.source, start..self.at);
                    return Err(Diagnostic::error(at, "a string that is not closed on its line"));
                }
            }
        }
    }

    fn escape(&mut self) -> Read<char> {
        let start = self.at.saturating_sub(1);
        let simple = match self.next() {
            Some(c @ ('"' | '\\' | '/')) => Some(c),
            Some('b') => Some('\u{8}'),
            Some('f') => Some('\u{c}'),
            Some('n') => Some('\n'),
            Some('r') => Some('\r'),
            Some('t') => Some('\t'),
            Some('u') => self.unicode(),
            _ => None,
        };
        let wrong =
            || Diagnostic::error(span(self.source, start..self.at), "an escape that JSON does not have");
        simple.ok_or_else(wrong)
    }

    /// The rest of `\uXXXX`, and its second half where it is the first of a surrogate pair.
    fn unicode(&mut self) -> Option<char> {
        let high = self.hexadecimal()?;
        if !(0xd800..0xdc00).contains(&high) {
            return char::from_u32(high);
        }
        let low = (self.take('\\') && self.take('u')).then(|| self.hexadecimal())??;
        let low = low.checked_sub(0xdc00).filter(|&low| low < 0x400)?;
        char::from_u32(0x10000 + ((high - 0xd800) << 10) + low)
    }

    fn hexadecimal(&mut self) -> Option<u32> {
        let digits = self.text.get(self.at..self.at + 4)?;
        let value = digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then_some(digits)?;
        self.at += 4;
        u32::from_str_radix(value, 16).ok()
    }

    fn number(&mut self) -> Read<Value> {
        let rest = self.rest();
        let length = rest.find(|c: char| !matches!(c, '0'..='9' | '-' | '+' | '.' | 'e' | 'E'));
        let number = rest.get(..length.unwrap_or(rest.len())).unwrap_or("");
        let digits = number.strip_prefix('-').unwrap_or(number);
        let leading_zero = digits.starts_with('0') && digits[1..].starts_with(|c: char| c.is_ascii_digit());
        let start = self.at;
        self.at += number.len();
        match number.parse::<i128>() {
            Ok(value) if !leading_zero => Ok(Value::Integer(value)),
            Err(_) if !leading_zero && number.parse::<f64>().is_ok() => Ok(Value::Float),
            _ => {
                Err(Diagnostic::error(span(self.source, start..self.at), "a number that JSON does not have"))
            }
        }
    }

    fn word(&mut self) -> Read<Value> {
        let rest = self.rest();
        let length = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
        let word = rest.get(..length).unwrap_or("");
        let value = match word {
            "true" => Value::Boolean(true),
            "false" => Value::Boolean(false),
            "null" => Value::Null,
            _ => {
                let at = span(self.source, self.at..self.at + length);
                return Err(Diagnostic::error(at, format!("`{word}` must be quoted")));
            }
        };
        self.at += length;
        Ok(value)
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        Some(next)
    }

    fn take(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        if found {
            self.at += wanted.len_utf8();
        }
        found
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(' ' | '\t' | '\n' | '\r')) {
            self.at += 1;
        }
    }

    fn wrong(&self, message: &str) -> Diagnostic {
        let width = self.peek().map_or(0, char::len_utf8);
        Diagnostic::error(span(self.source, self.at..self.at + width), message)
    }
}

#[cfg(test)]
mod tests;
