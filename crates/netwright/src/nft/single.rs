//! Single things of a ruleset in JSON.

use netwright_netfilter::Family;
use netwright_nft::ir::{self, TableContent};
use netwright_nft::json::{self, Node};

use super::style::Style;

/// A table by its name alone, for things that lie in it.
pub(super) fn in_table(family: Family, name: &str) -> TableContent {
    let table = ir::Table { family, name: name.to_owned(), ..ir::Table::default() };
    TableContent { table, ..TableContent::default() }
}

/// The last thing of a content, as an object with one member.
pub(super) fn thing(content: &TableContent, style: Style<'_>) -> Node {
    json::things(content, style.options, style.names).pop().unwrap_or(Node::Null)
}

/// An element of a set.
pub(super) fn element(set: &ir::Set, element: ir::Element, style: Style<'_>) -> Node {
    const KEPT: [&str; 3] = ["family", "table", "name"];
    let set = ir::Set { elements: vec![element], statements: Vec::new(), ..set.clone() };
    let content = TableContent { sets: vec![set.clone()], ..in_table(set.family, &set.table) };
    let Node::Object(members) = thing(&content, style) else { return Node::Null };
    let Some((_, Node::Object(members))) = members.into_iter().next() else { return Node::Null };
    let member = |wanted: &str| members.iter().find(|(name, _)| name == wanted).map(|(_, node)| node.clone());
    let reference = KEPT.into_iter().fold(Node::object(), |node, name| node.with_some(name, member(name)));
    let list = member("elem").map(|list| Node::single("set", list));
    Node::single("element", reference.with_some("elem", list))
}

/// A thing with those members that are wanted.
pub(super) fn keep(thing: Node, wanted: impl Fn(&str) -> bool) -> Node {
    let Node::Object(mut members) = thing else { return thing };
    for (_, node) in &mut members {
        if let Node::Object(inner) = node {
            inner.retain(|(name, _)| wanted(name));
        }
    }
    Node::Object(members)
}
