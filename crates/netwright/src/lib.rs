//! Shape a Linux host's network: interfaces, addresses, routes, nftables and namespaces, over netlink alone.
//!
//! ```no_run
//! use netwright::nft::{Chain, Family, Hook, Priority, Rule, Table, ip};
//! use netwright::{Change, Net, Route};
//! use std::net::Ipv4Addr;
//!
//! let net = Net::open()?;
//! let eth0 = net.links().get("eth0")?;
//! net.addresses().add(&eth0, "192.168.1.10/24".parse()?)?;
//! net.links().set(&eth0, Change::up())?;
//! net.routes().add(Route::default_via("192.168.1.1".parse()?).dev(&eth0))?;
//!
//! let mut firewall = net.nft().batch();
//! let table = firewall.add(Table::new(Family::IPV4, "myFilter"));
//! let input = firewall.add(Chain::base(&table, "myChain", Hook::Input, Priority::FILTER));
//! firewall.add(Rule::in_chain(&input).eq(ip::SADDR, Ipv4Addr::new(192, 168, 1, 53)).counter().drop());
//! firewall.commit()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`Net`] is a network namespace, where everything starts. [`nft`] has the words of the firewall.
#![forbid(unsafe_code)]

mod addresses;
pub mod driver;
mod links;
mod neighbours;
mod net;
pub mod nft;
mod objects;
mod routes;
mod rules;
mod settings;
#[cfg(feature = "state")]
pub mod state;
#[cfg(feature = "tokio")]
pub mod tokio;

pub use addresses::Addresses;
pub use links::Links;
pub use neighbours::Neighbours;
pub use net::Net;
pub use nft::{Batch, Committed, Made, Nft};
pub use routes::Routes;
pub use rules::Rules;
pub use settings::Settings;

pub use netwright_netfilter as netfilter;
pub use netwright_route as route;
pub use netwright_route::link::{Change, Create};
pub use netwright_route::rule::Rule as PolicyRule;
pub use netwright_route::{Address, Link, LinkId, Neighbour, Prefix, Route};
pub use netwright_sys as sys;
pub use netwright_sys::{Error, Namespace, Result};
pub use netwright_wire as wire;
