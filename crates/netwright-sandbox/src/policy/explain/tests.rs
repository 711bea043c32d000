use crate::policy::{Destination, Place, Policy, Rule};

fn policy(allow: &[&str], deny: &[&str]) -> Policy {
    let rules = |texts: &[&str]| -> Vec<Rule> { texts.iter().map(|text| text.parse().unwrap()).collect() };
    let mut policy = Policy { allow: rules(allow), deny: rules(deny), ..Policy::default() };
    for (rules, places) in
        [(&policy.allow, &mut policy.places.allow), (&policy.deny, &mut policy.places.deny)]
    {
        for (line, rule) in (1..).zip(rules) {
            places.insert(rule.clone(), Place { name: "p.toml".to_owned(), line: Some(line) });
        }
    }
    policy
}

#[track_caller]
fn check(policy: &Policy, destination: &str, expected: &str) {
    assert_eq!(policy.explain(&destination.parse::<Destination>().unwrap()), expected);
}

#[test]
fn explanations() {
    let policy = policy(&["*.example.org:443", "192.0.2.0/24", "internet:80/tcp"], &["10.0.0.0/8"]);
    check(
        &policy,
        "a.example.org:443",
        "a.example.org:443/tcp is allowed by `*.example.org:443` (p.toml:1). Its addresses are released when the resolver inside answers, for as long as \
         the answer lives; those that are not public are reached by rules for addresses alone.",
    );
    check(&policy, "192.0.2.7:22/udp", "192.0.2.7:22/udp is allowed by `192.0.2.0/24` (p.toml:2).");
    check(
        &policy,
        "10.0.0.1:80",
        "10.0.0.1:80/tcp is refused: `10.0.0.0/8` (p.toml:1) denies it, which counts more than any rule that allows it.",
    );
    check(
        &policy,
        "203.0.113.1/icmp",
        "203.0.113.1/icmp is refused: no rule allows it. `--allow 203.0.113.1/icmp` would let it through.",
    );
    check(
        &policy,
        "8.8.8.8:80",
        "8.8.8.8:80/tcp is refused: it is a public name server, and only rules that name it allow that. `--allow 8.8.8.8:80/tcp` would let it through.",
    );
    check(
        &policy,
        "169.254.169.254:80",
        "169.254.169.254:80/tcp is refused: it is the address of a cloud's metadata service, and only rules that name it allow that. `--allow \
         169.254.169.254:80/tcp` would let it through.",
    );
    check(
        &policy,
        "host:22",
        "host:22/tcp is the sandbox's own loopback, which needs no rule. `--allow host:22` would lead to the host's instead.",
    );
    check(
        &policy,
        "example.com:80",
        "example.com:80/tcp depends on the address: `internet:80/tcp` (p.toml:3) allows it where it covers the name's addresses. `--allow \
         example.com:80/tcp` would let it through.",
    );
}

#[test]
fn what_depends_on_the_address_is_for_its_port() {
    let web = policy(&["internet:80/tcp", "internet:443/tcp", "192.0.2.0/24:22"], &["bad.example.org"]);
    let depends = |text: &str| web.depends(&text.parse().unwrap());
    assert_eq!(depends("example.org:443"), Some(1));
    assert_eq!(depends("example.org:22/udp"), Some(2));
    for not in
        ["example.org:25", "example.org:443/udp", "bad.example.org:443", "192.0.2.1:443", "192.0.2.1:22"]
    {
        assert_eq!(depends(not), None, "{not}");
    }
    assert_eq!(policy(&["192.0.2.0/24:22"], &[]).depends(&"example.org:22".parse().unwrap()), None);
    check(
        &web,
        "example.org:25",
        "example.org:25/tcp is refused: the name may be asked for because of `internet:80/tcp` (p.toml:1), but not for this. `--allow \
         example.org:25/tcp` would let it through.",
    );
}

#[test]
fn a_name_without_its_port() {
    check(
        &policy(&["example.org:443", "example.org:22"], &[]),
        "example.org:80",
        "example.org:80/tcp is refused: the name may be asked for because of `example.org:443` (p.toml:1) and `example.org:22` (p.toml:2), but not for this. \
         `--allow example.org:80/tcp` would let it through.",
    );
}

#[test]
fn destinations_are_one_place_and_one_port() {
    for wrong in [
        "*.example.org:443",
        "10.0.0.0/8:80",
        "example.org",
        "example.org:80-90",
        "any:80",
        "example.org:tcp",
    ] {
        assert!(wrong.parse::<Destination>().is_err(), "{wrong}");
    }
    for right in ["example.org:443/tcp", "[2001:db8::1]:53/udp", "192.0.2.1/icmp", "host:80/tcp"] {
        let destination: Destination = right.parse().unwrap();
        assert_eq!(destination.rule().map(|rule| rule.to_string()).as_deref(), Some(right));
    }
}

#[test]
fn neighbours_are_no_internet() {
    let mut policy = policy(&["internet:80/tcp"], &[]);
    policy.local.networks.push(("2001:db8:77::".parse().unwrap(), 64));
    check(
        &policy,
        "[2001:db8:77::1]:80",
        "[2001:db8:77::1]:80/tcp is refused: it is an address of this host or of its networks, which `internet` leaves out. \
         `--allow [2001:db8:77::1]:80/tcp` would let it through.",
    );
    check(
        &policy,
        "[2001:db8:77::1]:22",
        "[2001:db8:77::1]:22/tcp is refused: no rule allows it. `--allow [2001:db8:77::1]:22/tcp` would let it through.",
    );
    check(
        &policy,
        "[2001:db8:78::1]:80",
        "[2001:db8:78::1]:80/tcp is allowed by `internet:80/tcp` (p.toml:1).",
    );
}
