//! The firewall of a namespace as content, and changes of it.

use netwright_netfilter::{Table as KernelTable, TableFlags, Userdata, userdata};
use netwright_nft::catalog::Catalog;
use netwright_nft::diagnostic::Span;
use netwright_nft::ir::{Command, Operation, Target};
use netwright_nft::lift::{self, Dump};
use netwright_nft::{ir, lower};
use netwright_state::ruleset::{RulePlaces, Table, TableName};
use netwright_state::step::Transaction;
use netwright_state::{MARK, Ruleset};
use netwright_sys::Cause;

use super::Live;
use crate::nft::place_of;
use crate::{Error, Result};

/// The tables with what lies in them, and whether netwright made them.
pub(super) fn content(dump: &Dump) -> Ruleset {
    let own: Vec<TableName> = dump
        .tables
        .iter()
        .filter(|table| is_own(table))
        .map(|table| TableName { family: table.family, name: table.name.clone() })
        .collect();
    let table = |content: ir::TableContent| {
        let ir::TableContent { table, objects, sets, flowtables, chains } = content;
        let own = own.contains(&TableName::from(&table));
        Table {
            table,
            own,
            chains,
            sets,
            objects,
            flowtables,
            place: None,
            rule_places: RulePlaces::default(),
        }
    };
    Ruleset { tables: lift::ruleset(dump).tables.into_iter().map(table).collect() }
}

fn is_own(table: &KernelTable) -> bool {
    let (kind, value) = MARK;
    table.userdata.find(kind).is_some_and(|entry| entry.value == value)
}

/// What rules can refer to.
pub(super) fn catalog(ruleset: &Ruleset) -> Catalog {
    let mut catalog = Catalog::default();
    ruleset.tables.iter().flat_map(|table| &table.sets).for_each(|set| catalog.add_set(set));
    catalog
}

/// Why the firewall is not changed, and where what was refused was written.
pub(super) struct Refused {
    pub(super) error: Error,
    pub(super) place: Option<Span>,
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Refused { error, place: None }
    }
}

impl Live<'_> {
    /// One transaction. It is refused where somebody else changed the firewall since the snapshot: the numbers of
    /// rules in it may be others' by now.
    pub(super) fn firewall(&mut self, transaction: &Transaction) -> std::result::Result<(), Refused> {
        let mut catalog = self.catalog.clone();
        for command in &transaction.commands {
            if let Target::Set(set) | Target::Elements { set, .. } = &command.target {
                catalog.add_set(set);
            }
        }
        let nft = self.net.nft();
        let mut batch = match self.generation {
            Some(generation) => nft.batch_for_generation(generation),
            None => nft.batch(),
        };
        for command in &transaction.commands {
            match marked(command, &transaction.marked)? {
                Some(table) => batch.add(&table),
                None => lower::command(command, &catalog, &mut batch).map_err(|error| Refused {
                    place: command.span,
                    error: Error::new("lower the firewall", Cause::Invalid(error.to_string())),
                })?,
            }
        }
        batch
            .commit()
            .map_err(|error| Refused { place: place_of(&error, &transaction.commands, &catalog), error })?;
        self.generation = None;
        self.catalog = catalog;
        Ok(())
    }
}

/// The table that an order makes and that gets netwright's mark.
fn marked(command: &Command, marked: &[TableName]) -> Result<Option<KernelTable>> {
    let Target::Table(table) = &command.target else { return Ok(None) };
    if command.operation != Operation::Add || !marked.contains(&TableName::from(table)) {
        return Ok(None);
    }
    let failed = |error: userdata::UserdataTooLong| {
        Error::new(format!("mark table {}", table.name), Cause::Invalid(error.to_string()))
    };
    let mut userdata = match &table.comment {
        Some(comment) => Userdata::comment(comment).map_err(failed)?,
        None => Userdata::new(),
    };
    let (kind, value) = MARK;
    userdata.push(kind, value).map_err(failed)?;
    let flags = Some(TableFlags::from_bits_retain(table.flags)).filter(|flags| !flags.is_empty());
    Ok(Some(KernelTable { flags, userdata, ..KernelTable::new(table.family, table.name.clone()) }))
}
