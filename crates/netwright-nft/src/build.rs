//! The typed builder: tables, chains, sets and rules as Rust values.
//!
//! Fields know the Rust type of their values, so a rule that compares an address with a port does not compile. What can be
//! wrong only at run time (a name of an interface that is too long) is told when it is added to a batch and committed.
//! What has no method here can be written as text, or raw.
//!
//! A [`Table`], [`Chain`], [`Set`] or [`Object`] is at once the order to make it and the name by which others refer to it.

mod batch;
mod bits;
mod existence;
pub mod fib;
mod field;
mod flowtable;
mod key;
mod number;
mod read;
mod rule;
mod set;
mod statement;
mod table;
mod value;
mod written;

use std::fmt;

pub use batch::{Addition, Placement, Removal};
pub use bits::Bits;
pub use existence::Existence;
pub use field::{
    Typed, ah, arp, comp, ct, dccp, dst, esp, ether, frag, gre, hbh, icmp, icmpv6, igmp, ip, ip_option, ip6,
    meta, mh, routing, rt, sctp, socket, srh, tcp, tcp_option, th, udp, udplite, vlan,
};
pub use flowtable::Flowtable;
#[allow(deprecated)] // for who knows it by its former name
#[doc(hidden)]
pub use key::Prefix;
pub use key::{Data, Fields, Key, Mapping, Member, Membership, PrefixOf, prefix};
pub use number::{Hashed, jhash, numgen, symhash};
pub use read::{FromData, FromKey, keys};
pub use rule::{RawRule, Rule};
pub use set::{Elements, Map, Set};
pub use statement::{Computed, Mapped, NatTarget, Operand, look_up};
pub use table::{Chain, Object, Priority, Table};
pub use value::{
    AddressType, ArpOperation, CgroupId, ClassId, Constant, CtState, CtStatus, DccpPacketType, Declared,
    Dscp, Ecn, EtherType, FlagSet, GroupId, IcmpCode, IcmpType, Icmpv6Code, Icmpv6Type, IgmpType, Interface,
    InterfaceGroup, InterfaceIndex, InterfaceType, Mac, Mark, MobilityType, MptcpSubtype, PacketType, Port,
    Protocol, Realm, Scalar, TcpFlags, UserId, Weekday,
};

pub use crate::ir::{Direction, Element, Limit, Log, Quota, Reject, SetPolicy, Synproxy, Verdict};
pub use netwright_netfilter::expression::NatFlags;
pub use netwright_netfilter::{ChainPolicy, Family, Hook};

use crate::ir;

/// Something that a batch can make.
pub trait Definition {
    /// What is left to refer to it by.
    type Handle;

    /// What it is in the terms of the language, and what refers to it from now on.
    fn define(self) -> (Result<Wanted, Invalid>, Self::Handle);

    /// How one that is there is named, to delete or flush it; `None` where it cannot be.
    fn selection(&self) -> Option<ir::Selection>;
}

/// A thing in the terms of the language, with the named sets that it refers to.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    /// The thing.
    pub target: ir::Target,
    /// The named sets, without their elements.
    pub sets: Vec<ir::Set>,
    /// The elements of a set, where they are many and plain; the set has none of its own then.
    pub packed: Option<ir::PackedElements>,
}

impl From<ir::Target> for Wanted {
    fn from(target: ir::Target) -> Self {
        Wanted { target, sets: Vec::new(), packed: None }
    }
}

/// Why something that was built has no meaning, as a sentence without a full stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid(pub String);

impl Invalid {
    fn new(message: impl Into<String>) -> Self {
        Invalid(message.into())
    }

    /// With what it is a part of.
    fn within(self, whole: impl fmt::Display) -> Self {
        Invalid(format!("{whole}: {}", self.0))
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Invalid {}

#[cfg(test)]
mod tests;
