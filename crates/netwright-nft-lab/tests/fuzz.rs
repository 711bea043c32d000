//! The fuzzers' functions over their seeds and a few thousand mutations, always the same ones.

use netwright_lab::fuzz::check;
use netwright_nft_lab::fuzz::TARGETS;

macro_rules! targets {
    ($($name:ident)*) => {
        $(#[test] fn $name() { check(TARGETS, stringify!($name)); })*

        #[test]
        fn all_targets_are_run() {
            let run = [$(stringify!($name)),*];
            assert!(TARGETS.iter().all(|target| run.contains(&target.name)));
            let files = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/fuzz_targets");
            assert!(run.iter().all(|name| std::path::Path::new(&format!("{files}/{name}.rs")).exists()));
        }
    };
}

targets! { syntax evaluate json lift optimize extension names bytes monitor history }
