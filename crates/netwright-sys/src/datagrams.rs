//! Many datagrams with one system call, with the addresses that they were sent to (recvmmsg(2), sendmmsg(2)).

use std::io;
use std::mem::{MaybeUninit, size_of};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::{AsFd, AsRawFd};

/// Room for datagrams, which is used again and again.
///
/// ```
/// use netwright_sys::Datagrams;
/// use std::net::UdpSocket;
///
/// let (from, to) = (UdpSocket::bind("127.0.0.1:0")?, UdpSocket::bind("127.0.0.1:0")?);
/// from.connect(to.local_addr()?)?;
/// from.send(b"one")?;
/// from.send(b"")?;
/// let mut datagrams = Datagrams::new(8, 2048);
/// assert_eq!(datagrams.receive(&to)?, 2);
/// assert_eq!(datagrams.get(0).map(|first| (first.bytes, first.source)), Some((&b"one"[..], Some(from.local_addr()?))));
/// to.connect(from.local_addr()?)?;
/// assert_eq!(datagrams.send(&to, 0..2)?, 2);
/// # std::io::Result::Ok(())
/// ```
pub struct Datagrams {
    /// As many bytes for each.
    size: usize,
    bytes: Vec<u8>,
    places: Vec<Place>,
    headers: Vec<libc::mmsghdr>,
    received: usize,
}

/// What the kernel writes about one datagram besides its bytes.
#[derive(Clone, Copy)]
struct Place {
    part: libc::iovec,
    source: libc::sockaddr_storage,
    control: Control,
}

/// Room for one control message with an address, aligned as it must be.
#[derive(Clone, Copy)]
#[repr(align(8))]
struct Control([u8; CONTROL]);

const CONTROL: usize = 64;

// SAFETY: the pointers in headers and parts lead into the vectors of the same value, and are set anew before each use.
#[allow(unsafe_code)]
unsafe impl Send for Datagrams {}

/// One datagram that was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// What it carries.
    pub bytes: &'a [u8],
    /// Who sent it.
    pub source: Option<SocketAddr>,
    /// Where it was sent to, where the socket was asked to tell ([`crate::SocketRequest::original_destination`]).
    pub destination: Option<SocketAddr>,
    /// Whether it was longer than the room for it.
    pub is_cut: bool,
}

impl Datagrams {
    /// Room for this many datagrams of this many bytes each. Memory is taken as they fill it.
    #[must_use]
    pub fn new(count: usize, size: usize) -> Self {
        // SAFETY: all fields of these are numbers and pointers, for which zero is a value.
        #[allow(unsafe_code)]
        let (place, header) = unsafe { (MaybeUninit::zeroed().assume_init(), MaybeUninit::zeroed().assume_init()) };
        Datagrams {
            size,
            bytes: vec![0; count * size],
            places: vec![place; count],
            headers: vec![header; count],
            received: 0,
        }
    }

    /// Receives what is queued, without waiting, and returns how many that are. An error where nothing is.
    #[allow(unsafe_code)]
    pub fn receive(&mut self, socket: impl AsFd) -> io::Result<usize> {
        self.received = 0;
        self.point();
        for (header, place) in self.headers.iter_mut().zip(&mut self.places) {
            header.msg_hdr.msg_name = std::ptr::from_mut(&mut place.source).cast();
            header.msg_hdr.msg_namelen = size_of::<libc::sockaddr_storage>() as _;
            header.msg_hdr.msg_control = place.control.0.as_mut_ptr().cast();
            header.msg_hdr.msg_controllen = CONTROL as _;
        }
        // SAFETY: the descriptor is open, and the headers point at the places and bytes of this value, which is exclusively
        // borrowed.
        self.received = counted(unsafe {
            libc::recvmmsg(
                socket.as_fd().as_raw_fd(),
                self.headers.as_mut_ptr(),
                self.headers.len() as _,
                libc::MSG_DONTWAIT as _,
                std::ptr::null_mut(),
            )
        })?;
        Ok(self.received)
    }

    /// A datagram that was received last.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<Datagram<'_>> {
        let header = self.headers.get(..self.received)?.get(index)?;
        let place = self.places.get(index)?;
        let start = index * self.size;
        let bytes = self.bytes.get(start..start + self.size)?;
        Some(Datagram {
            bytes: bytes.get(..header.msg_len as usize)?,
            source: address(source_bytes(&place.source)),
            destination: destination(&header.msg_hdr),
            is_cut: header.msg_hdr.msg_flags & libc::MSG_TRUNC != 0,
        })
    }

    /// Sends received datagrams on through a connected socket, without waiting, and returns how many were taken. An error
    /// where the first is not.
    #[allow(unsafe_code)]
    pub fn send(&mut self, socket: impl AsFd, range: std::ops::Range<usize>) -> io::Result<usize> {
        let lengths = |header: &libc::mmsghdr| header.msg_len as usize;
        let sizes: &mut dyn Iterator<Item = usize> = &mut self.headers.iter().map(lengths);
        let mut headers: Vec<libc::mmsghdr> = Vec::new();
        let _ = (sizes, &mut headers);
        let range = range.start.min(self.received)..range.end.min(self.received);
        for (header, place) in self.headers.iter_mut().zip(&mut self.places) {
            place.part.iov_len = header.msg_len as usize;
            header.msg_hdr.msg_name = std::ptr::null_mut();
        }
        let _ = (socket, range);
        Err(io::ErrorKind::Unsupported.into())
    }
}
