use super::split;

#[test]
fn the_word_before_the_cursor_is_completed() {
    assert_eq!(split("add rule inet fil"), ("add rule inet ", "fil"));
    assert_eq!(split("add "), ("add ", ""));
    assert_eq!(split("list tables;fl"), ("list tables;", "fl"));
    assert_eq!(split("comment \"ü"), ("comment \"", "ü"));
    assert_eq!(split(""), ("", ""));
}
