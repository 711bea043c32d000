//! Which owner a host file speaks for.

use std::borrow::Cow;
use std::collections::HashSet;

use crate::model::Host;
use crate::plan::Owners;
use crate::record::Record;
use crate::ruleset::{Ruleset, TableName};

/// Where a host file comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A file or folder, by its path from the root.
    Path(String),
    /// Standard input, which has no name.
    Input,
}

/// Why one of the owners was chosen, where that is not the file's own name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chosen {
    /// The file says so, or is known by its name.
    ByName,
    /// The file declares all that another one did which names no owner either: it takes its place.
    InPlaceOf {
        /// Where the other one was.
        file: String,
    },
    /// An empty standard input withdraws what the last file without a named owner declared.
    Withdraws {
        /// Where that was.
        file: String,
    },
}

/// Finds the owner that a host file speaks for among the records of a namespace, the latest last.
///
/// It is the one that the file names with `owner`. A file that names none is known by where it is, else by its own name.
/// One that is not known and declares all links and tables that another such file declared takes its place, as an edited
/// copy does. Where it declares only some of them, the two are side by side, and the plan tells of the clash.
#[must_use]
pub fn owners(host: &Host, firewall: &Ruleset, origin: &Origin, records: Vec<Record>) -> (Owners, Chosen) {
    let (path, stem) = match origin {
        Origin::Path(path) => (path.clone(), stem(path)),
        Origin::Input => (String::new(), "stdin".to_owned()),
    };
    let mut chosen = Chosen::ByName;
    let named = |name: &str| records.iter().position(|record| record.owner == name);
    let unnamed = || records.iter().enumerate().rev().filter(|(_, record)| !record.named);
    let (owner, at) = match &host.owner {
        Some(owner) => (owner.clone(), named(owner)),
        None => {
            let same_file = unnamed().find(|(_, record)| !path.is_empty() && record.file == path);
            let replaced = || unnamed().find(|(_, record)| covers(host, firewall, record));
            let found = if let Some((at, _)) = same_file {
                Some(at)
            } else if let (Origin::Input, true) = (origin, is_empty(host, firewall)) {
                let last = unnamed().next();
                if let Some((_, record)) = last {
                    chosen = Chosen::Withdraws { file: record.file.clone() };
                }
                last.map(|(at, _)| at)
            } else if let Some((at, record)) = replaced() {
                if record.file != path {
                    chosen = Chosen::InPlaceOf { file: record.file.clone() };
                }
                Some(at)
            } else {
                named(&stem).filter(|at| records.get(*at).is_some_and(|record| !record.named))
            };
            let taken = named(&stem).is_some() && found.is_none();
            let name = found.and_then(|at| records.get(at)).map(|record| record.owner.clone());
            // a named owner of the same name is somebody else
            let fresh = if taken { format!("{stem}-file") } else { stem };
            (name.unwrap_or(fresh), found)
        }
    };
    let mut others = records;
    let mut own = match at {
        Some(at) if at < others.len() => others.remove(at),
        _ => Record::new(owner.as_str()),
    };
    own.named = host.owner.is_some();
    own.file = path;
    (Owners { own, others }, chosen)
}

/// The owner that a file was known by when it was applied last, told by where it is; else by its own name.
#[must_use]
pub fn known_owner(origin: &Origin, records: &[Record]) -> String {
    let Origin::Path(path) = origin else { return "stdin".to_owned() };
    let known = records.iter().rev().find(|record| record.file == *path);
    known.map_or_else(|| stem(path), |record| record.owner.clone())
}

/// The name of a file without its end, as far as it can be the name of an owner.
fn stem(path: &str) -> String {
    let name = path.rsplit('/').find(|part| !part.is_empty()).unwrap_or("host");
    let stem = name.strip_suffix(".toml").or_else(|| name.strip_suffix(".json")).unwrap_or(name);
    let fine = |c: char| if c.is_ascii_alphanumeric() || "._-@+".contains(c) { c } else { '_' };
    let stem: String = stem.trim_start_matches('.').chars().map(fine).take(60).collect();
    if stem.is_empty() { "host".to_owned() } else { stem }
}

fn is_empty(host: &Host, firewall: &Ruleset) -> bool {
    host.links.is_empty()
        && host.routes.is_empty()
        && host.rules.is_empty()
        && host.neighbours.is_empty()
        && host.forwarding.is_none()
        && firewall.tables.is_empty()
}

/// Whether a host declares all links and tables that a record has, and at least one.
fn covers(host: &Host, firewall: &Ruleset, record: &Record) -> bool {
    let declared = |name: &str| host.link(name).is_some();
    let links = record.links.iter().map(|own| own.link);
    let links = links.chain(record.options.iter().map(|own| own.link));
    let links = links.chain(record.addresses.iter().map(|address| address.link));
    let links = links.chain(record.neighbours.iter().map(|neighbour| neighbour.link));
    let names: HashSet<String> = links.filter_map(|link| link.name().map(Cow::into_owned)).collect();
    let tables: HashSet<&TableName> = record.tables.iter().collect();
    let all =
        names.iter().all(|name| declared(name)) && tables.iter().all(|name| firewall.table(name).is_some());
    all && !(names.is_empty() && tables.is_empty())
}
