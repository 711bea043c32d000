//! The syntax tree: what the writer wrote, before any name has a type.
//!
//! Words, numbers and addresses are [`ExpressionKind::Literal`]s whose text lies in the [`SourceMap`]; only numbers and times in
//! places where nothing else can stand (a rate, a handle, a timeout) are already read. Keywords that choose a form of the
//! grammar became enums; names of fields, meta keys, types and options stay spans, because what is known there is a
//! matter of tables that the syntax does not have.

mod command;
mod elements;
mod expression;
mod object;
mod statement;

pub use command::*;
pub use elements::{Elements, Literal, Written};
pub use expression::*;
pub use object::*;
pub use statement::*;

use crate::diagnostic::{SourceMap, Span};

/// A name, a keyword or a string as it was written; the text is in the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Name {
    /// Where it stands, with its quotes if it has any.
    pub span: Span,
}

impl Name {
    /// The text without quotes.
    #[must_use]
    pub fn text<'a>(&self, sources: &'a SourceMap) -> &'a str {
        unquote(sources.snippet(self.span))
    }

    /// Whether it was written between double quotes.
    #[must_use]
    pub fn is_quoted(&self, sources: &SourceMap) -> bool {
        sources.snippet(self.span).starts_with('"')
    }
}

/// The text between a pair of double quotes, or the text itself where there are none.
///
/// nft knows no escapes inside a string (`\*` at the end of an interface name is the reader's to understand).
#[must_use]
pub fn unquote(text: &str) -> &str {
    text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(text)
}

/// A plain number where the grammar takes nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Number {
    /// Where it stands.
    pub span: Span,
    /// What it says; decimal, `0x` hexadecimal and leading-zero octal are understood.
    pub value: u64,
}

/// A length of time: `30s`, `1d2h`, `500ms`, or a bare number of seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Time {
    /// Where it stands.
    pub span: Span,
    /// The length in milliseconds; unset is `never`.
    pub milliseconds: Option<u64>,
}

/// An address family of tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// `ip`
    Ipv4,
    /// `ip6`
    Ipv6,
    /// `inet`
    Inet,
    /// `arp`
    Arp,
    /// `bridge`
    Bridge,
    /// `netdev`
    Netdev,
}

impl Family {
    /// The family of a keyword.
    #[must_use]
    pub fn from_keyword(word: &str) -> Option<Self> {
        Some(match word {
            "ip" => Family::Ipv4,
            "ip6" => Family::Ipv6,
            "inet" => Family::Inet,
            "arp" => Family::Arp,
            "bridge" => Family::Bridge,
            "netdev" => Family::Netdev,
            _ => return None,
        })
    }

    /// The keyword of the family.
    #[must_use]
    pub fn keyword(self) -> &'static str {
        match self {
            Family::Ipv4 => "ip",
            Family::Ipv6 => "ip6",
            Family::Inet => "inet",
            Family::Arp => "arp",
            Family::Bridge => "bridge",
            Family::Netdev => "netdev",
        }
    }
}

/// `ip` or `ip6` where a statement or expression chooses between the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IpVersion {
    /// `ip`
    V4,
    /// `ip6`
    V6,
}

/// The name of a [`Definition`] in [`crate::syntax::Parsed::definitions`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DefinitionId(pub u32);

/// One `define` or `redefine`, or a value bound from outside.
///
/// Scopes are dealt with while parsing: a [`ExpressionKind::Variable`] points straight at the definition that was visible where
/// it stands, so `redefine` and `undefine` leave no trace but that.
#[derive(Clone, Debug, PartialEq)]
pub struct Definition {
    /// The name without `$`.
    pub name: Name,
    /// The value as it was written; may itself hold variables.
    pub value: Expression,
}
