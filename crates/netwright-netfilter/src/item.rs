//! What all things in a ruleset have in common.

use netwright_wire::{Malformed, Message, Row, Value, Writer};

use crate::{Family, MessageKind, NetfilterHeader};

/// What was received about a thing, in place: its family from the message's head, and its attributes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InFamily<V> {
    /// Family of its table.
    pub family: Family,
    /// Its attributes.
    pub attributes: V,
}

/// The types of the messages about a kind of thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ItemKinds {
    /// Its noun in sentences.
    pub noun: &'static str,
    /// Makes or tells of one.
    pub new: MessageKind,
    /// Asks for one or all.
    pub get: MessageKind,
    /// Deletes one that must be there.
    pub delete: MessageKind,
    /// Deletes one if it is there.
    pub destroy: MessageKind,
}

/// A thing in a ruleset: a table, chain, rule, set, object or flow table.
pub trait Item: Sized {
    /// Its attributes as they are on the wire.
    type Attributes: Value;
    /// The types of the messages about it.
    const KINDS: ItemKinds;

    /// Family of its table.
    fn family(&self) -> Family;

    /// Number that the kernel gave it.
    fn handle(&self) -> Option<u64>;

    /// Makes it of what was received.
    fn from_attributes(family: Family, attributes: Self::Attributes) -> Result<Self, Malformed>;

    /// Everything that is known of it.
    fn attributes(&self) -> Self::Attributes;

    /// Writes what the kernel needs to make it: without handle, position and what only the kernel says.
    fn write_definition(&self, writer: &mut Writer);

    /// Reads a message about one in place; `None` where the message is about something else.
    fn view<'a>(
        message: &Message<'a>,
    ) -> Result<Option<InFamily<<Self::Attributes as Value>::View<'a>>>, Malformed> {
        if MessageKind::of(message) != Some(Self::KINDS.new) {
            return Ok(None);
        }
        let (header, bytes) = NetfilterHeader::split(message)?;
        let attributes = Self::Attributes::view::<netwright_wire::Big>(bytes)?;
        Ok(Some(InFamily { family: header.family, attributes }))
    }

    /// Makes one of its view.
    fn own(view: InFamily<<Self::Attributes as Value>::View<'_>>) -> Result<Self, Malformed> {
        Self::from_attributes(view.family, Self::Attributes::own(view.attributes)?)
    }

    /// Reads a message about one; `None` where the message is about something else.
    fn read(message: &Message<'_>) -> Result<Option<Self>, Malformed> {
        Self::view(message)?.map(Self::own).transpose()
    }
}

/// The error of a message that lacks an attribute.
pub(crate) fn lacks(what: &'static str) -> Malformed {
    Malformed::new(what, 1, 0)
}

/// The noun of the thing that a message makes, deletes or destroys.
pub(crate) fn noun(kind: MessageKind) -> Option<&'static str> {
    use crate::{Chain, Flowtable, Object, Rule, Set, Table};
    let kinds = [Table::KINDS, Chain::KINDS, Rule::KINDS, Set::KINDS, Object::KINDS, Flowtable::KINDS];
    kinds
        .iter()
        .find(|kinds| [kinds.new, kinds.delete, kinds.destroy].contains(&kind))
        .map(|kinds| kinds.noun)
}

/// The attributes of messages of a kind.
pub(crate) fn rows(kind: MessageKind) -> Option<&'static [Row]> {
    use crate::{
        Chain, ChainAttrs, ElementListAttrs, Flowtable, FlowtableAttrs, Object, ObjectAttrs, Rule, RuleAttrs,
        Set, SetAttrs, Table, TableAttrs,
    };
    let kinds = [
        (Table::KINDS, TableAttrs::ROWS),
        (Chain::KINDS, ChainAttrs::ROWS),
        (Rule::KINDS, RuleAttrs::ROWS),
        (Set::KINDS, SetAttrs::ROWS),
        (Object::KINDS, ObjectAttrs::ROWS),
        (Flowtable::KINDS, FlowtableAttrs::ROWS),
    ];
    let elements = [MessageKind::NEW_ELEMENTS, MessageKind::DELETE_ELEMENTS, MessageKind::DESTROY_ELEMENTS];
    if elements.contains(&kind) {
        return Some(ElementListAttrs::ROWS);
    }
    kinds
        .iter()
        .find(|(kinds, _)| [kinds.new, kinds.delete, kinds.destroy].contains(&kind))
        .map(|(_, rows)| *rows)
}

#[cfg(test)]
mod tests;
