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

mod answer;
mod ask;
mod batch;
mod debug;
mod describe;
mod echo;
mod elements;
mod engine;
mod event;
mod follow;
mod hooks;
mod host_names;
mod includes;
mod listing;
mod merging;
mod monitor;
mod others;
mod owners;
mod read;
mod refusal;
mod replace;
mod reset;
mod send;
mod session;
mod single;
mod style;
mod text;
mod there;
mod trace;
mod watch;

use netwright_netfilter::request::{Find, List};
use netwright_netfilter::{self as kernel, ByHandle, ChainRef, Item, Reference, SetRef};
use netwright_sys::{Cause, Error, protocol};
use netwright_wire::{Dump, Query};

pub use answer::{Answer, Listed, Shape};
pub use batch::{Batch, Committed};
pub use debug::Debug;
pub use describe::Description;
pub use echo::Echo;
pub use event::{Changed, Event};
pub use follow::Unwritten;
pub use hooks::{Hooks, Place};
pub use host_names::{host_names, names_in};
pub use includes::{Includes, is_endless, read_named, read_standard_input, read_text, utf8_text};
pub use listing::Listing;
pub use merging::write_merged;
#[doc(hidden)] // for fuzzers
pub use monitor::read_events;
pub use monitor::{Filter, Monitor, TraceMonitor, Traced};
pub use netwright_netfilter::raw;
#[allow(deprecated)] // for who knows it by its former name
#[doc(hidden)]
pub use netwright_nft::build::Prefix;
pub use netwright_nft::build::{
    Addition, AddressType, ArpOperation, Bits, CgroupId, Chain, ChainPolicy, ClassId, Computed, Constant,
    CtState, CtStatus, Data, DccpPacketType, Declared, Definition, Direction, Dscp, Ecn, Element, Elements,
    EtherType, Existence, Family, Fields, FlagSet, Flowtable, FromData, FromKey, GroupId, Hashed, Hook,
    IcmpCode, IcmpType, Icmpv6Code, Icmpv6Type, IgmpType, Interface, InterfaceGroup, InterfaceIndex,
    InterfaceType, Invalid, Key, Limit, Log, Mac, Map, Mapped, Mapping, Mark, Member, Membership,
    MobilityType, MptcpSubtype, NatFlags, NatTarget, Object, Operand, PacketType, Placement, Port, PrefixOf,
    Priority, Protocol, Quota, RawRule, Realm, Reject, Removal, Rule, Scalar, Set, SetPolicy, Synproxy,
    Table, TcpFlags, Typed, UserId, Verdict, Wanted, Weekday, ah, arp, comp, ct, dccp, dst, esp, ether, fib,
    frag, gre, hbh, icmp, icmpv6, igmp, ip, ip_option, ip6, jhash, keys, look_up, meta, mh, numgen, prefix,
    routing, rt, sctp, socket, srh, symhash, tcp, tcp_option, th, udp, udplite, vlan,
};
pub use netwright_nft::ir;
pub use netwright_nft::table::{Names, PrintOptions};
pub(crate) use read::elements;
pub use refusal::{Code, Refusal};
pub use replace::Replaced;
pub use send::Made;
pub use session::{Language, Report, Script, Session, Settings};
pub use style::{Style, write_ruleset};
pub use text::{Bind, Text, parse};
pub use there::{Entry, ListedRule};
pub use trace::TraceWriter;

use crate::Result;
use crate::driver::{Blocking, Driver, Step};

/// nftables of a namespace, from [`Net::nft`](crate::Net::nft).
#[derive(Debug)]
pub struct Nft<'n, D = Blocking> {
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
        self.driver.run(protocol::NETFILTER, read::generation)
    }

    /// The tables, chains, rules, sets, objects or flow tables that a [`List`] asks for, or what sits at a hook
    /// ([`ListHooked`](netwright_netfilter::ListHooked)).
    pub fn list<R>(&self, request: R) -> D::Output<'n, Vec<R::Output>>
    where
        R: Dump + Send + 'static,
        R::Output: Send + 'static,
    {
        self.driver.list(request)
    }

    /// Hands out what a request asks for, each in place in the receive buffer: things of a [`List`], or the elements of a
    /// set, of which [`ListElements`](netwright_netfilter::request::ListElements) has many in each view. Changes meanwhile end it with an error.
    pub fn each<R, F>(&self, request: R, each: F) -> D::Output<'n, ()>
    where
        R: Dump + Send + Sync + 'static,
        F: for<'v> FnMut(R::View<'v>) -> Step + Send + 'n,
    {
        self.driver.each(request, each)
    }

    /// What a reference refers to: a [`TableRef`](kernel::TableRef), [`ChainRef`], [`RuleRef`](kernel::RuleRef),
    /// [`SetRef`], [`ObjectRef`](kernel::ObjectRef) or [`FlowtableRef`](kernel::FlowtableRef). An error where it is not
    /// there.
    pub fn find<R>(&self, reference: R) -> D::Output<'n, R::Item>
    where
        R: Reference + Send + 'static,
        R::Item: Send + 'static,
    {
        self.query(Find(reference))
    }

    /// What has a handle: the kernel finds things by name alone, so those of the table are gone through. An error where it
    /// is not there.
    pub fn find_by_handle<T>(&self, handle: ByHandle<T>) -> D::Output<'n, T>
    where
        T: Item + Send + 'static,
    {
        self.driver.run(protocol::NETFILTER, move |connection| {
            let found = connection.dump_all(&List::around(&handle))?;
            let meant = found.into_iter().find(|one| one.handle() == Some(handle.handle));
            let asked = || format!("look up the {} with the handle {}", T::KINDS.noun, handle.handle);
            meant.ok_or_else(|| Error::new(asked(), Cause::System(netwright_wire::Errno::ENOENT)))
        })
    }

    /// The answer to a question about one thing, such as [`Reset`](netwright_netfilter::request::Reset) or
    /// [`FindElement`](netwright_netfilter::request::FindElement). An error where it is not there.
    pub fn query<Q>(&self, request: Q) -> D::Output<'n, Q::Output>
    where
        Q: Query + Send + 'static,
        Q::Output: Send + 'static,
    {
        self.driver.query(request)
    }

    /// The rules of a chain, in order.
    pub fn rules(&self, chain: impl Into<ChainRef>) -> D::Output<'n, Vec<kernel::Rule>> {
        self.driver.list(List::in_chain(&chain.into()))
    }

    /// The elements of a set or map.
    pub fn elements(&self, set: impl Into<SetRef>) -> D::Output<'n, Vec<kernel::Element>> {
        let (set, namespace) = (Find(set.into()), self.driver.namespace().clone());
        self.driver.run(protocol::NETFILTER, move |connection| {
            let set = connection.query(&set)?;
            read::elements(connection, Some(&namespace), &set)
        })
    }

    /// Everything of a family, or of all ([`Family::UNSPECIFIED`]), as of one moment: read again where it changes
    /// meanwhile.
    pub fn dump(&self, family: Family) -> D::Output<'n, kernel::Ruleset> {
        let namespace = self.driver.namespace().clone();
        self.driver.run(protocol::NETFILTER, move |connection| read::dump(connection, &namespace, family))
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
            let ruleset = read::dump(connection, &namespace, family)?;
            let mut names = Names::new();
            ask::interfaces(&namespace, &mut names)?;
            Ok(Listing::new(&ruleset, names))
        })
    }

    /// The names of all tables, and of all chains, sets, objects and flow tables in them but for those that belong to rules:
    /// for suggestions.
    pub fn names(&self) -> D::Output<'n, Vec<String>> {
        self.driver.run(protocol::NETFILTER, ask::all_names)
    }

    /// A session that runs commands in text, JSON or as data.
    pub fn session(&self) -> Session<D>
    where
        D: Clone,
    {
        Session::new(self.driver.clone())
    }

    /// Follows changes of the ruleset, on a socket of its own.
    pub fn monitor(&self, filter: Filter) -> Result<Monitor> {
        Monitor::open(self.driver.namespace(), filter)
    }

    /// Follows the ways of packets that rules mark with `nftrace set 1`, on a socket of its own.
    pub fn trace(&self) -> Result<TraceMonitor> {
        TraceMonitor::open(self.driver.namespace())
    }
}
