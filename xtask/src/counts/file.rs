//! The file with what is known.

use std::collections::BTreeMap;
use std::path::Path;

/// What is counted.
pub(super) const KINDS: [&str; 4] = ["instructions", "allocations", "peak bytes", "syscalls"];

/// Instructions, allocations, bytes at the peak, system calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Counts(pub(super) [u64; 4]);

/// What the file says.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) compiler: String,
    pub(super) counts: BTreeMap<(String, usize), Counts>,
}

const HEADER: &str = "\
# What the main paths cost, at two sizes: `cargo xtask counts` compares with this, and what is more than 2 % worse fails.
#
# Where a change is worth more than it costs, `cargo xtask counts --update` writes the file anew; the commit says which counts
# rise and for what. Where a change makes something better, the same command keeps it so.
#
# Instructions differ between compilers: with another one than this, only growth is looked at.
";
const COMPILER: &str = "compiler: ";

impl Known {
    pub(super) fn read(place: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(place).map_err(|e| format!("{}: {e}", place.display()))?;
        let mut known = Known::default();
        for (number, line) in text.lines().enumerate() {
            let wrong = || format!("{}:{}: this is no line of counts", place.display(), number + 1);
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if let Some(compiler) = line.strip_prefix(COMPILER) {
                known.compiler = compiler.to_owned();
                continue;
            }
            let words: Vec<&str> = line.split_whitespace().collect();
            let [name, size, counts @ ..] = words.as_slice() else { return Err(wrong()) };
            let counts: Option<Vec<u64>> = counts.iter().map(|word| word.parse().ok()).collect();
            let counts = counts.and_then(|counts| counts.try_into().ok()).ok_or_else(wrong)?;
            let size = size.parse().map_err(|_| wrong())?;
            known.counts.insert(((*name).to_owned(), size), Counts(counts));
        }
        Ok(known)
    }
}

pub(super) fn line(
    name: &str,
    size: usize,
    Counts([instructions, allocations, peak, calls]): &Counts,
) -> String {
    format!("{name:<26} {size:>6} {instructions:>13} {allocations:>12} {peak:>12} {calls:>8}")
}

pub(super) fn write(place: &Path, compiler: &str, all: &[(&str, usize, Counts)]) -> Result<(), String> {
    let lines: String = all.iter().map(|(name, size, counts)| line(name, *size, counts) + "\n").collect();
    std::fs::write(place, format!("{HEADER}\n{COMPILER}{compiler}\n\n{lines}"))
        .map_err(|e| format!("{}: {e}", place.display()))
}
