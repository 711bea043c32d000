//! Desired network state: what a host file says, as plain data.
//!
//! [`read`] turns the text of a host file (TOML, or JSON of the same shape) into a [`Host`](model::Host), or
//! into every mistake in it at once. [`schema`] gives the JSON Schema of the file, made from the same key tables
//! that read it. Nothing here does IO: files that a host file includes come through a closure.
#![forbid(unsafe_code)]

pub mod model;

#[macro_use]
mod section;
mod firewall;
mod read;
mod scalar;
mod schema;
mod tree;
mod validate;

pub use read::{Format, read};
pub use schema::schema;
