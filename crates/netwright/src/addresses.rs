//! Addresses of interfaces.

use std::borrow::Borrow;

use netwright_route::address::{AddressView, List};
use netwright_route::{Address, LinkId};
use netwright_sys::Failure;

use crate::driver::{Blocking, Driver, Step};
use crate::ensure::{self, Ensured};
use crate::objects;

/// Addresses of a namespace, from [`Net::addresses`](crate::Net::addresses).
#[derive(Debug)]
pub struct Addresses<'n, D = Blocking> {
    driver: &'n D,
}

impl<'n, D: Driver> Addresses<'n, D> {
    pub(crate) fn new(driver: &'n D) -> Self {
        Addresses { driver }
    }

    /// Gives an interface an address. An error where it has it already.
    pub fn add(&self, link: impl Into<LinkId>, address: Address) -> D::Output<'n, ()> {
        objects::add(self.driver, address.on(link))
    }

    /// Gives an interface an address, unless it has it as it is described; says what differed.
    pub fn ensure(&self, link: impl Into<LinkId>, address: Address) -> D::Output<'n, Ensured<Address>> {
        let address = address.on(link);
        self.driver.with(move |driver| ensure::address(driver, &address))
    }

    /// Gives an interface an address, or changes its lifetimes, metric, maker and (IPv6) flags where it has it. An error where it has
    /// it with another label, broadcast address, scope, length or (IPv4) other flags, which the kernel does not change.
    pub fn replace(&self, link: impl Into<LinkId>, address: Address) -> D::Output<'n, ()> {
        let address = address.on(link);
        self.driver.with(move |driver| ensure::replace_address(driver, &address))
    }

    /// Takes an address away. An error where the interface does not have it.
    pub fn delete(&self, link: impl Into<LinkId>, address: Address) -> D::Output<'n, ()> {
        objects::delete(self.driver, address.on(link))
    }

    /// Gives many addresses, each with its interface in it; returns those that were refused.
    pub fn add_all<B: Borrow<Address> + Send + 'n>(
        &self,
        addresses: impl IntoIterator<Item = B, IntoIter: Send + 'n>,
    ) -> D::Output<'n, Vec<Failure>> {
        objects::add_all::<_, Address, _>(self.driver, addresses)
    }

    /// All addresses.
    pub fn list(&self) -> D::Output<'n, Vec<Address>> {
        self.filter(List::default())
    }

    /// The addresses of an interface.
    pub fn of(&self, link: impl Into<LinkId>) -> D::Output<'n, Vec<Address>> {
        self.filter(List::on(link))
    }

    /// The addresses that a request asks for; the kernel filters.
    pub fn filter(&self, list: List) -> D::Output<'n, Vec<Address>> {
        self.driver.list(list)
    }

    /// Hands out the addresses that a request asks for, each in place.
    pub fn each<F>(&self, list: List, each: F) -> D::Output<'n, ()>
    where
        F: for<'v> FnMut(AddressView<'v>) -> Step + Send + 'n,
    {
        self.driver.each(list, each)
    }
}
