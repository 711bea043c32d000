//! What passed, and what must not get worse.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use netwright_lab::{Failure, Outcome};

macro_rules! checks {
    ($($(#[$doc:meta])* $check:ident $name:literal,)*) => {
        /// What is judged.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Check { $($(#[$doc])* $check,)* }

        impl Check {
            /// All of them.
            pub const ALL: &[Check] = &[$(Check::$check,)*];

            /// The word for it in tables and files.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Check::$check => $name,)* }
            }
        }
    };
}

checks! {
    /// What is right is compiled.
    Accepted "accepted",
    /// What is wrong is not.
    Rejected "rejected",
    /// The expressions, and the elements of anonymous sets, are those of nft.
    Bytecode "bytecode",
    /// The messages are those of nft, byte for byte.
    Wire "wire",
    /// Our listing of what we compiled is that of nft.
    Listing "listing",
    /// Our listing compiles to the same messages again.
    Replay "replay",
    /// The JSON compiles to the same messages.
    JsonIn "json-in",
    /// Our JSON of what we compiled is that of nft.
    JsonOut "json-out",
    /// Our JSON compiles to the same messages again.
    JsonReplay "json-again",
    /// The kernel takes what we made, and refuses what it must.
    Load "load",
    /// Our listing of what we loaded is as expected.
    Ours "ours",
    /// nft's listing of what we loaded is as expected.
    Theirs "theirs",
    /// Our listing of what nft loaded is as expected.
    OursOfTheirs "of-nft's",
    /// Our listings of what nft loaded are those of nft with other options, and as JSON.
    Options "options",
}

/// What was found about one thing: for each check nothing, or the first thing that is wrong.
#[derive(Clone, Debug, Default)]
pub struct Findings(BTreeMap<Check, Option<String>>);

impl Findings {
    /// Notes one outcome of a check.
    pub fn note(&mut self, check: Check, outcome: Result<(), String>) {
        let found = self.0.entry(check).or_default();
        if let (None, Err(why)) = (&found, outcome) {
            *found = Some(why);
        }
    }

    /// Notes whether two things are the same, and their first differing lines where not.
    pub fn compare(&mut self, check: Check, have: &str, want: &str) {
        self.note(check, same(have, want));
    }
}

fn same(have: &str, want: &str) -> Result<(), String> {
    if have == want {
        return Ok(());
    }
    let lines =
        |text: &str| text.lines().map(str::to_owned).chain([String::from("(end)")]).collect::<Vec<_>>();
    let (have, want) = (lines(have), lines(want));
    let first = have.iter().zip(&want).find(|(have, want)| have != want);
    let (have, want) = first.unwrap_or((&have[0], &want[0]));
    Err(format!("have {have}\n    want {want}"))
}

/// What passed of how many, by area and check.
#[derive(Clone, Debug, Default)]
pub struct Score {
    areas: BTreeMap<String, BTreeMap<Check, (usize, usize)>>,
    failures: Vec<String>,
    doubts: Doubts,
    doubtful: Vec<String>,
}

impl Score {
    /// Nothing yet, with expectations that are wrong.
    #[must_use]
    pub fn new(doubts: Doubts) -> Self {
        Score { doubts, ..Score::default() }
    }

    /// Counts what was found about one thing, which its name tells from all others. What is expected wrongly is not counted.
    pub fn count(&mut self, area: &str, name: &str, text: &str, findings: Findings) {
        let thing = format!("{name}: {text}\n   ");
        for (check, wrong) in findings.0 {
            if let Some(reason) = self.doubts.reason(name, check).filter(|_| wrong.is_some()) {
                self.doubtful.push(format!("expected wrongly: {name} {}: {reason}", check.name()));
                continue;
            }
            let count = self.areas.entry(area.to_owned()).or_default().entry(check).or_default();
            count.0 += usize::from(wrong.is_none());
            count.1 += 1;
            if let Some(wrong) = wrong {
                self.failures.push(format!("{thing} {}: {wrong}", check.name()));
            }
        }
    }

    /// Prints the table and, as many as the environment variable `CONFORMANCE_FAILURES` asks for, what failed.
    pub fn show(&self, title: &str) {
        let asked = std::env::var("CONFORMANCE_FAILURES").ok().and_then(|number| number.parse().ok());
        let failures: String =
            self.failures.iter().take(asked.unwrap_or(0)).map(|one| format!("{one}\n")).collect();
        let doubtful: String = self.doubtful.iter().map(|one| format!("{one}\n")).collect();
        println!("{failures}{title}\n{self}{doubtful}");
    }

    /// Prints how many failures have the same reason.
    pub fn show_reasons(&self) {
        let mut reasons = BTreeMap::<&str, Vec<&str>>::new();
        for failure in &self.failures {
            let (name, why) = failure.split_once(": ").unwrap_or(("", failure));
            let reason = why.trim_end().rsplit(": ").next().unwrap_or(why);
            reasons.entry(reason).or_default().push(name);
        }
        for (reason, names) in reasons {
            println!("{} failed: {reason} ({})", names.len(), names.join(" "));
        }
    }

    fn totals(&self) -> BTreeMap<Check, (usize, usize)> {
        let mut totals = BTreeMap::<_, (usize, usize)>::new();
        for (&check, &(passed, of)) in self.areas.values().flatten() {
            let total = totals.entry(check).or_default();
            *total = (total.0 + passed, total.1 + of);
        }
        totals
    }
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let totals = self.totals();
        let width = self.areas.keys().map(String::len).chain([5]).max().unwrap_or_default();
        let row = |f: &mut fmt::Formatter<'_>, area: &str, counts: &BTreeMap<Check, (usize, usize)>| {
            write!(f, "{area:width$}")?;
            for check in totals.keys() {
                let cell = counts.get(check).map(|(passed, of)| format!("{passed}/{of}"));
                write!(f, " {:>9}", cell.unwrap_or_default())?;
            }
            writeln!(f)
        };
        write!(f, "{:width$}", "area")?;
        totals.keys().try_for_each(|check| write!(f, " {:>9}", check.name()))?;
        writeln!(f)?;
        self.areas.iter().try_for_each(|(area, counts)| row(f, area, counts))?;
        row(f, "all", &totals)
    }
}

/// Expectations that are wrong: lines of a name, `|`, a check and the reason.
#[derive(Clone, Debug, Default)]
pub struct Doubts(BTreeMap<(String, String), String>);

impl Doubts {
    /// Reads the file.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let text = std::fs::read_to_string(path)?;
        let entry = |line: &str| {
            let (name, rest) = line.split_once('|')?;
            let (check, reason) = rest.trim().split_once(' ')?;
            Some(((name.trim().to_owned(), check.to_owned()), reason.to_owned()))
        };
        let entries = content(&text).map(|line| entry(line).ok_or_else(|| not_understood(line)));
        Ok(Doubts(entries.collect::<Result<_, _>>()?))
    }

    fn reason(&self, name: &str, check: Check) -> Option<&str> {
        self.0.get(&(name.to_owned(), check.name().to_owned())).map(String::as_str)
    }
}

/// The lines of a file that say something.
fn content(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
}

fn not_understood(line: &str) -> Failure {
    Failure::wrong(format_args!("not understood: {line}"))
}

/// The numbers that were reached once: lines of a name, a check, a number and, where another kernel has other numbers, its
/// version (`6.18`).
#[derive(Clone, Debug)]
pub struct Ratchet(Vec<Reached>);

#[derive(Clone, Debug)]
struct Reached {
    name: String,
    check: String,
    least: usize,
    kernel: Option<String>,
}

impl Ratchet {
    /// Reads the file.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let text = std::fs::read_to_string(path)?;
        let entry = |line: &str| {
            let mut words = line.split_whitespace();
            let (name, check) = (words.next()?.to_owned(), words.next()?.to_owned());
            let least = words.next()?.parse().ok()?;
            Some(Reached { name, check, least, kernel: words.next().map(str::to_owned) })
        };
        let entries = content(&text).map(|line| entry(line).ok_or_else(|| not_understood(line)));
        Ok(Ratchet(entries.collect::<Result<_, _>>()?))
    }

    /// A failure where a number has fallen; says which can be raised. On a kernel whose numbers are not known the reasons
    /// of failures are shown instead.
    pub fn hold(&self, name: &str, score: &Score) -> Outcome {
        self.hold_on(&running_kernel()?, name, score)
    }

    fn hold_on(&self, kernel: &str, name: &str, score: &Score) -> Outcome {
        let named: Vec<&Reached> = self.0.iter().filter(|reached| reached.name == name).collect();
        let here = |reached: &Reached| reached.kernel.as_deref().is_none_or(|of| of == kernel);
        if !named.is_empty() && !named.iter().any(|reached| here(reached)) {
            println!("{name}: no numbers of Linux {kernel} to compare with");
            score.show_reasons();
            return Ok(());
        }
        let totals = score.totals();
        let passed = |check: &str| {
            let found = totals.iter().find(|(one, _)| one.name() == check);
            found.map(|(_, (passed, _))| *passed)
        };
        let mut fallen = Vec::new();
        for Reached { check, least, .. } in named.iter().filter(|reached| here(reached)) {
            // What needs an nft does not run without one, and has no count then.
            if let Some(passed) = passed(check).filter(|passed| passed < least) {
                fallen.push(format!("{name} {check}: {passed} passed, and {least} did before"));
            }
        }
        for (check, (passed, _)) in &totals {
            let mut known = named.iter().filter(|reached| here(reached) && reached.check == check.name());
            if known.all(|reached| reached.least < *passed) {
                println!("to be raised on Linux {kernel}: {name} {} {passed}", check.name());
            }
        }
        match fallen.is_empty() {
            true => Ok(()),
            false => Err(Failure::wrong(fallen.join("; "))),
        }
    }
}

/// The first two numbers of the running kernel's version.
fn running_kernel() -> Result<String, Failure> {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease")?;
    Ok(release.trim().splitn(3, '.').take(2).collect::<Vec<_>>().join("."))
}

#[cfg(test)]
mod tests;
