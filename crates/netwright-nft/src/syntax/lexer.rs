//! Text to tokens. No keyword is known here: a word stays a word, and the parser decides. Tokens are as long as they can be, as in nft.

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// The end of the text.
    End,
    Newline,
    Semicolon,
    /// Starts with a letter, `_` or `.`; letters, digits, `/`, `-`, `_` and `.` follow. Also digits that are no number.
    Word,
    /// A word and `*`, or one with `\*` in it.
    Wildcard,
    /// Decimal, octal or `0x` digits that fit into 64 bits.
    Number,
    /// Digits with units of time.
    Time,
    /// Four numbers with dots: an IPv4 address.
    Dotted,
    /// An IPv6 address, a link layer address or a traffic control handle.
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
        b'.' if bytes.get(start + 1).is_some_and(|&next| is_word_byte(next)) => word(bytes, start),
        b'\\' if bytes.get(start + 1) == Some(&b'*') => word(bytes, start),
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

/// Whether a text is one word from its first to its last byte.
pub(super) fn is_one_word(text: &str) -> bool {
    let bytes = text.as_bytes();
    // a point alone stands between the parts of a key
    text != "."
        && bytes.first().is_some_and(|&first| begins_word(first))
        && bytes.iter().all(|&byte| is_word_byte(byte))
}

fn word(bytes: &[u8], start: usize) -> (TokenKind, usize) {
    let end = start + run(bytes, start, is_word_byte);
    match (bytes.get(end), bytes.get(end + 1)) {
        (Some(b'*'), _) => (TokenKind::Wildcard, end + 1),
        // What follows an escaped asterisk must begin like a word.
        (Some(b'\\'), Some(b'*')) => match bytes.get(end + 2) {
            Some(&next) if end > start && begins_word(next) => {
                (TokenKind::Wildcard, end + 2 + run(bytes, end + 2, is_word_byte))
            }
            _ => (TokenKind::Wildcard, end + 2),
        },
        _ => (TokenKind::Word, end),
    }
}

fn begins_word(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'.')
}

fn string(bytes: &[u8], start: usize) -> (TokenKind, usize) {
    let end = start + 1 + run(bytes, start + 1, |byte| byte != b'"' && byte != b'\n');
    if bytes.get(end) == Some(&b'"') { (TokenKind::String, end + 1) } else { (TokenKind::OpenString, end) }
}

/// The longest IPv6 address, link layer address or traffic control handle that begins here.
fn colons(bytes: &[u8], start: usize) -> Option<usize> {
    let end = start + run(bytes.get(..bytes.len().min(start + LONGEST))?, start, is_address_byte);
    if !bytes.get(start..end)?.contains(&b':') {
        return None;
    }
    let address = ipv6(bytes, start, end);
    let other = link_address(bytes, start).or_else(|| handle(bytes, start));
    address.max(other)
}

/// The longest text of an address: eight groups of four digits, or an IPv4 address behind `::ffff:`.
const LONGEST: usize = 45;

fn is_address_byte(byte: u8) -> bool {
    byte.is_ascii_hexdigit() || byte == b':'
}

/// The end of the longest IPv6 address among the hexadecimal digits and colons up to `end`. An IPv4 address may be its last part
/// behind `::`.
fn ipv6(bytes: &[u8], start: usize, end: usize) -> Option<usize> {
    let is_address = |end: &usize| {
        let text = bytes.get(start..*end).and_then(|text| str::from_utf8(text).ok());
        text.is_some_and(|text| text.parse::<std::net::Ipv6Addr>().is_ok())
    };
    let double = bytes.get(start..end)?.windows(2).any(|pair| pair == b"::");
    let with_tail = (double && bytes.get(end) == Some(&b'.'))
        .then(|| end + run(bytes, end, |byte| byte.is_ascii_digit() || byte == b'.'))
        .filter(is_address);
    with_tail.or_else(|| (start + 2..=end).rev().find(is_address))
}

/// The end of six groups of one or two hexadecimal digits.
fn link_address(bytes: &[u8], start: usize) -> Option<usize> {
    let mut end = start;
    for group in 0..6 {
        if group > 0 {
            end = (bytes.get(end) == Some(&b':')).then_some(end + 1)?;
        }
        let digits = run(bytes, end, |byte| byte.is_ascii_hexdigit()).min(2);
        end = (digits > 0).then_some(end + digits)?;
    }
    Some(end)
}

/// The end of two groups of up to four hexadecimal digits. What stands behind decides, so that `22:accept` in a map is a number, a colon
/// and a word.
fn handle(bytes: &[u8], start: usize) -> Option<usize> {
    let group = |at: usize| {
        let digits = run(bytes, at, |byte| byte.is_ascii_hexdigit());
        (1..=4).contains(&digits).then_some(at + digits)
    };
    let colon = group(start).filter(|&end| bytes.get(end) == Some(&b':'))?;
    let end = group(colon + 1)?;
    let ends = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b':' | b'-' | b'}' | b',');
    bytes.get(end).is_none_or(ends).then_some(end)
}

fn number(bytes: &[u8], start: usize) -> (TokenKind, usize) {
    let digits = start + run(bytes, start, |byte| byte.is_ascii_digit());
    let text = |end: usize| bytes.get(start..end).and_then(|text| str::from_utf8(text).ok()).unwrap_or("");
    if bytes.get(start..start + 2).is_some_and(|prefix| prefix.eq_ignore_ascii_case(b"0x")) {
        let end = start + 2 + run(bytes, start + 2, |byte| byte.is_ascii_hexdigit());
        if end > start + 2 {
            return (number_or_word(text(end)), end);
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
    (number_or_word(text(digits)), digits)
}

/// What is no number (it is too large, or has an 8 behind a leading zero) can be a name.
fn number_or_word(text: &str) -> TokenKind {
    if super::parser::parse_number(text).is_some() { TokenKind::Number } else { TokenKind::Word }
}

/// The end of a dotted number whose first group ends at `end`. An address is followed by ` . ` in a concatenation, with or without the
/// blanks.
fn dotted(bytes: &[u8], mut end: usize) -> Option<usize> {
    for _ in 0..3 {
        let digits = run(bytes, end + 1, |byte| byte.is_ascii_digit());
        if bytes.get(end) != Some(&b'.') || !(1..=3).contains(&digits) {
            return None;
        }
        end += 1 + digits;
    }
    Some(end)
}

/// The end of numbers with units of time, the greater unit before the smaller, unless it runs into a word (`10mbytes`).
fn time(bytes: &[u8], start: usize) -> Option<usize> {
    let mut end = start;
    for unit in [b"d".as_slice(), b"h", b"m", b"s", b"ms"] {
        let digits = run(bytes, end, |byte| byte.is_ascii_digit());
        let behind = bytes.get(end + digits..).unwrap_or_default();
        // `5ms` are milliseconds and not minutes.
        if digits > 0 && behind.starts_with(unit) && (unit != b"m" || !behind.starts_with(b"ms")) {
            end += digits + unit.len();
        }
    }
    let ends_here = !bytes.get(end).is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    (end > start && ends_here).then_some(end)
}

#[cfg(test)]
mod tests;
