//! How rulesets and changes are written.

use std::fmt;
use std::io::{self, Write};

use netwright_nft::ir::Ruleset;
use netwright_nft::table::{Names, PrintOptions};
use netwright_nft::{json, print};

/// How a listing is written.
#[derive(Clone, Copy, Debug)]
pub struct Style<'a> {
    /// What is shown, and which values are numbers.
    pub options: &'a PrintOptions,
    /// Names that numbers are shown by.
    pub names: &'a Names,
    /// In the schema of libnftables-json(5) instead of the language.
    pub json: bool,
}

/// Writes a ruleset as nft lists it.
///
/// # Errors
/// Those of `out`.
pub fn write_ruleset(ruleset: &Ruleset, style: Style<'_>, out: &mut impl Write) -> io::Result<()> {
    let Style { options, names, json } = style;
    as_text(out, |out| match json {
        true => json::write_ruleset(out, ruleset, options, names),
        false => print::write_ruleset(out, ruleset, options, names),
    })
}

/// Lets what writes text write bytes, and keeps the error.
///
/// # Errors
/// Those of `out`.
pub(super) fn as_text<W: Write + ?Sized>(
    out: &mut W,
    write: impl FnOnce(&mut Carrier<'_, W>) -> fmt::Result,
) -> io::Result<()> {
    let mut carrier = Carrier { out, error: Ok(()) };
    match write(&mut carrier) {
        Ok(()) => Ok(()),
        Err(fmt::Error) => carrier.error.and(Err(io::Error::other("the ruleset could not be written"))),
    }
}

pub(super) struct Carrier<'a, W: ?Sized> {
    out: &'a mut W,
    error: io::Result<()>,
}

impl<W: Write + ?Sized> fmt::Write for Carrier<'_, W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.out.write_all(text.as_bytes()).map_err(|error| {
            self.error = Err(error);
            fmt::Error
        })
    }
}
