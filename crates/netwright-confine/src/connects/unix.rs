//! The Unix sockets of a network namespace, as the kernel tells of them (`linux/unix_diag.h`).

use std::fmt;

use netwright_sys::{Connection, Result};
use netwright_wire::{Dump, Malformed, Message, Request, Subject, Writer};

/// The netlink protocol (`NETLINK_SOCK_DIAG`).
pub(super) const PROTOCOL: i32 = 4;

/// A socket that is bound to a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bound {
    pub(super) file: Identity,
    /// The path that it was bound by.
    pub(super) path: Vec<u8>,
}

/// What the kernel tells of a file: the device of its file system, and the lower half of its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) device: u32,
    pub(super) inode: u32,
}

/// The sockets that are bound to a file of this number.
pub(super) fn bound(connection: &mut Connection, inode: u32) -> Result<Vec<Bound>> {
    let mut all = connection.dump_all(&Sockets)?;
    all.retain(|bound| bound.file.inode == inode);
    Ok(all)
}

/// Asks for all of them.
struct Sockets;

impl Subject for Sockets {
    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("list Unix sockets")
    }
}

impl Request for Sockets {
    const PROTOCOL: i32 = PROTOCOL;

    fn kind(&self) -> u16 {
        /// `SOCK_DIAG_BY_FAMILY`
        const BY_FAMILY: u16 = 20;
        BY_FAMILY
    }

    /// `struct unix_diag_req`: family, protocol and padding, states, inode, what is told, cookie.
    fn write(&self, writer: &mut Writer) {
        /// `UDIAG_SHOW_NAME` and `UDIAG_SHOW_VFS`.
        const NAME_AND_FILE: u32 = 1 | 2;
        writer.push(&[libc::AF_UNIX as u8, 0, 0, 0]);
        for field in [u32::MAX, 0, NAME_AND_FILE, u32::MAX, u32::MAX] {
            writer.push(&field.to_ne_bytes());
        }
    }
}

impl Dump for Sockets {
    type View<'a> = Bound;
    type Output = Bound;

    fn view<'a>(&self, message: &Message<'a>) -> std::result::Result<Option<Bound>, Malformed> {
        /// Length of `struct unix_diag_msg`.
        const HEADER: usize = 16;
        const NAME: u16 = 0;
        const FILE: u16 = 1;
        let attributes = message.attributes_after(HEADER);
        let Some(file) = attributes.find(FILE)? else { return Ok(None) };
        let numbers: [u8; 8] = file
            .payload
            .first_chunk()
            .copied()
            .ok_or_else(|| Malformed::new("the file of a socket", 8, file.payload.len()))?;
        let [inode, device] = [0, 4].map(|at| {
            let bytes = numbers.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
            u32::from_ne_bytes(bytes.unwrap_or_default())
        });
        let name = message.attributes_after(HEADER).find(NAME)?;
        let path = name.map(|name| name.payload.to_vec()).unwrap_or_default();
        let end = path.iter().position(|&byte| byte == 0).unwrap_or(path.len());
        let path = path.get(..end).unwrap_or_default().to_vec();
        Ok(Some(Bound { file: Identity { device, inode }, path }))
    }

    fn own(&self, view: Bound) -> std::result::Result<Bound, Malformed> {
        Ok(view)
    }
}
