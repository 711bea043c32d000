//! Tables of the host, from text that this crate made.

use netwright_nft::catalog::Catalog;
use netwright_nft::table::{Database, Names};
use netwright_route::LinkId;
use netwright_sys::{Connection, Result};

use crate::firewall;

const ASKED: &str = "put the sandbox's table into the host's firewall";

/// Carries out the commands of a text, in which a link is called by its name, in one transaction.
pub(super) fn commit(connection: &mut Connection, text: &str, link: &LinkId) -> Result<()> {
    let mut names = Names::new();
    names.insert(Database::Interfaces, &link.name().unwrap_or_default(), link.index.into());
    firewall::load(connection, ASKED, text, &names, &Catalog::of_nothing()).map(drop)
}

/// The name of the host's tables for the sandbox of a link.
pub(super) fn name_of(link: &LinkId) -> String {
    format!("netwright_{}", link.name().unwrap_or_default())
}
