//! One network namespace, and what can be done in it.

use netwright_sys::{Namespace, Sysctl};

use crate::driver::{Blocking, Driver};
use crate::watch;
use crate::{Addresses, Links, Neighbours, Nexthops, Result, Routes, Rules, Settings};

/// A network namespace to work in.
///
/// Sockets are opened inside the namespace and stay there; the caller's threads never change theirs. It can be shared between
/// threads, and asked in callbacks: each request has a connection to itself for its time. Clones share their connections; a forked
/// child does not use those of its parent.
///
/// ```no_run
/// let net = netwright::Net::open()?;
/// for link in net.links().list()? {
///     println!("{}: {} {:?}", link.index, link.name, link.mtu);
/// }
/// # Ok::<(), netwright::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Net<D = Blocking> {
    driver: D,
}

impl Net {
    /// The network namespace that the calling thread is in.
    pub fn open() -> Result<Self> {
        Namespace::current().map(Net::in_namespace)
    }

    /// Follows what changes in the namespace: [`watch`](crate::watch) tells how.
    pub fn watch(&self, options: impl Into<watch::Options>) -> Result<watch::Watch> {
        watch::Watch::open(self.driver.clone(), options.into())
    }

    /// A copy of the namespace that a thread keeps up to date, to look up in.
    pub fn live(&self, options: impl Into<watch::Options>) -> Result<watch::Live> {
        watch::Live::open(self.driver.clone(), options.into())
    }

    /// Another network namespace.
    pub fn open_in(namespace: &Namespace) -> Result<Self> {
        Ok(Net::in_namespace(namespace.clone()))
    }

    fn in_namespace(namespace: Namespace) -> Self {
        Net { driver: Blocking::new(namespace) }
    }
}

impl<D: Driver> Net<D> {
    #[cfg(feature = "tokio")]
    pub(crate) fn with_driver(driver: D) -> Self {
        Net { driver }
    }

    /// The namespace.
    pub fn namespace(&self) -> &Namespace {
        self.driver.namespace()
    }

    /// How requests reach the kernel, for those that have no method here: any value that implements the traits of
    /// [`netwright_wire`](crate::wire) can be sent.
    pub fn driver(&self) -> &D {
        &self.driver
    }

    /// Interfaces.
    pub fn links(&self) -> Links<'_, D> {
        Links::new(&self.driver)
    }

    /// Addresses of interfaces.
    pub fn addresses(&self) -> Addresses<'_, D> {
        Addresses::new(&self.driver)
    }

    /// Routes.
    pub fn routes(&self) -> Routes<'_, D> {
        Routes::new(&self.driver)
    }

    /// Policy rules, which choose the routing table.
    pub fn rules(&self) -> Rules<'_, D> {
        Rules::new(&self.driver)
    }

    /// Neighbours: which hardware address belongs to which IP address.
    pub fn neighbours(&self) -> Neighbours<'_, D> {
        Neighbours::new(&self.driver)
    }

    /// Nexthop objects: ways that routes share.
    pub fn nexthops(&self) -> Nexthops<'_, D> {
        Nexthops::new(&self.driver)
    }

    /// nftables: filters, translation, sets.
    #[cfg(feature = "nft")]
    pub fn nft(&self) -> crate::Nft<'_, D> {
        crate::Nft::new(&self.driver)
    }

    /// The settings under `/proc/sys/net`: forwarding, and the ones of each interface.
    pub fn settings(&self) -> Settings {
        Settings::new(Sysctl::new(self.driver.namespace()))
    }
}
