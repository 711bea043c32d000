//! The firewall as content: tables with what lies in them, apart from the orders that made it.

use std::fmt;

use netwright_netfilter::Family;
use netwright_nft::diagnostic::Span;
use netwright_nft::ir;

mod compare;
mod difference;
mod execute;
mod listed;
mod order;
mod places;
mod references;

pub use execute::Unfit;
pub use places::{RulePlace, RulePlaces};

pub(crate) use difference::{Change, between, count};

/// Tables with what lies in them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ruleset {
    /// The tables.
    pub tables: Vec<Table>,
}

/// A table with what lies in it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// The table itself.
    pub table: ir::Table,
    /// Whether netwright made it, which its [`MARK`] tells. Of no meaning in what is desired.
    pub own: bool,
    /// Its chains with their rules.
    pub chains: Vec<ir::Chain>,
    /// Its named sets and maps with their elements.
    pub sets: Vec<ir::Set>,
    /// Its stateful objects.
    pub objects: Vec<ir::Object>,
    /// Its flow tables.
    pub flowtables: Vec<ir::Flowtable>,
    /// Where it was written, in what is desired.
    pub place: Option<Span>,
    /// Where its rules were written, in what is desired.
    pub rule_places: RulePlaces,
}

/// What names a table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TableName {
    /// Family of its packets.
    pub family: Family,
    /// Its name.
    pub name: String,
}

/// How `nft` writes it: `inet filter`.
impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.family, self.name)
    }
}

impl From<&ir::Table> for TableName {
    fn from(table: &ir::Table) -> Self {
        TableName { family: table.family, name: table.name.clone() }
    }
}

impl Table {
    /// What names it.
    #[must_use]
    pub fn name(&self) -> TableName {
        TableName::from(&self.table)
    }

    /// How many rules its chains have.
    #[must_use]
    pub fn rules(&self) -> usize {
        self.chains.iter().map(|chain| chain.rules.len()).sum()
    }

    /// The devices that must exist before the table can be made.
    pub fn devices(&self) -> impl Iterator<Item = &str> {
        let hooks = self.chains.iter().filter_map(|chain| chain.hook.as_ref());
        let chains = hooks.flat_map(|hook| &hook.devices);
        let flowtables = self.flowtables.iter().flat_map(|flowtable| &flowtable.devices);
        chains.chain(flowtables).map(String::as_str).filter(|device| !device.ends_with('*'))
    }
}

impl Ruleset {
    /// The table of a name.
    #[must_use]
    pub fn table(&self, name: &TableName) -> Option<&Table> {
        self.tables.iter().find(|table| table.table.family == name.family && table.table.name == name.name)
    }

    fn position(&self, family: Family, name: &str) -> Option<usize> {
        self.tables.iter().position(|table| table.table.family == family && table.table.name == name)
    }
}

/// What is put into the userdata of a table that netwright makes, so that it knows its own again: the type of the
/// entry and its value. `nft` shows tables with it as any other; the kernel keeps it as long as the table.
pub const MARK: (u8, &[u8]) = (157, b"netwright\0");
