//! Interfaces.

mod change;
mod create;

pub(crate) use change::{apply, open};
pub(crate) use create::create;

use std::ops::ControlFlow;

use netwright_route::link::{AlternativeNames, Change, Create, Delete, DeleteGroup, Get, List, SetGroup};
use netwright_route::{Link, LinkId};

use netwright_sys::{Connection, protocol};

use crate::Result;
use crate::driver::{Blocking, Driver, Step};
use crate::ensure::{self, Ensured};

/// Interfaces of a namespace, from [`Net::links`](crate::Net::links).
#[derive(Debug)]
pub struct Links<'n, D = Blocking> {
    driver: &'n D,
}

impl<'n, D: Driver> Links<'n, D> {
    pub(crate) fn new(driver: &'n D) -> Self {
        Links { driver }
    }

    /// The link of this name or alternative name. An error where there is none.
    pub fn get(&self, name: &str) -> D::Output<'n, Link> {
        let name = name.to_owned();
        self.driver.with(move |driver| driver.query(Get::by_name(&name)))
    }

    /// The link with this index. An error where there is none.
    pub fn get_by_index(&self, index: u32) -> D::Output<'n, Link> {
        self.driver.query(Get::by_index(index))
    }

    /// A link with its counters and those of IPv6 on it.
    pub fn statistics(&self, link: impl Into<LinkId>) -> D::Output<'n, Link> {
        let index = link.into().index;
        self.driver.query(Get::by_index(index).with_family_statistics())
    }

    /// All links.
    pub fn list(&self) -> D::Output<'n, Vec<Link>> {
        self.filter(List::default())
    }

    /// The links that a request asks for: of a kind, the ports of a link, with counters.
    pub fn filter(&self, list: List) -> D::Output<'n, Vec<Link>> {
        self.driver.list(list)
    }

    /// Hands out the links that a request asks for, each in place.
    pub fn each<F>(&self, list: List, each: F) -> D::Output<'n, ()>
    where
        F: for<'v> FnMut(netwright_route::link::LinkView<'v>) -> Step + Send + 'n,
    {
        self.driver.each(list, each)
    }

    /// The indexes and names of all links, without what else there is of each.
    pub fn ids(&self) -> D::Output<'n, Vec<LinkId>> {
        self.driver.run(protocol::ROUTE, ids)
    }

    /// Creates a link and tells what was made, with its index and, where none was given, its name: the first free one of its
    /// kind, such as `veth0`. A `%d` in a name stands for the first number that is free.
    ///
    /// All its settings are applied, in as many requests as the kernel needs; where one is refused, the link is deleted again. A link
    /// may be made in another namespace ([`Change::namespace`]): what is returned is the link as it is there, so the process must
    /// be able to enter it.
    pub fn create(&self, create: Create) -> D::Output<'n, Link> {
        self.driver.with(move |driver| self::create(driver, create))
    }

    /// Gets the link of this name as it is described, whether it is there already or not; says what differed. Of one that is there,
    /// settings that are not named stay as they are. An error where it is of another kind, or stands on another link.
    pub fn ensure(&self, create: Create) -> D::Output<'n, Ensured<Link>> {
        self.driver.with(move |driver| ensure::link(driver, create))
    }

    /// Changes what `change` names and nothing else. The kernel takes the parts one after the other: where it refuses one,
    /// those before it may be done.
    pub fn set(&self, link: impl Into<LinkId>, change: Change) -> D::Output<'n, ()> {
        let link = link.into();
        self.driver.with(move |driver| change::apply(driver, link, change))
    }

    /// Changes every link of a group. Links that were put into no other are in group 0.
    pub fn set_group(&self, group: u32, change: Change) -> D::Output<'n, ()> {
        self.driver.acknowledge(SetGroup { group, change })
    }

    /// Deletes every link of a group, which must not be 0.
    pub fn delete_group(&self, group: u32) -> D::Output<'n, ()> {
        self.driver.acknowledge(DeleteGroup { group })
    }

    /// Gives a link another name to be found by.
    pub fn add_alternative_name(&self, link: impl Into<LinkId>, name: &str) -> D::Output<'n, ()> {
        self.driver.acknowledge(AlternativeNames::add(link, name))
    }

    /// Takes an alternative name away.
    pub fn remove_alternative_name(&self, link: impl Into<LinkId>, name: &str) -> D::Output<'n, ()> {
        self.driver.acknowledge(AlternativeNames::remove(link, name))
    }

    /// Deletes a link.
    pub fn delete(&self, link: impl Into<LinkId>) -> D::Output<'n, ()> {
        self.driver.acknowledge(Delete::new(link))
    }
}

/// The indexes and names of all links.
pub(crate) fn ids(connection: &mut Connection) -> Result<Vec<LinkId>> {
    const TRIES: u32 = 10;
    for tries in 1.. {
        let mut all = Vec::new();
        let listed = connection.dump(&List::default(), |link| {
            all.push(link.id()?);
            Ok(ControlFlow::Continue(()))
        });
        match listed {
            Err(error) if tries < TRIES && error.is_passing() => {}
            listed => return listed.map(|()| all),
        }
    }
    Ok(Vec::new())
}
