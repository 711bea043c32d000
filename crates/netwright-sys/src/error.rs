//! Errors as sentences: what was asked, what the kernel said, what to do.

use std::fmt;

use netwright_wire::{Errno, KernelError, Malformed, Messages, Subject, Unsendable};

use crate::capability;

/// A result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Something that could not be done.
///
/// Shown, it reads «cannot add address 192.0.2.1/24 to eth0: exists already (EEXIST): Address already assigned.»
/// [`Error::help`] says what to do about it, where something can be said.
#[derive(Clone, PartialEq, Eq)]
pub struct Error(Box<Details>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Details {
    asked: String,
    cause: Cause,
    attribute: Option<u16>,
    part: Option<String>,
    reason: Option<String>,
    tag: Option<u32>,
    help: Option<&'static str>,
    namespace: Option<String>,
}

/// Why it could not be done.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// The kernel refused the message.
    Kernel(KernelError),
    /// A system call failed.
    System(Errno),
    /// What was received does not have the form that it must have.
    Malformed(Malformed),
    /// What was asked cannot be put into a message.
    Unsendable(Unsendable),
    /// Answers were lost because more came than the receive buffer holds (`ENOBUFS`).
    Overrun,
    /// An answer was longer than the buffer for it, which has grown meanwhile.
    Truncated {
        /// Length of the answer in bytes.
        length: usize,
    },
    /// The objects changed while they were listed, each time.
    Interrupted {
        /// How often it was tried.
        tries: u32,
    },
    /// The kernel took the request and answered nothing.
    NoAnswer,
    /// What was asked makes no sense.
    Invalid(String),
}

impl Error {
    /// `asked` could not be done: a command without a full stop, such as «open the network namespace blue».
    #[must_use]
    pub fn new(asked: impl Into<String>, cause: impl Into<Cause>) -> Self {
        Error(Box::new(Details {
            asked: asked.into(),
            cause: cause.into(),
            attribute: None,
            part: None,
            reason: None,
            tag: None,
            help: None,
            namespace: None,
        }))
    }

    /// A request could not be carried out.
    #[must_use]
    pub fn request(request: &(impl Subject + ?Sized), cause: impl Into<Cause>) -> Self {
        Error::new(Described(request).to_string(), cause)
    }

    /// Looks up, in the messages that were sent, the attribute that the kernel points at.
    #[must_use]
    pub fn with_sent(mut self, sent: &[u8]) -> Self {
        if let Cause::Kernel(error) = &self.0.cause {
            self.0.attribute = attribute_at_fault(sent, error);
        }
        self
    }

    /// Names what the kernel points at in the message, for those who know its attributes: `chain`, for example.
    #[must_use]
    pub fn with_part(mut self, part: Option<String>) -> Self {
        self.0.part = part;
        self
    }

    /// Says why the kernel refused it, for those who have found that out.
    #[must_use]
    pub fn with_reason(mut self, reason: Option<String>) -> Self {
        self.0.reason = reason;
        self
    }

    /// Sets what [`Error::tag`] says.
    #[must_use]
    pub fn with_tag(mut self, tag: Option<u32>) -> Self {
        self.0.tag = tag;
        self
    }

    /// Sets what [`Error::help`] says.
    #[must_use]
    pub fn with_help(mut self, help: &'static str) -> Self {
        self.0.help = Some(help);
        self
    }

    /// Names the network namespace that was asked, where nobody has before: of several that a program has open, this one.
    #[must_use]
    pub fn with_namespace(mut self, name: Option<&str>) -> Self {
        self.0.namespace = self.0.namespace.or_else(|| name.map(str::to_owned));
        self
    }

    /// What was asked.
    #[must_use]
    pub fn asked(&self) -> &str {
        &self.0.asked
    }

    /// Why it could not be done.
    #[must_use]
    pub fn cause(&self) -> &Cause {
        &self.0.cause
    }

    /// Type of the attribute that the kernel points at, where it does and [`Error::with_sent`] found it.
    #[must_use]
    pub fn attribute(&self) -> Option<u16> {
        self.0.attribute
    }

    /// What the maker of the refused message marked it with, such as its place in a source text.
    #[must_use]
    pub fn tag(&self) -> Option<u32> {
        self.0.tag
    }

    /// The error number, where the kernel gave one.
    #[must_use]
    pub fn errno(&self) -> Option<Errno> {
        match &self.0.cause {
            Cause::Kernel(error) => Some(error.errno),
            Cause::System(errno) => Some(*errno),
            Cause::Overrun => Some(Errno::ENOBUFS),
            _ => None,
        }
    }

    /// Whether an object does not exist: `ENOENT`, `ENODEV`, `ESRCH`, or `EADDRNOTAVAIL` for an address.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        matches!(self.errno(), Some(Errno::ENOENT | Errno::ENODEV | Errno::ESRCH | Errno::EADDRNOTAVAIL))
    }

    /// Whether asking anew may well be answered: changes interrupted a list, or an answer was lost.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        matches!(self.cause(), Cause::Interrupted { .. } | Cause::Overrun | Cause::Truncated { .. })
    }

    /// Whether an object exists already (`EEXIST`).
    #[must_use]
    pub fn is_exists(&self) -> bool {
        self.errno() == Some(Errno::EEXIST)
    }

    /// Whether a privilege is missing (`EPERM`, `EACCES`).
    #[must_use]
    pub fn is_permission(&self) -> bool {
        matches!(self.errno(), Some(Errno::EPERM | Errno::EACCES))
    }

    /// What to do about it, as a sentence.
    #[must_use]
    pub fn help(&self) -> Option<&'static str> {
        self.0.help.or_else(|| match &self.0.cause {
            Cause::Overrun => Some("Ask again: what was lost is unknown. A larger receive buffer avoids it."),
            Cause::Truncated { .. } => Some("Ask again: the buffer is large enough now."),
            Cause::Interrupted { .. } => {
                Some("Something changes these objects all the time; ask again later.")
            }
            Cause::Unsendable(Unsendable::TooLong { .. }) => Some("Split it into several objects."),
            // What the kernel says in words is the reason; the number alone stands for several.
            Cause::Kernel(error) if says_why(error) => None,
            _ => self.errno().and_then(errno_help),
        })
    }
}

/// Whether the kernel gave its reason in words, for a number that stands for several. That it does not know a kind of
/// object is no reason yet.
fn says_why(error: &KernelError) -> bool {
    let several = matches!(
        error.errno,
        Errno::EPERM | Errno::EACCES | Errno::EOPNOTSUPP | Errno::ENOBUFS | Errno::ENOMEM | Errno::ENODEV
    );
    several && error.extended.message.as_ref().is_some_and(|words| !words.starts_with("Unknown"))
}

fn errno_help(errno: Errno) -> Option<&'static str> {
    Some(match errno {
        Errno::EPERM | Errno::EACCES if capability::net_admin() => {
            "The process has CAP_NET_ADMIN, but this is not for it: the kernel never allows it here, or the namespace belongs to another user namespace."
        }
        Errno::EPERM | Errno::EACCES => {
            "It needs CAP_NET_ADMIN: run it as root, or in a user and network namespace of your own (`unshare -Urn`)."
        }
        Errno::EOPNOTSUPP | Errno::EPROTONOSUPPORT | Errno::EAFNOSUPPORT | Errno::EPFNOSUPPORT => {
            "This kernel does not do it, at least not to this object: where it should, a module may be missing (`modprobe`), or the kernel is too old."
        }
        Errno::ENOMEM => "The kernel is short of memory for it: ask for less at once.",
        Errno::ENOBUFS => {
            "The kernel is short of memory for it, or the link cannot have it: its MTU may be too small."
        }
        Errno::EMSGSIZE => {
            "The send buffer is too small: raise net.core.wmem_max, or run it as the machine's root, whom it does not bind."
        }
        Errno::EROFS => "The file system is mounted read-only here, as containers do with /proc/sys.",
        Errno::EMFILE => "Too many open files: raise the limit (`ulimit -n`).",
        Errno::ENODEV => "There is no such interface in this network namespace.",
        Errno::ERESTART => "Somebody else changed the ruleset in between; build the batch on the new one.",
        _ => return None,
    })
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Details { asked, cause, part, reason, namespace, .. } = &*self.0;
        write!(f, "cannot {asked}")?;
        if let Some(namespace) = namespace {
            write!(f, " in network namespace {}", namespace.escape_debug())?;
        }
        write!(f, ": {cause}")?;
        let Cause::Kernel(error) = cause else { return Ok(()) };
        if let Some(reason) = reason {
            return write!(f, " ({reason})");
        }
        if let Some(missing) = error.extended.missing_type {
            write!(f, " (attribute {missing} is missing)")
        } else if let (Some(part), None) = (part, &error.extended.message) {
            write!(f, " (at its {part})")
        } else {
            Ok(())
        }
    }
}

/// What a `main` that returns it prints: its text, and what to do about it. With `{:#?}` its parts.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if f.alternate() {
            return f.debug_tuple("Error").field(&self.0).finish();
        }
        fmt::Display::fmt(self, f)?;
        self.help().map_or(Ok(()), |help| write!(f, "\n{help}"))
    }
}

/// Its text has the cause in it, so it has no further source.
impl std::error::Error for Error {}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cause::Kernel(error) => error.fmt(f),
            Cause::System(errno) => errno.fmt(f),
            Cause::Malformed(error) => error.fmt(f),
            Cause::Unsendable(error) => error.fmt(f),
            Cause::Overrun => f.write_str("answers were lost, the receive buffer was full (ENOBUFS)"),
            Cause::Truncated { length } => {
                write!(f, "an answer of {length} bytes did not fit into the buffer")
            }
            Cause::Interrupted { tries: 1 } => f.write_str("the objects changed while they were listed"),
            Cause::Interrupted { tries } => {
                write!(f, "the objects changed while they were listed, {tries} times in a row")
            }
            Cause::NoAnswer => f.write_str("the kernel gave no answer"),
            Cause::Invalid(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for Cause {}

impl From<KernelError> for Cause {
    fn from(error: KernelError) -> Self {
        Cause::Kernel(error)
    }
}

impl From<Malformed> for Cause {
    fn from(error: Malformed) -> Self {
        Cause::Malformed(error)
    }
}

impl From<Unsendable> for Cause {
    fn from(error: Unsendable) -> Self {
        Cause::Unsendable(error)
    }
}

impl From<Errno> for Cause {
    fn from(errno: Errno) -> Self {
        Cause::System(errno)
    }
}

impl From<rustix::io::Errno> for Cause {
    fn from(errno: rustix::io::Errno) -> Self {
        Cause::System(Errno(errno.raw_os_error()))
    }
}

impl From<std::io::Error> for Cause {
    fn from(error: std::io::Error) -> Self {
        match error.raw_os_error() {
            Some(number) => Cause::System(Errno(number)),
            None => Cause::Invalid(error.to_string()),
        }
    }
}

struct Described<'a, R: Subject + ?Sized>(&'a R);

impl<R: Subject + ?Sized> fmt::Display for Described<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.describe(f)
    }
}

/// The type of the attribute whose place the kernel gave, as an offset from the start of the refused message.
pub(crate) fn attribute_at_fault(sent: &[u8], error: &KernelError) -> Option<u16> {
    const HEADER: usize = 16;
    const KIND: usize = 2;
    const FLAG_BITS: u16 = 0xc000;
    let mut messages = Messages::new(sent).map_while(std::result::Result::ok);
    let message = messages.find(|message| message.header.sequence == error.sequence)?;
    let start = (error.extended.offset? as usize).checked_sub(HEADER)?;
    let kind = message.payload.get(start..)?.get(KIND..)?.first_chunk()?;
    Some(u16::from_ne_bytes(*kind) & !FLAG_BITS)
}

#[cfg(test)]
mod tests;
