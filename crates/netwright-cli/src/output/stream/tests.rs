use serde_json::json;

use super::{KNOWN, List, Rows, Sink};
use crate::output::Table;

const HEADER: [&str; 3] = ["NAME", "EMPTY", ">NUMBER"];

fn cells(number: &usize) -> [super::Cell; 3] {
    [format!("n{number}").into(), "".into(), number.to_string().into()]
}

fn rows(count: usize) -> String {
    let mut out = Vec::new();
    let mut rows = Rows::new(HEADER, cells, (&mut out, false));
    (0..count).for_each(|number| rows.put(number).expect("a vector takes everything"));
    Sink::<usize>::finish(&mut rows).expect("a vector takes everything");
    String::from_utf8(out).expect("text")
}

#[test]
fn a_short_list_is_a_table_like_any_other() {
    for count in [0, 1, 7, KNOWN - 1] {
        let (mut table, mut out) = (Table::new(HEADER), Vec::new());
        (0..count).for_each(|number| table.row(cells(&number)));
        table.write(&mut out).expect("a vector takes everything");
        let styled = String::from_utf8(out).expect("text");
        assert_eq!(rows(count), anstream::adapter::strip_str(&styled).to_string(), "{count}");
    }
}

#[test]
fn a_long_list_has_all_rows_and_columns() {
    for count in [KNOWN, KNOWN + 1, 3 * KNOWN] {
        let text = rows(count);
        assert_eq!(text.lines().count(), count + 1);
        assert!(text.starts_with("NAME  EMPTY  NUMBER\nn0                0\n"), "{}", &text[..60]);
        let last = text.lines().last().expect("there are lines");
        assert_eq!(
            last.split_whitespace().collect::<Vec<_>>(),
            [format!("n{}", count - 1), (count - 1).to_string()]
        );
    }
}

#[test]
fn json_is_that_of_the_whole_list() {
    for count in [0, 1, 2, KNOWN, KNOWN + 1] {
        let json = |number: &usize| json!({"a": number, "b": ["x\ny", {}], "c": []});
        let mut out = Vec::new();
        let mut list = List::new(json, (&mut out, false));
        (0..count).for_each(|number| list.put(number).expect("a vector takes everything"));
        Sink::<usize>::finish(&mut list).expect("a vector takes everything");
        let whole = serde_json::Value::from((0..count).map(|number| json(&number)).collect::<Vec<_>>());
        let whole = serde_json::to_string_pretty(&whole).expect("it is JSON") + "\n";
        assert_eq!(String::from_utf8(out).expect("text"), whole, "{count}");
    }
}

#[test]
fn a_list_begins_anew_only_where_nothing_has_gone_out() {
    let mut out = Vec::new();
    let mut rows = Rows::new(HEADER, cells, (&mut out, false));
    rows.put(1).expect("a vector takes everything");
    assert!(Sink::<usize>::restart(&mut rows));
    (0..KNOWN).for_each(|number| rows.put(number).expect("a vector takes everything"));
    assert!(!Sink::<usize>::restart(&mut rows));
}
