//! Links on which IPv6 is switched off: the kernel takes nothing of it there.

use netwright_nft::diagnostic::{Diagnostic, Span};

use netwright_route::LinkId;

use super::links::{Loss, losses};
use super::{Planner, settings};
use crate::model::Host;
use crate::snapshot::{Setting, declared};
use crate::switch;

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
pub(crate) fn switches(host: &Host) -> Vec<Setting> {
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
        let is_off = match planner.lookup.link(link).filter(|_| !is_new) {
            Some(found) => is_off(planner, found.id()),
            None => planner.snapshot.settings.get(&setting).is_some_and(|off| off != "0"),
        };
        if declared.is_some() || !is_off || !told.insert(link) {
            continue;
        }
        let message = format!("IPv6 is switched off on link `{link}`, so it cannot have the {what}");
        let help =
            format!("Say `ipv6 = {{ disable = false }}` in the table `[link.{link}]`, or leave it out.");
        planner.error(Diagnostic::error(span, message).help(help));
    }
}

/// Whether a link has no IPv6 in the end, since it is switched off.
pub(super) fn is_off(planner: &Planner<'_>, link: LinkId) -> bool {
    if let Some(off) = planner.declared_link(link).and_then(|link| link.ipv6.disable) {
        return off;
    }
    let Some(found) = planner.lookup.link_at(link.index) else { return false };
    let own = planner.lookup.own_setting(&Setting::disable_ipv6(&found.name));
    let back =
        own.filter(|own| (own.ours != "0") == switch::is_off(found)).and_then(|own| own.before.as_ref());
    back.map_or_else(|| switch::is_off(found), |before| before != "0")
}

/// Whether a setting switches IPv6 off on a link that has it: all of it goes then, as with a link that goes down.
pub(super) fn waits(planner: &Planner<'_>, setting: &Setting, value: u32) -> bool {
    let there = setting.link.as_deref().and_then(|name| planner.lookup.link(name));
    setting.is_disable_ipv6() && value != 0 && there.is_some_and(|link| !switch::is_off(link))
}

/// Switches IPv6 off where it was on, and puts back what it was where nothing is said any more. What others would lose is refused,
/// unless the file says that the link is taken over.
pub(super) fn switch(planner: &mut Planner<'_>) {
    for (setting, value) in declared(planner.host) {
        if !waits(planner, &setting, value) {
            continue;
        }
        let found = setting.link.as_deref().and_then(|name| planner.lookup.link(name));
        let Some(found) = found.filter(|found| !super::links::is_deleted(planner, found.id())) else {
            settings::write(planner, &setting, value, false);
            continue;
        };
        let lost = losses(planner, found, Loss::Ipv6);
        let declared = setting.link.as_deref().and_then(|name| planner.lookup.declared(name));
        let declared = declared.and_then(|place| planner.host.links.get(place));
        if let Some(link) = declared.filter(|_| !lost.is_empty()) {
            let span = link.ipv6.place.key("disable").unwrap_or(link.place.span);
            let message = format!(
                "IPv6 is switched off on link `{}`: what others have of it there would be lost",
                link.name
            );
            let (mut diagnostic, advice) = match link.adopt {
                true => (Diagnostic::warning(span, message), "It comes back when this is rolled back."),
                false => {
                    (Diagnostic::error(span, message), "Say `adopt = true` in the link's table if it may go.")
                }
            };
            for lost in lost {
                diagnostic = diagnostic.help(format!("Lost would be {lost}."));
            }
            planner.error(diagnostic.help(advice));
        }
        settings::write(planner, &setting, value, false);
        planner.alive.lose_ipv6(found.index);
    }
    settings::put_back_some(planner, Setting::is_disable_ipv6);
}
