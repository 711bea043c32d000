//! Typed operations: a request is a value that knows how to encode itself and decode its reply.

use std::fmt;

use crate::{Malformed, Message, MessageFlags, Unsendable, Writer};

/// What a request is about, for error messages: «add address 192.0.2.1/24 to eth0».
pub trait Subject {
    /// Writes what is asked of which object, as a command without a full stop.
    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result;
}

/// One message to the kernel.
pub trait Request: Subject {
    /// Netlink protocol of the socket it goes through (`NETLINK_ROUTE` 0, `NETLINK_NETFILTER` 12).
    const PROTOCOL: i32;

    /// Message type.
    fn kind(&self) -> u16;

    /// Flags besides `REQUEST`, `ACK` and `DUMP`, which the driver sets as the kind of request needs.
    fn flags(&self) -> MessageFlags {
        MessageFlags::empty()
    }

    /// Writes what follows the message's head.
    fn write(&self, writer: &mut Writer);
}

/// A request whose success has nothing to say.
pub trait Acknowledged: Request {}

/// A request that the kernel answers with what it made, if asked to (`NLM_F_ECHO`).
///
/// Not every kernel echoes every kind of object: IPv4 addresses, routes and rules yes; links from 6.2 on, but not those that
/// are made in another namespace, nor every kind; IPv6 addresses and neighbours not.
pub trait Making: Acknowledged {
    /// What is made.
    type Made;

    /// Reads what was made; `None` where the message is not about such an object.
    fn read_made(&self, message: &Message<'_>) -> Result<Option<Self::Made>, Malformed>;
}

/// A request with one object as its reply.
pub trait Query: Request {
    /// The object.
    type Output;

    /// Reads the reply.
    fn read(&self, message: &Message<'_>) -> Result<Self::Output, Malformed>;
}

/// A request with any number of objects as its reply, handed out as views of the receive buffer.
pub trait Dump: Request {
    /// One object, in place.
    type View<'a>;
    /// One object of the caller's own.
    type Output;

    /// Reads one object in place; `None` where the message is not of the kind asked for.
    fn view<'a>(&self, message: &Message<'a>) -> Result<Option<Self::View<'a>>, Malformed>;

    /// Makes an object the caller's own.
    fn own(&self, view: Self::View<'_>) -> Result<Self::Output, Malformed>;
}

impl<T: Subject + ?Sized> Subject for &T {
    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).describe(f)
    }
}

impl<T: Request + ?Sized> Request for &T {
    const PROTOCOL: i32 = T::PROTOCOL;

    fn kind(&self) -> u16 {
        (**self).kind()
    }

    fn flags(&self) -> MessageFlags {
        (**self).flags()
    }

    fn write(&self, writer: &mut Writer) {
        (**self).write(writer);
    }
}

impl<T: Acknowledged + ?Sized> Acknowledged for &T {}

impl<T: Query + ?Sized> Query for &T {
    type Output = T::Output;

    fn read(&self, message: &Message<'_>) -> Result<T::Output, Malformed> {
        (**self).read(message)
    }
}

impl<T: Dump + ?Sized> Dump for &T {
    type View<'a> = T::View<'a>;
    type Output = T::Output;

    fn view<'a>(&self, message: &Message<'a>) -> Result<Option<T::View<'a>>, Malformed> {
        (**self).view(message)
    }

    fn own(&self, view: T::View<'_>) -> Result<T::Output, Malformed> {
        (**self).own(view)
    }
}

/// Messages that the kernel carries out all together or not at all, from one that begins to one that ends them: a batch of
/// nf_tables.
pub trait Transaction {
    /// How many messages these are.
    fn messages(&self) -> u32;

    /// Ends it and gives its bytes, which one datagram holds.
    ///
    /// # Errors
    /// Something in it cannot be sent.
    fn finish(&mut self) -> Result<&[u8], Unsendable>;

    /// What the message of this place, from 0, asks for, and what of it lies at an offset that the kernel points at, in bytes
    /// from the start of the message; `None` where there is no such message or nothing to say.
    fn told(&self, index: usize, offset: Option<u32>) -> Option<(String, Option<String>)>;
}
