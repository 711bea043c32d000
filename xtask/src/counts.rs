//! `cargo xtask counts`: what the main paths cost, counted and not timed, so that it is the same on a busy machine: instructions,
//! allocations and the most memory at once as valgrind counts them, and system calls.
//!
//! Each path runs at two sizes in a namespace of its own. What may grow grows by the size, or up to a tenth more; what asks for
//! one object beside many does not grow. All is compared with `xtask/counts.txt`.

mod file;
mod paths;
mod run;

use std::path::PathBuf;

use crate::cargo::{build, output, root};
use crate::setup::{find, is_root};

use file::{Counts, KINDS, Known};
use paths::{PATHS, Program};

/// How much more than what is known is too much, in thousandths; and as many of what is counted are no matter.
const MORE: u64 = 20;
const SLACK: [u64; 4] = [20_000, 20, 16 << 10, 4];
/// How much more than by the size it may grow, in hundredths.
const GROWTH: u64 = 110;
/// The sizes.
const SIZES: [usize; 2] = [500, 2000];

/// Where the programs lie.
struct Programs {
    command: PathBuf,
    library: PathBuf,
}

/// Counts, and compares or writes.
pub(crate) fn run(update: bool, only: Option<&str>) -> Result<(), String> {
    for tool in ["valgrind", "strace", "unshare", "nft", "ip"] {
        if find(tool).is_none() {
            println!("nothing was counted: there is no {tool}");
            return Ok(());
        }
    }
    if !is_root() {
        println!("nothing was counted: only root may load what is listed");
        return Ok(());
    }
    let programs = programs()?;
    let compiler = output(std::process::Command::new("rustc").arg("--version"))?.trim().to_owned();
    let place = root().join("xtask/counts.txt");
    let known = if update || !place.exists() { Known::default() } else { Known::read(&place)? };
    let comparable = known.compiler == compiler;
    if !update && !comparable {
        println!(
            "only growth is looked at: what is known was counted with {}, this is {compiler}",
            known.compiler
        );
    }
    let (mut worse, mut better, mut all) = (Vec::new(), 0, Vec::new());
    println!(
        "{:<26} {:>6} {:>13} {:>12} {:>12} {:>8}",
        "path", "size", KINDS[0], KINDS[1], KINDS[2], KINDS[3]
    );
    for path in PATHS.iter().filter(|path| only.is_none_or(|only| path.name.contains(only))) {
        let counted = SIZES.map(|size| run::count(path, size, &programs));
        let [small, large] = counted;
        let (small, large) = (small?, large?);
        for (size, counts) in SIZES.into_iter().zip([small, large]) {
            println!("{}", file::line(path.name, size, &counts));
            let before = known.counts.get(&(path.name.to_owned(), size)).filter(|_| comparable);
            if let Some(before) = before {
                compare(path.name, size, before, &counts, &mut worse, &mut better);
            } else if comparable && !update {
                worse.push(format!("{} {size} is not in xtask/counts.txt", path.name));
            }
            all.push((path.name, size, counts));
        }
        let by = if path.grows { (SIZES[1] / SIZES[0]) as u64 } else { 1 };
        for ((kind, slack), (small, large)) in KINDS.iter().zip(SLACK).zip(small.0.into_iter().zip(large.0)) {
            if large > small * by * GROWTH / 100 + slack {
                let (from, to) = (SIZES[0], SIZES[1]);
                let grew = format!("{kind} grow from {small} at {from} to {large} at {to}");
                worse.push(format!(
                    "{}: {grew}, by more than {}",
                    path.name,
                    if path.grows { "the size" } else { "nothing" }
                ));
            }
        }
    }
    if update {
        file::write(&place, &compiler, &all)?;
        println!("written to {}", place.display());
    } else if better > 0 {
        println!("{better} counts are better than what is known: `cargo xtask counts --update` keeps that");
    }
    match worse.as_slice() {
        [] => Ok(()),
        worse => Err(format!("{}\nxtask/counts.txt says what to do about it", worse.join("\n"))),
    }
}

/// The command and the program with the paths of the library, as they are released.
fn programs() -> Result<Programs, String> {
    let one = |arguments: &[&str], kind: &str| {
        let made = build(arguments)?.into_iter().find(|program| program.kind == kind);
        made.map(|program| program.path).ok_or_else(|| "the build made no program".to_owned())
    };
    let command = one(&["build", "--release", "--package", "netwright-cli", "--bin", "netwright"], "bin")?;
    let library =
        one(&["build", "--release", "--package", "netwright-lab", "--example", "counted"], "example")?;
    Ok(Programs { command, library })
}

impl Programs {
    fn path(&self, program: Program) -> &std::path::Path {
        match program {
            Program::Command => &self.command,
            Program::Library => &self.library,
        }
    }
}

fn compare(
    name: &str,
    size: usize,
    before: &Counts,
    now: &Counts,
    worse: &mut Vec<String>,
    better: &mut usize,
) {
    for ((kind, slack), (before, now)) in KINDS.iter().zip(SLACK).zip(before.0.into_iter().zip(now.0)) {
        let most = before + before * MORE / 1000 + slack;
        if now > most {
            worse.push(format!("{name} {size}: {now} {kind}, where {before} are known"));
        } else if now + now * MORE / 1000 + slack < before {
            *better += 1;
        }
    }
}
