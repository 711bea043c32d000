//! Links of others that lie on one whose MTU changes: the kernel takes theirs along downwards, and leaves it there.

use netwright_route::Link;
use netwright_route::link::Change;

use super::super::Planner;
use super::{below, depth, is_own};
use crate::record::OwnOptions;
use crate::step::{Action, Sign, Step};

/// Kinds of links that never have a larger MTU than the link below.
const FOLLOWING: [&str; 5] = ["vlan", "macvlan", "macvtap", "ipvlan", "ipvtap"];

/// Those of them that always have the MTU of the link below when that changes.
const SAME: [&str; 2] = ["ipvlan", "ipvtap"];

/// Whether a link's MTU goes with that of the link below.
pub(super) fn follows(link: &Link) -> bool {
    link.parent_namespace_id.is_none() && link.kind_name().is_some_and(|kind| FOLLOWING.contains(&kind))
}

/// The MTU that the kernel gives a link when that of the link below becomes another.
fn taken_along(link: &Link, found: u32, below: u32) -> u32 {
    match link.kind_name() {
        Some(kind) if SAME.contains(&kind) => below,
        _ => found.min(below),
    }
}

/// What becomes of links of others that lie on one whose MTU changes, for the step that changes it.
pub(super) fn told(planner: &Planner<'_>, link: &Link) -> Vec<(Sign, String)> {
    let Some(below) = planner.mtus.get(&link.index).copied() else { return Vec::new() };
    let mut told = Vec::new();
    for above in planner.lookup.above(link.index) {
        let other = follows(above) && !is_own(planner, above) && !planner.lookup.is_declared(above.index);
        let Some(found) = above.mtu.filter(|_| other) else { continue };
        let becomes = taken_along(above, found, below);
        if becomes < found {
            told.push((Sign::Change, format!("link {}: mtu {found} → {becomes} along with it", above.name)));
        }
    }
    told
}

/// Notes the MTU that links of others had, and puts it back as far as the link below allows it again.
pub(super) fn follow(planner: &mut Planner<'_>) {
    let owners = planner.owners;
    let noted = owners.own.options.iter().any(|own| own.ours.mtu.is_some());
    if planner.mtus.is_empty() && !noted {
        return;
    }
    let mut links: Vec<&Link> = planner.snapshot.links.iter().filter(|link| follows(link)).collect();
    links.sort_by_cached_key(|link| depth(planner, link));
    for link in links {
        let stays = !is_own(planner, link) && !planner.lookup.is_declared(link.index);
        let (Some(found), Some(parent)) = (link.mtu.filter(|_| stays), below(planner, link)) else {
            continue;
        };
        let Some(least) = planner.final_mtu(parent.id()) else { continue };
        let own = planner.lookup.own_options(link.index);
        // what somebody has changed since is theirs
        let noted = own.filter(|own| own.ours.mtu == Some(found)).and_then(|own| own.before.mtu);
        let changes = planner.mtus.contains_key(&parent.index);
        if noted.is_none() && !changes {
            continue;
        }
        let before = noted.unwrap_or(found);
        let wanted = before.min(least);
        let becomes = if changes { taken_along(link, found, least) } else { found };
        if becomes != wanted {
            let text = format!("link {}: mtu {becomes} → {wanted} (as it was before)", link.name);
            let change = Change { mtu: Some(wanted), ..Change::default() };
            planner.step(Step::new(Sign::Change, text, Action::ChangeLink(link.id(), Box::new(change))));
        }
        planner.mtus.insert(link.index, wanted);
        if wanted != before {
            let mtu = |mtu| Change { mtu: Some(mtu), ..Change::default() };
            let (before, ours) = (mtu(before), mtu(wanted));
            planner.record.options.push(OwnOptions { link: link.id(), before, ours });
        }
    }
}
