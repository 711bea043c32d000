//! Settings of the kernel.

use std::collections::HashSet;

use netwright_nft::diagnostic::{Diagnostic, Span};
use netwright_route::{Family, LinkId, Protocol};

use super::{Planner, sign_over};
use crate::keys;
use crate::model::AcceptRa;
use crate::record::OwnSetting;
use crate::snapshot::{MTU, Setting, declared};
use crate::step::{Action, Sign, Step};
use crate::switch;

/// Whether a link listens to routers.
const ACCEPT_RA: &str = "accept_ra";

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
    // The kernel sets the forwarding of every link along with that of the host.
    let reset: Vec<Family> = declared(planner.host)
        .into_iter()
        .filter(|(setting, value)| {
            let found = planner.snapshot.settings.get(setting);
            setting.link.is_none() && found.is_none_or(|found| *found != value.to_string())
        })
        .map(|(setting, _)| setting.family)
        .collect();
    // who listens to routers even as one of them keeps their routes when the host becomes one
    let mut settings = declared(planner.host);
    settings.sort_by_key(|(setting, _)| setting.name != ACCEPT_RA);
    for (setting, value) in settings {
        let follows =
            setting.link.is_some() && setting.name == "forwarding" && reset.contains(&setting.family);
        if !is_closing(&setting, value) && !super::ipv6::waits(planner, &setting, value) {
            write(planner, &setting, value, follows);
        }
    }
    for family in reset {
        links_keep(planner, family);
    }
}

/// The forwarding of links that the host's takes along, and that is not declared, stays as it was where it was otherwise
/// than the host's.
fn links_keep(planner: &mut Planner<'_>, family: Family) {
    let host = Setting::forwarding(family);
    let Some(before) = planner.snapshot.settings.get(&host).cloned() else { return };
    let on = planner.host.forwarding.as_ref().and_then(|forwarding| match family {
        Family::IPV6 => forwarding.ipv6,
        _ => forwarding.ipv4,
    });
    let snapshot = planner.snapshot;
    let declared: HashSet<_> = declared(planner.host).into_iter().map(|(setting, _)| setting).collect();
    for (setting, value) in &snapshot.settings {
        let of_link = setting.link.is_some() && setting.name == "forwarding" && setting.family == family;
        // one that was as the host's goes with it, as the kernel means it, but for one that was kept beside it before
        let kept = planner.lookup.own_setting(setting);
        let kept = kept.is_some_and(|own| own.ours == *value && own.before.as_ref() == Some(value));
        if of_link && (*value != before || kept) && !declared.contains(setting) {
            let text = format!("setting {setting}: {value}");
            let action = Action::Setting(setting.clone(), value.clone());
            planner.step(Step::new(Sign::Keep, text, action));
            let (before, ours) = (Some(value.clone()), value.clone());
            planner.record.settings.push(OwnSetting { setting: setting.clone(), before, ours });
        }
    }
    if family == Family::IPV6 && on == Some(true) {
        tell_of_advertisements(planner);
    }
}

/// A router does not listen to other routers: the kernel drops the default routes that they advertised.
fn tell_of_advertisements(planner: &mut Planner<'_>) {
    let listens = |link: LinkId| {
        let declared = planner.declared_link(link).and_then(|link| link.ipv6.accept_ra);
        let found = planner.lookup.link_at(link.index);
        declared.map_or_else(
            || found.is_some_and(switch::always_listens),
            |declared| declared == AcceptRa::Always,
        )
    };
    let advertised: Vec<String> = planner
        .alive
        .routes()
        .filter(|route| route.protocol == Some(Protocol::ROUTER_ADVERTISEMENT) && route.is_default())
        .filter(|route| !keys::links(route).all(listens))
        .map(|route| planner.named_route(route).to_string())
        .collect();
    if advertised.is_empty() {
        return;
    }
    let span = planner.host.forwarding.as_ref().map_or(Span::default(), |forwarding| forwarding.place.span);
    let message = "forwarding of IPv6 makes the kernel drop default routes from router advertisements";
    let mut warning = Diagnostic::warning(span, message);
    for route in advertised {
        warning = warning.help(format!("Lost may be {route}: it cannot be put back as what it was."));
    }
    let help = "Say `ipv6 = { accept-ra = \"always\" }` in the table of the link that they come from.";
    planner.error(warning.help(help));
}

/// Puts back the settings that left the file, but for the switch of IPv6, which has its turn with the links.
pub(super) fn put_back(planner: &mut Planner<'_>) {
    put_back_some(planner, |setting| !setting.is_disable_ipv6());
}

pub(super) fn put_back_some(planner: &mut Planner<'_>, which: impl Fn(&Setting) -> bool) {
    let owners = planner.owners;
    let declared: HashSet<_> = declared(planner.host).into_iter().map(|(setting, _)| setting).collect();
    let mut written: Vec<Family> = Vec::new();
    // that of the host first: the kernel sets the links' along
    let mut settings: Vec<&OwnSetting> = owners.own.settings.iter().collect();
    settings.sort_by_key(|own| own.setting.link.is_some());
    for own in settings {
        // the MTU of IPv6 goes with that of the link
        if declared.contains(&own.setting) || own.setting.name == MTU || !which(&own.setting) {
            continue;
        }
        let family = own.setting.family;
        let of_host = Setting::forwarding(family);
        let follows = own.setting.link.is_some() && own.setting.name == of_host.name;
        // what was kept beside the host's is so as long as that is declared
        if follows && declared.contains(&of_host) && own.before.as_ref() == Some(&own.ours) {
            if !planner.record.settings.iter().any(|known| known.setting == own.setting) {
                planner.record.settings.push(own.clone());
            }
            continue;
        }
        // a setting goes with its link
        let Some(found) = planner.snapshot.settings.get(&own.setting) else { continue };
        let link = own.setting.link.as_deref().and_then(|name| planner.lookup.link(name));
        if link.is_some_and(|link| super::links::is_deleted(planner, link.id())) {
            continue;
        }
        let others = planner.lookup.settings_of_others(&own.setting);
        if let Some((other, _)) = others.into_iter().find(|(_, other)| other.ours == *found) {
            let message =
                format!("setting {} stays {found}: owner `{}` wants it so", own.setting, other.owner);
            planner.diagnostics.push(Diagnostic::warning(Span::default(), message));
            continue;
        }
        if *found != own.ours {
            let message = format!(
                "setting {} stays {found}: somebody changed it since it was set to {}",
                own.setting, own.ours
            );
            planner.diagnostics.push(Diagnostic::warning(Span::default(), message));
            continue;
        }
        let taken_along = follows && written.contains(&family);
        let Some(before) = own.before.clone().filter(|before| before != found || taken_along) else {
            continue;
        };
        if own.setting.link.is_none() {
            written.push(family);
        }
        let text = format!("setting {}: {found} → {before} (as it was before)", own.setting);
        planner.step(Step::new(Sign::Change, text, Action::Setting(own.setting.clone(), before)));
    }
}

fn is_closing(setting: &Setting, value: u32) -> bool {
    setting.link.is_none() && setting.name == "forwarding" && value == 0
}

pub(super) fn write(planner: &mut Planner<'_>, setting: &Setting, value: u32, anyway: bool) {
    let known = setting.link.as_deref().is_none_or(|link| planner.id(link).is_some());
    if !known {
        return;
    }
    let found = planner.snapshot.settings.get(setting);
    let value = value.to_string();
    let same = found.is_some_and(|found| *found == value);
    let place = place(planner, setting);
    let others = planner.lookup.settings_of_others(setting);
    let clash = others.into_iter().find(|(_, own)| own.ours != value);
    if let Some((other, _)) = clash.filter(|_| !same) {
        return planner.of_another(&format!("setting {setting}"), other, place.unwrap_or_default());
    }
    let old = planner.lookup.own_setting(setting);
    if old.is_some() || !same {
        let before = match old {
            Some(old) => old.before.clone(),
            None => found.cloned(),
        };
        planner.record.settings.push(OwnSetting { setting: setting.clone(), before, ours: value.clone() });
    }
    if same && !anyway {
        return;
    }
    let text = match found {
        Some(found) if !same => format!("setting {setting}: {found} → {value}"),
        _ => format!("setting {setting}: {value}"),
    };
    let sign = if same { Sign::Keep } else { sign_over(found.is_some()) };
    let action = Action::Setting(setting.clone(), value);
    planner.step(Step::new(sign, text, action).at(place));
}

fn place(planner: &Planner<'_>, setting: &Setting) -> Option<Span> {
    let host = planner.host;
    let Some(name) = &setting.link else {
        return host.forwarding.as_ref().map(|forwarding| forwarding.place.span);
    };
    let link = planner.lookup.declared(name).and_then(|place| host.links.get(place))?;
    let section = if setting.family == Family::IPV6 { &link.ipv6.place } else { &link.ipv4.place };
    Some(section.span)
}
