//! # Rate limits and port knocking
//!
//! A source may send five pings, and one more every ten seconds. SSH opens for ten seconds to who sends a datagram to port 7000 and
//! then one to port 8000; what has been opened stays open. Sources of both families, each in sets of its own. The pings come before
//! established connections are accepted: all pings of one run are a connection.
//!
//!     nft -f limits.nft      # the text below

use netwright::{Net, nft};

const LIMITS: &str = "
    destroy table inet limits
    table inet limits {
        set pings4 { type ipv4_addr; flags dynamic; timeout 1m; size 65535; }
        set pings6 { type ipv6_addr; flags dynamic; timeout 1m; size 65535; }
        set knocked4 { type ipv4_addr; flags dynamic; timeout 10s; size 65535; }
        set knocked6 { type ipv6_addr; flags dynamic; timeout 10s; size 65535; }
        set open4 { type ipv4_addr; flags dynamic; timeout 10s; size 65535; }
        set open6 { type ipv6_addr; flags dynamic; timeout 10s; size 65535; }
        chain input {
            type filter hook input priority filter; policy accept;
            icmp type echo-request update @pings4 { ip saddr limit rate over 6/minute burst 5 packets } drop
            icmpv6 type echo-request update @pings6 { ip6 saddr limit rate over 6/minute burst 5 packets } drop

            ct state established,related accept
            udp dport 7000 update @knocked4 { ip saddr } drop
            udp dport 7000 update @knocked6 { ip6 saddr } drop
            ip saddr @knocked4 udp dport 8000 update @open4 { ip saddr } drop
            ip6 saddr @knocked6 udp dport 8000 update @open6 { ip6 saddr } drop
            ip saddr @open4 tcp dport 22 accept
            ip6 saddr @open6 tcp dport 22 accept
            tcp dport 22 drop
        }
    }";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let net = Net::open()?;
    let mut batch = net.nft().batch();
    batch.extend(nft::parse(LIMITS)?)?;
    batch.commit()?;
    Ok(())
}
