//! Programs (BPF) that decide about what the processes of a control group send.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

use crate::option::last;

/// `BPF_PROG_QUERY`, the part of its arguments that all kernels know which have it.
#[repr(C)]
#[derive(Default)]
struct Query {
    group: u32,
    kind: u32,
    flags: u32,
    attach_flags: u32,
    numbers: u64,
    count: u32,
    _padding: u32,
}

/// Of packets that leave, of connecting, and of datagrams, by IPv4 and IPv6 (`BPF_CGROUP_INET_EGRESS`, `BPF_CGROUP_INET4_CONNECT` …).
const KINDS: [u32; 5] = [1, 10, 11, 14, 15];
const QUERY: i32 = 16;
/// Those of the groups above count, too (`BPF_F_QUERY_EFFECTIVE`).
const EFFECTIVE: u32 = 1;

/// Whether there are any for a group of version 2, by a descriptor of its directory. Where the kernel does not say so, as it says it to root alone, there are none.
#[doc(alias = "BPF_PROG_QUERY")]
pub fn has_filters(group: BorrowedFd<'_>) -> io::Result<bool> {
    let group = u32::try_from(group.as_raw_fd()).map_err(|_| io::ErrorKind::InvalidInput)?;
    Ok(KINDS.iter().any(|kind| count(group, *kind).is_ok_and(|count| count > 0)))
}

#[allow(unsafe_code)]
fn count(group: u32, kind: u32) -> rustix::io::Result<u32> {
    let mut query = Query { group, kind, flags: EFFECTIVE, ..Query::default() };
    // SAFETY: the kernel reads and writes as many bytes as the query has, and no other memory, as there is room for no numbers.
    let result =
        unsafe { libc::syscall(libc::SYS_bpf, QUERY, std::ptr::from_mut(&mut query), size_of::<Query>()) };
    if result == 0 { Ok(query.count) } else { Err(last()) }
}
