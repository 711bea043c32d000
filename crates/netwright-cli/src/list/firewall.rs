//! The nftables rulesets, in the nft language and in the JSON of libnftables.

use std::io::Write;

use netwright::Net;
use netwright_nft::table::PrintOptions;

use crate::failure::Failure;
use crate::names;
use crate::nft::style::{Style, write};

/// Lists all rulesets.
pub(super) fn list(net: &Net, json: bool, out: &mut impl Write) -> Result<(), Failure> {
    let ruleset = net.nft().ruleset()?.ruleset;
    let options = PrintOptions { zone: names::zone(), ..PrintOptions::default() };
    write(&ruleset, Style { options: &options, names: &names::in_namespace(net), json }, out)?;
    Ok(())
}
