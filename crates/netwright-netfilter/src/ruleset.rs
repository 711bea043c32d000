//! Everything that is in the kernel's rulesets, as it was received.

use crate::{Chain, Element, Flowtable, Object, Rule, Set, Table};

/// A ruleset as a dump gives it: things in the kernel's order, each with its family and table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ruleset {
    /// Number of the ruleset's generation: any change gives it another.
    pub generation: u32,
    /// Tables.
    pub tables: Vec<Table>,
    /// Chains.
    pub chains: Vec<Chain>,
    /// Rules, in the order of their chain.
    pub rules: Vec<Rule>,
    /// Sets and maps with their elements, those without a name of their own too.
    pub sets: Vec<(Set, Vec<Element>)>,
    /// Named stateful objects.
    pub objects: Vec<Object>,
    /// Flow tables.
    pub flowtables: Vec<Flowtable>,
}
