//! What a message of a batch is, read from its own bytes.

use std::fmt;

use netwright_wire::{Attribute, Attributes, Big, Message, MessageFlags, Messages, Value};

use super::{Batch, UNTAGGED};
use crate::expression::ObjectKind;
use crate::{ElementView, Family, MessageKind, NetfilterHeader, RuleView, item};

/// A message of a batch. Its text is an order: «add rule inet filter input».
#[derive(Clone, Copy, Debug)]
pub struct Step<'a> {
    /// The message.
    pub message: Message<'a>,
    /// What [`Batch::tag`] marked it with.
    pub tag: Option<u32>,
    batch: &'a Batch,
    index: usize,
    offset: Option<u32>,
}

impl<'a> Step<'a> {
    pub(super) fn read(batch: &'a Batch, index: usize) -> Option<Self> {
        let place = batch.places.get(index)?;
        let message = Messages::new(batch.writer.bytes().get(place.offset as usize..)?).next()?.ok()?;
        let tag = (place.tag != UNTAGGED).then_some(place.tag);
        Some(Step { message, tag, batch, index, offset: None })
    }

    /// With the place in the message that the kernel points at, in bytes from its start
    /// ([`ExtendedAck::offset`](netwright_wire::ExtendedAck::offset)): the text then names the element.
    #[must_use]
    pub fn at(self, offset: Option<u32>) -> Self {
        Step { offset, ..self }
    }

    /// What the message is; `None` for the batch's begin and end.
    #[must_use]
    pub fn kind(&self) -> Option<MessageKind> {
        MessageKind::of(&self.message)
    }

    /// The number of the element that the kernel points at, counted from 0 over all messages that the elements were
    /// packed into, and how many there are.
    #[must_use]
    pub fn element(&self) -> Option<(usize, usize)> {
        let offset = (self.offset? as usize).checked_sub(MESSAGE_HEADER)?;
        let within = self.element_at(offset)?;
        let before = self.neighbours(|index| index.checked_sub(1));
        let behind = self.neighbours(|index| index.checked_add(1));
        Some((before + within, before + self.elements().count() + behind))
    }

    /// The number of the rule's expression that the kernel points at, counted from 0.
    #[must_use]
    pub fn expression(&self) -> Option<usize> {
        let is_rule = matches!(self.kind(), Some(MessageKind::NEW_RULE));
        let offset = (self.offset? as usize).checked_sub(MESSAGE_HEADER).filter(|_| is_rule)?;
        self.child_at(self.children(EXPRESSIONS), offset)
    }

    /// Whether a rule's message names its chain; that of a rule in a chain made in place has a number for it.
    #[must_use]
    pub fn names_chain(&self) -> bool {
        self.text(CHAIN).is_some()
    }

    /// What the kernel points at, in words: `chain`, `hook`, `expression 2, lookup`. `None` where it points at nothing
    /// or at an element, which the text names already.
    #[must_use]
    pub fn part(&self) -> Option<String> {
        if let Some(index) = self.expression() {
            let list = self.children(EXPRESSIONS).flatten().nth(index);
            let name = list.and_then(|one| one.attributes().find(EXPRESSION_NAME).ok().flatten());
            let name = name.and_then(|name| String::read::<Big>(name.payload).ok()).unwrap_or_default();
            return Some(format!("expression {}, {name}", index + 1));
        }
        let offset = (self.offset? as usize).checked_sub(MESSAGE_HEADER)?;
        let attribute = Attributes::new(self.bytes()).flatten().find(|one| {
            let start = self.start(one);
            (start..start + ATTRIBUTE_HEADER + one.payload.len()).contains(&offset)
        })?;
        let rows = item::rows(self.kind()?)?;
        let row = rows.iter().find(|row| row.kind == attribute.kind)?;
        Some(row.field.replace('_', " "))
    }

    /// The types of the attributes that the kernel points at, from the outermost to the innermost; none where it points at
    /// nothing.
    #[must_use]
    pub fn path(&self) -> Vec<u16> {
        let mut path = Vec::new();
        let Some(offset) = self.offset.and_then(|offset| (offset as usize).checked_sub(MESSAGE_HEADER))
        else {
            return path;
        };
        let mut within = Attributes::new(self.bytes());
        loop {
            let covers = |one: &Attribute<'_>| {
                let start = self.start(one);
                (start..start + ATTRIBUTE_HEADER + one.payload.len().max(1)).contains(&offset)
            };
            let Some(found) = within.flatten().find(covers) else { return path };
            path.push(found.kind);
            if !found.nested || self.start(&found) == offset {
                return path;
            }
            within = found.attributes();
        }
    }

    /// A text among the attributes of the message, by its type.
    #[must_use]
    pub fn text_of(&self, kind: u16) -> Option<String> {
        self.text(kind)
    }

    /// Family of the table that the message is about.
    #[must_use]
    pub fn family(&self) -> Family {
        self.message.fixed::<NetfilterHeader>().unwrap_or_default().family
    }

    /// The bytes of the element that the kernel points at.
    #[must_use]
    pub fn element_at_fault(&self) -> Option<ElementView<'a>> {
        let offset = (self.offset? as usize).checked_sub(MESSAGE_HEADER)?;
        let index = self.element_at(offset)?;
        Some(ElementView::new(self.elements().flatten().nth(index)?.payload))
    }

    fn bytes(&self) -> &'a [u8] {
        self.message.bytes_after(NetfilterHeader::SIZE)
    }

    fn elements(&self) -> Attributes<'a> {
        let about = [MessageKind::NEW_ELEMENTS, MessageKind::DELETE_ELEMENTS, MessageKind::DESTROY_ELEMENTS];
        match self.kind() {
            Some(kind) if about.contains(&kind) => self.children(ELEMENTS),
            _ => Attributes::new(&[]),
        }
    }

    /// The attributes within an attribute.
    fn children(&self, kind: u16) -> Attributes<'a> {
        let found = Attributes::new(self.bytes()).find(kind).ok().flatten();
        found.map_or(Attributes::new(&[]), |attribute| attribute.attributes())
    }

    /// Where an attribute starts in the payload.
    fn start(&self, attribute: &Attribute<'_>) -> usize {
        let start = attribute.payload.as_ptr() as usize - self.message.payload.as_ptr() as usize;
        start.saturating_sub(ATTRIBUTE_HEADER)
    }

    /// The element whose attribute covers an offset of the payload.
    fn element_at(&self, offset: usize) -> Option<usize> {
        self.child_at(self.elements(), offset)
    }

    /// The attribute of a list that covers an offset of the payload.
    fn child_at(&self, list: Attributes<'a>, offset: usize) -> Option<usize> {
        list.flatten().position(|one| {
            let start = self.start(&one);
            (start..start + ATTRIBUTE_HEADER + one.payload.len().max(1)).contains(&offset)
        })
    }

    /// How many elements there are in the messages before or behind that are about the same set.
    fn neighbours(&self, next: impl Fn(usize) -> Option<usize>) -> usize {
        let same = |step: &Step<'_>| {
            step.message.header.kind == self.message.header.kind
                && step.tag == self.tag
                && self.same_set(step)
        };
        std::iter::successors(next(self.index), |index| next(*index))
            .map_while(|index| self.batch.step(index).filter(same))
            .map(|step| step.elements().count())
            .sum()
    }

    fn same_set(&self, other: &Step<'_>) -> bool {
        let name = |step: &Step<'_>, kind| {
            Attributes::new(step.bytes()).find(kind).ok().flatten().map(|name| name.payload.to_vec())
        };
        [TABLE, SET].into_iter().all(|kind| name(self, kind) == name(other, kind))
    }

    fn text(&self, kind: u16) -> Option<String> {
        let attribute = Attributes::new(self.bytes()).find(kind).ok()??;
        String::read::<Big>(attribute.payload).ok()
    }

    fn number(&self, kind: u16) -> Option<u64> {
        Attributes::new(self.bytes()).find(kind).ok()??.big::<u64>().ok()
    }
}

const MESSAGE_HEADER: usize = 16;
const ATTRIBUTE_HEADER: usize = 4;
const TABLE: u16 = 1;
const SET: u16 = 2;
const ELEMENTS: u16 = 3;
const EXPRESSIONS: u16 = 4;
const EXPRESSION_NAME: u16 = 1;

impl fmt::Display for Step<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(kind) = self.kind() else {
            return f.write_str("commit the batch");
        };
        let family = self.message.fixed::<NetfilterHeader>().unwrap_or_default().family;
        let noun = self.noun(kind);
        write!(f, "{} {noun}", self.verb(kind, noun))?;
        if noun != "ruleset" || family != crate::Family::UNSPECIFIED {
            write!(f, " {family}")?;
        }
        for name in self.names(kind) {
            write!(f, " {name}")?;
        }
        if let Some(handle) = self.handle(kind) {
            write!(f, " handle {handle}")?;
        }
        match self.element() {
            Some((index, count)) => write!(f, " (element {} of {count})", index + 1),
            None => Ok(()),
        }
    }
}

impl Step<'_> {
    fn verb(&self, kind: MessageKind, noun: &str) -> &'static str {
        let flags = self.message.header.flags;
        match kind.name().unwrap_or_default() {
            name if name.starts_with("destroy") => "destroy",
            name if name.starts_with("delete") => match kind {
                MessageKind::DELETE_RULE if noun != "rule" => "flush",
                MessageKind::DELETE_ELEMENTS if noun != "element" => "flush",
                _ if noun == "ruleset" => "flush",
                _ => "delete",
            },
            _ if kind == MessageKind::NEW_RULE => match () {
                () if flags.contains(MessageFlags::REPLACE) => "replace",
                () if flags.contains(MessageFlags::APPEND) => "add",
                () => "insert",
            },
            _ if flags.contains(MessageFlags::EXCLUSIVE) => "create",
            // A chain that is named by its handle has another name from then on.
            _ if kind == MessageKind::NEW_CHAIN && self.number(CHAIN_HANDLE).is_some() => "rename",
            _ => "add",
        }
    }

    fn noun(&self, kind: MessageKind) -> &'static str {
        match kind {
            MessageKind::DELETE_TABLE if self.bytes().is_empty() => "ruleset",
            MessageKind::DELETE_RULE if self.handle(kind).is_none() => match self.text(CHAIN) {
                _ if RuleView::new(self.bytes()).id().is_ok_and(|id| id.is_some()) => "rule",
                Some(_) => "chain",
                None => "table",
            },
            MessageKind::DELETE_ELEMENTS if self.elements().next().is_none() => "set",
            MessageKind::NEW_ELEMENTS | MessageKind::DELETE_ELEMENTS | MessageKind::DESTROY_ELEMENTS => {
                "element"
            }
            MessageKind::NEW_OBJECT | MessageKind::DELETE_OBJECT | MessageKind::DESTROY_OBJECT => {
                let kind = Attributes::new(self.bytes()).find(OBJECT_KIND).ok().flatten();
                kind.and_then(|kind| kind.big::<ObjectKind>().ok()?.name()).unwrap_or("object")
            }
            _ => item::noun(kind).unwrap_or("message"),
        }
    }

    fn names(&self, kind: MessageKind) -> impl Iterator<Item = String> {
        let own = match kind {
            MessageKind::NEW_TABLE | MessageKind::DELETE_TABLE | MessageKind::DESTROY_TABLE => None,
            MessageKind::NEW_CHAIN | MessageKind::DELETE_CHAIN | MessageKind::DESTROY_CHAIN => {
                Some(CHAIN_NAME)
            }
            _ => Some(SET),
        };
        [Some(TABLE), own].into_iter().flatten().filter_map(|kind| self.text(kind))
    }

    fn handle(&self, kind: MessageKind) -> Option<u64> {
        self.number(match kind {
            MessageKind::DELETE_TABLE | MessageKind::DESTROY_TABLE => 4,
            MessageKind::DELETE_CHAIN | MessageKind::DESTROY_CHAIN => 2,
            MessageKind::NEW_RULE | MessageKind::DELETE_RULE | MessageKind::DESTROY_RULE => 3,
            MessageKind::DELETE_SET | MessageKind::DESTROY_SET => 16,
            MessageKind::DELETE_OBJECT | MessageKind::DESTROY_OBJECT => 6,
            MessageKind::DELETE_FLOWTABLE | MessageKind::DESTROY_FLOWTABLE => 5,
            _ => return None,
        })
    }
}

const CHAIN: u16 = 2;
const CHAIN_HANDLE: u16 = 2;
const CHAIN_NAME: u16 = 3;
const OBJECT_KIND: u16 = 3;
