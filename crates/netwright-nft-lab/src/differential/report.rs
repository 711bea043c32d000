//! What came out.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use netwright_lab::Failure;

use super::Trial;

/// How the two differ, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Both take it, and the kernel has something else.
    Bytecode,
    /// We list what nft made otherwise than nft does.
    Listing,
    /// The same as JSON.
    Json,
    /// We take what nft refuses.
    Taken,
    /// We refuse what nft takes.
    Refused,
    /// We ended, or hung.
    Died,
    /// Both made the same, and only what nft lists of it means something else.
    NftLies,
    /// nft loads other elements than it is given: what it lists of ours it lists otherwise when it has loaded it.
    NftAlters,
    /// nft ended or hung: nothing is judged.
    NftDied,
    /// No difference.
    Same,
}

impl Class {
    /// All of them.
    pub const ALL: [Class; 10] = [
        Class::Bytecode,
        Class::Listing,
        Class::Json,
        Class::Taken,
        Class::Refused,
        Class::Died,
        Class::NftLies,
        Class::NftAlters,
        Class::NftDied,
        Class::Same,
    ];

    /// Its name in tables and in the file of reasons.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Class::Bytecode => "other-bytecode",
            Class::Listing => "other-listing",
            Class::Json => "other-json",
            Class::Taken => "we-take",
            Class::Refused => "we-refuse",
            Class::Died => "we-died",
            Class::NftLies => "nft-lies",
            Class::NftAlters => "nft-alters",
            Class::NftDied => "nft-died",
            Class::Same => "same",
        }
    }
}

/// What became of one trial.
#[derive(Clone, Debug)]
pub struct Finding {
    /// How it was made.
    pub kind: &'static str,
    /// How the two differ.
    pub class: Class,
    /// The trial, in its place.
    pub text: String,
    /// What each said or has.
    pub detail: String,
}

impl Finding {
    /// What became of a trial.
    #[must_use]
    pub fn new(trial: &Trial, class: Class, detail: String) -> Self {
        let text = format!("[{}] {}", trial.family, trial.text);
        Finding { kind: trial.kind, class, text, detail }
    }
}

/// Differences that are meant: `CLASS | TEXT OF THE INPUT OR OF A MESSAGE | REASON`. Several texts, with ` && ` between them, must all be
/// there, and one that is written `!(TEXT)` must not.
#[derive(Clone, Debug, Default)]
pub struct Reasons(Vec<Reason>);

#[derive(Clone, Debug)]
struct Reason {
    class: String,
    pattern: String,
    why: String,
}

impl Reasons {
    /// Reads the file.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let text = std::fs::read_to_string(path)?;
        let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        let reason = |line: &str| {
            let mut parts = line.splitn(3, " | ").map(str::to_owned);
            match (parts.next(), parts.next(), parts.next()) {
                (Some(class), Some(pattern), Some(why)) => Ok(Reason { class, pattern, why }),
                _ => Err(Failure::wrong(format_args!("no reason: {line}"))),
            }
        };
        Ok(Reasons(lines.map(reason).collect::<Result<_, _>>()?))
    }

    fn of(&self, finding: &Finding) -> Option<usize> {
        self.0.iter().position(|reason| {
            let mut parts = reason.pattern.split(" && ");
            let is_there = |part: &str| finding.text.contains(part) || finding.detail.contains(part);
            let holds = |part: &str| match part.strip_prefix("!(").and_then(|part| part.strip_suffix(')')) {
                Some(absent) => !is_there(absent),
                None => is_there(part),
            };
            reason.class == finding.class.name() && parts.all(holds)
        })
    }
}

/// Findings, counted.
#[derive(Debug, Default)]
pub struct Report {
    counts: BTreeMap<&'static str, BTreeMap<Class, usize>>,
    meant: BTreeMap<usize, usize>,
    reasons: Reasons,
    /// What differs without a reason.
    pub findings: Vec<Finding>,
    /// What nft itself fails at.
    pub undecided: Vec<Finding>,
}

impl Report {
    /// An empty one.
    #[must_use]
    pub fn new(reasons: Reasons) -> Self {
        Report { reasons, ..Report::default() }
    }

    /// Adds what became of trials.
    pub fn add(&mut self, findings: Vec<Finding>) {
        for finding in findings {
            if let Some(reason) = self.reasons.of(&finding) {
                *self.meant.entry(reason).or_default() += 1;
                continue;
            }
            *self.counts.entry(finding.kind).or_default().entry(finding.class).or_default() += 1;
            match finding.class {
                Class::Same => {}
                Class::NftDied | Class::NftLies | Class::NftAlters => self.undecided.push(finding),
                _ => self.findings.push(finding),
            }
        }
    }

    /// How many were tried.
    #[must_use]
    pub fn total(&self) -> usize {
        let counted: usize = self.counts.values().flat_map(BTreeMap::values).sum();
        counted + self.meant.values().sum::<usize>()
    }

    /// The classes of which more inputs differ than a file allows, as lines. Those of JSON are counted apart.
    pub fn above(&self, file: &Path) -> Result<Vec<String>, Failure> {
        let text = std::fs::read_to_string(file)?;
        let mut above = Vec::new();
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (class, most) = line.split_once(' ').unwrap_or((line, ""));
            let most: usize =
                most.parse().map_err(|_| Failure::wrong(format_args!("no class and count: {line}")))?;
            let (json, name) = class.strip_prefix("json-").map_or((false, class), |name| (true, name));
            let counted =
                |finding: &&Finding| finding.class.name() == name && finding.kind.starts_with("json") == json;
            let found = self.findings.iter().filter(counted).count();
            if found > most {
                above.push(format!("{found} inputs are {class}, and at most {most} were before"));
            }
        }
        Ok(above)
    }

    /// The table of classes by kind.
    #[must_use]
    pub fn table(&self) -> String {
        let mut text = format!("{:24}", "");
        for class in Class::ALL {
            let _ = write!(text, "{:>15}", class.name());
        }
        text.push('\n');
        let mut sums: BTreeMap<Class, usize> = BTreeMap::new();
        for (kind, counts) in &self.counts {
            let _ = write!(text, "{kind:24}");
            for class in Class::ALL {
                let count = counts.get(&class).copied().unwrap_or(0);
                *sums.entry(class).or_default() += count;
                let _ = write!(text, "{count:>15}");
            }
            text.push('\n');
        }
        let _ = write!(text, "{:24}", "all");
        for class in Class::ALL {
            let _ = write!(text, "{:>15}", sums.get(&class).copied().unwrap_or(0));
        }
        text.push('\n');
        for (reason, count) in &self.meant {
            if let Some(Reason { class, pattern, why }) = self.reasons.0.get(*reason) {
                let _ = writeln!(text, "meant: {count} {class} `{pattern}`: {why}");
            }
        }
        text
    }
}
