//! Single things of a ruleset, and their JSON.

use netwright::netfilter::Family;
use netwright_nft::ir::{self, TableContent};
use netwright_nft::json;
use serde_json::json;

use super::style::Style;
use crate::failure::Failure;

/// A table by its name alone, for things that lie in it.
pub(super) fn in_table(family: Family, name: &str) -> TableContent {
    let table = ir::Table { family, name: name.to_owned(), ..ir::Table::default() };
    TableContent { table, ..TableContent::default() }
}

/// An element of a set in JSON, with its noun.
pub(super) fn element(
    set: &ir::Set,
    element: ir::Element,
    style: Style<'_>,
) -> Result<Option<(String, serde_json::Value)>, Failure> {
    const KEPT: [&str; 4] = ["family", "table", "name", "elem"];
    let set = ir::Set { elements: vec![element], statements: Vec::new(), ..set.clone() };
    let content = TableContent { sets: vec![set.clone()], ..in_table(set.family, &set.table) };
    let Some((_, mut thing)) = thing(content, style)? else { return Ok(None) };
    keep(&mut thing, |name| KEPT.contains(&name));
    if let Some(list) = thing.get_mut("elem") {
        *list = json!({ "set": list.take() });
    }
    Ok(Some(("element".to_owned(), thing)))
}

/// The last thing of a content in JSON, with its noun.
pub(super) fn thing(
    content: TableContent,
    style: Style<'_>,
) -> Result<Option<(String, serde_json::Value)>, Failure> {
    let text = json::ruleset(&ir::Ruleset { tables: vec![content] }, style.options, style.names);
    let mut document: serde_json::Value = serde_json::from_str(&text).map_err(std::io::Error::from)?;
    let things = document.get_mut("nftables").and_then(serde_json::Value::as_array_mut);
    let last = things.and_then(Vec::pop).and_then(|mut last| Some(std::mem::take(last.as_object_mut()?)));
    Ok(last.and_then(|last| last.into_iter().next()))
}

/// Leaves out the other members.
pub(super) fn keep(thing: &mut serde_json::Value, wanted: impl Fn(&str) -> bool) {
    if let Some(members) = thing.as_object_mut() {
        members.retain(|name, _| wanted(name));
    }
}
