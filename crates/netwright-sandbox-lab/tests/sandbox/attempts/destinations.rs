//! Places that the policy does not name, by ordinary connections and datagrams.

use super::{ANY, Attempt, INTERNET, NAMES};

const WILD: &[&str] = &["--allow", "*.wild.example.org:443", "--deny", "secret.wild.example.org"];
const SECOND: &[&str] = &[
    "--allow",
    "good.example.org:443/tcp",
    "--allow",
    "*.wild.example.org:80/tcp",
    "--allow",
    "example.org:443",
];
const BUT_ONE: &[&str] =
    &["--allow", "203.0.113.0/24", "--deny", "203.0.113.66", "--deny", "203.0.113.128/25"];
const BY_UDP: &[&str] = &["--allow", "good.example.org:443/udp"];
const ECHO: &[&str] = &["--allow", "icmp"];
const NO_NETWORK: &[&str] = &["--no-network"];

pub(super) const ATTEMPTS: &[Attempt] = &[
    Attempt::one("wrong-port", &["name-tcp", "good.example.org", "80"]),
    Attempt::one("wrong-port-v6", &["then-tcp", "good.example.org", "2001:db8:10::10", "80"]),
    Attempt::one("address-not-resolved", &["tcp", "198.51.100.10", "443"]),
    Attempt::one("address-instead-of-name", &["tcp", "203.0.113.66", "443"]),
    Attempt::one("address-instead-of-name-v6", &["tcp", "2001:db8:bad::66", "443"]),
    Attempt::one("neighbouring-address", &["then-tcp", "good.example.org", "198.51.100.11", "443"]),
    Attempt::one("udp-where-tcp-is-allowed", &["name-udp", "good.example.org", "443"]),
    Attempt::one("udp-v6-where-tcp-is-allowed", &["then-udp", "good.example.org", "2001:db8:10::10", "443"]),
    Attempt::one("udp", &["udp", "203.0.113.66", "5000"]),
    Attempt::one("udp-v6", &["udp", "2001:db8:bad::66", "5000"]),
    Attempt::new(
        "tcp-where-udp-is-allowed",
        BY_UDP,
        &["name-tcp", "good.example.org", "443"],
        &["dns good.example.org"],
    ),
    Attempt::new(
        "port-of-another-rule",
        SECOND,
        &["then-tcp", "x.wild.example.org", "198.51.100.20", "443"],
        &["dns x.wild.example.org"],
    ),
    Attempt::new("apex-of-a-wildcard", WILD, &["name-tcp", "wild.example.org", "443"], &[])
        .alone("the name does not exist"),
    Attempt::new("denied-in-a-wildcard", WILD, &["name-tcp", "secret.wild.example.org", "443"], &[]),
    Attempt::new(
        "denied-in-a-wildcard-by-address",
        WILD,
        &["then-tcp", "secret.wild.example.org", "198.51.100.21", "443"],
        &[],
    ),
    Attempt::new(
        "denied-in-a-wildcard-after-a-sibling",
        WILD,
        &["then-tcp", "x.wild.example.org", "198.51.100.21", "443"],
        &["dns x.wild.example.org"],
    ),
    Attempt::new("denied-in-a-prefix", BUT_ONE, &["tcp", "203.0.113.66", "443"], &[]),
    Attempt::new("denied-prefix-in-a-prefix", BUT_ONE, &["tcp", "203.0.113.200", "443"], &[]),
    Attempt::new("beside-a-prefix", BUT_ONE, &["tcp", "203.0.114.1", "443"], &[]),
    Attempt::new("nothing-is-allowed-tcp", &[], &["tcp", "203.0.113.66", "443"], &[]),
    Attempt::new("nothing-is-allowed-name", &[], &["name-tcp", "good.example.org", "443"], &[]),
    Attempt::new("no-network-tcp", NO_NETWORK, &["tcp", "203.0.113.66", "443"], &[]),
    Attempt::new("no-network-udp-v6", NO_NETWORK, &["udp", "2001:db8:bad::66", "5000"], &[]),
    Attempt::new("no-network-name", NO_NETWORK, &["name-tcp", "good.example.org", "443"], &[]),
    Attempt::new("no-network-ping", NO_NETWORK, &["ping", "203.0.113.66"], &[]),
    // Forms of addresses.
    Attempt::one("mapped-address", &["mapped", "203.0.113.66", "443"]),
    Attempt::one("translated-address", &["tcp", "64:ff9b::cb00:7142", "443"]),
    Attempt::one("six-to-four-address", &["tcp", "2002:cb00:7142::1", "443"]),
    Attempt::new("mapped-private-address", INTERNET, &["mapped", "10.66.0.1", "443"], &[]),
    Attempt::new("mapped-metadata-address", ANY, &["mapped", "169.254.169.254", "80"], &[]),
    Attempt::new("translated-private-address", INTERNET, &["tcp", "64:ff9b::a42:1", "443"], &[]),
    Attempt::new("translated-metadata-address", ANY, &["tcp", "64:ff9b::a9fe:a9fe", "80"], &[]),
    Attempt::new("six-to-four-private-address", INTERNET, &["tcp", "2002:a42:1::1", "443"], &[]),
    // What wide policies leave out.
    Attempt::one("metadata", &["tcp", "169.254.169.254", "80"]),
    Attempt::new("metadata-under-any", ANY, &["tcp", "169.254.169.254", "80"], &[]),
    Attempt::new("metadata-under-internet", INTERNET, &["tcp", "169.254.169.254", "80"], &[]),
    Attempt::new("metadata-udp-under-any", ANY, &["udp", "169.254.169.254", "5000"], &[]),
    Attempt::new("private-under-internet", INTERNET, &["tcp", "10.66.0.1", "443"], &[]),
    Attempt::new("shared-address-space-under-internet", INTERNET, &["tcp", "100.64.0.1", "443"], &[]),
    Attempt::new("unique-local-under-internet", INTERNET, &["tcp", "fd00:66::1", "443"], &[]),
    Attempt::new("benchmark-network-under-internet", INTERNET, &["tcp", "198.19.0.1", "443"], &[]),
    Attempt::new("reserved-under-internet", INTERNET, &["tcp", "240.0.0.1", "443"], &[]),
    Attempt::new("public-under-lan", &["--allow", "lan"], &["tcp", "203.0.113.66", "443"], &[]),
    Attempt::new("multicast-under-any", ANY, &["join-group", "239.1.2.3", "5000"], &[]).contained(),
    Attempt::new("local-multicast-under-any", ANY, &["udp", "224.0.0.251", "5353"], &[]),
    Attempt::new("broadcast-under-any", ANY, &["broadcast", "255.255.255.255", "5000"], &[]),
    Attempt::new("loopback-of-the-host-under-any", ANY, &["tcp", "127.0.0.1", "7777"], &[]),
    Attempt::new("loopback-of-the-host-v6-under-any", ANY, &["tcp", "::1", "7777"], &[]),
    Attempt::new("mapped-loopback-of-the-host-under-any", ANY, &["mapped", "127.0.0.1", "7777"], &[]),
    Attempt::new("unspecified-address-under-any", ANY, &["tcp", "0.0.0.0", "7777"], &[]),
    Attempt::new("ping-under-tcp", &["--allow", "any/tcp"], &["ping", "203.0.113.66"], &[]),
    Attempt::new("ping-metadata-under-icmp", ECHO, &["ping", "169.254.169.254"], &[]),
    Attempt::new("ping-contents", ECHO, &["ping", "203.0.113.66"], &["icmp 203.0.113.66"]).contained(),
    Attempt::new("ping-contents-v6", ECHO, &["ping", "2001:db8:bad::66"], &["icmp 2001:db8:bad::66"])
        .contained(),
    Attempt::new("tcp-under-icmp", ECHO, &["tcp", "203.0.113.66", "443"], &[]),
    // The host itself.
    Attempt::one("loopback-of-the-host", &["tcp", "127.0.0.1", "7777"]),
    Attempt::one("loopback-of-the-host-v6", &["tcp", "::1", "7777"]),
    Attempt::one("loopback-of-the-host-udp", &["udp", "127.0.0.1", "7777"]),
    Attempt::one("uplink-address-of-the-host", &["tcp", "10.77.0.2", "7777"]),
    Attempt::one("uplink-address-of-the-host-udp", &["udp", "10.77.0.2", "7777"]),
    Attempt::one("uplink-address-of-the-host-v6", &["tcp", "2001:db8:77::2", "7777"]),
    Attempt::new("other-port-of-the-host", &["--allow", "host:7780/tcp"], &["tcp", "127.0.0.1", "7777"], &[]),
    Attempt::new(
        "other-protocol-of-the-host",
        &["--allow", "host:7777/tcp"],
        &["udp", "127.0.0.1", "7777"],
        &[],
    ),
    Attempt::new("link-addresses-of-the-host", ANY, &["neighbours", "7777"], &[])
        .alone("there is no link between the host and itself")
        .contained(),
    // The link.
    Attempt::one("link-local", &["tcp", "fe80::1%eth0", "443"]).alone("no such neighbour"),
    Attempt::new("link-local-under-any", ANY, &["udp", "ff02::1%eth0", "5000"], &[]),
    Attempt::one("multicast", &["udp", "224.0.0.251", "5353"]),
    Attempt::one("multicast-v6", &["udp", "ff02::fb%eth0", "5353"]),
    Attempt::one("join-a-group", &["join-group", "239.1.2.3", "5000"]).contained(),
    Attempt::one("broadcast", &["broadcast", "255.255.255.255", "5000"]),
    Attempt::one("broadcast-of-the-network", &["broadcast", "10.77.0.255", "5000"]),
    // Ports of name servers, which only their own rule opens.
    Attempt::new("port-53-under-any", ANY, &["udp", "203.0.113.66", "53"], &[]),
    Attempt::new("port-53-tcp-under-any", ANY, &["tcp", "203.0.113.66", "53"], &[]),
    Attempt::new("port-853-under-any", ANY, &["tcp", "203.0.113.66", "853"], &[]),
    Attempt::new("port-853-udp-under-any", ANY, &["udp", "203.0.113.66", "853"], &[]),
    Attempt::new(
        "port-53-in-a-range-of-any",
        &["--allow", "any:1-1000"],
        &["udp", "203.0.113.66", "53"],
        &[],
    ),
    Attempt::new("port-53-under-internet-v6", INTERNET, &["udp", "2001:db8:bad::66", "53"], &[]),
    Attempt::new(
        "port-53-of-an-allowed-name",
        NAMES,
        &["name-udp", "good.example.org", "53"],
        &["dns *.example.org"],
    ),
    Attempt::new("dns-over-https-under-any", ANY, &["tcp", "1.1.1.1", "443"], &[]),
    Attempt::new("dns-over-https-under-internet", INTERNET, &["tcp", "8.8.8.8", "443"], &[]),
    Attempt::new("dns-over-https-v6", INTERNET, &["tcp", "2001:4860:4860::8888", "443"], &[]),
    Attempt::new("dns-over-quic-under-any", ANY, &["udp", "1.1.1.1", "443"], &[]),
    // What is known to be allowed, used for more.
    Attempt::new(
        "other-destination-of-a-used-socket",
        BY_UDP,
        &["other-destination", "good.example.org", "443", "203.0.113.66", "5000"],
        &["dns good.example.org", "udp 198.51.100.10 443", "udp 2001:db8:10::10 443"],
    ),
    Attempt::new(
        "other-port-of-a-used-socket",
        BY_UDP,
        &["other-destination", "good.example.org", "443", "198.51.100.10", "5000"],
        &["dns good.example.org", "udp 198.51.100.10 443", "udp 2001:db8:10::10 443"],
    ),
];
