//! A target over its seeds and a few thousand mutations, always the same ones.

use std::io;
use std::path::Path;

use super::Target;
use crate::random::Random;

const MUTATIONS: usize = 3000;

/// Runs the target of this name.
///
/// # Panics
///
/// Where the target does, and where there is none of this name.
#[allow(clippy::panic)]
pub fn check(targets: &[Target], name: &str) {
    let Some(target) = targets.iter().find(|target| target.name == name) else {
        panic!("there is no target {name}")
    };
    let seeds = (target.seeds)();
    assert!(!seeds.is_empty());
    seeds.iter().for_each(|seed| (target.run)(seed));
    let mut random = Random::new(1);
    for _ in 0..MUTATIONS {
        (target.run)(&mutate(&mut random, &seeds));
    }
}

/// Writes the seeds into a folder, in a folder for each target.
pub fn write_seeds(targets: &[Target], folder: &Path) -> io::Result<()> {
    for target in targets {
        let folder = folder.join(target.name);
        std::fs::create_dir_all(&folder)?;
        for (number, seed) in (target.seeds)().iter().enumerate() {
            std::fs::write(folder.join(format!("seed-{number:03}")), seed)?;
        }
    }
    Ok(())
}

/// Changes, removes, repeats and joins bytes.
fn mutate(random: &mut Random, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut data = random.pick(seeds).clone();
    for _ in 0..random.below(6) {
        let at = random.below(data.len() + 1);
        let until = (at + random.below(16)).min(data.len());
        match random.below(5) {
            0 => drop(data.drain(at..until)),
            1 => data.insert(at, random.byte()),
            2 => {
                let copy = data.get(at..until).unwrap_or_default().to_vec();
                let to = random.below(data.len() + 1);
                data.splice(to..to, copy);
            }
            3 => {
                let other = random.pick(seeds);
                let from = random.below(other.len() + 1);
                data.truncate(at);
                data.extend_from_slice(other.get(from..).unwrap_or_default());
            }
            _ => {
                if let Some(byte) = data.get_mut(at) {
                    *byte ^= 1 << random.below(8);
                }
            }
        }
    }
    data
}
