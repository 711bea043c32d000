//! # A host's firewall
//!
//! What was asked for comes back, pings and ssh are answered, all else that comes in is dropped. It replaces its own table in one
//! transaction: there is no moment without it, and the tables of others stay.
//!
//!     nft -f - <<'END'
//!     destroy table inet host
//!     table inet host {
//!         chain input {
//!             type filter hook input priority filter; policy drop;
//!             ct state established,related accept
//!             ct state invalid drop
//!             iif lo accept
//!             meta l4proto { icmp, ipv6-icmp } accept
//!             tcp dport 22 accept
//!         }
//!     }
//!     END

use netwright::{Net, nft};

const RULES: &str = "
    destroy table inet host
    table inet host {
        chain input {
            type filter hook input priority filter; policy drop;
            ct state established,related accept
            ct state invalid drop
            iif lo accept
            meta l4proto { icmp, ipv6-icmp } accept
            tcp dport $ssh accept
        }
    }";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let net = Net::open()?;
    let mut firewall = net.nft().batch();
    // A value is bound, not pasted: whatever is in it, it stays one value.
    firewall.extend(nft::parse(RULES)?.bind("ssh", 22_u16)?)?;
    firewall.commit()?;
    Ok(())
}
