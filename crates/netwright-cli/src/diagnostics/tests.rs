use netwright_nft::diagnostic::{Diagnostic, SourceId, SourceMap, Span};

use super::render;

/// Renders without styles.
fn shown(diagnostic: &Diagnostic, sources: &SourceMap) -> String {
    anstream::adapter::strip_str(&render(diagnostic, sources)).to_string()
}

fn span(sources: &SourceMap, source: SourceId, word: &str) -> Span {
    let text = sources.get(source).expect("a source").text();
    let start = text.find(word).expect("the word") as u32;
    Span { source, start, end: start + word.len() as u32 }
}

#[test]
fn a_place_has_a_caret_under_it() {
    let mut sources = SourceMap::default();
    let id = sources.add("a.toml", "one = 1\n\ttwö 漢字 = wrong # why\n");
    let diagnostic = Diagnostic::error(span(&sources, id, "wrong"), "this is wrong")
        .label("here")
        .also(span(&sources, id, "漢字"), "because of this")
        .also(span(&sources, id, "one"), "and of this")
        .help("write it otherwise");
    let expected = "\
error: this is wrong
 --> a.toml:2:11
  |
2 |     twö 漢字 = wrong # why
  |                ^^^^^ here
  |         ---- because of this
...
1 | one = 1
  | --- and of this
  |
  = help: write it otherwise
";
    assert_eq!(shown(&diagnostic, &sources), expected);
}

#[test]
fn places_in_other_files_are_named() {
    let mut sources = SourceMap::default();
    let first = sources.add("a.nft", "x\ny\n");
    let second = sources.add("b.nft", "\n\n\n\n\n\n\n\n\nzz");
    let diagnostic = Diagnostic::warning(span(&sources, first, "y"), "doubtful")
        .also(span(&sources, second, "zz"), "see here");
    let expected = "\
warning: doubtful
  --> a.nft:2:1
   |
 2 | y
   | ^
  ::: b.nft:10:1
   |
10 | zz
   | -- see here
";
    assert_eq!(shown(&diagnostic, &sources), expected);
}

#[test]
fn a_long_line_is_shown_around_the_place() {
    let mut sources = SourceMap::default();
    let text = format!("{}wrong{}", "abcdefghi ".repeat(100_000), " xyz".repeat(100_000));
    let id = sources.add("long", text);
    let text = shown(&Diagnostic::error(span(&sources, id, "wrong"), "no"), &sources);
    let lines: Vec<&str> = text.lines().collect();
    assert!(text.len() < 500, "{text}");
    assert!(lines[3].starts_with("1 | … abcdefghi abcdefghi abcdefghi abcdefghi wrong xyz"), "{text}");
    assert!(lines[3].ends_with(" …"), "{text}");
    assert_eq!(lines[3].chars().position(|c| c == 'w'), lines[4].chars().position(|c| c == '^'), "{text}");
}

#[test]
fn no_place_and_strange_places_are_no_trouble() {
    let mut sources = SourceMap::default();
    let id = sources.add("a", "é\u{1b}[31m");
    let none = Diagnostic { labels: Vec::new(), ..Diagnostic::error(Span::default(), "no place\u{7}") };
    assert_eq!(shown(&none, &sources), "error: no place␇\n");
    for (start, end) in [(0, 0), (1, 1), (2, 1), (7, 7), (99, 100)] {
        let text = shown(&Diagnostic::error(Span { source: id, start, end }, "odd"), &sources);
        assert!(text.contains("1 | é␛[31m"), "{text}");
    }
    let foreign = Span { source: SourceId(9), start: 0, end: 1 };
    assert_eq!(shown(&Diagnostic::error(foreign, "odd"), &sources), "error: odd\n");
}

#[test]
fn a_word_as_long_as_its_file_is_cut() {
    let mut sources = SourceMap::default();
    let word = "x".repeat(100_000);
    let id = sources.add("a.nft", word.clone());
    let diagnostic = Diagnostic::error(span(&sources, id, &word), format!("there is no `{word}`"));
    let text = shown(&diagnostic, &sources);
    assert!(text.starts_with("error: there is no `xxx") && text.len() < 1500, "{}", text.len());
}
