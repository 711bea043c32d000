//! The verbs that are the same for every kind of object: add, replace, append, delete.

use std::fmt;

use netwright_wire::{Acknowledged, Malformed, Message, MessageFlags, Query, Request, Subject, Writer};

use crate::message::{ROUTE_PROTOCOL, unexpected};

/// What a message that names an object is for; defaults differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The object is made: what was left out gets its default.
    New,
    /// An object is looked for to be deleted: what was left out matches anything.
    Delete,
}

/// An object of rtnetlink that is made and deleted by naming it in full.
///
/// Its text form is what stands in error messages behind the verb and the noun.
pub trait Object: fmt::Display + Sized {
    /// Type of the messages that make one or tell of one.
    const NEW: u16;
    /// Type of the messages that delete one or tell that it is gone.
    const DELETE: u16;
    /// What such an object is called.
    const NOUN: &'static str;

    /// Writes the fixed struct and the attributes.
    fn write(&self, purpose: Purpose, writer: &mut Writer);

    /// Reads an object out of a message; `None` where the message is not about one.
    fn read(message: &Message<'_>) -> Result<Option<Self>, Malformed>;
}

/// A request that the kernel answers with what it made, if asked to ([`Echo`]).
pub trait Making: Acknowledged {
    /// What is made.
    type Made;

    /// Reads what was made; `None` where the message is not about such an object.
    fn read_made(&self, message: &Message<'_>) -> Result<Option<Self::Made>, Malformed>;
}

macro_rules! verbs {
    ($($(#[$meta:meta])* $name:ident $text:literal $purpose:ident $kind:ident $flags:expr;)*) => {$(
        $(#[$meta])*
        #[derive(Debug)]
        pub struct $name<'a, T>(
            /// The object.
            pub &'a T,
        );

        impl<T> Clone for $name<'_, T> {
            fn clone(&self) -> Self {
                *self
            }
        }

        impl<T> Copy for $name<'_, T> {}

        impl<T: Object> Subject for $name<'_, T> {
            fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($text, " {} {}"), T::NOUN, self.0)
            }
        }

        impl<T: Object> Request for $name<'_, T> {
            const PROTOCOL: i32 = ROUTE_PROTOCOL;

            fn kind(&self) -> u16 {
                T::$kind
            }

            fn flags(&self) -> MessageFlags {
                $flags
            }

            fn write(&self, writer: &mut Writer) {
                self.0.write(Purpose::$purpose, writer);
            }
        }

        impl<T: Object> Acknowledged for $name<'_, T> {}
    )*};
}

verbs! {
    /// Makes an object; refused with `EEXIST` where it exists.
    Add "add" New NEW MessageFlags::CREATE | MessageFlags::EXCLUSIVE;
    /// Makes an object, in place of one with the same key where there is one.
    Replace "replace" New NEW MessageFlags::CREATE | MessageFlags::REPLACE;
    /// Makes an object behind those that have the same key: IPv4 routes of one destination, IPv6 paths.
    Append "append" New NEW MessageFlags::CREATE | MessageFlags::APPEND;
    /// Deletes the first object that agrees in everything that is set; refused where there is none.
    Delete "delete" Delete DELETE MessageFlags::empty();
}

macro_rules! making {
    ($($name:ident),*) => {$(
        impl<T: Object> Making for $name<'_, T> {
            type Made = T;

            fn read_made(&self, message: &Message<'_>) -> Result<Option<T>, Malformed> {
                T::read(message)
            }
        }
    )*};
}

making!(Add, Replace, Append);

/// A request with the made object as its reply (`NLM_F_ECHO`).
///
/// Not every kernel echoes every kind of object: IPv4 addresses, routes and rules yes; links from 6.2 on; IPv6
/// addresses and neighbours not. Where nothing but the acknowledgement comes, the object is to be asked for.
#[derive(Clone, Copy, Debug)]
pub struct Echo<R>(
    /// The request.
    pub R,
);

impl<R: Making> Subject for Echo<R> {
    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.describe(f)
    }
}

impl<R: Making> Request for Echo<R> {
    const PROTOCOL: i32 = ROUTE_PROTOCOL;

    fn kind(&self) -> u16 {
        self.0.kind()
    }

    fn flags(&self) -> MessageFlags {
        self.0.flags() | MessageFlags::ECHO
    }

    fn write(&self, writer: &mut Writer) {
        self.0.write(writer);
    }
}

impl<R: Making> Query for Echo<R> {
    type Output = R::Made;

    fn read(&self, message: &Message<'_>) -> Result<R::Made, Malformed> {
        self.0.read_made(message)?.ok_or_else(|| unexpected("the echo of what was made", message.payload))
    }
}
