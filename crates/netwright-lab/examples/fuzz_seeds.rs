//! Writes the seeds of the fuzzers into a folder, in a folder for each target: `cargo run -p netwright-lab --example fuzz_seeds fuzz/corpus`.

use std::path::PathBuf;

use netwright_lab::fuzz::{TARGETS, write_seeds};

fn main() -> std::io::Result<()> {
    let folder = PathBuf::from(std::env::args_os().nth(1).unwrap_or_else(|| "fuzz/corpus".into()));
    write_seeds(TARGETS, &folder)
}
