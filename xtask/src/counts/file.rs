//! The file with what is known.

use std::collections::BTreeMap;
use std::path::Path;

/// What is counted.
pub(super) const KINDS: [&str; 4] = ["allocations", "peak bytes", "syscalls", "instructions"];
/// What stands in the place of a count that is not known.
const UNKNOWN: &str = "-";

/// Allocations, bytes at the peak, system calls, and instructions where they were counted too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts(pub(super) [Option<u64>; 4]);

impl Counts {
    /// With what is known of before where it was not counted now.
    pub(super) fn or(self, before: Counts) -> Counts {
        let mut all = before.0;
        all.iter_mut().zip(self.0).for_each(|(before, now)| *before = now.or(*before));
        Counts(all)
    }
}

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
# Columns: path, size, allocations, most bytes allocated at once, system calls, instructions. The first three are of programs built without
# optimization, and the same on every machine but for what its kernel splits answers into. Instructions, of released programs, are only
# counted by `cargo xtask counts --instructions` (as CI does), and only compared where the compiler is this one:
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
            let count = |word: &&str| match *word {
                UNKNOWN => Ok(None),
                word => word.parse().map(Some).map_err(|_| wrong()),
            };
            let counts: Result<Vec<Option<u64>>, String> = counts.iter().map(count).collect();
            let counts = counts?.try_into().map_err(|_| wrong())?;
            let size = size.parse().map_err(|_| wrong())?;
            known.counts.insert(((*name).to_owned(), size), Counts(counts));
        }
        Ok(known)
    }
}

pub(super) fn line(name: &str, size: usize, Counts(counts): &Counts) -> String {
    let [allocations, peak, calls, instructions] =
        counts.map(|count| count.map_or(UNKNOWN.to_owned(), |count| count.to_string()));
    format!("{name:<26} {size:>6} {allocations:>12} {peak:>12} {calls:>8} {instructions:>13}")
}

pub(super) fn write(place: &Path, compiler: &str, all: &[(&str, usize, Counts)]) -> Result<(), String> {
    let lines: String = all.iter().map(|(name, size, counts)| line(name, *size, counts) + "\n").collect();
    std::fs::write(place, format!("{HEADER}\n{COMPILER}{compiler}\n\n{lines}"))
        .map_err(|e| format!("{}: {e}", place.display()))
}
