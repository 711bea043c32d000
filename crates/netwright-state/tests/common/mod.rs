//! What the tests of plans share: a simulated kernel, and hosts from text.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::panic)]

pub mod kernel;
pub mod random;

use netwright_nft::diagnostic::{Severity, SourceMap};
use netwright_state::model::Host;
use netwright_state::{Format, read};

/// The host that a text declares, if it is one.
pub fn try_host(text: &str) -> Result<Host, String> {
    let mut sources = SourceMap::default();
    let (host, diagnostics) =
        read(&mut sources, "host.toml", text, Format::Toml, &mut |_| Err("no such file".to_owned()));
    let errors: Vec<_> =
        diagnostics.iter().filter(|d| d.severity == Severity::Error).map(|d| d.message.clone()).collect();
    host.ok_or_else(|| errors.join("; "))
}

/// The host that a text declares.
#[track_caller]
pub fn host(text: &str) -> Host {
    try_host(text).unwrap_or_else(|errors| panic!("{errors}\n{text}"))
}
