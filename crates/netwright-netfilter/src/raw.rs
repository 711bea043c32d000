//! Short constructors for expressions, for rules written instruction by instruction.
//!
//! ```
//! use netwright_netfilter::raw::*;
//! let drop_one = [payload(Base::NETWORK, 12, 4).into(R1), cmp(R1, EQ, [192, 168, 1, 53]), verdict(Verdict::DROP)];
//! assert_eq!(drop_one[0].name(), "payload");
//! ```

pub use crate::expression::PayloadBase as Base;
pub use crate::expression::{CtKey, FibFlags, FibResult, MetaKey, RouteKey, SocketKey};
pub use crate::{Expression, Register, Verdict};

use crate::expression::*;
use crate::{Data, DataValue, VerdictAttrs};

pub use registers::{EQ, GT, GTE, LT, LTE, NEQ, R1, R2, R3, R4};

/// The registers and comparisons by short names.
mod registers {
    use crate::Register;
    use crate::expression::CompareOp;

    /// The first 16-byte register.
    pub const R1: Register = Register::R1;
    /// The second 16-byte register.
    pub const R2: Register = Register::R2;
    /// The third 16-byte register.
    pub const R3: Register = Register::R3;
    /// The fourth 16-byte register.
    pub const R4: Register = Register::R4;
    /// Equal.
    pub const EQ: CompareOp = CompareOp::EQ;
    /// Not equal.
    pub const NEQ: CompareOp = CompareOp::NEQ;
    /// Less than.
    pub const LT: CompareOp = CompareOp::LT;
    /// At most.
    pub const LTE: CompareOp = CompareOp::LTE;
    /// Greater than.
    pub const GT: CompareOp = CompareOp::GT;
    /// At least.
    pub const GTE: CompareOp = CompareOp::GTE;
}

/// An expression that still lacks its register.
#[derive(Clone, Debug)]
#[must_use = "an expression without a register does nothing"]
pub struct Load<T>(T);

macro_rules! loads {
    ($($attrs:ident),*) => {$(
        impl Load<$attrs> {
            /// Loads into a register.
            pub fn into(self, register: Register) -> Expression {
                $attrs { destination: Some(register), ..self.0 }.into()
            }
        }
    )*};
}

loads!(
    PayloadAttrs,
    MetaAttrs,
    CtAttrs,
    RouteAttrs,
    SocketAttrs,
    FibAttrs,
    ImmediateAttrs,
    NumberGeneratorAttrs,
    HashAttrs
);

macro_rules! sets {
    ($($attrs:ident),*) => {$(
        impl Load<$attrs> {
            /// Changes it to what a register has.
            pub fn from(self, register: Register) -> Expression {
                $attrs { source: Some(register), ..self.0 }.into()
            }
        }
    )*};
}

sets!(PayloadAttrs, MetaAttrs, CtAttrs);

/// So many bytes of the packet, from an offset in bytes behind the base.
pub fn payload(base: Base, offset: u32, length: u32) -> Load<PayloadAttrs> {
    Load(PayloadAttrs { base: Some(base), offset: Some(offset), length: Some(length), ..Default::default() })
}

/// What the kernel knows about the packet.
pub fn meta(key: MetaKey) -> Load<MetaAttrs> {
    Load(MetaAttrs { key: Some(key), ..Default::default() })
}

/// What connection tracking knows about the packet.
pub fn ct(key: CtKey) -> Load<CtAttrs> {
    Load(CtAttrs { key: Some(key), ..Default::default() })
}

/// What routing decided.
pub fn rt(key: RouteKey) -> Load<RouteAttrs> {
    Load(RouteAttrs { key: Some(key), ..Default::default() })
}

/// What is known of the packet's socket.
pub fn socket(key: SocketKey) -> Load<SocketAttrs> {
    Load(SocketAttrs { key: Some(key), ..Default::default() })
}

/// What the routing table says.
pub fn fib(flags: FibFlags, result: FibResult) -> Load<FibAttrs> {
    Load(FibAttrs { flags: Some(flags), result: Some(result), ..Default::default() })
}

/// A running or random number below the modulus.
pub fn numgen(kind: NumberGeneratorKind, modulus: u32) -> Load<NumberGeneratorAttrs> {
    let (kind, modulus) = (Some(kind), Some(modulus));
    Load(NumberGeneratorAttrs { kind, modulus, offset: Some(0), ..Default::default() })
}

/// The hash of so many bytes of a register, below the modulus.
pub fn jhash(source: Register, length: u32, modulus: u32) -> Load<HashAttrs> {
    Load(HashAttrs {
        source: Some(source),
        length: Some(length),
        modulus: Some(modulus),
        kind: Some(HashKind::JENKINS),
        ..Default::default()
    })
}

/// Bytes.
pub fn immediate(value: impl Into<DataValue>) -> Load<ImmediateAttrs> {
    Load(ImmediateAttrs { data: Some(Data::Value(value.into())), ..Default::default() })
}

/// A verdict that leads into no chain.
#[must_use]
pub fn verdict(code: Verdict) -> Expression {
    verdict_expression(VerdictAttrs::new(code))
}

/// Into another chain, and back at its end.
#[must_use]
pub fn jump(chain: impl Into<String>) -> Expression {
    verdict_expression(VerdictAttrs::into_chain(Verdict::JUMP, chain))
}

/// Into another chain.
#[must_use]
pub fn goto(chain: impl Into<String>) -> Expression {
    verdict_expression(VerdictAttrs::into_chain(Verdict::GOTO, chain))
}

fn verdict_expression(verdict: VerdictAttrs) -> Expression {
    let (destination, data) = (Some(Register::VERDICT), Some(verdict.into()));
    ImmediateAttrs { destination, data, ..Default::default() }.into()
}

/// Goes on if the register compares so.
#[must_use]
pub fn cmp(source: Register, op: CompareOp, value: impl Into<DataValue>) -> Expression {
    let data = Some(Data::Value(value.into()));
    CompareAttrs { source: Some(source), op: Some(op), data, ..Default::default() }.into()
}

/// Goes on if the register lies between two values or is one of them.
#[must_use]
pub fn range(
    source: Register,
    op: RangeOp,
    from: impl Into<DataValue>,
    to: impl Into<DataValue>,
) -> Expression {
    let (from, to) = (Some(Data::Value(from.into())), Some(Data::Value(to.into())));
    RangeAttrs { source: Some(source), op: Some(op), from, to, ..Default::default() }.into()
}

/// And with the mask, then exclusive or; mask and xor are equally long.
#[must_use]
pub fn bitwise(
    destination: Register,
    source: Register,
    mask: impl Into<DataValue>,
    xor: impl Into<DataValue>,
) -> Expression {
    let (mask, xor) = (mask.into(), xor.into());
    BitwiseAttrs {
        source: Some(source),
        destination: Some(destination),
        op: Some(BitwiseOp::MASK_XOR),
        length: Some(mask.len() as u32),
        mask: Some(Data::Value(mask)),
        xor: Some(Data::Value(xor)),
        ..Default::default()
    }
    .into()
}

/// Goes on if the set has what the register has.
#[must_use]
pub fn lookup(source: Register, set: impl Into<String>) -> Expression {
    LookupAttrs { source: Some(source), set: Some(set.into()), ..Default::default() }.into()
}

/// Puts what the map says about a register into another, or into [`Register::VERDICT`].
#[must_use]
pub fn map(source: Register, map: impl Into<String>, destination: Register) -> Expression {
    let (set, destination) = (Some(map.into()), Some(destination));
    LookupAttrs { source: Some(source), set, destination, ..Default::default() }.into()
}

/// Counts packets and bytes from zero.
#[must_use]
pub fn counter() -> Expression {
    CounterAttrs::default().into()
}

/// Goes on while there are at most so many packets in so many seconds, and a burst besides.
#[must_use]
pub fn limit(packets: u64, seconds: u64, burst: u32) -> Expression {
    LimitAttrs {
        rate: Some(packets),
        unit: Some(seconds),
        burst: Some(burst),
        kind: Some(LimitKind::PACKETS),
        flags: Some(LimitFlags::empty()),
        ..Default::default()
    }
    .into()
}

/// Logs to the kernel's log.
#[must_use]
pub fn log(prefix: impl Into<String>) -> Expression {
    LogAttrs { prefix: Some(prefix.into()), ..Default::default() }.into()
}

/// Leaves the packet without connection tracking.
#[must_use]
pub fn notrack() -> Expression {
    NoTrackAttrs::default().into()
}

/// Translates the source to the address of the device.
#[must_use]
pub fn masquerade() -> Expression {
    MasqueradeAttrs::default().into()
}
