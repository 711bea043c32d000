//! Whole rulesets.

use super::{Chain, Flowtable, Object, Set, Statement, Table};

/// All tables of a host, or some of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ruleset {
    /// The tables.
    pub tables: Vec<TableContent>,
}

/// A table with all that lies in it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TableContent {
    /// The table itself.
    pub table: Table,
    /// Stateful objects.
    pub objects: Vec<Object>,
    /// Sets and maps, without those that belong to rules.
    pub sets: Vec<Set>,
    /// Flow tables.
    pub flowtables: Vec<Flowtable>,
    /// Chains with their rules, without those that belong to rules.
    pub chains: Vec<Chain>,
}

impl TableContent {
    /// Whether iptables, ip6tables or ebtables have made rules in it, which only they can change.
    #[must_use]
    pub fn is_managed_by_iptables(&self) -> bool {
        let extension = |statement: &Statement| matches!(statement, Statement::Extension(_));
        self.chains.iter().flat_map(|chain| &chain.rules).any(|rule| rule.statements.iter().any(extension))
    }
}
