//! Linux error numbers with their names and plain words.

use std::fmt;

/// A Linux error number, positive as in `errno`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Errno(pub i32);

macro_rules! errnos {
    ($($name:ident = $number:literal $text:literal),* $(,)?) => {
        impl Errno {
            $(#[doc = $text] pub const $name: Errno = Errno($number);)*

            /// The constant's name, such as `ENOENT`.
            #[must_use]
            pub fn name(self) -> Option<&'static str> {
                match self.0 { $($number => Some(stringify!($name)),)* _ => None }
            }

            /// What it means, in plain words.
            #[must_use]
            pub fn text(self) -> Option<&'static str> {
                match self.0 { $($number => Some($text),)* _ => None }
            }
        }
    };
}

errnos! {
    EPERM = 1 "operation not permitted", ENOENT = 2 "no such object", ESRCH = 3 "no such process or route",
    EINTR = 4 "interrupted", EIO = 5 "input/output error", ENXIO = 6 "no such device or address",
    E2BIG = 7 "too long", EBADF = 9 "bad file descriptor", EAGAIN = 11 "try again",
    ENOMEM = 12 "out of memory", EACCES = 13 "permission denied", EFAULT = 14 "bad address",
    EBUSY = 16 "in use", EEXIST = 17 "exists already", EXDEV = 18 "crosses namespaces",
    ENODEV = 19 "no such device", ENOTDIR = 20 "not a directory", EINVAL = 22 "invalid argument",
    ENFILE = 23 "no place for more", EMFILE = 24 "too many open files", ENOTTY = 25 "not a terminal", ENOSPC = 28 "no space left",
    EROFS = 30 "read-only", EMLINK = 31 "too many links", ERANGE = 34 "out of range", ENOSYS = 38 "unknown to this kernel",
    ENAMETOOLONG = 36 "name too long", ELOOP = 40 "loops", EMSGSIZE = 90 "message too long",
    EPROTO = 71 "protocol error", EOVERFLOW = 75 "value too large",
    ERESTART = 85 "changed in between, to be repeated", ENOPROTOOPT = 92 "protocol option not available", EPROTONOSUPPORT = 93 "protocol not supported",
    EOPNOTSUPP = 95 "not supported", EPFNOSUPPORT = 96 "protocol family not supported",
    EAFNOSUPPORT = 97 "address family not supported", EADDRINUSE = 98 "address in use",
    EADDRNOTAVAIL = 99 "address not available", ENETDOWN = 100 "network is down",
    ENETUNREACH = 101 "network is unreachable", ENOBUFS = 105 "no buffer space",
    EISCONN = 106 "connected already", ENOTCONN = 107 "not connected", ETIMEDOUT = 110 "timed out",
    ECONNREFUSED = 111 "connection refused", EHOSTDOWN = 112 "host is down", EHOSTUNREACH = 113 "no route to host",
    EALREADY = 114 "already under way", ESTALE = 116 "changed in between", ECANCELED = 125 "cancelled",
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.text(), self.name()) {
            (Some(text), Some(name)) => write!(f, "{text} ({name})"),
            _ => write!(f, "error {}", self.0),
        }
    }
}

impl fmt::Debug for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "Errno({})", self.0),
        }
    }
}

impl std::error::Error for Errno {}
