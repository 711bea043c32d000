//! Many datagrams with one system call, and where they were sent to (recvmmsg(2), sendmmsg(2), ip(7)).

use std::fmt;
use std::io;
use std::mem::{MaybeUninit, size_of};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::ops::Range;
use std::os::fd::{AsFd, AsRawFd};

/// Room for datagrams, which is used again and again.
///
/// ```
/// use netwright_confine::Datagrams;
/// use std::net::UdpSocket;
///
/// let (here, there) = (UdpSocket::bind("127.0.0.1:0")?, UdpSocket::bind("127.0.0.1:0")?);
/// here.connect(there.local_addr()?)?;
/// there.connect(here.local_addr()?)?;
/// here.send(b"one")?;
/// here.send(b"")?;
/// let mut datagrams = Datagrams::new(8, 2048);
/// assert_eq!(datagrams.receive(&there)?, 2);
/// assert_eq!(datagrams.get(0).map(|first| first.bytes), Some(&b"one"[..]));
/// assert_eq!(datagrams.send(&there, 0..2)?, 2);
/// # std::io::Result::Ok(())
/// ```
pub struct Datagrams {
    /// Bytes for each.
    size: usize,
    bytes: Vec<u8>,
    sources: Vec<libc::sockaddr_storage>,
    controls: Vec<Control>,
    parts: Vec<libc::iovec>,
    headers: Vec<libc::mmsghdr>,
    received: Vec<Received>,
}

/// What is known of a received datagram besides its bytes.
#[derive(Clone, Copy)]
struct Received {
    length: usize,
    source: Option<SocketAddr>,
    destination: Option<SocketAddr>,
    is_cut: bool,
}

/// Room for a control message with an address, aligned as it must be.
#[derive(Clone, Copy)]
#[repr(align(8))]
struct Control([u8; CONTROL]);

const CONTROL: usize = 64;

// SAFETY: the pointers in parts and headers are written before each use, and lead into the vectors of the same value.
#[allow(unsafe_code)]
unsafe impl Send for Datagrams {}

/// A datagram that was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// What it carries.
    pub bytes: &'a [u8],
    /// Who sent it.
    pub source: Option<SocketAddr>,
    /// Where it was sent to, where the socket was asked to say so ([`crate::SocketRequest::original_destination`]).
    pub destination: Option<SocketAddr>,
    /// Whether it was longer than the room for it.
    pub is_cut: bool,
}

impl Datagrams {
    /// Room for this many datagrams of this many bytes each. Memory is taken only as they fill it.
    #[must_use]
    #[allow(unsafe_code)]
    pub fn new(count: usize, size: usize) -> Self {
        // SAFETY: all fields of these are numbers and pointers, for which zero is a value.
        let (source, part, header) = unsafe {
            let zeroed = MaybeUninit::<(libc::sockaddr_storage, libc::iovec, libc::mmsghdr)>::zeroed();
            zeroed.assume_init()
        };
        Datagrams {
            size,
            bytes: vec![0; count.saturating_mul(size)],
            sources: vec![source; count],
            controls: vec![Control([0; CONTROL]); count],
            parts: vec![part; count],
            headers: vec![header; count],
            received: Vec::with_capacity(count),
        }
    }

    /// Receives what is queued, without waiting, and returns how many that are. An error where nothing is.
    #[allow(unsafe_code)]
    pub fn receive(&mut self, socket: impl AsFd) -> io::Result<usize> {
        self.received.clear();
        let (size, every) = (self.size, 0..self.headers.len());
        point(&mut self.bytes, size, &mut self.parts, &mut self.headers, every, |_| size);
        for (index, header) in self.headers.iter_mut().enumerate() {
            let (Some(source), Some(control)) = (self.sources.get_mut(index), self.controls.get_mut(index))
            else {
                break;
            };
            header.msg_hdr.msg_name = std::ptr::from_mut(source).cast();
            header.msg_hdr.msg_namelen = size_of::<libc::sockaddr_storage>() as _;
            header.msg_hdr.msg_control = control.0.as_mut_ptr().cast();
            header.msg_hdr.msg_controllen = CONTROL as _;
        }
        // SAFETY: the descriptor is open, and the headers point at the vectors of this value, which is exclusively borrowed
        // and outlives the call.
        let count = counted(|| unsafe {
            libc::recvmmsg(
                socket.as_fd().as_raw_fd(),
                self.headers.as_mut_ptr(),
                self.headers.len() as _,
                libc::MSG_DONTWAIT as _,
                std::ptr::null_mut(),
            )
        })?;
        for (header, source) in self.headers.iter().zip(&self.sources).take(count) {
            self.received.push(Received {
                length: (header.msg_len as usize).min(self.size),
                source: address(source),
                destination: destination(&header.msg_hdr),
                is_cut: header.msg_hdr.msg_flags & libc::MSG_TRUNC != 0,
            });
        }
        Ok(count)
    }

    /// One of those that were received last.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<Datagram<'_>> {
        let &Received { length, source, destination, is_cut } = self.received.get(index)?;
        let bytes = self.bytes.get(index * self.size..)?.get(..length)?;
        Some(Datagram { bytes, source, destination, is_cut })
    }

    /// Sends some of those that were received last through a connected socket, without waiting, and returns how many were
    /// taken. An error where the first of them is not.
    #[allow(unsafe_code)]
    pub fn send(&mut self, socket: impl AsFd, range: Range<usize>) -> io::Result<usize> {
        let end = range.end.min(self.received.len());
        let range = range.start.min(end)..end;
        let lengths = |index: usize| self.received.get(index).map_or(0, |received| received.length);
        let (parts, headers) = (&mut self.parts, &mut self.headers);
        point(&mut self.bytes, self.size, parts, headers, range.clone(), lengths);
        let headers = self.headers.get_mut(range).unwrap_or_default();
        // SAFETY: the descriptor is open, and the headers point at the vectors of this value, which is exclusively borrowed
        // and outlives the call.
        counted(|| unsafe {
            libc::sendmmsg(
                socket.as_fd().as_raw_fd(),
                headers.as_mut_ptr(),
                headers.len() as _,
                (libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL) as _,
            )
        })
    }
}

/// Lets the headers of a range point at their bytes, and at nothing else.
fn point(
    bytes: &mut [u8],
    size: usize,
    parts: &mut [libc::iovec],
    headers: &mut [libc::mmsghdr],
    range: Range<usize>,
    length: impl Fn(usize) -> usize,
) {
    let places = bytes.chunks_mut(size.max(1)).zip(parts).zip(headers).enumerate();
    for (index, ((bytes, part), header)) in places.skip(range.start).take(range.len()) {
        *part = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: length(index).min(bytes.len()) };
        header.msg_len = 0;
        header.msg_hdr.msg_flags = 0;
        header.msg_hdr.msg_iov = std::ptr::from_mut(part);
        header.msg_hdr.msg_iovlen = 1;
        header.msg_hdr.msg_name = std::ptr::null_mut();
        header.msg_hdr.msg_namelen = 0;
        header.msg_hdr.msg_control = std::ptr::null_mut();
        header.msg_hdr.msg_controllen = 0;
    }
}

/// Repeats a call that a signal interrupts.
fn counted(mut call: impl FnMut() -> libc::c_int) -> io::Result<usize> {
    loop {
        match usize::try_from(call()) {
            Ok(count) => return Ok(count),
            Err(_) => match io::Error::last_os_error() {
                error if error.kind() == io::ErrorKind::Interrupted => {}
                error => return Err(error),
            },
        }
    }
}

/// The address in the control message of `IP_RECVORIGDSTADDR` or `IPV6_RECVORIGDSTADDR`.
#[allow(unsafe_code)]
fn destination(header: &libc::msghdr) -> Option<SocketAddr> {
    // SAFETY: the kernel has filled as many control bytes as the header says, and the macros stay within them; an address is
    // read only where the message is long enough for it.
    unsafe {
        let mut message = libc::CMSG_FIRSTHDR(header);
        while let Some(current) = message.as_ref() {
            #[allow(clippy::unnecessary_cast)] // another type with musl
            let payload = (current.cmsg_len as usize).saturating_sub(libc::CMSG_LEN(0) as usize);
            let wanted = match (current.cmsg_level, current.cmsg_type) {
                (libc::SOL_IP, libc::IP_ORIGDSTADDR) => size_of::<libc::sockaddr_in>(),
                (libc::SOL_IPV6, libc::IPV6_ORIGDSTADDR) => size_of::<libc::sockaddr_in6>(),
                _ => usize::MAX,
            };
            if payload >= wanted {
                let mut found = MaybeUninit::<libc::sockaddr_storage>::zeroed();
                std::ptr::copy_nonoverlapping(libc::CMSG_DATA(message), found.as_mut_ptr().cast(), wanted);
                return address(found.assume_init_ref());
            }
            message = libc::CMSG_NXTHDR(header, message);
        }
    }
    None
}

/// The address of a socket of IPv4 or IPv6.
#[allow(unsafe_code)]
fn address(storage: &libc::sockaddr_storage) -> Option<SocketAddr> {
    let place = std::ptr::from_ref(storage);
    // SAFETY: the storage is large enough and aligned for every kind of address, and the family says which it holds.
    unsafe {
        match i32::from(storage.ss_family) {
            libc::AF_INET => {
                let found = &*place.cast::<libc::sockaddr_in>();
                let address = Ipv4Addr::from(u32::from_be(found.sin_addr.s_addr));
                Some(SocketAddr::new(address.into(), u16::from_be(found.sin_port)))
            }
            libc::AF_INET6 => {
                let found = &*place.cast::<libc::sockaddr_in6>();
                let (address, port) =
                    (Ipv6Addr::from(found.sin6_addr.s6_addr), u16::from_be(found.sin6_port));
                Some(SocketAddrV6::new(address, port, 0, found.sin6_scope_id).into())
            }
            _ => None,
        }
    }
}

impl fmt::Debug for Datagrams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Datagrams").field("size", &self.size).field("received", &self.received.len()).finish()
    }
}
