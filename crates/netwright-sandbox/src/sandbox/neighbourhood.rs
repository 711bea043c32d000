//! The networks that this host is on, watched: a policy that speaks of them follows the host into others.

use netwright_route::message::group;
use netwright_sys::{Connection, Result, protocol};

use crate::follow::Follower;
use crate::policy::LocalNetworks;

const ASKED: &str = "follow the networks of this host";

/// Calls a closure whenever the networks of the calling thread's network namespace are others than `known`, as long as what is returned is there.
pub(crate) fn watch(
    mut known: LocalNetworks,
    changed: impl Fn(LocalNetworks) + Send + 'static,
) -> Result<Follower> {
    let connection = Connection::open(protocol::ROUTE)?;
    for group in [group::IPV4_ADDRESS, group::IPV6_ADDRESS, group::IPV4_ROUTE, group::IPV6_ROUTE] {
        connection.socket().join(group)?;
    }
    // Whatever it is that changed, the whole list is asked for, in the namespace in which the notifications come.
    let look = move || {
        if let Some(now) = LocalNetworks::of_host().ok().filter(|now| *now != known) {
            known = now.clone();
            changed(now);
        }
        None
    };
    Follower::start("netwright-networks", ASKED, connection, true, |_| true, Box::new(look))
}
