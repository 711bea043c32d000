//! Which addresses are released for which rules with names, and in which sets of the kernel they are.
//!
//! Rules with the same ports and protocol share their sets: a policy may have thousands of names, and for each set that the kernel makes, and
//! for each rule that refers to one, it looks through all that there are.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use netwright_sys::{Cause, Error, Result};

use super::table::{NewSets, Numbers};
use crate::policy::{Policy, Ports, Protocol, Rule, Target};

/// The most addresses that a rule can have at a time: a zone that answers with ever new ones must not fill the kernel's memory.
const MOST: usize = 1 << 16;

/// How long it is known afterwards that an address was released: what was let through just then is carried after that.
pub(super) const KEPT: Duration = Duration::from_secs(600);

/// How long it is known, as far as there is room, for flows that are open: they may last long after the name's answer.
pub(super) const REMEMBERED: Duration = Duration::from_secs(7 * 24 * 3600);

/// Addresses, and until when they are released.
type Addresses = HashMap<IpAddr, Instant>;
/// What rules have in common that share their sets.
type Service<'p> = (&'p Ports, Option<Protocol>);

/// What is released.
#[derive(Clone, Debug, Default)]
pub(super) struct Released {
    /// By the rule's place in the policy; rules without a name have nothing.
    rules: Vec<Option<Named>>,
    /// What is in the sets of each number.
    sets: BTreeMap<u32, Addresses>,
    /// The number of the next sets: none has the name of one that was there before.
    next: u32,
}

/// A rule with a name.
#[derive(Clone, Debug)]
struct Named {
    /// The number of its sets.
    number: u32,
    addresses: Addresses,
}

impl Released {
    /// What stays released when a policy follows another one, whose rules this is about: everything for rules that both have. Sets that lose a
    /// rule are made anew, without what was released for that one alone.
    pub(super) fn under(&self, policy: &Policy, before: &Policy, now: Instant) -> (Released, Numbers) {
        let stays: HashSet<&Rule> = policy.allow.iter().collect();
        let mut old: HashMap<&Rule, &Named> = HashMap::new();
        let mut numbers: HashMap<Service<'_>, u32> = HashMap::new();
        let mut lost = HashSet::new();
        for (rule, named) in before.allow.iter().zip(&self.rules) {
            let Some(named) = named else { continue };
            old.entry(rule).or_insert(named);
            numbers.insert(service(rule), named.number);
            if !stays.contains(rule) {
                lost.insert(named.number);
            }
        }
        numbers.retain(|_, number| !lost.contains(number));
        let mut next = Released { next: self.next, ..Released::default() };
        for rule in &policy.allow {
            let named = matches!(rule.target, Target::Name(_)).then(|| {
                let number = *numbers.entry(service(rule)).or_insert_with(|| {
                    next.next += 1;
                    next.next - 1
                });
                let mut addresses = old.get(rule).map(|old| old.addresses.clone()).unwrap_or_default();
                addresses.retain(|_, until| *until + REMEMBERED > now);
                let set = next
                    .sets
                    .entry(number)
                    .or_insert_with(|| self.sets.get(&number).cloned().unwrap_or_default());
                let open = addresses.iter().filter(|(_, until)| **until > now);
                open.for_each(|(address, until)| prolong(set, *address, *until));
                Named { number, addresses }
            });
            next.rules.push(named);
        }
        let by_rule = next.rules.iter().map(|named| named.as_ref().map(|named| named.number)).collect();
        let new = next.sets.iter().filter(|(number, _)| !self.sets.contains_key(number));
        let new = new.map(|(number, set)| NewSets {
            number: *number,
            addresses: set.iter().map(|(address, until)| (*address, *until - now)).collect(),
        });
        let gone = self.sets.keys().filter(|number| !next.sets.contains_key(number)).copied();
        let numbers = Numbers { by_rule, new: new.collect(), gone: gone.collect() };
        (next, numbers)
    }

    /// Whether an address is released for one of these rules, by their places in the policy, or was until so long ago.
    pub(super) fn has(
        &self,
        rules: impl IntoIterator<Item = usize>,
        address: IpAddr,
        now: Instant,
        ago: Duration,
    ) -> bool {
        rules.into_iter().any(|rule| {
            let named = self.rules.get(rule).and_then(Option::as_ref);
            let until = named.and_then(|named| named.addresses.get(&address));
            until.is_some_and(|until| *until + ago > now)
        })
    }

    /// What is to be added to which sets to release addresses for rules until then; sorted.
    ///
    /// # Errors
    /// A rule has too many.
    pub(super) fn news(
        &mut self,
        rules: &[usize],
        addresses: &[IpAddr],
        now: Instant,
        until: Instant,
    ) -> Result<Vec<(u32, IpAddr)>> {
        let mut news = Vec::new();
        for &rule in rules {
            let Some(Some(named)) = self.rules.get_mut(rule) else { continue };
            named.addresses.retain(|_, until| *until + REMEMBERED > now);
            if named.addresses.len() + addresses.len() > MOST {
                named.addresses.retain(|_, until| *until + KEPT > now);
            }
            if named.addresses.len() + addresses.len() > MOST {
                let what = format!("the rule has {} addresses already", named.addresses.len());
                return Err(Error::new(format!("release addresses for rule {rule}"), Cause::Invalid(what)));
            }
            let set = self.sets.entry(named.number).or_default();
            set.retain(|_, until| *until > now);
            let is_new = |address: &IpAddr| set.get(address).is_none_or(|known| *known < until);
            let new = addresses.iter().map(IpAddr::to_canonical).filter(is_new);
            news.extend(new.map(|address| (named.number, address)));
        }
        news.sort_unstable();
        news.dedup();
        Ok(news)
    }

    /// Notes that addresses are released for rules.
    pub(super) fn note(&mut self, rules: &[usize], addresses: &[IpAddr], until: Instant) {
        for &rule in rules {
            let Some(Some(named)) = self.rules.get_mut(rule) else { continue };
            let set = self.sets.entry(named.number).or_default();
            for address in addresses.iter().map(IpAddr::to_canonical) {
                prolong(&mut named.addresses, address, until);
                prolong(set, address, until);
            }
        }
    }
}

fn service(rule: &Rule) -> Service<'_> {
    (&rule.ports, rule.protocol)
}

/// What is released already stays for the longer of both times.
fn prolong(addresses: &mut Addresses, address: IpAddr, until: Instant) {
    let known = addresses.entry(address).or_insert(until);
    *known = until.max(*known);
}
