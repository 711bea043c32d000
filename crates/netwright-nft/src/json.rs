//! The language as JSON, in the schema of libnftables (`libnftables-json(5)`).

mod expression;
mod input;
mod node;
mod object;
pub mod reader;
mod statement;
mod tunnel;

use std::fmt;

pub use input::parse;
pub use node::Node;

use netwright_netfilter::Family;

use crate::ir::{Chain, Rule, Ruleset, Statement, TableContent};
use crate::table::{Names, PrintOptions};

/// How things become JSON.
#[derive(Clone, Copy)]
struct ToJson<'a> {
    names: &'a Names,
    options: &'a PrintOptions,
    /// Family of the table that things are in.
    family: Family,
}

/// The statements of a rule in a table of a family, as in the member `expr` of a rule.
#[must_use]
pub fn statements(family: Family, statements: &[Statement], options: &PrintOptions, names: &Names) -> Node {
    Node::Array(ToJson { names, options, family }.statements(statements))
}

/// Writes a ruleset on one line, thing by thing.
///
/// # Errors
/// Those of `out`.
pub fn write_ruleset(
    out: &mut impl fmt::Write,
    ruleset: &Ruleset,
    options: &PrintOptions,
    names: &Names,
) -> fmt::Result {
    let head = Node::single("version", env!("CARGO_PKG_VERSION"))
        .with("release_name", "netwright")
        .with("json_schema_version", 1u8);
    write!(out, "{{\"nftables\": [{}", Node::single("metainfo", head))?;
    for content in &ruleset.tables {
        ToJson { names, options, family: content.table.family }
            .content(content, &mut |node| write!(out, ", {node}"))?;
    }
    out.write_str("]}\n")
}

/// A ruleset as JSON on one line.
#[must_use]
pub fn ruleset(ruleset: &Ruleset, options: &PrintOptions, names: &Names) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write_ruleset(&mut text, ruleset, options, names);
    text
}

impl ToJson<'_> {
    /// A table and what lies in it: the rules of all chains come last.
    fn content(&self, content: &TableContent, each: &mut dyn FnMut(Node) -> fmt::Result) -> fmt::Result {
        each(self.table(&content.table))?;
        content.chains.iter().try_for_each(|chain| each(self.chain(chain)))?;
        content.objects.iter().try_for_each(|object| each(self.object(object)))?;
        content.sets.iter().try_for_each(|set| each(self.set(set)))?;
        content.flowtables.iter().try_for_each(|flowtable| each(self.flowtable(flowtable)))?;
        let rules = |chain: &Chain, each: &mut dyn FnMut(Node) -> fmt::Result| {
            chain.rules.iter().try_for_each(|rule| each(self.rule(chain, rule)))
        };
        content.chains.iter().try_for_each(|chain| rules(chain, each))
    }

    fn rule(&self, chain: &Chain, rule: &Rule) -> Node {
        let node = Node::single("family", chain.family.to_string())
            .with("table", chain.table.as_str())
            .with("chain", chain.name.as_str())
            .with_some("handle", rule.handle)
            .with_some("comment", rule.comment.as_deref())
            .with("expr", self.statements(&rule.statements));
        Node::single("rule", node)
    }
}

#[cfg(test)]
mod tests;
