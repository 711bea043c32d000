//! The verbs that are the same for every kind of object: add, replace, append, delete.

use std::fmt;

use netwright_wire::{Acknowledged, Making, Malformed, Message, MessageFlags, Request, Subject, Writer};

use crate::message::ROUTE_PROTOCOL;

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
