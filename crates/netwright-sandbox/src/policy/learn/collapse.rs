//! Many names below one parent become a pattern.

use std::collections::BTreeMap;

use super::Services;
use crate::policy::{NamePattern, Protocol};

/// From so many names on, a parent's other names are taken to be wanted too.
const ENOUGH: usize = 3;
/// What registries put between their country and the names that they give away, as in `co.uk`.
const REGISTRY: [&str; 22] = [
    "ac", "asn", "co", "com", "edu", "go", "gob", "gov", "gouv", "id", "info", "ltd", "me", "mil", "ne",
    "net", "nom", "or", "org", "plc", "sch", "web",
];
/// Domains below which everybody can have a name.
const SHARED: [&str; 34] = [
    "amazonaws.com",
    "appspot.com",
    "azureedge.net",
    "azurefd.net",
    "azurewebsites.net",
    "blogspot.com",
    "cloudapp.net",
    "cloudfront.net",
    "cloudfunctions.net",
    "digitaloceanspaces.com",
    "duckdns.org",
    "fastly.net",
    "firebaseapp.com",
    "fly.dev",
    "github.io",
    "gitlab.io",
    "googleusercontent.com",
    "herokuapp.com",
    "herokudns.com",
    "netlify.app",
    "ngrok.app",
    "ngrok.io",
    "onrender.com",
    "pages.dev",
    "r2.dev",
    "readthedocs.io",
    "run.app",
    "trafficmanager.net",
    "trycloudflare.com",
    "vercel.app",
    "web.app",
    "windows.net",
    "workers.dev",
    "akamaized.net",
];

/// Takes what many names below one parent have in common out of them, and gives it to patterns, by their parents. Names that have nothing left are
/// left out.
pub(super) fn collapse(names: &mut BTreeMap<String, Services>) -> BTreeMap<String, Services> {
    let mut counts: BTreeMap<(&str, Protocol, u16), usize> = BTreeMap::new();
    for (name, services) in names.iter() {
        let Some((_, parent)) = name.split_once('.').filter(|(_, parent)| has_one_owner(parent)) else {
            continue;
        };
        for (protocol, port) in each(services) {
            *counts.entry((parent, protocol, port)).or_default() += 1;
        }
    }
    let mut patterns: BTreeMap<String, Services> = BTreeMap::new();
    for ((parent, protocol, port), _) in counts.into_iter().filter(|(_, count)| *count >= ENOUGH) {
        patterns.entry(parent.to_owned()).or_default().entry(protocol).or_default().insert(port);
    }
    // A pattern may lie below another one.
    let parents: Vec<String> = patterns.keys().cloned().collect();
    for parent in parents {
        if let Some(mut services) = patterns.remove(&parent) {
            take_away(&parent, &mut services, &patterns);
            patterns.insert(parent, services);
        }
    }
    names.retain(|name, services| {
        take_away(name, services, &patterns);
        !services.is_empty()
    });
    patterns.retain(|_, services| !services.is_empty());
    patterns
}

fn each(services: &Services) -> impl Iterator<Item = (Protocol, u16)> {
    services.iter().flat_map(|(protocol, ports)| ports.iter().map(|port| (*protocol, *port)))
}

/// Takes away from a name's services what patterns that cover it have.
fn take_away(name: &str, services: &mut Services, patterns: &BTreeMap<String, Services>) {
    for (parent, theirs) in patterns {
        if !NamePattern::Below(parent.clone()).matches(name) {
            continue;
        }
        services.retain(|protocol, ports| {
            ports.retain(|port| !theirs.get(protocol).is_some_and(|theirs| theirs.contains(port)));
            !ports.is_empty()
        });
    }
}

/// Whether all names below a domain are likely to be of one owner. It errs on the side of no.
fn has_one_owner(domain: &str) -> bool {
    let shared = SHARED.iter().any(|shared| {
        domain == *shared || shared.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'))
    });
    let mut labels = domain.rsplit('.');
    match (labels.next(), labels.next(), labels.next()) {
        _ if shared => false,
        (Some(country), Some(second), None) => !(country.len() == 2 && REGISTRY.contains(&second)),
        (Some(_), Some(_), Some(_)) => true,
        _ => false,
    }
}
