//! `netwright test`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::HostFile;

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  netwright test examples/router.toml
  netwright test examples/router.toml 'web' 'blocked'   flows with these words in their names
  netwright test examples/router.toml --verbose         with packets and times
  netwright test examples/router.toml --flow 'from=wan 192.0.2.1 to=host tcp=22'
                                                        what becomes of a packet that the file does not name

Everything happens in namespaces that are gone at the end; where the kernel allows user namespaces, no privilege is \
needed.

Exit status: 0 when every flow is as expected, 1 when one differs, 2 when nothing could be said: the file has mistakes or no \
flows, or the host cannot be simulated. With --flow that expects nothing 0 when it is known what becomes of it.")]
pub(crate) struct Test {
    #[command(flatten)]
    pub(crate) host: HostFile,
    /// Only flows that have one of these words in their name
    #[arg(value_name = "FLOW")]
    pub(crate) flows: Vec<String>,
    /// Print JSON, the same as --format json: an object with `passed`, `milliseconds` and `flows`
    #[arg(short, long, conflicts_with = "format")]
    pub(crate) json: bool,
    /// How the results are printed: text as they come; JSON; JUnit's XML, for CI systems; TAP as they come, for harnesses;
    /// text and the annotations of GitHub Actions
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = TestFormat::Text)]
    pub(crate) format: TestFormat,
    /// End with the first flow that is not as expected
    #[arg(long)]
    pub(crate) fail_fast: bool,
    /// Tell which rules, elements of sets and mappings no flow uses; as JSON or LCOV in place of the results
    #[arg(long, value_name = "FORMAT", value_enum, num_args = 0..=1, require_equals = true, default_missing_value = "text")]
    pub(crate) coverage: Option<CoverageFormat>,
    /// Write what --coverage tells to this file
    #[arg(long, value_name = "FILE")]
    pub(crate) coverage_file: Option<PathBuf>,
    /// Fail when flows use less than so many percent of the firewall
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    pub(crate) coverage_min: Option<u8>,
    /// Try small changes of the firewall, one after the other, and tell which of them no flow notices, and a flow that would; with
    /// --verbose all of them
    #[arg(long, conflicts_with_all = ["flow", "flows", "fail_fast", "format", "coverage", "coverage_min"])]
    pub(crate) mutate: bool,
    /// List the flows and what they expect, and try nothing
    #[arg(long, conflicts_with_all = ["flow", "fail_fast", "format"])]
    pub(crate) list: bool,
    /// Try this flow in place of those of the file: keys of a flow with their values, such as `from=wan 192.0.2.1 to=host tcp=22`.
    /// Without `expect=` it is told what becomes of it. May be given several times
    #[arg(long, value_name = "KEYS", conflicts_with = "flows")]
    pub(crate) flow: Vec<String>,
}

/// How it is printed what of the firewall flows use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum CoverageFormat {
    Text,
    Json,
    Lcov,
}

/// How the results of `netwright test` are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TestFormat {
    Text,
    Json,
    Junit,
    Tap,
    Github,
}
