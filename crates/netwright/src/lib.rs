//! Shape a Linux host's network: interfaces, addresses, routes, nftables and namespaces, over netlink alone.
//!
//! ```no_run
//! use netwright::{Change, Net, Route};
//!
//! let net = Net::open()?;
//! let eth0 = net.links().get("eth0")?;
//! net.addresses().add(&eth0, "192.168.1.10/24".parse()?)?;
//! net.links().set(&eth0, Change::up())?;
//! net.routes().add(Route::default_via("192.168.1.1".parse()?).dev(&eth0))?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`Net`] is a network namespace, where everything starts.
//!
//! | Feature | |
//! |---|---|
//! | `nft` (default) | nftables: `Net::nft`, the module `nft`, and events of it |
//! | `tokio` | the same operations as futures, events as a stream: the module `tokio` |
//! | `state` | desired state: plans made from a namespace and applied to it |
//! | `signals` | `Undo::on_signals` |
#![forbid(unsafe_code)]

mod addresses;
pub mod driver;
mod ensure;
mod links;
mod neighbours;
mod net;
mod nexthops;
#[cfg(feature = "nft")]
pub mod nft;
mod objects;
mod routes;
mod rules;
mod settings;
#[cfg(feature = "state")]
pub mod state;
#[cfg(feature = "tokio")]
pub mod tokio;
mod undo;
pub mod watch;

pub use addresses::Addresses;
pub use ensure::Ensured;
pub use links::Links;
pub use neighbours::Neighbours;
pub use net::Net;
pub use nexthops::Nexthops;
#[cfg(feature = "nft")]
pub use nft::{Batch, Committed, Made, Nft};
pub use routes::Routes;
pub use rules::Rules;
pub use settings::Settings;
pub use undo::Undo;

#[cfg(feature = "nft")]
pub use netwright_netfilter as netfilter;
pub use netwright_route as route;
pub use netwright_route::link::{Change, Create};
pub use netwright_route::rule::Rule as PolicyRule;
pub use netwright_route::{Address, Link, LinkId, Neighbour, Nexthop, Prefix, Route};
pub use netwright_sys as sys;
pub use netwright_sys::{Error, Namespace, Result};
pub use netwright_wire as wire;
