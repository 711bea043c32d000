//! All or nothing, and what is said when it is nothing.

use netwright::netfilter::raw::*;
use netwright::netfilter::request::List;
use netwright::netfilter::{Chain, Element, Family, Hook, Rule, Set, Table};
use netwright::wire::Errno;
use netwright::{Error, Net};
use netwright_lab::{Failure, Lab, Oracle, Outcome, ensure, ensure_eq};

use super::{TABLE, base, set_up};
use crate::common::without_privilege;

#[track_caller]
fn refused<T>(result: netwright::Result<T>) -> Result<Error, Failure> {
    result.err().ok_or_else(|| Failure::wrong("it was committed"))
}

pub(crate) fn one_bad_step_undoes_all(_: &mut Lab) -> Outcome {
    let (nft, net) = (Oracle::nft()?, Net::open()?);
    set_up(&net, Family::INET)?;
    let before = (nft.line("-a list ruleset")?, net.nft().generation()?);
    for bad in 0..4 {
        let mut batch = net.nft().batch();
        batch.add(&Table::new(Family::IPV6, "other"));
        batch.raw_mut().tag(Some(77));
        batch.add(&Rule::new(Family::INET, TABLE, if bad == 0 { "nowhere" } else { "c" }, [counter()]));
        batch.raw_mut().tag(None);
        batch.add(&base(Family::INET, "filter", if bad == 1 { Hook::Other(9) } else { Hook::Input }, 0));
        batch.delete(&Chain::new(
            Family::INET,
            if bad == 2 { "missing" } else { TABLE },
            if bad == 2 { "x" } else { "c" },
        ));
        batch.create(&Table::new(Family::INET, TABLE));
        let error = refused(batch.commit())?;
        let text = error.to_string();
        let expected = [
            "cannot add rule inet t nowhere: no such object (ENOENT)",
            "cannot add chain inet t c: not supported (EOPNOTSUPP)",
            "cannot delete chain inet missing x: no such object (ENOENT)",
            "cannot create table inet t: exists already (EEXIST)",
        ];
        ensure!(text.starts_with(expected[bad]), "{text}");
        ensure_eq!(error.tag(), (bad == 0).then_some(77));
        ensure_eq!(nft.line("-a list ruleset")?, before.0);
    }
    ensure_eq!(net.nft().generation()?, before.1);
    Ok(())
}

pub(crate) fn an_outdated_generation_is_refused(_: &mut Lab) -> Outcome {
    let (nft, net) = (Oracle::nft()?, Net::open()?);
    set_up(&net, Family::INET)?;
    let generation = net.nft().generation()?;
    let mut batch = net.nft().batch_for_generation(generation);
    batch.add(&Table::new(Family::IPV4, "one"));
    batch.commit()?;
    ensure!(net.nft().generation()? != generation);
    let mut batch = net.nft().batch_for_generation(generation);
    batch.add(&Table::new(Family::IPV4, "two"));
    let error = refused(batch.commit())?;
    ensure_eq!(error.errno(), Some(Errno::ERESTART));
    ensure!(error.to_string().starts_with("cannot commit the batch: changed in between"), "{error}");
    ensure!(error.help().is_some_and(|help| help.contains("Somebody else changed the ruleset")));
    ensure!(!nft.line("list tables")?.contains("two"));
    Ok(())
}

pub(crate) fn the_element_at_fault_is_named(_: &mut Lab) -> Outcome {
    let net = Net::open()?;
    set_up(&net, Family::INET)?;
    let set = Set::new(Family::INET, TABLE, "blocklist", 4);
    let mut batch = net.nft().batch();
    batch.add(&set);
    batch.add_elements(&set, [9000_u32.to_be_bytes()]);
    batch.commit()?;
    let mut batch = net.nft().batch();
    batch.create_elements(&set, (0..10_000_u32).map(u32::to_be_bytes));
    let error = refused(batch.commit())?;
    let expected = "cannot create element inet t blocklist (element 9001 of 10000): exists already (EEXIST)";
    ensure!(error.to_string().starts_with(expected), "{error}");
    ensure_eq!(net.nft().elements(&set)?, [Element::new(9000_u32.to_be_bytes())]);
    let mut batch = net.nft().batch();
    batch.delete_elements(&set, [9000_u32.to_be_bytes(), 9001_u32.to_be_bytes()]);
    let error = refused(batch.commit())?;
    ensure!(
        error
            .to_string()
            .starts_with("cannot delete element inet t blocklist (element 2 of 2): no such object (ENOENT)"),
        "{error}"
    );
    let mut batch = net.nft().batch();
    batch.add_elements(&set, [[1_u8, 2, 3].as_slice()]);
    let error = refused(batch.commit())?;
    ensure!(
        error
            .to_string()
            .starts_with("cannot add element inet t blocklist (element 1 of 1): invalid argument (EINVAL)"),
        "{error}"
    );
    Ok(())
}

pub(crate) fn hostile_names_and_sizes_are_refused(_: &mut Lab) -> Outcome {
    let (nft, net) = (Oracle::nft()?, Net::open()?);
    set_up(&net, Family::INET)?;
    let before = nft.line("-a list ruleset")?;
    for name in ["x".repeat(256), "x".repeat(100_000), "cut\0off".into()] {
        let mut batch = net.nft().batch();
        batch.add(&Table::new(Family::INET, &*name));
        refused(batch.commit())?;
        let mut batch = net.nft().batch();
        batch.add(&Chain::new(Family::INET, TABLE, &*name));
        refused(batch.commit())?;
        let mut batch = net.nft().batch();
        batch.add(&Set::new(Family::INET, TABLE, &*name, 4));
        refused(batch.commit())?;
        let mut batch = net.nft().batch();
        batch.add(&Rule::new(Family::INET, TABLE, "c", [lookup(R1, &*name)]));
        refused(batch.commit())?;
    }
    for key_length in [0, 65, u32::MAX] {
        let mut batch = net.nft().batch();
        batch.add(&Set::new(Family::INET, TABLE, "s", key_length));
        refused(batch.commit())?;
    }
    let deep: Vec<_> = (0..200).map(|_| counter()).collect();
    let mut batch = net.nft().batch();
    batch.add(&Rule::new(Family::INET, TABLE, "c", deep));
    refused(batch.commit())?;
    let mut batch = net.nft().batch();
    batch.add(&Rule::new(Family::INET, TABLE, "c", [cmp(Register(99), EQ, [1])]));
    refused(batch.commit())?;
    ensure_eq!(nft.line("-a list ruleset")?, before);
    // nothing to do is nothing done
    let generation = net.nft().generation()?;
    net.nft().batch().commit()?;
    ensure_eq!(net.nft().generation()?, generation);
    Ok(())
}

pub(crate) fn without_privilege_nothing_is_done(_: &mut Lab) -> Outcome {
    let error = without_privilege(|| {
        let net = Net::open()?;
        let mut batch = net.nft().batch();
        batch.add(&Table::new(Family::INET, TABLE));
        refused(batch.commit())
    })??;
    ensure!(error.is_permission(), "{error}");
    ensure!(error.to_string().contains("operation not permitted (EPERM)"), "{error}");
    ensure_eq!(Net::open()?.nft().list(List::<Table>::new(Family::UNSPECIFIED))?, []);
    Ok(())
}
