//! What the fuzzers run of this crate: everything that reads what comes from outside, as plain functions of bytes. The folder
//! `fuzz` of the repository has a target of libFuzzer for each; an ordinary test runs them over seeds and mutations of these.

use netwright_nft::diagnostic::SourceMap;
use netwright_state::{Extent, Format, Journal, Owners, Record, Ruleset, Snapshot, plan, read, restore};

/// A host file in TOML, and in JSON: it is read, and planned for a namespace with nothing in it.
pub(crate) fn host(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for (name, format) in [("host.toml", Format::Toml), ("host.json", Format::Json)] {
        let mut sources = SourceMap::default();
        let (host, diagnostics) =
            read(&mut sources, name, text, format, &mut |_| Err("no such file".to_owned()));
        for diagnostic in &diagnostics {
            drop(diagnostic.message.clone());
            let _ = diagnostic.span().and_then(|span| sources.locate(span));
        }
        if let Some(host) = host {
            let owners = Owners { own: Record::new("fuzz"), ..Owners::default() };
            drop(plan(&host, &Ruleset::default(), &Snapshot::default(), &owners).to_string());
        }
    }
}

/// A journal from the disk: what it says is taken back where nothing is there any more.
pub(crate) fn journal(data: &[u8]) {
    let Ok(json) = serde_json::from_slice(data) else { return };
    match Journal::from_json(&json) {
        Ok(journal) => {
            drop(restore(&journal.before, &journal.scope, &Snapshot::default(), Extent::All));
            drop(journal.to_json().to_string());
        }
        Err(error) => drop(error),
    }
    let _ = Record::from_json(&json);
}
