//! Changes that are made all together or not at all.

use std::ops::{Deref, DerefMut};

use netwright_netfilter::{Chain, Element, ElementListAttrs, Flowtable, Item, MessageKind, Object, Rule, Set, Table};
use netwright_sys::{Connection, Error, Outcome, Refusal, protocol};
use netwright_wire::{Malformed, Message};

use crate::Result;
use crate::driver::Driver;

/// Changes in the order in which they are made. Nothing happens before [`Batch::commit`].
///
/// It is a [`netwright_netfilter::Batch`] with a way to the kernel: everything that can be added there can be added
/// here.
#[derive(Debug)]
pub struct Batch<'n, D> {
    driver: &'n D,
    batch: netwright_netfilter::Batch,
}

/// What a transaction made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Committed {
    /// What was made while [`echo`](netwright_netfilter::Batch::echo) was on, with the kernel's handles, each with the
    /// number of its message in the batch.
    pub made: Vec<(usize, Made)>,
    /// Whether `made` has gaps, since the kernel told more than the receive buffer holds. Everything is committed all
    /// the same.
    pub replies_lost: bool,
}

/// A thing that was made.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
#[allow(missing_docs)]
pub enum Made {
    Table(Table),
    Chain(Chain),
    Rule(Rule),
    Set(Set),
    Elements(Vec<Element>),
    Object(Object),
    Flowtable(Flowtable),
}

impl<'n, D: Driver> Batch<'n, D> {
    pub(super) fn new(driver: &'n D, batch: netwright_netfilter::Batch) -> Self {
        Batch { driver, batch }
    }

    /// Makes all changes, or none: then the error names the first that the kernel refused.
    pub fn commit(self) -> D::Output<'n, Committed> {
        let mut batch = self.batch;
        self.driver.run(protocol::NETFILTER, move |connection| commit(connection, &mut batch))
    }

    /// Has the kernel try all changes and take them back: an error where [`Batch::commit`] would have one.
    pub fn check(self) -> D::Output<'n, ()> {
        let mut batch = self.batch;
        self.driver.run(protocol::NETFILTER, move |connection| check(connection, &mut batch))
    }
}

impl<D> Deref for Batch<'_, D> {
    type Target = netwright_netfilter::Batch;

    fn deref(&self) -> &Self::Target {
        &self.batch
    }
}

impl<D> DerefMut for Batch<'_, D> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.batch
    }
}

fn commit(connection: &mut Connection, batch: &mut netwright_netfilter::Batch) -> Result<Committed> {
    if batch.is_empty() {
        return Ok(Committed::default());
    }
    let (mut made, mut malformed) = (Vec::new(), None);
    let messages = batch.messages();
    let bytes = batch.finish().map_err(|error| Error::new("commit the batch", error))?;
    let outcome = connection.transact(bytes, messages, |index, message| match read_made(message) {
        Ok(thing) => made.extend(thing.map(|thing| (index, thing))),
        Err(error) => malformed = Some(error),
    })?;
    match (outcome, malformed) {
        (Outcome::Refused(refusals), _) => Err(refused(batch, refusals)),
        (_, Some(error)) => Err(Error::new("read what the committed batch made", error)),
        (Outcome::Committed { replies_lost }, None) => Ok(Committed { made, replies_lost }),
    }
}

/// The kernel takes back what it did for a batch that has no end.
fn check(connection: &mut Connection, batch: &mut netwright_netfilter::Batch) -> Result<()> {
    const END: usize = 20;
    if batch.is_empty() {
        return Ok(());
    }
    let messages = batch.messages().saturating_sub(1);
    let bytes = batch.finish().map_err(|error| Error::new("check the batch", error))?;
    let bytes = bytes.get(..bytes.len().saturating_sub(END)).unwrap_or_default();
    match connection.transact(bytes, messages, |_, _| {})? {
        Outcome::Refused(refusals) => Err(refused(batch, refusals)),
        Outcome::Committed { .. } => Ok(()),
    }
}

/// The error for the first message that was refused.
fn refused(batch: &mut netwright_netfilter::Batch, refusals: Vec<Refusal>) -> Error {
    let bytes = batch.finish().map(<[u8]>::to_vec).unwrap_or_default();
    let first = refusals.into_iter().min_by_key(|refusal| refusal.index);
    let Some(Refusal { index, error, .. }) = first else {
        return Error::new("commit the batch", netwright_sys::Cause::NoAnswer);
    };
    match batch.step(index) {
        Some(step) => Error::new(step.at(error.extended.offset).to_string(), error).with_sent(&bytes).with_tag(step.tag),
        None => Error::new("commit the batch", error),
    }
}

fn read_made(message: &Message<'_>) -> std::result::Result<Option<Made>, Malformed> {
    Ok(match MessageKind::of(message) {
        Some(MessageKind::NEW_TABLE) => Table::read(message)?.map(Made::Table),
        Some(MessageKind::NEW_CHAIN) => Chain::read(message)?.map(Made::Chain),
        Some(MessageKind::NEW_RULE) => Rule::read(message)?.map(Made::Rule),
        Some(MessageKind::NEW_SET) => Set::read(message)?.map(Made::Set),
        Some(MessageKind::NEW_OBJECT) => Object::read(message)?.map(Made::Object),
        Some(MessageKind::NEW_FLOWTABLE) => Flowtable::read(message)?.map(Made::Flowtable),
        Some(MessageKind::NEW_ELEMENTS) => {
            let bytes = message.bytes_after(netwright_netfilter::NetfilterHeader::SIZE);
            let elements = ElementListAttrs::read_attributes(bytes)?.elements;
            elements.map(|elements| Made::Elements(elements.0))
        }
        _ => None,
    })
}
