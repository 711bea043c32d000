//! In the place of the copy of nftables, where that is left out.

use netwright_wire::{Malformed, Message};

use super::event::{Event, Kinds};

/// Nothing.
#[derive(Clone, Debug, Default)]
pub(super) struct Ruleset;

pub(super) fn kinds_of(_: &Message<'_>) -> Kinds {
    Kinds::empty()
}

impl Ruleset {
    pub(super) fn take(
        &mut self,
        _: &Message<'_>,
        _: Kinds,
        _: &mut Kinds,
        _: &mut impl FnMut(Event),
    ) -> Result<(), Malformed> {
        Ok(())
    }

    pub(super) fn adopt(&mut self, _: Ruleset, _: Kinds) {}

    pub(super) fn differences(&self, _: &Ruleset, _: Kinds, _: &mut impl FnMut(Event)) {}
}
