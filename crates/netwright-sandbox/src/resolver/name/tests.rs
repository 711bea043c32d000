use std::collections::HashSet;

use super::Name;

fn name(text: &str) -> Name {
    Name::from_text(text).unwrap()
}

#[test]
fn text_and_wire_agree() {
    let example = name("Www.Example.org.");
    assert_eq!(example.wire(), b"\x03Www\x07Example\x03org\0");
    assert_eq!(example.text(), "www.example.org");
    assert_eq!(example.labels().count(), 3);
    assert_eq!(Name::default().text(), ".");
    assert_eq!(name("."), Name::default());
}

#[test]
fn names_that_differ_in_case_are_one() {
    assert_eq!(name("EXAMPLE.org"), name("example.ORG"));
    assert_ne!(name("example.org"), name("example.com"));
    let set: HashSet<Name> = [name("EXAMPLE.org"), name("example.ORG")].into();
    assert_eq!(set.len(), 1);
}

#[test]
fn a_dot_inside_of_a_label_is_no_border() {
    let tricky = Name::from_labels([b"evil.example".as_slice(), b"org"]).unwrap();
    assert_eq!(tricky.text(), "evil\\046example.org");
    assert!(!tricky.is_within(&name("example.org")));
    let tricky = Name::from_labels([b"a\\".as_slice(), b"\0\xff*", b"org"]).unwrap();
    assert_eq!(tricky.text(), "a\\092.\\000\\255\\042.org");
}

#[test]
fn within_goes_by_labels() {
    assert!(name("a.b.example.org").is_within(&name("EXAMPLE.org")));
    assert!(name("example.org").is_within(&name("example.org")));
    assert!(name("example.org").is_within(&Name::default()));
    assert!(!name("badexample.org").is_within(&name("example.org")));
    assert!(!name("org").is_within(&name("example.org")));
    // The bytes of a label that look like the other name are none.
    let tricky = Name::from_labels([b"x\x07example\x03org".as_slice(), b"net"]).unwrap();
    assert!(!tricky.is_within(&name("example.org")));
}

#[test]
fn what_is_too_long_is_no_name() {
    assert!(Name::from_text(&"a".repeat(63)).is_some());
    assert!(Name::from_text(&"a".repeat(64)).is_none());
    let longest = [vec!["a".repeat(63); 3].join("."), "a".repeat(61)].join(".");
    assert_eq!(Name::from_text(&longest).unwrap().wire().len(), 255);
    assert!(Name::from_text(&format!("{longest}a")).is_none());
    assert!(Name::from_text("a..b").is_none());
    assert!(Name::from_text(".a").is_none());
}
