//! What the parts inside of a sandbox's network namespace agree on.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The table inside the sandbox's namespace (family inet).
pub const TABLE: &str = "netwright_run";
/// The mark of packets that the supervisor sends inside: they pass the filter. Setting marks needs a capability that the command never has.
pub const SUPERVISOR_MARK: u32 = 0x6e77;
/// The mark of echo requests that are led to the loopback where packets leave by a link.
pub const PING_MARK: u32 = 0x6e78;
/// The mark of flows (of conntrack, not of packets) that the sandbox has opened and that the policy allowed in the direction in which they were
/// opened. Nothing but the filter's own rules sets it.
pub const ALLOWED_FLOW: u32 = 0x6e77;
/// Log group of the first segments of allowed TCP connections, held until the real destination has answered, and of later ones whose
/// connection was not found.
pub const HELD_GROUP: u16 = 1;
/// Log group of allowed ICMP echo requests, which the supervisor sends on.
pub const PING_GROUP: u16 = 2;
/// Log group of what the policy does not allow.
pub const REFUSED_GROUP: u16 = 3;
/// Log group of new flows that were let through, where all is told (learning, and the mode that routes).
pub const SEEN_GROUP: u16 = 4;
/// Log group of the first packets of flows that somebody is asked about.
pub const ASKED_GROUP: u16 = 5;
/// The mark of datagrams and echo requests that somebody is asked about. Its lower half is [`PING_MARK`]: they are led to the loopback, too.
pub const ASKED_MARK: u32 = 1 << 16 | PING_MARK;
/// The sandbox's own IPv4 address: of the IETF protocol assignments (RFC 6890), which no network routes.
pub const OWN_IPV4: Ipv4Addr = Ipv4Addr::new(192, 0, 0, 2);
/// The sandbox's own IPv6 address, a unique local one (RFC 4193).
pub const OWN_IPV6: Ipv6Addr = Ipv6Addr::new(0xfd6e, 0x7772, 0x6967, 0x6874, 0, 0, 0, 2);
/// Where the resolver listens inside, UDP and TCP port 53.
pub const RESOLVER: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 53));
