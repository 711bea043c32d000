use super::{TokenKind, next_token};

/// The tokens of a text, each as its kind and text.
fn check(text: &str, expected: &[(TokenKind, &str)]) {
    let mut tokens = Vec::new();
    let mut at = 0;
    loop {
        let token = next_token(text, at);
        if token.kind == TokenKind::End {
            break;
        }
        assert!(token.end > at, "no progress in {text:?} at {at}");
        tokens.push((token.kind, &text[token.start..token.end]));
        at = token.end;
    }
    assert_eq!(tokens, expected, "{text:?}");
}

use TokenKind as T;

#[test]
fn addresses() {
    check("10.0.0.1", &[(T::Dotted, "10.0.0.1")]);
    check("10.0.0.0/8", &[(T::Dotted, "10.0.0.0"), (T::Slash, "/"), (T::Number, "8")]);
    check("10.0.0.1-10.0.0.9", &[(T::Dotted, "10.0.0.1"), (T::Dash, "-"), (T::Dotted, "10.0.0.9")]);
    check("10.0.0.1:80", &[(T::Dotted, "10.0.0.1"), (T::Colon, ":"), (T::Number, "80")]);
    check("2001:db8::1/64", &[(T::Colons, "2001:db8::1"), (T::Slash, "/"), (T::Number, "64")]);
    check("::", &[(T::Colons, "::")]);
    check("::1", &[(T::Colons, "::1")]);
    check("fe80::-fe80::ff", &[(T::Colons, "fe80::"), (T::Dash, "-"), (T::Colons, "fe80::ff")]);
    check("::ffff:192.0.2.1", &[(T::Colons, "::ffff:192.0.2.1")]);
    check("dead::beef: 1", &[(T::Colons, "dead::beef"), (T::Colon, ":"), (T::Number, "1")]);
    check(
        "[::1]:80",
        &[
            (T::OpenBracket, "["),
            (T::Colons, "::1"),
            (T::CloseBracket, "]"),
            (T::Colon, ":"),
            (T::Number, "80"),
        ],
    );
    check("00:0f:54:0c:11:4", &[(T::Colons, "00:0f:54:0c:11:4")]);
    check("bcad:dada-bcad:dadc", &[(T::Colons, "bcad:dada"), (T::Dash, "-"), (T::Colons, "bcad:dadc")]);
}

#[test]
fn a_colon_behind_a_word_or_number_is_no_address() {
    check("80:drop", &[(T::Number, "80"), (T::Colon, ":"), (T::Word, "drop")]);
    check("80:accept", &[(T::Number, "80"), (T::Colon, ":"), (T::Word, "accept")]);
    check("established:122", &[(T::Word, "established"), (T::Colon, ":"), (T::Number, "122")]);
    check("close:16", &[(T::Word, "close"), (T::Colon, ":"), (T::Number, "16")]);
    check("80:0x90", &[(T::Number, "80"), (T::Colon, ":"), (T::Number, "0x90")]);
    check(":1024-2048", &[(T::Colon, ":"), (T::Number, "1024"), (T::Dash, "-"), (T::Number, "2048")]);
    check("22 : accept", &[(T::Number, "22"), (T::Colon, ":"), (T::Word, "accept")]);
    check(
        "{0: 1}",
        &[(T::OpenBrace, "{"), (T::Number, "0"), (T::Colon, ":"), (T::Number, "1"), (T::CloseBrace, "}")],
    );
}

#[test]
fn numbers_and_units() {
    check("33-45", &[(T::Number, "33"), (T::Dash, "-"), (T::Number, "45")]);
    check("0x33-0x45", &[(T::Number, "0x33"), (T::Dash, "-"), (T::Number, "0x45")]);
    check("1d2h3m4s", &[(T::Time, "1d2h3m4s")]);
    check("500ms", &[(T::Time, "500ms")]);
    check("10mbytes", &[(T::Number, "10"), (T::Word, "mbytes")]);
    check("400/minute", &[(T::Number, "400"), (T::Slash, "/"), (T::Word, "minute")]);
    check(
        "8021q 8021ad 8021x",
        &[(T::Word, "8021q"), (T::Word, "8021ad"), (T::Number, "8021"), (T::Word, "x")],
    );
    check("80accept", &[(T::Number, "80"), (T::Word, "accept")]);
}

#[test]
fn words_and_strings() {
    check("a-b_c.d/e", &[(T::Word, "a-b_c.d/e")]);
    check("eth* eth\\*", &[(T::Wildcard, "eth*"), (T::Wildcard, "eth\\*")]);
    check("\"eth0 x\" y", &[(T::String, "\"eth0 x\""), (T::Word, "y")]);
    check("\"open\nx", &[(T::OpenString, "\"open"), (T::Newline, "\n"), (T::Word, "x")]);
    check("é", &[(T::Junk, "é")]);
}

#[test]
fn blanks_comments_and_continued_lines() {
    check("a # b ; c\nd", &[(T::Word, "a"), (T::Newline, "\n"), (T::Word, "d")]);
    check("a \\\n b", &[(T::Word, "a"), (T::Word, "b")]);
    check("a \\\r\n b\r\n", &[(T::Word, "a"), (T::Word, "b"), (T::Newline, "\n")]);
}

#[test]
fn operators() {
    check(
        "a<<1|b>=2!=3",
        &[
            (T::Word, "a"),
            (T::ShiftLeft, "<<"),
            (T::Number, "1"),
            (T::Pipe, "|"),
            (T::Word, "b"),
            (T::GreaterOrEqual, ">="),
            (T::Number, "2"),
            (T::NotEqual, "!="),
            (T::Number, "3"),
        ],
    );
}
