use netwright_route::prefix::Prefix;
use serde_json::{Value as Json, json};

use super::{Family, Scope};
use crate::scalar::Between;
use crate::schema::Definitions;
use crate::section::{Decode, Reader, decode_section, section};
use crate::tree::{Node, Value};

section! {
    /// An address of a link.
    pub struct Address as "an address" {
        /// The address with the length of its network's prefix.
        required "address" => address: Prefix = Prefix::ALL_IPV4,
        /// The other end of a point-to-point link.
        optional "peer" => peer: Prefix,
        /// The label that old tools show for an IPv4 address: the link's name, a colon and a word.
        optional "label" => label: String,
        /// How far the address is valid; worked out from the address when not set.
        optional "scope" => scope: Scope,
        /// Seconds until the address is deprecated; as long as it is valid when not set.
        optional "preferred-lifetime" => preferred_lifetime: u32,
        /// Seconds until the address is removed; for ever when not set.
        optional "valid-lifetime" => valid_lifetime: u32 as Between<1, { u32::MAX }>,
        /// Whether the kernel makes the route to the address's network.
        defaulted "prefix-route" => prefix_route: bool = true,
        /// The metric of the route to the address's network.
        optional "metric" => metric: u32,
        /// Whether the address is taken over where somebody else gave it to the link with other properties.
        defaulted "adopt" => adopt: bool,
    }
}

impl Address {
    /// The family of the address.
    #[must_use]
    pub fn family(&self) -> Family {
        Family::of(self.address.address)
    }

    /// The network that is reached through the link because of this address.
    #[must_use]
    pub fn network(&self) -> Prefix {
        self.peer.unwrap_or(self.address).network()
    }
}

impl From<Prefix> for Address {
    fn from(address: Prefix) -> Self {
        Address { address, ..Address::default() }
    }
}

/// A string is an address with nothing else to say about it.
impl Decode for Address {
    type Value = Address;

    fn decode(node: &Node, reader: &mut Reader) -> Option<Address> {
        match &node.value {
            Value::Table(_) => decode_section(node, reader),
            Value::String(_) => {
                let mut address = Address::from(Prefix::decode(node, reader)?);
                address.place.span = node.span;
                address.place.record("address", node.span, Vec::new());
                reader.bare_address(node, address.address);
                Some(address)
            }
            _ => reader.expected(node, "a string such as \"192.0.2.1/24\""),
        }
    }

    fn schema(definitions: &mut Definitions) -> Json {
        json!({ "anyOf": [Prefix::schema(definitions), crate::schema::section::<Address>(definitions)] })
    }
}
