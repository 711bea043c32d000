//! How rulesets are written.

use std::fmt;
use std::io::{self, Write};

use netwright_nft::ir::Ruleset;
use netwright_nft::table::{Names, PrintOptions};
use netwright_nft::{json, print};

/// How a listing is written.
#[derive(Clone, Copy)]
pub(crate) struct Style<'a> {
    pub(crate) options: &'a PrintOptions,
    pub(crate) names: &'a Names,
    /// In the schema of libnftables-json(5) instead of the language.
    pub(crate) json: bool,
}

/// Writes a ruleset as nft lists it.
pub(crate) fn write(ruleset: &Ruleset, style: Style<'_>, out: &mut impl Write) -> io::Result<()> {
    let Style { options, names, json } = style;
    carry(out, |out| match json {
        true => json::write_ruleset(out, ruleset, options, names),
        false => print::write_ruleset(out, ruleset, options, names),
    })
}

/// Lets what writes text write bytes, and keeps the error.
fn carry<W: Write>(out: &mut W, write: impl FnOnce(&mut Carrier<'_, W>) -> fmt::Result) -> io::Result<()> {
    let mut carrier = Carrier { out, error: Ok(()) };
    match write(&mut carrier) {
        Ok(()) => Ok(()),
        Err(fmt::Error) => carrier.error.and(Err(io::Error::other("the ruleset could not be written"))),
    }
}

struct Carrier<'a, W> {
    out: &'a mut W,
    error: io::Result<()>,
}

impl<W: Write> fmt::Write for Carrier<'_, W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.out.write_all(text.as_bytes()).map_err(|error| {
            self.error = Err(error);
            fmt::Error
        })
    }
}
