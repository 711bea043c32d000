//! Writes the seeds of the fuzzers into a folder, in a folder for each target: `cargo run -p netwright-nft-lab --example nft_fuzz_seeds fuzz/corpus`.

use std::path::PathBuf;

use netwright_lab::fuzz::write_seeds;
use netwright_nft_lab::fuzz::TARGETS;

fn main() -> std::io::Result<()> {
    let folder = PathBuf::from(std::env::args_os().nth(1).unwrap_or_else(|| "fuzz/corpus".into()));
    write_seeds(TARGETS, &folder)
}
