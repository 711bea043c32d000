//! `netwright explain-policy`: whether a policy allows a target, and why.

use std::process::ExitCode;

use crate::arguments::ExplainPolicy;
use crate::failure::Done;
use crate::run::policy::Source;

/// `netwright explain-policy`.
pub(crate) fn run(arguments: &ExplainPolicy) -> Done {
    let policy = Source::of_explanation(arguments).read()?;
    let _ = (policy, &arguments.targets, arguments.json);
    Ok(ExitCode::SUCCESS)
}
