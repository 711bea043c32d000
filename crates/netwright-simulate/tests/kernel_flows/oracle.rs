//! Applies a host file with `ip` and `nft`, so that the simulation is tested without what else applies files here.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use netwright_lab::{Failure, Oracle};
use netwright_nft::diagnostic::SourceMap;
use netwright_nft::syntax::NoIncludes;
use netwright_simulate::{Error, Options, Report, RuleSources, run};
use netwright_state::model::{Host, LinkKind, RpFilter};
use netwright_state::{Format, read};
use netwright_sys::{Namespace, Sysctl};

/// The report of a host file's text.
pub(crate) fn simulate(text: &str) -> Result<Report, Failure> {
    simulate_file(Path::new("host.toml"), text)
}

/// The report of a host file, which may include files that lie beside it.
pub(crate) fn simulate_file(path: &Path, text: &str) -> Result<Report, Failure> {
    let (ip, nft) = (Oracle::ip()?, Oracle::nft()?);
    let mut sources = SourceMap::default();
    let mut files = |path: &str| std::fs::read_to_string(path).map_err(|error| error.to_string());
    let (host, found) = read(&mut sources, &path.to_string_lossy(), text, Format::Toml, &mut files);
    let host = host.ok_or_else(|| Failure::wrong(format_args!("{found:?}")))?;
    let rules = RuleSources::read(&host, &mut sources, &mut NoIncludes);
    let apply = |namespace: &Namespace| {
        let applied = namespace.run(|| apply(&host, &sources, &ip, &nft));
        match applied.map_err(|error| error.to_string())? {
            Ok(()) => Ok(rules),
            Err(Failure::Wrong(why) | Failure::Missing(why) | Failure::Lacking(why)) => Err(why),
        }
    };
    let result: Result<Report, Error> = run(&host, &sources, &Options::default(), apply);
    Ok(result?)
}

/// A file of the repository.
pub(crate) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
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
                writeln!(commands, "link add {} type bridge stp_state {stp}", link.name)?;
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
        writeln!(commands)?;
    }
    Ok(())
}
