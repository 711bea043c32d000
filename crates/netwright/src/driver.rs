//! How requests reach the kernel: blocking, or in tasks of tokio. Every typed operation is written once, over [`Driver`].

use std::ops::ControlFlow;
use std::sync::{Mutex, PoisonError};

use netwright_sys::{Connection, Namespace, protocol};
use netwright_wire::{Dump, Malformed};

use crate::Result;

/// What a callback on a dump says: on, or enough.
pub type Step = std::result::Result<ControlFlow<()>, Malformed>;

/// Carries requests to the kernel. [`Blocking`] answers at once, `Tokio` (feature `tokio`) with a future.
pub trait Driver: Sized + Send + Sync {
    /// What an operation returns: the result itself, or a future of it.
    type Output<'a, T: 'a>
    where
        Self: 'a;

    /// Does something with the connection of a netlink protocol, one caller at a time.
    fn run<'a, T: Send + 'a>(
        &'a self,
        protocol: i32,
        job: impl FnOnce(&mut Connection) -> Result<T> + Send + 'a,
    ) -> Self::Output<'a, T>;

    /// Lists objects and collects them; repeated where changes interrupt it.
    fn list<'a, D>(&'a self, request: D) -> Self::Output<'a, Vec<D::Output>>
    where
        D: Dump + Send + Sync + 'a,
        D::Output: Send;

    /// Lists objects and hands each out in place, in the receive buffer.
    fn each<'a, D, F>(&'a self, request: D, each: F) -> Self::Output<'a, ()>
    where
        D: Dump + Send + Sync + 'a,
        F: for<'v> FnMut(D::View<'v>) -> Step + Send + 'a;

    /// The network namespace that requests go to.
    fn namespace(&self) -> &Namespace;
}

/// A connection that is opened when it is first needed.
#[derive(Debug, Default)]
struct Lazy(Mutex<Option<Connection>>);

/// Answers when the kernel has.
#[derive(Debug)]
pub struct Blocking {
    namespace: Namespace,
    route: Lazy,
    netfilter: Lazy,
}

impl Blocking {
    pub(crate) fn new(namespace: Namespace) -> Self {
        Blocking { namespace, route: Lazy::default(), netfilter: Lazy::default() }
    }

    fn with<T>(&self, protocol: i32, job: impl FnOnce(&mut Connection) -> Result<T>) -> Result<T> {
        let lazy = if protocol == protocol::NETFILTER { &self.netfilter } else { &self.route };
        // a panic in a callback leaves the connection usable: the next request takes away what is left of the last
        let mut connection = lazy.0.lock().unwrap_or_else(PoisonError::into_inner);
        let connection = match &mut *connection {
            Some(connection) => connection,
            none => none.insert(Connection::open_in(&self.namespace, protocol)?),
        };
        job(connection)
    }
}

impl Driver for Blocking {
    type Output<'a, T: 'a> = Result<T>;

    fn run<'a, T: Send + 'a>(
        &'a self,
        protocol: i32,
        job: impl FnOnce(&mut Connection) -> Result<T> + Send + 'a,
    ) -> Result<T> {
        self.with(protocol, job)
    }

    fn list<'a, D>(&'a self, request: D) -> Result<Vec<D::Output>>
    where
        D: Dump + Send + Sync + 'a,
        D::Output: Send,
    {
        self.with(D::PROTOCOL, |connection| connection.dump_all(&request))
    }

    fn each<'a, D, F>(&'a self, request: D, each: F) -> Result<()>
    where
        D: Dump + Send + Sync + 'a,
        F: for<'v> FnMut(D::View<'v>) -> Step + Send + 'a,
    {
        self.with(D::PROTOCOL, |connection| connection.dump(&request, each))
    }

    fn namespace(&self) -> &Namespace {
        &self.namespace
    }
}
