//! From what there is and what shall be to the steps between.

use std::borrow::Cow;

use netwright_nft::diagnostic::{Diagnostic, Severity, SourceMap, Span};
use netwright_route::address::AddressProtocol;
use netwright_route::{LinkId, Protocol, Route};
use serde_json::{Value as Json, json};

use self::alive::Alive;
use self::lookup::Lookup;
use crate::model::Host;
use crate::record::Record;
use crate::ruleset::{Ruleset, TableName};
use crate::snapshot::{Snapshot, Wanted};
use crate::step::{Sign, Step};

mod addresses;
mod alive;
mod firewall;
pub(crate) mod ipv6;
pub(crate) mod kinds;
mod links;
mod lookup;
mod lost;
mod neighbours;
mod routes;
mod rules;
mod settings;

pub use alive::is_set;
pub(crate) use lookup::keeps_protocols;
pub use lookup::{candidate_indexes, reserved_index};

pub(crate) use addresses::{leftover_route, settable};
pub(crate) use alive::{LEAST_IPV6_MTU, is_kept_fresh, is_kernels, is_kernels_address, is_proxy};
pub(crate) use neighbours::back as neighbour_back;
pub(crate) use routes::sendable;

/// The originator of addresses that an owner's host file made (`IFA_PROTO`). Kernels before 5.18 do not keep it: there
/// the record alone tells whose an address is.
pub const ADDRESS_PROTOCOL: AddressProtocol = AddressProtocol(OWN_PROTOCOL.0);

/// The originator of routes, rules and neighbours that an owner's host file made and says nothing else of.
pub const OWN_PROTOCOL: Protocol = Protocol(157);

/// Who made what in a namespace: the owner that is planned for, and all others.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Owners {
    /// What the owner made for whom is planned.
    pub own: Record,
    /// What other owners made.
    pub others: Vec<Record>,
}

/// A link that is declared and not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// Its name in the host file.
    pub name: String,
    /// Whether the file says that it may be missing.
    pub optional: bool,
}

/// What must be done, in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// The steps.
    pub steps: Vec<Step>,
    /// What is in the way, with its place in the host file, and what deserves a word. A plan with an error cannot be
    /// applied.
    pub diagnostics: Vec<Diagnostic>,
    /// Links that are not there, so that they and what lies on them are left out.
    pub missing: Vec<Missing>,
    /// What a snapshot must have to be compared with.
    pub wanted: Wanted,
    /// Sets in which the elements of others stay.
    pub(crate) kept_sets: Vec<(TableName, String)>,
    /// What the owner will have made, but for the indexes of links that are yet to be made.
    pub(crate) record: Record,
}

impl Plan {
    /// Whether all is as it shall be.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.errors().next().is_none()
    }

    /// What makes it impossible.
    pub fn errors(&self) -> impl Iterator<Item = &Diagnostic> {
        self.diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error)
    }

    /// What the owner has made once the plan is carried out and this is what there is.
    #[must_use]
    pub fn record_for(&self, now: &Snapshot) -> Record {
        self.record.settled(now)
    }

    /// Whether a link is missing that may not be.
    #[must_use]
    pub fn lacks_links(&self) -> bool {
        self.missing.iter().any(|missing| !missing.optional)
    }

    /// The plan for programs, as the schema of [`plan_schema`](crate::plan_schema) describes it.
    #[must_use]
    pub fn to_json(&self, sources: &SourceMap) -> Json {
        let place = |span: Option<Span>| span.and_then(|span| sources.locate(span));
        let steps = self.steps.iter().map(|step| {
            let details =
                step.details.iter().map(|(sign, text)| json!({"does": sign.as_str(), "text": text}));
            let at = place(step.place);
            json!({
                "does": step.sign.as_str(),
                "object": step.object(),
                "text": step.text,
                "before": step.before,
                "details": details.collect::<Vec<_>>(),
                "file": at.as_ref().map(|at| at.name),
                "line": at.as_ref().map(|at| at.line),
            })
        });
        let problems = self.diagnostics.iter().map(|diagnostic| {
            let at = place(diagnostic.span());
            json!({
                "severity": if diagnostic.severity == Severity::Error { "error" } else { "warning" },
                "message": diagnostic.message,
                "help": diagnostic.help,
                "file": at.as_ref().map(|at| at.name),
                "line": at.as_ref().map(|at| at.line),
            })
        });
        let missing = self.missing.iter().map(|link| json!({ "link": link.name, "optional": link.optional }));
        json!({
            "owner": self.record.owner,
            "steps": steps.collect::<Vec<_>>(),
            "problems": problems.collect::<Vec<_>>(),
            "missing": missing.collect::<Vec<_>>(),
        })
    }
}

/// The JSON Schema of [`Plan::to_json`].
#[must_use]
pub fn plan_schema() -> Json {
    let text = || json!({ "type": "string" });
    let or_null = |kind: &str| json!({ "type": [kind, "null"] });
    let does = json!({ "enum": ["add", "remove", "change", "keep"] });
    let object = |properties: Json| {
        let keys: Vec<String> =
            properties.as_object().into_iter().flatten().map(|(key, _)| key.clone()).collect();
        json!({ "type": "object", "properties": properties, "required": keys, "additionalProperties": false })
    };
    let step = object(json!({
        "does": does,
        "object": {
            "enum": ["link", "address", "route", "rule", "neighbour", "nexthop", "setting", "firewall", "note"],
        },
        "text": text(),
        "before": or_null("string"),
        "details": { "type": "array", "items": object(json!({ "does": does, "text": text() })) },
        "file": or_null("string"),
        "line": or_null("integer"),
    }));
    let problem = object(json!({
        "severity": { "enum": ["error", "warning"] },
        "message": text(),
        "help": { "type": "array", "items": text() },
        "file": or_null("string"),
        "line": or_null("integer"),
    }));
    let missing = object(json!({ "link": text(), "optional": { "type": "boolean" } }));
    let mut schema = object(json!({
        "owner": text(),
        "steps": { "type": "array", "items": step },
        "problems": { "type": "array", "items": problem },
        "missing": { "type": "array", "items": missing },
    }));
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("$schema".to_owned(), "https://json-schema.org/draft/2020-12/schema".into());
        schema.insert("title".to_owned(), "What netwright plan --json prints".into());
    }
    schema
}

/// One line per step, details in lines of their own below.
impl std::fmt::Display for Plan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.steps.iter().try_for_each(|step| writeln!(f, "{step}"))
    }
}

/// Finds the steps from what there is to what the host file declares.
///
/// `firewall` is what the host's firewall texts declare, in the form in which the kernel would list it. `owners` tells
/// what was made for this host file and for others: what is in no record of the owner is never removed. Something
/// foreign that is just as declared is taken as it is and stays foreign; where it differs, the plan has an error that
/// shows both, unless the file says `adopt`. What another owner declared is an error that names both.
///
/// The firewall comes first, so that nothing new is open before it stands; tables with a device that is yet to be made
/// come behind the making of links, which are down until then. Where the firewall is only taken away, that comes last.
/// Links come before what lies on them, parents before children.
#[must_use]
pub fn plan(host: &Host, firewall: &Ruleset, snapshot: &Snapshot, owners: &Owners) -> Plan {
    let mut planner = Planner::new(host, snapshot, owners);
    let wanted = Wanted::of(host, firewall, &owners.own);
    ipv6::check(&mut planner);
    let firewall = firewall::transactions(&mut planner, firewall);
    planner.steps.extend(firewall.first);
    settings::tighten(&mut planner);
    links::create(&mut planner);
    planner.steps.extend(firewall.behind_links);
    settings::set(&mut planner);
    routes::remove(&mut planner);
    neighbours::remove(&mut planner);
    links::unplug(&mut planner);
    links::change(&mut planner);
    ipv6::switch(&mut planner);
    links::mtu6::keep(&mut planner);
    lost::settings(&mut planner);
    addresses::plan(&mut planner);
    routes::plan(&mut planner);
    rules::plan(&mut planner);
    neighbours::plan(&mut planner);
    lost::plan(&mut planner);
    links::delete(&mut planner);
    settings::put_back(&mut planner);
    planner.steps.extend(firewall.last);
    Plan {
        steps: planner.steps,
        diagnostics: planner.diagnostics,
        missing: planner.missing,
        wanted,
        kept_sets: firewall::kept_sets(host),
        record: planner.record,
    }
}

/// The plan while it is made.
struct Planner<'a> {
    host: &'a Host,
    snapshot: &'a Snapshot,
    owners: &'a Owners,
    lookup: Lookup<'a>,
    steps: Vec<Step>,
    diagnostics: Vec<Diagnostic>,
    missing: Vec<Missing>,
    /// For each declared link, in the order of the host, what it is called by in steps.
    ids: Vec<Option<LinkId>>,
    /// Links that are made, by their places in the host.
    made: std::collections::HashSet<usize>,
    /// The order in which links are made and changed, as places in the host.
    order: Vec<usize>,
    /// Masters whose ports came, went or changed their MTU, by index.
    moved_ports: Vec<u32>,
    /// The masters that links get, by index; 0 for none.
    masters: std::collections::HashMap<u32, u32>,
    /// Links that are deleted before what is in their place now, by index.
    gone_before: std::collections::HashSet<u32>,
    /// The MTU that links get, by index.
    mtus: std::collections::HashMap<u32, u32>,
    /// Whether links that come up or go down are up in the end, by index.
    ups: std::collections::HashMap<u32, bool>,
    /// What is there at this point.
    alive: Alive<'a>,
    /// What the owner will have made.
    record: Record,
    /// Steps for when links and addresses are as they shall be.
    later: Vec<Step>,
    /// The addresses of the snapshot by link, as places in it.
    by_link_before: std::collections::HashMap<u32, Vec<usize>>,
}

impl<'a> Planner<'a> {
    fn new(host: &'a Host, snapshot: &'a Snapshot, owners: &'a Owners) -> Self {
        let own = &owners.own;
        let record = Record { named: own.named, file: own.file.clone(), ..Record::new(own.owner.as_str()) };
        let mut planner = Planner {
            host,
            snapshot,
            owners,
            lookup: Lookup::new(host, snapshot, owners),
            steps: Vec::new(),
            diagnostics: Vec::new(),
            missing: Vec::new(),
            ids: Vec::new(),
            made: std::collections::HashSet::new(),
            order: Vec::new(),
            moved_ports: Vec::new(),
            masters: std::collections::HashMap::new(),
            gone_before: std::collections::HashSet::new(),
            mtus: std::collections::HashMap::new(),
            ups: std::collections::HashMap::new(),
            alive: Alive::of(snapshot),
            record,
            later: Vec::new(),
            by_link_before: std::collections::HashMap::new(),
        };
        for (place, address) in snapshot.addresses.iter().enumerate() {
            planner.by_link_before.entry(address.link.index).or_default().push(place);
        }
        links::resolve(&mut planner);
        planner
    }

    fn step(&mut self, step: Step) {
        self.steps.push(step);
    }

    fn error(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// What a link is called by in steps, from its name in the host file or in the kernel.
    fn id(&self, name: &str) -> Option<LinkId> {
        match self.lookup.declared(name) {
            Some(place) => self.ids.get(place).copied().flatten(),
            None => self.lookup.link(name).map(|link| link.id()),
        }
    }

    /// Whether the file declares a link and it is left out because it is not there.
    fn is_left_out(&self, name: &str) -> bool {
        self.lookup.declared(name).is_some_and(|place| self.ids.get(place).copied().flatten().is_none())
    }

    /// A link with its name, by its index in the snapshot. One that is made anew has the id of the new one.
    fn named(&self, id: LinkId) -> LinkId {
        match self.lookup.anew.get(&id.index) {
            Some(new) => *new,
            None => self.lookup.link_at(id.index).map_or(id, |link| link.id()),
        }
    }

    /// The MTU that a link has in the end.
    fn final_mtu(&self, link: LinkId) -> Option<u32> {
        let declared = self.declared_link(link).and_then(|link| link.mtu);
        let found = self.lookup.link_at(link.index).and_then(|link| link.mtu);
        let back = || {
            let own = self.lookup.own_options(link.index)?;
            own.before.mtu.filter(|_| own.ours.mtu == found && !self.lookup.is_declared(link.index))
        };
        self.mtus.get(&link.index).copied().or(declared).or_else(back).or(found)
    }

    /// Whether a link is up in the end.
    fn final_up(&self, link: LinkId) -> bool {
        use netwright_route::link::LinkFlags;
        let declared = self.declared_link(link).map(|link| link.up);
        let found = self.lookup.link_at(link.index).is_some_and(netwright_route::Link::is_up);
        let back = || {
            let own = self.lookup.own_options(link.index)?;
            let set = own.ours.set_flags | own.ours.clear_flags;
            let same = own.ours.set_flags.contains(LinkFlags::UP) == found;
            let ours = set.contains(LinkFlags::UP) && same && !self.lookup.is_declared(link.index);
            ours.then(|| own.before.set_flags.contains(LinkFlags::UP))
        };
        self.ups.get(&link.index).copied().or(declared).or_else(back).unwrap_or(found)
    }

    fn declared_link(&self, link: LinkId) -> Option<&'a crate::model::Link> {
        let place = self.named(link).name().and_then(|name| self.lookup.declared(&name))?;
        self.host.links.get(place)
    }

    /// A route with the names of its links.
    fn named_route(&self, route: &Route) -> Route {
        let mut route = route.clone();
        route.link = route.link.map(|link| self.named(link));
        route.next_hops.iter_mut().for_each(|hop| hop.link = hop.link.map(|link| self.named(link)));
        route
    }

    /// An error for what another owner declared.
    fn of_another(&mut self, what: &str, other: &Record, span: Span) {
        let own = &self.owners.own;
        let message = format!("{what} is declared by owner `{}` as well as by `{}`", other.owner, own.owner);
        let file = if other.file.is_empty() { "a program".into() } else { Cow::from(other.file.as_str()) };
        let where_from = format!("Owner `{}` declared it in {file}.", other.owner);
        let help = format!(
            "Declare it in one of the two; or, if this file takes the place of the other, \
             write `owner = {:?}` at its top.",
            other.owner
        );
        self.error(Diagnostic::error(span, message).help(where_from).help(help));
    }
}

/// The sign for what is made where something may have been before.
fn sign_over(found: bool) -> Sign {
    if found { Sign::Change } else { Sign::Add }
}
