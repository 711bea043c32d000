//! Texts from a grammar: valid, and almost.
//!
//! A grammar is a text of sections `[name]`; each line below is one way to write it. In a line `<name>` stands for a section, `<name?>` for
//! one or nothing, `<name*>` for up to three. What no section says, the [`Vocabulary`] does.

use std::collections::HashMap;

use netwright_lab::random::Random;

use super::vocabulary::Vocabulary;

/// A grammar.
#[derive(Debug)]
pub(super) struct Grammar {
    sections: HashMap<&'static str, Vec<&'static str>>,
    vocabulary: Vocabulary,
}

/// How deeply sections hold each other.
const DEEPEST: usize = 12;

impl Grammar {
    /// Reads a grammar.
    pub(super) fn new(text: &'static str) -> Self {
        let mut sections: HashMap<&'static str, Vec<&'static str>> = HashMap::new();
        let mut name = "";
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            match line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                Some(section) => name = section,
                None => sections.entry(name).or_default().push(line),
            }
        }
        Grammar { sections, vocabulary: Vocabulary::new() }
    }

    /// A text of a section.
    pub(super) fn text(&self, section: &str, random: &mut Random) -> String {
        let mut out = String::new();
        self.expand(section, random, 0, &mut out);
        out
    }

    fn expand(&self, section: &str, random: &mut Random, depth: usize, out: &mut String) {
        let Some(lines) = self.sections.get(section) else {
            match self.vocabulary.text(section, random) {
                Some(text) => out.push_str(&text),
                None => {
                    // A comparison in the text itself: `tcp dport < 22`.
                    out.push('<');
                    out.push_str(section);
                    out.push('>');
                }
            }
            return;
        };
        // Far down, what is simplest: the first line.
        let line = if depth > DEEPEST { lines[0] } else { *random.pick(lines) };
        self.line(line, random, depth, out);
    }

    fn line(&self, line: &str, random: &mut Random, depth: usize, out: &mut String) {
        let mut rest = line;
        while let Some(start) = rest.find('<') {
            out.push_str(&rest[..start]);
            rest = &rest[start + 1..];
            let length =
                rest.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'-').count();
            let behind = &rest[length..];
            let (times, mark) = match behind.as_bytes() {
                [b'>', ..] if length > 0 => (1, 1),
                [b'?', b'>', ..] => (random.below(2), 2),
                [b'*', b'>', ..] => (random.below(4), 2),
                _ => {
                    out.push('<');
                    continue;
                }
            };
            for time in 0..times {
                if time > 0 {
                    out.push(' ');
                }
                self.expand(&rest[..length], random, depth + 1, out);
            }
            rest = &behind[mark..];
        }
        out.push_str(rest);
    }
}
