//! What `--optimize` merges, told in the words of nft.

use std::io::{self, Write};

use netwright_nft::diagnostic::{SourceMap, Span};
use netwright_nft::optimize::Merged;
use netwright_nft::print;
use netwright_nft::table::{Names, PrintOptions};

/// Writes which rules became one: as nft does, the rule that they became to `out`, all else to `told`. Where both are the same
/// terminal, it reads as one.
///
/// # Errors
/// Those of both.
pub fn write_merged(
    merged: &[Merged],
    sources: &SourceMap,
    names: &Names,
    told: &mut impl Write,
    out: &mut impl Write,
) -> io::Result<()> {
    let options = PrintOptions { stateless: true, ..PrintOptions::default() };
    for Merged { rules, into } in merged {
        writeln!(told, "Merging:")?;
        rules.iter().try_for_each(|span| write_place(*span, sources, told))?;
        writeln!(told, "into:")?;
        told.flush()?;
        writeln!(out, "\t{}", print::rule(into, &options, names))?;
        out.flush()?;
    }
    Ok(())
}

/// The place of a rule and the line that it begins in.
fn write_place(span: Span, sources: &SourceMap, out: &mut impl Write) -> io::Result<()> {
    let span = sources.written(span);
    let Some(at) = sources.locate(span) else { return Ok(()) };
    let rule = sources.snippet(span).lines().next().unwrap_or_default();
    let end = at.column as usize + rule.chars().count().saturating_sub(1);
    let text = sources.get(span.source).map_or("", |source| source.text());
    let start =
        text.get(..span.start as usize).and_then(|before| before.rfind('\n')).map_or(0, |end| end + 1);
    let line = text.get(start..).and_then(|rest| rest.lines().next()).unwrap_or(rule);
    writeln!(out, "{}:{}:{}-{end}: {line}", at.name, at.line, at.column)
}
