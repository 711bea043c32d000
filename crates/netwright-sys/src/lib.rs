//! What the kernel must be asked for: netlink sockets, network namespaces and sysctls. The only crate with unsafe code.
//!
//! - [`Socket`]: a netlink socket that loses nothing silently;
//! - [`Connection`]: asks and hears the answers, blocking; `AsyncConnection` is the same under the feature `tokio`;
//! - [`Namespace`]: a network namespace as an owned descriptor; the caller's threads never change theirs;
//! - [`isolate`]: a user, network and mount namespace of one's own, for an ordinary user too;
//! - [`Enclosure`]: namespaces with a process in them that makes sockets inside for who stays outside;
//! - [`Confinement`]: how a command is put inside, with no way out;
//! - [`host_name`]: what an address is called;
//! - [`IcmpError`]: who refused what a socket sent;
//! - [`Signals`]: signals as messages;
//! - [`Tun`]: a TUN or TAP interface;
//! - [`Sysctl`]: the files under `/proc/sys/net` of a namespace;
//! - [`Error`]: a sentence of what was asked, what the kernel said and what to do.

#[cfg(feature = "tokio")]
mod asynchronous;
#[cfg(feature = "attempt")]
#[doc(hidden)]
pub mod attempt;
pub mod capability;
mod confinement;
mod connection;
mod datagrams;
mod enclosure;
mod error;
mod fork;
mod host_name;
mod icmp_error;
pub mod isolate;
mod namespace;
mod option;
mod signals;
mod socket;
mod sysctl;
mod tun;

#[cfg(feature = "tokio")]
pub use asynchronous::AsyncConnection;
pub use confinement::{Confinement, User};
pub use connection::{Connection, Failure, Outcome, Refusal};
pub use datagrams::{Datagram, Datagrams};
pub use enclosure::{Enclosure, EnclosureOptions, Mask, SocketRequest};
pub use error::{Cause, Error, Result};
pub use host_name::host_name;
pub use icmp_error::IcmpError;
pub use namespace::Namespace;
pub use signals::{Came, Signals};
pub use socket::{Received, Socket};
pub use sysctl::Sysctl;
pub use tun::Tun;

/// Netlink protocols, the constants that [`netwright_wire::Request::PROTOCOL`] and [`Socket::open`] take (`NETLINK_*`).
pub mod protocol {
    /// Links, addresses, routes, rules, neighbours (`NETLINK_ROUTE`).
    pub const ROUTE: i32 = libc::NETLINK_ROUTE;
    /// nf_tables, conntrack, logging (`NETLINK_NETFILTER`).
    pub const NETFILTER: i32 = libc::NETLINK_NETFILTER;
    /// Families that are numbered at run time (`NETLINK_GENERIC`).
    pub const GENERIC: i32 = libc::NETLINK_GENERIC;
}
