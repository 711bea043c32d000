//! What rules do beside comparing and deciding.

use std::marker::PhantomData;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::ops::RangeInclusive;

use netwright_netfilter::Family;
use netwright_netfilter::expression::NatFlags;

use super::key::{Data, Fields, Mapping, Member};
use super::value::{Port, Scalar};
use super::{Chain, Invalid, Typed};
use crate::ir::{self, ChainTarget, Expression, Limit, LimitRate, Log, Quota, TypePart, Verdict};
use crate::table::DataType;
use crate::table::unit::DEFAULT_PACKET_BURST;

impl Verdict {
    /// Into another chain, and back at its end.
    #[must_use]
    pub fn jump(chain: &Chain) -> Self {
        Verdict::Jump(ChainTarget::Named(chain.name().to_owned()))
    }

    /// Into another chain, and not back.
    #[must_use]
    pub fn goto(chain: &Chain) -> Self {
        Verdict::Goto(ChainTarget::Named(chain.name().to_owned()))
    }
}

impl Limit {
    fn new(rate: LimitRate, seconds: u64, burst: u32) -> Self {
        Limit { rate, seconds, burst, over: false }
    }

    /// So many packets per second, with a burst of five.
    #[must_use]
    pub fn per_second(packets: u64) -> Self {
        Limit::new(LimitRate::Packets(packets), 1, DEFAULT_PACKET_BURST)
    }

    /// So many packets per minute, with a burst of five.
    #[must_use]
    pub fn per_minute(packets: u64) -> Self {
        Limit { seconds: 60, ..Limit::per_second(packets) }
    }

    /// So many packets per hour, with a burst of five.
    #[must_use]
    pub fn per_hour(packets: u64) -> Self {
        Limit { seconds: 3600, ..Limit::per_second(packets) }
    }

    /// So many bytes per second.
    #[must_use]
    pub fn bytes_per_second(bytes: u64) -> Self {
        Limit::new(LimitRate::Bytes(bytes), 1, 0)
    }

    /// So much at once, in packets or bytes as the rate is.
    #[must_use]
    pub fn burst(self, burst: u32) -> Self {
        Limit { burst, ..self }
    }

    /// It matches what is above the rate.
    #[must_use]
    pub fn over(self) -> Self {
        Limit { over: true, ..self }
    }
}

impl Quota {
    /// It matches until so many bytes have passed.
    #[must_use]
    pub fn until(bytes: u64) -> Self {
        Quota { bytes, used: 0, over: false }
    }

    /// It matches from so many bytes on.
    #[must_use]
    pub fn over(bytes: u64) -> Self {
        Quota { over: true, ..Quota::until(bytes) }
    }
}

impl From<&str> for Log {
    fn from(prefix: &str) -> Self {
        Log { prefix: Some(prefix.to_owned()), ..Log::default() }
    }
}

impl From<String> for Log {
    fn from(prefix: String) -> Self {
        Log { prefix: Some(prefix), ..Log::default() }
    }
}

/// What a map holds for fields of the packet; see [`look_up`].
#[derive(Clone, Debug)]
pub struct Mapped<V> {
    computed: Result<Computed, Invalid>,
    values: PhantomData<fn() -> V>,
}

/// An expression and the named sets that it looks into.
#[derive(Clone, Debug)]
pub struct Computed {
    /// What is computed.
    pub expression: Expression,
    /// The named sets.
    pub sets: Vec<ir::Set>,
}

impl Computed {
    pub(super) fn constant(value: ir::Value) -> Self {
        Computed { expression: Expression::Value(value), sets: Vec::new() }
    }
}

/// What a map holds for fields of the packet: `ip saddr map @marks`.
pub fn look_up<F: Fields, V: Data>(fields: F, map: impl Mapping<F::Value, V>) -> Mapped<V> {
    let computed = fields.parts().and_then(|parts| map.mapping(&parts)).and_then(|(map, set)| {
        let expression = Expression::Map(Box::new(fields.expression()?), map);
        Ok(Computed { expression, sets: set.into_iter().collect() })
    });
    Mapped { computed, values: PhantomData }
}

/// What a mark or field can be set to: a constant, what another field has, or what a map holds.
#[diagnostic::on_unimplemented(message = "`{Self}` is nothing that a field of type `{T}` can be set to")]
pub trait Operand<T> {
    /// What is computed, in a place of this type.
    ///
    /// # Errors
    /// A value does not fit.
    fn operand(self, part: &TypePart) -> Result<Computed, Invalid>;
}

impl<T: Scalar> Operand<T> for Typed<T> {
    fn operand(self, _: &TypePart) -> Result<Computed, Invalid> {
        Ok(Computed { expression: self.expression()?, sets: Vec::new() })
    }
}

impl<T> Operand<T> for Mapped<T> {
    fn operand(self, _: &TypePart) -> Result<Computed, Invalid> {
        self.computed
    }
}

/// To what an address is translated: an address, a range, an address with a port, or what a map holds.
#[derive(Clone, Debug)]
pub struct NatTarget {
    pub(super) family: Option<Family>,
    pub(super) address: Result<Option<Computed>, Invalid>,
    pub(super) port: Result<Option<Expression>, Invalid>,
    /// Whether a map gives ports beside addresses.
    pub(super) with_port: bool,
    pub(super) flags: NatFlags,
}

impl NatTarget {
    fn new(family: Option<Family>, address: Result<Computed, Invalid>) -> Self {
        let (address, port) = (address.map(Some), Ok(None));
        NatTarget { family, address, port, with_port: false, flags: NatFlags::empty() }
    }

    fn constant<T: Scalar>(family: Family, address: impl Member<T>) -> Self {
        let part = TypePart::of(T::KIND);
        let expression = address.member(std::slice::from_ref(&part));
        NatTarget::new(Some(family), expression.map(|expression| Computed { expression, sets: Vec::new() }))
    }

    /// With a port or a range of ports.
    #[must_use]
    pub fn port(mut self, port: impl Member<Port>) -> Self {
        self.port = port.member(&[TypePart::of(DataType::INET_SERVICE)]).map(Some);
        self
    }

    /// With flags that say how ports and addresses are chosen.
    #[must_use]
    pub fn flags(mut self, flags: NatFlags) -> Self {
        self.flags |= flags;
        self
    }
}

macro_rules! nat_targets {
    ($( $type:ty => |$value:pat_param| $made:expr; )*) => {$(
        impl From<$type> for NatTarget {
            fn from($value: $type) -> Self {
                $made
            }
        }
    )*};
}

nat_targets! {
    Ipv4Addr => |address| NatTarget::constant::<Ipv4Addr>(Family::IPV4, address);
    Ipv6Addr => |address| NatTarget::constant::<Ipv6Addr>(Family::IPV6, address);
    RangeInclusive<Ipv4Addr> => |range| NatTarget::constant::<Ipv4Addr>(Family::IPV4, range);
    RangeInclusive<Ipv6Addr> => |range| NatTarget::constant::<Ipv6Addr>(Family::IPV6, range);
    Mapped<Ipv4Addr> => |map| NatTarget::new(Some(Family::IPV4), map.computed);
    Mapped<Ipv6Addr> => |map| NatTarget::new(Some(Family::IPV6), map.computed);
    Mapped<(Ipv4Addr, Port)> => |map| {
        NatTarget { with_port: true, ..NatTarget::new(Some(Family::IPV4), map.computed) }
    };
    Mapped<(Ipv6Addr, Port)> => |map| {
        NatTarget { with_port: true, ..NatTarget::new(Some(Family::IPV6), map.computed) }
    };
    SocketAddrV4 => |target| NatTarget::from(*target.ip()).port(target.port());
    SocketAddrV6 => |target| NatTarget::from(*target.ip()).port(target.port());
    (Ipv4Addr, u16) => |(address, port)| NatTarget::from(address).port(port);
    (Ipv6Addr, u16) => |(address, port)| NatTarget::from(address).port(port);
}

impl From<IpAddr> for NatTarget {
    fn from(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => address.into(),
            IpAddr::V6(address) => address.into(),
        }
    }
}

impl From<SocketAddr> for NatTarget {
    fn from(target: SocketAddr) -> Self {
        NatTarget::from(target.ip()).port(target.port())
    }
}
