//! The firewall as content: tables with what lies in them, apart from the orders that made it.

use std::fmt;

use netwright_netfilter::{Family, Userdata};
use netwright_nft::diagnostic::Span;
use netwright_nft::ir;
use netwright_nft::lift::{self, Dump};
use serde_json::{Value as Json, json};

mod check;
mod compare;
mod difference;
mod execute;
mod listed;
mod order;
mod places;
mod references;

pub use check::{check, check_sets};
pub use execute::Unfit;
pub use places::{RulePlace, RulePlaces};

use difference::making;
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
    /// The owner whose host file made it, which its [`MARK`] tells. Of no meaning in what is desired.
    pub owner: Option<String>,
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

    /// The orders that make it where there is nothing.
    #[must_use]
    pub fn commands(&self) -> Vec<ir::Command> {
        self.tables.iter().flat_map(making).collect()
    }

    fn position(&self, family: Family, name: &str) -> Option<usize> {
        self.tables.iter().position(|table| table.table.family == family && table.table.name == name)
    }
}

/// The type of the entry in the userdata of a table that tells whose host file made it: its value is `netwright`, a NUL,
/// and the owner's name. `nft` shows tables with it as any other; the kernel keeps it as long as the table.
pub const MARK: u8 = 157;

const MARK_START: &[u8] = b"netwright\0";

/// The value of the [`MARK`] of an owner.
#[must_use]
pub fn mark_of(owner: &str) -> Vec<u8> {
    [MARK_START, owner.as_bytes()].concat()
}

/// The owner that a table's userdata names.
fn owner_in(userdata: &Userdata) -> Option<String> {
    let entry = userdata.find(MARK)?;
    let owner = entry.value.strip_prefix(MARK_START)?;
    std::str::from_utf8(owner).ok().filter(|owner| !owner.is_empty()).map(str::to_owned)
}

impl Ruleset {
    /// The tables of a dump with what lies in them, and whose they are.
    #[must_use]
    pub fn listed(dump: &Dump) -> Self {
        let owners: std::collections::HashMap<TableName, String> = dump
            .tables
            .iter()
            .filter_map(|table| {
                let name = TableName { family: table.family, name: table.name.clone() };
                Some((name, owner_in(&table.userdata)?))
            })
            .collect();
        let table = |content: ir::TableContent| {
            let ir::TableContent { table, objects, sets, flowtables, chains } = content;
            let owner = owners.get(&TableName::from(&table)).cloned();
            let rule_places = RulePlaces::default();
            Table { table, owner, chains, sets, objects, flowtables, place: None, rule_places }
        };
        Ruleset { tables: lift::ruleset(dump).tables.into_iter().map(table).collect() }
    }
}

/// The names of those sets that are of a table.
pub(crate) fn kept_in(kept: &[(TableName, String)], table: &TableName) -> std::collections::HashSet<String> {
    kept.iter().filter(|(of, _)| of == table).map(|(_, set)| set.clone()).collect()
}

impl TableName {
    /// The table that a text names: family and name, or for `ip` the name alone.
    pub(crate) fn written(text: &str) -> Option<Self> {
        let mut words = text.split_whitespace();
        let (family, name) = match (words.next(), words.next(), words.next()) {
            (Some(family), Some(name), None) => {
                (Family::KNOWN.iter().copied().find(|known| known.name() == Some(family))?, name)
            }
            (Some(name), None, None) => (Family::IPV4, name),
            _ => return None,
        };
        Some(TableName { family, name: name.to_owned() })
    }

    pub(crate) fn to_json(&self) -> Json {
        json!({ "family": self.family.0, "name": self.name })
    }

    pub(crate) fn from_json(json: &Json) -> Result<Self, String> {
        let family =
            u8::try_from(crate::encode::number(json, "family")?).map_err(|wrong| wrong.to_string())?;
        Ok(TableName { family: Family(family), name: crate::encode::text(json, "name")? })
    }
}
