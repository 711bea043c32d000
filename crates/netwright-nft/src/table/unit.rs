//! Amounts of data and rates as text.

use std::fmt;

/// Units of data with their size in bytes, the largest first: the largest that divides an amount is listed.
pub const BYTE_UNITS: &[(&str, u64)] = &[("mbytes", 1 << 20), ("kbytes", 1 << 10), ("bytes", 1)];

/// Units of time of a rate, in seconds (`NFTA_LIMIT_UNIT`).
pub const RATE_UNITS: &[(&str, u64)] =
    &[("second", 1), ("minute", 60), ("hour", 3600), ("day", 86_400), ("week", 604_800)];

/// The burst of a packet limit that does not name one.
pub const DEFAULT_PACKET_BURST: u32 = 5;

/// The size in bytes of a unit of data.
#[must_use]
pub fn byte_unit(name: &str) -> Option<u64> {
    BYTE_UNITS.iter().find(|(unit, _)| *unit == name).map(|(_, size)| *size)
}

/// An amount with its unit in bytes; `None` when the unit is unknown or the amount too great.
#[must_use]
pub fn bytes(amount: u64, unit: &str) -> Option<u64> {
    amount.checked_mul(byte_unit(unit)?)
}

/// The seconds of a unit of a rate.
#[must_use]
pub fn rate_unit(name: &str) -> Option<u64> {
    RATE_UNITS.iter().find(|(unit, _)| *unit == name).map(|(_, seconds)| *seconds)
}

/// The unit of a rate with so many seconds.
#[must_use]
pub fn rate_unit_name(seconds: u64) -> Option<&'static str> {
    RATE_UNITS.iter().find(|(_, unit)| *unit == seconds).map(|(name, _)| *name)
}

/// The amount and the unit in which nft lists so many bytes.
#[must_use]
pub fn split_bytes(bytes: u64) -> (u64, &'static str) {
    let fitting = BYTE_UNITS.iter().find(|(_, size)| bytes != 0 && bytes.is_multiple_of(*size));
    fitting.map_or((bytes, "bytes"), |(name, size)| (bytes / size, *name))
}

/// Writes `10 mbytes`.
///
/// # Errors
/// Those of `out`.
pub fn write_bytes(out: &mut impl fmt::Write, bytes: u64) -> fmt::Result {
    let (amount, unit) = split_bytes(bytes);
    write!(out, "{amount} {unit}")
}

/// Writes `10/second`, or `10 mbytes/second` for bytes. A unit without a name is written as its seconds.
///
/// # Errors
/// Those of `out`.
pub fn write_rate(out: &mut impl fmt::Write, rate: u64, seconds: u64, in_bytes: bool) -> fmt::Result {
    if in_bytes {
        write_bytes(out, rate)?;
    } else {
        write!(out, "{rate}")?;
    }
    match rate_unit_name(seconds) {
        Some(unit) => write!(out, "/{unit}"),
        None => write!(out, "/{seconds}s"),
    }
}

#[cfg(test)]
mod tests;
