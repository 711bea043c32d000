//! JSON as text.

use super::Node;

#[test]
fn text_is_escaped() {
    let node = Node::single("a", "\"\\\n\u{1}ü").with("b", vec![Node::Null, true.into(), 5u8.into()]);
    assert_eq!(node.to_string(), "{\"a\": \"\\\"\\\\\\n\\u0001ü\", \"b\": [null, true, 5]}");
}

#[test]
fn nothing_is_added_where_there_is_nothing() {
    assert_eq!(Node::object().with_some("a", None::<u8>).to_string(), "{}");
}
