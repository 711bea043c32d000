//! The nftables rulesets, in the nft language and in the JSON of libnftables.

use std::io::Write;

use netwright::Net;
use netwright::nft::{PrintOptions, Style, names_in, write_ruleset};

use crate::failure::Failure;
use crate::zone::zone;

/// Lists all rulesets.
pub(super) fn list(net: &Net, json: bool, out: &mut impl Write) -> Result<(), Failure> {
    let ruleset = net.nft().ruleset()?.ruleset;
    let options = PrintOptions { zone: zone(), ..PrintOptions::default() };
    let names = names_in(net.namespace());
    write_ruleset(&ruleset, Style { options: &options, names: &names, json }, out)?;
    Ok(())
}
