//! What is known of registers: how long the values in them are, and in which order their bytes lie.

use super::load::loaded;
use crate::expression::*;
use crate::{Expression, Register};

/// One part of what lies in registers, or in the key or data of a set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// Bytes, before they are filled up to a multiple of four.
    pub length: usize,
    /// Whether it is a number in the machine's byte order.
    pub host: bool,
}

impl Part {
    /// How many 4-byte cells it covers.
    pub(super) fn cells(self) -> usize {
        self.length.div_ceil(4).max(1)
    }
}

/// What lies in the sixteen 4-byte cells that all registers share: a part stands at the cell where it starts.
#[derive(Clone, Debug, Default)]
pub(super) struct Registers {
    cells: [Option<Part>; 16],
}

impl Registers {
    /// What starts at a register.
    pub(super) fn at(&self, register: Option<Register>) -> Option<Part> {
        *self.cells.get(register?.cell()?)?
    }

    /// The parts of `length` bytes from a register on. What is not known is one part in the order in which it lies.
    pub(super) fn parts(&self, register: Register, length: usize) -> Vec<Part> {
        let mut cell = register.cell().unwrap_or_default();
        let mut rest = length;
        let mut parts = Vec::new();
        while rest > 0 {
            let known = self.cells.get(cell).copied().flatten().filter(|part| part.length > 0);
            let part = known.map_or(Part { length: rest, host: false }, |part| Part {
                length: part.length.min(rest),
                ..part
            });
            parts.push(part);
            cell += part.cells();
            rest = rest.saturating_sub(part.cells() * 4);
        }
        parts
    }

    fn put(&mut self, register: Option<Register>, part: Option<Part>) {
        let Some(start) = register.and_then(Register::cell) else { return };
        let cells = part.map_or(1, Part::cells);
        for cell in self.cells.iter_mut().skip(start).take(cells) {
            *cell = None;
        }
        if let Some(cell) = self.cells.get_mut(start) {
            *cell = part;
        }
    }

    /// What `bitwise` makes of what it works on. A short value that is widened is a number: of the machine's if it is used as
    /// one.
    pub(super) fn bitwise(&self, attrs: &BitwiseAttrs, following: &[Expression]) -> Option<Part> {
        let part = self.at(attrs.source)?;
        let length = attrs.length.map_or(part.length, |length| length as usize);
        let widened = length > part.length
            && attrs.destination.is_some_and(|register| used_as_host(following, register));
        Some(Part { length, host: part.host || widened })
    }

    /// Carries out what an expression does to the registers.
    pub(super) fn run(&mut self, expression: &Expression, following: &[Expression]) {
        match expression {
            Expression::Bitwise(attrs) => self.put(attrs.destination, self.bitwise(attrs, following)),
            Expression::ByteOrder(ByteOrderAttrs { source, destination, op, length, .. }) => {
                let length =
                    length.map(|length| length as usize).or(self.at(*source).map(|part| part.length));
                let host = *op == Some(ByteOrderOp::NETWORK_TO_HOST);
                self.put(*destination, length.map(|length| Part { length, host }));
            }
            Expression::Immediate(ImmediateAttrs { destination, data, .. }) => {
                let length = super::bytes_of(data.as_ref()).len();
                self.put(*destination, Some(Part { length, host: false }));
            }
            Expression::Lookup(LookupAttrs { destination, .. }) => self.put(*destination, None),
            Expression::Inner(InnerAttrs { expression: Some(inner), .. }) => {
                if let Some((register, part)) = loaded(inner) {
                    self.put(Some(register), Some(part));
                }
            }
            _ => {
                if let Some((register, part)) = loaded(expression) {
                    self.put(Some(register), Some(part));
                }
            }
        }
    }
}

/// Whether what is put into a register is a number in the machine's byte order, by what uses it first.
pub(super) fn used_as_host(following: &[Expression], mut register: Register) -> bool {
    let is = |source: Option<Register>, register: Register| source == Some(register);
    for expression in following {
        match expression {
            Expression::Meta(attrs) if is(attrs.source, register) => {
                return attrs.key.is_some_and(|key| super::load::meta(key).host);
            }
            Expression::Ct(attrs) if is(attrs.source, register) => {
                return attrs.key.is_some_and(|key| super::load::ct(key).host);
            }
            Expression::Duplicate(attrs) if is(attrs.device, register) => return true,
            Expression::Forward(attrs) if is(attrs.device, register) => return true,
            Expression::Queue(attrs) if is(attrs.source, register) => return true,
            Expression::ByteOrder(attrs) if is(attrs.source, register) => {
                return attrs.op == Some(ByteOrderOp::HOST_TO_NETWORK);
            }
            Expression::Bitwise(attrs) if is(attrs.source, register) || is(attrs.source2, register) => {
                match attrs.destination {
                    Some(destination) => register = destination,
                    None => return false,
                }
            }
            Expression::Lookup(attrs) if is(attrs.source, register) || is(attrs.destination, register) => {
                return false;
            }
            // Whatever used it until here knows nothing of the machine's order.
            Expression::Immediate(attrs) if is(attrs.destination, register) => return false,
            _ if loaded(expression).is_some_and(|(destination, _)| destination == register) => return false,
            _ => {}
        }
    }
    false
}

/// The parts of a map's data by what uses the registers that they go into.
pub(super) fn parts_used(following: &[Expression], register: Register, length: usize) -> Vec<Part> {
    let whole = vec![Part { length, host: used_as_host(following, register) }];
    let Some(first) = register.cell() else { return whole };
    let nat = following.iter().find_map(|expression| match expression {
        Expression::Nat(attrs) => Some(attrs),
        _ => None,
    });
    let Some(nat) = nat else { return whole };
    let addresses = [nat.address_minimum, nat.address_maximum].map(|register| (register, None));
    let ports = [nat.port_minimum, nat.port_maximum].map(|register| (register, Some(2)));
    let mut starts: Vec<(usize, Option<usize>)> = addresses
        .into_iter()
        .chain(ports)
        .filter_map(|(register, length)| Some((register?.cell()?, length)))
        .filter(|(cell, _)| (first..first + length.div_ceil(4)).contains(cell))
        .collect();
    starts.sort_unstable();
    if starts.first().is_none_or(|(cell, _)| *cell != first) {
        return whole;
    }
    let ends = starts.iter().skip(1).map(|(cell, _)| (cell - first) * 4).chain([length]);
    let part = |((cell, own), end): (&(usize, Option<usize>), usize)| {
        let room = end.saturating_sub((cell - first) * 4);
        Part { length: own.map_or(room, |own| room.min(own)), host: false }
    };
    starts.iter().zip(ends).map(part).filter(|part| part.length > 0).collect()
}
