//! Reading a copy of nftables.

use std::ops::ControlFlow;

use netwright_netfilter::request::{List, ListElements};
use netwright_netfilter::{self as netfilter, Family, SetRef};

use super::{each, ignore_absence, rounds};
use crate::Result;
use crate::driver::Blocking;
use crate::watch::event::Kinds;
use crate::watch::ruleset::Kept;
use crate::watch::store::Store;

pub(super) fn read(driver: &Blocking, kinds: Kinds, store: &mut Store) -> Result<()> {
    fn objects<T: Kept>(driver: &Blocking, kinds: Kinds, store: &mut Store) -> Result<()> {
        if !kinds.contains(T::KIND) {
            return Ok(());
        }
        rounds(|| {
            driver.each(List::<T>::new(Family::UNSPECIFIED), |view| {
                store.ruleset.push::<T>(view)?;
                Ok(ControlFlow::Continue(()))
            })
        })
    }
    objects::<netfilter::Table>(driver, kinds, store)?;
    objects::<netfilter::Chain>(driver, kinds, store)?;
    objects::<netfilter::Rule>(driver, kinds, store)?;
    objects::<netfilter::Set>(driver, kinds, store)?;
    objects::<netfilter::Object>(driver, kinds, store)?;
    objects::<netfilter::Flowtable>(driver, kinds, store)?;
    if kinds.contains(Kinds::ELEMENTS) {
        let mut sets = Vec::new();
        each(driver, List::<netfilter::Set>::new(Family::UNSPECIFIED), |set| {
            sets.push(SetRef::new(set.family, set.table, set.name))
        })?;
        for set in sets {
            let elements = each(driver, ListElements::of(&set), |elements| {
                elements.into_iter().for_each(|element| store.ruleset.push_element(&set, element));
            });
            elements.or_else(ignore_absence)?; // it has gone meanwhile
        }
    }
    Ok(())
}
