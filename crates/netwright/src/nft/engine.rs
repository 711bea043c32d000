//! The way of commands to the kernel, step by step: given their meaning with what it knows, lowered, and placed where they are refused.
//! Sessions and batches go it.

use netwright_netfilter::{Batch, Table};
use netwright_nft::catalog::Catalog;
use netwright_nft::diagnostic::{SourceMap, Span};
use netwright_nft::evaluate::{Compiled, Options, compile_with};
use netwright_nft::ir::{Command, Operation, Target};
use netwright_nft::lower::{self, Order};
use netwright_nft::syntax::Parsed;
use netwright_sys::Connection;

use super::ask::{Answered, Ask};
use crate::Result;

/// Gives what was read its meaning. What it refers to and does not make is asked of the kernel, as soon as it is met; the generation
/// that the answers are of comes with them.
pub(super) fn compile(
    sources: &SourceMap,
    parsed: &Parsed,
    options: &Options<'_>,
    connection: &mut Connection,
) -> Result<(Compiled, Answered)> {
    let mut ask = Ask::new(connection);
    let compiled = compile_with(sources, parsed, options, &mut ask);
    Ok((compiled, ask.finish()?))
}

/// Why a command has no messages, and where it was written.
pub(super) struct Unlowered {
    pub(super) error: lower::Error,
    pub(super) span: Option<Span>,
}

/// Appends the messages of a command, tagged with its number. A table of the same name as one of `tables` is made like that.
pub(super) fn lower(
    number: usize,
    command: &Command,
    catalog: &Catalog,
    tables: &[Table],
    order: &mut Order,
    batch: &mut Batch,
) -> std::result::Result<(), Unlowered> {
    batch.tag(u32::try_from(number).ok());
    let lowered = match table_of(command, tables) {
        Some(table) if command.operation == Operation::Add => {
            batch.add(table);
            Ok(())
        }
        Some(table) if command.operation == Operation::Create => {
            batch.create(table);
            Ok(())
        }
        _ => lower::command(command, catalog, order, batch),
    };
    batch.tag(None);
    lowered.map_err(|error| Unlowered { span: span_of(command, &error), error })
}

/// Where a command was written; of a rule, the statement at fault.
fn span_of(command: &Command, error: &lower::Error) -> Option<Span> {
    match &command.target {
        Target::Rule { spans, .. } => error.statement.and_then(|at| spans.get(at).copied()).or(command.span),
        _ => command.span,
    }
}

/// The table that a command makes and that is to be made in a certain way.
fn table_of<'t>(command: &Command, tables: &'t [Table]) -> Option<&'t Table> {
    let Target::Table(table) = &command.target else { return None };
    tables.iter().find(|one| one.family == table.family && one.name == table.name)
}
