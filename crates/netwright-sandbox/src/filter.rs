//! The policy in the kernel: one nftables table that is made, filled and replaced in whole transactions.
//!
//! The table lets nothing out that no rule allows, whether the supervisor is alive or not. Its parts, by name:
//!
//! - `output` sees all that is sent; `own` what goes to the sandbox itself; `decide` has the rules of the policy, `deny` first;
//! - `allowed` lets through, `relayed` hands over to the supervisor, `refused` tells the supervisor and drops, and so does `asked` with what may
//!   come again when somebody has allowed it;
//! - `allow_<n>_ipv4` and `allow_<n>_ipv6` hold the addresses that were released for the rules with names and the same ports; the comments of
//!   rules tell whose they are;
//! - `never`, `resolvers`, `special` and `private` are the kinds of addresses that rules for many addresses mean or leave out.
//!
//! With [`Mode::Attached`] the same rules bind one control group of the host, and nothing else is touched.

mod attached;
mod flows;
mod inside;
mod kinds;
mod released;
mod rules;
mod table;
mod text;

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use netwright_netfilter::{Batch, Element, Family, SetRef, TableRef};
use netwright_nft::catalog::Catalog;
use netwright_nft::table::{Database, Names};
use netwright_sys::{Connection, Result};
use netwright_wire::Errno;

pub use self::flows::Flow;
use self::kinds::Kinds;
use self::released::Released;
use crate::constants::{OWN_IPV4, OWN_IPV6, REFUSED_GROUP, TABLE};
use crate::firewall;
use crate::policy::{Decision, Destination, Policy, Protocol, Rule, Target, Undecided};

const ASKED: &str = "put the filter in place";
/// How often a transaction is repeated whose elements ran out while it was made.
const TRIES: usize = 5;
/// The longest time for which an address is released; as with caches of answers, nothing stays for ever (RFC 8767, section 4).
const LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);

/// How a filter is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterOptions {
    /// How packets leave.
    pub mode: Mode,
    /// What becomes of what no rule decides: it is refused, let through as `allowed` does it, or told to [`crate::constants::ASKED_GROUP`] and dropped. Nobody
    /// can be asked where the supervisor has no listeners; there it is refused.
    pub undecided: Undecided,
    /// The sandbox's own addresses, beside those of the loopback.
    pub own: Vec<IpAddr>,
    /// Addresses stay released for so long at least, since programs keep what they were told for a while.
    pub least_time_to_live: Duration,
    /// Name of the table, of the family inet.
    pub table: String,
    /// Log group of what is refused.
    pub refused_group: u16,
    /// Log group of what is let through, where that is to be told.
    pub seen_group: Option<u16>,
    /// TCP connections that a control group's processes have already, which go on: their own end and the other one. Where the kernel has tracked no
    /// connections before, it takes these for new ones.
    pub connections: Vec<(SocketAddr, SocketAddr)>,
}

impl FilterOptions {
    /// The usual ones for a mode.
    #[must_use]
    pub fn new(mode: Mode) -> Self {
        FilterOptions {
            mode,
            undecided: Undecided::Refuse,
            own: vec![OWN_IPV4.into(), OWN_IPV6.into()],
            least_time_to_live: Duration::from_secs(30),
            table: TABLE.to_owned(),
            refused_group: REFUSED_GROUP,
            seen_group: None,
            connections: Vec::new(),
        }
    }

    /// Whether somebody is asked about what no rule decides.
    fn asks(&self) -> bool {
        self.undecided == Undecided::Ask && self.listeners().is_some()
    }

    /// What the text calls things by that have numbers.
    fn names(&self) -> Names {
        let mut names = Names::new();
        if let Mode::Attached(to) = &self.mode {
            names.insert(Database::ControlGroups, attached::GROUP, to.group);
        }
        names
    }

    fn listeners(&self) -> Option<Listeners> {
        match &self.mode {
            Mode::Relay(listeners) => Some(*listeners),
            Mode::Nat(listeners) => *listeners,
            Mode::Attached(_) => None,
        }
    }
}

/// How packets leave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The supervisor carries them.
    Relay(Listeners),
    /// By a link. Ports of the host's loopback are carried by the supervisor, where it listens.
    Nat(Option<Listeners>),
    /// The processes of a control group of the host send them as always.
    Attached(Attached),
}

/// The ports of the supervisor's transparent listeners inside, for TCP and UDP both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listeners {
    /// Of IPv4.
    pub ipv4: u16,
    /// Of IPv6.
    pub ipv6: u16,
}

/// A control group of version 2 and the resolver that its questions go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attached {
    /// Its number: that of its directory's inode.
    pub group: u64,
    /// How deep it lies below the root, whose level is 0.
    pub level: u32,
    /// The port of the resolver on the loopback of both families.
    pub resolver: u16,
}

impl Attached {
    /// The mark of sockets that processes of the group have made before they came into it.
    pub(crate) fn mark(&self) -> u32 {
        const OURS: u32 = 0x6e79 << 16;
        OURS | (self.group & 0xffff) as u32
    }
}

/// The table of a policy in the kernel. It stays there when this is dropped.
#[derive(Debug)]
pub struct Filter {
    connection: Connection,
    policy: Policy,
    options: FilterOptions,
    /// What the texts so far have declared.
    catalog: Catalog,
    /// Which kinds of addresses have sets.
    kinds: Vec<Kinds>,
    /// What is released for the rules of the policy.
    released: Released,
}

impl Filter {
    /// Puts the table of a policy in place, in the network namespace of the connection.
    ///
    /// # Errors
    /// The kernel does not take it, or has a table of that name: see [`remove`].
    pub fn install(connection: Connection, policy: &Policy, options: FilterOptions) -> Result<Filter> {
        let catalog = Catalog::of_nothing();
        let (released, numbers) = Released::default().under(policy, &Policy::default(), Instant::now());
        let mut filter =
            Filter { connection, policy: policy.clone(), options, catalog, kinds: Vec::new(), released };
        let table = table::create(&filter.options);
        let (kinds, there) = table::sets(&filter.policy, &filter.options, &[]);
        let chains = table::chains(&filter.policy, &filter.options, &numbers);
        if there.is_empty() {
            filter.load(&(table + &chains))?;
        } else {
            filter.load(&(table + &kinds))?;
            filter.load(&chains)?;
        }
        filter.kinds = there;
        Ok(filter)
    }

    /// The policy that is in force.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Releases addresses for allow rules with names, by their places in [`Filter::policy`]; rules without are passed over. When it
    /// returns, the kernel lets packets to them through. What is released already stays for the longer of both times.
    ///
    /// # Errors
    /// The kernel does not take them, or there are too many.
    pub fn release(&mut self, rules: &[usize], addresses: &[IpAddr], time_to_live: Duration) -> Result<()> {
        let now = Instant::now();
        let until =
            now + time_to_live.clamp(self.options.least_time_to_live, LONGEST).max(Duration::from_millis(1));
        let news = self.released.news(rules, addresses, now, until)?;
        if !news.is_empty() {
            self.add(&news, until - now)?;
        }
        self.released.note(rules, addresses, until);
        Ok(())
    }

    /// Whether it lets something through, as far as addresses tell: what the relay asks before it carries anything, so that no flow that the
    /// kernel took for another one is carried. An address that was released a moment ago counts.
    #[must_use]
    pub fn admits(&self, protocol: Protocol, to: SocketAddr) -> bool {
        self.lets(protocol, to, released::KEPT)
    }

    /// Whether a flow that was let through may go on: the same, but that the answer for its name may be from long ago.
    #[must_use]
    pub fn keeps(&self, protocol: Protocol, to: SocketAddr) -> bool {
        self.lets(protocol, to, released::REMEMBERED)
    }

    fn lets(&self, protocol: Protocol, to: SocketAddr, ago: Duration) -> bool {
        let address = to.ip().to_canonical();
        if self.options.own.contains(&address) {
            return false; // it is nobody else's: outside, somebody else may have it
        }
        let destination = Destination { name: None, address: Some(address), port: to.port(), protocol };
        match self.policy.decide(&destination) {
            Decision::Allowed(_) => true,
            Decision::Denied(_) | Decision::Own => false,
            _ if self.options.undecided == Undecided::Allow => true,
            _ => {
                let serves = |(_, rule): &(usize, &Rule)| {
                    matches!(rule.target, Target::Name(_)) && rule.serves(protocol, to.port())
                };
                let rules = self.policy.allow.iter().enumerate().filter(serves).map(|(place, _)| place);
                self.released.has(rules, address, Instant::now(), ago)
            }
        }
    }

    /// Puts another policy in force, in one transaction: each packet meets the old one or the new one. What was released for a rule that the
    /// new policy has too stays for the rest of its time.
    ///
    /// # Errors
    /// The kernel does not take it; then the old policy is still in force.
    pub fn replace(&mut self, policy: &Policy) -> Result<()> {
        let (released, numbers) = self.released.under(policy, &self.policy, Instant::now());
        let (kinds, missing) = table::sets(policy, &self.options, &self.kinds);
        if !missing.is_empty() {
            self.load(&kinds)?;
            self.kinds.extend(missing);
        }
        self.load(&table::replacement(policy, &self.options, &numbers))?;
        self.policy = policy.clone();
        self.released = released;
        Ok(())
    }

    /// Takes the table away, and the filter with it: packets pass as without one.
    ///
    /// # Errors
    /// The kernel does not.
    pub fn remove(mut self) -> Result<()> {
        remove(&mut self.connection, &self.options.table)
    }

    /// Carries a text out, as one transaction.
    fn load(&mut self, text: &str) -> Result<()> {
        let names = self.options.names();
        self.catalog = firewall::load(&mut self.connection, ASKED, text, &names, &self.catalog)?;
        Ok(())
    }

    /// Adds elements with a timeout. Kernels before 6.12 do not give an element that is there another timeout, so each is added (where it is
    /// missing), deleted and added: within a transaction nobody sees it gone.
    fn add(&mut self, news: &[(u32, IpAddr)], time_to_live: Duration) -> Result<()> {
        for tries in 1.. {
            let mut batch = Batch::new();
            for (set, elements) in self.elements(news, time_to_live) {
                batch.add_elements(&set, &elements);
                batch.delete_elements(&set, &elements);
                batch.add_elements(&set, &elements);
            }
            match self.connection.commit(ASKED, &mut batch) {
                // One was there when it was added and its time was over when it was deleted.
                Err(error) if error.errno() == Some(Errno::ENOENT) && tries < TRIES => {}
                result => return result,
            }
        }
        Ok(())
    }

    fn elements(&self, news: &[(u32, IpAddr)], time_to_live: Duration) -> Vec<(SetRef, Vec<Element>)> {
        let milliseconds = u64::try_from(time_to_live.as_millis()).unwrap_or(u64::MAX).max(1);
        let element = |(_, address): &(u32, IpAddr)| {
            let key = match address {
                IpAddr::V4(address) => Element::new(address.octets()),
                IpAddr::V6(address) => Element::new(address.octets()),
            };
            key.timeout(milliseconds)
        };
        let set_of = |(number, address): &(u32, IpAddr)| (*number, address.is_ipv4());
        let sets = news.chunk_by(|one, other| set_of(one) == set_of(other)).filter_map(|news| {
            let (number, ipv4) = set_of(news.first()?);
            let set = SetRef::new(Family::INET, self.options.table.as_str(), text::name_set(number, ipv4));
            Some((set, news.iter().map(element).collect()))
        });
        sets.collect()
    }
}

/// Takes away a table that a filter left, with its name.
///
/// # Errors
/// The kernel does not.
pub fn remove(connection: &mut Connection, table: &str) -> Result<()> {
    let mut batch = Batch::new();
    batch.delete(&TableRef::new(Family::INET, table));
    connection.commit("take the filter away", &mut batch)
}

#[cfg(test)]
mod tests;
