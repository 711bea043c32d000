//! Neighbours: which hardware address belongs to which IP address.

use netwright_route::Neighbour;
use netwright_route::neighbour::{List, NeighbourView};
use netwright_sys::Failure;

use crate::driver::{Driver, Step};
use crate::objects;

/// Neighbours of a namespace, from [`Net::neighbours`](crate::Net::neighbours).
#[derive(Debug)]
pub struct Neighbours<'n, D> {
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

    /// Deletes the neighbour that agrees in everything that is set. An error where there is none.
    pub fn delete(&self, neighbour: Neighbour) -> D::Output<'n, ()> {
        objects::delete(self.driver, neighbour)
    }

    /// Adds many neighbours, many with each system call; returns those that were refused.
    pub fn add_all(&self, neighbours: &'n [Neighbour]) -> D::Output<'n, Vec<Failure>> {
        objects::add_all(self.driver, neighbours)
    }

    /// Adds or replaces many neighbours, many with each system call; returns those that were refused.
    pub fn replace_all(&self, neighbours: &'n [Neighbour]) -> D::Output<'n, Vec<Failure>> {
        objects::replace_all(self.driver, neighbours)
    }

    /// Deletes many neighbours, many with each system call; returns those that were refused.
    pub fn delete_all(&self, neighbours: &'n [Neighbour]) -> D::Output<'n, Vec<Failure>> {
        objects::delete_all(self.driver, neighbours)
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
