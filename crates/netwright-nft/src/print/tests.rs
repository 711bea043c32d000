//! How things are laid out.

use netwright_netfilter::Family;

use crate::ir::{Bytes, Element, Expression, Set, Table, TableContent, TypePart, TypeSpec, Value};
use crate::print;
use crate::table::{DataType, Names, PrintOptions};

fn port(number: u16) -> Element {
    let value =
        Value { data_type: DataType::INET_SERVICE, bits: 16, bytes: Bytes::new(&number.to_be_bytes()) };
    Element {
        key: Some(Expression::Value(value)),
        data: None,
        timeout: None,
        expires: None,
        statements: Vec::new(),
        comment: None,
    }
}

fn ports() -> Set {
    Set {
        family: Family::INET,
        table: "t".to_owned(),
        name: "ports".to_owned(),
        key: TypeSpec { parts: vec![TypePart::of(DataType::INET_SERVICE)], type_of: None },
        elements: (1..=6).map(port).collect(),
        ..Default::default()
    }
}

#[test]
fn short_elements_share_a_line() {
    let expected = "set ports {\n\ttype inet_service\n\telements = { 1, 2, 3, 4, 5,\n\t\t     6 }\n}\n";
    assert_eq!(print::set(&ports(), &PrintOptions::default(), &Names::new()), expected);
}

#[test]
fn elements_with_comments_stand_alone() {
    let mut set = ports();
    set.elements.truncate(2);
    if let Some(element) = set.elements.first_mut() {
        element.comment = Some("first".to_owned());
    }
    let expected = "set ports {\n\ttype inet_service\n\telements = { 1 comment \"first\",\n\t\t     2 }\n}\n";
    assert_eq!(print::set(&set, &PrintOptions::default(), &Names::new()), expected);
}

#[test]
fn a_terse_listing_has_no_elements() {
    let options = PrintOptions { terse: true, ..Default::default() };
    assert_eq!(print::set(&ports(), &options, &Names::new()), "set ports {\n\ttype inet_service\n}\n");
}

#[test]
fn flags_of_a_table_are_followed_by_an_empty_line() {
    let table = Table { family: Family::IPV4, name: "t".to_owned(), flags: 1, ..Default::default() };
    let content =
        TableContent { table, sets: vec![Set { elements: Vec::new(), ..ports() }], ..Default::default() };
    let expected = "table ip t {\n\tflags dormant\n\n\tset ports {\n\t\ttype inet_service\n\t}\n}\n";
    assert_eq!(print::table(&content, &PrintOptions::default(), &Names::new()), expected);
}
