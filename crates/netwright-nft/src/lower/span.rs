//! What keys cover, as bytes that can be sorted and compared.

use netwright_netfilter::DataValue;

use super::constant::{self, Form};
use super::set::{ends, last_bytes};
use super::{Error, Result};
use crate::ir::{Expression, TypePart};

/// The first and the last key that a constant covers. Each part has its most significant byte first; several are filled
/// up to a multiple of four bytes each. Sets of intervals have keys so; others have them as [`stored`] says.
///
/// # Errors
/// It is no constant, has another number of parts, or is too long.
pub fn span(parts: &[TypePart], key: &Expression) -> Result<(DataValue, DataValue)> {
    let keys = match key {
        Expression::Concatenation(keys) => keys.as_slice(),
        one @ (Expression::Value(_)
        | Expression::Range(..)
        | Expression::Prefix(..)
        | Expression::Wildcard(_)
        | Expression::Verdict(_)
        | Expression::ObjectName(_)
        | Expression::Flags(_)
        | Expression::Selector(_)
        | Expression::Binary(..)
        | Expression::Set(_)
        | Expression::Map(..)
        | Expression::Exists(_)) => std::slice::from_ref(one),
    };
    if keys.len() != parts.len() {
        return Err(Error::new(format!("an element has {} parts, its set {}", keys.len(), parts.len())));
    }
    let (mut first, mut last) = (DataValue::default(), DataValue::default());
    for (part, key) in parts.iter().zip(keys) {
        let form = Form::of(part, true);
        let (from, to) = ends(key)?;
        let (from, to) = (constant::bytes(&from, form)?, last_bytes(key, &to, form)?);
        append(&mut first, parts, &from)?;
        append(&mut last, parts, &to)?;
    }
    Ok((first, last))
}

/// How a set without intervals has a key whose parts have their most significant byte first; and the other way round.
#[must_use]
pub fn stored(parts: &[TypePart], key: &[u8]) -> DataValue {
    let mut stored = DataValue::default();
    let mut rest = key;
    for part in parts {
        let (own, behind) = rest.split_at(part.bytes().min(rest.len()));
        let mut own = own.to_vec();
        if Form::of(part, false).little {
            own.reverse();
        }
        // it came out of as many bytes
        let _ = append(&mut stored, parts, &own);
        let filled = if parts.len() > 1 { own.len().next_multiple_of(4) - own.len() } else { 0 };
        rest = behind.get(filled..).unwrap_or_default();
    }
    stored
}

/// The greatest key of one part, most significant byte first.
#[must_use]
pub fn greatest(part: &TypePart) -> DataValue {
    constant::ones(part.bits, Form::of(part, true)).unwrap_or_default()
}

fn append(key: &mut DataValue, parts: &[TypePart], own: &[u8]) -> Result<()> {
    let appended = if parts.len() > 1 { key.extend_part(own) } else { key.extend(own) };
    appended.map_err(|error| Error::new(error.to_string()))
}

#[cfg(test)]
mod tests;
