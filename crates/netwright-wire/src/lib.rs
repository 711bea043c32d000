//! Netlink on the wire: messages, attributes, extended acknowledgements and a session without IO.
//!
//! Everything here works on bytes that the caller brings: nothing is read, sent or opened. The layers are
//!
//! - [`Value`]: a type that is the payload of an attribute, read in place and written in place;
//! - [`attrs!`](crate::attrs), [`open_enum!`](crate::open_enum), [`open_flags!`](crate::open_flags),
//!   [`header!`](crate::header) and [`kinds!`](crate::kinds): one line per kernel fact, from which codec and docs follow;
//! - [`Writer`]: one growing buffer that messages are written into, in place;
//! - [`Message`], [`Attributes`]: borrowed views of what was received;
//! - [`Session`]: bytes in, [`Event`]s out;
//! - [`Request`] and its kinds: a typed operation that knows how to encode itself and decode its reply.
//!
//! What is not known survives: unknown attributes, enumeration values and flag bits are kept and written back.
#![forbid(unsafe_code)]

mod attribute;
mod errno;
mod error;
mod macros;
mod message;
mod order;
mod request;
mod session;
pub mod text;
mod value;
mod writer;

pub use attribute::{Attribute, Attributes, RawAttribute, Row, Unknown};
pub use errno::Errno;
pub use error::{ExtendedAck, KernelError, Malformed};
pub use message::{Header, Message, MessageFlags, Messages, message_type};
pub use order::{Big, ByteOrder, Native};
pub use request::{Acknowledged, Dump, Making, Query, Request, Subject, Transaction};
pub use session::{Event, Events, Session};
pub use value::{ListItem, Nested, Text, Value};
pub use writer::{MessageMark, NestMark, Unsendable, Writer};

/// What the macros of this crate need where they are used.
#[doc(hidden)]
pub mod private {
    pub use bitflags;
}
