//! Links, addresses, routes, rules and neighbours of rtnetlink as data, and the requests for them as values;
//! sockets ([`socket_diagnosis`]) and families of generic netlink ([`generic`]) beside them.
//!
//! Each kind of object has a module with the attribute table as the kernel's headers have it, an owned type with
//! public fields, a view that reads a received message in place, and its requests. [`Add`], [`Replace`], [`Append`]
//! and [`Delete`] are the same for all objects but links, which [`link`] creates and changes in its own way.
//! Nothing here does IO: a connection of `netwright-sys` executes the requests.
//!
//! ```
//! use netwright_route::{Add, Address, LinkId, Route};
//!
//! let eth0 = LinkId::named(2, "eth0");
//! let address = "192.168.1.10/24".parse::<Address>()?.on(eth0);
//! let route = Route::default_via([192, 168, 1, 1].into()).dev(eth0);
//! assert_eq!(address.to_string(), "192.168.1.10/24 dev eth0");
//! assert_eq!(route.to_string(), "default via 192.168.1.1 dev eth0");
//! let requests = (Add(&address), Add(&route));
//! # let _ = requests;
//! # Ok::<(), netwright_route::prefix::PrefixError>(())
//! ```
#![forbid(unsafe_code)]

pub mod address;
mod family;
pub mod generic;
mod hardware;
pub mod link;
mod link_id;
pub mod message;
pub mod namespace_id;
pub mod neighbour;
pub mod nexthop;
mod object;
pub mod prefix;
pub mod route;
pub mod rule;
pub mod settings;
pub mod socket_diagnosis;
mod value;

pub use address::Address;
pub use family::{Family, Protocol, Scope, Table};
pub use hardware::{HardwareAddress, HardwareAddressError};
pub use link::Link;
pub use link_id::LinkId;
pub use neighbour::Neighbour;
pub use nexthop::Nexthop;
pub use object::{Add, Append, Delete, Object, Purpose, Replace};
pub use prefix::Prefix;
pub use route::Route;
pub use rule::Rule;
pub use value::{NetworkOrder, Numbered, PlainText, RawNest, ToldAsByte};
