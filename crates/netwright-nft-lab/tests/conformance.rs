//! The records of the corpus in memory: what we make of them is what `nft` makes of them.
//!
//! `CONFORMANCE_FAILURES=20` shows so many failures.
#![allow(clippy::panic)]

use netwright_lab::{Failure, Outcome};
use netwright_nft_lab::conformance::material::Shared;
use netwright_nft_lab::conformance::{Doubts, Ratchet, records};

fn run() -> Outcome {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/conformance");
    let doubts = Doubts::read(format!("{folder}/doubts").as_ref())?;
    let score = records::judge(&Shared::find()?.records()?, doubts);
    score.show("records");
    Ratchet::read(format!("{folder}/reached").as_ref())?.hold("records", &score)
}

#[test]
fn records() {
    match run() {
        Ok(()) => {}
        Err(Failure::Missing(what) | Failure::Lacking(what)) => println!("did not run: {what}"),
        Err(Failure::Wrong(what)) => panic!("{what}"),
    }
}
