//! Commands of the nft language, in which this crate writes its tables, carried out as whole transactions.

use netwright_netfilter::Batch;
use netwright_nft::catalog::Catalog;
use netwright_nft::diagnostic::SourceMap;
use netwright_nft::evaluate::{self, Options};
use netwright_nft::lower;
use netwright_nft::syntax::{NoIncludes, parse};
use netwright_nft::table::Names;
use netwright_sys::{Cause, Connection, Error, Result};

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
    let (mut batch, catalog) = compiled(asked, text, names, known)?;
    connection.commit(asked, &mut batch)?;
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

#[cfg(test)]
mod tests;
