use std::collections::HashMap;
use std::path::Path;

use super::*;
use crate::policy::{Ports, Protocol, SearchPath, Target};

/// Presets of a test, before the built-in ones.
struct Texts(HashMap<&'static str, &'static str>);

impl Presets for Texts {
    fn load(&self, name: &str) -> Result<Option<(String, String)>, String> {
        match self.0.get(name) {
            Some(text) => Ok(Some((format!("{name}.toml"), (*text).to_owned()))),
            None => SearchPath::default().load(name),
        }
    }

    fn names(&self) -> Vec<String> {
        self.0.keys().map(|name| (*name).to_owned()).chain(SearchPath::default().names()).collect()
    }
}

fn texts() -> Texts {
    Texts(HashMap::from([
        ("one", "include = [\"two\"]\nallow = [\"one.example.org\"]"),
        ("two", "include = [\"one\"]"),
        ("good", "allow = [\"good.example.org:443\", \"example.org\"]\ndeny = [\"bad.example.org\"]"),
        ("wrong", "allow = [\n  \"a.example.org:99999\",\n]"),
    ]))
}

fn read(text: &str, profiles: &[&str]) -> (Option<Policy>, Vec<String>) {
    let mut sources = SourceMap::default();
    let (policy, diagnostics) = Policy::from_toml(&mut sources, "p.toml", text, profiles, &texts());
    let told = diagnostics.iter().map(|diagnostic| {
        let span = diagnostic.span().unwrap();
        let place = sources.locate(span).unwrap();
        let help = diagnostic.help.iter().map(|help| format!(" ({help})")).collect::<String>();
        format!("{place} «{}» {}{help}", sources.snippet(span), diagnostic.message)
    });
    (policy, told.collect())
}

fn good(text: &str, profiles: &[&str]) -> Policy {
    let (policy, told) = read(text, profiles);
    assert_eq!(told, Vec::<String>::new());
    policy.unwrap()
}

fn written(rules: &[Rule]) -> Vec<String> {
    rules.iter().map(Rule::to_string).collect()
}

#[test]
fn a_whole_policy() {
    let text = r#"
        allow = ["*.example.org:443/tcp", 'icmp', "example.org"]
        deny = ["ads.example.org"]
        include = ["good"]
        dns = ["192.0.2.53", "2001:db8::53"]
        hosts = { "DB.local" = "10.0.0.5", two = ["10.0.0.6", "fd00::6"] }
        sockets = ["/run/docker.sock"]
        [profile.test]
        allow = ["host:5432"]
        [profile.other]
        allow = ["any"]
    "#;
    let policy = good(text, &["test"]);
    assert_eq!(
        written(&policy.allow),
        ["*.example.org:443/tcp", "icmp", "example.org", "good.example.org:443", "host:5432"]
    );
    assert_eq!(written(&policy.deny), ["ads.example.org", "bad.example.org"]);
    assert_eq!(policy.dns.len(), 2);
    let hosts: Vec<String> = policy.hosts.iter().map(|(name, address)| format!("{name}={address}")).collect();
    assert_eq!(hosts, ["db.local=10.0.0.5", "two=10.0.0.6", "two=fd00::6"]);
    assert_eq!(policy.sockets, [Path::new("/run/docker.sock")]);
    let place = |text: &str| policy.places.allow[&text.parse::<Rule>().unwrap()].to_string();
    assert_eq!(
        (place("icmp"), place("host:5432"), place("good.example.org:443")),
        ("p.toml:2".into(), "p.toml:9".into(), "good.toml:1".into())
    );
    let again = good(&policy.to_toml(), &[]);
    assert_eq!(
        (again.allow, again.deny, again.dns, again.sockets),
        (policy.allow, policy.deny, policy.dns, policy.sockets)
    );
    assert_eq!(again.hosts.len(), 3);
}

#[test]
fn a_missing_profile_is_told_with_those_that_there_are() {
    let told = |text: &str| read(text, &["other"]).1;
    let missing = "p.toml:1:1 «» there is no profile `other` in p.toml";
    assert_eq!(told("[profile.ci]\n[profile.web]\n"), [format!("{missing} (There are ci, web.)")]);
    assert_eq!(told("allow = []\n"), [format!("{missing} (A profile is a table `[profile.NAME]`.)")]);
}

#[test]
fn all_mistakes_at_once() {
    let text = r#"alow = ["x"]
allow = ["exmaple.org:443/tpc", "a b", 7, "\u0041:0"]
deny = "10.0.0.0/8"
include = ["wbe", "../x", "one", "wrong"]
dns = ["dns.example.org"]
sockets = ["docker.sock"]
hosts = { "a_ b" = "10.0.0.1", x = "y", a.b = "10.0.0.1" }
nameservers = []
[profile.test]
profile = {}
profile = {}
"#;
    let (policy, told) = read(text, &["tst"]);
    assert_eq!(policy, None);
    let expected = [
        "p.toml:1:1 «alow» unknown key `alow` in a policy (Did you mean `allow`?)",
        "p.toml:1:1 «» there is no profile `tst` in p.toml (Did you mean `test`?)",
        "p.toml:2:27 «tpc» `tpc` is no protocol (Did you mean `tcp`?)",
        "p.toml:2:35 « » a rule has no ' ' in it (Give each rule on its own.)",
        "p.toml:2:40 «7» expected a string, found a number",
        "p.toml:2:43 «\"\\u0041:0\"» there is no port 0 (Leave the ports out to mean all of them.)",
        "p.toml:3:8 «\"10.0.0.0/8\"» expected an array of rules, found a string (Write [\"10.0.0.0/8\"].)",
        "p.toml:4:12 «\"wbe\"» there is no preset `wbe` (Did you mean `web`?)",
        "p.toml:4:19 «\"../x\"» `../x` cannot be the name of a preset (Presets are named without path and ending: \"web\" is web.toml in the search path.)",
        "p.toml:5:8 «\"dns.example.org\"» `dns.example.org` is not an IPv4 or IPv6 address",
        "p.toml:6:12 «\"docker.sock\"» `docker.sock` is no whole path (A path begins with `/`.)",
        "p.toml:7:11 «\"a_ b\"» a name has no ` ` in it",
        "p.toml:7:36 «\"y\"» `y` is not an IPv4 or IPv6 address",
        "p.toml:7:41 «a» expected an address, found a table (Write the whole name in quotes: \"a.…\".)",
        "p.toml:8:1 «nameservers» unknown key `nameservers` in a policy (Did you mean `dns`?)",
        "p.toml:10:1 «profile» unknown key `profile` in a policy (The keys are allow, deny, include, dns, hosts, sockets, files.)",
        "p.toml:11:1 «profile» `profile` is given twice (Put both lists into one.)",
        "two.toml:1:12 «\"one\"» the presets include each other: `one` includes `two` includes `one`",
        "wrong.toml:2:18 «99999» 99999 is no port: they go up to 65535",
    ];
    for (found, expected) in told.iter().zip(expected) {
        assert_eq!(found, expected);
    }
    assert_eq!(told.len(), expected.len(), "{told:#?}");
}

#[test]
fn broken_toml_is_told_once_a_line() {
    let (policy, told) = read("allow = [example.org]\ndeny = [\"x:0\"]\nhosts = 7\n", &[]);
    assert_eq!(policy, None);
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told[0].starts_with("p.toml:1:10 «example.org»"), "{told:?}");
    assert!(told[2].contains("expected names with addresses"), "{told:?}");
}

#[test]
fn no_text_is_a_panic() {
    const PARTS: [&str; 20] = [
        "allow",
        "=",
        "[",
        "]",
        "\"",
        "example.org",
        ":",
        "\n",
        "{",
        "}",
        ",",
        "profile",
        ".",
        "x",
        "'",
        "\"\"\"",
        "#",
        "1",
        "\\",
        "ü",
    ];
    let mut seed = 3_u64;
    for _ in 0..20_000 {
        let mut text = String::new();
        for _ in 0..12 {
            seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            text.push_str(PARTS[(seed >> 33) as usize % PARTS.len()]);
        }
        let (policy, told) = read(&text, &[]);
        assert_eq!(policy.is_none(), !told.is_empty(), "{text}");
    }
}

#[test]
fn the_built_in_presets_are_right() {
    let names = SearchPath::default().names();
    assert_eq!(names, ["dns", "git", "lan", "web"]);
    for name in names {
        let mut sources = SourceMap::default();
        let (policy, diagnostics) = Policy::from_preset(&mut sources, &name, &SearchPath::default());
        assert_eq!(diagnostics, [], "{name}");
        assert!(!policy.unwrap().allow.is_empty());
    }
    let mut sources = SourceMap::default();
    assert!(Policy::from_preset(&mut sources, "gti", &SearchPath::default()).0.is_none());
}

#[test]
fn presets_are_looked_for_in_order() {
    let directory = std::env::temp_dir().join(format!("netwright-presets-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    std::fs::write(directory.join("web.toml"), "allow = [\"web.example.org\"]").unwrap();
    std::fs::write(directory.join("mine.toml"), "include = [\"git\"]").unwrap();
    let path = SearchPath { directories: vec!["/nowhere/at/all".into(), directory.clone()] };
    let preset = |name: &str| Policy::from_preset(&mut SourceMap::default(), name, &path).0.unwrap();
    assert_eq!(written(&preset("web").allow), ["web.example.org"]);
    assert_eq!(preset("mine").allow.len(), 3);
    assert_eq!(path.names(), ["dns", "git", "lan", "mine", "web"]);
    std::fs::remove_dir_all(&directory).unwrap();
}

/// The schema has the keys that are read, no more and no less.
#[test]
fn the_schema_knows_the_keys() {
    let schema = Policy::schema();
    for key in KEYS.iter().chain([&PROFILE]) {
        assert!(schema.contains(&format!("\"{key}\": {{")), "{key}");
    }
    let references: Vec<&str> =
        schema.split("\"$ref\": \"#/$defs/").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let of_keys = |name: &&&str| **name != "rule";
    assert_eq!(references.iter().filter(of_keys).count(), 2 * KEYS.len());
    assert!(references.iter().filter(of_keys).all(|name| KEYS.contains(name)));
}

#[test]
fn a_policy_is_written_so_that_it_reads_back() {
    let rule = Rule { target: Target::Lan, ports: Ports::All, protocol: Some(Protocol::Udp) };
    let policy = Policy { allow: vec![rule], sockets: vec!["/run/\"x\"\n".into()], ..Policy::default() };
    let again = good(&policy.to_toml(), &[]);
    assert_eq!((again.allow, again.sockets), (policy.allow, policy.sockets));
    assert_eq!(good(&Policy::default().to_toml(), &[]), Policy::default());
}
