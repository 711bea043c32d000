//! Ethernet frames of all links of a namespace (packet(7)).

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::{AddressFamily, Protocol, SocketFlags, SocketType};

use crate::ancillary::{self, Control};
use crate::option;

/// A socket that sends frames out of any link of the namespace that it was opened in, and receives a copy of what
/// comes in there.
#[derive(Debug)]
#[doc(alias = "AF_PACKET")]
pub struct PacketSocket {
    fd: OwnedFd,
}

/// A frame that was received; its bytes are in the buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Index of the link that it came in by.
    pub link: u32,
    /// How many bytes it has, from the destination's hardware address on.
    pub length: usize,
}

/// Bytes of a VLAN tag, and of the two hardware addresses in front of it.
const TAG: usize = 4;
const ADDRESSES: usize = 12;

impl PacketSocket {
    /// Opens one in the calling thread's network namespace.
    ///
    /// # Errors
    /// `EPERM` without `CAP_NET_RAW` there, `EAFNOSUPPORT` where the kernel has no packet sockets.
    pub fn open() -> io::Result<Self> {
        let fd = PacketSocket { fd: open()? };
        option::set(fd.as_fd(), libc::SOL_PACKET, libc::PACKET_AUXDATA, 1)?;
        match option::set(fd.as_fd(), libc::SOL_PACKET, libc::PACKET_IGNORE_OUTGOING, 1) {
            // before Linux 4.20; what this socket sends is never received by itself
            Ok(()) | Err(rustix::io::Errno::NOPROTOOPT) => Ok(fd),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Makes room for so many bytes of frames that nobody has received yet, as far as the process may.
    pub fn reserve(&self, bytes: usize) -> io::Result<()> {
        match rustix::net::sockopt::set_socket_recv_buffer_size_force(&self.fd, bytes) {
            Err(rustix::io::Errno::PERM) => {
                Ok(rustix::net::sockopt::set_socket_recv_buffer_size(&self.fd, bytes)?)
            }
            other => Ok(other?),
        }
    }

    /// Sends a frame out of a link, from the destination's hardware address on.
    #[allow(unsafe_code)]
    pub fn send(&self, link: u32, frame: &[u8]) -> io::Result<()> {
        let to = libc::sockaddr_ll { sll_ifindex: link.cast_signed(), ..ANY };
        loop {
            // SAFETY: the descriptor is open, and the kernel reads the bytes of the frame and of the address.
            let sent = unsafe {
                libc::sendto(
                    self.fd.as_raw_fd(),
                    frame.as_ptr().cast(),
                    frame.len(),
                    libc::MSG_DONTWAIT,
                    std::ptr::from_ref(&to).cast(),
                    size_of::<libc::sockaddr_ll>() as libc::socklen_t,
                )
            };
            match sent {
                -1 => match io::Error::last_os_error() {
                    error if error.kind() == io::ErrorKind::Interrupted => {}
                    error => return Err(error),
                },
                _ => return Ok(()),
            }
        }
    }

    /// Receives a frame, without waiting; `None` where there is none. A VLAN tag that the kernel has taken off is put
    /// back. A frame that is longer than the buffer is cut off, and its length says so.
    pub fn receive(&self, buffer: &mut [u8]) -> io::Result<Option<Frame>> {
        let (mut from, mut control) = (ANY, Control::<CONTROL>::new());
        let flags = libc::MSG_DONTWAIT | libc::MSG_TRUNC;
        let length = loop {
            match ancillary::receive(self.fd.as_fd(), Some(&mut from), buffer, &mut control, flags) {
                Err(Errno::AGAIN) => return Ok(None),
                // NETDOWN: the link that had the last word is down
                Err(Errno::INTR | Errno::NETDOWN) => {}
                received => break received?,
            }
        };
        let length = match tag(&control) {
            Some(tag) => insert(buffer, length, tag),
            None => length,
        };
        Ok(Some(Frame { link: from.sll_ifindex.cast_unsigned(), length }))
    }
}

impl AsFd for PacketSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Bytes of control messages.
const CONTROL: usize = 64;

/// An address that names no link yet.
const ANY: libc::sockaddr_ll = libc::sockaddr_ll {
    sll_family: libc::AF_PACKET as u16,
    sll_protocol: 0,
    sll_ifindex: 0,
    sll_hatype: 0,
    sll_pkttype: 0,
    sll_halen: 0,
    sll_addr: [0; 8],
};

fn open() -> io::Result<OwnedFd> {
    let all = std::num::NonZeroU32::new(u32::from((libc::ETH_P_ALL as u16).to_be()));
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    Ok(rustix::net::socket_with(AddressFamily::PACKET, SocketType::RAW, flags, all.map(Protocol::from_raw))?)
}

/// The VLAN tag that the kernel keeps beside the frame, as its bytes.
fn tag(control: &Control<CONTROL>) -> Option<[u8; TAG]> {
    let of_packets = |level: i32, kind: i32| (level, kind) == (libc::SOL_PACKET, libc::PACKET_AUXDATA);
    let (.., data) = control.messages().find(|(level, kind, _)| of_packets(*level, *kind))?;
    // `struct tpacket_auxdata`: the status first, the tag and its kind last
    let status = u32::from_ne_bytes(*data.first_chunk()?);
    let half = |at: usize| Some(u16::from_ne_bytes(*data.get(at..)?.first_chunk()?));
    let (tag, kind) = (half(16)?, half(18)?);
    if status & libc::TP_STATUS_VLAN_VALID == 0 {
        return None;
    }
    let kind = match status & libc::TP_STATUS_VLAN_TPID_VALID {
        0 => libc::ETH_P_8021Q as u16,
        _ => kind,
    };
    let ([k0, k1], [t0, t1]) = (kind.to_be_bytes(), tag.to_be_bytes());
    Some([k0, k1, t0, t1])
}

/// Puts a tag behind the hardware addresses; the new length of the frame.
fn insert(buffer: &mut [u8], length: usize, tag: [u8; TAG]) -> usize {
    let end = length.min(buffer.len().saturating_sub(TAG));
    if end >= ADDRESSES {
        buffer.copy_within(ADDRESSES..end, ADDRESSES + TAG);
        if let Some(place) = buffer.get_mut(ADDRESSES..ADDRESSES + TAG) {
            place.copy_from_slice(&tag);
        }
    }
    length + TAG
}

#[cfg(test)]
mod tests;
