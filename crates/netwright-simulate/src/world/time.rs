//! Time that passes without anybody waiting for it: what ends after a time comes so much nearer to its end.

use std::time::Duration;

use netwright_netfilter::conntrack::{DeleteConntrack, EndConntrack, ListConntrack};
use netwright_netfilter::request::{List, ListElements};
use netwright_netfilter::{Batch, Element, ElementFlags, Expression, Family, Set, SetFlags, SetRef};
use netwright_sys::Result;

use super::World;
use crate::firewall::commit;
use crate::trace::TABLE;

/// What time was moved for, besides connections and elements.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Unmoved {
    /// Sets whose elements end by themselves, but cannot be given another end.
    pub(crate) sets: Vec<String>,
    /// Sets whose elements have limits, which are as new after it.
    pub(crate) renewed: Vec<String>,
}

impl World {
    /// Lets time pass for connections and for elements of sets.
    pub(crate) fn pass_time(&mut self, time: Duration) -> Result<Unmoved> {
        self.age_connections(time)?;
        let mut unmoved = Unmoved::default();
        let mut batch = Batch::new();
        for set in self.netfilter.dump_all(&List::<Set>::new(Family::UNSPECIFIED))? {
            if set.table != TABLE {
                self.age_elements(&set, time, &mut batch, &mut unmoved)?;
            }
        }
        commit(&mut self.netfilter, &mut batch)?;
        Ok(unmoved)
    }

    fn age_connections(&mut self, time: Duration) -> Result<()> {
        let passed = u32::try_from(time.as_secs()).unwrap_or(u32::MAX);
        let all = self.netfilter.dump_all(&ListConntrack(Family::UNSPECIFIED))?;
        let (gone, left): (Vec<_>, Vec<_>) =
            all.iter().partition(|entry| entry.attributes.timeout.is_some_and(|timeout| timeout <= passed));
        let gone: Vec<_> = gone.into_iter().map(DeleteConntrack).collect();
        self.netfilter.send_many(&gone)?;
        let left = left.into_iter().filter_map(|entry| {
            let timeout = entry.attributes.timeout?.checked_sub(passed)?;
            Some(EndConntrack(entry, timeout))
        });
        let left: Vec<_> = left.collect();
        self.netfilter.send_many(&left)?;
        Ok(())
    }

    fn age_elements(
        &mut self,
        set: &Set,
        time: Duration,
        batch: &mut Batch,
        unmoved: &mut Unmoved,
    ) -> Result<()> {
        let named = SetRef::new(set.family, &set.table, &set.name);
        let elements = self.netfilter.dump_all(&ListElements::of(named.clone()))?;
        let ending: Vec<Element> =
            elements.into_iter().flatten().filter(|element| element.expiration.is_some()).collect();
        if ending.is_empty() {
            return Ok(());
        }
        // where intervals are two elements each, their ends have no time of their own
        let in_halves = set.flags.contains(SetFlags::INTERVAL)
            && ending.iter().any(|element| {
                element.key_end.is_none()
                    && !element.flags.is_some_and(|flags| flags.contains(ElementFlags::CATCH_ALL))
            });
        if in_halves {
            unmoved.sets.push(set.name.clone());
            return Ok(());
        }
        let limited = |expression: &Expression| matches!(expression, Expression::Limit(_));
        if ending.iter().any(|element| element.expressions().any(limited)) {
            unmoved.renewed.push(set.name.clone());
        }
        let passed = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        batch.delete_elements(named.clone(), &ending);
        let left = ending.into_iter().filter_map(|element| {
            let expiration = element.expiration?.checked_sub(passed).filter(|left| *left > 0)?;
            Some(element.expiration(expiration))
        });
        batch.add_elements(named, left);
        Ok(())
    }
}
