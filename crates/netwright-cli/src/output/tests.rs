use super::{Cell, GOOD, Table, count, cut, plain};

fn shown<const N: usize>(table: &Table<N>) -> String {
    let mut out = Vec::new();
    table.write(&mut out).expect("a vector takes everything");
    String::from_utf8(out).expect("text")
}

#[test]
fn columns_are_aligned_by_what_is_seen() {
    let mut table = Table::new(["NAME", "EMPTY", ">NUMBER", "LAST"]);
    table.row(["äö".into(), "".into(), "7".into(), "x".into()]);
    table.row(["漢字漢".into(), "".into(), "1234567".into(), "".into()]);
    let lines = shown(&table);
    let lines: Vec<&str> = lines.lines().skip(1).collect();
    assert_eq!(lines, ["äö            7  x", "漢字漢  1234567"]);
}

#[test]
fn a_text_is_cut_where_it_is_too_long() {
    assert_eq!(cut("a text that is too long", 14), "a text that i…");
    assert_eq!(cut("短い漢字の文章です", 11), "短い漢字の…");
    assert_eq!(cut("short", 5), "short");
    assert_eq!(cut("what is left would tell nothing", 7), "what is left would tell nothing");
}

#[test]
fn nothing_is_shown_of_no_rows() {
    assert_eq!(shown(&Table::new(["A"])), "");
}

#[test]
fn styles_enclose_the_text_alone() {
    let mut table = Table::new(["A", "B"]);
    table.row([Cell::new("a", GOOD), "b".into()]);
    assert!(shown(&table).ends_with("\n\u{1b}[32ma\u{1b}[0m  b\n"));
}

#[test]
fn control_characters_do_not_reach_the_terminal() {
    assert_eq!(plain("a\u{1b}[2Jb\tc\n"), "a␛[2Jb\tc\n");
    assert_eq!(plain(&netwright_wire::text::from_bytes(b"caf\xe9")), "caf\u{fffd}");
    let mut table = Table::new(["A"]);
    table.row(["a\u{1b}[2J\n".into()]);
    assert!(shown(&table).ends_with("\na␛[2J␊\n"));
}

#[test]
fn nouns_agree_with_their_number() {
    assert_eq!(count(0, "rule"), "0 rules");
    assert_eq!(count(1, "address"), "1 address");
    assert_eq!(count(2, "address"), "2 addresses");
}
