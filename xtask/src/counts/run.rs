//! One path at one size, in a namespace of its own.

use std::path::{Path as Place, PathBuf};
use std::process::Command;

use super::file::Counts;
use super::paths::Path;
use super::{Pair, Programs};
use crate::cargo::root;
use crate::setup::search_path;

/// Where what is counted goes.
fn folder() -> Result<PathBuf, String> {
    let folder = root().join("target/counts");
    std::fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    Ok(folder)
}

/// Compiles what counts allocations.
pub(super) fn counter() -> Result<PathBuf, String> {
    let made = folder()?.join("allocations.so");
    let source = root().join("xtask/src/counts/allocations.c");
    let mut compiler = Command::new("cc");
    compiler.args(["-std=gnu11", "-O2", "-fno-builtin", "-shared", "-fPIC", "-o"]).arg(&made).arg(source);
    let status = compiler.status().map_err(|e| format!("cc cannot be run: {e}"))?;
    if status.success() { Ok(made) } else { Err(format!("cc failed ({status})")) }
}

/// Counts what a path costs at a size.
pub(super) fn count(path: &Path, size: usize, programs: &Programs) -> Result<Counts, String> {
    let folder = folder()?;
    let write = |name: &str, text: String| -> Result<PathBuf, String> {
        let place = folder.join(name);
        std::fs::write(&place, text).map_err(|e| format!("{}: {e}", place.display()))?;
        Ok(place)
    };
    let input = write("input", (path.input)(size))?;
    let before = [write("ruleset", (path.ruleset)(size))?, write("network", (path.network)(size))?];
    let words = |programs: &Pair| -> Vec<String> {
        let words = path.words.split_whitespace().map(|word| match word {
            "FILE" => input.display().to_string(),
            "COUNT" => size.to_string(),
            word => word.to_owned(),
        });
        std::iter::once(programs.path(path.program).display().to_string()).chain(words).collect()
    };
    let failed = |said: String| format!("{} {size} ({}) failed: {said}", path.name, path.words);
    let (counted, calls) = (folder.join("counted"), folder.join("calls"));
    let settings =
        [format!("LD_PRELOAD={}", programs.counter.display()), format!("COUNTED_TO={}", counted.display())];
    let strace = ["strace", "-f", "-qq", "-o"].map(str::to_owned).into_iter();
    let strace = strace.chain([calls.display().to_string()]);
    let strace = strace.chain(settings.into_iter().flat_map(|setting| ["-E".to_owned(), setting]));
    run(&before, strace.chain(words(&programs.built))).map_err(failed)?;
    let [allocations, peak] = allocated(&counted)?;
    let calls = read(&calls)?;
    // a call that another thread interrupts in the listing has two lines
    let calls = calls.lines().filter(|line| line.contains('(') && !line.contains(" resumed>")).count();
    let mut instructions = None;
    if let Some(released) = &programs.released {
        // with the variants of C's functions that every processor has, and not those of this one
        let variants = "GLIBC_TUNABLES=glibc.cpu.hwcaps=-AVX,-AVX2,-AVX512F,-AVX512VL,-AVX512BW,-ERMS,-FSRM";
        let valgrind = ["env", variants, "valgrind", "--tool=cachegrind", "--cache-sim=no"];
        let valgrind = valgrind.map(str::to_owned).into_iter();
        let valgrind = valgrind.chain([format!("--cachegrind-out-file={}", counted.display())]);
        run(&before, valgrind.chain(words(released))).map_err(failed)?;
        instructions = Some(executed(&counted)?);
    }
    Ok(Counts([Some(allocations), Some(peak), Some(calls as u64), instructions]))
}

/// Runs words in a namespace, with a ruleset and a network that are there before.
fn run(before: &[PathBuf; 2], words: impl Iterator<Item = String>) -> Result<(), String> {
    let script = "nft -f \"$1\" && ip -batch \"$2\" && shift 2 && exec \"$@\" > /dev/null";
    let mut run = Command::new("unshare");
    run.args(["--net", "sh", "-c", script, "sh"]).args(before).args(words);
    // where cargo says that libraries are, the loader looks for each: with calls that are no program's own
    run.env("PATH", search_path())
        .env("TZ", "")
        .env_remove("LD_LIBRARY_PATH")
        .stdin(std::process::Stdio::null());
    let output = run.output().map_err(|e| format!("unshare cannot be run: {e}"))?;
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

fn read(place: &Place) -> Result<String, String> {
    std::fs::read_to_string(place).map_err(|e| format!("{}: {e}", place.display()))
}

/// Allocations and the most bytes at once, as `allocations.c` writes them.
fn allocated(place: &Place) -> Result<[u64; 2], String> {
    let text = read(place)?;
    let numbers: Option<Vec<u64>> = text.split_whitespace().map(|word| word.parse().ok()).collect();
    let numbers = numbers.and_then(|numbers| numbers.try_into().ok());
    numbers.ok_or_else(|| format!("{} has no counts", place.display()))
}

/// Instructions, out of what valgrind's `cachegrind` writes.
fn executed(place: &Place) -> Result<u64, String> {
    let text = read(place)?;
    let summary = text.lines().find_map(|line| line.strip_prefix("summary:"));
    let instructions = summary.and_then(|summary| summary.trim().parse().ok());
    instructions.ok_or_else(|| "valgrind counted no instructions".to_owned())
}
