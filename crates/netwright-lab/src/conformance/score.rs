//! What passed, and what must not get worse.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use crate::{Failure, Outcome};

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
    /// The kernel takes what we made, and refuses what it must.
    Load "load",
    /// Our listing of what we loaded is as expected.
    Ours "ours",
    /// nft's listing of what we loaded is as expected.
    Theirs "theirs",
    /// Our listing of what nft loaded is as expected.
    OursOfTheirs "of-nft's",
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

/// The numbers that were reached once: lines of a name, a check and a number.
#[derive(Clone, Debug)]
pub struct Ratchet(BTreeMap<(String, String), usize>);

impl Ratchet {
    /// Reads the file.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let text = std::fs::read_to_string(path)?;
        let entry = |line: &str| {
            let mut words = line.split_whitespace();
            let (name, check) = (words.next()?.to_owned(), words.next()?.to_owned());
            Some(((name, check), words.next()?.parse().ok()?))
        };
        let entries = content(&text).map(|line| entry(line).ok_or_else(|| not_understood(line)));
        Ok(Ratchet(entries.collect::<Result<_, _>>()?))
    }

    /// A failure where a number has fallen; says which can be raised.
    pub fn hold(&self, name: &str, score: &Score) -> Outcome {
        let totals = score.totals();
        let reached = |check: &str| {
            let found = totals.iter().find(|(one, _)| one.name() == check);
            found.map(|(_, (passed, _))| *passed)
        };
        let mut fallen = Vec::new();
        for ((_, check), &least) in self.0.iter().filter(|((of, _), _)| of == name) {
            // What needs an nft does not run without one, and has no count then.
            if reached(check).is_some_and(|reached| reached < least) {
                fallen.push(format!(
                    "{name} {check}: {} passed, and {least} did before",
                    reached(check).unwrap_or(0)
                ));
            }
        }
        for (check, (passed, _)) in &totals {
            let least = self.0.get(&(name.to_owned(), check.name().to_owned())).copied();
            if least.is_none_or(|least| least < *passed) {
                println!("to be raised: {name} {} {passed}", check.name());
            }
        }
        match fallen.is_empty() {
            true => Ok(()),
            false => Err(Failure::wrong(fallen.join("; "))),
        }
    }
}
