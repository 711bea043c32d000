//! Orders to the kernel's firewall, as whole transactions: from the nft language, in which this crate writes them, or as messages.

use netwright_netfilter::Batch;
use netwright_nft::catalog::Catalog;
use netwright_nft::diagnostic::SourceMap;
use netwright_nft::evaluate::{self, Options};
use netwright_nft::lower;
use netwright_nft::syntax::{NoIncludes, parse};
use netwright_nft::table::Names;
use netwright_sys::{Cause, Connection, Error, Outcome, Result};

/// Carries out the commands of a text. Returns what is declared then: what was known, and what the text declares.
///
/// `asked` is what this is done for, in errors.
pub(crate) fn load(
    connection: &mut Connection,
    asked: &str,
    text: &str,
    names: &Names,
    known: &Catalog,
) -> Result<Catalog> {
    let (batch, catalog) = compiled(asked, text, names, known)?;
    commit(connection, asked, batch)?;
    Ok(catalog)
}

/// The messages of a text, and what is declared after them. That a text is wrong is a fault of whoever wrote it, so the line is shown.
pub(crate) fn compiled(asked: &str, text: &str, names: &Names, known: &Catalog) -> Result<(Batch, Catalog)> {
    let wrong = |what: String| Error::new(asked, Cause::Invalid(what));
    let mut sources = SourceMap::default();
    let source = sources.add("commands", text);
    let parsed = parse(&mut sources, source, &mut NoIncludes);
    let compiled = evaluate::compile(
        &sources,
        &parsed,
        &Options { names, catalog: known, zone: netwright_nft::table::Zone::UTC },
    );
    if let Some(diagnostic) = parsed.diagnostics.iter().chain(&compiled.diagnostics).next() {
        let line =
            diagnostic.span().and_then(|span| sources.locate(span)).map_or(0, |place| place.line as usize);
        let line = text.lines().nth(line.saturating_sub(1)).unwrap_or_default().trim();
        return Err(wrong(format!("{} in «{line}»", diagnostic.message)));
    }
    let mut batch = Batch::new();
    match lower::batch(&compiled.commands, &compiled.catalog, &mut batch) {
        Ok(()) => Ok((batch, compiled.catalog)),
        Err(failed) => Err(wrong(failed.error.to_string())),
    }
}

/// Carries out the messages of a batch.
pub(crate) fn commit(connection: &mut Connection, asked: &str, mut batch: Batch) -> Result<()> {
    let messages = batch.messages();
    let bytes = batch.finish().map_err(|error| Error::new(asked, error))?;
    let refusals = match connection.transact(bytes, messages, |_, _| {})? {
        Outcome::Committed { .. } => return Ok(()),
        Outcome::Refused(refusals) => refusals,
    };
    let bytes = bytes.to_vec();
    let first = refusals.into_iter().min_by_key(|refusal| refusal.index);
    let Some(refusal) = first else { return Err(Error::new(asked, Cause::NoAnswer)) };
    let step = batch.step(refusal.index).map(|step| step.at(refusal.error.extended.offset));
    let asked = step.as_ref().map_or(asked.to_owned(), |step| format!("{asked}: {step}"));
    Err(Error::new(asked, refusal.error).with_sent(&bytes).with_part(step.and_then(|step| step.part())))
}

#[cfg(test)]
mod tests;
