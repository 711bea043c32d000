//! Messages with descriptors between processes: each is bytes, and up to [`DESCRIPTORS`] descriptors.

use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use rustix::io::{Errno, Result};

use crate::option::last;

/// The most descriptors in one message.
pub(super) const DESCRIPTORS: usize = 6;

/// Descriptors of a message, in their order.
pub(super) type Descriptors = [Option<OwnedFd>; DESCRIPTORS];

/// Room for one control message with [`DESCRIPTORS`] descriptors: its header is 16 bytes at the most.
type Control = [u64; 2 + DESCRIPTORS / 2];

/// What was received.
pub(super) struct Message {
    /// How many bytes of the buffer are filled.
    pub(super) length: usize,
    pub(super) descriptors: Descriptors,
}

/// Sends one message, the bytes of two parts. Allocates nothing.
#[allow(unsafe_code)]
pub(super) fn send(
    socket: BorrowedFd<'_>,
    fields: &[u8],
    text: &[u8],
    descriptors: &[BorrowedFd<'_>],
) -> Result<()> {
    let mut parts = [part(fields), part(text)];
    let mut control: Control = [0; 2 + DESCRIPTORS / 2];
    let mut header = header(&mut parts);
    if descriptors.len() > DESCRIPTORS {
        return Err(Errno::INVAL);
    }
    if !descriptors.is_empty() {
        let bytes = (descriptors.len() * size_of::<i32>()) as u32;
        header.msg_control = control.as_mut_ptr().cast();
        // SAFETY: the macros compute with numbers, and CMSG_FIRSTHDR gives the start of `control`, which holds the header
        // and `DESCRIPTORS` numbers.
        unsafe {
            header.msg_controllen = libc::CMSG_SPACE(bytes) as _;
            let message = libc::CMSG_FIRSTHDR(&header);
            (*message).cmsg_level = libc::SOL_SOCKET;
            (*message).cmsg_type = libc::SCM_RIGHTS;
            (*message).cmsg_len = libc::CMSG_LEN(bytes) as _;
            let place = libc::CMSG_DATA(message).cast::<i32>();
            for (index, descriptor) in descriptors.iter().enumerate() {
                place.add(index).write_unaligned(descriptor.as_raw_fd());
            }
        }
    }
    loop {
        // SAFETY: the header points at the bytes of the parts and the control bytes, which all outlive the call; the kernel
        // only reads them.
        match unsafe { libc::sendmsg(socket.as_raw_fd(), &header, libc::MSG_NOSIGNAL) } {
            -1 if last() == Errno::INTR => {}
            -1 => return Err(last()),
            _ => return Ok(()),
        }
    }
}

/// Receives one message; `None` when the other end is closed. Allocates nothing.
#[allow(unsafe_code)]
pub(super) fn receive(socket: BorrowedFd<'_>, buffer: &mut [u8]) -> Result<Option<Message>> {
    let mut parts = [libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() }];
    let mut control: Control = [0; 2 + DESCRIPTORS / 2];
    let mut header = header(&mut parts);
    header.msg_control = control.as_mut_ptr().cast();
    header.msg_controllen = size_of::<Control>() as _;
    let length = loop {
        // SAFETY: the header points at the buffer and the control bytes, which are exclusively borrowed here and
        // outlive the call.
        match unsafe { libc::recvmsg(socket.as_raw_fd(), &mut header, libc::MSG_CMSG_CLOEXEC) } {
            -1 if last() == Errno::INTR => {}
            -1 => return Err(last()),
            length => break usize::try_from(length).unwrap_or_default(),
        }
    };
    let descriptors = descriptors(&header);
    if length == 0 {
        return Ok(None);
    }
    if header.msg_flags & libc::MSG_TRUNC != 0 {
        return Err(Errno::MSGSIZE);
    }
    if header.msg_flags & libc::MSG_CTRUNC != 0 {
        return Err(Errno::MFILE); // the only reason, since the room is large enough
    }
    Ok(Some(Message { length, descriptors }))
}

/// A part that the kernel only reads.
fn part(bytes: &[u8]) -> libc::iovec {
    libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() }
}

#[allow(unsafe_code)]
fn header(parts: &mut [libc::iovec]) -> libc::msghdr {
    // SAFETY: all fields of `msghdr` are numbers and pointers, for which zero is a value.
    let mut header: libc::msghdr = unsafe { MaybeUninit::zeroed().assume_init() };
    header.msg_iov = parts.as_mut_ptr();
    header.msg_iovlen = parts.len() as _;
    header
}

/// Takes the descriptors that came with a message.
#[allow(unsafe_code)]
fn descriptors(header: &libc::msghdr) -> Descriptors {
    let mut found = [const { None }; DESCRIPTORS];
    // SAFETY: the kernel has filled as many control bytes as the header says; the macros stay within them. Each number is
    // a descriptor that the kernel has just made for this process, so nobody else owns it.
    unsafe {
        let message = libc::CMSG_FIRSTHDR(header);
        let Some(current) = message.as_ref() else { return found };
        if (current.cmsg_level, current.cmsg_type) != (libc::SOL_SOCKET, libc::SCM_RIGHTS) {
            return found;
        }
        #[allow(clippy::useless_conversion)] // another type with musl
        let bytes = usize::try_from(current.cmsg_len).unwrap_or(0);
        let count = bytes.saturating_sub(libc::CMSG_LEN(0) as usize) / size_of::<i32>();
        let place = libc::CMSG_DATA(message).cast::<i32>();
        for (index, slot) in found.iter_mut().enumerate().take(count) {
            *slot = Some(OwnedFd::from_raw_fd(place.add(index).read_unaligned()));
        }
    }
    found
}
