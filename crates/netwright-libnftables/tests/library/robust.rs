//! What must never happen, whatever is given: lost memory, a crash, an end of the process.

use std::process::Command;

use netwright_lab::random::Random;
use netwright_lab::{Failure, Lab, Outcome, ensure, ensure_eq};
use nftables::fuzz;

use crate::programs::{compiled, printed};

/// How many mutations are tried, where `NETWRIGHT_MUTATIONS` does not say.
const MUTATIONS: usize = 1000;

pub(crate) fn no_memory_and_no_file_is_lost(_: &mut Lab) -> Outcome {
    const SLACK: i64 = 1 << 10;
    let (folder, program) = compiled("memory")?;
    // what each thread keeps for later would be counted too
    let mut program = Command::new(&program);
    program.env("GLIBC_TUNABLES", "glibc.malloc.tcache_count=0");
    let said = printed(&mut program, Some(&folder))?;
    let mut numbers = said.split_whitespace().map(str::parse::<i64>);
    let (Some(Ok(bytes)), Some(Ok(files))) = (numbers.next(), numbers.next()) else {
        return Err(Failure::wrong(said));
    };
    ensure!(bytes < SLACK, "{bytes} more bytes are in use after 960 commands");
    ensure_eq!(files, 0);
    Ok(())
}

pub(crate) fn threads_have_contexts_of_their_own(_: &mut Lab) -> Outcome {
    let (folder, program) = compiled("threads")?;
    ensure_eq!(printed(&mut Command::new(&program), Some(&folder))?, "0\n");
    Ok(())
}

pub(crate) fn whatever_is_given_is_survived(_: &mut Lab) -> Outcome {
    let seeds = fuzz::seeds();
    seeds.iter().for_each(|seed| fuzz::interface(seed));
    let mut random = Random::new(7);
    let said = std::env::var("NETWRIGHT_MUTATIONS").ok().and_then(|said| said.parse().ok());
    for _ in 0..said.unwrap_or(MUTATIONS) {
        let mut input = random.pick(&seeds).clone();
        for _ in 0..=random.below(6) {
            let at = random.below(input.len().max(1));
            match random.below(5) {
                0 => drop(input.drain(at..(at + random.below(9)).min(input.len()))),
                1 => input.insert(at.min(input.len()), random.byte()),
                2 => {
                    let other = random.pick(&seeds).clone();
                    input.truncate(at);
                    input.extend(other.iter().skip(random.below(other.len())));
                }
                3 => {
                    let part: Vec<u8> = input.iter().skip(at).take(random.below(20)).copied().collect();
                    input.splice(at.min(input.len())..at.min(input.len()), part);
                }
                _ => {
                    if let Some(byte) = input.get_mut(at) {
                        *byte = random.byte();
                    }
                }
            }
        }
        fuzz::interface(&input);
    }
    Ok(())
}
