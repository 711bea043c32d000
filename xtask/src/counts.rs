//! `cargo xtask counts`: what the main paths cost, counted and not timed, so that it is the same on a busy machine: allocations and the most
//! memory at once, by a library that is loaded before C's, system calls, and where that is asked for instructions, by valgrind.
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

/// What is done with the counts.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Options<'a> {
    /// They are written to the file, instead of compared with it.
    pub(crate) update: bool,
    /// Instructions are counted too.
    pub(crate) instructions: bool,
    /// Only paths with this in their names are counted.
    pub(crate) only: Option<&'a str>,
}

/// How much more than what is known is too much, in thousandths; and as many of what is counted are no matter.
const MORE: u64 = 20;
const SLACK: [u64; 4] = [20, 16 << 10, 4, 20_000];
/// How much more than by the size it may grow, in hundredths.
const GROWTH: u64 = 110;
/// The sizes.
const SIZES: [usize; 2] = [500, 2000];

/// Where the programs lie.
struct Programs {
    /// As the tests have them, so that nothing is built anew.
    built: Pair,
    /// As they are released: of these, instructions are counted.
    released: Option<Pair>,
    /// What counts allocations.
    counter: PathBuf,
}

/// The command, and the program with the paths of the library.
struct Pair {
    command: PathBuf,
    library: PathBuf,
}

/// Counts, and compares or writes.
pub(crate) fn run(options: Options<'_>) -> Result<(), String> {
    let tools = ["cc", "strace", "unshare", "nft", "ip"].into_iter();
    for tool in tools.chain(options.instructions.then_some("valgrind")) {
        if find(tool).is_none() {
            println!("nothing was counted: there is no {tool}");
            return Ok(());
        }
    }
    if !is_root() {
        println!("nothing was counted: only root may load what is listed");
        return Ok(());
    }
    if options.update && options.only.is_some() {
        return Err("--update writes all paths: leave the name out".to_owned());
    }
    let programs = Programs::build(options.instructions)?;
    let compiler = output(std::process::Command::new("rustc").arg("--version"))?.trim().to_owned();
    let place = root().join("xtask/counts.txt");
    let known = if place.exists() { Known::read(&place)? } else { Known::default() };
    let same_compiler = known.compiler == compiler;
    if options.instructions && !options.update && !same_compiler {
        println!(
            "known instructions are those of {}, this is {compiler}: only growth is looked at",
            known.compiler
        );
    }
    let (mut worse, mut better, mut all) = (Vec::new(), 0, Vec::new());
    println!(
        "{:<26} {:>6} {:>12} {:>12} {:>8} {:>13}",
        "path", "size", KINDS[0], KINDS[1], KINDS[2], KINDS[3]
    );
    for path in PATHS.iter().filter(|path| options.only.is_none_or(|only| path.name.contains(only))) {
        let counted = SIZES.map(|size| run::count(path, size, &programs));
        let [small, large] = counted;
        let (small, large) = (small?, large?);
        for (size, counts) in SIZES.into_iter().zip([small, large]) {
            println!("{}", file::line(path.name, size, &counts));
            let before = known.counts.get(&(path.name.to_owned(), size)).copied();
            if before.is_none() && !options.update {
                worse.push(format!("{} {size} is not in xtask/counts.txt", path.name));
            }
            let mut before = before.unwrap_or_default();
            all.push((path.name, size, counts.or(before)));
            before.0[3] = before.0[3].filter(|_| same_compiler);
            if !options.update {
                compare(path.name, size, &before, &counts, &mut worse, &mut better);
            }
        }
        let by = if path.grows { (SIZES[1] / SIZES[0]) as u64 } else { 1 };
        for ((kind, slack), grown) in KINDS.iter().zip(SLACK).zip(small.0.into_iter().zip(large.0)) {
            let (Some(small), Some(large)) = grown else { continue };
            if large > small * by * GROWTH / 100 + slack {
                let (from, to) = (SIZES[0], SIZES[1]);
                let grew = format!("{kind} grow from {small} at {from} to {large} at {to}");
                let most = if path.grows { "the size" } else { "nothing" };
                worse.push(format!("{}: {grew}, by more than {most}", path.name));
            }
        }
    }
    if options.update {
        file::write(&place, if options.instructions { &compiler } else { &known.compiler }, &all)?;
        println!("written to {}", place.display());
    } else if better > 0 {
        println!("{better} counts are better than what is known: `cargo xtask counts --update` keeps that");
    }
    match worse.as_slice() {
        [] => Ok(()),
        worse => Err(format!("{}\nxtask/counts.txt says what to do about it", worse.join("\n"))),
    }
}

impl Programs {
    fn build(instructions: bool) -> Result<Self, String> {
        // as `cargo run --release` builds it, so that it is not built twice
        const COMMAND: &[&str] = &["--bin", "netwright"];
        const LIBRARY: &[&str] = &["--package", "netwright-lab", "--example", "counted"];
        const ALL: &[&str] = &["--workspace", "--all-features", "--bin", "netwright", "--examples"];
        let one = |arguments: &[&[&str]], kind: &str, name: &str| {
            let made = build(&arguments.concat())?;
            let made = made.into_iter().find(|program| program.kind == kind && program.name == name);
            made.map(|program| program.path).ok_or_else(|| format!("the build made no {name}"))
        };
        let pair = |command: &[&[&str]], library: &[&[&str]]| {
            let (command, library) = (one(command, "bin", "netwright")?, one(library, "example", "counted")?);
            Ok::<Pair, String>(Pair { command, library })
        };
        let built = pair(&[&["build"], ALL], &[&["build"], ALL])?;
        let release: &[&str] = &["build", "--release"];
        let released = instructions.then(|| pair(&[release, COMMAND], &[release, LIBRARY])).transpose()?;
        Ok(Programs { built, released, counter: run::counter()? })
    }
}

impl Pair {
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
    for ((kind, slack), counted) in KINDS.iter().zip(SLACK).zip(before.0.into_iter().zip(now.0)) {
        let (Some(before), Some(now)) = counted else { continue };
        if now > before + before * MORE / 1000 + slack {
            worse.push(format!("{name} {size}: {now} {kind}, where {before} are known"));
        } else if now + now * MORE / 1000 + slack < before {
            *better += 1;
        }
    }
}
