//! The kinds of addresses that rules for many addresses mean or leave out.

use super::FilterOptions;
use crate::policy::address::{self, AddressKind, Prefix};
use crate::policy::{Policy, Rule, Target, Undecided};

/// Kinds of addresses that have sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kinds {
    /// What rules for many addresses leave out.
    Never,
    /// Public name servers.
    Resolvers,
    /// All that `internet` leaves out.
    Special,
    /// What `lan` means.
    Private,
}

impl Kinds {
    pub(super) const ALL: [Kinds; 4] = [Kinds::Never, Kinds::Resolvers, Kinds::Special, Kinds::Private];

    pub(super) fn name(self) -> &'static str {
        match self {
            Kinds::Never => "never",
            Kinds::Resolvers => "resolvers",
            Kinds::Special => "special",
            Kinds::Private => "private",
        }
    }

    pub(super) fn prefixes(self) -> Vec<Prefix> {
        match self {
            Kinds::Never => address::special(|kind| !kind.is_ordinary()),
            Kinds::Resolvers => address::resolvers(),
            Kinds::Special => address::special(|_| true),
            Kinds::Private => address::special(|kind| kind == AddressKind::Private),
        }
    }

    /// Whether the rules of a policy refer to them.
    pub(super) fn are_in(self, policy: &Policy, options: &FilterOptions) -> bool {
        let allow = if options.undecided == Undecided::Allow { &[][..] } else { &policy.allow };
        let names = |target: Target| allow.iter().chain(&policy.deny).any(|rule| rule.target == target);
        match self {
            Kinds::Never => options.asks() || allow.iter().any(Rule::is_wide),
            Kinds::Resolvers => allow.iter().any(Rule::is_wide),
            Kinds::Special => names(Target::Internet),
            Kinds::Private => names(Target::Lan),
        }
    }
}
