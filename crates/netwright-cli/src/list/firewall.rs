//! The nftables rulesets, in the nft language and in the JSON of libnftables.

use std::io::Write;

use netwright::Net;
use netwright_nft::table::PrintOptions;

use crate::failure::Failure;
use crate::names::zone;
use crate::nft::listing::{Style, write};
use crate::nft::names_in;

/// Lists all rulesets.
pub(super) fn list(net: &Net, json: bool, out: &mut impl Write) -> Result<(), Failure> {
    let ruleset = net.nft().ruleset()?.ruleset;
    let options = PrintOptions { zone: zone(), ..PrintOptions::default() };
    write(&ruleset, Style { options: &options, names: &names_in(net)?, json }, out)?;
    Ok(())
}
