use super::*;

const HOST: &str = "\
# made by hand
; another comment
nameserver 192.0.2.53
nameserver 2001:db8::53 and more
nameserver fe80::53%eth0
nameserver not-an-address
domain old.example
search corp.example lab.example
options ndots:5 timeout:2 attempts:3
options rotate edns0 trust-ad
sortlist 10.0.0.0
";

fn parse(text: &str) -> ResolverConfig {
    ResolverConfig::parse(text, |interface| (interface == "eth0").then_some(7))
}

#[test]
fn the_hosts_file_is_read() {
    let config = parse(HOST);
    assert_eq!(
        config.servers.iter().map(SocketAddr::to_string).collect::<Vec<_>>(),
        ["192.0.2.53:53", "[2001:db8::53]:53", "[fe80::53%7]:53"]
    );
    assert_eq!(config.search, ["corp.example", "lab.example"]);
    assert_eq!((config.timeout, config.attempts, config.rotate), (Duration::from_secs(2), 3, true));
    let other = config.with_servers(&["127.0.0.1".parse().unwrap()]);
    assert_eq!(other.servers, ["127.0.0.1:53".parse().unwrap()]);
}

#[test]
fn without_anything_there_is_the_local_server() {
    let config = parse("");
    assert_eq!(config.servers, ["127.0.0.1:53".parse().unwrap()]);
    assert_eq!((config.timeout, config.attempts, config.rotate), (Duration::from_secs(5), 2, false));
    assert_eq!(config.clone().with_servers(&[]), config);
    let wild = parse("options timeout:9999 attempts:0\noptions attempts:x timeout:\nsearch\n");
    assert_eq!((wild.timeout, wild.attempts), (Duration::from_secs(5), 2));
    assert_eq!(parse("options timeout:9999 attempts:0").timeout, Duration::from_secs(30));
}

#[test]
fn the_sandbox_has_its_own_file() {
    assert_eq!(
        parse(HOST).inside(),
        "nameserver 127.0.0.53\nsearch corp.example lab.example\noptions ndots:5 timeout:2 attempts:3 edns0\n"
    );
    assert_eq!(parse("").inside(), "nameserver 127.0.0.53\n");
}

#[test]
fn the_list_of_names_is_read() {
    let text = "127.0.0.1 localhost\n10.0.0.5\tdb db.example # the database\n#10.0.0.6 no\n::1 ip6\nx y\n\n10.0.0.7\n0.0.0.0 ads.example\n";
    let hosts = parse_hosts(text);
    assert_eq!(hosts.len(), 5);
    assert_eq!(hosts[1], ("db".to_owned(), "10.0.0.5".parse().unwrap()));
    let foreign = foreign_hosts(&hosts);
    assert!(foreign.addresses(&Name::from_text("db.EXAMPLE").unwrap()).is_some());
    assert!(foreign.addresses(&Name::from_text("localhost").unwrap()).is_none());
    assert!(foreign.addresses(&Name::from_text("ads.example").unwrap()).is_none());
}

#[test]
fn the_sandbox_knows_its_machine() {
    let text = hosts_inside("box\n");
    assert_eq!(parse_hosts(&text).iter().filter(|(name, _)| name == "box").count(), 1);
    assert!(text.contains("localhost"));
    assert_eq!(hosts_inside("a\n192.0.2.1 b"), hosts_inside(""), "no line of its own");
    assert_eq!(hosts_inside(""), hosts_inside("localhost"));
}
