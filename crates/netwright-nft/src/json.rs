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

use crate::ir::{Chain, Flowtable, Object, Rule, Ruleset, Set, Statement, Table, TableContent};
use crate::lift::Stored;
use crate::table::{Names, PrintOptions};

/// How things become JSON.
#[derive(Clone, Copy)]
struct ToJson<'a> {
    names: &'a Names,
    options: &'a PrintOptions,
    /// Family of the table that things are in.
    family: Family,
}

/// A thing by itself.
enum Thing<'a> {
    Table(&'a Table),
    Chain(&'a Chain),
    Object(&'a Object),
    Set(&'a Set),
    Flowtable(&'a Flowtable),
}

/// A table and what lies in it, without rules, which come last.
fn things_of(content: &TableContent) -> impl Iterator<Item = Thing<'_>> {
    std::iter::once(Thing::Table(&content.table))
        .chain(content.chains.iter().map(Thing::Chain))
        .chain(content.objects.iter().map(Thing::Object))
        .chain(content.sets.iter().map(Thing::Set))
        .chain(content.flowtables.iter().map(Thing::Flowtable))
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
    write_ruleset_with(out, ruleset, &Stored::default(), options, names)
}

/// As [`write_ruleset`], where some of it is stored.
///
/// # Errors
/// Those of `out`.
pub fn write_ruleset_with(
    out: &mut impl fmt::Write,
    ruleset: &Ruleset,
    stored: &Stored,
    options: &PrintOptions,
    names: &Names,
) -> fmt::Result {
    write_all(out, ruleset, stored, options, names, |_| true)
}

/// As [`write_ruleset_with`], without the tables themselves.
///
/// # Errors
/// Those of `out`.
pub fn write_parts_with(
    out: &mut impl fmt::Write,
    ruleset: &Ruleset,
    stored: &Stored,
    options: &PrintOptions,
    names: &Names,
) -> fmt::Result {
    write_all(out, ruleset, stored, options, names, |thing| !matches!(thing, Thing::Table(_)))
}

fn write_all(
    out: &mut impl fmt::Write,
    ruleset: &Ruleset,
    stored: &Stored,
    options: &PrintOptions,
    names: &Names,
    wanted: impl Fn(&Thing<'_>) -> bool,
) -> fmt::Result {
    write!(out, "{{\"nftables\": [{}", metainfo())?;
    for content in &ruleset.tables {
        let to_json = ToJson { names, options, family: content.table.family };
        let stored = stored.in_table(&content.table);
        things_of(content).filter(&wanted).try_for_each(|thing| {
            out.write_str(", ")?;
            match thing {
                Thing::Set(set) => to_json.write_set(out, set, stored.set(set)),
                thing => write!(out, "{}", to_json.thing(thing)),
            }
        })?;
        content.chains.iter().try_for_each(|chain| {
            let mut write = |rule: &Rule| write!(out, ", {}", to_json.rule(chain, rule));
            match stored.rules(chain) {
                Some(mut rules) => rules.try_for_each(|rule| write(&rule)),
                None => chain.rules.iter().try_for_each(write),
            }
        })?;
    }
    out.write_str("]}\n")
}

/// A table and what lies in it, thing by thing: each an object with one member, whose name says what it is. The rules of
/// all chains come last.
#[must_use]
pub fn things(content: &TableContent, options: &PrintOptions, names: &Names) -> Vec<Node> {
    let to_json = ToJson { names, options, family: content.table.family };
    let rules = content.chains.iter().flat_map(|chain| chain.rules.iter().map(move |rule| (chain, rule)));
    let rules = rules.map(|(chain, rule)| to_json.rule(chain, rule));
    things_of(content).map(|thing| to_json.thing(thing)).chain(rules).collect()
}

/// The version of nft whose language this is: programs look for it.
pub const NFT_VERSION: &str = "1.1.7";

/// The first thing of a listing: what made it, and the version of the schema.
#[must_use]
pub fn metainfo() -> Node {
    let head = Node::single("version", NFT_VERSION)
        .with("release_name", "netwright")
        .with("json_schema_version", 1u8);
    Node::single("metainfo", head)
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
    fn thing(&self, thing: Thing<'_>) -> Node {
        match thing {
            Thing::Table(table) => self.table(table),
            Thing::Chain(chain) => self.chain(chain),
            Thing::Object(object) => self.object(object),
            Thing::Set(set) => self.set(set),
            Thing::Flowtable(flowtable) => self.flowtable(flowtable),
        }
    }

    fn rule(&self, chain: &Chain, rule: &Rule) -> Node {
        let node = Node::single("family", chain.family.to_string())
            .with("table", chain.table.as_str())
            .with("chain", chain.name.as_str())
            .with_some("handle", rule.handle)
            .with_some("comment", rule.comment.as_deref())
            .with_some("expr", Some(self.statements(&rule.statements)).filter(|all| !all.is_empty()));
        Node::single("rule", node)
    }
}

#[cfg(test)]
mod tests;
