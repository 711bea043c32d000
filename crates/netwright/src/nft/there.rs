//! What is there as programs want it: rules with what they have counted, elements as keys.

use std::collections::HashMap;
use std::time::Duration;

use netwright_netfilter::{Batch, ChainRef, RuleRef, SetRef, TableRef, Userdata};
use netwright_nft::build::{Addition, FromData, FromKey, Map, Placement, Rule, Set, keys};
use netwright_nft::catalog::Catalog;
use netwright_nft::ir::{self, Counter, Operation, TableContent, Value};
use netwright_nft::lift;
use netwright_nft::lower::Order;
use netwright_sys::{Cause, Connection, Error, Namespace, protocol};
use netwright_wire::Errno;

use super::others::Others;
use super::read::{self, Part, Thing, Wanted};
use super::send::{Made, Sent, read_made};
use super::{Nft, refusal};
use crate::driver::Driver;
use crate::{Ensured, Result};

/// How often it is tried where others change the ruleset meanwhile.
const TRIES: u32 = 100;

/// A rule that is there.
#[derive(Clone, Debug, PartialEq)]
pub struct ListedRule {
    /// What refers to it.
    pub reference: RuleRef,
    /// It in the terms of the language, with its handle.
    pub rule: ir::Rule,
    /// Everything that programs left with it, its comment too.
    pub userdata: Userdata,
}

impl ListedRule {
    /// Its comment.
    #[must_use]
    pub fn comment(&self) -> Option<&str> {
        self.rule.comment.as_deref()
    }

    /// What its first counter has counted, if it has one of its own.
    #[must_use]
    pub fn counter(&self) -> Option<Counter> {
        self.rule.counter()
    }
}

/// An element of a set as it is there.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry<K> {
    /// The key, or the first of several. Of several parts side by side each goes from its first to its last.
    pub first: K,
    /// The last key that it stands for.
    pub last: K,
    /// How long it lives in all, where it does not live for ever.
    pub timeout: Option<Duration>,
    /// How long it has left.
    pub expires: Option<Duration>,
    /// What its counter has counted.
    pub counter: Option<Counter>,
    /// Its comment.
    pub comment: Option<String>,
}

impl<D: Driver> Nft<'_, D> {
    /// The rules of a chain in order, as of one moment, each with what refers to it. Nothing else is asked for but the sets and
    /// chains that are written in them.
    ///
    /// ```no_run
    /// use netwright::nft::{Chain, Family, Table};
    ///
    /// let net = netwright::Net::open()?;
    /// let chain = Chain::new(&Table::new(Family::INET, "filter"), "input");
    /// for rule in net.nft().listed_rules(&chain)? {
    ///     let packets = rule.counter().map_or(0, |counter| counter.packets);
    ///     println!("{}: {packets} packets", rule.comment().unwrap_or("no comment"));
    /// }
    /// # Ok::<(), netwright::Error>(())
    /// ```
    ///
    /// # Errors
    /// The chain is not there.
    pub fn listed_rules(&self, chain: impl Into<ChainRef>) -> D::Output<'_, Vec<ListedRule>> {
        let chain = chain.into();
        self.driver.with(move |driver| {
            driver.run(protocol::NETFILTER, |connection| rules(connection, driver.namespace(), &chain))
        })
    }

    /// A set or map with its elements in the terms of the language: intervals with both ends, concatenations with their parts,
    /// timeouts, counters and comments.
    ///
    /// # Errors
    /// It is not there.
    pub fn listed_set(&self, set: impl Into<SetRef>) -> D::Output<'_, ir::Set> {
        let set = set.into();
        self.driver.with(move |driver| {
            driver.run(protocol::NETFILTER, |connection| self::set(connection, driver.namespace(), &set))
        })
    }

    /// A table with all that is in it, as of one moment. Other tables are not looked at.
    ///
    /// # Errors
    /// It is not there.
    pub fn listed_table(&self, table: impl Into<TableRef>) -> D::Output<'_, TableContent> {
        let table = table.into();
        self.driver.with(move |driver| {
            driver.run(protocol::NETFILTER, |connection| {
                let wanted =
                    Wanted { family: table.family, table: Some(table.name.clone()), part: Part::All };
                let ruleset = lift::ruleset(&read::read(connection, driver.namespace(), &wanted)?);
                let found = ruleset.tables.into_iter().next();
                found.ok_or_else(|| missing(format!("list table {table}")))
            })
        })
    }

    /// The elements of a set as values of its keys' type.
    ///
    /// ```no_run
    /// use netwright::nft::{Family, Set, Table};
    /// use std::net::Ipv4Addr;
    ///
    /// let net = netwright::Net::open()?;
    /// let blocked = Set::<Ipv4Addr>::new(&Table::new(Family::INET, "filter"), "blocked");
    /// for entry in net.nft().entries(&blocked)? {
    ///     println!("{} to {}", entry.first, entry.last);
    /// }
    /// # Ok::<(), netwright::Error>(())
    /// ```
    ///
    /// # Errors
    /// The set is not there, or has keys of another type.
    pub fn entries<K: FromKey + Send + 'static>(&self, set: &Set<K>) -> D::Output<'_, Vec<Entry<K>>> {
        let set = set.reference();
        self.driver.with(move |driver| {
            driver.run(protocol::NETFILTER, |connection| {
                let there = self::set(connection, driver.namespace(), &set)?;
                let zeros = there.key.parts.iter().map(|part| Value::number(part.data_type, part.bits, 0));
                if K::from_parts(&zeros.collect::<Vec<_>>()).is_none() {
                    return Err(another_type(&set)); // also where it is empty
                }
                // the one for all other keys has none
                let elements = there.elements.iter().filter(|element| element.key.is_some());
                let entries = elements.map(|element| entry(element).ok_or_else(|| another_type(&set)));
                entries.collect()
            })
        })
    }

    /// The elements of a map: keys as [`Nft::entries`] has them, each with what it leads to, a value or a verdict.
    ///
    /// ```no_run
    /// use netwright::nft::{Family, Map, Port, Table, Verdict};
    ///
    /// let net = netwright::Net::open()?;
    /// let services = Map::<Port, Verdict>::new(&Table::new(Family::INET, "filter"), "services");
    /// for (entry, verdict) in net.nft().mappings(&services)? {
    ///     println!("{} to {}: {verdict:?}", entry.first.0, entry.last.0);
    /// }
    /// # Ok::<(), netwright::Error>(())
    /// ```
    ///
    /// # Errors
    /// The map is not there, or has keys or values of another type.
    pub fn mappings<K, V>(&self, map: &Map<K, V>) -> D::Output<'_, Vec<(Entry<K>, V)>>
    where
        K: FromKey + Send + 'static,
        V: FromData + Send + 'static,
    {
        let map = map.reference();
        self.driver.with(move |driver| {
            driver.run(protocol::NETFILTER, |connection| {
                let there = self::set(connection, driver.namespace(), &map)?;
                // the one for all other keys has none
                let elements = there.elements.iter().filter(|element| element.key.is_some());
                let mapping = |element: &ir::Element| {
                    let value = V::from_data(element.data.as_ref()?)?;
                    Some((entry(element)?, value))
                };
                elements.map(|element| mapping(element).ok_or_else(|| another_type(&map))).collect()
            })
        })
    }

    /// Deletes the rules of a chain that are meant, all in one transaction; how many they were.
    ///
    /// ```no_run
    /// use netwright::nft::{Chain, Family, Table};
    ///
    /// let net = netwright::Net::open()?;
    /// let chain = Chain::new(&Table::new(Family::INET, "filter"), "input");
    /// net.nft().delete_rules(&chain, |rule| rule.comment() == Some("mine"))?;
    /// # Ok::<(), netwright::Error>(())
    /// ```
    ///
    /// # Errors
    /// The chain is not there.
    pub fn delete_rules(
        &self,
        chain: impl Into<ChainRef>,
        meant: impl FnMut(&ListedRule) -> bool + Send + 'static,
    ) -> D::Output<'_, usize> {
        let (chain, mut meant) = (chain.into(), meant);
        self.driver.with(move |driver| {
            driver.run(protocol::NETFILTER, |connection| {
                let changed = change(connection, driver.namespace(), &chain, |rules, batch| {
                    let gone: Vec<_> = rules.iter().filter(|rule| meant(rule)).collect();
                    gone.iter().for_each(|rule| batch.delete(&rule.reference));
                    Ok(gone.len())
                })?;
                Ok(changed.0)
            })
        })
    }

    /// Sees to it that there is a rule of those that are meant: where there is none, this one is added. Two programs that do so at once
    /// do not both add one. What is returned has the rule's handle.
    ///
    /// ```no_run
    /// use netwright::nft::{Chain, Family, Rule, Table, tcp};
    ///
    /// let net = netwright::Net::open()?;
    /// let chain = Chain::new(&Table::new(Family::INET, "filter"), "input");
    /// let ssh = Rule::in_chain(&chain).eq(tcp::DPORT, 22).accept().comment("ssh");
    /// let handle = net.nft().ensure_rule(ssh, |rule| rule.comment() == Some("ssh"))?.into_object();
    /// # let _ = handle;
    /// # Ok::<(), netwright::Error>(())
    /// ```
    ///
    /// # Errors
    /// The chain is not there, or the rule is refused.
    pub fn ensure_rule(
        &self,
        rule: Rule,
        meant: impl FnMut(&ListedRule) -> bool + Send + 'static,
    ) -> D::Output<'_, Ensured<u64>> {
        let mut meant = meant;
        self.driver.with(move |driver| {
            driver.run(protocol::NETFILTER, |connection| {
                put(connection, driver.namespace(), &rule, &mut meant, false)
            })
        })
    }

    /// Puts a rule in the place of the first of those that are meant, deletes the others of them, and adds it where there is none, in
    /// one transaction. What is returned has the rule's handle: the kernel gives it a new one.
    ///
    /// # Errors
    /// The chain is not there, or the rule is refused.
    pub fn put_rule(
        &self,
        rule: Rule,
        meant: impl FnMut(&ListedRule) -> bool + Send + 'static,
    ) -> D::Output<'_, u64> {
        let mut meant = meant;
        self.driver.with(move |driver| {
            driver.run(protocol::NETFILTER, |connection| {
                Ok(put(connection, driver.namespace(), &rule, &mut meant, true)?.into_object())
            })
        })
    }
}

fn missing(asked: String) -> Error {
    Error::new(asked, Cause::System(Errno::ENOENT))
}

fn another_type(set: &SetRef) -> Error {
    let what = "its keys or values are of another type than they are read as".to_owned();
    Error::new(format!("read the elements of set {set}"), Cause::Invalid(what))
}

fn rules(connection: &mut Connection, namespace: &Namespace, chain: &ChainRef) -> Result<Vec<ListedRule>> {
    let ChainRef { table, name, .. } = chain;
    let part = Part::Chain(name.clone());
    let wanted = Wanted { family: table.family, table: Some(table.name.clone()), part };
    let ruleset = read::read(connection, namespace, &wanted)?;
    if !ruleset.chains.iter().any(|found| found.name == *name) {
        return Err(missing(format!("list the rules of chain {chain}")));
    }
    let lifted = lift::ruleset(&ruleset);
    let chains = lifted.tables.into_iter().flat_map(|table| table.chains);
    let rules = chains.filter(|found| found.name == *name).flat_map(|chain| chain.rules);
    let notes: HashMap<u64, &Userdata> =
        ruleset.rules.iter().filter_map(|raw| Some((raw.handle?, &raw.userdata))).collect();
    let listed = rules.filter_map(|rule| {
        let handle = rule.handle?;
        let userdata = notes.get(&handle).map(|notes| (*notes).clone()).unwrap_or_default();
        Some(ListedRule { reference: chain.rule(handle), rule, userdata })
    });
    Ok(listed.collect())
}

fn set(connection: &mut Connection, namespace: &Namespace, set: &SetRef) -> Result<ir::Set> {
    let definition = connection.query(&netwright_netfilter::request::Find(set.clone()))?;
    let elements = read::elements(connection, Some(namespace), &definition)?;
    Ok(lift::set(&definition, &elements))
}

fn entry<K: FromKey>(element: &ir::Element) -> Option<Entry<K>> {
    let (first, last) = keys(element)?;
    Some(Entry {
        first,
        last,
        timeout: element.timeout.map(Duration::from_millis),
        expires: element.expires.map(Duration::from_millis),
        counter: element.counter(),
        comment: element.comment.clone(),
    })
}

/// Changes a chain as its rules ask for, where they are still those when it is done. Returns what the change returned, and the
/// handles of rules that were made, where it asks for an echo of them.
fn change<T>(
    connection: &mut Connection,
    namespace: &Namespace,
    chain: &ChainRef,
    mut make: impl FnMut(&[ListedRule], &mut Batch) -> Result<T>,
) -> Result<(T, Vec<u64>)> {
    let mut others = Others::new(namespace, Thing::Rules(chain.clone()));
    for _ in 0..TRIES {
        let seen = read::generation(connection)?;
        let rules = rules(connection, namespace, chain)?;
        let now = read::generation(connection)?;
        if !others.leave_it(connection, seen, now)? {
            continue;
        }
        let mut batch = Batch::for_generation(now);
        let made = make(&rules, &mut batch)?;
        if batch.is_empty() {
            return Ok((made, Vec::new()));
        }
        let mut handles = Vec::new();
        let sent = others.commit(connection, seen, &mut batch, |_, message| {
            if let Ok(Some(Made::Rule(rule))) = read_made(message) {
                handles.extend(rule.handle);
            }
        })?;
        match sent {
            Sent::Done { .. } => return Ok((made, handles)),
            Sent::Outdated(_) => {}
            Sent::Refused(refusals) => {
                let first = refusals.into_iter().next();
                let first = first.ok_or_else(|| Error::new("change the rules", Cause::NoAnswer))?;
                return Err(refusal::error_of(&mut batch, first, connection, namespace, |_| None));
            }
        }
    }
    Err(Error::new(format!("change the rules of chain {chain}"), Cause::Interrupted { tries: TRIES }))
}

fn put(
    connection: &mut Connection,
    namespace: &Namespace,
    rule: &Rule,
    meant: &mut dyn FnMut(&ListedRule) -> bool,
    replaces: bool,
) -> Result<Ensured<u64>> {
    let chain = rule.chain();
    let (there, made) = change(connection, namespace, &chain, |rules, batch| {
        batch.echo(true);
        let mut found = rules.iter().filter(|rule| meant(rule));
        let first = found.next();
        let handle = first.and_then(|first| first.rule.handle);
        let (mut catalog, mut order) = (Catalog::default(), Order::open());
        let placed = match (handle, replaces) {
            (Some(_), false) => return Ok(handle),
            (Some(handle), true) => {
                let replacing = rule.clone().at(handle);
                let placed = replacing.place(Operation::Replace, &mut catalog, &mut order, batch);
                found.for_each(|other| batch.delete(&other.reference));
                placed
            }
            (None, _) => rule.clone().append(Operation::Add, &mut catalog, &mut order, batch).0,
        };
        placed.map_err(|invalid| Error::new("build the rule", Cause::Invalid(invalid.0)))?;
        Ok(handle)
    })?;
    match (there, made.last()) {
        (_, Some(handle)) => Ok(Ensured::Created(*handle)),
        (Some(handle), None) => Ok(Ensured::Existed(handle)),
        (None, None) => Err(Error::new(format!("add a rule to chain {chain}"), Cause::NoAnswer)),
    }
}
