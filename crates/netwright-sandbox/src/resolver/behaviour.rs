//! How questions are answered, apart from what the policy says.

use super::hosts::Hosts;
use super::name::Name;
use crate::Undecided;

/// How questions are answered.
#[derive(Clone, Debug, Default)]
pub(super) struct Behaviour {
    /// What becomes of names that no rule decides.
    pub(super) undecided: Undecided,
    /// The host has IPv6.
    pub(super) ipv6: bool,
    /// Domains that programs append to names.
    pub(super) search: Vec<Name>,
    /// What the host's own list of names says, for names that are allowed.
    pub(super) hosts: Hosts,
}

impl Behaviour {
    /// Whether names are resolved that no rule allows.
    pub(super) fn resolves_all(&self) -> bool {
        self.undecided != Undecided::Refuse
    }
}
