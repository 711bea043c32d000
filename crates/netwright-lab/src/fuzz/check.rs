//! A target over its seeds and a few thousand mutations, always the same ones.

use std::io;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

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
    if let Some(seconds) = std::env::var("NETWRIGHT_FUZZ_SECONDS").ok().and_then(|text| text.parse().ok()) {
        go_on(target, seeds, Duration::from_secs(seconds));
    }
}

/// Other mutations each time, also of what came of them. What fails can be found again by the number that is printed.
fn go_on(target: &Target, mut seeds: Vec<Vec<u8>>, time: Duration) {
    /// So many mutations are changed further beside the seeds.
    const KEPT: usize = 4096;
    const LONGEST: usize = 8192;
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let number = since_epoch.as_secs() << 20 | u64::from(since_epoch.subsec_micros());
    let (mut random, end, first, mut inputs) =
        (Random::new(number), Instant::now() + time, seeds.len(), 0_u64);
    println!("{}: random number {number}", target.name);
    while Instant::now() < end {
        let data = mutate(&mut random, &seeds);
        (target.run)(&data);
        inputs += 1;
        match random.below(64) {
            _ if data.len() > LONGEST => {}
            0 if seeds.len() < first + KEPT => seeds.push(data),
            0 => {
                let at = first + random.below(KEPT);
                seeds[at] = data;
            }
            _ => {}
        }
    }
    println!("{}: {inputs} inputs", target.name);
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
