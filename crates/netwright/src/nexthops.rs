//! Nexthop objects: ways that routes and forwarding entries share.

use std::borrow::Borrow;

use netwright_route::Nexthop;
use netwright_route::nexthop::{Get, List, NexthopView};
use netwright_sys::Failure;

use crate::driver::{Blocking, Driver, Step};
use crate::ensure::{self, Ensured};
use crate::objects;

/// Nexthop objects of a namespace, from [`Net::nexthops`](crate::Net::nexthops).
#[derive(Debug)]
pub struct Nexthops<'n, D = Blocking> {
    driver: &'n D,
}

impl<'n, D: Driver> Nexthops<'n, D> {
    pub(crate) fn new(driver: &'n D) -> Self {
        Nexthops { driver }
    }

    /// The nexthop with this id. An error where there is none.
    pub fn get(&self, id: u32) -> D::Output<'n, Nexthop> {
        self.driver.query(Get { id })
    }

    /// Adds a nexthop. An error where there is one with this id.
    pub fn add(&self, nexthop: Nexthop) -> D::Output<'n, ()> {
        objects::add(self.driver, nexthop)
    }

    /// Adds a nexthop, or puts it in the place of the one with this id, for all routes that use it.
    pub fn replace(&self, nexthop: Nexthop) -> D::Output<'n, ()> {
        objects::replace(self.driver, nexthop)
    }

    /// Adds a nexthop, or puts it in the place of the one with this id unless that is as it is described; says what differed. Without
    /// an id, the first that is as it is described, or a new one.
    pub fn ensure(&self, nexthop: Nexthop) -> D::Output<'n, Ensured<Nexthop>> {
        self.driver.with(move |driver| ensure::nexthop(driver, &nexthop))
    }

    /// Deletes the nexthop with this one's id, and the routes that go by it alone. An error where there is none.
    pub fn delete(&self, nexthop: Nexthop) -> D::Output<'n, ()> {
        objects::delete(self.driver, nexthop)
    }

    /// Adds many nexthops, many with each system call; returns those that were refused.
    pub fn add_all<B: Borrow<Nexthop> + Send + 'n>(
        &self,
        nexthops: impl IntoIterator<Item = B, IntoIter: Send + 'n>,
    ) -> D::Output<'n, Vec<Failure>> {
        objects::add_all::<_, Nexthop, _>(self.driver, nexthops)
    }

    /// Deletes many nexthops, many with each system call; returns those that were refused.
    pub fn delete_all<B: Borrow<Nexthop> + Send + 'n>(
        &self,
        nexthops: impl IntoIterator<Item = B, IntoIter: Send + 'n>,
    ) -> D::Output<'n, Vec<Failure>> {
        objects::delete_all::<_, Nexthop, _>(self.driver, nexthops)
    }

    /// All nexthops.
    pub fn list(&self) -> D::Output<'n, Vec<Nexthop>> {
        self.filter(List::default())
    }

    /// The nexthops that a request asks for; the kernel filters.
    pub fn filter(&self, list: List) -> D::Output<'n, Vec<Nexthop>> {
        self.driver.list(list)
    }

    /// Hands out the nexthops that a request asks for, each in place.
    pub fn each<F>(&self, list: List, each: F) -> D::Output<'n, ()>
    where
        F: for<'v> FnMut(NexthopView<'v>) -> Step + Send + 'n,
    {
        self.driver.each(list, each)
    }
}
