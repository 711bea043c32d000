//! nftables: batches that are transactions, and questions.

mod batch;

use netwright_netfilter::request::{FindGeneration, List, ListElements};
use netwright_netfilter::{Element, Family, Item, Rule, Ruleset, Set};
use netwright_sys::{Cause, Connection, Error, protocol};

pub use batch::{Batch, Committed, Made};

use crate::Result;
use crate::driver::Driver;

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
        Batch::new(self.driver, netwright_netfilter::Batch::new())
    }

    /// Starts a batch that is refused if the ruleset has changed since it had this generation.
    pub fn batch_for_generation(&self, generation: u32) -> Batch<'n, D> {
        Batch::new(self.driver, netwright_netfilter::Batch::for_generation(generation))
    }

    /// Number of the ruleset's generation: any change gives it another.
    pub fn generation(&self) -> D::Output<'n, u32> {
        self.driver.run(protocol::NETFILTER, |connection| generation(connection))
    }

    /// The tables, chains, rules, sets, objects or flow tables that a request asks for.
    pub fn list<T: Item + Send + 'n>(&self, list: List<T>) -> D::Output<'n, Vec<T>>
    where
        List<T>: Send + Sync,
    {
        self.driver.list(list)
    }

    /// The rules of a chain, in order.
    pub fn rules(
        &self,
        family: Family,
        table: impl Into<String>,
        chain: impl Into<String>,
    ) -> D::Output<'n, Vec<Rule>> {
        self.driver.list(List::<Rule>::new(family).in_chain(table, chain))
    }

    /// The elements of a set or map.
    pub fn elements(&self, set: &Set) -> D::Output<'n, Vec<Element>> {
        let request = ListElements::of(set);
        self.driver.run(protocol::NETFILTER, move |connection| {
            Ok(connection.dump_all(&request)?.into_iter().flatten().collect())
        })
    }

    /// Everything of a family, or of all ([`Family::UNSPECIFIED`]), as of one moment: read again where it changes
    /// meanwhile.
    pub fn dump(&self, family: Family) -> D::Output<'n, Ruleset> {
        self.driver.run(protocol::NETFILTER, move |connection| {
            for _ in 0..TRIES {
                let ruleset = read(connection, family)?;
                if ruleset.generation == generation(connection)? {
                    return Ok(ruleset);
                }
            }
            Err(Error::new("list the ruleset", Cause::Interrupted { tries: TRIES }))
        })
    }
}

fn generation(connection: &mut Connection) -> Result<u32> {
    Ok(connection.query(&FindGeneration)?.id)
}

fn read(connection: &mut Connection, family: Family) -> Result<Ruleset> {
    let generation = generation(connection)?;
    let mut sets = Vec::new();
    for set in connection.dump_all(&List::<Set>::new(family))? {
        let elements = connection.dump_all(&ListElements::of(&set))?.into_iter().flatten().collect();
        sets.push((set, elements));
    }
    Ok(Ruleset {
        generation,
        tables: connection.dump_all(&List::new(family))?,
        chains: connection.dump_all(&List::new(family))?,
        rules: connection.dump_all(&List::new(family))?,
        sets,
        objects: connection.dump_all(&List::new(family))?,
        flowtables: connection.dump_all(&List::new(family))?,
    })
}
