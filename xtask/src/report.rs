//! What ran, what did not and why.

use std::process::Command;

/// The steps of a run so far.
#[derive(Default)]
pub(crate) struct Report {
    passed: Vec<String>,
    failed: Vec<String>,
    not_run: Vec<String>,
}

impl Report {
    /// Runs a step that is one command.
    pub(crate) fn command(&mut self, step: &str, command: &mut Command) {
        println!("\n== {step}");
        match command.status() {
            Ok(status) if status.success() => self.passed.push(step.to_owned()),
            Ok(status) => self.failed.push(format!("{step}: {status}")),
            Err(e) => self.failed.push(format!("{step}: cannot be run: {e}")),
        }
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
        for (mark, steps) in
            [("passed     ", &self.passed), ("did not run", &self.not_run), ("FAILED     ", &self.failed)]
        {
            for step in steps {
                println!("{mark}  {step}");
            }
        }
        match self.failed.len() {
            0 => Ok(()),
            count => Err(format!("{count} of the steps failed")),
        }
    }
}

/// Whether this is a continuous-integration run (`CI=true`), where what cannot run is a failure.
pub(crate) fn everything_must_run() -> bool {
    std::env::var("CI").is_ok_and(|value| !["", "0", "false"].contains(&value.as_str()))
}
