//! Constants to bytes as registers and elements hold them.

use netwright_netfilter::DataValue;

use super::{Error, Result};
use crate::ir::{TypePart, Value};
use crate::table::ByteOrder;

/// How the bytes of a constant lie in the kernel.
#[derive(Clone, Copy, Debug)]
pub(super) struct Form {
    /// How many bytes.
    pub(super) bytes: usize,
    /// How many bits to the left of where the value itself ends: for fields that are compared in their place.
    pub(super) shift: u32,
    /// Least significant byte first.
    pub(super) little: bool,
}

impl Form {
    /// The form of a type in a register. `ordered` is most significant first whatever the type, as ranges need it.
    pub(super) fn of(part: &TypePart, ordered: bool) -> Form {
        Form { bytes: part.bytes().max(1), shift: 0, little: part.is_host_number() && !ordered && LITTLE }
    }
}

const LITTLE: bool = cfg!(target_endian = "little");

/// The bytes of a value. Strings are filled up with zeros.
pub(super) fn bytes(value: &Value, form: Form) -> Result<DataValue> {
    let mut buffer = [0u8; DataValue::MAXIMUM];
    let place =
        buffer.get_mut(..form.bytes).ok_or_else(|| Error::new("a value is too long for a register"))?;
    if value.data_type.is_string() {
        let length = value.bytes.len().min(place.len());
        place[..length].copy_from_slice(&value.bytes[..length]);
    } else {
        put_number(&value.bytes, form, place);
    }
    DataValue::new(place).map_err(|error| Error::new(error.to_string()))
}

/// The bytes of a number, most significant first, where the form puts them.
pub(super) fn placed(number: &[u8], form: Form) -> Result<DataValue> {
    let mut place = vec![0; form.bytes];
    put_number(number, form, &mut place);
    DataValue::new(&place).map_err(|error| Error::new(error.to_string()))
}

fn put_number(number: &[u8], form: Form, place: &mut [u8]) {
    let length = number.len().min(place.len());
    let start = place.len() - length;
    place[start..].copy_from_slice(&number[number.len() - length..]);
    shift_left(place, form.shift);
    if form.little {
        place.reverse();
    }
}

/// Shifts a number whose most significant byte comes first.
pub(super) fn shift_left(bytes: &mut [u8], shift: u32) {
    for _ in 0..shift {
        let mut carry = 0;
        for byte in bytes.iter_mut().rev() {
            let next = *byte >> 7;
            *byte = *byte << 1 | carry;
            carry = next;
        }
    }
}

/// A mask of ones in the bits of a value that is `bits` wide.
pub(super) fn ones(bits: u32, form: Form) -> Result<DataValue> {
    let mut place = vec![0u8; form.bytes];
    for bit in 0..bits as usize {
        if let Some(byte) = place.iter_mut().rev().nth(bit / 8) {
            *byte |= 1 << (bit % 8);
        }
    }
    shift_left(&mut place, form.shift);
    if form.little {
        place.reverse();
    }
    DataValue::new(&place).map_err(|error| Error::new(error.to_string()))
}

/// A mask of ones in the first bits of a value.
pub(super) fn prefix_mask(length: u32, bits: u32, form: Form) -> Result<DataValue> {
    let mut place = vec![0u8; form.bytes];
    let first = form.bytes as u32 * 8 - bits.min(form.bytes as u32 * 8);
    for bit in first..first + length.min(bits) {
        if let Some(byte) = place.get_mut(bit as usize / 8) {
            *byte |= 0x80 >> (bit % 8);
        }
    }
    shift_left(&mut place, form.shift);
    if form.little {
        place.reverse();
    }
    DataValue::new(&place).map_err(|error| Error::new(error.to_string()))
}

/// Whether a byte order asks for swapping when a number goes from one to the other.
pub(super) fn differs(from: &TypePart, to: &TypePart) -> bool {
    let host = |part: &TypePart| part.order == ByteOrder::Host;
    // One byte of the machine's has no order.
    let wide = to.bytes() > 1 || !host(to);
    from.bytes() > 1
        && wide
        && LITTLE
        && from.order != ByteOrder::None
        && to.order != ByteOrder::None
        && host(from) != host(to)
}
