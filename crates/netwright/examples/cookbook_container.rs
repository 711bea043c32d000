//! # A container's network
//!
//! What a CNI plugin does: a namespace gets `eth0` with an address and a default route, and the host has the other end in a bridge. A pair
//! is made with its settings on both sides in one call; where anything is refused, nothing is left.
//!
//!     ip link add cni0 address 02:00:0a:01:00:01 type bridge;  ip address add 10.1.0.1/24 dev cni0;  ip link set cni0 up
//!     ip link add veth1 type veth peer name eth0 netns blue
//!     ip link set veth1 master cni0 up
//!     ip -n blue address add 10.1.0.2/24 dev eth0;  ip -n blue link set eth0 up
//!     ip -n blue route add default via 10.1.0.1

use netwright::route::link::{Create, Peer};
use netwright::{Change, Namespace, Net, Route};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("usage: container PATH-OF-NAMESPACE")?;
    let namespace = Namespace::open_path(path)?;
    let (host, container) = (Net::open()?, Net::open_in(&namespace)?);

    // With a hardware address of its own: it would have that of a port otherwise, and another one when that goes.
    let own = Change::address([2, 0, 10, 1, 0, 1]).and(Change::up());
    let bridge = host.links().ensure(Create::bridge("cni0").with(own))?.into_object();
    host.addresses().ensure(&bridge, "10.1.0.1/24".parse()?)?;

    let inside = Change::rename("eth0").and(Change::namespace(&namespace)).and(Change::up());
    let outside = Change::master(&bridge).and(Change::up());
    let pair = host.links().create(Create::veth("veth%d", Peer::new(&inside)).with(outside))?;

    let eth0 = container.links().get("eth0")?;
    container.addresses().add(&eth0, "10.1.0.2/24".parse()?)?;
    container.routes().add(Route::default_via("10.1.0.1".parse()?).dev(&eth0))?;
    println!("{} in {}, {} inside", pair.name, bridge.name, eth0.name);
    Ok(())
}
