//! Interfaces.

use netwright_route::link::kind::{self, TunMode};
use netwright_route::link::{AlternativeNames, Change, Create, Delete, Get, LinkKind, List, Set};
use netwright_route::{Echo, Link, LinkId};
use netwright_sys::{Cause, Connection, Namespace, Tun, protocol};

use crate::Result;
use crate::driver::{Driver, Step};

/// Interfaces of a namespace, from [`Net::links`](crate::Net::links).
#[derive(Debug)]
pub struct Links<'n, D> {
    driver: &'n D,
}

impl<'n, D: Driver> Links<'n, D> {
    pub(crate) fn new(driver: &'n D) -> Self {
        Links { driver }
    }

    /// The link of this name or alternative name. An error where there is none.
    pub fn get(&self, name: &str) -> D::Output<'n, Link> {
        let name = name.to_owned();
        self.driver.run(protocol::ROUTE, move |connection| connection.query(&Get::by_name(&name)))
    }

    /// The link with this index. An error where there is none.
    pub fn get_by_index(&self, index: u32) -> D::Output<'n, Link> {
        self.driver.run(protocol::ROUTE, move |connection| connection.query(&Get::by_index(index)))
    }

    /// A link with its counters and those of IPv6 on it.
    pub fn statistics(&self, link: impl Into<LinkId>) -> D::Output<'n, Link> {
        let index = link.into().index;
        self.driver.run(protocol::ROUTE, move |connection| {
            connection.query(&Get::by_index(index).with_family_statistics())
        })
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

    /// Creates a link and tells what was made, with the index and, where none was given, the name that the kernel chose.
    /// A kernel before 6.2 makes a link without a name, too, but does not tell which: an error, of [`Cause::NoAnswer`].
    pub fn create(&self, create: Create) -> D::Output<'n, Link> {
        let namespace = self.driver.namespace();
        self.driver.run(protocol::ROUTE, move |connection| match &create.kind {
            LinkKind::Tun(kind) => create_tun(connection, namespace, kind, &create.settings),
            _ => create_by_netlink(connection, create),
        })
    }

    /// Changes what `change` names and nothing else.
    pub fn set(&self, link: impl Into<LinkId>, change: Change) -> D::Output<'n, ()> {
        let link = link.into();
        self.driver
            .run(protocol::ROUTE, move |connection| connection.acknowledge(&Set { link, change: &change }))
    }

    /// Gives a link another name to be found by.
    pub fn add_alternative_name(&self, link: impl Into<LinkId>, name: &str) -> D::Output<'n, ()> {
        let request = AlternativeNames::add(link, name);
        self.driver.run(protocol::ROUTE, move |connection| connection.acknowledge(&request))
    }

    /// Takes an alternative name away.
    pub fn remove_alternative_name(&self, link: impl Into<LinkId>, name: &str) -> D::Output<'n, ()> {
        let request = AlternativeNames::remove(link, name);
        self.driver.run(protocol::ROUTE, move |connection| connection.acknowledge(&request))
    }

    /// Deletes a link.
    pub fn delete(&self, link: impl Into<LinkId>) -> D::Output<'n, ()> {
        let request = Delete::new(link);
        self.driver.run(protocol::ROUTE, move |connection| connection.acknowledge(&request))
    }
}

fn create_by_netlink(connection: &mut Connection, create: Create) -> Result<Link> {
    let (name, create) = (create.settings.name.clone(), Echo(create));
    match (connection.query(&create), name) {
        // kernels before 6.2 make the link and do not tell
        (Err(error), Some(name)) if *error.cause() == Cause::NoAnswer => {
            connection.query(&Get::by_name(&name))
        }
        (result, _) => result,
    }
}

/// The kernel makes these through their device file alone, so the other settings come after; where they are refused, nothing
/// is left.
fn create_tun(
    connection: &mut Connection,
    namespace: &Namespace,
    kind: &kind::Tun,
    settings: &Change,
) -> Result<Link> {
    let tun = Tun {
        name: settings.name.clone().unwrap_or_default(),
        ethernet: kind.mode == Some(TunMode::TAP),
        owner: kind.owner,
        group: kind.group,
        packet_information: kind.packet_information == Some(true),
        virtio_header: kind.virtio_header == Some(true),
        multiple_queues: kind.multiple_queues == Some(true),
    };
    let name = tun.create(namespace)?;
    let made = connection.query(&Get::by_name(&name))?;
    let change = Change { name: None, kind: None, ..settings.clone() };
    if change.is_empty() {
        return Ok(made);
    }
    if let Err(error) = connection.acknowledge(&Set { link: made.id(), change: &change }) {
        connection.acknowledge(&Delete::new(&made))?;
        return Err(error);
    }
    match change.namespace {
        None => connection.query(&Get::by_index(made.index)),
        Some(_) => Ok(made), // it is no longer here
    }
}
