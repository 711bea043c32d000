//! Messages of recvmsg(2) with what the kernel tells beside them (cmsg(3)).

use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd};

use rustix::io::Result;

use crate::option::last;

/// Room for control messages.
pub(crate) struct Control<const ROOM: usize> {
    bytes: [u8; ROOM],
    length: usize,
}

impl<const ROOM: usize> Control<ROOM> {
    pub(crate) fn new() -> Self {
        Control { bytes: [0; ROOM], length: 0 }
    }

    /// The control messages that were received: level, type and data of each.
    pub(crate) fn messages(&self) -> Messages<'_> {
        Messages { rest: self.bytes.get(..self.length).unwrap_or_default() }
    }
}

/// A walk over control messages as the kernel writes them: the length with that of the header, level and type, and the data, each
/// aligned to a `long`. It ends behind the first that does not fit.
pub(crate) struct Messages<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Messages<'a> {
    type Item = (i32, i32, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        const WORD: usize = size_of::<usize>();
        const HEADER: usize = (WORD + 8).next_multiple_of(WORD);
        let length = usize::from_ne_bytes(*self.rest.first_chunk()?);
        let level = i32::from_ne_bytes(*self.rest.get(WORD..)?.first_chunk()?);
        let kind = i32::from_ne_bytes(*self.rest.get(WORD + 4..)?.first_chunk()?);
        let data = self.rest.get(HEADER..length)?;
        let next = length.checked_next_multiple_of(WORD)?;
        self.rest = self.rest.get(next..).unwrap_or_default();
        Some((level, kind, data))
    }
}

/// Receives a message, where it came from if somebody wants to know, and control messages. Allocates nothing.
#[allow(unsafe_code)]
pub(crate) fn receive<const ROOM: usize>(
    socket: BorrowedFd<'_>,
    from: Option<&mut libc::sockaddr_ll>,
    buffer: &mut [u8],
    control: &mut Control<ROOM>,
    flags: libc::c_int,
) -> Result<usize> {
    let mut room = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    // SAFETY: all fields of `msghdr` are numbers and pointers, for which zero is a value. The descriptor is open; name, buffer and
    // control bytes outlive the call and are as long as the header says.
    let (received, length) = unsafe {
        let mut header: libc::msghdr = MaybeUninit::zeroed().assume_init();
        if let Some(from) = from {
            header.msg_name = std::ptr::from_mut(from).cast::<c_void>();
            header.msg_namelen = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
        }
        header.msg_iov = &mut room;
        header.msg_iovlen = 1;
        header.msg_control = control.bytes.as_mut_ptr().cast();
        header.msg_controllen = ROOM as _;
        (libc::recvmsg(socket.as_raw_fd(), &mut header, flags), header.msg_controllen)
    };
    #[allow(clippy::useless_conversion)] // another type with musl
    let length = usize::try_from(length).unwrap_or(0);
    control.length = if received < 0 { 0 } else { length };
    if received < 0 { Err(last()) } else { Ok(received.unsigned_abs()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(length: usize, level: i32, kind: i32, data: &[u8]) -> Vec<u8> {
        let mut bytes = length.to_ne_bytes().to_vec();
        bytes.extend(level.to_ne_bytes());
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(data);
        bytes.resize(bytes.len().next_multiple_of(size_of::<usize>()), 0);
        bytes
    }

    fn read(bytes: &[u8]) -> Vec<(i32, i32, Vec<u8>)> {
        Messages { rest: bytes }.map(|(level, kind, data)| (level, kind, data.to_vec())).collect()
    }

    #[test]
    fn messages_are_read_up_to_the_first_that_does_not_fit() {
        const HEADER: usize = size_of::<usize>() + 8;
        let first = message(HEADER + 3, 1, 2, b"abc");
        let both = [first.clone(), message(HEADER, 3, 4, b"")].concat();
        assert_eq!(read(&both), [(1, 2, b"abc".to_vec()), (3, 4, Vec::new())]);
        for length in 0..first.len() - 1 {
            assert!(read(&first[..length]).len() <= 1);
        }
        for wrong in [0, 1, HEADER - 1, HEADER + 100, usize::MAX] {
            assert_eq!(read(&message(wrong, 1, 2, b"abc")), []);
        }
    }
}
