//! Constants as text: reading a word as a value of a type, and writing a value as nft lists it.
//!
//! Values are plain numbers here, whatever the byte order of their place; [`to_bytes`] and [`from_bytes`] convert.
//! Characters (interface names, helpers) are no numbers and are written with [`write_text`].

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::datatype::{ByteOrder, DataType, Database, Format, Symbols};
use super::names::{Names, parse_number};
use super::{Zone, symbol, time};

/// How a listing is written: the output options of nft.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PrintOptions {
    /// `-y`: priorities of chains as numbers.
    pub numeric_priority: bool,
    /// `-p`: layer 4 protocols as numbers.
    pub numeric_protocol: bool,
    /// Part of `-n`: every symbol as a number.
    pub numeric_symbol: bool,
    /// `-T`: durations as seconds. Hours and points in time stay readable, as in nft.
    pub numeric_time: bool,
    /// `-S`: ports as service names.
    pub service_names: bool,
    /// `-u`: users and groups by name.
    pub guid_names: bool,
    /// `-N`: addresses by the names of their hosts, where [`Names`] finds one.
    pub host_names: bool,
    /// `-s`: without the state of counters, quotas and the like.
    pub stateless: bool,
    /// `-a`: with handles.
    pub handles: bool,
    /// `-t`: without the elements of sets.
    pub terse: bool,
    /// The zone of hours and points in time.
    pub zone: Zone,
}

impl PrintOptions {
    /// `-n`: everything as a number.
    #[must_use]
    pub fn numeric(self) -> PrintOptions {
        PrintOptions {
            numeric_priority: true,
            numeric_protocol: true,
            numeric_symbol: true,
            numeric_time: true,
            ..self
        }
    }
}

/// Why a word is no value of a type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ValueError {
    /// The word means nothing for this type.
    Unknown {
        /// The word.
        word: String,
        /// The type that was asked for.
        data_type: DataType,
        /// A name that looks like it.
        suggestion: Option<String>,
    },
    /// The number does not fit.
    OutOfRange {
        /// The number.
        number: u128,
        /// The greatest that would fit.
        greatest: u128,
    },
    /// Values of this type are not written as words.
    NoText {
        /// The type that was asked for.
        data_type: DataType,
    },
}

impl fmt::Display for ValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ValueError::Unknown { word, data_type, suggestion } => {
                write!(f, "`{word}` is no {}", data_type.descriptor().description)?;
                suggestion.as_ref().map_or(Ok(()), |name| write!(f, "; did you mean `{name}`?"))
            }
            ValueError::OutOfRange { number, greatest } => {
                write!(f, "{number} is out of range, the greatest value here is {greatest}")
            }
            ValueError::NoText { data_type } => {
                write!(f, "a {} cannot be written as a constant", data_type.descriptor().description)
            }
        }
    }
}

impl std::error::Error for ValueError {}

/// Reads a word (without quotes) as a value of a type that has `bits` bits in its place. `zone` is the zone
/// of hours and points in time. A bare number is a value of every type but characters and
/// IPv6 addresses; for durations and points in time it counts seconds.
///
/// # Errors
/// The word means nothing, or its number does not fit.
pub fn parse(
    data_type: DataType,
    bits: u32,
    word: &str,
    names: &Names,
    zone: Zone,
) -> Result<u128, ValueError> {
    if data_type.is_string() || data_type == DataType::VERDICT {
        return Err(ValueError::NoText { data_type });
    }
    let (number, greatest) =
        match parse_symbol(data_type, word, names).or_else(|| parse_form(data_type, bits, word, zone)) {
            Some(number) => (number, greatest(bits)),
            None => {
                let numbers = !matches!(data_type.descriptor().format, Format::LinkAddress | Format::Ipv6);
                let number = parse_number(word).filter(|_| numbers);
                let number = number.ok_or_else(|| unknown(data_type, word, names))?;
                let greatest = if data_type == DataType::DAY { 6 } else { greatest(bits) };
                if data_type == DataType::BOOLEAN {
                    return Ok(u128::from(number != 0));
                }
                match data_type.descriptor().format {
                    Format::Duration => (number.saturating_mul(1000), greatest),
                    Format::Date => (number.saturating_mul(1_000_000_000), greatest),
                    Format::BitNumbers => return bit(number, bits),
                    _ => (number, greatest),
                }
            }
        };
    if number > greatest { Err(ValueError::OutOfRange { number, greatest }) } else { Ok(number) }
}

/// Reads a word as a symbol of a type, be it of the language or of a database of the host.
#[must_use]
pub fn parse_symbol(data_type: DataType, word: &str, names: &Names) -> Option<u128> {
    match data_type.descriptor().symbols {
        Symbols::None => None,
        Symbols::Table(table) | Symbols::ReadOnly(table) | Symbols::Quoted(table) => {
            symbol::value(table, word).map(u128::from)
        }
        Symbols::Database(Database::Labels) => {
            let number = names.number(Database::Labels, word)?;
            bit(u128::from(number), data_type.bits()).ok()
        }
        // as with nft, a number is itself, whatever the host's file says: so no file is read for it
        Symbols::Database(Database::Services | Database::Protocols)
            if word.bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            None
        }
        Symbols::Database(database) => names.number(database, word).map(u128::from),
    }
}

/// Reads the written forms that are no plain numbers.
fn parse_form(data_type: DataType, bits: u32, word: &str, zone: Zone) -> Option<u128> {
    match data_type.descriptor().format {
        Format::Ipv4 => word.parse::<Ipv4Addr>().ok().map(|address| u128::from(address.to_bits())),
        Format::Ipv6 => word.parse::<Ipv6Addr>().ok().map(Ipv6Addr::to_bits),
        Format::LinkAddress => parse_link_address(word, bits),
        Format::ClassId => parse_classid(word),
        Format::Duration => time::parse_duration(word).map(u128::from),
        Format::Hour => time::parse_hour(word, zone).map(u128::from),
        Format::Date => time::parse_date(word, zone).map(u128::from),
        _ => None,
    }
}

/// `00:11:22:33:44:55`: as many groups as the width has bytes, or fewer. A number without colons is hexadecimal all the same.
fn parse_link_address(word: &str, bits: u32) -> Option<u128> {
    let groups = word.split(':').count();
    if groups > bits.div_ceil(8).min(16) as usize {
        return None;
    }
    word.split(':').try_fold(0u128, |address, group| {
        let hexadecimal = matches!(group.len(), 1 | 2) && group.bytes().all(|byte| byte.is_ascii_hexdigit());
        let group = u8::from_str_radix(group, 16).ok().filter(|_| hexadecimal)?;
        Some(address << 8 | u128::from(group))
    })
}

/// `root`, `none` or `MAJOR:MINOR` in hexadecimal.
fn parse_classid(word: &str) -> Option<u128> {
    match word {
        "root" => return Some(u128::from(u32::MAX)),
        "none" => return Some(0),
        _ => {}
    }
    let (major, minor) = word.split_once(':')?;
    if word == ":" {
        return None;
    }
    let half = |half: &str| {
        let digits = half.strip_prefix("0x").unwrap_or(half);
        let hexadecimal = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        if half.is_empty() { Some(0) } else { u16::from_str_radix(digits, 16).ok().filter(|_| hexadecimal) }
    };
    Some(u128::from(half(major)?) << 16 | u128::from(half(minor)?))
}

/// The mask of a bit number.
fn bit(number: u128, bits: u32) -> Result<u128, ValueError> {
    let greatest = u128::from(bits.clamp(1, 128) - 1);
    if number > greatest { Err(ValueError::OutOfRange { number, greatest }) } else { Ok(1 << number) }
}

/// The greatest number in so many bits.
#[must_use]
pub fn greatest(bits: u32) -> u128 {
    if bits >= 128 { u128::MAX } else { (1 << bits) - 1 }
}

/// The error for a word, with the nearest name of the type.
fn unknown(data_type: DataType, word: &str, names: &Names) -> ValueError {
    let symbols = data_type.symbols().iter().map(|symbol| symbol.name);
    let suggestion = match data_type.database() {
        Some(database) => nearest(word, names.all(database)),
        None => nearest(word, symbols),
    };
    ValueError::Unknown { word: word.to_owned(), data_type, suggestion: suggestion.map(str::to_owned) }
}

/// The candidate that is the fewest edits away from a word, if it is near at all.
pub fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let allowed = word.len().div_ceil(3).min(3);
    candidates
        .filter(|candidate| candidate.len().abs_diff(word.len()) <= allowed)
        .map(|candidate| (edits(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, candidate)| candidate)
}

/// How many characters must be inserted, removed or replaced to turn one word into the other (Levenshtein).
fn edits(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.chars().count()).collect();
    for (index, left) in from.chars().enumerate() {
        let mut diagonal = index;
        let mut last = index + 1;
        for (cell, right) in row.iter_mut().skip(1).zip(to.chars()) {
            let changed = diagonal + usize::from(left != right);
            diagonal = *cell;
            last = changed.min(last + 1).min(*cell + 1);
            *cell = last;
        }
        if let Some(first) = row.first_mut() {
            *first = index + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

/// The name that a listing writes for a value of a type, and whether it stands in quotes. Of a bitmask, the value must
/// be one bit.
#[must_use]
pub fn symbol_of<'a>(
    data_type: DataType,
    number: u128,
    names: &'a Names,
    options: &PrintOptions,
) -> Option<(Cow<'a, str>, bool)> {
    let from_table = |table| symbol::name(table, u32::try_from(number).ok()?).map(Cow::Borrowed);
    let from_names = |database| names.name(database, u64::try_from(number).ok()?).map(Cow::Borrowed);
    let (name, quoted) = match data_type.descriptor().symbols {
        Symbols::None | Symbols::ReadOnly(_) => return None,
        Symbols::Table(_) | Symbols::Quoted(_) if options.numeric_symbol => return None,
        Symbols::Table(table) => (from_table(table), false),
        Symbols::Quoted(table) => (from_table(table), true),
        Symbols::Database(database) => match database {
            Database::Protocols if options.numeric_protocol => return None,
            Database::Protocols => (from_names(database), false),
            Database::Services if !options.service_names => return None,
            Database::Users | Database::Groups if !options.guid_names => return None,
            Database::Marks | Database::Realms | Database::DeviceGroups if options.numeric_symbol => {
                return None;
            }
            Database::Labels => {
                let name = names.name(database, u64::from(number.trailing_zeros()));
                (name.filter(|_| number.is_power_of_two()).map(Cow::Borrowed), true)
            }
            _ => (from_names(database), true),
        },
    };
    name.map(|name| (name, quoted))
}

/// The bits of a value, the lowest first, each as a value of its own.
pub fn bits_of(number: u128) -> impl Iterator<Item = u128> {
    (0..128).map(|bit| 1u128 << bit).filter(move |bit| number & bit != 0)
}

/// How a bitmask of several bits is written; nft chooses by the place of the value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BitStyle {
    /// `syn,ack`: a match that any of the bits is set, and `ct event set`.
    #[default]
    List,
    /// `syn | ack`: an element of a set or map, an operand of `&`, what such an `&` is compared with, the value of
    /// `set`, and `ct state established | related` compared as a whole.
    Alternatives,
    /// `0x12`: a field of a header compared as a whole (`tcp flags == 0x12`), and the ends of a range.
    Number,
}

/// Writes a value of a type that has `bits` bits in its place as nft lists it, several bits of a bitmask as
/// `syn,ack`.
///
/// # Errors
/// Those of `out`.
pub fn write(
    out: &mut impl fmt::Write,
    data_type: DataType,
    bits: u32,
    number: u128,
    names: &Names,
    options: &PrintOptions,
) -> fmt::Result {
    write_styled(out, data_type, bits, number, BitStyle::List, names, options)
}

/// Writes a value as [`write()`] does, several bits of a bitmask in the given style.
///
/// # Errors
/// Those of `out`.
pub fn write_styled(
    out: &mut impl fmt::Write,
    data_type: DataType,
    bits: u32,
    number: u128,
    style: BitStyle,
    names: &Names,
    options: &PrintOptions,
) -> fmt::Result {
    let has_names = !matches!(data_type.descriptor().symbols, Symbols::None);
    let separator = match style {
        BitStyle::List => ",",
        BitStyle::Alternatives => " | ",
        BitStyle::Number => "",
    };
    if !(data_type.is_bitmask() && has_names) || number == 0 || separator.is_empty() {
        return write_one(out, data_type, bits, number, names, options);
    }
    for (index, bit) in bits_of(number).enumerate() {
        if index > 0 {
            out.write_str(separator)?;
        }
        write_one(out, data_type, bits, bit, names, options)?;
    }
    Ok(())
}

/// Writes one value: its name, or its number in the form of the type.
fn write_one(
    out: &mut impl fmt::Write,
    data_type: DataType,
    bits: u32,
    number: u128,
    names: &Names,
    options: &PrintOptions,
) -> fmt::Result {
    if options.host_names
        && let Some(name) = host_of(data_type, number, names)
    {
        return out.write_str(&name);
    }
    match symbol_of(data_type, number, names, options) {
        Some((name, true)) => write!(out, "\"{name}\""),
        Some((name, false)) => out.write_str(&name),
        None => write_number(out, data_type, bits, number, options),
    }
}

/// The name of the host that has an address.
fn host_of(data_type: DataType, number: u128, names: &Names) -> Option<String> {
    let address = match data_type.descriptor().format {
        Format::Ipv4 => IpAddr::V4(Ipv4Addr::from_bits(number as u32)),
        Format::Ipv6 => IpAddr::V6(Ipv6Addr::from_bits(number)),
        _ => return None,
    };
    names.host(address)
}

/// Writes the number of a value in the form of its type.
fn write_number(
    out: &mut impl fmt::Write,
    data_type: DataType,
    bits: u32,
    number: u128,
    options: &PrintOptions,
) -> fmt::Result {
    match data_type.descriptor().format {
        // As nft: a number of the kernel's that is no interface's, such as a mask, has a sign.
        Format::Decimal if data_type == DataType::IFACE_INDEX => write!(out, "{}", number as u32 as i32),
        Format::Hex => write!(out, "0x{number:x}"),
        Format::PaddedHex => write!(out, "0x{number:0width$x}", width = bits.div_ceil(4) as usize),
        Format::Ipv4 => write!(out, "{}", Ipv4Addr::from_bits(number as u32)),
        Format::Ipv6 => write_ipv6(out, number),
        Format::LinkAddress => write_link_address(out, number, bits),
        Format::ClassId => match number as u32 {
            u32::MAX => out.write_str("root"),
            0 => out.write_str("none"),
            class => write!(out, "{:x}:{:x}", class >> 16, class & 0xffff),
        },
        Format::Duration => time::write_duration(out, number as u64, options.numeric_time),
        Format::Hour => time::write_hour(out, number as u32, options.zone),
        Format::Date => time::write_date(out, number as u64, options.zone),
        Format::BitNumbers if number.is_power_of_two() => write!(out, "{}", number.trailing_zeros()),
        Format::BitNumbers | Format::Decimal | Format::Text | Format::Opaque => write!(out, "{number}"),
    }
}

/// Writes an IPv6 address as the C library does: as Rust does, but with a dotted tail after six zero groups.
fn write_ipv6(out: &mut impl fmt::Write, number: u128) -> fmt::Result {
    if number >> 32 == 0 && number >> 16 != 0 {
        return write!(out, "::{}", Ipv4Addr::from_bits(number as u32));
    }
    write!(out, "{}", Ipv6Addr::from_bits(number))
}

/// Writes as many groups of two digits as the width has bytes.
fn write_link_address(out: &mut impl fmt::Write, number: u128, bits: u32) -> fmt::Result {
    let bytes = number.to_be_bytes();
    let groups = (bits.div_ceil(8) as usize).min(bytes.len());
    for (index, byte) in bytes[bytes.len() - groups..].iter().enumerate() {
        write!(out, "{}{byte:02x}", if index > 0 { ":" } else { "" })?;
    }
    Ok(())
}

/// Writes characters in quotes, up to the first zero byte; what is not UTF-8 is replaced.
///
/// # Errors
/// Those of `out`.
pub fn write_text(out: &mut impl fmt::Write, bytes: &[u8]) -> fmt::Result {
    let text = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    write!(out, "\"{}\"", netwright_wire::text::from_bytes(text))
}

/// A value in the JSON of libnftables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Json {
    /// A string.
    Text(String),
    /// A number.
    Number(u128),
    /// True or false: existence.
    Boolean(bool),
}

/// One value (of a bitmask: one bit) as the JSON of libnftables has it: names, addresses and times as strings, the
/// rest as numbers.
#[must_use]
pub fn to_json(data_type: DataType, bits: u32, number: u128, names: &Names, options: &PrintOptions) -> Json {
    if data_type == DataType::BOOLEAN && number <= 1 {
        return Json::Boolean(number == 1);
    }
    if let Some((name, _)) = symbol_of(data_type, number, names, options) {
        return Json::Text(name.into_owned());
    }
    match data_type.descriptor().format {
        Format::Ipv4 | Format::Ipv6 | Format::LinkAddress | Format::ClassId | Format::Hour | Format::Date => {
            let mut text = String::new();
            // Writing to a string cannot fail.
            let _ = write_number(&mut text, data_type, bits, number, options);
            Json::Text(text.trim_matches('"').to_owned())
        }
        Format::Duration => Json::Number(number / 1000),
        Format::BitNumbers if number.is_power_of_two() => Json::Number(u128::from(number.trailing_zeros())),
        _ => Json::Number(number),
    }
}

/// A number in `length` bytes (at most 16) in the order of its place, as registers and elements hold it.
#[must_use]
pub fn to_bytes(number: u128, length: usize, order: ByteOrder) -> Vec<u8> {
    let length = length.min(16);
    match order {
        ByteOrder::Host if cfg!(target_endian = "little") => number.to_le_bytes()[..length].to_vec(),
        _ => number.to_be_bytes()[16 - length..].to_vec(),
    }
}

/// The number in bytes of a register or element; `None` when there are more than 16.
#[must_use]
pub fn from_bytes(bytes: &[u8], order: ByteOrder) -> Option<u128> {
    if bytes.len() > 16 {
        return None;
    }
    let shift = |number: u128, byte: &u8| number << 8 | u128::from(*byte);
    Some(match order {
        ByteOrder::Host if cfg!(target_endian = "little") => bytes.iter().rev().fold(0, shift),
        _ => bytes.iter().fold(0, shift),
    })
}

#[cfg(test)]
mod tests;
