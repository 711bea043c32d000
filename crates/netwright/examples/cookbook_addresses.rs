//! # Interfaces, addresses and routes
//!
//! A bridge with a port, an address and a default route of each family. What is there already stays as it is: the program can run at
//! every start.
//!
//!     ip link add br0 type bridge;  ip link set eth0 master br0 up;  ip link set br0 up
//!     ip address add 192.0.2.1/24 dev br0;  ip address add 2001:db8::1/64 dev br0
//!     ip route add default via 192.0.2.2 dev br0;  ip route add default via 2001:db8::2 dev br0
//!     ip -brief address;  ip route;  ip -6 route

use netwright::route::link::Create;
use netwright::{Change, Net, Route};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let net = Net::open()?;
    let bridge = net.links().ensure(Create::bridge("br0").with(Change::up()))?.into_object();
    net.links().set(&net.links().get("eth0")?, Change::master(&bridge).and(Change::up()))?;
    for address in ["192.0.2.1/24", "2001:db8::1/64"] {
        net.addresses().ensure(&bridge, address.parse()?)?;
    }
    for gateway in ["192.0.2.2", "2001:db8::2"] {
        net.routes().ensure(Route::default_via(gateway.parse()?).dev(&bridge))?;
    }

    for link in net.links().list()? {
        let addresses = net.addresses().of(&link)?;
        let addresses: Vec<String> = addresses.iter().map(|address| address.prefix().to_string()).collect();
        println!("{}: {}", link.name, addresses.join(" "));
    }
    for route in net.routes().list()?.into_iter().filter(Route::is_default) {
        println!("{route}");
    }
    Ok(())
}
