//! nftables: batches that are transactions, the typed builder, raw expressions and text for them, and listings.
//!
//! ```no_run
//! use netwright::Net;
//! use netwright::nft::{self, Chain, Family, Hook, Priority, RawRule, Rule, Table, ip, raw};
//! use std::net::Ipv4Addr;
//!
//! let net = Net::open()?;
//! let bad = Ipv4Addr::new(192, 168, 1, 53);
//!
//! let mut firewall = net.nft().batch();
//! let table = firewall.add(Table::new(Family::IPV4, "myFilter"));
//! let input = firewall.add(Chain::base(&table, "myChain", Hook::Input, Priority::FILTER));
//! firewall.add(Rule::in_chain(&input).eq(ip::SADDR, bad).counter().drop());
//! firewall.add(RawRule::in_chain(&input, [
//!     raw::payload(raw::Base::NETWORK, 12, 4).into(raw::R1),
//!     raw::cmp(raw::R1, raw::EQ, bad.octets()),
//!     raw::verdict(raw::Verdict::DROP),
//! ]));
//! firewall.extend(nft::parse("add rule ip myFilter myChain ip saddr $bad counter drop")?.bind("bad", bad)?)?;
//! firewall.commit()?;                     // all or nothing
//!
//! print!("{}", net.nft().ruleset()?);     // as `nft list ruleset` prints it
//! # Ok::<(), netwright::Error>(())
//! ```

mod batch;
mod known;
mod listing;
mod text;

use std::time::Duration;

use netwright_netfilter::request::{Find, FindGeneration, List, ListElements};
use netwright_netfilter::{self as kernel, SetFlags};
use netwright_nft::catalog::Catalog;
use netwright_nft::evaluate::Compiled;
use netwright_sys::{Cause, Connection, Error, protocol};
use netwright_wire::{Dump, Query};

pub use batch::{Batch, Committed, Made, place_of};
pub use listing::Listing;
pub use netwright_netfilter::raw;
pub use netwright_nft::build::*;
pub use netwright_nft::ir;
pub use netwright_nft::table::{Names, PrintOptions};
pub use text::{Bind, Text, parse};

use crate::Result;
use crate::driver::{Driver, Step};

/// Sets of fewer elements than this do not grow long enough to be met at it.
const FEW: usize = 1000;
/// Sets whose count is not the number of elements that are listed: both ends of an interval count, and elements whose
/// time is over do until they are collected.
const UNCOUNTED: SetFlags = SetFlags::INTERVAL.union(SetFlags::TIMEOUT).union(SetFlags::EVAL);

/// How often a ruleset that changes while it is read is read again.
const TRIES: u32 = 10;

/// nftables of a namespace, from [`Net::nft`](crate::Net::nft).
#[derive(Debug)]
pub struct Nft<'n, D> {
    driver: &'n D,
}

impl<'n, D: Driver> Nft<'n, D> {
    pub(crate) fn new(driver: &'n D) -> Self {
        Nft { driver }
    }

    /// Starts a batch: changes that [`Batch::commit`] makes all together or not at all.
    pub fn batch(&self) -> Batch<'n, D> {
        Batch::new(self.driver, kernel::Batch::new())
    }

    /// Starts a batch that is refused if the ruleset has changed since it had this generation.
    pub fn batch_for_generation(&self, generation: u32) -> Batch<'n, D> {
        Batch::new(self.driver, kernel::Batch::for_generation(generation))
    }

    /// Number of the ruleset's generation: any change gives it another.
    pub fn generation(&self) -> D::Output<'n, u32> {
        self.driver.run(protocol::NETFILTER, generation)
    }

    /// The tables, chains, rules, sets, objects or flow tables that a [`List`] asks for, or what sits at a hook
    /// ([`ListHooked`](netwright_netfilter::ListHooked)).
    pub fn list<R>(&self, request: R) -> D::Output<'n, Vec<R::Output>>
    where
        R: Dump + Send + Sync + 'n,
        R::Output: Send,
    {
        self.driver.list(request)
    }

    /// Hands out what a request asks for, each in place in the receive buffer: things of a [`List`], or the elements of a
    /// set, of which [`ListElements`] has many in each view. Changes meanwhile end it with an error.
    pub fn each<R, F>(&self, request: R, each: F) -> D::Output<'n, ()>
    where
        R: Dump + Send + Sync + 'n,
        F: for<'v> FnMut(R::View<'v>) -> Step + Send + 'n,
    {
        self.driver.each(request, each)
    }

    /// The thing that a request names, such as [`Find`] or
    /// [`FindElement`](netwright_netfilter::request::FindElement). An error where it is not there.
    pub fn find<Q>(&self, request: Q) -> D::Output<'n, Q::Output>
    where
        Q: Query + Send + 'n,
        Q::Output: Send,
    {
        self.driver.run(protocol::NETFILTER, move |connection| connection.query(&request))
    }

    /// The rules of a chain, in order.
    pub fn rules(
        &self,
        family: Family,
        table: impl Into<String>,
        chain: impl Into<String>,
    ) -> D::Output<'n, Vec<kernel::Rule>> {
        self.driver.list(List::<kernel::Rule>::new(family).in_chain(table, chain))
    }

    /// The elements of a set or map.
    pub fn elements(&self, set: &kernel::Set) -> D::Output<'n, Vec<kernel::Element>> {
        let set = set.clone();
        self.driver.run(protocol::NETFILTER, move |connection| elements(connection, &set))
    }

    /// Everything of a family, or of all ([`Family::UNSPECIFIED`]), as of one moment: read again where it changes
    /// meanwhile.
    pub fn dump(&self, family: Family) -> D::Output<'n, kernel::Ruleset> {
        self.driver.run(protocol::NETFILTER, move |connection| dump(connection, family))
    }

    /// What the kernel has in the tables that a compiled text refers to and does not make itself; nothing where it refers
    /// to nothing else. With it the text is to be compiled again. It may also be nothing where the kernel may not be
    /// asked, and all that is missing would be found by the kernel later on.
    pub fn known(&self, compiled: &Compiled) -> D::Output<'n, Catalog> {
        let wanted = known::Wanted::of(compiled);
        self.driver.run(protocol::NETFILTER, move |connection| {
            let mut catalog = Catalog::default();
            known::add(connection, &wanted, &mut catalog)?;
            Ok(catalog)
        })
    }

    /// Everything of all families, as of one moment, in the terms of the language. Shown, it is what `nft list ruleset`
    /// prints.
    pub fn ruleset(&self) -> D::Output<'n, Listing> {
        self.ruleset_of(Family::UNSPECIFIED)
    }

    /// As [`Nft::ruleset`], of one family.
    pub fn ruleset_of(&self, family: Family) -> D::Output<'n, Listing> {
        let namespace = self.driver.namespace().clone();
        self.driver.run(protocol::NETFILTER, move |connection| {
            let ruleset = dump(connection, family)?;
            let mut names = Names::new();
            known::interfaces(&namespace, &mut names)?;
            Ok(Listing::new(&ruleset, names))
        })
    }
}

fn dump(connection: &mut Connection, family: Family) -> Result<kernel::Ruleset> {
    for _ in 0..TRIES {
        let ruleset = read(connection, family)?;
        if ruleset.generation == generation(connection)? {
            return Ok(ruleset);
        }
    }
    Err(Error::new("list the ruleset", Cause::Interrupted { tries: TRIES }))
}

fn generation(connection: &mut Connection) -> Result<u32> {
    Ok(connection.query(&FindGeneration)?.id)
}

fn read(connection: &mut Connection, family: Family) -> Result<kernel::Ruleset> {
    let generation = generation(connection)?;
    let mut sets = Vec::new();
    for set in connection.dump_all(&List::<kernel::Set>::new(family))? {
        let elements = elements(connection, &set)?;
        sets.push((set, elements));
    }
    Ok(kernel::Ruleset {
        generation,
        tables: connection.dump_all(&List::new(family))?,
        chains: connection.dump_all(&List::new(family))?,
        rules: connection.dump_all(&List::new(family))?,
        sets,
        objects: connection.dump_all(&List::new(family))?,
        flowtables: connection.dump_all(&List::new(family))?,
    })
}

/// The elements of a set. The kernel's hash table still grows for a moment after a large load, and a walk over it then
/// passes some elements over and meets others twice, without a word.
fn elements(connection: &mut Connection, set: &kernel::Set) -> Result<Vec<kernel::Element>> {
    const GROWING: Duration = Duration::from_millis(100);
    let request = ListElements::of(set);
    for _ in 0..TRIES {
        let elements: Vec<_> = connection.dump_all(&request)?.into_iter().flatten().collect();
        if elements.len() < FEW || set.flags.intersects(UNCOUNTED) {
            return Ok(elements);
        }
        let count = connection.query(&Find(set.clone()))?.count;
        if count.is_none_or(|count| count as usize == elements.len()) && are_distinct(&elements) {
            return Ok(elements);
        }
        std::thread::sleep(GROWING);
    }
    Err(Error::request(&request, Cause::Interrupted { tries: TRIES }))
}

/// Whether no key comes twice.
fn are_distinct(elements: &[kernel::Element]) -> bool {
    let mut keys: Vec<&[u8]> = elements.iter().filter_map(kernel::Element::key_bytes).collect();
    keys.sort_unstable();
    keys.is_sorted_by(|one, next| one < next)
}
