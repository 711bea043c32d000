//! What must work in a sandbox as it does without one.

use netwright_lab::Prepared;

/// Every piece of work in every mode, and without a sandbox.
pub(crate) fn tests() -> Vec<Prepared> {
    Vec::new()
}
