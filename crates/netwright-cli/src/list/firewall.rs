//! The nftables rulesets, in the nft language and in the JSON of libnftables.

use std::io::Write;

use netwright::Net;
use netwright::nft::{PrintOptions, Script, Style, names_in};

use crate::failure::Failure;
use crate::output;
use crate::zone::zone;

/// Lists all rulesets.
pub(super) fn list(net: &Net, json: bool) -> Result<(), Failure> {
    let report = net.nft().session().run(Script::text("list ruleset"))?;
    report.accepted()?;
    let options = PrintOptions { zone: zone(), ..PrintOptions::default() };
    let names = names_in(net.namespace());
    let mut out = output::stdout();
    let style = Style { options: &options, names: &names, json };
    report.answers.iter().try_for_each(|answer| answer.write(style, &mut out))?;
    Ok(out.flush()?)
}
