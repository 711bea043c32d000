//! `netwright capture`: a host file from what there is.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use netwright::nft::{PrintOptions, Style, names_in, write_ruleset};
use netwright_state::{Executor, Owners, Record, Wanted, capture, wanted_to_capture};

use crate::arguments::{self, Global};
use crate::failure::{Done, Failure};
use crate::files::unwritable;
use crate::host::Loaded;
use crate::output::{self, HELP, WARNING, count};
use crate::state::Session;
use crate::zone::zone;

const HOST_FILE: &str = "host.toml";
const FIREWALL_FILE: &str = "firewall.nft";

/// `netwright capture`.
pub(crate) fn run(arguments: &arguments::Capture, global: &Global) -> Done {
    let session = Session::open_to_read(arguments.place.open()?, global)?;
    let record = match &arguments.owner {
        None => None,
        Some(owner) => {
            let found = session.records()?.into_iter().find(|record| record.owner == *owner);
            let none = || Failure::said(format!("no owner `{owner}` has applied anything here"));
            Some(found.ok_or_else(none)?)
        }
    };
    let links = session.net.links().list()?;
    let snapshot = session.live().snapshot(&wanted_to_capture(&links))?;
    let host = capture(&snapshot, record.as_ref());
    let firewall = firewall(&session, record.as_ref())?;
    let text = match &arguments.folder {
        None if firewall.is_empty() => host.clone(),
        None => format!("{host}\n[firewall]\nrules = '''\n{firewall}'''\n"),
        Some(_) if firewall.is_empty() => host.clone(),
        Some(_) => format!("{host}\n[firewall]\ninclude = [\"{FIREWALL_FILE}\"]\n"),
    };
    if let Some(folder) = &arguments.folder {
        std::fs::create_dir_all(folder).map_err(|error| unwritable("the folder", folder, &error))?;
        write(&folder.join(HOST_FILE), &text)?;
        if !firewall.is_empty() {
            write(&folder.join(FIREWALL_FILE), &firewall)?;
        }
        if !global.quiet {
            let left = host.lines().filter(|line| line.starts_with("# ")).count();
            let what = if left > 1 { format!("; {} in it", count(left, "comment")) } else { String::new() };
            output::message(&format!("{HELP}note{HELP:#}: {} is written{what}", folder.display()));
        }
    } else {
        let mut out = output::stdout();
        out.write_all(text.as_bytes())?;
        out.flush()?;
    }
    compare(&session, &text, &firewall, record, global)
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    std::fs::write(path, text).map_err(|error| unwritable("the capture", path, &error))
}

/// The rulesets in the nft language, without those that a process holds, which go with it.
fn firewall(session: &Session, record: Option<&Record>) -> Result<String, Failure> {
    use netwright::netfilter::TableFlags;
    let mut ruleset = session.net.nft().ruleset()?.ruleset;
    ruleset.tables.retain(|content| {
        let own = record.is_none_or(|record| {
            record
                .tables
                .iter()
                .any(|name| name.family == content.table.family && name.name == content.table.name)
        });
        own && content.table.flags & TableFlags::OWNER.bits() == 0
    });
    let options = PrintOptions { zone: zone(), stateless: true, ..PrintOptions::default() };
    let names = names_in(session.net.namespace());
    let mut text = Vec::new();
    write_ruleset(&ruleset, Style { options: &options, names: &names, json: false }, &mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// Tells what applying it would change after all.
fn compare(session: &Session, text: &str, firewall: &str, record: Option<Record>, global: &Global) -> Done {
    let texts = serde_json::json!({
        "hosts": 1, "texts": [[HOST_FILE, text], [FIREWALL_FILE, firewall]],
    });
    let origin = netwright_state::Origin::Input;
    let quiet = Global { quiet: true, ..*global };
    let loaded = Loaded::of_kept(&texts, origin, &quiet, &session.net)?;
    let all = record.is_none();
    let own = record.unwrap_or_else(|| Record::new("capture"));
    let owners = Owners { own, others: Vec::new() };
    let wanted = Wanted::of(&loaded.host, &loaded.firewall, &owners.own);
    let mut snapshot = session.live().snapshot(&wanted)?;
    if all {
        // whose they are does not count
        snapshot.firewall.tables.iter_mut().for_each(|table| table.owner = None);
    }
    let plan = netwright_state::plan(&loaded.host, &loaded.firewall, &snapshot, &owners);
    for step in &plan.steps {
        let step = output::plain(&step.to_string()).into_owned();
        output::message(&format!("{WARNING}warning{WARNING:#}: applying it would change: {step}"));
    }
    for error in plan.errors() {
        let what = output::plain(&error.message).into_owned();
        output::message(&format!("{WARNING}warning{WARNING:#}: applying it would be refused: {what}"));
    }
    let alike = plan.steps.is_empty() && plan.errors().next().is_none();
    Ok(if alike { ExitCode::SUCCESS } else { ExitCode::from(crate::plan::LACKING) })
}
