//! What tests of several modules begin with.
#![allow(clippy::unwrap_used, clippy::panic)]

use netwright_nft::catalog::Catalog;
use netwright_nft::diagnostic::SourceMap;
use netwright_nft::evaluate::{Options, compile};
use netwright_nft::syntax::{NoIncludes, parse};
use netwright_nft::table::{Database, Names};
use netwright_state::model::Host;
use netwright_state::{Format, Ruleset, read};

/// A host file, and its texts.
pub(crate) fn read_host(text: &str) -> (Host, SourceMap) {
    let mut none = |_: &str| Err("nothing is there".to_owned());
    let mut sources = SourceMap::default();
    let (host, found) = read(&mut sources, "host.toml", text, Format::Toml, &mut none);
    (host.unwrap_or_else(|| panic!("{found:?}")), sources)
}

/// What a firewall in the nft language declares.
pub(crate) fn declare(host: &Host, sources: &mut SourceMap) -> Ruleset {
    let mut names = Names::default();
    for (name, number) in [("lo", 1), ("wan", 2), ("lan", 3)] {
        names.insert(Database::Interfaces, name, number);
    }
    let mut commands = Vec::new();
    let mut catalog = Catalog::default();
    for source in &host.firewall_sources {
        let parsed = parse(sources, source.source, &mut NoIncludes);
        let compiled = compile(
            sources,
            &parsed,
            &Options { names: &names, catalog: &catalog, zone: netwright_nft::table::Zone::UTC },
        );
        assert!(parsed.diagnostics.is_empty(), "{:?}", parsed.diagnostics);
        assert!(compiled.diagnostics.is_empty(), "{:?}", compiled.diagnostics);
        commands.extend(compiled.commands);
        catalog = compiled.catalog;
    }
    Ruleset::declared(&commands).unwrap()
}

/// A ruleset in a host file, whose first line is line 3.
pub(crate) fn declared(rules: &str) -> (Host, SourceMap, Ruleset) {
    let (host, mut sources) = read_host(&format!("[firewall]\nrules = '''\n{rules}\n'''\n"));
    let declared = declare(&host, &mut sources);
    (host, sources, declared)
}
