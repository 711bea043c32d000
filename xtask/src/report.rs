//! What ran, what did not and why.

use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// A program of tests.
pub(crate) struct Tests<'a> {
    /// What it is called in the summary.
    pub step: String,
    /// Starts it.
    pub command: Box<dyn Fn() -> Command + Sync + 'a>,
}

/// What became of the tests of a program.
struct End {
    passed: bool,
    /// How many there were.
    tests: usize,
    /// The names of those that failed.
    failed: Vec<String>,
}

/// How a program of tests ended, or why it could not run.
struct Ran {
    took: Duration,
    end: Result<End, String>,
}

impl Tests<'_> {
    /// Runs it, and shows what it printed in one piece.
    fn run(&self, shown: &Mutex<()>) -> Ran {
        let start = Instant::now();
        println!("-- {} begins", self.step);
        let (printed, end) = watched(&mut (self.command)());
        let _shown = shown.lock().unwrap_or_else(PoisonError::into_inner);
        println!("\n== {}\n{printed}", self.step);
        Ran { took: start.elapsed(), end: end.map_err(|error| format!("cannot be run: {error}")) }
    }
}

/// The steps of a run so far.
#[derive(Default)]
pub(crate) struct Report {
    passed: Vec<String>,
    alone: Vec<String>,
    failed: Vec<String>,
    not_run: Vec<String>,
}

impl Report {
    /// Runs a step that is one command.
    pub(crate) fn command(&mut self, step: &str, command: &mut Command) {
        println!("\n== {step}");
        let start = Instant::now();
        match command.status() {
            Ok(status) if status.success() => self.passed(step, start.elapsed()),
            Ok(status) => self.failed.push(format!("{step}: {status}")),
            Err(e) => self.failed.push(format!("{step}: cannot be run: {e}")),
        }
    }

    /// Runs programs of tests, each named by its step: those of each lane one after the other, the lanes beside each other. A test
    /// that fails runs a second time when all is done, alone: what passes then is told apart in the summary. That is for answers
    /// that come late on a busy machine. It is not for promises that must hold each time (see [`ALWAYS`]), nor where more than
    /// [`FEW`] fail and one in a hundred.
    pub(crate) fn tests(&mut self, lanes: &[Vec<Tests<'_>>]) {
        let shown = Mutex::new(());
        let run = |lane: &Vec<Tests<'_>>| lane.iter().map(|tests| tests.run(&shown)).collect::<Vec<Ran>>();
        let ran: Vec<Vec<Ran>> = thread::scope(|scope| {
            let lanes: Vec<_> = lanes.iter().map(|lane| scope.spawn(|| run(lane))).collect();
            lanes.into_iter().map(|lane| lane.join().unwrap_or_default()).collect()
        });
        for (lane, ran) in lanes.iter().zip(ran) {
            for (number, tests) in lane.iter().enumerate() {
                match ran.get(number) {
                    Some(ran) => self.judge(tests, ran),
                    None => self.failed(&tests.step, "it was not run"),
                }
            }
        }
    }

    /// Notes how the tests of a program ended, after those that may have failed for others' sake have run alone.
    fn judge(&mut self, tests: &Tests<'_>, ran: &Ran) {
        let Tests { step, command } = tests;
        let end = match &ran.end {
            Err(why) => return self.failed(step, why),
            Ok(End { passed: true, .. }) => return self.passed(step, ran.took),
            Ok(end) => end,
        };
        let End { failed, tests, .. } = end;
        let again = !failed.is_empty()
            && failed.len() <= FEW.max(tests / 100)
            && !failed.iter().any(|test| ALWAYS.iter().any(|word| test.contains(word)));
        let alone = |test: &String| {
            println!("\n== {step}: {test} again, alone");
            let ran = watched(command().args(["--exact", test, "--test-threads", "1"]));
            print!("{}", ran.0);
            ran.1.is_ok_and(|end| end.passed)
        };
        let shown = failed.join(", ");
        match again && failed.iter().all(alone) {
            true => self.alone.push(format!("{step}: {shown}")),
            false => self.failed.push(format!("{step}: {shown}")),
        }
    }

    /// Notes a step that passed, and what it took where that is long.
    fn passed(&mut self, step: &str, took: Duration) {
        let seconds = took.as_secs();
        self.passed.push(if seconds < LONG { step.to_owned() } else { format!("{step} ({seconds} s)") });
    }

    /// Notes a step that failed before it could run.
    pub(crate) fn failed(&mut self, step: &str, why: &str) {
        self.failed.push(format!("{step}: {why}"));
    }

    /// Notes a step that cannot run here. Where everything must run (`CI`), that is a failure.
    pub(crate) fn not_run(&mut self, step: &str, why: &str) {
        match everything_must_run() {
            true => self.failed.push(format!("{step}: did not run: {why}")),
            false => self.not_run.push(format!("{step}: {why}")),
        }
    }

    /// Prints the summary; an error where a step failed.
    pub(crate) fn finish(self) -> Result<(), String> {
        println!("\n== summary");
        for (mark, steps) in [
            ("passed       ", &self.passed),
            ("passed alone ", &self.alone),
            ("did not run  ", &self.not_run),
            ("FAILED       ", &self.failed),
        ] {
            for step in steps {
                println!("{mark}{step}");
            }
        }
        match self.failed.len() {
            0 => Ok(()),
            count => Err(format!("{count} of the steps failed")),
        }
    }
}

/// The seconds from which on the summary says how long a step took.
const LONG: u64 = 5;

/// How many tests of a program may run again, of one that has few.
const FEW: usize = 3;

/// Parts of the names of tests that run once, since failing now and then is failing: what leaves a sandbox, and what is left after a kill.
const ALWAYS: &[&str] = &["leak", "forge", "chaos", "kill", "hostile", "fuzz"];

/// Runs a program of tests: what it printed, whether all passed, and the names of those that failed.
fn watched(command: &mut Command) -> (String, std::io::Result<End>) {
    let output = match command.stdin(Stdio::null()).output() {
        Ok(output) => output,
        Err(error) => return (String::new(), Err(error)),
    };
    let mut printed = String::from_utf8_lossy(&output.stdout).into_owned();
    printed.push_str(&String::from_utf8_lossy(&output.stderr));
    let lines = || printed.lines().filter_map(|line| line.strip_prefix("test "));
    let failed = lines().filter_map(|line| line.strip_suffix("... FAILED"));
    let failed = failed.map(|name| name.trim_end().to_owned()).collect();
    let end = End { passed: output.status.success(), tests: lines().count(), failed };
    (printed, Ok(end))
}

/// Whether this is a continuous-integration run (`CI=true`), where what cannot run is a failure.
pub(crate) fn everything_must_run() -> bool {
    std::env::var("CI").is_ok_and(|value| !["", "0", "false"].contains(&value.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A program of tests of which these fail beside others, and `bad` alone as well.
    fn report(failing: &[&str]) -> Report {
        let mut report = Report::default();
        let lines: String = failing.iter().map(|test| format!("echo 'test {test}   ... FAILED'; ")).collect();
        let script = format!("case \"$2\" in ?*) [ \"$2\" != bad ];; *) {lines} exit 101;; esac");
        let command = || {
            let mut command = Command::new("sh");
            command.args(["-c", &script, "sh"]);
            command
        };
        report.tests(&[vec![Tests { step: "step".to_owned(), command: Box::new(command) }]]);
        report
    }

    #[test]
    fn what_passes_alone_is_told_apart() {
        let report = report(&["one", "two::three"]);
        assert_eq!(report.alone, ["step: one, two::three"]);
        assert!(report.passed.is_empty() && report.failed.is_empty());
    }

    #[test]
    fn what_fails_again_or_must_always_hold_or_is_one_of_many_has_failed() {
        for failing in [&["bad"][..], &["one", "bad"], &["leak::one"], &["a", "b", "c", "d"], &[]] {
            let report = report(failing);
            assert_eq!(report.failed, [format!("step: {}", failing.join(", "))]);
            assert!(report.alone.is_empty() && report.finish().is_err());
        }
    }
}
