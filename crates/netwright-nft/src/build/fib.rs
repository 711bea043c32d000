//! Look-ups in the routing table, as `fib` of the language: by the source address of a packet or by its destination.
//!
//! ```
//! use netwright_nft::build::{AddressType, Chain, Family, Rule, Table, fib};
//!
//! let prerouting = Chain::new(&Table::new(Family::INET, "filter"), "prerouting");
//! // What came by an interface that no answer would leave by.
//! let strict = Rule::in_chain(&prerouting).missing(fib::saddr().by_iif().check()).drop();
//! // What is not for this host.
//! let other = Rule::in_chain(&prerouting).ne(fib::daddr().address_type(), AddressType::LOCAL).drop();
//! # let _ = (strict, other);
//! ```

use super::existence::Existence;
use super::field::{Place, Typed};
use super::value::{AddressType, Interface, InterfaceIndex};
use crate::table::key::FIB_FLAGS;

/// What is looked up.
#[derive(Clone, Copy, Debug)]
pub struct Lookup {
    flags: u32,
}

/// Looks up the source address.
#[must_use]
pub fn saddr() -> Lookup {
    Lookup { flags: 0 }.with("saddr")
}

/// Looks up the destination address.
#[must_use]
pub fn daddr() -> Lookup {
    Lookup { flags: 0 }.with("daddr")
}

impl Lookup {
    fn with(self, name: &str) -> Self {
        let bit = FIB_FLAGS.iter().find(|flag| flag.name == name).map_or(0, |flag| flag.bit);
        Lookup { flags: self.flags | bit }
    }

    /// With the mark of the packet.
    #[must_use]
    pub fn by_mark(self) -> Self {
        self.with("mark")
    }

    /// As if it went by the interface that the packet came by.
    #[must_use]
    pub fn by_iif(self) -> Self {
        self.with("iif")
    }

    /// As if it went by the interface that the packet leaves by.
    #[must_use]
    pub fn by_oif(self) -> Self {
        self.with("oif")
    }

    /// The interface of the route, by number.
    #[must_use]
    pub fn oif(self) -> Typed<InterfaceIndex> {
        Typed::new(Place::Fib(self.flags, "oif"))
    }

    /// The interface of the route, by name.
    #[must_use]
    pub fn oifname(self) -> Typed<Interface> {
        Typed::new(Place::Fib(self.flags, "oifname"))
    }

    /// What the address is to this host.
    #[must_use]
    pub fn address_type(self) -> Typed<AddressType> {
        Typed::new(Place::Fib(self.flags, "type"))
    }

    /// Whether there is a route.
    #[must_use]
    pub fn check(self) -> Existence {
        Existence::route(self.flags)
    }
}
