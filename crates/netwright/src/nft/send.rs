//! Batches on their way to the kernel, and what comes back.

use netwright_netfilter::{
    Batch, Chain, Element, ElementListAttrs, Flowtable, Item, MessageKind, NetfilterHeader, Object, Rule,
    Set, Table,
};
use netwright_sys::{Connection, Error, Outcome, Refusal};
use netwright_wire::{Errno, Malformed, Message};

use crate::Result;

/// Bytes of the message that ends a batch.
const END: usize = 20;

/// What became of a batch.
pub(super) enum Sent {
    /// All of it was done, or would be.
    Done {
        /// Whether replies to it were lost.
        replies_lost: bool,
    },
    /// The ruleset has another generation than the one that the batch is for.
    Outdated(Refusal),
    /// Nothing of it was done, because of these messages, in their order.
    Refused(Vec<Refusal>),
}

/// Has the kernel make all changes of a batch or none.
///
/// Replies, where the batch asks for an echo, are handed to `reply` with the place of the message that they answer.
pub(super) fn commit(
    connection: &mut Connection,
    batch: &mut Batch,
    reply: impl FnMut(usize, &Message<'_>),
) -> Result<Sent> {
    let messages = batch.messages();
    let bytes = batch.finish().map_err(|error| Error::new("commit the batch", error))?;
    Ok(sent(connection.transact(bytes, messages, reply)?))
}

/// Has the kernel try all changes of a batch and take them back: it does so where a batch has no end.
pub(super) fn check(connection: &mut Connection, batch: &mut Batch) -> Result<Sent> {
    let messages = batch.messages().saturating_sub(1);
    let bytes = batch.finish().map_err(|error| Error::new("check the batch", error))?;
    let bytes = bytes.get(..bytes.len().saturating_sub(END)).unwrap_or_default();
    Ok(sent(connection.transact(bytes, messages, |_, _| {})?))
}

fn sent(outcome: Outcome) -> Sent {
    match outcome {
        Outcome::Committed { replies_lost } => Sent::Done { replies_lost },
        Outcome::Refused(mut refusals) => {
            refusals.sort_by_key(|refusal| refusal.index);
            let outdated = |refusal: &Refusal| refusal.index == 0 && refusal.error.errno == Errno::ERESTART;
            match refusals.iter().position(outdated) {
                Some(at) => Sent::Outdated(refusals.swap_remove(at)),
                None => Sent::Refused(refusals),
            }
        }
    }
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

/// What a reply tells of what was made.
pub(super) fn read_made(message: &Message<'_>) -> std::result::Result<Option<Made>, Malformed> {
    Ok(match MessageKind::of(message) {
        Some(MessageKind::NEW_TABLE) => Table::read(message)?.map(Made::Table),
        Some(MessageKind::NEW_CHAIN) => Chain::read(message)?.map(Made::Chain),
        Some(MessageKind::NEW_RULE) => Rule::read(message)?.map(Made::Rule),
        Some(MessageKind::NEW_SET) => Set::read(message)?.map(Made::Set),
        Some(MessageKind::NEW_OBJECT) => Object::read(message)?.map(Made::Object),
        Some(MessageKind::NEW_FLOWTABLE) => Flowtable::read(message)?.map(Made::Flowtable),
        Some(MessageKind::NEW_ELEMENTS) => {
            let bytes = message.bytes_after(NetfilterHeader::SIZE);
            let elements = ElementListAttrs::read_attributes(bytes)?.elements;
            elements.map(|elements| Made::Elements(elements.0))
        }
        _ => None,
    })
}
