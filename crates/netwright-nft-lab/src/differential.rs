//! What `nft` and we make of the same inputs: whether they are taken, what the kernel has then, and how it is listed.
//!
//! Both are programs that read lines ([`Program`]); nothing of ours judges. A [`Trial`] is a world, a text to try in it and the table
//! that both are in. Many are tried in one batch: each program has a network namespace of its own, and what is there in the end is
//! listed by both.

mod batch;
mod block;
mod documents;
mod generated;
mod grammar;
mod json_commands;
mod mutate;
mod program;
mod report;
mod seeds;
mod trial;
mod vocabulary;

pub use batch::Setting;
pub use documents::Documents;
pub use generated::Generator;
pub use mutate::Mutator;
pub use program::{Answer, Form, Program};
pub use report::{Class, Finding, Reasons, Report};
pub use seeds::{Seed, seeds};
pub use trial::{Place, Trial, batches};
