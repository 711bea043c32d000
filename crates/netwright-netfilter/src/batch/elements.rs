//! Elements in a batch: packed one behind the other, as many as fit into a message.

use netwright_wire::{Big, MessageFlags, MessageMark, NestMark, Writer};

use super::Batch;
use crate::element::NUMBERS;
use crate::{Data, Element, ElementFlags, MessageKind, SetRef};

/// What can be written as an element's attributes: an [`Element`], the bytes of a key, or those of a key and its data.
pub trait WriteElement {
    /// Writes the element's attributes.
    fn write_element(&self, writer: &mut Writer);
}

impl WriteElement for Element {
    fn write_element(&self, writer: &mut Writer) {
        let ends = self.flags.is_some_and(|flags| flags.contains(ElementFlags::INTERVAL_END));
        match ends && self.timeout == Some(0) {
            // The kernel tells this of the end of an interval and refuses it.
            true => Element { timeout: None, ..self.clone() }.write_attributes(writer),
            false => self.write_attributes(writer),
        }
    }
}

impl WriteElement for [u8] {
    fn write_element(&self, writer: &mut Writer) {
        write_value(KEY, self, writer);
    }
}

impl<const N: usize> WriteElement for [u8; N] {
    fn write_element(&self, writer: &mut Writer) {
        write_value(KEY, self, writer);
    }
}

/// A key and its data in a map.
impl<K: AsRef<[u8]>, V: AsRef<[u8]>> WriteElement for (K, V) {
    fn write_element(&self, writer: &mut Writer) {
        write_value(KEY, self.0.as_ref(), writer);
        write_value(DATA, self.1.as_ref(), writer);
    }
}

impl<T: WriteElement + ?Sized> WriteElement for &T {
    fn write_element(&self, writer: &mut Writer) {
        (**self).write_element(writer);
    }
}

const KEY: u16 = 1;
const DATA: u16 = 2;
const TABLE: u16 = 1;
const SET: u16 = 2;
const ELEMENTS: u16 = 3;
const SET_ID: u16 = 4;
/// The most payload bytes that an attribute's 16-bit length lets it have.
const NEST_MAXIMUM: usize = u16::MAX as usize - 4;

fn write_value(kind: u16, bytes: &[u8], writer: &mut Writer) {
    let mark = writer.begin_nest(kind);
    writer.bytes_attribute(Data::VALUE, bytes);
    writer.end_nest(mark);
}

impl Batch {
    /// Adds elements to a set; those that are there already stay as they are.
    pub fn add_elements<E: WriteElement>(
        &mut self,
        set: impl Into<SetRef>,
        elements: impl IntoIterator<Item = E>,
    ) {
        self.pack(MessageKind::NEW_ELEMENTS, MessageFlags::CREATE, &set.into(), elements);
    }

    /// Adds elements that must not be there yet.
    pub fn create_elements<E: WriteElement>(
        &mut self,
        set: impl Into<SetRef>,
        elements: impl IntoIterator<Item = E>,
    ) {
        let flags = MessageFlags::CREATE | MessageFlags::EXCLUSIVE;
        self.pack(MessageKind::NEW_ELEMENTS, flags, &set.into(), elements);
    }

    /// Deletes elements, which must be there.
    pub fn delete_elements<E: WriteElement>(
        &mut self,
        set: impl Into<SetRef>,
        elements: impl IntoIterator<Item = E>,
    ) {
        self.pack(MessageKind::DELETE_ELEMENTS, MessageFlags::empty(), &set.into(), elements);
    }

    /// Deletes elements if they are there; kernels before 6.3 do not know this.
    pub fn destroy_elements<E: WriteElement>(
        &mut self,
        set: impl Into<SetRef>,
        elements: impl IntoIterator<Item = E>,
    ) {
        self.pack(MessageKind::DESTROY_ELEMENTS, MessageFlags::empty(), &set.into(), elements);
    }

    /// No element means no message: one without elements would flush the set.
    fn pack<E: WriteElement>(
        &mut self,
        kind: MessageKind,
        flags: MessageFlags,
        set: &SetRef,
        elements: impl IntoIterator<Item = E>,
    ) {
        let mut elements = elements.into_iter().peekable();
        while elements.peek().is_some() {
            let (message, nest) = self.begin_elements(kind, flags, set);
            let mut number = 1;
            while let Some(element) = elements.peek() {
                let before = self.writer.len();
                let mark = self.writer.begin_nest(number);
                element.write_element(&mut self.writer);
                self.writer.end_nest(mark);
                if number > 1 && self.writer.nest_len(&nest) > NEST_MAXIMUM || number > NUMBERS {
                    self.writer.truncate(before);
                    break;
                }
                elements.next();
                number += 1;
            }
            self.writer.end_nest(nest);
            self.writer.end_message(message);
        }
    }

    fn begin_elements(
        &mut self,
        kind: MessageKind,
        flags: MessageFlags,
        set: &SetRef,
    ) -> (MessageMark, NestMark) {
        let message = self.begin(kind, set.table.family, flags);
        self.writer.attribute::<Big, String>(TABLE, &set.table.name);
        self.writer.attribute::<Big, String>(SET, &set.name);
        if let Some(id) = set.id {
            self.writer.attribute::<Big, u32>(SET_ID, &id);
        }
        (message, self.writer.begin_nest(ELEMENTS))
    }
}
