//! Everything that can be named, of every kind: made, listed, found, changed, and deleted by name and by handle.

use netwright::netfilter::expression::{CounterAttrs, ObjectKind, QuotaAttrs};
use netwright::netfilter::raw::*;
use netwright::netfilter::request::{Find, List, ListElements, Reset};
use netwright::netfilter::{
    Chain, ChainRef, Deletable, Device, Family, Flowtable, Item, Object, ObjectData, Reference, Rule,
    RuleRef, Set, SetRef, Table, TableFlags, TableRef, Userdata,
};
use netwright::wire::Errno;
use netwright::{Create, Net};
use netwright_lab::{Failure, Lab, Oracle, Outcome, ensure, ensure_eq};

use super::{TABLE, set_up};

/// How many elements make the library ask for the set itself as well.
const MANY: u32 = 1500;

/// Whether nothing is found any more.
fn is_gone<R: Reference + Send + 'static>(net: &Net, reference: R) -> Result<bool, Failure>
where
    R::Item: Send,
{
    match net.nft().find(reference) {
        Ok(_) => Ok(false),
        Err(error) if error.is_not_found() => Ok(true),
        Err(error) => Err(error.into()),
    }
}

/// Makes one, lists it, finds it by its reference, deletes it by name, by handle and as it was listed.
fn comes_and_goes<T, R>(
    net: &Net,
    made: &T,
    list: &List<T>,
    reference: impl Fn(&T) -> R,
    by_handle: impl Fn(&Net, &T) -> Result<(), Failure>,
    name_of: impl Fn(&T) -> &str,
) -> Result<(), Failure>
where
    T: Item<Attributes: PartialEq> + Deletable + Clone + PartialEq + std::fmt::Debug + Send + Sync + 'static,
    R: Reference<Item = T> + Deletable + Clone + Send + 'static,
{
    let make = || -> Result<T, Failure> {
        let mut batch = net.nft().batch();
        batch.create(made);
        batch.commit()?;
        let listed: Vec<T> = net.nft().list(list.clone())?;
        let found = listed.into_iter().find(|one| name_of(one) == name_of(made));
        found.ok_or_else(|| Failure::wrong(format_args!("{} is not listed", name_of(made))))
    };
    let listed = make()?;
    ensure_eq!(net.nft().find(reference(&listed))?, listed);
    let mut batch = net.nft().batch();
    batch.delete(&reference(&listed));
    batch.commit()?;
    ensure!(is_gone(net, reference(&listed))?);
    let listed = make()?;
    by_handle(net, &listed)?;
    ensure!(is_gone(net, reference(&listed))?);
    let listed = make()?;
    let mut batch = net.nft().batch();
    batch.delete(&listed);
    batch.commit()?;
    ensure!(is_gone(net, reference(&listed))?);
    // what came under the same name meanwhile is something else
    let again = make()?;
    let mut batch = net.nft().batch();
    batch.delete(&listed);
    let error = batch.commit().err().ok_or_else(|| Failure::wrong("another one was deleted"))?;
    ensure!(error.is_not_found(), "{error}");
    ensure!(!is_gone(net, reference(&again))?);
    match destroyed(net, &again)? {
        true => ensure!(is_gone(net, reference(&again))?),
        false => ensure!(!is_gone(net, reference(&again))?),
    }
    Ok(())
}

/// Destroys it, twice; false where the kernel does not know how.
fn destroyed<T: Deletable>(net: &Net, object: &T) -> Result<bool, Failure> {
    for _ in 0..2 {
        let mut batch = net.nft().batch();
        batch.destroy(object);
        match batch.commit() {
            Err(error) if error.errno() == Some(Errno::EINVAL) => return Ok(false),
            done => drop(done?),
        }
    }
    Ok(true)
}

fn handle_of<H>(handle: Option<H>) -> Result<H, Failure> {
    handle.ok_or_else(|| Failure::wrong("it was listed without a handle"))
}

fn delete(net: &Net, object: &impl Deletable) -> Result<(), Failure> {
    let mut batch = net.nft().batch();
    batch.delete(object);
    batch.commit()?;
    Ok(())
}

fn counter_object(name: &str) -> Object {
    Object::new(Family::INET, TABLE, name, ObjectData::Counter(CounterAttrs::default()))
}

pub(crate) fn tables_chains_sets_and_objects_are_found_by_name_and_deleted_by_either(_: &mut Lab) -> Outcome {
    let net = Net::open()?;
    for family in [Family::INET, Family::IPV4, Family::IPV6, Family::ARP, Family::BRIDGE, Family::NETDEV] {
        comes_and_goes(
            &net,
            &Table::new(family, "alone"),
            &List::new(family),
            Table::reference,
            |net, table| delete(net, &handle_of(table.by_handle())?),
            |table| &table.name,
        )?;
    }
    set_up(&net, Family::INET)?;
    comes_and_goes(
        &net,
        &Chain::new(Family::INET, TABLE, "alone"),
        &List::new(Family::INET).in_table(TABLE),
        Chain::reference,
        |net, chain| delete(net, &handle_of(chain.by_handle())?),
        |chain| &chain.name,
    )?;
    comes_and_goes(
        &net,
        &Set::new(Family::INET, TABLE, "alone", 4),
        &List::new(Family::INET).in_table(TABLE),
        Set::reference,
        |net, set| delete(net, &handle_of(set.by_handle())?),
        |set| &set.name,
    )?;
    for data in [ObjectData::Counter(CounterAttrs::default()), {
        ObjectData::Quota(QuotaAttrs::default().byte_count(9))
    }] {
        comes_and_goes(
            &net,
            &Object::new(Family::INET, TABLE, "alone", data),
            &List::new(Family::INET).in_table(TABLE),
            Object::reference,
            |net, object| delete(net, &handle_of(object.by_handle())?),
            |object| &object.name,
        )?;
    }
    Ok(())
}

pub(crate) fn flow_tables_are_found_by_name_and_deleted_by_either(_: &mut Lab) -> Outcome {
    let net = Net::open()?;
    set_up(&net, Family::INET)?;
    net.links().create(Create::bridge("dev0"))?;
    let table = Flowtable {
        family: Family::INET,
        table: TABLE.into(),
        name: "alone".into(),
        priority: Some(0),
        devices: vec![Device::Name("dev0".into())],
        ..Flowtable::default()
    };
    let mut batch = net.nft().batch();
    batch.create(&table);
    match batch.check() {
        Err(error) if matches!(error.errno(), Some(Errno::EOPNOTSUPP | Errno::ENOENT)) => {
            return Err(Failure::lacking("a kernel with flow tables, CONFIG_NF_FLOW_TABLE"));
        }
        checked => checked?,
    }
    comes_and_goes(
        &net,
        &table,
        &List::new(Family::INET).in_table(TABLE),
        Flowtable::reference,
        |net, table| delete(net, &handle_of(table.by_handle())?),
        |table| &table.name,
    )
}

pub(crate) fn rules_go_by_their_handle_alone(_: &mut Lab) -> Outcome {
    let (nft, net) = (Oracle::nft()?, Net::open()?);
    set_up(&net, Family::INET)?;
    let chain = ChainRef::new(Family::INET, TABLE, "c");
    let mut batch = net.nft().batch();
    for _ in 0..3 {
        batch.add(&Rule::new(Family::INET, TABLE, "c", [counter()]));
    }
    batch.commit()?;
    let listed = net.nft().rules(&chain)?;
    let references: Vec<RuleRef> = listed.iter().filter_map(Rule::reference).collect();
    ensure_eq!(references.len(), 3);
    for (reference, rule) in references.iter().zip(&listed) {
        let found = net.nft().find(reference.clone())?;
        ensure_eq!((found.handle, &found.expressions), (rule.handle, &rule.expressions));
    }
    // a rule that has no handle refers to nothing, and not to all rules of its chain
    ensure_eq!(Rule::new(Family::INET, TABLE, "c", []).reference(), None);
    delete(&net, &references[1])?;
    ensure!(is_gone(&net, references[1].clone())?);
    ensure_eq!(net.nft().rules(&chain)?.len(), 2);
    let error = net.nft().find(chain.rule(999)).err().ok_or_else(|| Failure::wrong("it was found"))?;
    ensure_eq!(error.asked(), "look up rule inet t c handle 999");
    ensure!(nft.line("list chain inet t c")?.matches("counter").count() == 2);
    Ok(())
}

pub(crate) fn what_is_listed_is_found_again_and_reset(_: &mut Lab) -> Outcome {
    let net = Net::open()?;
    set_up(&net, Family::INET)?;
    let set = SetRef::new(Family::INET, TABLE, "many");
    let counted = ObjectData::Counter(CounterAttrs::default().packets(5).byte_count(500));
    let mut batch = net.nft().batch();
    batch.add(&Set::new(Family::INET, TABLE, "many", 4));
    batch.add_elements(&set, (0..MANY).map(u32::to_be_bytes));
    batch.add(&Object { data: counted, ..counter_object("k") });
    batch.add(&Rule::new(Family::INET, TABLE, "c", [counter()]));
    batch.commit()?;
    // every reference that a listing gives is one that the kernel takes
    for table in net.nft().list(List::<Table>::new(Family::UNSPECIFIED))? {
        net.nft().find(table.reference())?;
    }
    for chain in net.nft().list(List::<Chain>::new(Family::INET))? {
        net.nft().find(chain.reference())?;
    }
    for listed in net.nft().list(List::<Set>::new(Family::INET))? {
        ensure_eq!(net.nft().find(listed.reference())?, listed);
        ensure_eq!(net.nft().elements(&listed)?.len(), MANY as usize);
    }
    ensure_eq!(net.nft().ruleset()?.tables[0].sets[0].elements.len(), MANY as usize);
    for object in net.nft().list(List::<Object>::new(Family::INET))? {
        ensure_eq!(net.nft().find(object.reference())?, object);
    }
    let object = TableRef::new(Family::INET, TABLE).object(ObjectKind::COUNTER, "k");
    let packets = |object: &Object| match &object.data {
        ObjectData::Counter(counter) => counter.packets,
        _ => None,
    };
    ensure_eq!(packets(&net.nft().query(Reset(Find(object.clone())))?), Some(5));
    ensure_eq!(packets(&net.nft().find(object)?), Some(0));
    let rule = net.nft().rules(ChainRef::new(Family::INET, TABLE, "c"))?.remove(0);
    let reference = handle_of(rule.reference())?;
    ensure_eq!(net.nft().query(Reset(Find(reference)))?.expressions, rule.expressions);
    let mut found = 0;
    net.nft().each(ListElements { reset: true, ..ListElements::of(&set) }, |views| {
        found += views.count() as u32;
        Ok(std::ops::ControlFlow::Continue(()))
    })?;
    ensure_eq!(found, MANY);
    Ok(())
}

pub(crate) fn what_was_named_is_changed(_: &mut Lab) -> Outcome {
    let net = Net::open()?;
    set_up(&net, Family::INET)?;
    let table = TableRef::new(Family::INET, TABLE);
    let mut batch = net.nft().batch();
    batch.add(&Chain::new(Family::INET, TABLE, "old"));
    batch.add(&Table { flags: Some(TableFlags::DORMANT), ..Table::new(Family::INET, TABLE) });
    batch.add(&Rule::new(Family::INET, TABLE, "c", [counter()]));
    batch.commit()?;
    ensure_eq!(net.nft().find(table.clone())?.flags, Some(TableFlags::DORMANT));
    let old = net.nft().find(table.chain("old"))?;
    let mut batch = net.nft().batch();
    batch.rename_chain(&handle_of(old.by_handle())?, "new");
    batch.commit()?;
    ensure_eq!(net.nft().find(table.chain("new"))?.handle, old.handle);
    ensure!(is_gone(&net, table.chain("old"))?);
    let rule = net.nft().rules(table.chain("c"))?.remove(0);
    let mut batch = net.nft().batch();
    batch.replace(&Rule { userdata: Userdata::comment("changed")?, ..rule });
    batch.commit()?;
    let rules = net.nft().rules(table.chain("c"))?;
    ensure_eq!(rules.len(), 1);
    ensure!(!rules[0].userdata.is_empty());
    let mut batch = net.nft().batch();
    batch.flush_chain(table.chain("c"));
    batch.commit()?;
    ensure_eq!(net.nft().rules(table.chain("c"))?.len(), 0);
    Ok(())
}
