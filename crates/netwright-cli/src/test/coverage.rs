//! `--coverage`: what of the firewall the flows use.

use std::io::{self, Write};
use std::path::Path;

use netwright_simulate::{Coverage, Part};

use crate::arguments::CoverageFormat;
use crate::failure::Failure;
use crate::output::{self, BAD, DIM, GOOD, NAME};

/// Writes it to a file, or to where the results went.
pub(super) fn write(
    coverage: &Coverage,
    format: CoverageFormat,
    file: Option<&Path>,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let mut text = Vec::new();
    match format {
        CoverageFormat::Text => self::text(coverage, &mut text)?,
        CoverageFormat::Json => writeln!(text, "{:#}", coverage.to_json())?,
        CoverageFormat::Lcov => text.extend(coverage.to_lcov().into_bytes()),
    }
    match file {
        Some(path) => {
            let plain = anstream::adapter::strip_bytes(&text).into_vec();
            std::fs::write(path, plain)
                .map_err(|error| Failure::said(format!("cannot write {}: {error}", path.display())))
        }
        None => Ok(out.write_all(&text)?),
    }
}

fn text(coverage: &Coverage, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out)?;
    let mut unused = coverage.unused().peekable();
    if unused.peek().is_some() {
        writeln!(out, "{NAME}used by no flow{NAME:#}")?;
    }
    let rows: Vec<_> = unused.collect();
    let width =
        rows.iter().map(|covered| output::plain(&covered.place.at).chars().count()).max().unwrap_or(0);
    for covered in rows {
        let at = output::plain(&covered.place.at);
        writeln!(
            out,
            "  {BAD}{:7}{BAD:#}  {at:width$}  {DIM}{}{DIM:#}",
            covered.part.to_string(),
            output::plain(&covered.place.text)
        )?;
    }
    let all = [(Part::Rule, "rules"), (Part::Element, "elements"), (Part::Mapping, "mappings")];
    let counts = all.iter().map(|(part, word)| {
        let (used, all) = coverage.count(*part);
        format!("{used} of {all} {word}")
    });
    let counts = counts.collect::<Vec<_>>().join(", ");
    writeln!(out, "{NAME}coverage{NAME:#}: {GOOD}{:.1} %{GOOD:#} ({counts})", coverage.percent())
}
