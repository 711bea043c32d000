//! `netwright check`: what is wrong with a host file.

use std::io::Write;
use std::process::ExitCode;

use netwright_nft::diagnostic::SourceId;
use netwright_state::ruleset::Table;

use crate::arguments::{Check, Global};
use crate::failure::Done;
use crate::host::Loaded;
use crate::output::{self, DIM, GOOD, count};

/// `netwright check`.
pub(crate) fn run(arguments: &Check, global: &Global) -> Done {
    let loaded = arguments.host.load(global, None)?;
    if !global.quiet {
        let mut out = output::stdout();
        if global.verbose {
            let texts = (0..).map_while(|id| loaded.sources.get(SourceId(id)));
            // texts without a name were not read but made
            for text in texts.filter(|text| !text.name().is_empty()) {
                let lines = count(text.text().lines().count(), "line");
                writeln!(out, "{DIM}read {}: {lines}{DIM:#}", output::plain(text.name()))?;
            }
        }
        let name = output::plain(&loaded.name);
        writeln!(out, "{name}: {GOOD}no mistakes{GOOD:#} in {}", summary(&loaded))?;
        out.flush()?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What there is in a host file, counted.
fn summary(loaded: &Loaded) -> String {
    let (host, tables) = (&loaded.host, &loaded.firewall.tables);
    let addresses = host.links.iter().map(|link| link.addresses.len()).sum();
    let parts = [
        (host.links.len(), "link"),
        (addresses, "address"),
        (host.routes.len(), "route"),
        (host.rules.len(), "policy rule"),
        (host.neighbours.len(), "neighbour"),
        (tables.len(), "firewall table"),
        (tables.iter().map(Table::rules).sum(), "firewall rule"),
        (host.flows.len(), "flow"),
    ];
    let parts: Vec<String> = parts
        .into_iter()
        .filter(|&(number, _)| number > 0)
        .map(|(number, noun)| count(number, noun))
        .collect();
    if parts.is_empty() { "an empty file".into() } else { parts.join(", ") }
}
