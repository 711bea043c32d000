//! Tables of the host, from text that this crate made.

use netwright_netfilter::Batch;
use netwright_nft::catalog::Catalog;
use netwright_nft::diagnostic::SourceMap;
use netwright_nft::evaluate::{self, Options};
use netwright_nft::lower;
use netwright_nft::syntax::{NoIncludes, parse};
use netwright_nft::table::Names;
use netwright_sys::{Cause, Connection, Error, Outcome, Result};

const ASKED: &str = "put the sandbox's table into the host's firewall";

/// Carries out the orders of a text in one transaction.
pub(crate) fn commit(connection: &mut Connection, text: &str) -> Result<()> {
    let wrong = |what: String| Error::new(ASKED, Cause::Invalid(what));
    let mut sources = SourceMap::default();
    let source = sources.add("host", text);
    let parsed = parse(&mut sources, source, &mut NoIncludes);
    let names = Names::new();
    let options = Options { names: &names, catalog: &Catalog::of_nothing(), zone: 0 };
    let compiled = evaluate::compile(&sources, &parsed, &options);
    if let Some(diagnostic) = parsed.diagnostics.iter().chain(&compiled.diagnostics).next() {
        return Err(wrong(diagnostic.message.clone()));
    }
    let mut batch = Batch::new();
    lower::batch(&compiled.commands, &compiled.catalog, &mut batch)
        .map_err(|failed| wrong(failed.error.to_string()))?;
    let messages = batch.messages();
    let bytes = batch.finish().map_err(|error| Error::new(ASKED, error))?;
    match connection.transact(bytes, messages, |_, _| {})? {
        Outcome::Committed { .. } => Ok(()),
        Outcome::Refused(refusals) => Err(match refusals.into_iter().next() {
            Some(refusal) => Error::new(ASKED, refusal.error),
            None => Error::new(ASKED, Cause::NoAnswer),
        }),
    }
}
