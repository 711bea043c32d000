//! The verbs that addresses, routes, rules and neighbours share.

use netwright_route::{Add, Append, Delete, Object, Replace};
use netwright_sys::{Failure, protocol};

use crate::driver::Driver;

pub(crate) fn add<'a, D: Driver, T: Object + Send + Sync + 'a>(
    driver: &'a D,
    object: T,
) -> D::Output<'a, ()> {
    driver.run(protocol::ROUTE, move |connection| connection.acknowledge(&Add(&object)))
}

pub(crate) fn replace<'a, D: Driver, T: Object + Send + Sync + 'a>(
    driver: &'a D,
    object: T,
) -> D::Output<'a, ()> {
    driver.run(protocol::ROUTE, move |connection| connection.acknowledge(&Replace(&object)))
}

pub(crate) fn append<'a, D: Driver, T: Object + Send + Sync + 'a>(
    driver: &'a D,
    object: T,
) -> D::Output<'a, ()> {
    driver.run(protocol::ROUTE, move |connection| connection.acknowledge(&Append(&object)))
}

pub(crate) fn delete<'a, D: Driver, T: Object + Send + Sync + 'a>(
    driver: &'a D,
    object: T,
) -> D::Output<'a, ()> {
    driver.run(protocol::ROUTE, move |connection| connection.acknowledge(&Delete(&object)))
}

/// Sends one request per object, many with each system call.
macro_rules! many {
    ($($name:ident $request:ident),*) => {$(
        pub(crate) fn $name<'a, D: Driver, T: Object + Send + Sync + 'a>(
            driver: &'a D,
            objects: &'a [T],
        ) -> D::Output<'a, Vec<Failure>> {
            driver.run(protocol::ROUTE, move |connection| {
                let requests: Vec<_> = objects.iter().map($request).collect();
                connection.send_many(&requests)
            })
        }
    )*};
}

many!(add_all Add, replace_all Replace, delete_all Delete);
