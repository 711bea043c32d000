//! Applies a host file with `ip` and `nft`, so that the simulation is tested without what else applies files here.

use std::fmt::Write;
use std::path::Path;

use netwright_lab::{Failure, Oracle};
use netwright_nft::catalog::Catalog;
use netwright_nft::diagnostic::{Severity, SourceMap};
use netwright_nft::evaluate::{self, compile};
use netwright_nft::syntax::{NoIncludes, parse};
use netwright_nft::table::{Database, Names};
use netwright_route::link::List;
use netwright_simulate::{Build, Options, Report, Session};
use netwright_state::model::{Host, LinkKind, RpFilter};
use netwright_state::{Format, Ruleset, read};
use netwright_sys::{Connection, Namespace, Sysctl, protocol};

/// The report of the flows of a host file whose names are selected.
pub(crate) fn simulate(
    path: &Path,
    text: &str,
    options: Options,
    select: &(dyn Fn(&str) -> bool + Sync),
) -> Result<Report, Failure> {
    let (ip, nft) = (Oracle::ip()?, Oracle::nft()?);
    let mut sources = SourceMap::default();
    let mut files = |path: &str| std::fs::read_to_string(path).map_err(|error| error.to_string());
    let (host, found) = read(&mut sources, &path.to_string_lossy(), text, Format::Toml, &mut files);
    let host = host.ok_or_else(|| Failure::wrong(format_args!("{found:?}")))?;
    let build = Oracles { host: &host, sources: &sources, ip, nft };
    let session = Session::new(&host, &sources, &build, options);
    let go_on = &mut |_: &_| std::ops::ControlFlow::Continue(());
    Ok(session.run(&mut NoIncludes, select, go_on)?)
}

/// Applies with `ip` and `nft`.
struct Oracles<'a> {
    host: &'a Host,
    sources: &'a SourceMap,
    ip: Oracle,
    nft: Oracle,
}

impl Build for Oracles<'_> {
    fn apply(&self, namespace: &Namespace) -> Result<(), String> {
        let applied = namespace.run(|| apply(self.host, self.sources, &self.ip, &self.nft));
        match applied.map_err(|error| error.to_string())? {
            Ok(()) => Ok(()),
            Err(Failure::Wrong(why) | Failure::Missing(why) | Failure::Lacking(why)) => Err(why),
        }
    }

    fn firewall(&self, namespace: &Namespace, sources: &mut SourceMap) -> Result<Ruleset, String> {
        let mut names = Names::default();
        let mut connection =
            Connection::open_in(namespace, protocol::ROUTE).map_err(|error| error.to_string())?;
        let links = connection.dump_all(&List::default()).map_err(|error| error.to_string())?;
        for link in links {
            names.insert(Database::Interfaces, &link.name, link.index.into());
        }
        let (mut commands, mut catalog) = (Vec::new(), Catalog::default());
        for source in &self.host.firewall_sources {
            let parsed = parse(sources, source.source, &mut NoIncludes);
            let options =
                evaluate::Options { names: &names, catalog: &catalog, zone: netwright_nft::table::Zone::UTC };
            let compiled = compile(sources, &parsed, &options);
            let mut found = parsed.diagnostics.iter().chain(&compiled.diagnostics);
            if let Some(wrong) = found.find(|wrong| wrong.severity == Severity::Error) {
                return Err(wrong.message.clone());
            }
            commands.extend(compiled.commands);
            catalog = compiled.catalog;
        }
        let unfit = |unfit: Vec<netwright_state::ruleset::Unfit>| {
            unfit.first().map(ToString::to_string).unwrap_or_default()
        };
        Ruleset::declared(&commands).map_err(unfit)
    }
}

fn apply(host: &Host, sources: &SourceMap, ip: &Oracle, nft: &Oracle) -> Result<(), Failure> {
    let settings = Sysctl::new(&Namespace::current()?);
    if let Some(forwarding) = &host.forwarding {
        settings.write(&["ipv4", "ip_forward"], u8::from(forwarding.ipv4 == Some(true)))?;
        settings.write(&["ipv6", "conf", "all", "forwarding"], u8::from(forwarding.ipv6 == Some(true)))?;
    }
    let mut commands = String::new();
    links(host, &mut commands)?;
    routes(host, &mut commands)?;
    ip.feed(["-batch", "-"], &commands)?;
    for (family, ipv4) in [("-4", true), ("-6", false)] {
        let mut commands = String::new();
        rules(host, ipv4, &mut commands)?;
        ip.feed([family, "-batch", "-"], &commands)?;
    }
    for link in &host.links {
        if link.ipv4.rp_filter == Some(RpFilter::Strict) {
            settings.write(&["ipv4", "conf", &link.name, "rp_filter"], 1)?;
        }
    }
    for source in &host.firewall_sources {
        let text = sources.get(source.source).map_or("", |source| source.text());
        nft.feed(["-f", "-"], text)?;
    }
    Ok(())
}

fn links(host: &Host, commands: &mut String) -> std::fmt::Result {
    for link in &host.links {
        match &link.kind {
            None => {}
            Some(LinkKind::Bridge(bridge)) => {
                let stp = u8::from(bridge.stp == Some(true));
                write!(commands, "link add {} type bridge stp_state {stp}", link.name)?;
                if bridge.vlan_filtering == Some(true) {
                    write!(commands, " vlan_filtering 1")?;
                }
                if let Some(vlan) = bridge.vlan_default_pvid {
                    write!(commands, " vlan_default_pvid {vlan}")?;
                }
                writeln!(commands)?;
            }
            Some(LinkKind::MacVlan(macvlan)) => {
                writeln!(commands, "link add link {} name {} type macvlan", macvlan.parent, link.name)?;
            }
            Some(kind) => writeln!(commands, "link add {} type {}", link.name, kind.name())?,
        }
    }
    for link in &host.links {
        for port in link.ports() {
            writeln!(commands, "link set {port} master {}", link.name)?;
        }
        for address in &link.addresses {
            writeln!(commands, "address add {} dev {}", address.address, link.name)?;
        }
        writeln!(commands, "link set {} {}", link.name, if link.up { "up" } else { "down" })?;
    }
    Ok(())
}

fn routes(host: &Host, commands: &mut String) -> std::fmt::Result {
    for route in &host.routes {
        write!(commands, "route add {} {}", route.kind, route.destination())?;
        if let Some(via) = route.via {
            write!(commands, " via {via}")?;
        }
        if let Some(dev) = &route.dev {
            write!(commands, " dev {dev}")?;
        }
        if let Some(table) = &route.table {
            write!(commands, " table {table}")?;
        }
        writeln!(commands)?;
    }
    Ok(())
}

fn rules(host: &Host, ipv4: bool, commands: &mut String) -> std::fmt::Result {
    for rule in &host.rules {
        if rule.from.is_some_and(|from| from.address.is_ipv4() != ipv4) {
            continue;
        }
        write!(commands, "rule add priority {}", rule.priority)?;
        if let Some(from) = rule.from {
            write!(commands, " from {from}")?;
        }
        if let Some(mark) = &rule.fwmark {
            write!(commands, " fwmark {}", mark.value)?;
        }
        if let Some(table) = &rule.table {
            write!(commands, " table {table}")?;
        }
        writeln!(commands)?;
    }
    Ok(())
}
