//! Reading a copy of what there is.

#[cfg(feature = "nft")]
mod ruleset;

use std::ops::ControlFlow;

use netwright_route::link::{self, Link};
use netwright_route::neighbour::NeighbourFlags;
use netwright_route::{address, namespace_id, neighbour, nexthop, route, rule};
use netwright_sys::Cause;
use netwright_wire::{Dump, Errno};

use super::event::{Kinds, neighbour_kind};
use super::links;
use super::store::{NeighbourKey, Store};
use crate::Result;
use crate::driver::Blocking;

/// How often what changes all the time is read. A list that is interrupted may pass something over, but not the same each time; and
/// what came and went meanwhile is told.
const ROUNDS: u32 = 5;

/// A copy of some kinds. Where objects change meanwhile, notifications say how.
pub(super) fn read(driver: &Blocking, kinds: Kinds) -> Result<Store> {
    let mut store = Store::default();
    // What holds the lock of all links has ended when this is answered: what it takes along without a word is gone, too.
    driver.query(link::Get::by_name("lo")).map(drop).or_else(ignore_absence)?;
    if kinds.contains(Kinds::LINKS) {
        each(driver, link::List::default(), |mut link| {
            links::without_counters(&mut link);
            store.put_link(Box::<Link>::new(link));
        })?;
    }
    if kinds.contains(Kinds::ADDRESSES) {
        each(driver, address::List::default(), |mut address| {
            address.link = store.named(address.link);
            store.put_address(address);
        })?;
    }
    if kinds.contains(Kinds::NEXTHOPS) {
        let listed = each(driver, nexthop::List::default(), |mut nexthop| {
            nexthop.link = nexthop.link.map(|link| store.named(link));
            store.nexthops.extend(nexthop.id.map(|id| (id, nexthop)));
        });
        listed.or_else(none_where_unknown)?;
    }
    if kinds.contains(Kinds::ROUTES) {
        each(driver, route::List::default(), |route| {
            let route = store.with_names(route);
            store.routes.push(route);
        })?;
    }
    if kinds.contains(Kinds::RULES) {
        // in their order, so only the last round counts
        rounds(|| {
            store.rules.clear();
            driver.each(rule::List::default(), |view| {
                store.rules.push(view.own()?);
                Ok(ControlFlow::Continue(()))
            })
        })?;
        store.rules.sort_by_key(|rule| (rule.family, rule.priority));
    }
    if kinds.contains(Kinds::NEIGHBOURS) {
        neighbours(driver, neighbour::List::default(), kinds, &mut store)?;
    }
    if kinds.contains(Kinds::FORWARDING) {
        let bridges = neighbour::List { family: netwright_route::Family::BRIDGE, ..Default::default() };
        neighbours(driver, bridges, kinds, &mut store)?;
    }
    if kinds.contains(Kinds::NAMESPACE_IDS) {
        each(driver, namespace_id::List, |id| store.namespace_ids.push(id))?;
        store.namespace_ids.sort_unstable();
        store.namespace_ids.dedup();
    }
    #[cfg(feature = "nft")]
    if kinds.intersects(Kinds::RULESET) {
        ruleset::read(driver, kinds, &mut store)?;
    }
    Ok(store)
}

fn ignore_absence(error: crate::Error) -> Result<()> {
    if error.is_not_found() { Ok(()) } else { Err(error) }
}

/// Kernels without these objects.
fn none_where_unknown(error: crate::Error) -> Result<()> {
    if error.errno() == Some(Errno::EOPNOTSUPP) { Ok(()) } else { Err(error) }
}

/// Reads until nothing interrupts it, or often enough.
fn rounds(mut read: impl FnMut() -> Result<()>) -> Result<()> {
    for _ in 0..ROUNDS {
        match read() {
            Err(error) if matches!(error.cause(), Cause::Interrupted { .. }) => {}
            done => return done,
        }
    }
    Ok(())
}

/// Hands out what is listed, maybe several times.
fn each<D: Dump>(driver: &Blocking, request: D, mut put: impl FnMut(D::Output)) -> Result<()> {
    rounds(|| {
        driver.each(&request, |view| {
            put(request.own(view)?);
            Ok(ControlFlow::Continue(()))
        })
    })
}

fn neighbours(driver: &Blocking, request: neighbour::List, kinds: Kinds, store: &mut Store) -> Result<()> {
    each(driver, request, |mut neighbour| {
        // The kernel tells of no change of those that requests are answered for.
        if neighbour.flags.contains(NeighbourFlags::PROXY) || !kinds.contains(neighbour_kind(&neighbour)) {
            return;
        }
        neighbour.link = store.named(neighbour.link);
        neighbour.cache_info = None;
        neighbour.probes = None;
        store.neighbours.insert(NeighbourKey::of(&neighbour), neighbour);
    })
}
