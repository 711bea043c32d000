//! Ranges of ports and other numbers.

use std::fmt::Display;

use super::Info;

/// The first where it is the last, too, else `FIRST-LAST`.
pub(super) fn range<T: Display + PartialEq>(first: T, last: T) -> String {
    if first == last { first.to_string() } else { format!("{first}-{last}") }
}

/// `!= ` where something is inverted.
pub(super) fn unless(inverted: bool) -> &'static str {
    if inverted { "!= " } else { "" }
}

/// A match on a range of a 16-bit field; nothing where all pass. `None` where none can.
pub(super) fn ports(field: &str, info: Info<'_>, at: usize, inverted: bool) -> Option<Option<String>> {
    let (first, last) = (info.u16(at)?, info.u16(at + 2)?);
    match (first, last, inverted) {
        (0, u16::MAX, false) => Some(None),
        (0, u16::MAX, true) => None,
        _ => Some(Some(format!("{field} {}{}", unless(inverted), range(first, last)))),
    }
}

/// Several matches one after the other.
pub(super) fn joined(parts: impl IntoIterator<Item = Option<String>>) -> String {
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}
