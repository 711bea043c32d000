use super::{is_open, split};

#[test]
fn the_word_before_the_cursor_is_completed() {
    assert_eq!(split("add rule inet fil"), ("add rule inet ", "fil"));
    assert_eq!(split("add "), ("add ", ""));
    assert_eq!(split("list tables;fl"), ("list tables;", "fl"));
    assert_eq!(split("comment \"ü"), ("comment \"", "ü"));
    assert_eq!(split(""), ("", ""));
}

#[test]
fn an_open_block_goes_on_in_the_next_line() {
    assert!(is_open("table ip t {"));
    assert!(is_open("table ip t {\nchain c { accept; }"));
    assert!(is_open("add rule ip t c \\"));
    assert!(!is_open("table ip t {\nchain c { accept; }\n}"));
    assert!(!is_open("add rule ip t c accept comment \"{\""));
    assert!(!is_open("list tables # {"));
    assert!(!is_open("}"));
    assert!(!is_open(""));
}
