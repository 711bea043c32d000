//! Texts whose meaning depends on the ruleset, given it anew where that has changed: rules that are named by their place, and sets whose
//! intervals are merged with what is there.

use netwright_netfilter::{Batch, Item, Set};
use netwright_nft::catalog::Catalog;
use netwright_nft::evaluate::Options;
use netwright_nft::lift;
use netwright_nft::lower::Order;
use netwright_nft::syntax::Parsed;
use netwright_nft::table::Zone;
use netwright_sys::Connection;

use super::super::{engine, read, text};
use super::{Content, add_made};
use crate::Result;

/// What a batch was before the first such text, and the texts from there on.
#[derive(Clone, Debug)]
pub(super) struct Redo {
    /// How many messages were in it.
    messages: usize,
    catalog: Catalog,
    order: Order,
    texts: Vec<Taken>,
}

/// A text that is in the batch.
#[derive(Clone, Debug)]
struct Taken {
    parsed: Parsed,
    start: Start,
    /// The number of the first message behind it.
    end: usize,
}

/// What a batch was before a text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Start {
    message: usize,
    /// What follows may refer to what the text made by these numbers.
    id: u32,
    echoes: bool,
}

impl Start {
    pub(super) fn of(batch: &Batch) -> Self {
        Start { message: batch.next_message(), id: batch.next_id(), echoes: batch.echoes() }
    }
}

impl Redo {
    pub(super) fn from(batch: &Batch, catalog: Catalog, order: Order) -> Self {
        Redo { messages: batch.next_message(), catalog, order, texts: Vec::new() }
    }

    pub(super) fn took(&mut self, parsed: Parsed, start: Start, batch: &Batch) {
        self.texts.push(Taken { parsed, start, end: batch.next_message() });
    }
}

impl Content {
    /// Gives the texts their meaning anew, all else stays as it is; returns the generation that it is for.
    pub(super) fn take_again(&mut self, connection: &mut Connection) -> Result<u32> {
        let Some(mut redo) = self.redo.take() else { return read::generation(connection) };
        let before = std::mem::take(&mut self.batch);
        let (catalog, order) = (redo.catalog.clone(), redo.order.clone());
        (self.catalog, self.order, self.generation) = (catalog, order, None);
        self.batch.copy(&before, 1..redo.messages);
        let mut copied = redo.messages;
        for taken in &mut redo.texts {
            self.keep(&before, copied..taken.start.message);
            copied = taken.end;
            taken.start.message = self.batch.next_message();
            self.batch.continue_ids(taken.start.id);
            self.batch.echo(taken.start.echoes);
            self.compile_again(&taken.parsed, connection)?;
            taken.end = self.batch.next_message();
        }
        self.keep(&before, copied..before.next_message());
        self.batch.continue_ids(before.next_id().max(self.batch.next_id()));
        let generation = self.generation.map_or_else(|| read::generation(connection), Ok)?;
        self.redo = Some(redo);
        Ok(generation)
    }

    /// Takes over messages that are no text's.
    fn keep(&mut self, before: &Batch, messages: std::ops::Range<usize>) {
        for step in messages.clone().filter_map(|index| before.step(index)) {
            self.order.note(&step.message);
            if let Ok(Some(set)) = Set::read(&step.message) {
                self.catalog.add_set(&lift::set(&set, &[]));
            }
        }
        add_made(before, messages.clone(), &mut self.catalog);
        self.batch.copy(before, messages);
    }

    fn compile_again(&mut self, parsed: &Parsed, connection: &mut Connection) -> Result<()> {
        let options = Options { names: &self.names, catalog: &self.catalog, zone: Zone::UTC };
        let (compiled, answered) = engine::compile(&self.sources, parsed, &options, connection)?;
        text::refuse(&compiled.diagnostics, &self.sources)?;
        self.generation = self.generation.or(answered.fleeting());
        self.catalog = compiled.catalog;
        compiled.commands.into_iter().try_for_each(|command| self.command(command))
    }
}
