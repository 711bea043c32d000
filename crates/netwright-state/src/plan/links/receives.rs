//! Who takes what comes in by a link: Linux has one receiver for each, be it a bridge, a bond, macvlans or ipvlans.

use netwright_nft::diagnostic::Diagnostic;
use netwright_route::link::PortKind;
use netwright_route::{Link, LinkId};

use super::super::{Planner, kinds};
use super::{Loss, is_own, losses, options};
use crate::model;

/// Kinds of links that take what comes in by the link below, as its master would.
const TAKES_ALL: [&str; 4] = ["macvlan", "macvtap", "ipvlan", "ipvtap"];

/// What comes in by a port of a bridge or bond is theirs: addresses of others on it stay, and are of no use.
pub(super) fn becomes_port(planner: &mut Planner<'_>, link: &model::Link, found: &Link, master: LinkId) {
    if !matches!(options::master_kind(planner, link, master), Some("bridge" | "bond")) {
        return;
    }
    let span = link.place.key("master").unwrap_or(link.place.span);
    let above = planner.lookup.above(found.index).iter();
    let taken = above.filter(|above| !is_own(planner, above)).find_map(|above| {
        let kind = above.kind_name().filter(|kind| TAKES_ALL.contains(kind))?;
        Some(format!("{kind} `{}`", above.name))
    });
    if let Some(above) = taken {
        let message = format!(
            "link `{}` cannot be a port of {master}: what comes in by it goes to the {above} of somebody else",
            link.name
        );
        let help =
            "Linux has one receiver for a link. Take another link, or remove that one if nobody needs it.";
        return planner.error(Diagnostic::error(span, message).help(help));
    }
    let useless = losses(planner, found, Loss::Port);
    if useless.is_empty() {
        return;
    }
    let message = format!(
        "what comes in by link `{}` is that of {master} when it is its port: this of others is of no use then",
        link.name
    );
    let warning = Diagnostic::warning(span, message);
    planner.error(useless.into_iter().fold(warning, |warning, useless| warning.help(format!("{useless}."))));
}

/// A port that somebody else put into another master leaves it: that is refused, unless the file says that the link is taken
/// over. What it gets back as a port there is returned.
pub(super) fn leaves(
    planner: &mut Planner<'_>,
    link: &model::Link,
    found: &Link,
    there: &Link,
) -> Option<PortKind> {
    let port = match &found.port {
        Some(PortKind::Bridge(port)) => Some(crate::restore::settable_port(port).into()),
        _ => None,
    };
    if is_own(planner, there) || is_own(planner, found) {
        return port;
    }
    let span = link.place.key("master").unwrap_or(link.place.span);
    let message = format!("link `{}` is a port of {there}, where somebody else put it", link.name);
    let of_port = |entry: &&crate::snapshot::Extra| {
        entry.link == found.index && entry.bridge.is_none_or(|bridge| bridge == there.index)
    };
    let lost =
        planner.snapshot.extras.iter().filter(of_port).map(|extra| format!("{}, for good", extra.text));
    let (mut diagnostic, advice) = match link.adopt {
        true => (Diagnostic::warning(span, message), "It comes back when it leaves this file.".to_owned()),
        false => {
            let table = format!("`[link.{}]`", link.name);
            (
                Diagnostic::error(span, message),
                format!(
                    "Say `adopt = true` in the table {table}: then it is moved, and comes back when it leaves this file."
                ),
            )
        }
    };
    for lost in lost {
        diagnostic = diagnostic.help(format!("Lost would be {lost}."));
    }
    planner.error(diagnostic.help(advice));
    port
}

/// Whether two kinds of links can lie on one link together.
fn shares(kind: &str, other: &str) -> bool {
    let ipvlan = |kind: &str| matches!(kind, "ipvlan" | "ipvtap");
    ipvlan(kind) == ipvlan(other)
}

/// A link that is made on one whose packets go to somebody else is refused by the kernel. What is returned has to leave its
/// master before.
pub(super) fn can_be_made<'a>(planner: &mut Planner<'a>, link: &model::Link) -> Option<&'a Link> {
    let kind = link.kind.as_ref().map(kinds::kernel_name).filter(|kind| TAKES_ALL.contains(kind))?;
    let parent = link.parent()?;
    let declared = planner.lookup.declared(parent).and_then(|place| planner.host.links.get(place));
    let below = planner.id(parent).and_then(|id| planner.lookup.link_at(id.index))?;
    // a port that the file makes one is told of when it is read
    let stays = declared.is_none_or(|declared| declared.master.is_none());
    let leaves = |master: &Link| {
        options::plugged(planner, below, master.index) || super::is_deleted(planner, master.id())
    };
    let master = below.master.filter(|_| stays).and_then(|index| planner.lookup.link_at(index));
    let master = master.filter(|master| matches!(master.kind_name(), Some("bridge" | "bond" | "team")));
    let leaving = master.filter(|master| leaves(master)).map(|_| below);
    let taken = master.filter(|_| leaving.is_none()).map(|master| format!("is a port of {master}"));
    let above = planner.lookup.above(below.index).iter().filter(|above| !is_own(planner, above));
    let mut above = above.filter_map(|above| Some((above, above.kind_name()?)));
    let taken = taken.or_else(|| {
        let other = above.find(|(_, other)| TAKES_ALL.contains(other) && !shares(kind, other));
        other.map(|(above, other)| format!("has the {other} `{}` of somebody else on it", above.name))
    });
    let Some(taken) = taken else { return leaving };
    let span = link.kind.as_ref().and_then(|kind| kind.place().key("parent")).unwrap_or(link.place.span);
    let message = format!("{kind} `{}` cannot lie on link `{parent}`, which {taken}", link.name);
    let help = "Linux has one receiver for what comes in by a link. Lay it on the bridge or bond, or take another link.";
    planner.error(Diagnostic::error(span, message).help(help));
    None
}

/// The links on one that is about to become a port which go anyway: they have to go before.
pub(super) fn go_before<'a>(planner: &Planner<'a>, port: &Link) -> Vec<&'a Link> {
    let above = planner.lookup.above(port.index).iter().copied();
    let takes = |above: &&Link| above.kind_name().is_some_and(|kind| TAKES_ALL.contains(&kind));
    above.filter(takes).filter(|above| super::is_deleted(planner, above.id())).collect()
}
