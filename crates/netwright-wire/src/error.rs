//! What can be wrong with received bytes, and what the kernel says when it refuses.

use std::fmt;

use crate::Errno;

/// Received bytes that do not have the form that they must have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// What was being read.
    pub what: &'static str,
    /// How many bytes it needs.
    pub need: usize,
    /// How many bytes there were.
    pub have: usize,
}

impl Malformed {
    /// `what` needs `need` bytes and there are `have`.
    #[must_use]
    pub fn new(what: &'static str, need: usize, have: usize) -> Self {
        Malformed { what, need, have }
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Malformed { what, need, have } = self;
        write!(f, "the kernel's message is malformed: {what} needs {need} bytes and has {have}")
    }
}

impl std::error::Error for Malformed {}

/// The kernel's refusal of one message: its error number and what it adds in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KernelError {
    /// Sequence number of the message that was refused.
    pub sequence: u32,
    /// Type of the message that was refused (`nlmsg_type`).
    pub kind: u16,
    /// The error number.
    pub errno: Errno,
    /// The extended acknowledgement (`NLMSGERR_ATTR_*`), where the kernel sent one.
    pub extended: ExtendedAck,
}

impl fmt::Display for KernelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.errno)?;
        if let Some(message) = &self.extended.message {
            write!(f, ": {message}")?;
        }
        Ok(())
    }
}

impl std::error::Error for KernelError {}

/// Extended acknowledgement (`include/uapi/linux/netlink.h`, `enum nlmsgerr_attrs`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExtendedAck {
    /// The kernel's own words (`NLMSGERR_ATTR_MSG`).
    pub message: Option<String>,
    /// Offset of the attribute at fault from the start of the refused message, in bytes (`NLMSGERR_ATTR_OFFS`).
    pub offset: Option<u32>,
    /// Type of an attribute that is missing (`NLMSGERR_ATTR_MISS_TYPE`).
    pub missing_type: Option<u32>,
    /// Offset of the nest that the missing attribute belongs into, in bytes (`NLMSGERR_ATTR_MISS_NEST`).
    pub missing_nest: Option<u32>,
}
