//! Routes.

use std::borrow::Borrow;

use netwright_route::route::{List, Lookup, RouteView};
use netwright_route::{Delete, Route};
use netwright_sys::{Error, Failure};
use netwright_wire::{Errno, Request as _, Writer};

use crate::Result;
use crate::driver::{Blocking, Driver, Step};
use crate::ensure::{self, Ensured};
use crate::objects;

/// Routes of a namespace, from [`Net::routes`](crate::Net::routes).
#[derive(Debug)]
pub struct Routes<'n, D = Blocking> {
    driver: &'n D,
}

impl<'n, D: Driver> Routes<'n, D> {
    pub(crate) fn new(driver: &'n D) -> Self {
        Routes { driver }
    }

    /// Adds a route. An error where there is one with this destination, table and metric.
    pub fn add(&self, route: Route) -> D::Output<'n, ()> {
        objects::add(self.driver, route)
    }

    /// Adds a route, or puts it in the place of the one with this destination, table and metric.
    pub fn replace(&self, route: Route) -> D::Output<'n, ()> {
        objects::replace(self.driver, route)
    }

    /// Adds a route, or puts it in the place of the one with this destination, table and metric, unless that is as it is described;
    /// says what differed.
    pub fn ensure(&self, route: Route) -> D::Output<'n, Ensured<Route>> {
        self.driver.with(move |driver| ensure::route(driver, &route))
    }

    /// Adds a route behind those with this destination.
    pub fn append(&self, route: Route) -> D::Output<'n, ()> {
        objects::append(self.driver, route)
    }

    /// Deletes the first route that agrees in everything that is set. An error where there is none.
    ///
    /// As with `ip`, one gateway or link also names a route by several ways: of IPv4 the route whose first way it is, which goes as
    /// a whole, of IPv6 that way alone.
    pub fn delete(&self, route: Route) -> D::Output<'n, ()> {
        self.driver.with(move |driver| delete(driver, &route))
    }

    /// Adds many routes, many with each system call; returns those that were refused.
    pub fn add_all<B: Borrow<Route> + Send + 'n>(
        &self,
        routes: impl IntoIterator<Item = B, IntoIter: Send + 'n>,
    ) -> D::Output<'n, Vec<Failure>> {
        objects::add_all::<_, Route, _>(self.driver, routes)
    }

    /// Adds or replaces many routes, many with each system call; returns those that were refused.
    pub fn replace_all<B: Borrow<Route> + Send + 'n>(
        &self,
        routes: impl IntoIterator<Item = B, IntoIter: Send + 'n>,
    ) -> D::Output<'n, Vec<Failure>> {
        objects::replace_all::<_, Route, _>(self.driver, routes)
    }

    /// Appends many routes, many with each system call; returns those that were refused.
    pub fn append_all<B: Borrow<Route> + Send + 'n>(
        &self,
        routes: impl IntoIterator<Item = B, IntoIter: Send + 'n>,
    ) -> D::Output<'n, Vec<Failure>> {
        objects::append_all::<_, Route, _>(self.driver, routes)
    }

    /// Deletes many routes, many with each system call; returns those that were refused. It is for routes as they were listed or
    /// added: what the kernel does not compare ([`Route::is_exact`]) is not looked for in lists here.
    pub fn delete_all<B: Borrow<Route> + Send + 'n>(
        &self,
        routes: impl IntoIterator<Item = B, IntoIter: Send + 'n>,
    ) -> D::Output<'n, Vec<Failure>> {
        objects::delete_all::<_, Route, _>(self.driver, routes)
    }

    /// The route that a packet would take.
    pub fn look_up(&self, request: Lookup) -> D::Output<'n, Route> {
        self.driver.query(request)
    }

    /// All routes of all tables.
    pub fn list(&self) -> D::Output<'n, Vec<Route>> {
        self.filter(List::default())
    }

    /// The routes that a request asks for; the kernel filters.
    pub fn filter(&self, list: List) -> D::Output<'n, Vec<Route>> {
        self.driver.list(list)
    }

    /// Hands out the routes that a request asks for, each in place.
    pub fn each<F>(&self, list: List, each: F) -> D::Output<'n, ()>
    where
        F: for<'v> FnMut(RouteView<'v>) -> Step + Send + 'n,
    {
        self.driver.each(list, each)
    }
}

/// The kernel does not compare everything of a route of IPv6: such a one is looked for in the list first.
pub(crate) fn delete(driver: &Blocking, route: &Route) -> Result<()> {
    let request = Delete(route);
    let mut writer = Writer::new();
    request.write(&mut writer);
    if route.is_exact() || writer.check().is_err() {
        return driver.acknowledge(request);
    }
    match find(driver, route)? {
        Some(found) => driver.acknowledge(Delete(&found)),
        None => Err(Error::request(&request, Errno::ESRCH)),
    }
}

/// The first route that agrees in everything that is set.
pub(crate) fn find(driver: &Blocking, pattern: &Route) -> Result<Option<Route>> {
    Ok(of_table(driver, pattern)?.into_iter().find(|route| pattern.fits(route)))
}

/// The routes of a route's table and family; none where there is no such table yet.
pub(crate) fn of_table(driver: &Blocking, route: &Route) -> Result<Vec<Route>> {
    let list = List { family: route.family(), table: Some(route.effective_table()), ..List::default() };
    match driver.list(list) {
        Err(error) if error.is_not_found() => Ok(Vec::new()),
        listed => listed,
    }
}
