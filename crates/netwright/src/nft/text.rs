//! Text of the nft language, with values bound to its variables.

use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;

use netwright_nft::diagnostic::{Diagnostic, Severity, SourceMap};
use netwright_nft::syntax::{self, Binding, NoIncludes, Parsed};
use netwright_sys::{Cause, Error};

use super::{Interface, Mac, Mark, Port, PrefixOf};
use crate::Result;

/// What a text is called in messages where it has no name.
const UNNAMED: &str = "text";

/// Text of the nft language, for [`Batch::extend`](super::Batch::extend).
#[derive(Clone, Debug)]
#[must_use = "a text does nothing before a batch is extended with it"]
pub struct Text {
    name: String,
    text: String,
    /// Variables that the text uses and does not define, with what they are bound to.
    variables: Vec<(String, Option<String>)>,
}

/// Reads a text of the nft language: orders (`add rule …`) or tables with braces. Variables that it uses and does not
/// define are given values by [`Text::bind`]. What its words mean is decided when a batch takes it.
///
/// # Errors
/// It has not the form of the language: all that is wrong is told, each with line and column.
pub fn parse(text: impl Into<String>) -> Result<Text> {
    parse_named(UNNAMED, text)
}

/// As [`parse`], with the name of a file for messages.
pub(super) fn parse_named(name: impl Into<String>, text: impl Into<String>) -> Result<Text> {
    let text = Text { name: name.into(), text: text.into(), variables: Vec::new() };
    let mut sources = SourceMap::default();
    let first = text.read(&mut sources)?;
    // A variable without a definition is no mistake here. Once it has one, what else is wrong shows.
    let variables = unbound(&first.diagnostics, &sources).map(|name| (name, None)).collect();
    let text = Text { variables, ..text };
    text.read(&mut sources).and_then(|parsed| refuse(&parsed.diagnostics, &sources)).map(|()| text)
}

/// The variables that a text misses.
fn unbound<'s>(diagnostics: &'s [Diagnostic], sources: &'s SourceMap) -> impl Iterator<Item = String> + 's {
    let spans = diagnostics.iter().filter_map(Diagnostic::span);
    let names = spans.filter_map(|span| sources.snippet(span).strip_prefix('$'));
    let mut names: Vec<String> = names.map(str::to_owned).collect();
    names.sort_unstable();
    names.dedup();
    names.into_iter()
}

/// An error with all that is wrong with a text, if anything is.
pub(super) fn refuse(diagnostics: &[Diagnostic], sources: &SourceMap) -> Result<()> {
    let mut all = String::new();
    for diagnostic in diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error) {
        let separator = if all.is_empty() { "" } else { "\n" };
        let place = diagnostic.span().and_then(|span| sources.locate(span));
        let place = place.map(|place| format!("{place}: ")).unwrap_or_default();
        let help = diagnostic.help.first().map(|help| format!(" ({help})")).unwrap_or_default();
        // Writing to a string cannot fail.
        let _ = write!(all, "{separator}{place}{}{help}", diagnostic.message);
    }
    if all.is_empty() { Ok(()) } else { Err(Error::new("read the rules", Cause::Invalid(all))) }
}

impl Text {
    /// The name of the text in messages, such as that of a file.
    pub fn named(self, name: impl Into<String>) -> Self {
        Text { name: name.into(), ..self }
    }

    /// Gives a variable a value. The value is one value, whatever characters it has: nothing of it is read as rules.
    ///
    /// # Errors
    /// The text has no such variable without a definition, or the value cannot be written.
    pub fn bind(mut self, variable: &str, value: impl Bind) -> Result<Self> {
        let invalid = |what: String| Error::new(format!("bind ${variable}"), Cause::Invalid(what));
        let value = value.bound().map_err(invalid)?;
        match self.variables.iter_mut().find(|(name, _)| name == variable) {
            Some((_, bound)) => *bound = Some(value),
            None => {
                return Err(invalid(format!("the text {:?} has no variable ${variable} to bind", self.name)));
            }
        }
        Ok(self)
    }

    /// The first variable without a value.
    pub(super) fn missing(&self) -> Option<&str> {
        self.variables.iter().find(|(_, value)| value.is_none()).map(|(name, _)| name.as_str())
    }

    /// Its syntax; a variable without a value is a zero.
    pub(super) fn read(&self, sources: &mut SourceMap) -> Result<Parsed> {
        let id = sources.add(&self.name, &self.text);
        let bindings = self
            .variables
            .iter()
            .map(|(name, value)| Binding { name, value: value.as_deref().unwrap_or("0") });
        Ok(syntax::parse_with(sources, id, &mut NoIncludes, &bindings.collect::<Vec<_>>()))
    }
}

/// A value that a variable can be bound to.
pub trait Bind {
    /// The value as the language writes it.
    ///
    /// # Errors
    /// The language has no way to write it.
    fn bound(self) -> std::result::Result<String, String>;
}

macro_rules! plain {
    ($($type:ty),*) => {$(
        impl Bind for $type {
            fn bound(self) -> std::result::Result<String, String> {
                Ok(self.to_string())
            }
        }
    )*};
}

plain!(u8, u16, u32, u64, Ipv4Addr, Ipv6Addr, IpAddr, crate::Prefix);

impl Bind for Port {
    fn bound(self) -> std::result::Result<String, String> {
        Ok(self.0.to_string())
    }
}

impl Bind for Mark {
    fn bound(self) -> std::result::Result<String, String> {
        Ok(self.0.to_string())
    }
}

impl Bind for Mac {
    fn bound(self) -> std::result::Result<String, String> {
        let [a, b, c, d, e, f] = self.0;
        Ok(format!("{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}"))
    }
}

/// Texts go between quotes, which the language cannot write within.
impl Bind for &str {
    fn bound(self) -> std::result::Result<String, String> {
        match self.chars().find(|&c| c == '"' || c.is_control()) {
            Some(odd) => Err(format!("{odd:?} cannot be part of a string")),
            None => Ok(format!("\"{self}\"")),
        }
    }
}

impl Bind for String {
    fn bound(self) -> std::result::Result<String, String> {
        self.as_str().bound()
    }
}

impl Bind for Interface {
    fn bound(self) -> std::result::Result<String, String> {
        self.0.as_str().bound()
    }
}

impl<T: Bind> Bind for PrefixOf<T> {
    fn bound(self) -> std::result::Result<String, String> {
        Ok(format!("{}/{}", self.address.bound()?, self.length))
    }
}

impl<T: Bind> Bind for RangeInclusive<T> {
    fn bound(self) -> std::result::Result<String, String> {
        let (first, last) = self.into_inner();
        Ok(format!("{}-{}", first.bound()?, last.bound()?))
    }
}

/// Several values are a set.
fn several<T: Bind>(values: impl IntoIterator<Item = T>) -> std::result::Result<String, String> {
    let values = values.into_iter().map(Bind::bound).collect::<std::result::Result<Vec<_>, _>>()?;
    if values.is_empty() {
        return Err("a set in a rule holds something".into());
    }
    Ok(format!("{{ {} }}", values.join(", ")))
}

impl<T: Bind> Bind for Vec<T> {
    fn bound(self) -> std::result::Result<String, String> {
        several(self)
    }
}

impl<T: Bind, const N: usize> Bind for [T; N] {
    fn bound(self) -> std::result::Result<String, String> {
        several(self)
    }
}

impl<T: Bind + Clone> Bind for &[T] {
    fn bound(self) -> std::result::Result<String, String> {
        several(self.iter().cloned())
    }
}

#[cfg(test)]
mod tests;
