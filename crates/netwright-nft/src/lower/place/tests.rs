use netwright_netfilter::Batch;
use netwright_wire::Attributes;

use super::place;
use crate::catalog::Catalog;
use crate::diagnostic::SourceMap;
use crate::evaluate::{Options, compile};
use crate::lower;
use crate::syntax::{NoIncludes, parse};
use crate::table::Names;

/// What each child of a list in the last message that has one was written as.
fn written(text: &str, list: u16) -> Vec<String> {
    let mut sources = SourceMap::default();
    let id = sources.add("test", text);
    let parsed = parse(&mut sources, id, &mut NoIncludes);
    let options =
        Options { names: &Names::new(), catalog: &Catalog::default(), zone: crate::table::Zone::UTC };
    let compiled = compile(&sources, &parsed, &options);
    assert!(compiled.diagnostics.is_empty(), "{:?}", compiled.diagnostics);
    let mut batch = Batch::new();
    lower::batch(&compiled.commands, &compiled.catalog, &mut batch).unwrap();
    batch.finish().unwrap();
    let step = batch.step(batch.messages() as usize - 2).unwrap();
    let list = Attributes::new(step.message.bytes_after(4)).find(list).unwrap().unwrap();
    let command = &compiled.commands[step.tag.unwrap() as usize];
    let offset = |payload: &[u8]| payload.as_ptr() as usize - step.message.payload.as_ptr() as usize + 12;
    let spans = list.attributes().flatten().map(|one| {
        let step = step.at(Some(offset(one.payload) as u32));
        place(command, &compiled.catalog, &step).unwrap()
    });
    spans.map(|span| sources.snippet(span).to_owned()).collect()
}

#[test]
fn each_expression_is_pointed_at_where_its_statement_was_written() {
    // The match on the protocol comes with the port; the two ports are compared at once.
    let found = written("add rule inet t c tcp dport 22 counter tcp sport { 1, 2 } jump away", 4);
    let ports = ["tcp dport 22"; 4];
    let lookup = ["tcp sport { 1, 2 }"; 2];
    assert_eq!(found, [&ports[..], &["counter"], &lookup, &["jump away"]].concat());
    let found = written("add rule ip t c tcp sport 1 tcp dport 2 drop", 4);
    assert_eq!(found.last().map(String::as_str), Some("drop"));
    assert!(found.iter().all(|one| ["tcp sport 1", "tcp dport 2", "drop"].contains(&one.as_str())));
}

#[test]
fn each_element_is_pointed_at_where_it_was_written() {
    let text = "add set ip t s { type inet_service; flags interval; }
        add element ip t s { 90, 10-19, 20-29 }";
    // An end stands for all below the first; each interval has a start and an end.
    let found = written(text, 3);
    let whole = "add element ip t s { 90, 10-19, 20-29 }";
    assert_eq!(found, [whole, "10-19", "10-19", "20-29", "20-29", "90", "90"]);
    let found =
        written("add map ip t m { type inet_service : verdict; elements = { 1 : drop, 2 : jump a } }", 3);
    assert_eq!(found, ["1 : drop", "2 : jump a"]);
}

#[test]
fn what_a_rule_brings_along_is_pointed_at_too() {
    let text = "add rule ip t c counter jump { tcp dport { 1, 2 } accept; }";
    let mut sources = SourceMap::default();
    let id = sources.add("test", text);
    let parsed = parse(&mut sources, id, &mut NoIncludes);
    let options =
        Options { names: &Names::new(), catalog: &Catalog::default(), zone: crate::table::Zone::UTC };
    let compiled = compile(&sources, &parsed, &options);
    let mut batch = Batch::new();
    lower::batch(&compiled.commands, &compiled.catalog, &mut batch).unwrap();
    batch.finish().unwrap();
    let chain = batch.step(1).unwrap();
    let span = place(&compiled.commands[0], &compiled.catalog, &chain.at(Some(20))).unwrap();
    assert_eq!(sources.snippet(span), "jump { tcp dport { 1, 2 } accept; }");
}
