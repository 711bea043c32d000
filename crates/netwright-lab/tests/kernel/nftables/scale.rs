//! As much as anybody loads, in one commit with the system's default limits.

use std::ops::ControlFlow;

use netwright::driver::Blocking;
use netwright::netfilter::raw::*;
use netwright::netfilter::request::{FindElement, List, ListElements};
use netwright::netfilter::{ChainRef, Element, ElementFlags, Family, Rule, Set, SetFlags, SetRef};
use netwright::sys::capability;
use netwright::wire::Errno;
use netwright::{Batch, Net};
use netwright_lab::{Failure, Lab, Oracle, Outcome, ensure, ensure_eq};

use super::expressions::sized;
use super::{TABLE, set_up};

/// Commits a batch that needs a larger send buffer than an ordinary user may have: there it is refused with the way out, and
/// whether it was committed is returned.
#[track_caller]
fn commit_large(net: &Net, batch: Batch<'_, Blocking>) -> Result<bool, Failure> {
    let generation = net.nft().generation()?;
    match batch.commit() {
        Err(error) if capability::in_user_namespace() && error.errno() == Some(Errno::EMSGSIZE) => {
            ensure!(error.help().is_some_and(|help| help.contains("net.core.wmem_max")));
            ensure_eq!(net.nft().generation()?, generation);
            Ok(false)
        }
        committed => Ok(committed.map(|_| true)?),
    }
}

/// The kernel walks a large set from its start for every part of a list, so here single elements are asked for.
pub(crate) fn a_million_elements_in_one_commit(_: &mut Lab) -> Outcome {
    const COUNT: u32 = 1_000_000;
    let net = Net::open()?;
    set_up(&net, Family::INET)?;
    let set = Set::new(Family::INET, TABLE, "s", 4);
    let mut batch = net.nft().batch();
    batch.add(&set);
    batch.add_elements(&set, (0..COUNT).map(u32::to_be_bytes));
    if !commit_large(&net, batch)? {
        return Ok(());
    }
    // kernels before 6.16 do not count
    ensure!(net.nft().find(set.reference())?.count.is_none_or(|count| count == COUNT));
    let ask = |key: u32| {
        let element = Element::new(key.to_be_bytes());
        net.nft().query(FindElement { set: SetRef::new(Family::INET, TABLE, "s"), element })
    };
    for key in (0..COUNT).step_by(997).chain([COUNT - 1]) {
        ensure_eq!(ask(key)?, Element::new(key.to_be_bytes()));
    }
    ensure!(ask(COUNT).is_err_and(|error| error.is_not_found()));
    let mut batch = net.nft().batch();
    batch.create_elements(&set, (0..=COUNT).rev().map(u32::to_be_bytes));
    let error = batch.commit().err().ok_or(Failure::wrong("committed"))?;
    let expected = "cannot create element inet t s (element 2 of 1000001): exists already (EEXIST)";
    ensure!(error.to_string().starts_with(expected), "{error}");
    Ok(())
}

/// The size is given: a table that grows in the background moves elements while a list walks over it.
pub(crate) fn a_hundred_thousand_elements_are_listed_in_place(_: &mut Lab) -> Outcome {
    const COUNT: u32 = 100_000;
    let net = Net::open()?;
    set_up(&net, Family::INET)?;
    let set = Set { description: sized(COUNT), ..Set::new(Family::INET, TABLE, "s", 4) };
    let mut batch = net.nft().batch();
    batch.add(&set);
    batch.add_elements(&set, (0..COUNT).map(u32::to_be_bytes));
    batch.commit()?;
    let mut seen = vec![0; COUNT as usize];
    net.nft().each(ListElements::of(&set), |elements| {
        for element in elements {
            let key = element?.key_bytes()?.and_then(<[u8]>::first_chunk).copied().map(u32::from_be_bytes);
            if let Some(times) = key.and_then(|key| seen.get_mut(key as usize)) {
                *times += 1;
            }
        }
        Ok(ControlFlow::Continue(()))
    })?;
    ensure!(seen.into_iter().all(|times| times == 1));
    let mut batch = net.nft().batch();
    batch.add_elements(&set, [COUNT.to_be_bytes()]);
    let error = batch.commit().err().ok_or(Failure::wrong("committed"))?;
    let expected = "cannot add element inet t s (element 1 of 1): no place for more (ENFILE)";
    ensure!(error.to_string().starts_with(expected), "{error}");
    Ok(())
}

/// Without a size the table grows in the background: a list right after the load must not lose what moves.
pub(crate) fn a_list_of_a_growing_set_is_complete(_: &mut Lab) -> Outcome {
    const COUNT: u32 = 100_000;
    let net = Net::open()?;
    set_up(&net, Family::INET)?;
    let set = Set::new(Family::INET, TABLE, "s", 4);
    let mut batch = net.nft().batch();
    batch.add(&set);
    batch.add_elements(&set, (0..COUNT).map(u32::to_be_bytes));
    if !commit_large(&net, batch)? {
        return Ok(());
    }
    let elements = net.nft().elements(&set)?;
    let mut keys: Vec<_> = elements.iter().filter_map(Element::key_bytes).collect();
    keys.sort_unstable();
    keys.dedup();
    ensure_eq!((elements.len(), keys.len()), (COUNT as usize, COUNT as usize));
    Ok(())
}

pub(crate) fn intervals_by_the_hundred_thousand(_: &mut Lab) -> Outcome {
    const COUNT: u32 = 100_000;
    let (nft, net) = (Oracle::nft()?, Net::open()?);
    set_up(&net, Family::INET)?;
    let set = Set { flags: SetFlags::INTERVAL, key_type: Some(7), ..Set::new(Family::INET, TABLE, "s", 4) };
    let mut batch = net.nft().batch();
    batch.add(&set);
    let elements = (0..COUNT).flat_map(|number| {
        let start = 0x0a00_0000 + number * 4;
        [(start, false), (start + 2, true)]
    });
    batch.add_elements(
        &set,
        elements.map(|(key, end)| {
            let flags = end.then_some(ElementFlags::INTERVAL_END);
            Element::new(key.to_be_bytes()).with(|attrs| attrs.flags = flags)
        }),
    );
    batch.commit()?;
    let mut count = 0;
    net.nft().each(ListElements::of(&set), |elements| {
        count += elements.count() as u32;
        Ok(ControlFlow::Continue(()))
    })?;
    ensure!((2 * COUNT..=2 * COUNT + 1).contains(&count), "{count}");
    let listed = nft.line("get element inet t s { 10.0.0.5 }")?;
    ensure!(listed.contains("10.0.0.4/31"), "{listed}");
    Ok(())
}

pub(crate) fn a_hundred_thousand_rules_in_one_commit(_: &mut Lab) -> Outcome {
    const COUNT: u32 = 100_000;
    let net = Net::open()?;
    set_up(&net, Family::INET)?;
    let rule = |number: u32| {
        let address = number.to_be_bytes();
        Rule::new(
            Family::INET,
            TABLE,
            "c",
            [payload(Base::NETWORK, 12, 4).into(R1), cmp(R1, EQ, address), counter(), verdict(Verdict::DROP)],
        )
    };
    let mut batch = net.nft().batch();
    (0..COUNT).for_each(|number| batch.add(&rule(number)));
    if !commit_large(&net, batch)? {
        return Ok(());
    }
    let (mut count, mut last) = (0, 0);
    net.nft().each(List::in_chain(&ChainRef::new(Family::INET, TABLE, "c")), |view| {
        let handle = view.attributes.handle()?.unwrap_or_default();
        count += u32::from(handle > last);
        last = handle;
        Ok(ControlFlow::Continue(()))
    })?;
    ensure_eq!(count, COUNT);
    Ok(())
}
