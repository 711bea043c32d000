//! `netwright list`: what there is, as tables for people and as JSON for programs.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::process::ExitCode;

use netwright::route::Family;
use netwright::watch::Store;
use netwright::{LinkId, Net};
use serde_json::{Map, Value as Json};

use crate::arguments::{List, Topic};
use crate::failure::{Done, Failure};
use crate::output::{self, NAME};

pub(crate) mod addresses;
mod firewall;
pub(crate) mod links;
pub(crate) mod neighbours;
pub(crate) mod routes;
pub(crate) mod rules;

/// What is listed where nothing is named.
const USUAL: [Topic; 5] = [Topic::Links, Topic::Addresses, Topic::Routes, Topic::Rules, Topic::Neighbours];

/// `netwright list`.
pub(crate) fn run(arguments: &List) -> Done {
    let net = arguments.place.open()?;
    let mut out = output::stdout();
    match arguments.what {
        Some(Topic::Firewall) => firewall::list(&net, arguments.json, &mut out)?,
        what => lists(what, &net, arguments, &mut out)?,
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

fn lists(what: Option<Topic>, net: &Net, arguments: &List, out: &mut impl Write) -> Result<(), Failure> {
    if what == Some(Topic::Routes) {
        return routes::stream(net, &Names::read(net)?, arguments).map(drop);
    }
    let topics = what.map_or(USUAL.to_vec(), |topic| vec![topic]);
    let read = |topic| Listed::read(topic, net, arguments.all).transpose();
    let listed: Vec<Listed> = topics.into_iter().filter_map(read).collect::<Result<_, _>>()?;
    let links = listed.iter().find_map(|listed| match listed {
        Listed::Links(links) => Some(links.iter().map(|link| (link.index, link.name.clone())).collect()),
        _ => None,
    });
    let names = links.map_or_else(|| Names::read(net), |links| Ok(Names::Listed(links)))?;
    if arguments.json {
        let mut all: Map<String, Json> =
            listed.iter().map(|listed| (listed.key().to_owned(), listed.json(&names).into())).collect();
        let only = what.and_then(|_| listed.first()).and_then(|listed| all.remove(listed.key()));
        return Ok(output::json(&only.unwrap_or(Json::Object(all)))?);
    }
    let filled = listed.iter().filter(|listed| what.is_some() || !listed.is_empty());
    for (position, listed) in filled.enumerate() {
        if what.is_none() {
            let gap = if position > 0 { "\n" } else { "" };
            writeln!(out, "{gap}{NAME}{}{NAME:#}", listed.title())?;
        }
        listed.write(&names, out)?;
    }
    Ok(())
}

/// What a topic's list holds.
enum Listed {
    Links(Vec<netwright::Link>),
    Addresses(Vec<netwright::Address>),
    Routes(Vec<netwright::Route>),
    Rules(Vec<netwright::route::Rule>),
    Neighbours(Vec<netwright::Neighbour>),
}

impl Listed {
    /// Reads a list; the firewall is none.
    fn read(topic: Topic, net: &Net, all: bool) -> netwright::Result<Option<Self>> {
        Ok(Some(match topic {
            Topic::Links => Listed::Links(net.links().list()?),
            Topic::Addresses => Listed::Addresses(net.addresses().list()?),
            Topic::Routes => Listed::Routes(routes::read(net, all)?),
            Topic::Rules => Listed::Rules(net.rules().list()?),
            Topic::Neighbours => Listed::Neighbours(neighbours::read(net, all)?),
            Topic::Firewall => return Ok(None),
        }))
    }

    fn key(&self) -> &'static str {
        match self {
            Listed::Links(_) => "links",
            Listed::Addresses(_) => "addresses",
            Listed::Routes(_) => "routes",
            Listed::Rules(_) => "rules",
            Listed::Neighbours(_) => "neighbours",
        }
    }

    fn title(&self) -> &'static str {
        match self {
            Listed::Links(_) => "Links",
            Listed::Addresses(_) => "Addresses",
            Listed::Routes(_) => "Routes",
            Listed::Rules(_) => "Policy rules",
            Listed::Neighbours(_) => "Neighbours",
        }
    }

    fn is_empty(&self) -> bool {
        match self {
            Listed::Links(list) => list.is_empty(),
            Listed::Addresses(list) => list.is_empty(),
            Listed::Routes(list) => list.is_empty(),
            Listed::Rules(list) => list.is_empty(),
            Listed::Neighbours(list) => list.is_empty(),
        }
    }

    fn json(&self, names: &Names<'_>) -> Vec<Json> {
        match self {
            Listed::Links(list) => list.iter().map(|link| links::json(link, names)).collect(),
            Listed::Addresses(list) => list.iter().map(|address| addresses::json(address, names)).collect(),
            Listed::Routes(list) => list.iter().map(|route| routes::json(route, names)).collect(),
            Listed::Rules(list) => list.iter().map(rules::json).collect(),
            Listed::Neighbours(list) => {
                list.iter().map(|neighbour| neighbours::json(neighbour, names)).collect()
            }
        }
    }

    fn write(&self, names: &Names<'_>, out: &mut impl Write) -> io::Result<()> {
        match self {
            Listed::Links(list) => links::table(list, names).write(out),
            Listed::Addresses(list) => addresses::table(list, names).write(out),
            Listed::Routes(list) => routes::table(list, names).write(out),
            Listed::Rules(list) => rules::table(list).write(out),
            Listed::Neighbours(list) => neighbours::table(list, names).write(out),
        }
    }
}

/// Names of links by their index.
pub(crate) enum Names<'a> {
    Listed(BTreeMap<u32, String>),
    Copied(&'a Store),
}

impl<'a> Names<'a> {
    fn read(net: &Net) -> netwright::Result<Self> {
        let links = net.links().ids()?.into_iter();
        Ok(Names::Listed(links.map(|link| (link.index, link.to_string())).collect()))
    }

    /// Those that a watch knows.
    pub(crate) fn of_store(store: &'a Store) -> Self {
        Names::Copied(store)
    }

    /// The name of an index, or `if7` for a link that is gone or in another namespace.
    fn of(&self, index: u32) -> String {
        let name = match self {
            Names::Listed(names) => names.get(&index),
            Names::Copied(store) => store.link_by_index(index).map(|link| &link.name),
        };
        name.cloned().unwrap_or_else(|| format!("if{index}"))
    }

    /// A link with the name that it had when it was told of, where it has one.
    pub(crate) fn link(&self, link: LinkId) -> String {
        link.name().map_or_else(|| self.of(link.index), Cow::into_owned)
    }
}

/// An object of JSON that leaves out what does not exist.
#[derive(Default)]
pub(crate) struct Object(Map<String, Json>);

impl Object {
    pub(crate) fn with(mut self, key: &str, value: impl Into<Json>) -> Self {
        self.0.insert(key.to_owned(), value.into());
        self
    }

    pub(crate) fn maybe(self, key: &str, value: Option<impl Into<Json>>) -> Self {
        match value {
            Some(value) => self.with(key, value),
            None => self,
        }
    }

    /// What is shown as a text.
    pub(crate) fn text(self, key: &str, value: impl ToString) -> Self {
        self.with(key, value.to_string())
    }

    pub(crate) fn maybe_text(self, key: &str, value: Option<impl ToString>) -> Self {
        self.maybe(key, value.map(|value| value.to_string()))
    }

    /// A list, where there is something in it.
    pub(crate) fn list(self, key: &str, values: impl IntoIterator<Item = impl Into<Json>>) -> Self {
        let values: Vec<Json> = values.into_iter().map(Into::into).collect();
        self.maybe(key, (!values.is_empty()).then_some(values))
    }

    pub(crate) fn flag(self, key: &str, on: bool) -> Self {
        self.maybe(key, on.then_some(true))
    }

    pub(crate) fn json(self) -> Json {
        Json::Object(self.0)
    }
}

/// The word for a family in JSON.
fn family(family: Family) -> &'static str {
    if family == Family::IPV6 { "ipv6" } else { "ipv4" }
}

/// What an option holds, as text for a table.
fn or_empty(value: Option<impl ToString>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

/// The names of the flags that are set, as `ip` has them; those without a name as a number.
fn flag_names<'a>(bits: u32, names: &[(u32, &'a str)]) -> Vec<std::borrow::Cow<'a, str>> {
    let known = names.iter().filter(|(bit, _)| bits & bit != 0);
    let rest = names.iter().fold(bits, |bits, (bit, _)| bits & !bit);
    let rest = (rest != 0).then(|| format!("{rest:#x}").into());
    known.map(|&(_, name)| name.into()).chain(rest).collect()
}
