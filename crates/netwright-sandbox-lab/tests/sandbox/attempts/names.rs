//! Names: questions that carry something out, and answers that open what they should not.

use super::{ANY, Attempt, NAMES, ONE};

/// The answer is taken as it comes, and every port is open: only the resolver keeps the addresses apart.
const REBINDING: &[&str] = &["dns *.example.org"];

const fn rebinding(name: &'static str, probe: &'static [&'static str]) -> Attempt {
    Attempt::new(name, NAMES, probe, REBINDING)
}

const STRAY: &[&str] = &["--allow", "stray.example.org"];
const SERVICE: &[&str] = &["--allow", "*.example.org:443/tcp"];
const FOREIGN: &[&str] = &["--allow", "foreign.example.org:443/tcp"];

pub(super) const ATTEMPTS: &[Attempt] = &[
    // Addresses are kept for at least a minute and a while, since programs keep them too. First of all, as it waits so long.
    Attempt::new(
        "after-the-time-to-live",
        &["--allow", "now.example.org:443/tcp"],
        &["then-tcp", "now.example.org", "198.51.100.33", "443", "80000"],
        &["dns now.example.org"],
    ),
    // Questions.
    Attempt::one("other-name", &["name-tcp", "evil.example.net", "443"]),
    Attempt::one("other-name-then-address", &["then-tcp", "evil.example.net", "203.0.113.66", "443"]),
    Attempt::one("other-resolver", &["ask", "8.8.8.8", "evil.example.net", "A"]),
    Attempt::one("other-resolver-allowed-name", &["ask", "8.8.8.8", "good.example.org", "A"]),
    Attempt::one("other-resolver-tcp", &["ask-tcp", "1.1.1.1", "evil.example.net", "A"]),
    Attempt::one("other-resolver-v6", &["ask", "2001:db8:bad::53", "evil.example.net", "A"]),
    Attempt::one("resolver-of-the-host", &["ask", "198.51.100.53", "evil.example.net", "A"]),
    Attempt::one("resolver-of-the-host-tcp", &["ask-tcp", "198.51.100.53", "evil.example.net", "A"]),
    Attempt::new(
        "resolver-of-the-host-under-any",
        ANY,
        &["ask", "198.51.100.53", "evil.example.net", "A"],
        &[],
    )
    .contained(),
    Attempt::one("dns-over-tls", &["ask-tcp", "8.8.8.8#853", "evil.example.net", "A"]),
    Attempt::one("dns-over-https", &["tcp", "1.1.1.1", "443"]),
    Attempt::one("dns-on-another-port", &["ask", "203.0.113.66#5000", "evil.example.net", "A"]),
    Attempt::one("tunnel-by-name", &["lookup-token", "evil.example.net"]).contained(),
    Attempt::one("tunnel-by-question", &["ask-token", "system", "evil.example.net", "A"]),
    Attempt::one("tunnel-by-text", &["ask-token", "system", "evil.example.net", "TXT"]),
    Attempt::one("tunnel-by-null", &["ask-token", "system", "evil.example.net", "NULL"]),
    Attempt::one("tunnel-by-name-over-tcp", &["ask-tcp", "system", "data.evil.example.net", "TXT"]),
    Attempt::one("tunnel-below-an-exact-name", &["ask-token", "system", "good.example.org", "A"]),
    Attempt::one("tunnel-by-reverse-name", &["ask-token", "system", "66.113.0.203.in-addr.arpa", "12"]),
    Attempt::one("name-behind-an-allowed-one", &["lookup-token", "good.example.org.evil.example.net"])
        .contained(),
    Attempt::one("name-that-ends-alike", &["ask", "system", "evilgood.example.org", "A"]),
    Attempt::one("second-question", &["ask-two", "system", "good.example.org", "A"]),
    Attempt::one("bytes-behind-the-question", &["ask-trailing", "system", "good.example.org", "A"]),
    Attempt::one("option-of-the-question", &["ask-option", "system", "good.example.org", "A"]),
    Attempt::one("record-beside-the-question", &["ask-additional", "system", "good.example.org", "A"]),
    Attempt::one("update-instead-of-a-question", &["ask-opcode", "system", "good.example.org", "A"]),
    Attempt::one("class-of-the-question", &["ask-class", "system", "good.example.org", "A"]),
    Attempt::new(
        "dots-in-labels",
        &["--allow", "*.wild.example.org"],
        &["ask-dotted-label", "system", "wild.example.org"],
        &[],
    ),
    // Answers.
    rebinding("rebinding-to-a-private-address", &["name-tcp", "rebind-private.example.org", "443"]),
    rebinding("rebinding-then-the-address", &["then-tcp", "rebind-private.example.org", "10.66.0.1", "443"]),
    Attempt::new(
        "rebinding-to-another-port-of-a-network",
        &["--allow", "*.example.org:443/tcp", "--allow", "10.66.0.0/16:5432/tcp"],
        &["name-tcp", "rebind-private.example.org", "443"],
        REBINDING,
    ),
    rebinding("rebinding-to-loopback", &["name-tcp", "rebind-loopback.example.org", "7777"]),
    rebinding("rebinding-to-metadata", &["then-tcp", "rebind-metadata.example.org", "169.254.169.254", "80"]),
    rebinding("rebinding-to-shared-space", &["then-tcp", "rebind-shared.example.org", "100.64.0.1", "443"]),
    rebinding("rebinding-to-zero", &["name-tcp", "rebind-zero.example.org", "7777"]),
    rebinding("rebinding-to-multicast", &["then-udp", "rebind-multicast.example.org", "239.1.2.3", "5000"]),
    rebinding(
        "rebinding-to-unique-local",
        &["then-tcp", "rebind-unique-local.example.org", "fd00:66::1", "443"],
    ),
    rebinding("rebinding-to-mapped", &["then-tcp", "rebind-mapped.example.org", "10.66.0.1", "443"]),
    rebinding("rebinding-to-mapped-loopback", &["name-tcp", "rebind-mapped-loopback.example.org", "7777"]),
    rebinding(
        "rebinding-to-translated",
        &["then-tcp", "rebind-translated.example.org", "64:ff9b::a42:1", "443"],
    ),
    rebinding(
        "rebinding-to-six-to-four",
        &["then-tcp", "rebind-six-to-four.example.org", "2002:a42:1::1", "443"],
    ),
    rebinding("private-beside-a-public-address", &["then-tcp", "half.example.org", "10.66.0.1", "443"]),
    rebinding("private-hint", &["ask-then-tcp", "system", "bound.example.org", "HTTPS", "10.66.0.1", "443"]),
    Attempt::new(
        "stray-record-of-another-name",
        STRAY,
        &["then-tcp", "stray.example.org", "203.0.113.66", "443"],
        &["dns stray.example.org"],
    ),
    Attempt::new(
        "stray-record-of-an-allowed-name",
        &["--allow", "stray.example.org", "--allow", "good.example.org"],
        &["then-tcp", "stray.example.org", "203.0.113.67", "443"],
        &["dns stray.example.org", "dns good.example.org"],
    ),
    Attempt::new(
        "stray-record-by-any-question",
        STRAY,
        &["ask-then-tcp", "system", "stray.example.org", "ANY", "203.0.113.66", "443"],
        &["dns stray.example.org"],
    ),
    Attempt::new(
        "foreign-alias-on-another-port",
        FOREIGN,
        &["then-tcp", "foreign.example.org", "203.0.113.66", "80"],
        &["dns foreign.example.org", "dns evil.example.net"],
    ),
    Attempt::new(
        "name-of-a-foreign-alias",
        FOREIGN,
        &["lookup-token", "evil.example.net"],
        &["dns foreign.example.org", "dns evil.example.net"],
    )
    .contained(),
    Attempt::new(
        "port-of-a-service",
        SERVICE,
        &["ask-then-tcp", "system", "_smtp._tcp.example.org", "SRV", "198.51.100.10", "25"],
        &["dns *.example.org"],
    ),
    Attempt::new(
        "foreign-host-of-a-service",
        SERVICE,
        &["ask-then-tcp", "system", "_far._tcp.example.org", "SRV", "203.0.113.66", "443"],
        &["dns *.example.org"],
    ),
    Attempt::new(
        "foreign-target-of-a-binding",
        ONE,
        &["ask-then-tcp", "system", "bound-foreign.example.org", "HTTPS", "203.0.113.66", "443"],
        &[],
    ),
    Attempt::new(
        "hint-of-an-alias-that-is-foreign",
        &["--allow", "bound-foreign.example.org:80/tcp"],
        &["ask-then-tcp", "system", "bound-foreign.example.org", "HTTPS", "203.0.113.66", "443"],
        &["dns bound-foreign.example.org", "dns evil.example.net"],
    ),
];
