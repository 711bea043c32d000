//! Settings of the kernel.

use netwright_route::Family;

use super::{Planner, sign_over};
use crate::snapshot::{Setting, declared};
use crate::step::{Action, Sign, Step};

/// Stops passing packets on, where that is declared: before anything else comes.
pub(super) fn tighten(planner: &mut Planner<'_>) {
    for (setting, value) in declared(planner.host) {
        if is_closing(&setting, value) {
            write(planner, &setting, value, false);
        }
    }
}

/// All other settings: behind the making of links, whose settings appear with them, and before they come up, since
/// much of IPv6 happens at that moment.
pub(super) fn set(planner: &mut Planner<'_>) {
    let changed = |planner: &Planner<'_>, setting: &Setting, value: u32| {
        planner.snapshot.settings.get(setting).is_none_or(|found| *found != value.to_string())
    };
    // The kernel sets the forwarding of every link along with that of the host.
    let reset: Vec<Family> = declared(planner.host)
        .into_iter()
        .filter(|(setting, value)| setting.link.is_none() && changed(planner, setting, *value))
        .map(|(setting, _)| setting.family)
        .collect();
    for (setting, value) in declared(planner.host) {
        let follows =
            setting.link.is_some() && setting.name == "forwarding" && reset.contains(&setting.family);
        if !is_closing(&setting, value) {
            write(planner, &setting, value, follows);
        }
    }
}

fn is_closing(setting: &Setting, value: u32) -> bool {
    setting.link.is_none() && setting.name == "forwarding" && value == 0
}

fn write(planner: &mut Planner<'_>, setting: &Setting, value: u32, anyway: bool) {
    let known = setting.link.as_deref().is_none_or(|link| planner.id(link).is_some());
    if !known {
        return;
    }
    let found = planner.snapshot.settings.get(setting);
    let value = value.to_string();
    let same = found.is_some_and(|found| *found == value);
    if same && !anyway {
        return;
    }
    let text = match found {
        Some(found) if !same => format!("setting {setting}: {found} → {value}"),
        _ => format!("setting {setting}: {value}"),
    };
    let sign = if same { Sign::Keep } else { sign_over(found.is_some()) };
    let undo = found.map(|found| Action::Setting(setting.clone(), found.clone()));
    let action = Action::Setting(setting.clone(), value);
    let place = place(planner, setting);
    planner.step(Step::new(sign, text, action, undo.into_iter().collect()).at(place));
}

fn place(planner: &Planner<'_>, setting: &Setting) -> Option<netwright_nft::diagnostic::Span> {
    let host = planner.host;
    let Some(name) = &setting.link else {
        return host.forwarding.as_ref().map(|forwarding| forwarding.place.span);
    };
    let link = host.links.iter().find(|link| link.name == *name)?;
    let section = if setting.family == Family::IPV6 { &link.ipv6.place } else { &link.ipv4.place };
    Some(section.span)
}
