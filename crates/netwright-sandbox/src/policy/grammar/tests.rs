use super::RuleError;
use super::punycode::ascii;
use crate::{Ports, Protocol, Rule, Target};

fn error(text: &str) -> RuleError {
    match text.parse::<Rule>() {
        Ok(rule) => panic!("{text} was read as {rule:?}"),
        Err(error) => error,
    }
}

/// The part of the text that is wrong, the message and the help.
#[track_caller]
fn check_error(text: &str, part: &str, message: &str, help: &str) {
    let error = error(text);
    let found = (text.get(error.range.clone()).unwrap(), error.message.as_str(), error.help.join(" "));
    assert_eq!((found.0, found.1, found.2.as_str()), (part, message, help), "{text}");
}

/// What a rule is written as, which must read back as the same.
#[track_caller]
fn check(text: &str, canonical: &str) {
    let rule: Rule = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
    assert_eq!(rule.to_string(), canonical, "{text}");
    assert_eq!(canonical.parse::<Rule>().as_ref(), Ok(&rule), "{text}");
}

#[test]
fn rules_are_written_in_one_way() {
    for same in [
        "example.org",
        "example.org:443",
        "*.example.org:443/tcp",
        "*.org",
        "db:5432",
        "xn--bcher-kva.example/udp",
        "_dmarc.example.org",
        "10.0.0.0/8:5432/tcp",
        "10.0.0.0/8",
        "192.0.2.1/icmp",
        "192.0.2.1:80,443",
        "192.0.2.1:8000-8100/udp",
        "0.0.0.0/0",
        "::/0",
        "2001:db8::/32",
        "2001:db8::1",
        "2001:db8::1/tcp",
        "2001:db8::/32/tcp",
        "[2001:db8::1]:443",
        "[2001:db8::/32]:443/udp",
        "any",
        "any:53",
        "internet:443/tcp",
        "lan",
        "lan/icmp",
        "host:5432",
        "host:5432/udp",
        "icmp",
        "lan.",
        "169.254.169.254:80",
    ] {
        check(same, same);
    }
    check(" EXAMPLE.org.:443/TCP ", "example.org:443/tcp");
    check("*.Example.Org.", "*.example.org");
    check("any/icmp", "icmp");
    check("ICMP", "icmp");
    check("ANY:80", "any:80");
    check("192.0.2.1/32", "192.0.2.1");
    check("2001:DB8:0::1/128:443".replace("/128:443", "/128").as_str(), "2001:db8::1");
    check("[2001:db8::]/32:443", "[2001:db8::/32]:443");
    check("[2001:db8::1]", "2001:db8::1");
    check("example.org:443,80,81-90,85", "example.org:80-90,443");
    check("example.org:1-65535", "example.org:1-65535");
}

#[test]
fn meaning() {
    let rule: Rule = "10.0.0.0/8:5432/tcp".parse().unwrap();
    let expected = Rule {
        target: Target::Network("10.0.0.0".parse().unwrap(), 8),
        ports: Ports::Only(vec![5432..=5432]),
        protocol: Some(Protocol::Tcp),
    };
    assert_eq!(rule, expected);
}

#[test]
fn mistakes_and_what_to_write() {
    check_error("exmaple.org:443/tpc", "tpc", "`tpc` is no protocol", "Did you mean `tcp`?");
    check_error("example.org:70000", "70000", "70000 is no port: they go up to 65535", "");
    check_error("example.org:0", "0", "there is no port 0", "Leave the ports out to mean all of them.");
    check_error("example.org:https", "https", "`https` is no port", "Write `443`.");
    check_error("example.org:90-80", "90-80", "the range ends before it starts", "Write `80-90`.");
    check_error("example.org:80,", "", "a port is missing", "Leave the colon out to mean all ports.");
    check_error(
        "example.org:443/",
        "/",
        "nothing follows `/`",
        "Leave it out, or write a protocol: `/tcp`, `/udp` or `/icmp`.",
    );
    check_error(
        "10.1.2.3/8:80",
        "10.1.2.3/8",
        "`10.1.2.3/8` names a host, not a network",
        "Write `10.0.0.0/8` for the network or `10.1.2.3` for the one host.",
    );
    check_error("10.0.0.0/33", "33", "`33` is no prefix length", "It is a number from 0 to 32.");
    check_error(
        "*.*.org",
        "*",
        "`*` stands at the start only, for all names below",
        "`*.org` covers every depth.",
    );
    check_error(
        "*cdn.example.org",
        "*",
        "`*` stands at the start only, for all names below",
        "`*.example.org` covers every depth.",
    );
    check_error(
        "10.0.*.*:80",
        "*",
        "`*` stands at the start only, for all names below",
        "Write `10.0.0.0/16`.",
    );
    check_error("*.*", "*", "`*` stands at the start only, for all names below", "Write `any`.");
    check_error("a.org,b.org:80", ",", "a name has no `,` in it", "Give each rule on its own.");
    check_error(
        "https://example.org/x",
        "https://example.org/x",
        "a rule is no URL",
        "Write `example.org:443`: whom to reach, not what to ask there.",
    );
    check_error(
        "http://user@example.org:8080/",
        "http://user@example.org:8080/",
        "a rule is no URL",
        "Write `example.org:8080`: whom to reach, not what to ask there.",
    );
    check_error(
        "ftp:///",
        "ftp:///",
        "a rule is no URL",
        "Write the host and the port, as in `example.org:443`.",
    );
    check_error(
        "2001:db8::/32:443",
        "2001:db8::/32:443",
        "an IPv6 address with ports needs brackets",
        "Ports follow an IPv6 address in brackets: `[2001:db8::/32]:443`.",
    );
    check_error(
        "[192.0.2.1]:80",
        "192.0.2.1",
        "only IPv6 addresses stand in brackets",
        "Leave the brackets out.",
    );
    check_error("[2001:db8::1", "[", "`[` is not closed", "Write `]` behind the address.");
    check_error(
        "::ffff:10.0.0.1",
        "::ffff:10.0.0.1",
        "IPv4 addresses are written as such",
        "Write `10.0.0.1`.",
    );
    check_error(
        "127.0.0.1:5432",
        "127.0.0.1",
        "loopback addresses are the sandbox's own, and always reachable",
        "Write `host:PORT` for a port of the host's.",
    );
    check_error(
        "localhost:5432/tcp",
        "localhost",
        "localhost is the sandbox's own, and always reachable",
        "Write `host:5432` for the host's.",
    );
    check_error(
        "host",
        "host",
        "which ports of the host?",
        "Name them, as in `host:5432`; inside, they are those of localhost.",
    );
    check_error("*:443", "*", "`*` alone is no target", "Write `any:443`.");
    check_error("tcp", "tcp", "a protocol alone says not where to", "Write `any/tcp`.");
    check_error("any:80/icmp", "80", "ICMP has no ports", "Leave the ports out, or name tcp or udp.");
    check_error(
        "10.0.0.300",
        "10.0.0.300",
        "`10.0.0.300` is no IPv4 address",
        "An address is four numbers up to 255, a network is such as `10.0.0.0/8`.",
    );
    check_error(
        "example.org/8080",
        "8080",
        "a name has no prefix length",
        "Ports follow a colon: `example.org:8080`.",
    );
    check_error(
        ".example.org",
        ".example.org",
        "a name has something between its dots",
        "Write `*.example.org` for all names below.",
    );
    check_error(
        "bücher.example:443",
        "bücher.example",
        "names are written as DNS has them, in ASCII",
        "Write `xn--bcher-kva.example`.",
    );
    check_error("a b", " ", "a rule has no ' ' in it", "Give each rule on its own.");
    check_error(
        "git@example.org:22",
        "@",
        "a name has no `@` in it",
        "A rule has no user: write what follows `@`.",
    );
    check_error("", "", "a rule is missing", "Write a target, such as `example.org:443`.");
    check_error(
        "fe80::1%eth0",
        "fe80::1%eth0",
        "addresses of one link (`%…`) cannot be reached from a sandbox",
        "",
    );
    check_error(
        "example.org/path",
        "path",
        "`path` is no protocol",
        "The protocols are tcp, udp and icmp; the paths of a URL cannot be told apart.",
    );
}

#[test]
fn an_error_shows_the_place() {
    let shown = error("bücher:443/tpc").to_string();
    assert_eq!(shown, "`tpc` is no protocol\n  bücher:443/tpc\n             ^^^\nDid you mean `tcp`?");
    assert_eq!(error("bücher:443/tpc").column(), 12);
}

#[test]
fn names_in_ascii() {
    // The examples of RFC 3492, section 7.1, in lower case.
    assert_eq!(ascii("ليهمابتكلموشعربي؟").as_deref(), Some("xn--egbpdaj6bu4bxfgehfvwxn"));
    assert_eq!(ascii("他们为什么不说中文").as_deref(), Some("xn--ihqwcrb4cv8a8dqg056pqjye"));
    assert_eq!(ascii("bücher.example").as_deref(), Some("xn--bcher-kva.example"));
    assert_eq!(ascii("Münich").as_deref(), Some("xn--mnich-kva"));
}

/// Small texts of the letters that the grammar knows, in an order that is random and the same each time.
fn texts() -> impl Iterator<Item = String> {
    const PARTS: [&str; 31] = [
        "a",
        "example",
        "org",
        ".",
        ".",
        ":",
        ":",
        "/",
        "/",
        "*",
        "*.",
        "[",
        "]",
        "443",
        "0",
        "70000",
        "8",
        "-",
        ",",
        "tcp",
        "udp",
        "icmp",
        "any",
        "lan",
        "host",
        "10.0.0.0",
        "2001:db8::",
        "::",
        "ü",
        " ",
        "%",
    ];
    let mut seed = 7_u64;
    let mut next = move |below: usize| {
        seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        usize::try_from(seed >> 33).unwrap() % below
    };
    std::iter::repeat_with(move || (0..next(7) + 1).map(|_| PARTS[next(PARTS.len())]).collect()).take(100_000)
}

#[test]
fn whatever_is_read_is_written_so_that_it_reads_back() {
    let mut read = 0;
    for text in texts() {
        match text.parse::<Rule>() {
            Ok(rule) => {
                assert_eq!(rule.to_string().parse(), Ok(rule), "{text}");
                read += 1;
            }
            Err(error) => {
                assert!(text.get(error.range.clone()).is_some(), "{text}: {error:?}");
                assert!(!error.message.is_empty() && !error.to_string().is_empty());
            }
        }
    }
    assert!(read > 3000, "only {read} of the texts are rules");
}
