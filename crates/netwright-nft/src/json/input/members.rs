//! The members of an object.

use super::super::reader::{Entry, Located, Value};
use super::{Input, Read};
use crate::diagnostic::Span;
use crate::syntax::ast::{Name, Number, Time};

/// Milliseconds in a second.
const SECOND: u64 = 1000;

/// An object: those of its members that mean something are asked for by name.
#[derive(Clone, Copy)]
pub(super) struct Members<'t> {
    /// Where the object stands.
    pub(super) span: Span,
    /// What it describes, for messages.
    pub(super) what: &'static str,
    pub(super) entries: &'t [Entry],
}

impl<'t> Members<'t> {
    /// A member; `null` is as good as none.
    pub(super) fn get(&self, name: &str) -> Option<&'t Located> {
        let node = self.entries.iter().find(|entry| entry.key == name).map(|entry| &entry.node);
        node.filter(|node| !matches!(node.value, Value::Null))
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    pub(super) fn need(&self, input: &mut Input, name: &str) -> Read<&'t Located> {
        match self.get(name) {
            Some(node) => Ok(node),
            None => input.error(self.span, format!("{} needs a member `{name}`", self.what)),
        }
    }

    pub(super) fn need_name(&self, input: &mut Input, name: &str) -> Read<Name> {
        let node = self.need(input, name)?;
        input.name(node, &format!("`{name}`"))
    }

    pub(super) fn need_number(&self, input: &mut Input, name: &str) -> Read<Number> {
        let node = self.need(input, name)?;
        input.number(node, &format!("`{name}`"))
    }

    pub(super) fn name(&self, input: &mut Input, name: &str) -> Read<Option<Name>> {
        self.get(name).map(|node| input.name(node, &format!("`{name}`"))).transpose()
    }

    /// One string or several; nothing is none.
    pub(super) fn names(&self, input: &mut Input, name: &str) -> Read<Vec<Name>> {
        self.get(name).map_or(Ok(Vec::new()), |node| input.names(node, &format!("`{name}`")))
    }

    pub(super) fn number(&self, input: &mut Input, name: &str) -> Read<Option<Number>> {
        self.get(name).map(|node| input.number(node, &format!("`{name}`"))).transpose()
    }

    /// A number that may be as great as 64 bits are, and is written below zero from the middle on.
    pub(super) fn count(&self, input: &mut Input, name: &str) -> Read<Option<Number>> {
        match self.get(name).map(|node| (node.span, &node.value)) {
            Some((span, Value::Integer(value))) if *value < 0 => match i64::try_from(*value) {
                Ok(value) => Ok(Some(Number { span, value: value.cast_unsigned() })),
                Err(_) => self.number(input, name),
            },
            _ => self.number(input, name),
        }
    }

    /// Whether a member says true.
    pub(super) fn flag(&self, input: &mut Input, name: &str) -> Read<bool> {
        self.get(name).map_or(Ok(false), |node| input.boolean(node, &format!("`{name}`")))
    }

    /// A number of seconds.
    pub(super) fn seconds(&self, input: &mut Input, name: &str) -> Read<Option<Time>> {
        self.get(name).map(|node| input.time(node, &format!("`{name}`"), SECOND)).transpose()
    }

    /// A number of milliseconds.
    pub(super) fn milliseconds(&self, input: &mut Input, name: &str) -> Read<Option<Time>> {
        self.get(name).map(|node| input.time(node, &format!("`{name}`"), 1)).transpose()
    }
}
