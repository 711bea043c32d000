//! What the kernel must be asked for: netlink sockets, network namespaces and sysctls.
//!
//! - [`Socket`]: a netlink socket that loses nothing silently;
//! - [`Connection`]: asks and hears the answers, blocking; `asynchronous` has the same for tasks of tokio (feature `tokio`);
//! - [`Namespace`]: a network namespace as an owned descriptor; the caller's threads never change theirs;
//! - [`file_lock`]: a file that one process at a time has;
//! - [`isolate`]: a user, network and mount namespace of one's own, for an ordinary user too;
//! - [`host_name`]: what an address is called;
//! - [`IcmpError`]: who refused what a socket sent;
//! - [`PacketSocket`]: frames of all links;
//! - [`sockets`]: options of Internet sockets;
//! - [`Tun`]: a TUN or TAP interface;
//! - [`Sysctl`]: the files under `/proc/sys/net` of a namespace;
//! - [`Error`]: a sentence of what was asked, what the kernel said and what to do.

mod ancillary;
#[cfg(feature = "tokio")]
pub mod asynchronous;
pub mod capability;
mod connection;
mod error;
pub mod file_lock;
mod host_name;
mod icmp_error;
mod ioctl;
pub mod isolate;
mod namespace;
mod option;
mod packet_socket;
mod port;
mod socket;
pub mod sockets;
mod sysctl;
mod tun;

pub use connection::{Connection, Failure, Outcome, Refusal};
pub use error::{Cause, Error, Result};
pub use host_name::host_name;
pub use icmp_error::IcmpError;
pub use namespace::Namespace;
pub use packet_socket::{Frame, PacketSocket};
pub use socket::{Received, Socket, wait_for_any};
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
    /// Sockets of the namespace (`NETLINK_SOCK_DIAG`).
    pub const SOCKET_DIAGNOSIS: i32 = libc::NETLINK_SOCK_DIAG;
}
