//! What system calls the confined may not make (seccomp(2)).
//!
//! The network namespace and the missing capabilities do the work; the filter takes away what passes by them:
//!
//! - socket families that do not belong to a network namespace or that its firewall does not see (vsock, packet, Bluetooth, CAN, TIPC,
//!   RDMA, crypto …), protocols without ports (raw, SCTP, UDP-Lite, L2TP), and netlink but for reading links, addresses and routes;
//! - `io_uring`, which makes sockets without the call `socket`;
//! - `request_key` and its kin: for a key of the type `dns_resolver` the kernel runs a program outside, which asks
//!   the name servers of the machine for any name;
//! - `bpf`, whose maps and programs can be shared with processes outside;
//! - what pushes input into a terminal (`TIOCSTI`, `TIOCLINUX`): the shell that it belongs to would run it outside;
//! - the calls of 32-bit programs that do the same, where the machine runs such; x32 calls at all.
//!
//! Making namespaces below and filters of one's own stays allowed, since browsers and build tools live by it.

use libc::sock_filter;

/// The filter's program for the kernel.
pub(super) fn program() -> Option<Vec<sock_filter>> {
    let native = native()?;
    let mut program = vec![load(ARCHITECTURE)];
    program.extend(architecture(&native));
    program.extend(compatible().iter().flat_map(architecture));
    program.push(refuse(libc::ENOSYS));
    Some(program)
}

/// The system calls of one architecture.
struct Calls {
    /// `AUDIT_ARCH_…`
    audit: u32,
    /// Numbers from here on are of another way of calling.
    end: Option<u32>,
    socket: u32,
    socketpair: u32,
    /// All calls of sockets in one, with arguments in memory, which no filter can see.
    socketcall: Option<u32>,
    ioctl: u32,
    bpf: u32,
    keys: [u32; 3],
}

/// `io_uring_setup`, `io_uring_enter` and `io_uring_register`, which have the same numbers everywhere.
const IO_URING: [u32; 3] = [425, 426, 427];

fn native() -> Option<Calls> {
    const EM_X86_64: u32 = 62;
    const EM_AARCH64: u32 = 183;
    const EM_RISCV: u32 = 243;
    const AUDIT_64BIT: u32 = 0x8000_0000;
    const AUDIT_LITTLE_ENDIAN: u32 = 0x4000_0000;
    let machine = if cfg!(target_pointer_width = "32") || cfg!(target_endian = "big") {
        return None;
    } else if cfg!(target_arch = "x86_64") {
        EM_X86_64
    } else if cfg!(target_arch = "aarch64") {
        EM_AARCH64
    } else if cfg!(target_arch = "riscv64") {
        EM_RISCV
    } else {
        return None;
    };
    Some(Calls {
        audit: machine | AUDIT_64BIT | AUDIT_LITTLE_ENDIAN,
        end: cfg!(target_arch = "x86_64").then_some(0x4000_0000), // x32
        socket: libc::SYS_socket as u32,
        socketpair: libc::SYS_socketpair as u32,
        socketcall: None,
        ioctl: libc::SYS_ioctl as u32,
        bpf: libc::SYS_bpf as u32,
        keys: [libc::SYS_add_key as u32, libc::SYS_request_key as u32, libc::SYS_keyctl as u32],
    })
}

/// Architectures whose programs the kernel of this one runs too.
fn compatible() -> Vec<Calls> {
    const AUDIT_ARCH_I386: u32 = 0x4000_0003;
    const AUDIT_ARCH_ARM: u32 = 0x4000_0028;
    if cfg!(target_arch = "x86_64") {
        vec![Calls {
            audit: AUDIT_ARCH_I386,
            end: None,
            socket: 359,
            socketpair: 360,
            socketcall: Some(102),
            ioctl: 54,
            bpf: 357,
            keys: [286, 287, 288],
        }]
    } else if cfg!(target_arch = "aarch64") {
        vec![Calls {
            audit: AUDIT_ARCH_ARM,
            end: None,
            socket: 281,
            socketpair: 288,
            socketcall: Some(102),
            ioctl: 54,
            bpf: 386,
            keys: [309, 310, 311],
        }]
    } else {
        Vec::new()
    }
}

/// What is decided about an architecture's calls; falls through for others.
fn architecture(calls: &Calls) -> Vec<sock_filter> {
    let mut body = vec![load(NUMBER)];
    if let Some(end) = calls.end {
        body.extend([jump(libc::BPF_JGE, end, 0, 1), refuse(libc::ENOSYS)]);
    }
    body.extend(when(calls.socket, &socket()));
    body.extend(when(calls.socketpair, &socket()));
    body.extend(when(calls.ioctl, &ioctl()));
    for number in IO_URING.into_iter().chain(calls.keys).chain(calls.socketcall) {
        body.extend(when(number, &[refuse(libc::ENOSYS)]));
    }
    body.extend(when(calls.bpf, &[refuse(libc::EPERM)]));
    body.push(allow());
    when(calls.audit, &body)
}

/// The arguments are family, type and protocol. The kernel takes all three as `int`, so the upper halves of the
/// registers count for nothing.
fn socket() -> Vec<sock_filter> {
    const TYPE_MASK: u32 = 0xf;
    const IPPROTO_MPTCP: i32 = 262;
    let protocols = |kind: i32, protocols: &[i32]| {
        let mut body = vec![load(argument(2))];
        body.extend(protocols.iter().flat_map(|protocol| when(*protocol as u32, &[allow()])));
        body.push(refuse(libc::EPROTONOSUPPORT));
        when(kind as u32, &body)
    };
    let mut internet =
        vec![load(argument(1)), statement(libc::BPF_ALU | libc::BPF_AND | libc::BPF_K, TYPE_MASK)];
    internet.extend(protocols(libc::SOCK_STREAM, &[0, libc::IPPROTO_TCP, IPPROTO_MPTCP]));
    internet.extend(protocols(
        libc::SOCK_DGRAM,
        &[0, libc::IPPROTO_UDP, libc::IPPROTO_ICMP, libc::IPPROTO_ICMPV6],
    ));
    internet.push(refuse(libc::EPERM));

    let mut netlink = vec![load(argument(2))];
    netlink.extend(when(libc::NETLINK_ROUTE as u32, &[allow()]));
    netlink.push(refuse(libc::EPROTONOSUPPORT));

    let mut body = vec![load(argument(0))];
    body.extend(when(libc::AF_UNIX as u32, &[allow()]));
    body.extend(when(libc::AF_INET as u32, &internet));
    body.extend(when(libc::AF_INET6 as u32, &internet));
    body.extend(when(libc::AF_NETLINK as u32, &netlink));
    body.push(refuse(libc::EAFNOSUPPORT));
    body
}

/// The second argument is the request, which the kernel takes as `unsigned int`.
fn ioctl() -> Vec<sock_filter> {
    let mut body = vec![load(argument(1))];
    for request in [libc::TIOCSTI, libc::TIOCLINUX] {
        body.extend(when(request as u32, &[refuse(libc::EPERM)]));
    }
    body.push(allow());
    body
}

/// Places in `struct seccomp_data`; the lower half of an argument comes first, since `native` takes little endian only.
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;

const fn argument(index: u32) -> u32 {
    16 + 8 * index
}

/// Runs the body, which must end by a decision, if what was loaded last is this value.
fn when(value: u32, body: &[sock_filter]) -> Vec<sock_filter> {
    // A conditional jump reaches 255 instructions, another one any number.
    let mut all = vec![
        jump(libc::BPF_JEQ, value, 1, 0),
        statement(libc::BPF_JMP | libc::BPF_JA, u32::try_from(body.len()).unwrap_or(u32::MAX)),
    ];
    all.extend_from_slice(body);
    all
}

fn load(offset: u32) -> sock_filter {
    statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, offset)
}

fn allow() -> sock_filter {
    statement(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ALLOW)
}

fn refuse(errno: i32) -> sock_filter {
    statement(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ERRNO | errno.cast_unsigned())
}

fn statement(code: u32, k: u32) -> sock_filter {
    sock_filter { code: code as u16, jt: 0, jf: 0, k }
}

fn jump(condition: u32, k: u32, then: u8, otherwise: u8) -> sock_filter {
    sock_filter { code: (libc::BPF_JMP | condition | libc::BPF_K) as u16, jt: then, jf: otherwise, k }
}

#[cfg(test)]
mod tests;
