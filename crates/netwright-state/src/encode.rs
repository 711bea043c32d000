//! Objects of the kernel in JSON: the bytes of the messages that tell of them, so that what is not known survives.
//!
//! Journals and records are files of programs. What cannot be read in them is an error, never a guess.

use netwright_route::link::{AlternativeName, LinkAttrs, LinkHeader, LinkInfo, LinkView};
use netwright_route::message::kind;
use netwright_route::{Address, Link, LinkId, Neighbour, Nexthop, Object, PlainText, Purpose, Route, Rule};
use netwright_wire::{Header, Message, MessageFlags, Native, Value, Writer};
use serde_json::{Value as Json, json};

/// Something that is kept as the bytes of the message that tells of it.
pub(crate) trait Encode: Sized {
    /// The bytes in hexadecimal, or an object around them.
    fn encode(&self) -> Json;
    /// The same again.
    fn decode(json: &Json) -> Result<Self, String>;
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS.get(usize::from(nibble & 15)).copied().unwrap_or(b'0'));
    bytes.iter().flat_map(|&byte| [digit(byte >> 4), digit(byte)]).collect()
}

fn unhex(text: &str) -> Result<Vec<u8>, String> {
    let wrong = || format!("`{text:.20}` is not an even number of hexadecimal digits");
    if text.len() % 2 == 1 {
        return Err(wrong());
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = text.as_bytes().chunks_exact(2);
    let byte = |pair: &[u8]| match pair {
        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    };
    pairs.map(|pair| byte(pair).ok_or_else(wrong)).collect()
}

/// Bytes in hexadecimal.
pub(crate) fn bytes(bytes: &[u8]) -> Json {
    hex(bytes).into()
}

/// The same again.
pub(crate) fn read_bytes(json: &Json) -> Result<Vec<u8>, String> {
    unhex(json.as_str().ok_or("a text of hexadecimal digits is missing")?)
}

fn message(kind: u16, payload: &[u8]) -> Message<'_> {
    let header = Header { length: 0, kind, flags: MessageFlags::empty(), sequence: 0, port: 0 };
    Message { header, payload }
}

macro_rules! objects {
    ($($type:ty),*) => {$(
        impl Encode for $type {
            fn encode(&self) -> Json {
                let mut writer = Writer::new();
                Object::write(self, Purpose::New, &mut writer);
                bytes(writer.bytes())
            }

            fn decode(json: &Json) -> Result<Self, String> {
                let payload = read_bytes(json)?;
                let found = <$type as Object>::read(&message(<$type as Object>::NEW, &payload));
                let noun = <$type as Object>::NOUN;
                found.map_err(|wrong| wrong.to_string())?.ok_or_else(|| format!("the bytes are of no {noun}"))
            }
        }
    )*};
}

objects!(Route, Rule, Neighbour, Nexthop);

/// The flags of addresses are kept whole: those that are states decide what goes along with what.
impl Encode for Address {
    fn encode(&self) -> Json {
        let mut writer = Writer::new();
        Object::write(self, Purpose::New, &mut writer);
        json!({ "message": hex(writer.bytes()), "flags": self.flags.bits() })
    }

    fn decode(json: &Json) -> Result<Self, String> {
        let payload = read_bytes(json.get("message").unwrap_or(&Json::Null))?;
        let found = <Address as Object>::read(&message(<Address as Object>::NEW, &payload));
        let mut address = found.map_err(|wrong| wrong.to_string())?.ok_or("the bytes are of no address")?;
        let flags = json.get("flags").and_then(Json::as_u64).and_then(|flags| u32::try_from(flags).ok());
        address.flags = netwright_route::address::AddressFlags::from_bits_retain(flags.unwrap_or(0));
        Ok(address)
    }
}

/// What of a link can be set again.
impl Encode for Link {
    fn encode(&self) -> Json {
        let header = LinkHeader {
            index: self.index,
            hardware_type: self.hardware_type.0,
            flags: self.flags,
            ..LinkHeader::default()
        };
        let names = self.alternative_names.iter().cloned().map(AlternativeName).collect();
        let info = LinkInfo { kind: self.kind.clone(), port: self.port.clone(), ..LinkInfo::default() };
        let attrs =
            LinkAttrs::default().name(self.name.clone()).alternative_names(names).info(info).with(|attrs| {
                attrs.address = self.address;
                attrs.broadcast = self.broadcast;
                attrs.mtu = self.mtu;
                attrs.master = self.master;
                attrs.parent = self.parent;
                attrs.parent_namespace_id = self.parent_namespace_id;
                attrs.group = self.group;
                attrs.transmit_queue_length = self.transmit_queue_length;
                attrs.alias = self.alias.clone().map(PlainText);
                attrs.transmit_queues = self.rest.transmit_queues;
                attrs.receive_queues = self.rest.receive_queues;
            });
        let mut writer = Writer::new();
        header.write::<Native>(&mut writer);
        attrs.write_attributes(&mut writer);
        bytes(writer.bytes())
    }

    fn decode(json: &Json) -> Result<Self, String> {
        let payload = read_bytes(json)?;
        let view = LinkView::read(&message(kind::NEW_LINK, &payload)).map_err(|wrong| wrong.to_string())?;
        view.ok_or("the bytes are of no link")?.own().map_err(|wrong| wrong.to_string())
    }
}

/// A list of objects.
pub(crate) fn list<T: Encode>(objects: &[T]) -> Json {
    objects.iter().map(Encode::encode).collect()
}

/// The same again; nothing where there is no list.
pub(crate) fn read_list<T: Encode>(json: Option<&Json>) -> Result<Vec<T>, String> {
    match json {
        None => Ok(Vec::new()),
        Some(list) => list.as_array().ok_or("a list is missing")?.iter().map(T::decode).collect(),
    }
}

/// A text of an object.
pub(crate) fn text(json: &Json, key: &str) -> Result<String, String> {
    json.get(key).and_then(Json::as_str).map(str::to_owned).ok_or_else(|| format!("`{key}` is missing"))
}

/// A number of an object.
pub(crate) fn number(json: &Json, key: &str) -> Result<u32, String> {
    let number = json.get(key).and_then(Json::as_u64).and_then(|number| u32::try_from(number).ok());
    number.ok_or_else(|| format!("`{key}` is missing"))
}

/// The texts of a list.
pub(crate) fn texts(json: Option<&Json>) -> Vec<String> {
    let list = json.and_then(Json::as_array);
    list.into_iter().flatten().filter_map(Json::as_str).map(str::to_owned).collect()
}

/// A link by its index and name.
pub(crate) fn link_id(id: LinkId) -> Json {
    json!({ "index": id.index, "name": id.name() })
}

/// The same again.
pub(crate) fn read_link_id(json: &Json) -> Result<LinkId, String> {
    let index = number(json, "index")?;
    Ok(match json.get("name").and_then(Json::as_str) {
        Some(name) => LinkId::named(index, name),
        None => LinkId::new(index),
    })
}

#[cfg(test)]
mod tests;
