//! What no single value shows: references, contradictions, and what probably was not meant.

mod flows;
mod links;
mod routes;
mod rules;

use std::collections::HashMap;

use netwright_nft::diagnostic::{Diagnostic, Severity, Span, nearest};

use crate::model::{Host, Link, LinkKind};

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
    let mut links = HashMap::new();
    for link in &host.links {
        for name in names(link) {
            links.entry(name).or_insert(link);
        }
    }
    let mut check = Check { host, links, found: Vec::new() };
    links::check(&mut check);
    routes::check(&mut check);
    rules::check(&mut check);
    flows::check(&mut check);
    let whole = host.place.is_whole();
    check.found.retain(|diagnostic| whole || diagnostic.severity == Severity::Error);
    check.found
}

/// The host under examination, and what was found.
struct Check<'a> {
    host: &'a Host,
    /// By all their names.
    links: HashMap<&'a str, &'a Link>,
    found: Vec<Diagnostic>,
}

impl<'a> Check<'a> {
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
