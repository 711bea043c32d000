//! `netwright list`: what there is, as tables for people and as JSON for programs.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::process::ExitCode;

use netwright::route::Family;
use netwright::watch::Store;
use netwright::{LinkId, Net};
use serde_json::{Map, Value as Json};

use crate::arguments::{List, Topic};
use crate::failure::{Done, Failure};
use crate::output::stream::{self, Sink};
use crate::output::{self, Cell, NAME, Table};

pub(crate) mod addresses;
mod firewall;
pub(crate) mod links;
pub(crate) mod neighbours;
pub(crate) mod routes;
pub(crate) mod rules;

/// What is listed where nothing is named.
const USUAL: [Topic; 5] = [Topic::Links, Topic::Addresses, Topic::Routes, Topic::Rules, Topic::Neighbours];

/// How often a list is begun anew that changes interrupt.
const TRIES: u32 = 10;

/// What takes the things of a list as they come.
type Put<'p, T> = dyn FnMut(T) -> ControlFlow<()> + Send + 'p;

/// `netwright list`.
pub(crate) fn run(arguments: &List) -> Done {
    let net = arguments.place.open()?;
    match arguments.what {
        Some(topic) => one(topic, &net, arguments)?,
        None => usual(&net, arguments)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Lists one topic. All but links are written as they come: those are called by names of others.
fn one(topic: Topic, net: &Net, List { json, all, .. }: &List) -> Result<(), Failure> {
    match topic {
        Topic::Links => {
            let links = links::read(net)?;
            let names = links::names(&links);
            let row = |one: &&_| links::row(one, &names);
            let mut sink = sink(*json, links::HEADER, row, |one| links::json(one, &names));
            links.iter().try_for_each(|link| sink.put(link))?;
            Ok(sink.finish()?)
        }
        Topic::Addresses => {
            let names = &Names::read(net)?;
            let row = |one: &_| addresses::row(one, names);
            let sink = sink(*json, addresses::HEADER, row, |one| addresses::json(one, names));
            stream(sink, |put| addresses::each(net, put))
        }
        Topic::Routes => {
            let names = &Names::read(net)?;
            let row = |one: &_| routes::row(one, names);
            let sink = sink(*json, routes::HEADER, row, |one| routes::json(one, names));
            stream(sink, |put| routes::each(net, *all, put))
        }
        Topic::Rules => {
            stream(sink(*json, rules::HEADER, rules::row, rules::json), |put| rules::each(net, put))
        }
        Topic::Neighbours => {
            let names = &Names::read(net)?;
            let row = |one: &_| neighbours::row(one, names);
            let sink = sink(*json, neighbours::HEADER, row, |one| neighbours::json(one, names));
            stream(sink, |put| neighbours::each(net, *all, put))
        }
        Topic::Firewall => firewall::list(net, *json),
    }
}

/// A table or a list of JSON on standard output.
fn sink<'a, T: 'a, const N: usize>(
    json: bool,
    header: [&'static str; N],
    row: impl Fn(&T) -> [Cell; N] + Send + 'a,
    as_json: impl Fn(&T) -> Json + Send + 'a,
) -> Box<dyn Sink<T> + Send + 'a> {
    match json {
        true => Box::new(stream::List::new(as_json, output::list())),
        false => Box::new(stream::Rows::new(header, row, output::list())),
    }
}

/// Writes what is handed out, as it comes.
fn stream<T>(
    mut sink: Box<dyn Sink<T> + Send + '_>,
    each: impl Fn(&mut Put<'_, T>) -> netwright::Result<()>,
) -> Result<(), Failure> {
    fill(&mut *sink, each)?;
    Ok(sink.finish()?)
}

/// Collects what is handed out.
fn collect<T: Send>(each: impl Fn(&mut Put<'_, T>) -> netwright::Result<()>) -> Result<Vec<T>, Failure> {
    let mut all = Vec::new();
    fill(&mut all, each)?;
    Ok(all)
}

/// Puts what is handed out into a sink; where changes interrupt that, and the sink can, from the beginning.
fn fill<T>(
    sink: &mut (dyn Sink<T> + Send + '_),
    each: impl Fn(&mut Put<'_, T>) -> netwright::Result<()>,
) -> Result<(), Failure> {
    for tries in 1.. {
        let mut put = Ok(());
        let listed = each(&mut |one| {
            put = sink.put(one);
            if put.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        put?;
        match listed {
            Err(error) if tries < TRIES && error.is_passing() && sink.restart() => {}
            listed => return Ok(listed?),
        }
    }
    Ok(())
}

/// Lists everything but the firewall.
fn usual(net: &Net, arguments: &List) -> Result<(), Failure> {
    let read = |topic: &Topic| Listed::read(*topic, net, arguments.all).transpose();
    let listed: Vec<Listed> = USUAL.iter().filter_map(read).collect::<Result<_, _>>()?;
    let links = listed.iter().find_map(|listed| match listed {
        Listed::Links(links) => Some(links::names(links)),
        _ => None,
    });
    let names = links.map_or_else(|| Names::read(net), Ok)?;
    if arguments.json {
        let all = listed.iter().map(|listed| (listed.key().to_owned(), listed.json(&names).into()));
        return Ok(output::json(&Json::Object(all.collect()))?);
    }
    let mut out = output::stdout();
    for (position, listed) in listed.iter().filter(|listed| !listed.is_empty()).enumerate() {
        let gap = if position > 0 { "\n" } else { "" };
        writeln!(out, "{gap}{NAME}{}{NAME:#}", listed.title())?;
        listed.write(&names, &mut out)?;
    }
    Ok(out.flush()?)
}

/// What a topic's list holds.
enum Listed {
    Links(Vec<links::Brief>),
    Addresses(Vec<netwright::Address>),
    Routes(Vec<netwright::Route>),
    Rules(Vec<netwright::route::Rule>),
    Neighbours(Vec<netwright::Neighbour>),
}

impl Listed {
    /// Reads a list; the firewall is none.
    fn read(topic: Topic, net: &Net, all: bool) -> Result<Option<Self>, Failure> {
        Ok(Some(match topic {
            Topic::Links => Listed::Links(links::read(net)?),
            Topic::Addresses => Listed::Addresses(collect(|put| addresses::each(net, put))?),
            Topic::Routes => Listed::Routes(collect(|put| routes::each(net, all, put))?),
            Topic::Rules => Listed::Rules(collect(|put| rules::each(net, put))?),
            Topic::Neighbours => Listed::Neighbours(collect(|put| neighbours::each(net, all, put))?),
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
            Listed::Links(list) => table(links::HEADER, list, |one| links::row(one, names), out),
            Listed::Addresses(list) => table(addresses::HEADER, list, |one| addresses::row(one, names), out),
            Listed::Routes(list) => table(routes::HEADER, list, |one| routes::row(one, names), out),
            Listed::Rules(list) => table(rules::HEADER, list, rules::row, out),
            Listed::Neighbours(list) => {
                table(neighbours::HEADER, list, |one| neighbours::row(one, names), out)
            }
        }
    }
}

fn table<T, const N: usize>(
    header: [&'static str; N],
    list: &[T],
    row: impl Fn(&T) -> [Cell; N],
    out: &mut impl Write,
) -> io::Result<()> {
    let mut table = Table::new(header);
    list.iter().for_each(|one| table.row(row(one)));
    table.write(out)
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
    match family {
        Family::IPV6 => "ipv6",
        Family::BRIDGE => "bridge",
        _ => "ipv4",
    }
}

/// Realms of a route or rule as `ip` has them: those that packets come from, if any, and those that they go to.
fn realms(flow: u32) -> String {
    match (flow >> 16, flow & 0xffff) {
        (0, to) => to.to_string(),
        (from, to) => format!("{from}/{to}"),
    }
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
