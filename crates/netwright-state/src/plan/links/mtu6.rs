//! The MTU of IPv6 that others gave a link, or its routers: the kernel takes that of the link for it whenever that changes,
//! and whenever the link comes up.

use std::collections::HashMap;

use netwright_route::Link;

use super::super::Planner;
use super::super::alive::LEAST_IPV6_MTU;
use super::is_deleted;
use crate::record::OwnSetting;
use crate::snapshot::{MTU, Setting};
use crate::step::{Action, Sign, Step};

/// Sets it again as far as the link allows, and notes what it was where the link is too small for it.
pub(in super::super) fn keep(planner: &mut Planner<'_>) {
    let owners = planner.owners;
    let snapshot = planner.snapshot;
    let noted = owners.own.settings.iter().filter(|own| own.setting.name == MTU);
    let noted: HashMap<_, _> = noted.map(|own| (own.setting.link.as_deref(), own)).collect();
    for link in &snapshot.links {
        let own = noted.get(&Some(link.name.as_str())).copied();
        let comes_up = !link.is_up() || planner.alive.downs.contains(&link.index);
        let changes = planner.mtus.contains_key(&link.index) || comes_up && planner.final_up(link.id());
        if own.is_none() && !changes || is_deleted(planner, link.id()) {
            continue;
        }
        let setting = Setting::mtu_of_ipv6(&link.name);
        let number = |text: &String| text.parse::<u32>().ok();
        let Some(found) = snapshot.settings.get(&setting).and_then(number) else { continue };
        // what somebody has changed since is theirs
        let noted = own.filter(|own| number(&own.ours) == Some(found)).and_then(|own| own.before.as_ref());
        let meant = noted.and_then(number).or(Some(found).filter(|_| is_smaller(found, link)));
        let (Some(meant), Some(mtu)) = (meant, planner.final_mtu(link.id())) else { continue };
        if mtu < LEAST_IPV6_MTU {
            continue;
        }
        let becomes = meant.min(mtu);
        let by_itself = if changes { mtu } else { found };
        if becomes != by_itself {
            let text = format!("setting {setting}: {becomes} (as it was before)");
            planner.step(Step::new(Sign::Keep, text, Action::Setting(setting.clone(), becomes.to_string())));
        }
        if becomes != meant {
            let (before, ours) = (Some(meant.to_string()), becomes.to_string());
            planner.record.settings.push(OwnSetting { setting, before, ours });
        }
    }
}

/// Whether somebody set it: by itself it is the link's.
fn is_smaller(found: u32, link: &Link) -> bool {
    link.mtu.is_some_and(|mtu| found < mtu)
}
