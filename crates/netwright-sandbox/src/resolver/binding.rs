//! Service bindings: the data of SVCB and HTTPS records (RFC 9460).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::message::Reader;
use super::name::Name;

#[cfg(test)]
mod tests;

/// Keys that a reader must know to use the record.
const MANDATORY: u16 = 0;
/// IPv4 addresses.
const IPV4_HINT: u16 = 4;
/// IPv6 addresses.
const IPV6_HINT: u16 = 6;

/// A service binding, its parameters in the order of their keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Binding {
    priority: u16,
    /// The root stands for the record's owner.
    pub(super) target: Name,
    parameters: Vec<(u16, Vec<u8>)>,
}

impl Binding {
    /// `None` where the data is malformed.
    pub(super) fn read(data: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(data);
        let (priority, target) = (reader.word()?, reader.name()?);
        let mut parameters: Vec<(u16, Vec<u8>)> = Vec::new();
        while !reader.is_at_end() {
            let (key, length) = (reader.word()?, reader.word()?);
            if parameters.last().is_some_and(|(before, _)| *before >= key) {
                return None;
            }
            parameters.push((key, reader.bytes(usize::from(length))?.to_vec()));
        }
        Some(Self { priority, target, parameters })
    }

    /// Its data on the wire.
    pub(super) fn data(&self) -> Vec<u8> {
        let mut data = self.priority.to_be_bytes().to_vec();
        data.extend_from_slice(self.target.wire());
        for (key, value) in &self.parameters {
            data.extend_from_slice(&key.to_be_bytes());
            // Read from as many bytes or fewer.
            data.extend_from_slice(&(value.len() as u16).to_be_bytes());
            data.extend_from_slice(value);
        }
        data
    }

    /// Keeps those address hints that may be kept. `None` where nothing is left of a hint that readers must use.
    pub(super) fn with_hints(mut self, mut may_keep: impl FnMut(IpAddr) -> bool) -> Option<Self> {
        let mut mandatory = Vec::new();
        for (key, value) in &mut self.parameters {
            match *key {
                MANDATORY => {
                    mandatory = value.as_chunks::<2>().0.iter().map(|&key| u16::from_be_bytes(key)).collect();
                }
                IPV4_HINT => *value = kept(value, |bytes: [u8; 4]| may_keep(Ipv4Addr::from(bytes).into())),
                IPV6_HINT => *value = kept(value, |bytes: [u8; 16]| may_keep(Ipv6Addr::from(bytes).into())),
                _ => {}
            }
        }
        let is_gone =
            |&(key, ref value): &(u16, Vec<u8>)| matches!(key, IPV4_HINT | IPV6_HINT) && value.is_empty();
        if self.parameters.iter().any(|parameter| is_gone(parameter) && mandatory.contains(&parameter.0)) {
            return None;
        }
        self.parameters.retain(|parameter| !is_gone(parameter));
        Some(self)
    }
}

/// The values among these bytes that pass; an incomplete one at the end does not.
fn kept<const LENGTH: usize>(bytes: &[u8], mut may_keep: impl FnMut([u8; LENGTH]) -> bool) -> Vec<u8> {
    bytes.as_chunks::<LENGTH>().0.iter().filter(|&&value| may_keep(value)).flatten().copied().collect()
}
