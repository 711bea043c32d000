//! The fuzzers' functions over their seeds and a few thousand mutations, always the same ones.

use netwright_lab::fuzz::TARGETS;
use netwright_lab::random::Random;

const MUTATIONS: usize = 3000;

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

fn check(name: &str) {
    let target = TARGETS.iter().find(|target| target.name == name).expect("a target of this name");
    let seeds = (target.seeds)();
    assert!(!seeds.is_empty());
    seeds.iter().for_each(|seed| (target.run)(seed));
    let mut random = Random::new(1);
    for _ in 0..MUTATIONS {
        (target.run)(&mutate(&mut random, &seeds));
    }
}

macro_rules! targets {
    ($($name:ident)*) => {
        $(#[test] fn $name() { check(stringify!($name)); })*

        #[test]
        fn all_targets_are_run() {
            let run = [$(stringify!($name)),*];
            assert!(TARGETS.iter().all(|target| run.contains(&target.name)));
            let files = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/fuzz_targets");
            assert!(run.iter().all(|name| std::path::Path::new(&format!("{files}/{name}.rs")).exists()));
        }
    };
}

targets! { syntax evaluate json lift session route resolver }
