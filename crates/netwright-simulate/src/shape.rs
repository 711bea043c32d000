//! What is said of a packet besides between whom it goes and what it is.

use std::fmt;

use crate::packet::{Head, protocol};

/// A part of that, of which a rule says something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Feature {
    Dscp(u8),
    Ecn(u8),
    /// Time to live, or hop limit.
    Ttl(u8),
    /// So many bytes in all.
    Length(u16),
    /// In fragments.
    Fragments,
    /// Behind a header of IPv6 of this number.
    Behind(u8),
}

impl Feature {
    /// Whether another says something else of the same part.
    pub(crate) fn is_like(self, other: Feature) -> bool {
        std::mem::discriminant(&self) == std::mem::discriminant(&other)
    }
}

/// All of it. What is not set is as hosts send it by themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Shape {
    behind: Option<u8>,
    pub(crate) fragments: bool,
    pub(crate) length: Option<u16>,
    ttl: Option<u8>,
    ecn: Option<u8>,
    dscp: Option<u8>,
}

impl Shape {
    pub(crate) const ORDINARY: Shape =
        Shape { behind: None, fragments: false, length: None, ttl: None, ecn: None, dscp: None };

    pub(crate) fn with(mut self, feature: Feature) -> Self {
        match feature {
            Feature::Dscp(dscp) => self.dscp = Some(dscp),
            Feature::Ecn(ecn) => self.ecn = Some(ecn),
            Feature::Ttl(ttl) => self.ttl = Some(ttl),
            Feature::Length(length) => self.length = Some(length),
            Feature::Fragments => self.fragments = true,
            Feature::Behind(number) => self.behind = Some(number),
        }
        self
    }

    /// Makes a packet's header what this says.
    pub(crate) fn mark(self, head: &mut Head) {
        if self.dscp.is_some() || self.ecn.is_some() {
            head.class = self.dscp.unwrap_or(0) << 2 | self.ecn.unwrap_or(0);
        }
        head.ttl = self.ttl.unwrap_or(head.ttl);
        head.behind = self.behind.or(head.behind);
    }
}

/// What is set, to be put behind the packet's description.
impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(dscp) = self.dscp {
            write!(f, " with DSCP {dscp}")?;
        }
        if let Some(ecn) = self.ecn {
            write!(f, " with ECN {ecn}")?;
        }
        if let Some(ttl) = self.ttl {
            write!(f, " with TTL {ttl}")?;
        }
        if let Some(length) = self.length {
            write!(f, " of {length} bytes")?;
        }
        if self.fragments {
            f.write_str(" in fragments")?;
        }
        match self.behind {
            None => Ok(()),
            Some(protocol::HOP_BY_HOP) => f.write_str(" behind hop-by-hop options"),
            Some(protocol::ROUTING) => f.write_str(" behind a routing header"),
            Some(_) => f.write_str(" behind destination options"),
        }
    }
}
