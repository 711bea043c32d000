//! Commands in namespaces of their own, with no way out: what a sandbox is made of, but for what it lets through.
//!
//! - [`Enclosure`]: namespaces with a helper process in them that makes sockets inside for the supervisor, which stays outside;
//! - [`Confinement`]: how a command is put inside;
//! - [`Mask`]: what it sees in the place of a file;
//! - [`SocketRequest`]: a socket to be made inside;
//! - [`Datagrams`]: many datagrams with one system call;
//! - [`Signals`]: signals as messages.
//!
//! This crate has unsafe code: copies of a process that go on without executing a program, filters of system calls, and what the kernel has no
//! safe interface for. Each use says why it is sound.

#[cfg(feature = "attempt")]
#[doc(hidden)]
pub mod attempt;
mod confinement;
mod connects;
mod credentials;
mod datagrams;
mod enclosure;
mod fork;
mod group_filters;
mod kernel_files;
mod network;
mod notify;
mod numbers;
mod option;
mod signals;
mod stop;

pub use confinement::{Confinement, Limits, User};
pub use connects::{FileReporter, RefusedSocket, SocketReporter, UsedFile, plain_path};
pub use datagrams::{Datagram, Datagrams};
pub use enclosure::{Enclosure, EnclosureOptions, Mask, SocketRequest};
pub use group_filters::has_filters;
pub use kernel_files::kernel_files;
pub use network::enter as enter_network;
pub use numbers::has_user;
pub use option::change_mark;
pub use signals::{Came, Signals};
pub use stop::stop;
