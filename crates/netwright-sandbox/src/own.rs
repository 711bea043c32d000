//! The addresses that packets from inside may have as their source.

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use netwright_route::route::{Lookup, RouteKind};
use netwright_sys::{Connection, Result, protocol};

/// The addresses of a sandbox, or of a host.
#[derive(Debug)]
pub(crate) enum OwnAddresses {
    /// These and those of the loopback.
    Sandbox(Vec<IpAddr>),
    /// Those that the routes of a network namespace say are its own.
    Host(Mutex<Connection>),
}

impl OwnAddresses {
    /// Those of the calling thread's network namespace.
    pub(crate) fn here() -> Result<Self> {
        Ok(OwnAddresses::Host(Mutex::new(Connection::open(protocol::ROUTE)?)))
    }

    pub(crate) fn has(&self, address: IpAddr) -> bool {
        match self {
            OwnAddresses::Sandbox(own) => address.is_loopback() || own.contains(&address),
            OwnAddresses::Host(routes) => {
                let mut routes = routes.lock().unwrap_or_else(PoisonError::into_inner);
                routes.query(&Lookup::to(address)).is_ok_and(|route| route.kind == RouteKind::LOCAL)
            }
        }
    }
}
