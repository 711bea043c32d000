//! `netwright monitor`: what changes, as it happens.

use std::io::Write;
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use netwright::netfilter;
use netwright::route::Family;
use netwright::watch::{Event, Kinds, Options, Store, Update, Watch};
use netwright::{Neighbour, Net};
use serde_json::Value as Json;

use crate::arguments::{Monitor, Watched};
use crate::failure::{Done, Failure};
use crate::list::{Names, Object, addresses, links, neighbours, routes, rules};
use crate::output::{self, BAD, CHANGED, DIM, GOOD, PLAIN};

/// `netwright monitor`.
pub(crate) fn run(arguments: &Monitor) -> Done {
    let net = arguments.place.open()?;
    let kinds = match arguments.kinds.as_slice() {
        [] => Kinds::ALL,
        kinds => kinds.iter().fold(Kinds::empty(), |all, kind| all | kind.kinds()),
    };
    let options = Options { existing: arguments.existing, ..Options::new(kinds) };
    let mut watch = net.watch(options).map_err(|error| {
        let all = arguments.kinds.is_empty() && error.is_permission();
        let advice = "The firewall is only told to who has CAP_NET_ADMIN; what else there is, to everybody: \
                      `netwright monitor links addresses routes rules neighbours forwarding nexthops`.";
        if all { Failure::said(error.to_string()).with_help(Some(advice)) } else { error.into() }
    })?;
    let end = arguments.timeout.and_then(|seconds| Instant::now().checked_add(Duration::from_secs(seconds)));
    let mut out = output::stdout();
    let mut left = arguments.count;
    while left != Some(0) {
        let Some(event) = next(&mut watch, end, &mut out)? else { break };
        let event = name_link(event, &net);
        let told = match arguments.json {
            true => json(&event, watch.store()).map(|object| writeln!(out, "{object}")),
            false => {
                text(&event, watch.store()).map(|line| write_line(&line, arguments.timestamps, &mut out))
            }
        };
        if let Some(written) = told {
            written?;
            left = left.map(|left| left - 1);
        }
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

/// The next event. What was written is shown before it is waited for.
fn next(watch: &mut Watch, end: Option<Instant>, out: &mut impl Write) -> Result<Option<Event>, Failure> {
    if let Some(event) = watch.try_next()? {
        return Ok(Some(event));
    }
    out.flush()?;
    const LONG: Duration = Duration::from_secs(3600);
    loop {
        let left = end.map_or(LONG, |end| end.saturating_duration_since(Instant::now()));
        match watch.next_timeout(left)? {
            None if end.is_none() => {}
            event => return Ok(event),
        }
    }
}

/// A line: a sign, and what it is about.
struct Line {
    verb: &'static str,
    what: String,
}

fn write_line(line: &Line, timestamps: bool, out: &mut impl Write) -> std::io::Result<()> {
    let (sign, style) = match line.verb {
        "added" => ("+", GOOD),
        "removed" => ("-", BAD),
        "changed" => ("~", CHANGED),
        "existing" => ("=", PLAIN),
        _ => ("#", DIM),
    };
    if timestamps {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        write!(out, "{DIM}{}.{:06}{DIM:#} ", now.as_secs(), now.subsec_micros())?;
    }
    writeln!(out, "{style}{sign}{style:#} {}", output::plain(&line.what).replace('\n', " "))
}

fn text(event: &Event, store: &Store) -> Option<Line> {
    fn of<T>(noun: &str, change: &Update<T>, text: impl Fn(&T) -> String) -> Line {
        let now = text(change.object());
        let was = match change {
            Update::Changed { before, .. } if text(before) != now => format!("  (was {})", text(before)),
            _ => String::new(),
        };
        Line { verb: change.verb(), what: format!("{noun} {now}{was}") }
    }
    let mark = |what: String| Line { verb: "mark", what };
    Some(match event {
        Event::Link(change) => of("link", change, |link| link_text(link, store)),
        Event::Address(change) => of("address", change, ToString::to_string),
        Event::Route(change) => of("route", change, ToString::to_string),
        Event::Rule(change) => of("rule", change, ToString::to_string),
        Event::Neighbour(change) => of(noun(change.object(), "forwarding entry"), change, |neighbour| {
            format!("{neighbour} {}", neighbour.state.name().unwrap_or("none"))
        }),
        Event::Nexthop(change) => of("nexthop", change, ToString::to_string),
        Event::NamespaceId(change) => of("namespace id", change, ToString::to_string),
        Event::Table(change) => of("table", change, |table| format!("{} {}", table.family, table.name)),
        Event::Chain(change) => of("chain", change, |chain| {
            let policy =
                chain.base.as_ref().and_then(|base| base.policy).map(|policy| format!(" policy {policy}"));
            format!("{} {} {}{}", chain.family, chain.table, chain.name, policy.unwrap_or_default())
        }),
        Event::FirewallRule(change) => of("firewall rule", change, |rule| {
            let handle = rule.handle.unwrap_or_default();
            format!("{} {} {} handle {handle}", rule.family, rule.table, rule.chain)
        }),
        Event::Set(change) => of("set", change, |set| format!("{} {} {}", set.family, set.table, set.name)),
        Event::Element(change) => of("element", change, |one| {
            let netfilter::SetRef { table, name, .. } = &one.set;
            format!("{} {} {name} {}", table.family, table.name, key(&one.element))
        }),
        Event::Object(change) => {
            of("object", change, |object| format!("{} {} {}", object.family, object.table, object.name))
        }
        Event::Flowtable(change) => of("flowtable", change, |flowtable| {
            format!("{} {} {}", flowtable.family, flowtable.table, flowtable.name)
        }),
        Event::Generation(generation) => mark(format!("generation {}{}", generation.id, by(generation))),
        Event::Trace(trace) => mark(format!(
            "trace {:08x} {} {} {} {}",
            trace.id, trace.family, trace.table, trace.chain, trace.kind
        )),
        Event::Listed => mark("what is there has been told; changes follow".to_owned()),
        Event::Resynchronised(_) => mark("notifications were lost; what is different now follows".to_owned()),
        _ => return None,
    })
}

/// A neighbour, or what an entry of a bridge or VXLAN is called.
fn noun(neighbour: &Neighbour, forwarding: &'static str) -> &'static str {
    if neighbour.family == Family::BRIDGE { forwarding } else { "neighbour" }
}

/// The kernel tells of a new bridge's own entries before it tells of the bridge: its name is asked for.
fn name_link(event: Event, net: &Net) -> Event {
    let named = |neighbour: Neighbour| {
        let nameless = neighbour.link.name().is_none();
        let found = nameless.then(|| net.links().statistics(neighbour.link).ok()).flatten();
        Neighbour { link: found.map_or_else(|| neighbour.link, |link| link.id()), ..neighbour }
    };
    match event {
        Event::Neighbour(Update::Added(neighbour)) => Event::Neighbour(Update::Added(named(neighbour))),
        event => event,
    }
}

/// Its name, and what of it mostly changes.
fn link_text(link: &netwright::Link, store: &Store) -> String {
    let master = link.master.map(|master| {
        let name = store.link_by_index(master).map(|master| master.name.clone());
        format!(" master {}", name.unwrap_or_else(|| format!("if{master}")))
    });
    let state = if link.is_up() { "up" } else { "down" };
    let mtu = link.mtu.map(|mtu| format!(" mtu {mtu}")).unwrap_or_default();
    let carrier = link.operational_state.name().unwrap_or("unknown");
    format!("{} {state} state {carrier}{mtu}{}", link.name, master.unwrap_or_default())
}

fn key(element: &netfilter::Element) -> String {
    match element.key_bytes() {
        Some(bytes) => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        None => "*".to_owned(),
    }
}

fn by(generation: &netfilter::Generation) -> String {
    let name = generation.process_name.as_deref().unwrap_or_default();
    generation.process.map(|process| format!(" by process {process} ({name})")).unwrap_or_default()
}

/// One line of JSON: `event`, `kind`, `object`, and of a change what was `before`.
fn json(event: &Event, store: &Store) -> Option<Json> {
    let names = Names::of_store(store);
    fn of<T>(kind: &str, change: &Update<T>, json: impl Fn(&T) -> Json) -> Json {
        let before = match change {
            Update::Changed { before, .. } => Some(json(before)),
            _ => None,
        };
        Object::default()
            .with("event", change.verb())
            .with("kind", kind)
            .with("object", json(change.object()))
            .maybe("before", before)
            .json()
    }
    let named = |family: netfilter::Family, table: &str, name: &str, handle: Option<u64>| {
        Object::default()
            .text("family", family)
            .with("table", table)
            .maybe("name", (!name.is_empty()).then_some(name))
            .maybe("handle", handle)
    };
    Some(match event {
        Event::Link(change) => of("link", change, |link| links::json(&(&**link).into(), &names)),
        Event::Address(change) => of("address", change, |address| addresses::json(address, &names)),
        Event::Route(change) => of("route", change, |route| routes::json(route, &names)),
        Event::Rule(change) => of("rule", change, rules::json),
        Event::Neighbour(change) => {
            of(noun(change.object(), "forwarding"), change, |neighbour| neighbours::json(neighbour, &names))
        }
        Event::Nexthop(change) => of("nexthop", change, |nexthop| {
            Object::default()
                .maybe("id", nexthop.id)
                .maybe_text("via", nexthop.gateway)
                .maybe("dev", nexthop.link.map(|link| names.link(link)))
                .list("group", nexthop.group.iter().map(|member| member.id))
                .flag("blackhole", nexthop.blackhole)
                .json()
        }),
        Event::NamespaceId(change) => of("namespace-id", change, |id| id.0.into()),
        Event::Table(change) => {
            of("table", change, |table| named(table.family, &table.name, "", table.handle).json())
        }
        Event::Chain(change) => of("chain", change, |chain| {
            let policy = chain.base.as_ref().and_then(|base| base.policy);
            named(chain.family, &chain.table, &chain.name, chain.handle).maybe_text("policy", policy).json()
        }),
        Event::FirewallRule(change) => of("firewall-rule", change, |rule| {
            named(rule.family, &rule.table, "", rule.handle).with("chain", rule.chain.as_str()).json()
        }),
        Event::Set(change) => {
            of("set", change, |set| named(set.family, &set.table, &set.name, set.handle).json())
        }
        Event::Element(change) => of("element", change, |one| {
            let netfilter::SetRef { table, name, .. } = &one.set;
            named(table.family, &table.name, "", None)
                .with("set", name.as_str())
                .with("key", key(&one.element))
                .json()
        }),
        Event::Object(change) => of("object", change, |object| {
            named(object.family, &object.table, &object.name, object.handle).json()
        }),
        Event::Flowtable(change) => of("flowtable", change, |flowtable| {
            named(flowtable.family, &flowtable.table, &flowtable.name, flowtable.handle).json()
        }),
        Event::Generation(generation) => Object::default()
            .with("event", "generation")
            .with("id", generation.id)
            .maybe("process", generation.process)
            .maybe("process-name", generation.process_name.as_deref())
            .json(),
        Event::Trace(trace) => Object::default()
            .with("event", "trace")
            .with("id", trace.id)
            .text("family", trace.family)
            .with("table", trace.table.as_str())
            .with("chain", trace.chain.as_str())
            .text("type", trace.kind)
            .json(),
        Event::Listed => Object::default().with("event", "listed").json(),
        Event::Resynchronised(_) => Object::default().with("event", "resynchronised").json(),
        _ => return None,
    })
}

impl Watched {
    fn kinds(self) -> Kinds {
        match self {
            Watched::Links => Kinds::LINKS,
            Watched::Addresses => Kinds::ADDRESSES,
            Watched::Routes => Kinds::ROUTES,
            Watched::Rules => Kinds::RULES,
            Watched::Neighbours => Kinds::NEIGHBOURS,
            Watched::Forwarding => Kinds::FORWARDING,
            Watched::Nexthops => Kinds::NEXTHOPS,
            Watched::NamespaceIds => Kinds::NAMESPACE_IDS,
            Watched::Firewall => Kinds::RULESET,
            Watched::Traces => Kinds::TRACES,
        }
    }
}
