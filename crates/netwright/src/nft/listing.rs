//! Rulesets of the kernel in the terms of the language.

use std::fmt;
use std::ops::Deref;

use netwright_netfilter as kernel;
use netwright_nft::lift;
use netwright_nft::print::write_ruleset;

use super::{Names, PrintOptions, ir};

/// A ruleset in the terms of the language. Shown, it is text that `nft` and [`parse`](super::parse) read.
#[derive(Clone, Debug)]
pub struct Listing {
    /// Tables with what lies in them.
    pub ruleset: ir::Ruleset,
    /// Names that numbers are shown by: those of the namespace's interfaces, and what the caller adds.
    pub names: Names,
    /// How it is shown.
    pub options: PrintOptions,
}

impl Listing {
    pub(super) fn new(dumped: &kernel::Ruleset, names: Names) -> Self {
        Listing { ruleset: lift::ruleset(dumped), names, options: PrintOptions::default() }
    }

    /// Shown with the kernel's handles, as `nft -a` does, or in another way.
    #[must_use]
    pub fn with_options(self, options: PrintOptions) -> Self {
        Listing { options, ..self }
    }
}

impl Deref for Listing {
    type Target = ir::Ruleset;

    fn deref(&self) -> &ir::Ruleset {
        &self.ruleset
    }
}

impl fmt::Display for Listing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_ruleset(f, &self.ruleset, &self.options, &self.names)
    }
}
