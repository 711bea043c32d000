//! # NAT and port forwards
//!
//! What leaves by `eth0` has its address; TCP to port 8080 of it goes to a server inside. Clients inside reach the server by the outside
//! address too (hairpin): their source is translated as well, or the server would answer past the router.
//!
//!     nft -f - <<'END'
//!     destroy table ip nat
//!     table ip nat {
//!         chain prerouting { type nat hook prerouting priority dstnat; ip daddr 192.0.2.1 tcp dport 8080 dnat to 10.0.0.2:80; }
//!         chain postrouting {
//!             type nat hook postrouting priority srcnat;
//!             oifname "eth0" masquerade
//!             ip saddr 10.0.0.0/24 ip daddr 10.0.0.2 tcp dport 80 masquerade
//!         }
//!     }
//!     END

use netwright::{Net, nft};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let net = Net::open()?;
    let mut nat = net.nft().batch();
    let rules = nft::parse(
        "destroy table ip nat
         table ip nat {
             chain prerouting {
                 type nat hook prerouting priority dstnat;
                 ip daddr $outside tcp dport 8080 dnat to $server:80
             }
             chain postrouting {
                 type nat hook postrouting priority srcnat;
                 oifname \"eth0\" masquerade
                 ip saddr 10.0.0.0/24 ip daddr $server tcp dport 80 masquerade
             }
         }",
    )?;
    let [outside, server]: [std::net::Ipv4Addr; 2] = ["192.0.2.1".parse()?, "10.0.0.2".parse()?];
    nat.extend(rules.bind("outside", outside)?.bind("server", server)?)?;
    nat.commit()?;
    net.settings().set_forwarding(true)?;
    Ok(())
}
