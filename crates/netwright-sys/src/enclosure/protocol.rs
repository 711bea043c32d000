//! What the supervisor and the warden say to each other.

use super::socket::SocketRequest;

/// The longest text of a request in bytes.
pub(super) const TEXT: usize = 16 << 10;

/// What the warden is asked for.
#[derive(Clone, Copy)]
pub(super) enum Request {
    /// The maps are written: prepare the inside. Answered with the namespaces: user, lower user, network, mount.
    Begin,
    /// Answered with the socket.
    Socket(SocketRequest),
    /// The text is a path below `/proc/sys` and the value, each with a NUL behind it.
    Sysctl,
    /// The text is a path, then names, each with a NUL behind it. A file's content comes as a descriptor.
    Mask(MaskKind),
}

/// How a path is covered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MaskKind {
    /// By a file with the content of the descriptor.
    File,
    /// By a directory with the named entries of the old one.
    Directory,
    /// By itself, read-only.
    ReadOnly,
}

/// What the warden answers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answer {
    pub(super) step: Step,
    /// 0 where it is done.
    pub(super) errno: i32,
}

/// The step that an answer is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// All of it.
    Done,
    Descriptors,
    Propagation,
    LowerNamespace,
    LowerMap,
    Namespaces,
    Open,
    Options,
    Bind,
    Connect,
    Listen,
    Setting,
    Scratch,
    Content,
    Entry,
    Cover,
}

impl Step {
    /// What could not be done, after «cannot … : ».
    pub(super) fn text(self) -> &'static str {
        match self {
            Step::Done => "do it",
            Step::Descriptors => "close the inherited descriptors",
            Step::Propagation => "make the mounts private",
            Step::LowerNamespace => "make the lower user namespace",
            Step::LowerMap => "map the users of the lower user namespace",
            Step::Namespaces => "open the namespaces",
            Step::Open => "open it",
            Step::Options => "set its options",
            Step::Bind => "bind it",
            Step::Connect => "connect it",
            Step::Listen => "listen",
            Step::Setting => "write it",
            Step::Scratch => "mount an empty file system",
            Step::Content => "write the file that is to cover it",
            Step::Entry => "keep an entry of it",
            Step::Cover => "cover it",
        }
    }
}
