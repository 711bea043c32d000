//! How requests reach the kernel: blocking, or in tasks of tokio. Every typed operation is written once, over [`Driver`].

mod pool;

use std::ops::ControlFlow;
use std::sync::Arc;

use netwright_sys::{Connection, Failure, Namespace};
use netwright_wire::{Acknowledged, Dump, Malformed, Query};

pub(crate) use pool::Lease;
use pool::Pool;

use crate::Result;

/// What a callback on a dump says: on, or enough.
pub type Step = std::result::Result<ControlFlow<()>, Malformed>;

/// What a job may have for its time ([`Driver::lend`]).
pub trait Lent: Send + 'static {
    /// What is in its place meanwhile, and for good where the job's future is dropped half-way.
    fn away() -> Self;
}

/// Carries requests to the kernel. [`Blocking`] answers at once, `Tokio` (feature `tokio`) with a future.
///
/// Requests are values of any type that implements the traits of [`netwright_wire`](crate::wire), of any netlink protocol: each
/// protocol has sockets of its own, opened when they are first needed. No lock is held while the kernel is asked or a callback is
/// called: an operation has a connection to itself, so callbacks may ask for more, and a long list holds up nobody.
///
/// What an operation takes along must be the caller's own where it is generic over the driver, since `Tokio` carries it to another
/// thread; the methods that [`Blocking`] has itself take borrowed values too.
pub trait Driver: Sized + Send + Sync {
    /// What an operation returns: the result itself, or a future of it.
    type Output<'a, T: 'a>
    where
        Self: 'a;

    /// Does something that asks and waits.
    fn with<'a, T: Send + 'static>(
        &'a self,
        job: impl FnOnce(&Blocking) -> Result<T> + Send + 'static,
    ) -> Self::Output<'a, T>;

    /// Does something that asks, waits, and changes what the caller has.
    fn lend<'a, S: Lent, T: Send + 'static>(
        &'a self,
        state: &'a mut S,
        job: impl FnOnce(&Blocking, &mut S) -> Result<T> + Send + 'static,
    ) -> Self::Output<'a, T>;

    /// Does something with a connection of a netlink protocol, one of [`protocol`](netwright_sys::protocol).
    fn run<'a, T: Send + 'static>(
        &'a self,
        protocol: i32,
        job: impl FnOnce(&mut Connection) -> Result<T> + Send + 'static,
    ) -> Self::Output<'a, T> {
        self.with(move |driver| driver.run(protocol, job))
    }

    /// Asks for something whose success has nothing to say.
    fn acknowledge<'a, R: Acknowledged + Send + 'static>(&'a self, request: R) -> Self::Output<'a, ()> {
        self.with(move |driver| driver.acknowledge(request))
    }

    /// Asks for one object.
    fn query<'a, Q>(&'a self, request: Q) -> Self::Output<'a, Q::Output>
    where
        Q: Query + Send + 'static,
        Q::Output: Send + 'static,
    {
        self.with(move |driver| driver.query(request))
    }

    /// Lists objects and collects them; repeated where changes interrupt it.
    fn list<'a, D>(&'a self, request: D) -> Self::Output<'a, Vec<D::Output>>
    where
        D: Dump + Send + 'static,
        D::Output: Send + 'static,
    {
        self.with(move |driver| driver.list(request))
    }

    /// Lists objects and hands each out in place, in the receive buffer.
    fn each<'a, D, F>(&'a self, request: D, each: F) -> Self::Output<'a, ()>
    where
        D: Dump + Send + Sync + 'static,
        F: for<'v> FnMut(D::View<'v>) -> Step + Send + 'a;

    /// Sends many requests, many with each system call; returns those that were refused.
    fn send_many<'a, R, I>(&'a self, requests: I) -> Self::Output<'a, Vec<Failure>>
    where
        R: Acknowledged + Send + 'a,
        I: IntoIterator<Item = R, IntoIter: Send + 'a>;

    /// The network namespace that requests go to.
    fn namespace(&self) -> &Namespace;
}

/// Answers when the kernel has.
///
/// Clones share their connections.
#[derive(Clone, Debug)]
pub struct Blocking {
    pool: Arc<Pool>,
}

impl Blocking {
    pub(crate) fn new(namespace: Namespace) -> Self {
        Blocking { pool: Arc::new(Pool::new(namespace)) }
    }

    /// A connection that nobody else uses meanwhile.
    pub(crate) fn lease(&self, protocol: i32) -> Result<Lease> {
        Lease::take(&self.pool, protocol)
    }

    /// Does something with a connection of a netlink protocol, one of [`protocol`](netwright_sys::protocol).
    pub fn run<T>(&self, protocol: i32, job: impl FnOnce(&mut Connection) -> Result<T>) -> Result<T> {
        let done = self.lease(protocol).and_then(|mut lease| job(lease.as_mut()));
        done.map_err(|error| error.with_namespace(self.pool.namespace().name()))
    }

    /// Asks for something whose success has nothing to say.
    pub fn acknowledge<R: Acknowledged>(&self, request: R) -> Result<()> {
        self.run(R::PROTOCOL, |connection| connection.acknowledge(&request))
    }

    /// Asks for one object.
    pub fn query<Q: Query>(&self, request: Q) -> Result<Q::Output> {
        self.run(Q::PROTOCOL, |connection| connection.query(&request))
    }

    /// Lists objects and collects them; repeated where changes interrupt it.
    pub fn list<D: Dump>(&self, request: D) -> Result<Vec<D::Output>> {
        self.run(D::PROTOCOL, |connection| connection.dump_all(&request))
    }

    /// Lists objects and hands each out in place, in the receive buffer.
    pub fn each<D, F>(&self, request: D, each: F) -> Result<()>
    where
        D: Dump,
        F: for<'v> FnMut(D::View<'v>) -> Step,
    {
        self.run(D::PROTOCOL, |connection| connection.dump(&request, each))
    }
}

impl Driver for Blocking {
    type Output<'a, T: 'a> = Result<T>;

    fn with<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Blocking) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        job(self)
    }

    fn lend<'a, S: Lent, T: Send + 'static>(
        &'a self,
        state: &'a mut S,
        job: impl FnOnce(&Blocking, &mut S) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        job(self, state)
    }

    fn each<'a, D, F>(&'a self, request: D, each: F) -> Result<()>
    where
        D: Dump + Send + Sync + 'static,
        F: for<'v> FnMut(D::View<'v>) -> Step + Send + 'a,
    {
        Blocking::each(self, request, each)
    }

    fn send_many<'a, R, I>(&'a self, requests: I) -> Result<Vec<Failure>>
    where
        R: Acknowledged + Send + 'a,
        I: IntoIterator<Item = R, IntoIter: Send + 'a>,
    {
        self.run(R::PROTOCOL, |connection| connection.send_many(requests))
    }

    fn namespace(&self) -> &Namespace {
        self.pool.namespace()
    }
}
