//! Neighbours: which hardware address belongs to which IP address.

use std::borrow::Borrow;

use netwright_route::Neighbour;
use netwright_route::neighbour::{List, NeighbourView};
use netwright_sys::Failure;

use crate::driver::{Blocking, Driver, Step};
use crate::ensure::{self, Ensured};
use crate::objects;

/// Neighbours of a namespace, from [`Net::neighbours`](crate::Net::neighbours).
#[derive(Debug)]
pub struct Neighbours<'n, D = Blocking> {
    driver: &'n D,
}

impl<'n, D: Driver> Neighbours<'n, D> {
    pub(crate) fn new(driver: &'n D) -> Self {
        Neighbours { driver }
    }

    /// Adds a neighbour. An error where the interface has one with this address.
    pub fn add(&self, neighbour: Neighbour) -> D::Output<'n, ()> {
        objects::add(self.driver, neighbour)
    }

    /// Adds a neighbour, or puts it in the place of the one with this address.
    pub fn replace(&self, neighbour: Neighbour) -> D::Output<'n, ()> {
        objects::replace(self.driver, neighbour)
    }

    /// Adds a neighbour, or changes the one with this address unless that is as it is described; says what differed. A forwarding
    /// entry is the one with this hardware address and VLAN, of the bridge or of its port; one to several addresses or to those that
    /// nobody knows is one of as many as it has far ends, and the others stay.
    pub fn ensure(&self, neighbour: Neighbour) -> D::Output<'n, Ensured<Neighbour>> {
        self.driver.with(move |driver| ensure::neighbour(driver, &neighbour))
    }

    /// Adds a forwarding entry behind those with this hardware address: a VXLAN sends to all of them.
    pub fn append(&self, neighbour: Neighbour) -> D::Output<'n, ()> {
        objects::append(self.driver, neighbour)
    }

    /// Deletes the neighbour with this IP address on this link, whatever its hardware address; a forwarding entry, the one with this
    /// hardware address, VLAN and far end. An error where there is none.
    pub fn delete(&self, neighbour: Neighbour) -> D::Output<'n, ()> {
        objects::delete(self.driver, neighbour)
    }

    /// Adds many neighbours, many with each system call; returns those that were refused.
    pub fn add_all<B: Borrow<Neighbour> + Send + 'n>(
        &self,
        neighbours: impl IntoIterator<Item = B, IntoIter: Send + 'n>,
    ) -> D::Output<'n, Vec<Failure>> {
        objects::add_all::<_, Neighbour, _>(self.driver, neighbours)
    }

    /// Adds or replaces many neighbours, many with each system call; returns those that were refused.
    pub fn replace_all<B: Borrow<Neighbour> + Send + 'n>(
        &self,
        neighbours: impl IntoIterator<Item = B, IntoIter: Send + 'n>,
    ) -> D::Output<'n, Vec<Failure>> {
        objects::replace_all::<_, Neighbour, _>(self.driver, neighbours)
    }

    /// Deletes many neighbours, many with each system call; returns those that were refused.
    pub fn delete_all<B: Borrow<Neighbour> + Send + 'n>(
        &self,
        neighbours: impl IntoIterator<Item = B, IntoIter: Send + 'n>,
    ) -> D::Output<'n, Vec<Failure>> {
        objects::delete_all::<_, Neighbour, _>(self.driver, neighbours)
    }

    /// All neighbours of all interfaces.
    pub fn list(&self) -> D::Output<'n, Vec<Neighbour>> {
        self.filter(List::default())
    }

    /// The neighbours that a request asks for; the kernel filters.
    pub fn filter(&self, list: List) -> D::Output<'n, Vec<Neighbour>> {
        self.driver.list(list)
    }

    /// Hands out the neighbours that a request asks for, each in place.
    pub fn each<F>(&self, list: List, each: F) -> D::Output<'n, ()>
    where
        F: for<'v> FnMut(NeighbourView<'v>) -> Step + Send + 'n,
    {
        self.driver.each(list, each)
    }
}
