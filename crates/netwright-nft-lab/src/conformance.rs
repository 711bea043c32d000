//! How far the language agrees with `nft`: the records, rulesets and recipes of `NETWRIGHT_SHARED` against our compiler and lister.
//!
//! The material is not part of the repository. It is read from the folder that the environment variable `NETWRIGHT_SHARED` names, or
//! from `shared` beside the checkout; without it nothing is shown and everything says so.
//!
//! What is judged is counted in a [`Score`] by area and [`Check`]. A [`Ratchet`] is a file of the numbers that were reached once: none
//! may fall.

pub mod kernel;
pub(crate) mod language;
pub mod material;
mod memory;
pub mod records;
mod score;

pub use language::Language;
pub use memory::Memory;
pub use score::{Check, Doubts, Findings, Ratchet, Score};
