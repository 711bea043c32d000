//! `netwright apply` and its kin in real namespaces, judged by `ip`, `bridge`, `tc` and `nft`.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used)]

mod boot;
mod captured;
mod chaos;
mod check;
mod folder;
mod foreign;
mod hosts;
mod judge;
mod lockout;
mod meanwhile;
mod objects;
mod others;
mod promises;
mod property;
mod rows;
mod sentences;
mod sets;
mod support;
mod traffic;
mod units;
