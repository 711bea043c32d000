//! How single values are read: numbers, names, addresses.

use std::fmt::Display;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::str::FromStr;

use netwright_nft::diagnostic::Span;
use netwright_route::prefix::Prefix;
use serde_json::{Value as Json, json};

use crate::model::MacAddress;
use crate::schema::Definitions;
use crate::section::{Decode, Reader};
use crate::tree::{Node, Value};

/// An integer within a range, or a note that it is none.
pub(crate) fn integer(node: &Node, range: &RangeInclusive<i128>, reader: &mut Reader) -> Option<i128> {
    match node.value {
        Value::Integer(value) if range.contains(&value) => Some(value),
        _ => {
            let message = format!("an integer from {} to {}", range.start(), range.end());
            reader.expected::<()>(node, &message);
            if let Value::String(text) = &node.value
                && text.parse().is_ok_and(|value: i128| range.contains(&value))
            {
                reader.help("Leave the quotes out.");
            }
            None
        }
    }
}

/// A string that `FromStr` understands; its error is the message.
pub(crate) fn parsed<T>(node: &Node, expected: &str, reader: &mut Reader) -> Option<T>
where
    T: FromStr<Err: Display>,
{
    match reader.text(node, expected)?.parse() {
        Ok(value) => Some(value),
        Err(wrong) => reader.error(node.span, wrong.to_string()),
    }
}

impl Decode for bool {
    type Value = bool;

    fn decode(node: &Node, reader: &mut Reader) -> Option<bool> {
        match &node.value {
            Value::Boolean(value) => Some(*value),
            Value::String(text) if text == "true" || text == "false" => {
                reader.expected::<()>(node, "true or false");
                reader.help("Leave the quotes out.");
                None
            }
            _ => reader.expected(node, "true or false"),
        }
    }

    fn schema(_: &mut Definitions) -> Json {
        json!({ "type": "boolean" })
    }
}

impl Decode for String {
    type Value = String;

    fn decode(node: &Node, reader: &mut Reader) -> Option<String> {
        reader.text(node, "a string").map(str::to_owned)
    }

    fn schema(_: &mut Definitions) -> Json {
        json!({ "type": "string" })
    }
}

macro_rules! integers {
    ($($int:ident)*) => { $(
        impl Decode for $int {
            type Value = $int;

            fn decode(node: &Node, reader: &mut Reader) -> Option<$int> {
                let value = integer(node, &(i128::from($int::MIN)..=i128::from($int::MAX)), reader)?;
                $int::try_from(value).ok()
            }

            fn schema(_: &mut Definitions) -> Json {
                json!({ "type": "integer", "minimum": $int::MIN, "maximum": $int::MAX })
            }
        }
    )* };
}

integers! { u8 u16 u32 }

/// An integer from `LEAST` to `MOST`, for a field of whichever type holds them.
pub(crate) struct Between<const LEAST: u32, const MOST: u32>;

/// What [`Between`] reads; converted to the field's type without loss, since the range lies within it.
pub(crate) struct Bounded(u32);

impl<const LEAST: u32, const MOST: u32> Decode for Between<LEAST, MOST> {
    type Value = Bounded;

    fn decode(node: &Node, reader: &mut Reader) -> Option<Bounded> {
        let value = integer(node, &(i128::from(LEAST)..=i128::from(MOST)), reader)?;
        u32::try_from(value).ok().map(Bounded)
    }

    fn schema(_: &mut Definitions) -> Json {
        json!({ "type": "integer", "minimum": LEAST, "maximum": MOST })
    }
}

macro_rules! from_bounded {
    ($($int:ident)*) => { $(
        impl From<Bounded> for $int {
            fn from(value: Bounded) -> $int {
                $int::try_from(value.0).unwrap_or($int::MAX)
            }
        }

        impl From<Bounded> for Option<$int> {
            fn from(value: Bounded) -> Option<$int> {
                Some(value.into())
            }
        }
    )* };
}

from_bounded! { u8 u16 u32 }

/// One `T`, or an array of them that is not empty.
pub(crate) struct Many<T>(std::marker::PhantomData<T>);

/// What [`Many`] reads.
pub(crate) struct Items<T>(Vec<T>);

impl<A, B: From<A>> From<Items<A>> for Vec<B> {
    fn from(items: Items<A>) -> Vec<B> {
        items.0.into_iter().map(B::from).collect()
    }
}

impl<T: Decode> Decode for Many<T> {
    type Value = Items<T::Value>;

    fn decode(node: &Node, reader: &mut Reader) -> Option<Items<T::Value>> {
        match &node.value {
            Value::Array(items) if items.is_empty() => reader.error(node.span, "the list is empty"),
            Value::Array(items) => {
                // all that is wrong is told
                let found: Vec<_> = items.iter().map(|item| T::decode(item, reader)).collect();
                found.into_iter().collect::<Option<_>>().map(Items)
            }
            _ => T::decode(node, reader).map(|item| Items(vec![item])),
        }
    }

    fn schema(definitions: &mut Definitions) -> Json {
        let item = T::schema(definitions);
        json!({ "anyOf": [item, { "type": "array", "items": item, "minItems": 1 }] })
    }
}

/// The name of a link.
pub(crate) struct InterfaceName;

impl Decode for InterfaceName {
    type Value = String;

    fn decode(node: &Node, reader: &mut Reader) -> Option<String> {
        let name = reader.text(node, "the name of a link")?;
        check_interface_name(name, node.span, reader)?;
        Some(name.to_owned())
    }

    fn schema(_: &mut Definitions) -> Json {
        json!({ "type": "string", "pattern": "^[^\\s/:%]+$", "maxLength": 15 })
    }
}

/// A further name of a link, which may be longer.
pub(crate) struct AlternativeName;

impl Decode for AlternativeName {
    type Value = String;

    fn decode(node: &Node, reader: &mut Reader) -> Option<String> {
        let name = reader.text(node, "the name of a link")?;
        check_name(name, 127, node.span, reader)?;
        Some(name.to_owned())
    }

    fn schema(_: &mut Definitions) -> Json {
        json!({ "type": "string", "pattern": "^[^\\s/:%]+$", "maxLength": 127 })
    }
}

/// The name of an owner.
pub(crate) struct OwnerName;

impl Decode for OwnerName {
    type Value = String;

    fn decode(node: &Node, reader: &mut Reader) -> Option<String> {
        let name = reader.text(node, "the name of an owner")?;
        let fine = |c: char| c.is_ascii_alphanumeric() || "._-@+".contains(c);
        if name.is_empty() || name.len() > 64 || name.starts_with('.') || !name.chars().all(fine) {
            reader.error::<()>(node.span, format!("{name:?} cannot be the name of an owner"));
            reader.help(
                "It has letters, digits and `-._@+`, at most 64 of them, and does not start with a dot.",
            );
            return None;
        }
        Some(name.to_owned())
    }

    fn schema(_: &mut Definitions) -> Json {
        json!({ "type": "string", "pattern": "^[A-Za-z0-9_@+-][A-Za-z0-9._@+-]*$", "maxLength": 64 })
    }
}

/// Notes what the kernel would not like about the name of a link.
pub(crate) fn check_interface_name(name: &str, span: Span, reader: &mut Reader) -> Option<()> {
    // the names of what holds for all links, and for those to come, in /proc/sys/net
    if matches!(name, "all" | "default") {
        return reader.error(span, format!("`{name}` cannot be the name of a link"));
    }
    check_name(name, 15, span, reader)
}

/// The kernel refuses spaces, `/` and `:`; it would take `%d` for a number to fill in.
fn check_name(name: &str, most: usize, span: Span, reader: &mut Reader) -> Option<()> {
    if name.is_empty() || name == "." || name == ".." {
        return reader.error(span, format!("`{name}` cannot be the name of a link"));
    }
    if let Some(bad) = name.chars().find(|c| c.is_whitespace() || c.is_control() || "/:%".contains(*c)) {
        return reader.error(span, format!("the name of a link cannot have {bad:?} in it"));
    }
    if name.len() > most {
        reader.error::<()>(span, format!("`{name}` is {} bytes long", name.len()));
        reader.help(format!("Linux takes at most {most} bytes for the name of a link."));
        return None;
    }
    Some(())
}

impl Decode for IpAddr {
    type Value = IpAddr;

    fn decode(node: &Node, reader: &mut Reader) -> Option<IpAddr> {
        let text = reader.text(node, "an address such as \"192.0.2.1\"")?;
        if let Ok(address) = text.parse() {
            return Some(address);
        }
        reader.error::<()>(node.span, format!("`{text}` is not an IPv4 or IPv6 address"));
        if let Ok(prefix) = text.parse::<Prefix>() {
            reader.help(format!("Leave the prefix length out: \"{}\".", prefix.address));
        }
        None
    }

    fn schema(_: &mut Definitions) -> Json {
        json!({ "type": "string", "anyOf": [{ "format": "ipv4" }, { "format": "ipv6" }] })
    }
}

/// An address with a prefix length, host bits and all.
impl Decode for Prefix {
    type Value = Prefix;

    fn decode(node: &Node, reader: &mut Reader) -> Option<Prefix> {
        parsed(node, "a string such as \"192.0.2.1/24\"", reader)
    }

    fn schema(_: &mut Definitions) -> Json {
        json!({ "type": "string", "examples": ["192.0.2.1/24", "2001:db8::1/64"] })
    }
}

/// A network: a prefix without host bits.
pub(crate) struct Network;

impl Decode for Network {
    type Value = Prefix;

    fn decode(node: &Node, reader: &mut Reader) -> Option<Prefix> {
        let prefix: Prefix = parsed(node, "a network such as \"192.0.2.0/24\"", reader)?;
        if prefix.is_network() {
            return Some(prefix);
        }
        reader.error::<()>(node.span, format!("`{prefix}` names a host, not a network"));
        let host = Prefix::host(prefix.address);
        reader.help(format!("Write \"{}\" for the network or \"{host}\" for the host.", prefix.network()));
        None
    }

    fn schema(_: &mut Definitions) -> Json {
        json!({ "type": "string", "examples": ["192.0.2.0/24", "2001:db8::/32"] })
    }
}

impl Decode for MacAddress {
    type Value = MacAddress;

    fn decode(node: &Node, reader: &mut Reader) -> Option<MacAddress> {
        parsed(node, "a MAC address such as \"02:00:00:00:00:01\"", reader)
    }

    fn schema(_: &mut Definitions) -> Json {
        json!({ "type": "string", "pattern": "^[0-9A-Fa-f]{1,2}([:-][0-9A-Fa-f]{1,2}){5}$" })
    }
}

/// A MAC address that a link can have: one station's, not a group's.
pub(crate) struct StationMac;

impl Decode for StationMac {
    type Value = MacAddress;

    fn decode(node: &Node, reader: &mut Reader) -> Option<MacAddress> {
        let mac = MacAddress::decode(node, reader)?;
        if mac.is_multicast() {
            reader.error::<()>(node.span, format!("`{mac}` is a group's address: a link cannot have it"));
            reader.help("The first byte of a link's own address is even, such as 02.");
            return None;
        }
        if mac == MacAddress::default() {
            return reader.error(node.span, "a link cannot have a MAC address of zeros");
        }
        Some(mac)
    }

    fn schema(definitions: &mut Definitions) -> Json {
        MacAddress::schema(definitions)
    }
}

/// A port or a range of ports.
pub(crate) struct Ports;

/// An id or a range of ids.
pub(crate) struct Ids;

macro_rules! ranges {
    ($($Codec:ident($int:ident) from $least:literal, $example:literal;)*) => { $(
        impl Decode for $Codec {
            type Value = RangeInclusive<$int>;

            fn decode(node: &Node, reader: &mut Reader) -> Option<RangeInclusive<$int>> {
                let bounds = i128::from($least as $int)..=i128::from($int::MAX);
                let (first, last) = ends(node, &bounds, concat!("a number or a range such as ", $example), reader)?;
                Some($int::try_from(first).ok()?..=$int::try_from(last).ok()?)
            }

            fn schema(_: &mut Definitions) -> Json {
                json!({ "anyOf": [
                    { "type": "integer", "minimum": $least, "maximum": $int::MAX },
                    { "type": "string", "pattern": "^[0-9]+(-[0-9]+)?$" },
                ] })
            }
        }
    )* };
}

ranges! {
    Ports(u16) from 1, "\"1000-1999\"";
    Ids(u32) from 0, "\"1000-1999\"";
}

fn ends(
    node: &Node,
    bounds: &RangeInclusive<i128>,
    expected: &str,
    reader: &mut Reader,
) -> Option<(i128, i128)> {
    let Value::String(text) = &node.value else {
        return match node.value {
            Value::Integer(_) => integer(node, bounds, reader).map(|value| (value, value)),
            _ => reader.expected(node, expected),
        };
    };
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let number = |text: &str| text.trim().parse().ok().filter(|value| bounds.contains(value));
    match (number(first), number(last)) {
        (Some(first), Some(last)) if first <= last => Some((first, last)),
        (Some(_), Some(_)) => reader.error(node.span, format!("the range `{text}` ends before it starts")),
        _ => {
            let (least, most) = (bounds.start(), bounds.end());
            reader.expected(node, &format!("{expected}, each from {least} to {most}"))
        }
    }
}
