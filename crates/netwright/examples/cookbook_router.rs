//! # A router
//!
//! Two links, an address on each, forwarding, a default route: what `eth0` (outside) and `lan0` (inside) need to route between them.
//!
//!     ip address replace 192.0.2.1/24 dev eth0;  ip link set eth0 up
//!     ip address replace 10.0.0.1/24 dev lan0;   ip link set lan0 up
//!     ip route replace default via 192.0.2.2 dev eth0
//!     sysctl -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
//!
//! Run twice, it changes nothing the second time, and says so.

use netwright::{Change, Net, Route};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let net = Net::open()?;
    for (name, address) in [("eth0", "192.0.2.1/24"), ("lan0", "10.0.0.1/24")] {
        let link = net.links().get(name)?;
        let ensured = net.addresses().ensure(&link, address.parse()?)?;
        println!("{name}: {} {:?}", ensured.object(), ensured.differences());
        net.links().set(&link, Change::up())?;
    }
    let outside = net.links().get("eth0")?;
    net.routes().ensure(Route::default_via("192.0.2.2".parse()?).dev(&outside))?;
    net.settings().set_forwarding(true)?;
    Ok(())
}
