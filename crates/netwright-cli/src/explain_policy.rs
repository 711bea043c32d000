//! `netwright explain-policy`: whether a policy allows a target, and why.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use netwright_sandbox::{Access, Destination, Policy, Surroundings, Usable};
use serde_json::json;

use crate::arguments::ExplainPolicy;
use crate::failure::{Done, FAILED, Failure};
use crate::output::{self, BAD, CHANGED, GOOD};
use crate::run::policy::Source;

/// The exit code of wrong usage.
const WRONG: u8 = 2;

/// A target with what becomes of it.
struct Explained<'a> {
    target: &'a str,
    allowed: bool,
    /// That is not known before its address is.
    depends: bool,
    explanation: String,
}

/// `netwright explain-policy`.
pub(crate) fn run(arguments: &ExplainPolicy) -> Done {
    let policy = Source::of_explanation(arguments).read()?;
    let explained: Vec<Explained<'_>> =
        arguments.targets.iter().map(|target| explain(&policy, target)).collect::<Result<_, _>>()?;
    if arguments.json {
        let list = explained.iter().map(|Explained { target, allowed, depends, explanation }| {
            json!({ "target": target, "allowed": allowed, "depends_on_address": depends, "explanation": explanation })
        });
        output::json(&list.collect())?;
    } else {
        let mut out = output::stdout();
        for Explained { allowed, depends, explanation, .. } in &explained {
            let (style, word) = match (allowed, depends) {
                (true, _) => (GOOD, "yes"),
                (false, true) => (CHANGED, "  ?"),
                (false, false) => (BAD, " no"),
            };
            writeln!(out, "{style}{word}{style:#}  {}", output::plain(explanation))?;
        }
        out.flush()?;
    }
    let all = explained.iter().all(|one| one.allowed);
    Ok(if all { ExitCode::SUCCESS } else { ExitCode::from(FAILED) })
}

fn explain<'a>(policy: &Policy, target: &'a str) -> Result<Explained<'a>, Failure> {
    if ["/", "./", "../", "~/"].iter().any(|start| target.starts_with(start))
        || target == "~"
        || target == "."
    {
        return explain_file(policy, target);
    }
    let destination: Destination =
        target.parse().map_err(|error| Failure::said(format!("{error}")).with_code(WRONG))?;
    let allowed = policy.decide(&destination).is_allowed();
    let depends = policy.depends(&destination).is_some();
    Ok(Explained { target, allowed, depends, explanation: policy.explain(&destination) })
}

/// Whether a file may be read, and whether it may be written.
fn explain_file<'a>(policy: &Policy, target: &'a str) -> Result<Explained<'a>, Failure> {
    let explained = |allowed, explanation| Explained { target, allowed, depends: false, explanation };
    if !policy.files.is_confined() {
        return Ok(explained(true, format!("{target} may be used as the user may: no rule is about files.")));
    }
    let around = Surroundings::of_process();
    let path = around.whole(Path::new(target));
    let path = path.canonicalize().unwrap_or(path);
    let usable = Access::new(&policy.files, &around, &policy.sockets)?.of(&path);
    Ok(explained(usable != Usable::Hidden, format!("{target} {usable}.")))
}
