//! Tables of the host, from text that this crate made.

use netwright_nft::catalog::Catalog;
use netwright_nft::table::Names;
use netwright_sys::{Connection, Result};

use crate::firewall;

const ASKED: &str = "put the sandbox's table into the host's firewall";

/// Carries out the orders of a text in one transaction.
pub(super) fn commit(connection: &mut Connection, text: &str) -> Result<()> {
    firewall::load(connection, ASKED, text, &Names::new(), &Catalog::of_nothing()).map(drop)
}
