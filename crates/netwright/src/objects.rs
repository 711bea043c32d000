//! The verbs that addresses, routes, rules, neighbours and nexthops share.

use std::borrow::Borrow;
use std::fmt;
use std::marker::PhantomData;

use netwright_route::{Add, Append, Delete, Object, Replace};
use netwright_sys::Failure;
use netwright_wire::{Acknowledged, MessageFlags, Request, Subject, Writer};

use crate::driver::Driver;

/// A request about an object that it owns or borrows.
struct Ask<V, T, B> {
    object: B,
    kind: PhantomData<fn(V, T)>,
}

/// One of the requests that borrow their object.
trait Verb<T>: 'static {
    type Request<'a>: Acknowledged
    where
        T: 'a;

    fn request(object: &T) -> Self::Request<'_>;
}

macro_rules! verbs {
    ($($function:ident $all:ident $verb:ident $request:ident;)*) => {$(
        struct $verb;

        impl<T: Object + 'static> Verb<T> for $verb {
            type Request<'a> = $request<'a, T>;

            fn request(object: &T) -> $request<'_, T> {
                $request(object)
            }
        }

        pub(crate) fn $function<'a, D: Driver, T: Object + Send + 'static>(
            driver: &'a D,
            object: T,
        ) -> D::Output<'a, ()> {
            driver.acknowledge(Ask::<$verb, T, T> { object, kind: PhantomData })
        }

        /// Sends one request for each object, many with each system call.
        pub(crate) fn $all<'a, D, T, B>(
            driver: &'a D,
            objects: impl IntoIterator<Item = B, IntoIter: Send + 'a>,
        ) -> D::Output<'a, Vec<Failure>>
        where
            D: Driver,
            T: Object + 'static,
            B: Borrow<T> + Send + 'a,
        {
            let ask = |object| Ask::<$verb, T, B> { object, kind: PhantomData };
            driver.send_many(objects.into_iter().map(ask))
        }
    )*};
}

verbs! {
    add add_all Adding Add;
    replace replace_all Replacing Replace;
    append append_all Appending Append;
    delete delete_all Deleting Delete;
}

impl<V: Verb<T>, T, B: Borrow<T>> Subject for Ask<V, T, B> {
    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        V::request(self.object.borrow()).describe(f)
    }
}

impl<V: Verb<T>, T, B: Borrow<T>> Request for Ask<V, T, B> {
    const PROTOCOL: i32 = netwright_route::message::ROUTE_PROTOCOL;

    fn kind(&self) -> u16 {
        V::request(self.object.borrow()).kind()
    }

    fn flags(&self) -> MessageFlags {
        V::request(self.object.borrow()).flags()
    }

    fn write(&self, writer: &mut Writer) {
        V::request(self.object.borrow()).write(writer);
    }
}

impl<V: Verb<T>, T, B: Borrow<T>> Acknowledged for Ask<V, T, B> {}
