//! # Tests of your own firewall
//!
//! The host and what it should let through are declared; the program sets the host up as it does on a real one, in a namespace of the
//! test, and `netwright-simulate` sends real packets through it. It needs no root. A host file with a firewall is tried by the
//! command alone:
//!
//!     netwright test host.toml

use netwright::{Net, nft};
use netwright_nft::catalog::Catalog;
use netwright_nft::diagnostic::SourceMap;
use netwright_nft::evaluate::{self, compile};
use netwright_nft::syntax::{self, NoIncludes};
use netwright_nft::table::Zone;
use netwright_simulate::{Build, Options, Session};
use netwright_state::{Format, Ruleset, read};
use netwright_sys::{Namespace, isolate};

const FIREWALL: &str = "
    table inet filter {
        chain input {
            type filter hook input priority filter; policy drop;
            ct state established,related accept
            meta l4proto ipv6-icmp accept
            tcp dport 22 accept
        }
    }";

const HOST: &str = r#"
    [link.eth0]
    addresses = ["192.0.2.1/24", "2001:db8::1/64"]

    [[flow]]
    name = "SSH is open"
    from = "eth0 192.0.2.2"
    to = "192.0.2.1"
    tcp = 22
    expect = "accept"

    [[flow]]
    name = "SSH is open by IPv6"
    from = "eth0 2001:db8::2"
    to = "2001:db8::1"
    tcp = 22
    expect = "accept"

    [[flow]]
    name = "the database is not"
    from = "eth0 192.0.2.2"
    to = "192.0.2.1"
    tcp = 5432
    expect = "drop"
"#;

/// What the program does to a host, which is what is tested.
fn set_up(net: &Net) -> netwright::Result<()> {
    let eth0 = net.links().get("eth0")?;
    net.links().set(&eth0, netwright::Change::up())?;
    for address in [[192, 0, 2, 1].into(), [0x2001, 0xdb8, 0, 0, 0, 0, 0, 1].into()] {
        let length = if matches!(address, std::net::IpAddr::V4(_)) { 24 } else { 64 };
        net.addresses().add(&eth0, netwright::Address::new(address, length))?;
    }
    let mut firewall = net.nft().batch();
    firewall.extend(nft::parse(FIREWALL)?)?;
    firewall.commit()?;
    Ok(())
}

struct Program;

impl Build for Program {
    fn apply(&self, namespace: &Namespace) -> Result<(), String> {
        Net::open_in(namespace).and_then(|net| set_up(&net)).map_err(|error| error.to_string())
    }

    fn firewall(&self, namespace: &Namespace, sources: &mut SourceMap) -> Result<Ruleset, String> {
        let names = nft::names_in(namespace);
        let source = sources.add("firewall.nft", FIREWALL);
        let parsed = syntax::parse(sources, source, &mut NoIncludes);
        let options = evaluate::Options { names: &names, catalog: &Catalog::default(), zone: Zone::UTC };
        Ruleset::declared(&compile(sources, &parsed, &options).commands)
            .map_err(|_| "not declarative".to_owned())
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    isolate::enter()?; // namespaces of its own, for an ordinary user too
    let mut sources = SourceMap::default();
    let (host, mistakes) = read(&mut sources, "host.toml", HOST, Format::Toml, &mut |_| Err(String::new()));
    let host = host.ok_or_else(|| format!("{mistakes:?}"))?;
    let session = Session::new(&host, &sources, &Program, Options::default());
    let go_on = &mut |_: &_| std::ops::ControlFlow::Continue(());
    let report = session.run(&mut NoIncludes, &|_| true, go_on)?;
    print!("{report}");
    if report.passed() { Ok(()) } else { Err("not as expected".into()) }
}
