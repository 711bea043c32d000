//! Questions whose answer starts anew.

use std::fmt;

use netwright_wire::{Malformed, Message, Query, Request, Subject, Writer};

use crate::MessageKind;

/// A question about one rule, object or element, whose counters and quotas start anew when they are told:
/// `Reset(Find(object))`. Kernels before 6.2 do not know this of rules, and those before 6.5 not of elements.
#[derive(Clone, Debug)]
pub struct Reset<Q>(pub Q);

impl<Q: Subject> Subject for Reset<Q> {
    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.describe(f)?;
        f.write_str(" and reset it")
    }
}

impl<Q: Request> Request for Reset<Q> {
    const PROTOCOL: i32 = Q::PROTOCOL;

    fn kind(&self) -> u16 {
        const RULE: u16 = MessageKind::GET_RULE.number();
        const OBJECT: u16 = MessageKind::GET_OBJECT.number();
        const ELEMENTS: u16 = MessageKind::GET_ELEMENTS.number();
        match self.0.kind() {
            RULE => MessageKind::GET_RULE_RESET.number(),
            OBJECT => MessageKind::GET_OBJECT_RESET.number(),
            ELEMENTS => MessageKind::GET_ELEMENTS_RESET.number(),
            other => other,
        }
    }

    fn write(&self, writer: &mut Writer) {
        self.0.write(writer);
    }
}

impl<Q: Query> Query for Reset<Q> {
    type Output = Q::Output;

    fn read(&self, message: &Message<'_>) -> Result<Q::Output, Malformed> {
        self.0.read(message)
    }
}
