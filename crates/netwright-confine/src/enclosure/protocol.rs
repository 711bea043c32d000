//! What the supervisor and the helper process inside say to each other.
//!
//! Each message is a byte that says what it is, its fields in a fixed order with numbers least significant byte first, and a text up to its end.
//! Whoever reads one takes no byte for a value that it is not.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

use super::socket::SocketRequest;

/// The longest text of a request in bytes.
pub(super) const TEXT: usize = 16 << 10;
/// The longest message but for its text.
const FIELDS: usize = 128;
/// The longest message.
pub(super) const MESSAGE: usize = FIELDS + TEXT;

/// What the helper is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Request {
    /// The maps are written: prepare the inside. Answered with the namespaces: user, lower user, network, mount, IPC, control group.
    Begin,
    /// Answered with the socket.
    Socket(SocketRequest),
    /// Answered with two Unix sockets that are connected to each other, and keep packets apart.
    Pair,
    /// Answered when no process is left that was made on the way.
    Settle,
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
    /// By a directory of devices, with those that are named.
    Devices,
    /// Everything cannot be written.
    AllReadOnly,
    /// By itself, writable.
    Writable,
    /// What covers it already can be written.
    Private,
    /// By what the kernel tells of the namespaces inside.
    System,
}

/// What the helper answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) step: Step,
    /// 0 where it is done.
    pub(super) errno: i32,
}

/// Declares steps, in the order of their numbers, each with what could not be done, after «cannot … : ».
macro_rules! steps {
    ($($(#[$meta:meta])* $step:ident = $text:literal,)*) => {
        /// The step that an answer is about.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Step {
            $($(#[$meta])* $step,)*
        }

        impl Step {
            pub(super) const ALL: &[Step] = &[$(Step::$step),*];

            /// What could not be done, after «cannot … : ».
            pub(super) fn text(self) -> &'static str {
                match self {
                    $(Step::$step => $text,)*
                }
            }
        }
    };
}

steps! {
    /// All of it.
    Done = "do it",
    Understand = "understand what is asked",
    Descriptors = "close the inherited descriptors",
    Propagation = "make the mounts private",
    LowerNamespace = "make the lower user namespace",
    LowerMap = "map the users of the lower user namespace",
    Namespaces = "open the namespaces",
    Open = "open it",
    Options = "set its options",
    Bind = "bind it",
    Connect = "connect it",
    Listen = "listen",
    Setting = "write it",
    Scratch = "mount an empty file system",
    Content = "write the file that is to cover it",
    Entry = "keep an entry of it",
    Devices = "make the directory of devices",
    Cover = "cover it",
}

/// A message as it is written, on the stack.
pub(super) struct Fields {
    bytes: [u8; FIELDS],
    length: usize,
}

impl Fields {
    fn new() -> Self {
        Fields { bytes: [0; FIELDS], length: 0 }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    fn put<const N: usize>(&mut self, bytes: [u8; N]) {
        if let Some(place) = self.bytes.get_mut(self.length..self.length + N) {
            place.copy_from_slice(&bytes);
            self.length += N;
        }
    }

    /// An optional number: whether it is there, and the number.
    fn put_optional(&mut self, number: Option<u32>) {
        self.put([number.is_some().into()]);
        self.put(number.unwrap_or_default().to_le_bytes());
    }

    fn put_address(&mut self, address: Option<SocketAddr>) {
        let (family, octets, scope) = match address {
            None => (0, [0; 16], 0),
            Some(SocketAddr::V4(address)) => (4, address.ip().to_ipv6_mapped().octets(), 0),
            Some(SocketAddr::V6(address)) => (6, address.ip().octets(), address.scope_id()),
        };
        self.put([family]);
        self.put(octets);
        self.put(address.map_or(0, |address| address.port()).to_le_bytes());
        self.put(scope.to_le_bytes());
    }
}

/// What is read of a message.
struct Reader<'m>(&'m [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*first)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take().map(|[byte]| byte)
    }

    fn flag(&mut self) -> Option<bool> {
        match self.byte()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    fn number(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    fn optional(&mut self) -> Option<Option<u32>> {
        let is_there = self.flag()?;
        let number = self.number()?;
        Some(is_there.then_some(number))
    }

    fn address(&mut self) -> Option<Option<SocketAddr>> {
        let family = self.byte()?;
        let octets = Ipv6Addr::from(self.take::<16>()?);
        let port = u16::from_le_bytes(self.take()?);
        let scope = self.number()?;
        match family {
            0 => Some(None),
            4 => {
                let address: Ipv4Addr = octets.to_ipv4_mapped()?;
                Some(Some(SocketAddr::new(IpAddr::V4(address), port)))
            }
            6 => Some(Some(SocketAddrV6::new(octets, port, 0, scope).into())),
            _ => None,
        }
    }
}

const BEGIN: u8 = 1;
const SOCKET: u8 = 2;
const SYSCTL: u8 = 3;
const MASK_FILE: u8 = 4;
const MASK_DIRECTORY: u8 = 5;
const MASK_READ_ONLY: u8 = 6;
const MASK_DEVICES: u8 = 7;
const PAIR: u8 = 8;
const MASK_ALL_READ_ONLY: u8 = 9;
const MASK_WRITABLE: u8 = 10;
const MASK_PRIVATE: u8 = 11;
const MASK_SYSTEM: u8 = 12;
const SETTLE: u8 = 13;

impl Request {
    pub(super) fn write(&self) -> Fields {
        let mut fields = Fields::new();
        match self {
            Request::Begin => fields.put([BEGIN]),
            Request::Socket(socket) => {
                fields.put([SOCKET]);
                write_socket(socket, &mut fields);
            }
            Request::Pair => fields.put([PAIR]),
            Request::Settle => fields.put([SETTLE]),
            Request::Sysctl => fields.put([SYSCTL]),
            Request::Mask(MaskKind::File) => fields.put([MASK_FILE]),
            Request::Mask(MaskKind::Directory) => fields.put([MASK_DIRECTORY]),
            Request::Mask(MaskKind::ReadOnly) => fields.put([MASK_READ_ONLY]),
            Request::Mask(MaskKind::Devices) => fields.put([MASK_DEVICES]),
            Request::Mask(MaskKind::AllReadOnly) => fields.put([MASK_ALL_READ_ONLY]),
            Request::Mask(MaskKind::Writable) => fields.put([MASK_WRITABLE]),
            Request::Mask(MaskKind::Private) => fields.put([MASK_PRIVATE]),
            Request::Mask(MaskKind::System) => fields.put([MASK_SYSTEM]),
        }
        fields
    }

    /// The request of a message, and the length of its text, which is at the end.
    pub(super) fn read(message: &[u8]) -> Option<(Request, usize)> {
        let mut reader = Reader(message);
        let request = match reader.byte()? {
            BEGIN => Request::Begin,
            SOCKET => Request::Socket(read_socket(&mut reader)?),
            PAIR => Request::Pair,
            SETTLE => Request::Settle,
            SYSCTL => Request::Sysctl,
            MASK_FILE => Request::Mask(MaskKind::File),
            MASK_DIRECTORY => Request::Mask(MaskKind::Directory),
            MASK_READ_ONLY => Request::Mask(MaskKind::ReadOnly),
            MASK_DEVICES => Request::Mask(MaskKind::Devices),
            MASK_ALL_READ_ONLY => Request::Mask(MaskKind::AllReadOnly),
            MASK_WRITABLE => Request::Mask(MaskKind::Writable),
            MASK_PRIVATE => Request::Mask(MaskKind::Private),
            MASK_SYSTEM => Request::Mask(MaskKind::System),
            _ => return None,
        };
        Some((request, reader.0.len()))
    }
}

fn write_socket(socket: &SocketRequest, fields: &mut Fields) {
    for number in [socket.family, socket.kind, socket.protocol] {
        fields.put(number.to_le_bytes());
    }
    for flag in [
        socket.nonblocking,
        socket.transparent,
        socket.free_bind,
        socket.reuse_address,
        socket.reuse_port,
        socket.header_included,
        socket.original_destination,
    ] {
        fields.put([flag.into()]);
    }
    fields.put_optional(socket.v6_only.map(u32::from));
    for number in [socket.mark, socket.receive_buffer, socket.send_buffer, socket.listen.map(u32::from)] {
        fields.put_optional(number);
    }
    fields.put_address(socket.bind);
    fields.put_address(socket.connect);
}

fn read_socket(reader: &mut Reader<'_>) -> Option<SocketRequest> {
    let number = |reader: &mut Reader<'_>| reader.take().map(i32::from_le_bytes);
    Some(SocketRequest {
        family: number(reader)?,
        kind: number(reader)?,
        protocol: number(reader)?,
        nonblocking: reader.flag()?,
        transparent: reader.flag()?,
        free_bind: reader.flag()?,
        reuse_address: reader.flag()?,
        reuse_port: reader.flag()?,
        header_included: reader.flag()?,
        original_destination: reader.flag()?,
        v6_only: reader.optional()?.map(|number| number != 0),
        mark: reader.optional()?,
        receive_buffer: reader.optional()?,
        send_buffer: reader.optional()?,
        listen: match reader.optional()? {
            None => None,
            Some(number) => Some(number.try_into().ok()?),
        },
        bind: reader.address()?,
        connect: reader.address()?,
    })
}

impl Answer {
    pub(super) fn write(&self) -> Fields {
        let mut fields = Fields::new();
        fields.put([self.step as u8]);
        fields.put(self.errno.to_le_bytes());
        fields
    }

    pub(super) fn read(message: &[u8]) -> Option<Answer> {
        let mut reader = Reader(message);
        let step = *Step::ALL.get(usize::from(reader.byte()?))?;
        let errno = i32::from_le_bytes(reader.take()?);
        reader.0.is_empty().then_some(Answer { step, errno })
    }
}

#[cfg(test)]
mod tests;
