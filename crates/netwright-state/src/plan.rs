//! From what there is and what shall be to the steps between.

use netwright_nft::diagnostic::{Diagnostic, Severity, SourceMap, Span};
use netwright_route::address::AddressProtocol;
use netwright_route::{LinkId, Protocol};
use serde_json::{Value as Json, json};

use self::alive::Alive;
use crate::model::Host;
use crate::ruleset::Ruleset;
use crate::snapshot::{Snapshot, Wanted};
use crate::step::{Sign, Step};

mod addresses;
mod alive;
mod firewall;
mod kinds;
mod links;
mod neighbours;
mod routes;
mod rules;
mod settings;

/// The alias of links that netwright made, by which it knows its own again (`IFLA_IFALIAS`).
///
/// It is shown by `ip link`, disturbs nothing, and stays as long as the link, through renaming and moving to
/// another namespace. Whoever gives a link another alias takes it over: it is then never deleted.
pub const LINK_ALIAS: &str = "netwright";

/// The originator of addresses that netwright made (`IFA_PROTO`). Kernels before 5.18 do not keep it: there an
/// address stays when it is no longer declared.
pub const ADDRESS_PROTOCOL: AddressProtocol = AddressProtocol(Protocol::NETWRIGHT.0);

/// What must be done, in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// The steps.
    pub steps: Vec<Step>,
    /// What is in the way, with its place in the host file. A plan with an error cannot be applied.
    pub diagnostics: Vec<Diagnostic>,
    /// What a snapshot must have to be compared with.
    pub wanted: Wanted,
}

impl Plan {
    /// Whether all is as it shall be.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.diagnostics.is_empty()
    }

    /// What makes it impossible.
    pub fn errors(&self) -> impl Iterator<Item = &Diagnostic> {
        self.diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error)
    }

    /// The plan for programs: each step with what it does, to what sort of thing, in which words, and where in the
    /// host file the reason is.
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
                "details": details.collect::<Vec<_>>(),
                "file": at.as_ref().map(|at| at.name),
                "line": at.as_ref().map(|at| at.line),
            })
        });
        let problems = self.diagnostics.iter().map(|diagnostic| {
            let at = place(diagnostic.span());
            json!({
                "message": diagnostic.message,
                "help": diagnostic.help,
                "file": at.as_ref().map(|at| at.name),
                "line": at.as_ref().map(|at| at.line),
            })
        });
        json!({ "steps": steps.collect::<Vec<_>>(), "problems": problems.collect::<Vec<_>>() })
    }
}

/// One line per step, details in lines of their own below.
impl std::fmt::Display for Plan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.steps.iter().try_for_each(|step| writeln!(f, "{step}"))
    }
}

/// Finds the steps from what there is to what the host file declares.
///
/// `firewall` is what the host's firewall texts declare, in the form in which the kernel would list it.
///
/// What is there already is left as it is, and what netwright did not make is never removed: links with the alias
/// [`LINK_ALIAS`], addresses, routes, rules and neighbours whose originator is netwright's number, and tables with
/// netwright's [`MARK`](crate::MARK) are its own, everything else is foreign. Something foreign that is just as
/// declared is taken as it is and stays foreign. A foreign link, address, route or neighbour that differs is changed
/// where it is declared; a foreign table that differs is an error, since half of its rules would be somebody else's.
///
/// The firewall comes first, so that nothing new is open before it stands, or behind the making of links where one
/// of its chains or flow tables needs a device that is not there yet. Where the firewall is only taken away, that
/// comes last. Links come before what lies on them, parents before children, ports before their masters.
#[must_use]
pub fn plan(host: &Host, firewall: &Ruleset, snapshot: &Snapshot) -> Plan {
    let mut planner = Planner::new(host, snapshot);
    let transaction = firewall::transaction(&mut planner, firewall);
    let when = transaction.as_ref().map(|(_, when)| *when);
    let step = transaction.map(|(step, _)| step);
    if when == Some(firewall::When::First) {
        planner.steps.extend(step.clone());
    }
    settings::tighten(&mut planner);
    links::create(&mut planner);
    if when == Some(firewall::When::BehindLinks) {
        planner.steps.extend(step.clone());
    }
    settings::set(&mut planner);
    routes::remove(&mut planner);
    neighbours::remove(&mut planner);
    links::unplug(&mut planner);
    links::change(&mut planner);
    addresses::plan(&mut planner);
    routes::plan(&mut planner);
    rules::plan(&mut planner);
    neighbours::plan(&mut planner);
    links::delete(&mut planner);
    if when == Some(firewall::When::Last) {
        planner.steps.extend(step);
    }
    Plan { steps: planner.steps, diagnostics: planner.diagnostics, wanted: Wanted::of(host) }
}

/// The plan while it is made.
struct Planner<'a> {
    host: &'a Host,
    snapshot: &'a Snapshot,
    steps: Vec<Step>,
    diagnostics: Vec<Diagnostic>,
    /// For each declared link, in the order of the host, what it is called by in steps.
    ids: Vec<Option<LinkId>>,
    /// Links that are made, by their places in the host.
    made: Vec<usize>,
    /// The order in which links are made and changed, as places in the host.
    order: Vec<usize>,
    /// Masters whose ports came, went or changed their MTU, by index.
    moved_ports: Vec<u32>,
    /// What is there at this point.
    alive: Alive,
}

impl<'a> Planner<'a> {
    fn new(host: &'a Host, snapshot: &'a Snapshot) -> Self {
        let mut planner = Planner {
            host,
            snapshot,
            steps: Vec::new(),
            diagnostics: Vec::new(),
            ids: Vec::new(),
            made: Vec::new(),
            order: Vec::new(),
            moved_ports: Vec::new(),
            alive: Alive::of(snapshot),
        };
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
        let declared =
            self.host.links.iter().position(|link| {
                link.name == name || link.alternative_names.iter().any(|other| other == name)
            });
        match declared {
            Some(place) => self.ids.get(place).copied().flatten(),
            None => self.snapshot.link(name).map(|link| link.id()),
        }
    }
}

/// The sign for what is made where something may have been before.
fn sign_over(found: bool) -> Sign {
    if found { Sign::Change } else { Sign::Add }
}
