//! `netwright list`: what there is, as tables for people and as JSON for programs.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::process::ExitCode;

use netwright::route::Family;
use netwright::{LinkId, Net};
use serde_json::{Map, Value as Json};

use crate::arguments::{List, Topic};
use crate::failure::{Done, Failure};
use crate::output::{self, NAME};

mod addresses;
mod firewall;
mod links;
mod neighbours;
mod routes;
mod rules;

/// `netwright list`.
pub(crate) fn run(arguments: &List) -> Done {
    let net = arguments.place.open()?;
    let names = Names::read(&net)?;
    let several = arguments.what.is_none();
    let topics = match arguments.what {
        Some(topic) => vec![topic],
        None => vec![Topic::Links, Topic::Addresses, Topic::Routes, Topic::Rules, Topic::Neighbours],
    };
    let listed: Vec<(Topic, Listed)> = topics
        .into_iter()
        .map(|topic| Ok((topic, Listed::read(topic, &net, arguments.all)?)))
        .collect::<Result<_, Failure>>()?;
    if arguments.json {
        let mut all: Map<String, Json> = listed
            .into_iter()
            .map(|(topic, listed)| (key(topic).into(), listed.json(&names).into()))
            .collect();
        let only = arguments.what.and_then(|topic| all.remove(key(topic)));
        output::json(&only.unwrap_or(Json::Object(all)))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut out = output::stdout();
    let filled = listed.iter().filter(|(_, listed)| !several || !listed.is_empty());
    for (position, (topic, listed)) in filled.enumerate() {
        if several {
            let gap = if position > 0 { "\n" } else { "" };
            writeln!(out, "{gap}{NAME}{}{NAME:#}", title(*topic))?;
        }
        listed.write(&names, &mut out)?;
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

fn key(topic: Topic) -> &'static str {
    match topic {
        Topic::Links => "links",
        Topic::Addresses => "addresses",
        Topic::Routes => "routes",
        Topic::Rules => "rules",
        Topic::Neighbours => "neighbours",
        Topic::Firewall => "firewall",
    }
}

fn title(topic: Topic) -> &'static str {
    match topic {
        Topic::Links => "Links",
        Topic::Addresses => "Addresses",
        Topic::Routes => "Routes",
        Topic::Rules => "Policy rules",
        Topic::Neighbours => "Neighbours",
        Topic::Firewall => "Firewall",
    }
}

/// What a topic's list holds.
enum Listed {
    Links(Vec<netwright::Link>),
    Addresses(Vec<netwright::Address>),
    Routes(Vec<netwright::Route>),
    Rules(Vec<netwright::route::Rule>),
    Neighbours(Vec<netwright::Neighbour>),
    Firewall(firewall::Firewall),
}

impl Listed {
    fn read(topic: Topic, net: &Net, all: bool) -> Result<Self, Failure> {
        Ok(match topic {
            Topic::Links => Listed::Links(net.links().list()?),
            Topic::Addresses => Listed::Addresses(net.addresses().list()?),
            Topic::Routes => Listed::Routes(routes::read(net, all)?),
            Topic::Rules => Listed::Rules(net.rules().list()?),
            Topic::Neighbours => Listed::Neighbours(neighbours::read(net, all)?),
            Topic::Firewall => Listed::Firewall(firewall::Firewall::read(net)?),
        })
    }

    fn is_empty(&self) -> bool {
        match self {
            Listed::Links(list) => list.is_empty(),
            Listed::Addresses(list) => list.is_empty(),
            Listed::Routes(list) => list.is_empty(),
            Listed::Rules(list) => list.is_empty(),
            Listed::Neighbours(list) => list.is_empty(),
            Listed::Firewall(firewall) => firewall.is_empty(),
        }
    }

    fn json(&self, names: &Names) -> Vec<Json> {
        match self {
            Listed::Links(list) => list.iter().map(|link| links::json(link, names)).collect(),
            Listed::Addresses(list) => list.iter().map(|address| addresses::json(address, names)).collect(),
            Listed::Routes(list) => list.iter().map(|route| routes::json(route, names)).collect(),
            Listed::Rules(list) => list.iter().map(rules::json).collect(),
            Listed::Neighbours(list) => {
                list.iter().map(|neighbour| neighbours::json(neighbour, names)).collect()
            }
            Listed::Firewall(firewall) => firewall.json(),
        }
    }

    fn write(&self, names: &Names, out: &mut impl Write) -> io::Result<()> {
        match self {
            Listed::Links(list) => links::table(list, names).write(out),
            Listed::Addresses(list) => addresses::table(list, names).write(out),
            Listed::Routes(list) => routes::table(list, names).write(out),
            Listed::Rules(list) => rules::table(list).write(out),
            Listed::Neighbours(list) => neighbours::table(list, names).write(out),
            Listed::Firewall(firewall) => firewall.write(out),
        }
    }
}

/// Names of links by their index.
struct Names(BTreeMap<u32, String>);

impl Names {
    fn read(net: &Net) -> netwright::Result<Self> {
        Ok(Names(net.links().list()?.into_iter().map(|link| (link.index, link.name)).collect()))
    }

    /// The name of an index, or `if7` for a link that is gone or in another namespace.
    fn of(&self, index: u32) -> String {
        self.0.get(&index).cloned().unwrap_or_else(|| format!("if{index}"))
    }

    fn link(&self, link: LinkId) -> String {
        self.of(link.index)
    }
}

/// An object of JSON that leaves out what does not exist.
#[derive(Default)]
struct Object(Map<String, Json>);

impl Object {
    fn with(mut self, key: &str, value: impl Into<Json>) -> Self {
        self.0.insert(key.to_owned(), value.into());
        self
    }

    fn maybe(self, key: &str, value: Option<impl Into<Json>>) -> Self {
        match value {
            Some(value) => self.with(key, value),
            None => self,
        }
    }

    /// What is shown as a text.
    fn text(self, key: &str, value: impl ToString) -> Self {
        self.with(key, value.to_string())
    }

    fn maybe_text(self, key: &str, value: Option<impl ToString>) -> Self {
        self.maybe(key, value.map(|value| value.to_string()))
    }

    /// A list, where there is something in it.
    fn list(self, key: &str, values: impl IntoIterator<Item = impl Into<Json>>) -> Self {
        let values: Vec<Json> = values.into_iter().map(Into::into).collect();
        self.maybe(key, (!values.is_empty()).then_some(values))
    }

    fn flag(self, key: &str, on: bool) -> Self {
        self.maybe(key, on.then_some(true))
    }

    fn json(self) -> Json {
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
