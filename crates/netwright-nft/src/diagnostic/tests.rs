use super::*;

#[test]
fn the_nearest_word_is_near() {
    let words = ["dport", "sport", "flags", "sequence"];
    assert_eq!(nearest("dprt", words), Some("dport"));
    assert_eq!(nearest("dpotr", words), Some("dport"));
    assert_eq!(nearest("window", words), None);
    assert_eq!(nearest("", words), None);
}

#[test]
fn a_very_long_word_is_near_to_nothing_short() {
    let word = "x".repeat(1 << 20);
    assert_eq!(nearest(&word, std::iter::repeat_n("accept", 10_000)), None);
}

#[test]
fn places_count_lines_and_characters_from_one() {
    let mut sources = SourceMap::default();
    let source = sources.add("rules", "one\nzwölf drei");
    let span = Span { source, start: 11, end: 15 };
    assert_eq!(sources.snippet(span), "drei");
    assert_eq!(sources.locate(span).map(|place| place.to_string()).as_deref(), Some("rules:2:7"));
    assert_eq!(sources.snippet(Span { end: 99, ..span }), "");
}
