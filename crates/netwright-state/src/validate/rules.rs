use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;

use netwright_nft::diagnostic::{Diagnostic, nearest};

use super::Check;
use crate::model::{Family, Neighbour, Rule, RuleAction};

pub(super) fn check(check: &mut Check<'_>) {
    let host = check.host;
    let mut seen: HashMap<u32, Vec<&Rule>> = HashMap::new();
    for rule in &host.rules {
        if rule.place.is_whole() {
            action(check, rule);
        }
        families(check, rule);
        links(check, rule);
        if !rule.place.is_whole() {
            continue;
        }
        let known = seen.entry(rule.priority).or_default();
        let earlier = known.iter().copied().find(|earlier| *earlier == rule);
        known.push(rule);
        if let Some(first) = earlier {
            let twice = Diagnostic::error(rule.place.span, "the same policy rule is there twice");
            check.note(twice.also(first.place.span, "first here"));
        }
    }
    let mut places: HashMap<_, &Neighbour> = HashMap::new();
    for neighbour in &host.neighbours {
        self::neighbour(check, neighbour);
        let key = (neighbour.dev.as_str(), neighbour.address, neighbour.proxy);
        let earlier = match places.entry(key) {
            Entry::Occupied(known) => Some(*known.get()),
            Entry::Vacant(free) => {
                free.insert(neighbour);
                None
            }
        };
        if let (Some(first), Some(span)) = (earlier, neighbour.place.key("address")) {
            let message =
                format!("the neighbour {} on `{}` is there twice", neighbour.address, neighbour.dev);
            check.note(Diagnostic::error(span, message).also(first.place.span, "first here"));
        }
    }
}

fn action(check: &mut Check<'_>, rule: &Rule) {
    let place = &rule.place;
    let at = place.key("action").unwrap_or(place.span);
    match (rule.action, place.key("table"), place.key("goto")) {
        (RuleAction::Lookup, None, None) => {
            let wrong = Diagnostic::error(at, "this policy rule does not say what to do");
            check.note(wrong.help("Give it the routing `table` to look in, or an `action`."));
        }
        (RuleAction::Lookup, _, Some(span)) => {
            check.note(Diagnostic::error(span, "only `action = \"goto\"` has `goto`"));
        }
        (RuleAction::Goto, _, None) => {
            check.error(at, "`action = \"goto\"` needs `goto`, the priority of the rule to go on with");
        }
        (RuleAction::Goto, _, Some(span)) if rule.goto.is_some_and(|goto| goto <= rule.priority) => {
            check.error(span, format!("`goto` leads forward only, to a priority above {}", rule.priority));
        }
        (RuleAction::Lookup | RuleAction::Goto, ..) => {}
        (action, Some(span), _) | (action, _, Some(span)) => {
            check.error(span, format!("a policy rule with `action = \"{action}\"` looks nothing up"));
        }
        _ => {}
    }
}

fn families(check: &mut Check<'_>, rule: &Rule) {
    let addresses = [("from", rule.from), ("to", rule.to)];
    let told = [("from", rule.from.map(|p| Family::of(p.address))), ("family", rule.family)];
    for (key, prefix) in addresses {
        let (Some(prefix), Some(span)) = (prefix, rule.place.key(key)) else { continue };
        let family = Family::of(prefix.address);
        let other = told.iter().find(|(name, told)| *name != key && told.is_some_and(|told| told != family));
        if let Some((name, _)) = other {
            check.error(span, format!("`{key}` is {family}, but `{name}` is not"));
        }
    }
}

/// A rule may name a link that comes later, but a name close to a declared one is a slip.
fn links(check: &mut Check<'_>, rule: &Rule) {
    for (key, name) in [("iif", &rule.iif), ("oif", &rule.oif)] {
        let (Some(name), Some(span)) = (name, rule.place.key(key)) else { continue };
        if name == "lo" || check.link(name).is_some() {
            continue;
        }
        let near = nearest(name, check.host.links.iter().map(|link| link.name.as_str()));
        let help = match near {
            Some(near) => format!("Did you mean `{near}`?"),
            None => "The rule matches nothing until there is such a link.".to_owned(),
        };
        check.warning(span, format!("there is no link `{name}`"), help);
    }
}

fn neighbour(check: &mut Check<'_>, neighbour: &Neighbour) {
    let place = &neighbour.place;
    let link = place.key("dev").and_then(|span| check.existing(&neighbour.dev, span));
    if let Some(span) = place.key("dev") {
        check.needs_ipv6(&neighbour.dev, neighbour.address, span);
    }
    let Some(span) = place.key("address") else { return };
    match (neighbour.proxy, place.key("mac")) {
        (false, None) if place.is_whole() => {
            check.error(span, "a neighbour needs its `mac`, unless the host answers for it (`proxy`)")
        }
        (true, Some(mac)) => {
            check.error(mac, "this host answers for a `proxy` neighbour: it has no `mac` of its own")
        }
        _ => {}
    }
    let link_local = matches!(neighbour.address, IpAddr::V6(address) if address.is_unicast_link_local());
    if let Some(link) = link
        && !neighbour.proxy
        && !link_local
        && !link.networks().any(|network| network.contains(neighbour.address))
    {
        let message = format!("{} is on no network of `{}`", neighbour.address, link.name);
        check.warning(span, message, "The entry is of no use unless a route leads there.");
    }
}
