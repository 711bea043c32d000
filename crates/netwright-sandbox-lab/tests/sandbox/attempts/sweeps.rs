//! Whole kinds of ways at once.

use super::{Attempt, Server};
use crate::permits::ALLOWED;

pub(super) const ATTEMPTS: &[Attempt] = &[
    Attempt::one("every-option", &["sweep-options"]),
    Attempt::new("every-option-without-network", &["--no-network"], &["sweep-options"], &[]),
    Attempt::one("every-control-message", &["sweep-messages"]),
    Attempt::new("every-option-to-an-allowed-place", GOOD, &["sweep-options", GOOD_IPV4, GOOD_IPV6], DECIDED)
        .alone("it may be reached"),
    Attempt::new(
        "every-control-message-to-an-allowed-place",
        GOOD,
        &["sweep-messages", GOOD_IPV4, GOOD_IPV6],
        DECIDED,
    )
    .alone("it may be reached"),
    Attempt::one("every-call-with-a-process-outside", &["sweep-calls", "victim"]).victim(),
    Attempt::one("every-name-of-a-socket", &["sweep-names", "server"]).server(Server::Waiting).contained(),
    Attempt::one("every-source", &["sweep-sources"]),
    Attempt::new("every-source-without-network", &["--no-network"], &["sweep-sources"], &[]),
    Attempt::new("every-destination-under-host", OF_HOST, &["sweep-destinations"], DECIDED),
    Attempt::new("every-destination-under-lan", OF_LAN, &["sweep-destinations"], DECIDED),
    Attempt::new("every-destination-under-any", OF_ANY, &["sweep-destinations"], DECIDED),
    Attempt::new("every-destination-under-internet", OF_INTERNET, &["sweep-destinations"], DECIDED),
    Attempt::one("every-question", &["sweep-questions"]),
    Attempt::new("random-calls", WALK, &["walk", "1", "100000"], WALKED),
    Attempt::new("other-random-calls", WALK, &["walk", "2", "100000"], WALKED),
    Attempt::one("every-file-of-the-kernel", &["sweep-files"]).root().contained(),
    Attempt::one("every-change-of-the-network", &["sweep-requests"]).root().contained(),
    Attempt::one("every-mount", &["sweep-mounts"]).of_root().contained(),
    Attempt::new("every-mount-that-is-allowed", MOUNTS, &["sweep-mounts"], &[]).of_root().contained(),
    Attempt::one("every-handle", &["sweep-handles"]).root().perhaps().contained(),
];

const DECIDED: &[&str] = &[ALLOWED];
const OF_HOST: &[&str] = &["--allow", "host:7777", "--allow", "203.0.113.0/24:443/tcp"];
const OF_LAN: &[&str] = &["--allow", "lan:443,7777", "--allow", "icmp", "--allow", "host:7780/tcp"];
const OF_INTERNET: &[&str] = &["--allow", "internet:443,5000", "--allow", "host:7780/udp"];
const OF_ANY: &[&str] = &[
    "--allow",
    "any:443,7780",
    "--deny",
    "203.0.113.0/24",
    "--allow",
    "[2001:db8:bad::66]:53/udp",
    "--deny",
    "host:7780",
];

/// What leaves goes there by the plain way, without options, and from this host.
const GOOD: &[&str] = &["--allow", "198.51.100.10:5000", "--allow", "[2001:db8:10::10]:5000"];
const GOOD_IPV4: &str = "198.51.100.10:5000";
const GOOD_IPV6: &str = "[2001:db8:10::10]:5000";

/// The command may mount.
const MOUNTS: &[&str] = &["--no-network", "--mounts"];

/// Two servers may be reached on a port: what leaves goes there.
const WALK: &[&str] = &["--allow", "198.51.100.10:443", "--allow", "[2001:db8:10::10]:443"];
const WALKED: &[&str] = &[
    "tcp 198.51.100.10 443",
    "udp 198.51.100.10 443",
    "parts 198.51.100.10",
    "tcp 2001:db8:10::10 443",
    "udp 2001:db8:10::10 443",
    "parts 2001:db8:10::10",
];
