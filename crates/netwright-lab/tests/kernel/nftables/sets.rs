//! Sets, maps and their elements.

use std::net::Ipv4Addr;

use netwright::netfilter::expression::{CounterAttrs, LookupAttrs, ObjectKind};
use netwright::netfilter::raw::*;
use netwright::netfilter::request::{FindElement, List};
use netwright::netfilter::userdata::entry;
use netwright::netfilter::{
    ChainRef, Data, DataType, DataValue, Element, ElementFlags, Family, Object, ObjectData, Rule, Set,
    SetFlags, SetRef, Table, Userdata, VerdictAttrs,
};
use netwright::wire::Errno;
use netwright::{Made, Net};
use netwright_lab::{Failure, Lab, Oracle, Outcome, ensure, ensure_eq};
use serde_json::json;

use super::expressions::sized;
use super::{TABLE, seen, set_up};

/// How `nft` numbers types, which it wants to print keys.
const IPV4_ADDRESS: u32 = 7;
const SERVICE: u32 = 13;
/// Two types in one number, of six bits each.
const IPV4_ADDRESS_AND_SERVICE: u32 = IPV4_ADDRESS << 6 | SERVICE;

fn addresses(name: &str) -> Set {
    Set { key_type: Some(IPV4_ADDRESS), ..Set::new(Family::INET, TABLE, name, 4) }
}

fn ip(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(192, 0, 2, last)
}

/// The elements of the only set that `nft` lists.
#[track_caller]
fn shown(nft: &Oracle, name: &str) -> Result<serde_json::Value, Failure> {
    let kind = if nft.line(&format!("list table inet {TABLE}"))?.contains(&format!("map {name} ")) {
        "map"
    } else {
        "set"
    };
    let sets = seen(nft, &format!("list {kind} inet {TABLE} {name}"), kind)?;
    Ok(sets.first().map(|set| set["elem"].clone()).unwrap_or_default())
}

/// A set as it was read, to be made in a batch under a number.
pub(crate) fn for_a_batch(set: &Set, id: u32) -> Set {
    let anonymous = set.flags.contains(SetFlags::ANONYMOUS);
    let name = match anonymous {
        true => format!("{}%d", set.name.trim_end_matches(|letter: char| letter.is_ascii_digit())),
        false => set.name.clone(),
    };
    Set { name, id: Some(id), handle: None, ..set.clone() }
}

/// Has an expression that uses a set use the one with a number in the same batch.
pub(crate) fn point_at(expression: &mut Expression, id: impl Fn(&str) -> Option<u32>) {
    if let Expression::Lookup(LookupAttrs { set: Some(set), set_id, .. }) = expression {
        *set_id = id(set);
        if set.starts_with("__") {
            *set = format!("{}%d", set.trim_end_matches(|letter: char| letter.is_ascii_digit()));
        }
    }
}

pub(crate) fn plain_sets_take_and_lose_elements(_: &mut Lab) -> Outcome {
    let (nft, net) = (Oracle::nft()?, Net::open()?);
    set_up(&net, Family::INET)?;
    let mut userdata = Userdata::new();
    userdata.push_text(entry::SET_COMMENT, "three hosts")?;
    let set = Set { userdata, description: sized(100), ..addresses("s") };
    let mut batch = net.nft().batch();
    batch.create(&set);
    batch.add_elements(&set, [1, 2, 3].map(|last| ip(last).octets()));
    batch.commit()?;
    let read = net.nft().find(set.reference())?;
    ensure_eq!((read.key_length, read.size(), read.flags), (4, Some(100), SetFlags::empty()));
    ensure_eq!(read.userdata.text(entry::SET_COMMENT), Some("three hosts"));
    ensure_eq!(shown(&nft, "s")?, json!(["192.0.2.1", "192.0.2.2", "192.0.2.3"]));
    let mut found = net.nft().elements(&set)?;
    found.sort_by_key(|element| element.key.as_ref().and_then(Data::value).map(|value| value.to_vec()));
    ensure_eq!(found, [1, 2, 3].map(|last| Element::new(ip(last))));

    let mut batch = net.nft().batch();
    batch.delete_elements(&set, [ip(1).octets()]);
    batch.add_elements(&set, [ip(3).octets(), ip(4).octets()]);
    batch.commit()?;
    ensure_eq!(shown(&nft, "s")?, json!(["192.0.2.2", "192.0.2.3", "192.0.2.4"]));
    let ask =
        |last| FindElement { set: SetRef::new(Family::INET, TABLE, "s"), element: Element::new(ip(last)) };
    ensure_eq!(net.nft().query(ask(4))?, Element::new(ip(4)));
    ensure!(net.nft().query(ask(1)).is_err_and(|error| error.is_not_found()));
    let mut batch = net.nft().batch();
    batch.flush_set(&set);
    batch.commit()?;
    ensure_eq!(net.nft().elements(&set)?, []);
    let mut batch = net.nft().batch();
    batch.delete(&set);
    batch.commit()?;
    ensure_eq!(net.nft().list(List::<Set>::new(Family::INET).in_table(TABLE))?, []);
    Ok(())
}

pub(crate) fn what_is_destroyed_may_be_missing(_: &mut Lab) -> Outcome {
    let (nft, net) = (Oracle::nft()?, Net::open()?);
    set_up(&net, Family::INET)?;
    let set = addresses("s");
    let mut batch = net.nft().batch();
    batch.create(&set);
    batch.add_elements(&set, [1, 2].map(|last| ip(last).octets()));
    batch.commit()?;
    let mut batch = net.nft().batch();
    batch.destroy(&Table::new(Family::NETDEV, "never-there"));
    match batch.commit() {
        Err(error) if error.errno() == Some(Errno::EINVAL) => {
            return Err(Failure::lacking("a kernel that destroys, Linux 6.3"));
        }
        committed => drop(committed?),
    }
    let mut batch = net.nft().batch();
    batch.destroy_elements(&set, [ip(1).octets(), ip(99).octets()]);
    batch.commit()?;
    ensure_eq!(shown(&nft, "s")?, json!(["192.0.2.2"]));
    Ok(())
}

pub(crate) fn intervals_have_a_start_and_an_end(_: &mut Lab) -> Outcome {
    let (nft, net) = (Oracle::nft()?, Net::open()?);
    set_up(&net, Family::INET)?;
    let set = Set { flags: SetFlags::INTERVAL, ..addresses("s") };
    let end = |address: [u8; 4]| Element::new(address).flags(ElementFlags::INTERVAL_END);
    let elements =
        [Element::new([10, 0, 0, 0]), end([11, 0, 0, 0]), Element::new([192, 0, 2, 3]), end([192, 0, 2, 6])];
    let mut batch = net.nft().batch();
    batch.add(&set);
    batch.add_elements(&set, &elements);
    batch.commit()?;
    ensure_eq!(
        shown(&nft, "s")?,
        json!([{"prefix": {"addr": "10.0.0.0", "len": 8}}, {"range": ["192.0.2.3", "192.0.2.5"]}])
    );
    let mut found = net.nft().elements(&set)?;
    found.sort_by_key(|element| element.key.as_ref().and_then(Data::value).map(|value| value.to_vec()));
    let mut plain: Vec<_> =
        found.iter().map(|element| (element.key.clone(), element.has(ElementFlags::INTERVAL_END))).collect();
    plain.retain(|(key, _)| *key != Some([0; 4].into()));
    ensure_eq!(plain, elements.map(|element| (element.key.clone(), element.has(ElementFlags::INTERVAL_END))));
    Ok(())
}

fn pair(address: [u8; 4], port: u16) -> Result<DataValue, Failure> {
    let mut key = DataValue::default();
    key.extend_part(&address)?;
    key.extend_part(&port.to_be_bytes())?;
    Ok(key)
}

pub(crate) fn concatenations_with_and_without_ranges(_: &mut Lab) -> Outcome {
    let (nft, net) = (Oracle::nft()?, Net::open()?);
    set_up(&net, Family::INET)?;
    let mut set = Set {
        key_type: Some(IPV4_ADDRESS_AND_SERVICE),
        flags: SetFlags::CONCAT,
        ..Set::new(Family::INET, TABLE, "s", 8)
    };
    set.set_field_lengths([4, 2]);
    let ranges = Set { name: "r".into(), flags: SetFlags::CONCAT | SetFlags::INTERVAL, ..set.clone() };
    let exact = Element::new(pair([192, 0, 2, 1], 443)?);
    let range = Element::new(pair([10, 0, 0, 0], 80)?).key_end(pair([10, 255, 255, 255], 90)?.into());
    let mut batch = net.nft().batch();
    batch.add(&set);
    batch.add(&ranges);
    batch.add_elements(&set, [&exact]);
    batch.add_elements(&ranges, [&range]);
    batch.commit()?;
    ensure_eq!(net.nft().find(set.reference())?.field_lengths().collect::<Vec<_>>(), [4, 2]);
    ensure_eq!(net.nft().elements(&set)?, [exact]);
    ensure_eq!(net.nft().elements(&ranges)?, [range]);
    ensure_eq!(shown(&nft, "s")?, json!([{"concat": ["192.0.2.1", 443]}]));
    let expected = json!([{"concat": [{"prefix": {"addr": "10.0.0.0", "len": 8}}, {"range": [80, 90]}]}]);
    ensure_eq!(shown(&nft, "r")?, expected);
    Ok(())
}

pub(crate) fn timeouts_counters_and_comments_of_elements(_: &mut Lab) -> Outcome {
    let (nft, net) = (Oracle::nft()?, Net::open()?);
    set_up(&net, Family::INET)?;
    let set = Set {
        flags: SetFlags::TIMEOUT,
        timeout: Some(3_600_000),
        collection_interval: Some(60_000),
        expressions: vec![counter()],
        ..addresses("s")
    };
    let count = CounterAttrs::default().packets(7).byte_count(700);
    let element = Element::new(ip(1))
        .timeout(60_000)
        .userdata(Userdata::comment("a guest")?)
        .expression(Box::new(count.clone().into()));
    let mut batch = net.nft().batch();
    batch.add(&set);
    batch.add_elements(&set, [&element, &Element::new(ip(2))]);
    batch.commit()?;
    let read = net.nft().find(set.reference())?;
    ensure_eq!((read.timeout, read.collection_interval), (Some(3_600_000), Some(60_000)));
    ensure_eq!(read.expressions.iter().map(Expression::name).collect::<Vec<_>>(), ["counter"]);
    let elements = net.nft().elements(&set)?;
    let found =
        elements.iter().find(|found| found.key == element.key).ok_or(Failure::wrong("it is not listed"))?;
    ensure_eq!((found.timeout, &found.userdata), (Some(60_000), &element.userdata));
    ensure_eq!(found.expressions().cloned().collect::<Vec<_>>(), [count.into()]);
    ensure!(found.expiration.is_some_and(|left| (30_000..=60_000).contains(&left)));
    let text = nft.line("list set inet t s")?;
    for part in [
        "192.0.2.1",
        "timeout 1m",
        "counter packets 7 bytes 700",
        "comment \"a guest\"",
        "timeout 1h",
        "gc-interval 1m",
    ] {
        ensure!(text.contains(part), "{part} is not in {text}");
    }
    Ok(())
}

pub(crate) fn maps_of_values_verdicts_and_objects(_: &mut Lab) -> Outcome {
    let (nft, net) = (Oracle::nft()?, Net::open()?);
    set_up(&net, Family::INET)?;
    let values =
        Set { flags: SetFlags::MAP, data_type: Some(SERVICE), data_length: Some(2), ..addresses("values") };
    let verdicts = Set {
        flags: SetFlags::MAP,
        data_type: Some(DataType::VERDICT.0),
        data_length: Some(0),
        ..addresses("verdicts")
    };
    let objects =
        Set { flags: SetFlags::OBJECT, object_kind: Some(ObjectKind::COUNTER), ..addresses("objects") };
    let mut batch = net.nft().batch();
    for map in [&values, &verdicts, &objects] {
        batch.add(map);
    }
    batch.add(&Object::new(Family::INET, TABLE, "web", ObjectData::Counter(CounterAttrs::default())));
    batch.add(&netwright::netfilter::Chain::new(Family::INET, TABLE, "other"));
    batch.add_elements(&values, [(ip(1).octets(), [0, 80]), (ip(2).octets(), [1, 187])]);
    let jump = Element::mapping(ip(1), VerdictAttrs::into_chain(Verdict::JUMP, "other"));
    let drop = Element::mapping(ip(2), Verdict::DROP);
    batch.add_elements(&verdicts, [&jump, &drop]);
    let counted = Element::new(ip(1)).object("web".into());
    batch.add_elements(&objects, [&counted]);
    let load = || payload(Base::NETWORK, 12, 4).into(R1);
    batch.add(&Rule::new(Family::INET, TABLE, "c", [load(), map(R1, "verdicts", Register::VERDICT)]));
    batch.commit()?;
    ensure_eq!(shown(&nft, "values")?, json!([["192.0.2.1", 80], ["192.0.2.2", 443]]));
    ensure_eq!(
        shown(&nft, "verdicts")?,
        json!([["192.0.2.1", {"jump": {"target": "other"}}], ["192.0.2.2", {"drop": null}]])
    );
    ensure_eq!(shown(&nft, "objects")?, json!([["192.0.2.1", "web"]]));
    let mut found = net.nft().elements(&verdicts)?;
    found.sort_by_key(|element| element.key.as_ref().and_then(Data::value).map(|value| value.to_vec()));
    ensure_eq!(found, [jump, drop]);
    ensure_eq!(net.nft().elements(&objects)?, [counted]);
    ensure!(net.nft().elements(&values)?.contains(&Element::mapping(ip(1), [0, 80])));
    ensure!(nft.line("list chain inet t c")?.contains("vmap @verdicts"));
    Ok(())
}

pub(crate) fn a_catch_all_stands_for_the_others(_: &mut Lab) -> Outcome {
    let (nft, net) = (Oracle::nft()?, Net::open()?);
    set_up(&net, Family::INET)?;
    let map = Set {
        flags: SetFlags::MAP,
        data_type: Some(DataType::VERDICT.0),
        data_length: Some(0),
        ..addresses("m")
    };
    let other = Element::default().flags(ElementFlags::CATCH_ALL).data(Verdict::DROP.into());
    let mut batch = net.nft().batch();
    batch.add(&map);
    batch.add_elements(&map, [&Element::mapping(ip(1), Verdict::ACCEPT), &other]);
    batch.commit()?;
    ensure_eq!(shown(&nft, "m")?, json!([["192.0.2.1", {"accept": null}], ["*", {"drop": null}]]));
    ensure!(net.nft().elements(&map)?.contains(&other));
    Ok(())
}

pub(crate) fn an_anonymous_set_lives_with_its_rule(_: &mut Lab) -> Outcome {
    let (nft, net) = (Oracle::nft()?, Net::open()?);
    set_up(&net, Family::INET)?;
    let mut batch = net.nft().batch();
    batch.echo(true);
    let id = batch.raw_mut().allocate_id();
    let set = Set { flags: SetFlags::ANONYMOUS | SetFlags::CONSTANT, id: Some(id), ..addresses("__set%d") };
    batch.add(&set);
    batch.add_elements(&set, [ip(1).octets(), ip(2).octets()]);
    let lookup = LookupAttrs::default().source(R1).set(set.name.clone()).set_id(id);
    let family = [meta(MetaKey::FAMILY).into(R1), cmp(R1, EQ, [2])];
    let rule = family.into_iter().chain([
        payload(Base::NETWORK, 12, 4).into(R1),
        lookup.into(),
        verdict(Verdict::DROP),
    ]);
    batch.add(&Rule::new(Family::INET, TABLE, "c", rule));
    let committed = batch.commit()?;
    ensure!(matches!(&committed.made[..], [(1, Made::Set(_)), .., (3, Made::Rule(_))]), "{committed:?}");
    let text = nft.line("list chain inet t c")?;
    ensure!(text.contains("ip saddr { 192.0.2.1, 192.0.2.2 } drop"), "{text}");
    let sets = net.nft().list(List::<Set>::new(Family::INET))?;
    ensure!(sets.len() == 1 && sets[0].name == "__set0" && sets[0].flags.contains(SetFlags::ANONYMOUS));
    let rules = net.nft().rules(ChainRef::new(Family::INET, TABLE, "c"))?;
    let mut batch = net.nft().batch();
    batch.delete(&rules[0].reference().ok_or_else(|| Failure::wrong("a rule without a handle"))?);
    batch.commit()?;
    ensure_eq!(net.nft().list(List::<Set>::new(Family::INET))?, []);
    Ok(())
}
