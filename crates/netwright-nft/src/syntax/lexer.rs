//! Text to tokens. No keyword is known here: nft's keywords are keywords only where the grammar expects them, so a word stays a
//! word and the parser decides.

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// The end of the text.
    End,
    Newline,
    Semicolon,
    /// Starts with a letter; letters, digits, `/`, `-`, `_`, `.` and `\` follow.
    Word,
    /// A word and `*`.
    Wildcard,
    /// Decimal or `0x` digits.
    Number,
    /// Digits with units of time.
    Time,
    /// Digits with dots.
    Dotted,
    /// Hexadecimal groups with colons.
    Colons,
    /// Between double quotes, which the token includes.
    String,
    /// A double quote without its partner on the same line.
    OpenString,
    Star,
    OpenBrace,
    CloseBrace,
    OpenParenthesis,
    CloseParenthesis,
    OpenBracket,
    CloseBracket,
    Comma,
    Dot,
    Colon,
    Slash,
    Dash,
    Plus,
    Assign,
    Equal,
    NotEqual,
    Less,
    Greater,
    LessOrEqual,
    GreaterOrEqual,
    ShiftLeft,
    ShiftRight,
    Ampersand,
    Pipe,
    Caret,
    Bang,
    At,
    Dollar,
    /// A character that means nothing in nft.
    Junk,
}

/// A token: its kind and where it lies in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// The token at or behind `from`, past blanks, comments and continued lines.
pub(super) fn next_token(text: &str, from: usize) -> Token {
    let bytes = text.as_bytes();
    let start = skip_blanks(bytes, from);
    let Some(&first) = bytes.get(start) else {
        return Token { kind: TokenKind::End, start: bytes.len(), end: bytes.len() };
    };
    let (kind, end) = scan(bytes, start, first);
    let mut end = end.min(bytes.len());
    while !text.is_char_boundary(end) {
        end += 1;
    }
    Token { kind, start, end }
}

fn scan(bytes: &[u8], start: usize, first: u8) -> (TokenKind, usize) {
    if (first == b':' || first.is_ascii_hexdigit())
        && let Some(end) = colons(bytes, start)
    {
        return (TokenKind::Colons, end);
    }
    match first {
        b'0'..=b'9' => number(bytes, start),
        b'a'..=b'z' | b'A'..=b'Z' | b'_' => word(bytes, start),
        b'"' => string(bytes, start),
        _ => punctuation(first, bytes.get(start + 1).copied(), start),
    }
}

fn punctuation(first: u8, second: Option<u8>, start: usize) -> (TokenKind, usize) {
    let two = match (first, second) {
        (b'=', Some(b'=')) => Some(TokenKind::Equal),
        (b'!', Some(b'=')) => Some(TokenKind::NotEqual),
        (b'<', Some(b'=')) => Some(TokenKind::LessOrEqual),
        (b'>', Some(b'=')) => Some(TokenKind::GreaterOrEqual),
        (b'<', Some(b'<')) => Some(TokenKind::ShiftLeft),
        (b'>', Some(b'>')) => Some(TokenKind::ShiftRight),
        _ => None,
    };
    if let Some(kind) = two {
        return (kind, start + 2);
    }
    let kind = match first {
        b'\n' => TokenKind::Newline,
        b';' => TokenKind::Semicolon,
        b'*' => TokenKind::Star,
        b'{' => TokenKind::OpenBrace,
        b'}' => TokenKind::CloseBrace,
        b'(' => TokenKind::OpenParenthesis,
        b')' => TokenKind::CloseParenthesis,
        b'[' => TokenKind::OpenBracket,
        b']' => TokenKind::CloseBracket,
        b',' => TokenKind::Comma,
        b'.' => TokenKind::Dot,
        b':' => TokenKind::Colon,
        b'/' => TokenKind::Slash,
        b'-' => TokenKind::Dash,
        b'+' => TokenKind::Plus,
        b'=' => TokenKind::Assign,
        b'<' => TokenKind::Less,
        b'>' => TokenKind::Greater,
        b'&' => TokenKind::Ampersand,
        b'|' => TokenKind::Pipe,
        b'^' => TokenKind::Caret,
        b'!' => TokenKind::Bang,
        b'@' => TokenKind::At,
        b'$' => TokenKind::Dollar,
        _ => TokenKind::Junk,
    };
    (kind, start + 1)
}

fn skip_blanks(bytes: &[u8], mut at: usize) -> usize {
    loop {
        match bytes.get(at) {
            Some(b' ' | b'\t' | b'\r') => at += 1,
            Some(b'\\') if bytes.get(at + 1) == Some(&b'\n') => at += 2,
            Some(b'\\') if bytes.get(at + 1..at + 3) == Some(b"\r\n") => at += 3,
            Some(b'#') => at += run(bytes, at, |byte| byte != b'\n'),
            _ => return at,
        }
    }
}

/// How many bytes from `at` on satisfy the condition.
fn run(bytes: &[u8], at: usize, condition: impl Fn(u8) -> bool) -> usize {
    bytes.get(at..).unwrap_or(&[]).iter().take_while(|&&byte| condition(byte)).count()
}

fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_' | b'.')
}

fn word(bytes: &[u8], start: usize) -> (TokenKind, usize) {
    let mut end = start;
    loop {
        end += run(bytes, end, is_word_byte);
        match (bytes.get(end), bytes.get(end + 1)) {
            (Some(b'\\'), Some(b'*')) => return (TokenKind::Word, end + 2),
            (Some(b'\\'), Some(&next)) if is_word_byte(next) => end += 1,
            (Some(b'*'), _) => return (TokenKind::Wildcard, end + 1),
            _ => return (TokenKind::Word, end),
        }
    }
}

fn string(bytes: &[u8], start: usize) -> (TokenKind, usize) {
    let end = start + 1 + run(bytes, start + 1, |byte| byte != b'"' && byte != b'\n');
    if bytes.get(end) == Some(&b'"') { (TokenKind::String, end + 1) } else { (TokenKind::OpenString, end) }
}

/// An IPv6 address, a link layer address or a traffic control handle, unless it runs into a word or is a number with a
/// colon behind it.
fn colons(bytes: &[u8], start: usize) -> Option<usize> {
    // Nothing of this kind is longer, and what turns out to be none is looked at again behind each of its colons.
    const LONGEST: usize = 64;
    let window = bytes.get(..bytes.len().min(start + LONGEST))?;
    let mut end = start + run(window, start, |byte| byte.is_ascii_hexdigit() || byte == b':');
    let mut text = bytes.get(start..end)?;
    let double = text.windows(2).any(|pair| pair == b"::");
    if bytes.get(end) == Some(&b'.') && (double || text.iter().filter(|&&byte| byte == b':').count() == 6) {
        end += run(bytes, end, |byte| byte.is_ascii_digit() || byte == b'.');
        text = bytes.get(start..end)?;
    }
    if bytes.get(end).is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_') {
        return None;
    }
    if text.ends_with(b":") && !text.ends_with(b"::") {
        text = text.get(..text.len() - 1)?;
        end -= 1;
    }
    let groups = text.split(|&byte| byte == b':');
    let good = match text.iter().filter(|&&byte| byte == b':').count() {
        0 => false,
        1 => groups.into_iter().all(|group| (1..=4).contains(&group.len())),
        _ => !text.starts_with(b":") || text.starts_with(b"::"),
    };
    good.then_some(end)
}

fn number(bytes: &[u8], start: usize) -> (TokenKind, usize) {
    let digits = start + run(bytes, start, |byte| byte.is_ascii_digit());
    if bytes.get(start..start + 2).is_some_and(|prefix| prefix.eq_ignore_ascii_case(b"0x")) {
        let hexadecimal = run(bytes, start + 2, |byte| byte.is_ascii_hexdigit());
        if hexadecimal > 0 {
            return (TokenKind::Number, start + 2 + hexadecimal);
        }
    }
    if let Some(end) = dotted(bytes, digits) {
        return (TokenKind::Dotted, end);
    }
    if let Some(end) = time(bytes, start) {
        return (TokenKind::Time, end);
    }
    for name in [b"8021q".as_slice(), b"8021ad"] {
        let end = start + name.len();
        if bytes.get(start..end) == Some(name) && !bytes.get(end).is_some_and(u8::is_ascii_alphanumeric) {
            return (TokenKind::Word, end);
        }
    }
    (TokenKind::Number, digits)
}

/// The end of a dotted number whose first group ends at `end`.
fn dotted(bytes: &[u8], mut end: usize) -> Option<usize> {
    let first = end;
    // Three more groups at most: an address is followed by ` . ` in a concatenation, with or without the blanks.
    for _ in 0..3 {
        let digits = run(bytes, end + 1, |byte| byte.is_ascii_digit());
        if bytes.get(end) != Some(&b'.') || digits == 0 {
            break;
        }
        end += 1 + digits;
    }
    (end > first).then_some(end)
}

/// The end of a number with units of time, unless it runs into a word (`10mbytes`).
fn time(bytes: &[u8], start: usize) -> Option<usize> {
    let mut end = start;
    loop {
        let digits = run(bytes, end, |byte| byte.is_ascii_digit());
        if digits == 0 {
            break;
        }
        end += digits;
        end += match (bytes.get(end), bytes.get(end + 1)) {
            (Some(b'm' | b'u' | b'n'), Some(b's')) => 2,
            (Some(b's' | b'm' | b'h' | b'd' | b'w'), _) => 1,
            _ => return None,
        };
    }
    let ends_here = !bytes.get(end).is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    (end > start && ends_here).then_some(end)
}

#[cfg(test)]
mod tests;
