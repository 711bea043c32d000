//! Byte order as a type: rtnetlink speaks the machine's, nf_tables speaks the network's.

/// How integers lie in the payload of an attribute.
pub trait ByteOrder: Copy {
    /// Whether the most significant byte comes first.
    const BIG: bool;
}

/// The machine's own byte order: rtnetlink, generic netlink.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Native;

/// Network byte order, most significant byte first: nf_tables, conntrack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Big;

impl ByteOrder for Native {
    const BIG: bool = cfg!(target_endian = "big");
}

impl ByteOrder for Big {
    const BIG: bool = true;
}
