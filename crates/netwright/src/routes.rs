//! Routes.

use netwright_route::Route;
use netwright_route::route::{List, Lookup, RouteView};
use netwright_sys::{Failure, protocol};

use crate::driver::{Driver, Step};
use crate::objects;

/// Routes of a namespace, from [`Net::routes`](crate::Net::routes).
#[derive(Debug)]
pub struct Routes<'n, D> {
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

    /// Adds a route behind those with this destination.
    pub fn append(&self, route: Route) -> D::Output<'n, ()> {
        objects::append(self.driver, route)
    }

    /// Deletes the first route that agrees in everything that is set. An error where there is none.
    pub fn delete(&self, route: Route) -> D::Output<'n, ()> {
        objects::delete(self.driver, route)
    }

    /// Adds many routes, many with each system call; returns those that were refused.
    pub fn add_all(&self, routes: &'n [Route]) -> D::Output<'n, Vec<Failure>> {
        objects::add_all(self.driver, routes)
    }

    /// Adds or replaces many routes, many with each system call; returns those that were refused.
    pub fn replace_all(&self, routes: &'n [Route]) -> D::Output<'n, Vec<Failure>> {
        objects::replace_all(self.driver, routes)
    }

    /// Deletes many routes, many with each system call; returns those that were refused.
    pub fn delete_all(&self, routes: &'n [Route]) -> D::Output<'n, Vec<Failure>> {
        objects::delete_all(self.driver, routes)
    }

    /// The route that a packet would take.
    pub fn look_up(&self, request: Lookup) -> D::Output<'n, Route> {
        self.driver.run(protocol::ROUTE, move |connection| connection.query(&request))
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
