//! Orders about tables and what lies in them.

use std::sync::Arc;

use netwright_netfilter::Family;

use super::{
    Chain, Element, Expression, Flowtable, Object, ObjectKind, PackedElements, Rule, Set, Table, TypePart,
};
use crate::diagnostic::Span;

/// An order.
#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    /// What is to happen.
    pub operation: Operation,
    /// To what.
    pub target: Target,
    /// Where it was written; `None` if it was not.
    pub span: Option<Span>,
    /// Where each element of a set was written, in the order of the elements; empty where that is not known.
    pub elements: Vec<Span>,
}

/// What is to happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Make it unless it is there; a rule goes to the end.
    Add,
    /// Make it; an error if it is there.
    Create,
    /// Make a rule at the start.
    Insert,
    /// Put a rule in the place of another.
    Replace,
    /// Remove it; an error if it is not there.
    Delete,
    /// Remove it if it is there.
    Destroy,
    /// Remove what it contains.
    Flush,
    /// Give another name.
    Rename,
    /// Show it.
    List,
    /// Show it and set its counters to zero.
    Reset,
    /// Show single elements.
    Get,
    /// Show changes as they happen.
    Monitor,
    /// Explain an expression or a type.
    Describe,
    /// Read a ruleset in another format.
    Import,
    /// Write the ruleset in another format.
    Export,
}

/// A rule's place among others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Anchor {
    /// By the kernel's number.
    Handle(u64),
    /// By place in the chain, from 0.
    Index(u64),
}

/// A kind of thing in a ruleset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Entity {
    /// Everything.
    Ruleset,
    /// Tables.
    Table,
    /// Chains.
    Chain,
    /// Rules.
    Rule,
    /// Sets.
    Set,
    /// Maps.
    Map,
    /// Sets that rules fill.
    Meter,
    /// Flow tables.
    Flowtable,
    /// Stateful objects of a kind.
    Object(ObjectKind),
}

/// Things that are there already: one by name, handle or index, or all of a kind.
#[derive(Clone, Debug, PartialEq)]
pub struct Selection {
    /// What kind.
    pub entity: Entity,
    /// Of which family; `UNSPECIFIED` is all.
    pub family: Family,
    /// In which table; `None` is in all, or where a table is meant by its handle.
    pub table: Option<String>,
    /// In which chain.
    pub chain: Option<String>,
    /// Which one, by name.
    pub name: Option<String>,
    /// Which one, by the kernel's number.
    pub handle: Option<u64>,
    /// Which rule, by place in the chain, from 0.
    pub index: Option<u64>,
}

impl Selection {
    /// All things of a kind.
    #[must_use]
    pub fn all(entity: Entity, family: Family) -> Self {
        Selection { entity, family, table: None, chain: None, name: None, handle: None, index: None }
    }
}

/// What an order is about.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// Things that are there: for delete, destroy, flush, list and reset.
    Selection(Selection),
    /// A table to make.
    Table(Table),
    /// A chain to make, without its rules; to delete where it is its devices that go.
    Chain(Box<Chain>),
    /// A new name for a chain.
    ChainName {
        /// Family of the table.
        family: Family,
        /// The table.
        table: String,
        /// The chain.
        chain: String,
        /// Its new name.
        to: String,
    },
    /// A rule to make.
    Rule {
        /// Family of the table.
        family: Family,
        /// The table.
        table: String,
        /// The chain.
        chain: String,
        /// Where in the chain.
        anchor: Option<Anchor>,
        /// The rule itself.
        rule: Rule,
        /// Where each statement was written, in the order of the statements.
        spans: Vec<Span>,
    },
    /// A set or map to make, with its elements.
    Set(Box<Set>),
    /// Elements of a set or map.
    Elements {
        /// The set: family, table, name, types and flags are filled in. Many orders may be about the same.
        set: Arc<Set>,
        /// The elements.
        elements: Vec<Element>,
    },
    /// Many plain elements of a set at once; as single ones: [`PackedElements::elements`].
    PackedElements {
        /// The set: family, table, name, types and flags are filled in.
        set: Arc<Set>,
        /// The elements.
        elements: PackedElements,
    },
    /// A stateful object to make.
    Object(Box<Object>),
    /// A flow table to make; to delete where it is its devices that go.
    Flowtable(Flowtable),
    /// The hooks of a family or device (`list hooks`).
    Hooks {
        /// Only of this family.
        family: Option<Family>,
        /// Only of this device.
        device: Option<String>,
    },
    /// What to watch (`monitor`).
    Changes {
        /// `new` or `destroy`
        event: Option<String>,
        /// `tables`, `trace` and so on.
        object: Option<String>,
        /// `json`
        format: Option<String>,
    },
    /// What to explain (`describe`).
    Description {
        /// The expression, unless a type was named.
        expression: Option<Expression>,
        /// Its type.
        parts: Vec<TypePart>,
    },
    /// The ruleset in another format.
    Exchange {
        /// The format.
        format: Option<String>,
    },
}
