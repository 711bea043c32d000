//! # Namespaces and veths
//!
//! Two namespaces with a cable between them, and a connection over it. Namespaces without a name are gone with the program; a thread of
//! the program works inside, its own threads never move.
//!
//!     ip netns add left;  ip netns add right
//!     ip -n left link add eth0 type veth peer name eth0 netns right
//!     ip -n left address add 10.0.0.1/24 dev eth0;   ip -n left link set eth0 up
//!     ip -n right address add 10.0.0.2/24 dev eth0;  ip -n right link set eth0 up
//!     ip netns exec right nc -l 80 &  ip netns exec left nc 10.0.0.2 80

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use netwright::route::link::{Create, Peer};
use netwright::{Change, Namespace, Net};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (left, right) = (Namespace::create_anonymous()?, Namespace::create_anonymous()?);
    let (inside_left, inside_right) = (Net::open_in(&left)?, Net::open_in(&right)?);

    let there = Change::rename("eth0").and(Change::namespace(&right)).and(Change::up());
    inside_left.links().create(Create::veth("eth0", Peer::new(&there)).with(Change::up()))?;
    for (net, addresses) in
        [(&inside_left, ["10.0.0.1/24", "fd00::1/64"]), (&inside_right, ["10.0.0.2/24", "fd00::2/64"])]
    {
        let eth0 = net.links().get("eth0")?;
        for address in addresses {
            net.addresses().add(&eth0, address.parse()?)?;
        }
    }

    // Sockets belong to the namespace that they are made in.
    let server = right.run(|| TcpListener::bind("10.0.0.2:80"))??;
    let mut client = left.run(|| TcpStream::connect("10.0.0.2:80"))??;
    let (mut accepted, from) = server.accept()?;
    client.write_all(b"hello")?;
    drop(client);
    let mut heard = String::new();
    accepted.read_to_string(&mut heard)?;
    println!("{heard} from {}", from.ip());
    Ok(())
}
