//! What no single value shows: references, contradictions, and what probably was not meant.

mod flows;
mod links;
mod routes;
mod rules;

use std::collections::HashMap;
use std::net::IpAddr;

use netwright_nft::diagnostic::{Diagnostic, Severity, Span, nearest};

use crate::model::{Connected, Host, Link, LinkKind};
use crate::section::Section;

/// Fills in what the file implies: links that are named only as a port or a peer, and each port's master.
pub(crate) fn complete(host: &mut Host) {
    let mut implied: Vec<(String, Option<String>, Span)> = Vec::new();
    for link in &host.links {
        let place = link.kind.as_ref().map(LinkKind::place);
        let span = |key, index| {
            place.and_then(|place| place.item(key, index).or(place.key(key))).unwrap_or(link.place.span)
        };
        for (index, port) in link.ports().iter().enumerate() {
            implied.push((port.clone(), Some(link.name.clone()), span("ports", index)));
        }
        if let Some(LinkKind::Veth(veth)) = &link.kind
            && !veth.peer.is_empty()
        {
            implied.push((veth.peer.clone(), None, span("peer", 0)));
        }
    }
    let mut known: HashMap<String, usize> = HashMap::new();
    for (index, link) in host.links.iter().enumerate() {
        for name in names(link) {
            known.entry(name.to_owned()).or_insert(index);
        }
    }
    for (name, master, span) in implied {
        let index = *known.entry(name.clone()).or_insert_with(|| {
            let place = crate::model::Place::at(span);
            host.links.push(Link { name, implied: true, place, ..Link::default() });
            host.links.len() - 1
        });
        if let Some(link) = host.links.get_mut(index)
            && link.master.is_none()
        {
            link.master = master;
        }
    }
}

/// The main name of a link and the alternative ones.
fn names(link: &Link) -> impl Iterator<Item = &str> {
    std::iter::once(&link.name).chain(&link.alternative_names).map(String::as_str)
}

/// Checks a host for what its values together say.
///
/// Where some of them could not be read there are no warnings: those are guesses from the whole.
pub(crate) fn host(host: &Host) -> Vec<Diagnostic> {
    let mut check = Check::new(host);
    links::check(&mut check);
    routes::check(&mut check);
    rules::check(&mut check);
    let mut found = check.found;
    // what is there only in tests must fit too, and flows are about the host with it
    let simulated = host.simulated();
    let mut check = Check::new(&simulated);
    test_only(host, &mut check);
    flows::check(&mut check);
    found.extend(check.found);
    let whole = host.place.is_whole();
    found.retain(|diagnostic| whole || diagnostic.severity == Severity::Error);
    found
}

/// Checks what is there only in tests; what the file declares has been checked without it.
fn test_only(host: &Host, check: &mut Check<'_>) {
    let known = |name: &str| host.links.iter().any(|link| link.name == name && !link.implied);
    for link in host.test.links.iter().filter(|link| known(&link.name)) {
        for key in Link::KEYS.iter().map(|key| key.name).filter(|key| *key != "addresses") {
            if let Some(span) = link.place.key(key) {
                let message =
                    format!("`{key}` of a link that the file declares cannot be another one in tests");
                check.note(Diagnostic::error(span, message).help("Only `addresses` can be added to it."));
            }
        }
    }
    let declared = Check::new(host);
    let mut before = declared;
    links::check(&mut before);
    routes::check(&mut before);
    rules::check(&mut before);
    let mut with = Check::new(check.host);
    links::check(&mut with);
    routes::check(&mut with);
    rules::check(&mut with);
    check.found.extend(with.found.into_iter().filter(|found| {
        found.severity == Severity::Error && !before.found.iter().any(|known| known.span() == found.span())
    }));
}

/// The host under examination, and what was found.
struct Check<'a> {
    host: &'a Host,
    /// By all their names.
    links: HashMap<&'a str, &'a Link>,
    connected: Connected<'a>,
    found: Vec<Diagnostic>,
}

impl<'a> Check<'a> {
    fn new(host: &'a Host) -> Self {
        let mut links = HashMap::new();
        for link in &host.links {
            for name in names(link) {
                links.entry(name).or_insert(link);
            }
        }
        Check { host, links, connected: Connected::of(host), found: Vec::new() }
    }

    fn link(&self, name: &str) -> Option<&'a Link> {
        self.links.get(name).copied()
    }

    fn note(&mut self, diagnostic: Diagnostic) {
        self.found.push(diagnostic);
    }

    fn error(&mut self, span: Span, message: impl Into<String>) {
        self.note(Diagnostic::error(span, message));
    }

    fn warning(&mut self, span: Span, message: impl Into<String>, help: impl Into<String>) {
        self.note(Diagnostic::warning(span, message).help(help));
    }

    /// The link of a name, or an error at the place of the name. `None` for the loopback link too, unless it is
    /// declared.
    fn existing(&mut self, name: &str, span: Span) -> Option<&'a Link> {
        let host: &'a Host = self.host;
        let link = self.link(name);
        if link.is_none() && name != "lo" {
            let names = host.links.iter().map(|link| link.name.as_str());
            let wrong = Diagnostic::error(span, format!("there is no link `{name}`"));
            self.note(match nearest(name, names) {
                Some(near) => wrong.help(format!("Did you mean `{near}`?")),
                None => wrong.help(format!("Declare it with a table `[link.{name}]`.")),
            });
        }
        link
    }

    /// A route leads over no link that is down.
    fn needs_up(&mut self, link: &str, span: Span) {
        if let Some(link) = self.link(link).filter(|link| !link.up) {
            let down = Diagnostic::error(span, format!("no route leads over `{}`, which is down", link.name));
            self.note(down.also(link.place.key("up").unwrap_or(link.place.span), "taken down here"));
        }
    }

    /// A link that something of IPv6 is said of must have it.
    fn needs_ipv6(&mut self, link: &str, address: IpAddr, span: Span) {
        let off = self.link(link).filter(|link| link.ipv6.disable == Some(true) && address.is_ipv6());
        if let Some(place) = off.and_then(|link| link.ipv6.place.key("disable")) {
            let message = format!("IPv6 is off on `{link}`");
            self.note(Diagnostic::error(span, message).also(place, "turned off here"));
        }
    }

    /// The link whose addresses count for what comes in through a link: a bridge's or bond's port has none of
    /// its own.
    fn layer3(&self, link: &'a Link) -> &'a Link {
        let master = link.master.as_deref().and_then(|master| self.link(master));
        match master {
            Some(master) if !matches!(master.kind, Some(LinkKind::Vrf(_))) => master,
            _ => link,
        }
    }
}
