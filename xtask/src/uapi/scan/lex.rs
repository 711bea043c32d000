//! As much of Rust's lexical structure as the tables need.

/// A token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token<'a> {
    /// A line of documentation, without its slashes.
    Doc(&'a str),
    /// A name or keyword.
    Word(&'a str),
    /// An integer.
    Number(i128),
    /// A string, without its quotes.
    Text(&'a str),
    /// Any other character.
    Sign(char),
}

/// The tokens of a file with their lines, from 1. Comments are left out.
pub(crate) fn tokens(text: &str) -> Vec<(usize, Token<'_>)> {
    let mut found = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let mut rest = line.trim_start();
        while let Some(first) = rest.chars().next() {
            let (token, after) = token(rest, first);
            found.extend(token.map(|token| (index + 1, token)));
            rest = after.trim_start();
        }
    }
    found
}

fn token(rest: &str, first: char) -> (Option<Token<'_>>, &str) {
    if let Some(doc) = rest.strip_prefix("///") {
        return (Some(Token::Doc(doc)), "");
    }
    if rest.starts_with("//") {
        return (None, "");
    }
    if let Some(text) = rest.strip_prefix('"') {
        let (text, after) = text.split_once('"').unwrap_or((text, ""));
        return (Some(Token::Text(text)), after);
    }
    let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
    if end == 0 {
        return (Some(Token::Sign(first)), &rest[first.len_utf8()..]);
    }
    let (word, after) = rest.split_at(end);
    (Some(number(word).map_or(Token::Word(word), Token::Number)), after)
}

fn number(word: &str) -> Option<i128> {
    let digits = word.replace('_', "");
    match digits.strip_prefix("0x") {
        Some(hex) => i128::from_str_radix(hex, 16).ok(),
        None => digits.parse().ok(),
    }
}
