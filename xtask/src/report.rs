//! What ran, what did not and why.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Instant;

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
            Ok(status) if status.success() => self.passed(step, start),
            Ok(status) => self.failed.push(format!("{step}: {status}")),
            Err(e) => self.failed.push(format!("{step}: cannot be run: {e}")),
        }
    }

    /// Runs the tests of one program, which `command` starts. A test that fails runs a second time, alone: what passes then is
    /// told apart in the summary. That is for answers that come late on a busy machine. It is not for promises that must hold
    /// each time (see [`ALWAYS`]), nor where more than [`FEW`] fail.
    pub(crate) fn tests(&mut self, step: &str, command: impl Fn() -> Command) {
        println!("\n== {step}");
        let start = Instant::now();
        let (passed, failed) = match watched(&mut command()) {
            Ok(came) => came,
            Err(e) => return self.failed.push(format!("{step}: cannot be run: {e}")),
        };
        if passed {
            return self.passed(step, start);
        }
        let again = !failed.is_empty()
            && failed.len() <= FEW
            && !failed.iter().any(|test| ALWAYS.iter().any(|word| test.contains(word)));
        let alone = |test: &String| {
            println!("\n== {step}: {test} again, alone");
            watched(command().args(["--exact", test, "--test-threads", "1"])).is_ok_and(|(passed, _)| passed)
        };
        let shown = failed.join(", ");
        match again && failed.iter().all(alone) {
            true => self.alone.push(format!("{step}: {shown}")),
            false => self.failed.push(format!("{step}: {shown}")),
        }
    }

    /// Notes a step that passed, and what it took where that is long.
    fn passed(&mut self, step: &str, start: Instant) {
        let seconds = start.elapsed().as_secs();
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

/// How many tests of a program may run again.
const FEW: usize = 3;

/// Parts of the names of tests that run once, since failing now and then is failing: what leaves a sandbox, and what is left after a kill.
const ALWAYS: &[&str] = &["leak", "forge", "chaos", "kill", "hostile", "fuzz", "every"];

/// Runs a program of tests and shows what it prints: whether all passed, and the names of those that failed.
fn watched(command: &mut Command) -> std::io::Result<(bool, Vec<String>)> {
    let mut child = command.stdout(Stdio::piped()).spawn()?;
    let mut failed = Vec::new();
    if let Some(printed) = child.stdout.take() {
        for line in BufReader::new(printed).split(b'\n') {
            let line = line?;
            let line = String::from_utf8_lossy(&line);
            println!("{line}");
            let name = line.strip_prefix("test ").and_then(|line| line.strip_suffix("... FAILED"));
            failed.extend(name.map(|name| name.trim_end().to_owned()));
        }
    }
    Ok((child.wait()?.success(), failed))
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
        report.tests("step", || {
            let mut command = Command::new("sh");
            command.args(["-c", &script, "sh"]);
            command
        });
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
