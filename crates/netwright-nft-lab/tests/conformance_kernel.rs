//! The records, rulesets and recipes in the kernel, and rulesets of our own, each in a network namespace of the test's own.
//!
//! `NETWRIGHT_NFT` names the `nft` to compare with, 1.1.7 or later. `CONFORMANCE_FAILURES=20` shows so many failures.

use netwright_lab::{Failure, Lab, Outcome, kernel_tests};
use netwright_nft_lab::conformance::material::{self, Shared};
use netwright_nft_lab::conformance::{Doubts, Ratchet, Score, kernel};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/conformance");

/// The material; without it there is nothing to test, which is no failure anywhere.
fn judge(name: &str, judge: impl FnOnce(&Shared, Doubts) -> Result<Score, Failure>) -> Outcome {
    let shared = match Shared::find() {
        Ok(shared) => shared,
        Err(why) => {
            println!("{name} did not run: {why:?}");
            return Ok(());
        }
    };
    let score = judge(&shared, Doubts::read(format!("{FOLDER}/doubts").as_ref())?)?;
    score.show(name);
    Ratchet::read(format!("{FOLDER}/reached").as_ref())?.hold(name, &score)
}

fn records(_lab: &mut Lab) -> Outcome {
    judge("kernel", |shared, doubts| kernel::records(&shared.records()?, doubts))
}

fn rulesets(_lab: &mut Lab) -> Outcome {
    judge("rulesets", |shared, doubts| kernel::rulesets(&shared.rulesets()?, doubts))
}

/// Our own rulesets, which need no material.
fn listings(_lab: &mut Lab) -> Outcome {
    let own = material::rulesets(format!("{FOLDER}/rulesets").as_ref())?;
    let score = kernel::listings(&own, Doubts::read(format!("{FOLDER}/doubts").as_ref())?)?;
    score.show("listings");
    Ratchet::read(format!("{FOLDER}/reached").as_ref())?.hold("listings", &score)
}

fn recipes(_lab: &mut Lab) -> Outcome {
    judge("recipes", |shared, doubts| {
        let (context, recipes) = shared.recipes()?;
        kernel::recipes(&context, &recipes, doubts)
    })
}

kernel_tests! { records, rulesets, listings, recipes }
