//! Sockets of other kinds, options of sockets, and forms of packets.

use super::{ANY, Attempt, INTERNET};

const SELF: &[&str] = &["--allow", "host:6002/tcp"];
const PINGS: &[&str] = &["--allow", "icmp"];
const GOOD: &[&str] = &["--allow", "198.51.100.10"];

pub(super) const ATTEMPTS: &[Attempt] = &[
    Attempt::one("raw", &["raw", "203.0.113.66"]).root(),
    Attempt::one("raw-v6", &["raw", "2001:db8:bad::66"]).root(),
    Attempt::new("raw-under-any", ANY, &["raw", "203.0.113.66"], &["udp 203.0.113.66 5000"]).root(),
    Attempt::one("raw-icmp", &["raw-icmp", "203.0.113.66", "13"]).root(),
    Attempt::one("raw-icmp-v6", &["raw-icmp", "2001:db8:bad::66", "128"]).root(),
    Attempt::one("packet", &["packet", "raw"]).root(),
    Attempt::one("packet-datagram", &["packet", "datagram"]).root(),
    Attempt::one("vsock", &["family", "40"]).contained(),
    Attempt::one("vsock-by-ring", &["ring", "40"]).contained(),
    Attempt::one("vsock-by-32-bit-gate", &["gate-32", "40", "1"]).killed().contained(),
    Attempt::one("raw-by-32-bit-gate", &["gate-32", "17", "3"]).root().killed().contained(),
    Attempt::one("vsock-by-x32-gate", &["x32"]).perhaps().killed().contained(),
    Attempt::one("key-sockets", &["family", "15"]).root().perhaps().contained(),
    Attempt::one("x25-sockets", &["family", "9"]).perhaps().contained(),
    Attempt::one("can-sockets", &["family", "29"]).perhaps().contained(),
    Attempt::one("tipc-sockets", &["family", "30"]).perhaps().contained(),
    Attempt::one("tipc-pair", &["pair"]).perhaps().contained(),
    Attempt::one("bluetooth-sockets", &["family", "31"]).perhaps().contained(),
    Attempt::one("crypto-sockets", &["family", "38"]).perhaps().contained(),
    Attempt::one("qualcomm-sockets", &["family", "42"]).perhaps().contained(),
    Attempt::one("smc-sockets", &["family", "43"]).perhaps().contained(),
    Attempt::one("xdp-sockets", &["family", "44"]).root().perhaps().contained(),
    Attempt::one("netfilter-netlink", &["netlink", "12"]).contained(),
    Attempt::one("generic-netlink", &["netlink", "16"]).contained(),
    Attempt::one("audit-netlink", &["netlink", "9"]).perhaps().contained(),
    Attempt::one("event-netlink", &["netlink", "15"]).contained(),
    // Other protocols of IP.
    Attempt::one("udp-lite", &["protocol", "203.0.113.66", "5000", "136", "datagram"]).perhaps(),
    Attempt::one("sctp", &["protocol", "203.0.113.66", "5000", "132", "stream"]).perhaps(),
    Attempt::one("sctp-sequence", &["protocol", "203.0.113.66", "5000", "132", "sequence"]).perhaps(),
    Attempt::one("dccp", &["protocol", "203.0.113.66", "5000", "33", "dccp"]).perhaps(),
    Attempt::one("multipath-tcp", &["protocol", "203.0.113.66", "443", "262", "stream"]).perhaps(),
    Attempt::one("ping", &["ping", "203.0.113.66"]),
    Attempt::one("ping-v6", &["ping", "2001:db8:bad::66"]),
    Attempt::one("ping-large", &["ping", "203.0.113.66", "4000"]),
    // Forms of packets.
    Attempt::one("fragments", &["large-udp", "203.0.113.66", "5000", "4000"]),
    Attempt::one("fragments-v6", &["large-udp", "2001:db8:bad::66", "5000", "4000"]),
    Attempt::one("fragments-many", &["large-udp", "203.0.113.66", "5000", "60000"]),
    Attempt::new("fragments-to-metadata", ANY, &["large-udp", "169.254.169.254", "5000", "9000"], &[]),
    Attempt::one("segments", &["segments", "203.0.113.66", "5000"]),
    Attempt::one("fast-open", &["fast-open", "203.0.113.66", "443"]),
    Attempt::one("fast-open-v6", &["fast-open", "2001:db8:bad::66", "443"]),
    Attempt::new(
        "source-route",
        GOOD,
        &["ip-options", "198.51.100.10", "5000", "203.0.113.66"],
        &["udp 198.51.100.10 5000"],
    ),
    Attempt::one("source-route-elsewhere", &["ip-options", "203.0.113.66", "5000", "198.51.100.10"]),
    // What the kernel sends by itself.
    Attempt::new(
        "answer-to-an-ended-connection",
        SELF,
        &["ended-connection", "10.77.0.2", "127.0.0.1", "6002"],
        &[],
    )
    .alone("the kernel answers by the loopback"),
    Attempt::new(
        "answer-to-an-ended-connection-v6",
        SELF,
        &["ended-connection", "2001:db8:77::2", "::1", "6002"],
        &[],
    ),
    // Flows that others have opened.
    Attempt::new(
        "flow-of-a-process-outside",
        &[],
        &["udp-from", "6100", "203.0.113.66", "5000"],
        &["udp 203.0.113.66 5000"],
    )
    .opened_outside(),
    Attempt::new(
        "flow-of-a-process-outside-v6",
        &[],
        &["udp-from", "6100", "2001:db8:bad::66", "5000"],
        &["udp 2001:db8:bad::66 5000"],
    )
    .opened_outside(),
    // What a rule allows, and the supervisor carries: no byte of it leaves by itself.
    Attempt::new("ping-by-a-link", PINGS, &["device-ping", "198.51.100.10"], &["icmp 198.51.100.10"])
        .contained(),
    Attempt::new("ping-by-a-link-v6", PINGS, &["device-ping", "2001:db8:10::10"], &["icmp 2001:db8:10::10"])
        .contained(),
    // Options of sockets.
    Attempt::one("question-by-a-link", &["device-udp", "8.8.8.8", "53"]),
    Attempt::one("question-by-a-link-v6", &["device-udp", "2001:4860:4860::8888", "53"]),
    Attempt::one("datagram-by-a-link", &["device-udp", "203.0.113.66", "5000"]),
    Attempt::one("datagram-by-a-link-v6", &["device-udp", "2001:db8:bad::66", "5000"]),
    Attempt::one("bound-to-a-link", &["device", "203.0.113.66", "443"]),
    Attempt::one("with-the-supervisors-mark", &["mark", "203.0.113.66", "443"]),
    Attempt::one("with-a-priority", &["priority", "203.0.113.66", "443"]),
    Attempt::one("with-time-stamps", &["timestamps", "203.0.113.66", "5000"]),
    Attempt::one("foreign-source-transparent", &["transparent", "203.0.113.66", "5000", "198.51.100.10"])
        .root(),
    Attempt::one("foreign-source-free", &["free-bind", "203.0.113.66", "5000", "198.51.100.10"])
        .alone("the kernel sends nothing from there"),
    Attempt::one("own-loopback-as-source", &["free-bind", "203.0.113.66", "5000", "127.0.0.1"])
        .alone("the kernel sends nothing from there"),
    Attempt::one("resolver-as-source", &["free-bind", "203.0.113.66", "5000", "127.0.0.53"])
        .alone("the kernel sends nothing from there"),
    Attempt::one("source-of-another-socket", &["ask-as-another-socket", "127.0.0.1", "7777"])
        .alone("no resolver of the host answers there"),
    Attempt::one("source-beside-the-datagram", &["source-given", "203.0.113.66", "5000", "10.77.0.2"]),
    Attempt::new(
        "source-beside-the-datagram-under-internet",
        INTERNET,
        &["source-given", "10.66.0.1", "5000", "10.77.0.2"],
        &[],
    ),
];
