//! The laboratory of the nft language: what is compared with `nft`, rule by rule, in memory and in the kernel.
//!
//! [`conformance`] judges the records and rulesets of the shared corpus, [`generate`] makes random rules, and [`fuzz`] has what
//! the fuzzers run. Namespaces and oracles come from `netwright-lab`.
#![forbid(unsafe_code)]

pub mod conformance;
pub mod differential;
pub mod fuzz;
pub mod generate;
