//! Links on which IPv6 is switched off: the kernel takes nothing of it there.

use netwright_nft::diagnostic::{Diagnostic, Span};

use super::Planner;
use crate::model::Host;
use crate::snapshot::Setting;

/// What of IPv6 is declared for a link.
struct Needs<'a> {
    link: &'a str,
    what: String,
    span: Span,
}

/// What of IPv6 is declared for links that are named.
fn needs(host: &Host) -> impl Iterator<Item = Needs<'_>> {
    let addresses = host.links.iter().flat_map(|link| {
        let of_link = link.addresses.iter().filter(|address| address.address.address.is_ipv6());
        of_link.map(|address| Needs {
            link: &link.name,
            what: format!("address {}", address.address),
            span: address.place.span,
        })
    });
    let neighbours = host.neighbours.iter().filter(|neighbour| neighbour.address.is_ipv6());
    let neighbours = neighbours.map(|neighbour| Needs {
        link: &neighbour.dev,
        what: format!("neighbour {}", neighbour.address),
        span: neighbour.place.span,
    });
    let routes = host.routes.iter().filter(|route| route.destination().network().address.is_ipv6());
    let routes = routes.flat_map(|route| {
        let devices = route.dev.iter().chain(route.nexthops.iter().filter_map(|hop| hop.dev.as_ref()));
        devices.map(|dev| Needs {
            link: dev,
            what: format!("route to {}", route.destination()),
            span: route.place.span,
        })
    });
    addresses.chain(neighbours).chain(routes)
}

/// The settings that tell whether these links have IPv6; one that is yet to be made has that of all new ones.
pub(crate) fn settings(host: &Host) -> Vec<Setting> {
    let mut links: Vec<&str> = needs(host).map(|needs| needs.link).collect();
    if !links.is_empty() {
        links.push(NEW);
    }
    links.into_iter().map(Setting::disable_ipv6).collect()
}

/// In the place of a link's name: every link that is made from now on.
const NEW: &str = "default";

/// Refuses what the kernel would refuse half-way.
pub(super) fn check(planner: &mut Planner<'_>) {
    let host = planner.host;
    let mut told = std::collections::HashSet::new();
    for Needs { link, what, span } in needs(host) {
        let place = planner.lookup.declared(link);
        let declared = place.and_then(|place| host.links.get(place)).and_then(|link| link.ipv6.disable);
        let is_new = place.is_some_and(|place| planner.made.contains(&place));
        let setting = Setting::disable_ipv6(if is_new { NEW } else { link });
        let is_off = planner.snapshot.settings.get(&setting).is_some_and(|off| off != "0");
        if declared.is_some() || !is_off || !told.insert(link) {
            continue;
        }
        let message = format!("IPv6 is switched off on link `{link}`, so it cannot have the {what}");
        let help =
            format!("Say `ipv6 = {{ disable = false }}` in the table `[link.{link}]`, or leave it out.");
        planner.error(Diagnostic::error(span, message).help(help));
    }
}
