//! Numbers that count up, are random or are hashes of what a packet has: for maps that spread load.
//!
//! ```
//! use netwright_nft::build::{Chain, Family, Rule, Table, ip, jhash, look_up, numgen};
//! use std::net::Ipv4Addr;
//!
//! let prerouting = Chain::new(&Table::new(Family::IPV4, "nat"), "prerouting");
//! let servers = [(0, Ipv4Addr::new(10, 0, 0, 1)), (1, Ipv4Addr::new(10, 0, 0, 2))];
//! let in_turn = Rule::in_chain(&prerouting).dnat(look_up(numgen::inc(0..2), servers));
//! let by_source = Rule::in_chain(&prerouting).dnat(look_up(jhash(ip::SADDR, 0..2), servers));
//! # let _ = (in_turn, by_source);
//! ```

use std::ops::Range;

use super::Invalid;
use super::field::{Place, Typed};
use super::key::Fields;
use super::statement::{Computed, Operand};
use super::value::Mark;
use crate::ir::{Expression, Hash, Numgen, Selector, TypePart};

/// Numbers that are made for each packet.
pub mod numgen {
    use super::*;

    /// The next number of the range for each packet, and the first after the last.
    #[must_use]
    pub fn inc(range: Range<u32>) -> Typed<u32> {
        number(false, range)
    }

    /// Any number of the range.
    #[must_use]
    pub fn random(range: Range<u32>) -> Typed<u32> {
        number(true, range)
    }

    fn number(random: bool, range: Range<u32>) -> Typed<u32> {
        let (modulus, offset) = parts(range);
        Typed::new(Place::Numgen(Numgen { random, modulus, offset }))
    }
}

/// How many numbers, and the first of them. An empty range is told where it is used.
fn parts(range: Range<u32>) -> (u32, u32) {
    (range.end.saturating_sub(range.start), range.start)
}

/// A number of the range that is the same for both directions of a connection.
#[must_use]
pub fn symhash(range: Range<u32>) -> Typed<u32> {
    let (modulus, offset) = parts(range);
    Typed::new(Place::Symhash { modulus, offset })
}

/// A number of the range that is the same for all packets whose fields are the same. The kernel chooses the seed.
pub fn jhash<F: Fields>(fields: F, range: Range<u32>) -> Hashed<F> {
    let (modulus, offset) = parts(range);
    Hashed { fields, modulus, offset, seed: None }
}

/// The hash of fields; see [`jhash`].
#[derive(Clone, Copy, Debug)]
pub struct Hashed<F> {
    fields: F,
    modulus: u32,
    offset: u32,
    seed: Option<u32>,
}

impl<F> Hashed<F> {
    /// With this seed: the same numbers on every host.
    #[must_use]
    pub fn seed(self, seed: u32) -> Self {
        Hashed { seed: Some(seed), ..self }
    }
}

impl<F: Fields> Fields for Hashed<F> {
    type Value = u32;

    fn expression(&self) -> Result<Expression, Invalid> {
        if self.modulus == 0 {
            return Err(Invalid::new("the range of numbers is empty"));
        }
        let of = Some(Box::new(self.fields.expression()?));
        let hash = Hash { of, modulus: self.modulus, seed: self.seed, offset: self.offset };
        Ok(Expression::Selector(Selector::Hash(hash)))
    }

    fn parts(&self) -> Result<Vec<TypePart>, Invalid> {
        symhash(0..1).part().map(|part| vec![part])
    }
}

impl<F: Fields> Operand<u32> for Hashed<F> {
    fn operand(self, _: &TypePart) -> Result<Computed, Invalid> {
        Ok(Computed { expression: self.expression()?, sets: Vec::new() })
    }
}

impl<F: Fields> Operand<Mark> for Hashed<F> {
    fn operand(self, _: &TypePart) -> Result<Computed, Invalid> {
        Ok(Computed { expression: self.expression()?, sets: Vec::new() })
    }
}

/// A number as a mark.
impl Operand<Mark> for Typed<u32> {
    fn operand(self, _: &TypePart) -> Result<Computed, Invalid> {
        Ok(Computed { expression: self.selector().map(Expression::Selector)?, sets: Vec::new() })
    }
}
