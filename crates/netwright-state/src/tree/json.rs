//! JSON into the tree: RFC 8259, with places, a limit on depth, and repeated keys refused.

use netwright_nft::diagnostic::{Diagnostic, SourceId, Span};

use super::{Entry, Node, Parsed, Value, span};

/// How deep arrays and objects may lie in each other; a host file needs six.
const DEPTH: usize = 64;

/// Reads a JSON text up to its first mistake.
pub(crate) fn parse(source: SourceId, text: &str) -> Parsed {
    let mut reader = Reader { source, text, at: 0, diagnostics: Vec::new() };
    let root = reader.document().unwrap_or_else(|wrong| {
        reader.diagnostics.push(wrong);
        Node { span: span(source, 0..0), value: Value::Table(Vec::new()) }
    });
    let broken = reader.diagnostics.iter().filter_map(Diagnostic::span).collect();
    Parsed { root, diagnostics: reader.diagnostics, broken }
}

struct Reader<'a> {
    source: SourceId,
    text: &'a str,
    at: usize,
    diagnostics: Vec<Diagnostic>,
}

type Read<T> = Result<T, Diagnostic>;

impl<'a> Reader<'a> {
    fn document(&mut self) -> Read<Node> {
        self.take('\u{feff}');
        let root = self.value(0)?;
        self.space();
        match self.peek() {
            None => Ok(root),
            Some(_) => Err(self.wrong("expected the end of the file")),
        }
    }

    fn value(&mut self, depth: usize) -> Read<Node> {
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
        Ok(Node { span: span(self.source, start..self.at), value })
    }

    fn object(&mut self, depth: usize) -> Read<Value> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut known = std::collections::HashMap::<String, Span>::new();
        self.take('{');
        self.space();
        if self.take('}') {
            return Ok(Value::Table(entries));
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
                Some(first) => self.diagnostics.push(
                    Diagnostic::error(key_span, format!("`{key}` is given twice"))
                        .also(first, "first here")
                        .help("Remove one of the two."),
                ),
                None => entries.push(Entry { key, key_span, node }),
            }
            self.space();
            if self.take('}') {
                return Ok(Value::Table(entries));
            }
            if !self.take(',') {
                return Err(self.wrong("expected `,` or `}`"));
            }
        }
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
