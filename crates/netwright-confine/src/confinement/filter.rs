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
//! - adding and removing keys of encrypted directories, which are the user's and not a process's;
//! - what pushes input into a terminal (`TIOCSTI`, `TIOCLINUX`): the shell that it belongs to would run it outside; and what puts another
//!   driver behind it (`TIOCSETD`);
//! - namespaces of control groups: whoever has one may mount control groups, and stop or kill what is in the same one outside. As a filter does not see
//!   the flags of `clone3`, programs are told that there is no such call, and use `clone`;
//! - changes of all processes of one's own group (`setpriority`, `ioprio_set` and, where the kernel does not keep signals inside, `kill`), to which the
//!   shell or the supervisor may belong, and signals that tell of a terminal's input (`O_ASYNC`), which go to whatever group has the terminal;
//! - leases of files: whoever opens one that has a lease waits, up to three quarters of a minute each time, as all do who read `/etc/passwd` where root has that;
//! - `syslog` and `perf_event_open` of all processes, which tell of what is outside where the machine's settings let everybody ask;
//! - another limit of core dumps than what [`crate::Confinement::core_dumps`] has set: at 0 the kernel gives them to a program outside again;
//! - the calls of 32-bit programs that do the same, where the machine runs such; x32 calls at all.
//!
//! Making other namespaces below and filters of one's own stays allowed, since browsers and build tools live by it.

use libc::sock_filter;

use crate::connects::Kind;
use crate::notify::Call;

/// What a filter is to do where kernels differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Options {
    /// Signals to one's own group of processes are refused.
    pub(super) refuse_group_signals: bool,
    /// Connections, and sockets that send without one, wait for the supervisor ([`crate::connects`]).
    pub(super) asks: bool,
    /// The supervisor is told which files are opened and changed, before that is done.
    pub(super) tells_files: bool,
    /// The limit of core dumps stays as it is.
    pub(super) keeps_core_limit: bool,
}

/// What a call asks the supervisor for.
pub(super) fn kind(call: &Call) -> Option<Kind> {
    let calls = native().into_iter().chain(compatible()).find(|calls| calls.audit == call.architecture)?;
    let number = call.number.cast_unsigned();
    let sockets =
        [(calls.connect, Kind::Connect), (calls.socket, Kind::Socket), (calls.socketpair, Kind::Pair)];
    let files = FILE_CALLS.iter().map(|(known, kind)| (*known as u32, Kind::File(*kind)));
    let files = files.filter(|_| calls.is_native);
    sockets.into_iter().chain(files).find_map(|(known, kind)| (known == number).then_some(kind))
}

/// Where a call that is about a file has what it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileCall {
    /// The place of the directory among its arguments, which the path begins at; the working directory where there is none.
    pub(crate) directory: Option<usize>,
    /// The place of the path.
    pub(crate) path: usize,
    pub(crate) use_of: UseOf,
}

/// What a call does with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UseOf {
    Read,
    Write,
    /// As the flags in this argument say.
    Flags(usize),
    /// As the flags say that this argument points to.
    FlagsAt(usize),
}

const fn file(directory: Option<usize>, path: usize, use_of: UseOf) -> FileCall {
    FileCall { directory, path, use_of }
}

/// Calls by which files are opened, made, changed and removed.
const FILE_CALLS: &[(libc::c_long, FileCall)] = &[
    (libc::SYS_openat, file(Some(0), 1, UseOf::Flags(2))),
    (libc::SYS_openat2, file(Some(0), 1, UseOf::FlagsAt(2))),
    (libc::SYS_execve, file(None, 0, UseOf::Read)),
    (libc::SYS_execveat, file(Some(0), 1, UseOf::Read)),
    (libc::SYS_truncate, file(None, 0, UseOf::Write)),
    (libc::SYS_mkdirat, file(Some(0), 1, UseOf::Write)),
    (libc::SYS_unlinkat, file(Some(0), 1, UseOf::Write)),
    (libc::SYS_renameat2, file(Some(2), 3, UseOf::Write)),
    (libc::SYS_linkat, file(Some(2), 3, UseOf::Write)),
    (libc::SYS_symlinkat, file(Some(1), 2, UseOf::Write)),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_open, file(None, 0, UseOf::Flags(1))),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_creat, file(None, 0, UseOf::Write)),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_mkdir, file(None, 0, UseOf::Write)),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_rmdir, file(None, 0, UseOf::Write)),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_unlink, file(None, 0, UseOf::Write)),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_rename, file(None, 1, UseOf::Write)),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_renameat, file(Some(2), 3, UseOf::Write)),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_link, file(None, 1, UseOf::Write)),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_symlink, file(None, 1, UseOf::Write)),
];

/// The filter's program for the kernel.
pub(super) fn program(options: Options) -> Option<Vec<sock_filter>> {
    let native = native()?;
    let mut program = vec![load(ARCHITECTURE)];
    program.extend(architecture(&native, options));
    program.extend(compatible().iter().flat_map(|calls| architecture(calls, options)));
    program.push(refuse(libc::ENOSYS));
    Some(program)
}

/// The system calls of one architecture.
struct Calls {
    /// `AUDIT_ARCH_…`
    audit: u32,
    /// Whether it is the kernel's own.
    is_native: bool,
    /// Numbers from here on are of another way of calling.
    end: Option<u32>,
    socket: u32,
    socketpair: u32,
    connect: u32,
    /// All calls of sockets in one, with arguments in memory, which no filter can see.
    socketcall: Option<u32>,
    ioctl: u32,
    bpf: u32,
    keys: [u32; 3],
    clone: u32,
    unshare: u32,
    kill: u32,
    set_priority: u32,
    set_io_priority: u32,
    /// `fcntl`, and the one with larger numbers.
    fcntl: &'static [u32],
    syslog: u32,
    perf_event_open: u32,
    /// `setrlimit` and `prlimit64`.
    set_limit: u32,
    set_limit_of: u32,
}

/// Has the same number everywhere.
const CLONE3: u32 = 435;
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
        is_native: true,
        end: cfg!(target_arch = "x86_64").then_some(0x4000_0000), // x32
        socket: libc::SYS_socket as u32,
        socketpair: libc::SYS_socketpair as u32,
        connect: libc::SYS_connect as u32,
        socketcall: None,
        ioctl: libc::SYS_ioctl as u32,
        bpf: libc::SYS_bpf as u32,
        keys: [libc::SYS_add_key as u32, libc::SYS_request_key as u32, libc::SYS_keyctl as u32],
        clone: libc::SYS_clone as u32,
        unshare: libc::SYS_unshare as u32,
        kill: libc::SYS_kill as u32,
        set_priority: libc::SYS_setpriority as u32,
        set_io_priority: libc::SYS_ioprio_set as u32,
        fcntl: &[libc::SYS_fcntl as u32],
        syslog: libc::SYS_syslog as u32,
        perf_event_open: libc::SYS_perf_event_open as u32,
        set_limit: if cfg!(target_arch = "x86_64") { 160 } else { 164 },
        set_limit_of: libc::SYS_prlimit64 as u32,
    })
}

/// Architectures whose programs the kernel of this one runs too.
fn compatible() -> Vec<Calls> {
    const AUDIT_ARCH_I386: u32 = 0x4000_0003;
    const AUDIT_ARCH_ARM: u32 = 0x4000_0028;
    if cfg!(target_arch = "x86_64") {
        vec![Calls {
            audit: AUDIT_ARCH_I386,
            is_native: false,
            end: None,
            socket: 359,
            socketpair: 360,
            connect: 362,
            socketcall: Some(102),
            ioctl: 54,
            bpf: 357,
            keys: [286, 287, 288],
            clone: 120,
            unshare: 310,
            kill: 37,
            set_priority: 97,
            set_io_priority: 289,
            fcntl: &[55, 221],
            syslog: 103,
            perf_event_open: 336,
            set_limit: 75,
            set_limit_of: 340,
        }]
    } else if cfg!(target_arch = "aarch64") {
        vec![Calls {
            audit: AUDIT_ARCH_ARM,
            is_native: false,
            end: None,
            socket: 281,
            socketpair: 288,
            connect: 283,
            socketcall: Some(102),
            ioctl: 54,
            bpf: 386,
            keys: [309, 310, 311],
            clone: 120,
            unshare: 337,
            kill: 37,
            set_priority: 97,
            set_io_priority: 314,
            fcntl: &[55, 221],
            syslog: 103,
            perf_event_open: 364,
            set_limit: 75,
            set_limit_of: 369,
        }]
    } else {
        Vec::new()
    }
}

/// What is decided about an architecture's calls; falls through for others.
fn architecture(calls: &Calls, options: Options) -> Vec<sock_filter> {
    let mut body = vec![load(NUMBER)];
    if let Some(end) = calls.end {
        body.extend([jump(libc::BPF_JGE, end, 0, 1), refuse(libc::ENOSYS)]);
    }
    body.extend(when(calls.socket, &socket(options)));
    body.extend(when(calls.socketpair, &socket(options)));
    if options.asks {
        body.extend(when(calls.connect, &connect()));
    }
    if options.tells_files && calls.is_native {
        FILE_CALLS.iter().for_each(|(number, _)| body.extend(when(*number as u32, &[ask()])));
    }
    body.extend(when(calls.ioctl, &ioctl(options)));
    body.extend(when(calls.clone, &without_control_groups()));
    body.extend(when(calls.unshare, &without_control_groups()));
    body.extend(when(calls.set_priority, &not_for_own_group(PRIO_PGRP)));
    body.extend(when(calls.set_io_priority, &not_for_own_group(IOPRIO_WHO_PGRP)));
    if options.refuse_group_signals {
        let own_group = [load(argument(0))].into_iter().chain(when(0, &[refuse(libc::EPERM)]));
        body.extend(when(calls.kill, &own_group.chain([allow()]).collect::<Vec<_>>()));
    }
    calls.fcntl.iter().for_each(|number| body.extend(when(*number, &without_leases(options))));
    body.extend(when(calls.perf_event_open, &of_own_processes()));
    if options.keeps_core_limit {
        body.extend(when(calls.set_limit, &other_limits()));
        body.extend(when(calls.set_limit_of, &other_limits_of()));
    }
    for number in IO_URING.into_iter().chain(calls.keys).chain(calls.socketcall).chain([CLONE3]) {
        body.extend(when(number, &[refuse(libc::ENOSYS)]));
    }
    for number in [calls.bpf, calls.syslog] {
        body.extend(when(number, &[refuse(libc::EPERM)]));
    }
    body.push(allow());
    when(calls.audit, &body)
}

/// Of types, without flags.
const TYPE_MASK: u32 = 0xf;

/// Sockets of the family that send to paths without connecting to them are made by the supervisor.
fn unix() -> Vec<sock_filter> {
    let mut body = vec![load(argument(1)), statement(libc::BPF_ALU | libc::BPF_AND | libc::BPF_K, TYPE_MASK)];
    for kind in [libc::SOCK_DGRAM, libc::SOCK_RAW] {
        body.extend(when(kind as u32, &[ask()]));
    }
    body.push(allow());
    body
}

/// The third argument is the length of the address: none of the family with paths is longer than that.
fn connect() -> Vec<sock_filter> {
    const LONGEST: u32 = size_of::<libc::sockaddr_un>() as u32;
    vec![load(argument(2)), jump(libc::BPF_JGT, LONGEST, 0, 1), allow(), ask()]
}

/// The arguments are family, type and protocol. The kernel takes all three as `int`, so the upper halves of the
/// registers count for nothing.
fn socket(options: Options) -> Vec<sock_filter> {
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
    let unix = if options.asks { unix() } else { vec![allow()] };
    body.extend(when(libc::AF_UNIX as u32, &unix));
    body.extend(when(libc::AF_INET as u32, &internet));
    body.extend(when(libc::AF_INET6 as u32, &internet));
    body.extend(when(libc::AF_NETLINK as u32, &netlink));
    body.push(refuse(libc::EAFNOSUPPORT));
    body
}

/// `linux/resource.h` and `linux/ioprio.h`.
const PRIO_PGRP: u32 = 1;
const IOPRIO_WHO_PGRP: u32 = 2;

/// The first argument has the flags.
fn without_control_groups() -> Vec<sock_filter> {
    let has_flag = jump(libc::BPF_JSET, libc::CLONE_NEWCGROUP.cast_unsigned(), 0, 1);
    vec![load(argument(0)), has_flag, refuse(libc::EPERM), allow()]
}

/// The first argument says what the second one numbers; the group 0 is one's own, which may have members outside.
fn not_for_own_group(groups: u32) -> Vec<sock_filter> {
    let mut own = vec![load(argument(1))];
    own.extend(when(0, &[refuse(libc::EPERM)]));
    own.push(allow());
    let mut body = vec![load(argument(0))];
    body.extend(when(groups, &own));
    body.push(allow());
    body
}

/// The second argument says what is done. Where a signal of a terminal's input is not kept inside, the third one has the flags by which it would be asked for.
fn without_leases(options: Options) -> Vec<sock_filter> {
    /// `F_SETDELEG`, from Linux 6.19 on.
    const SET_DELEGATION: u32 = 1040;
    let mut body = vec![load(argument(1))];
    for lease in [libc::F_SETLEASE.cast_unsigned(), SET_DELEGATION] {
        body.extend(when(lease, &[refuse(libc::EACCES)]));
    }
    if options.refuse_group_signals {
        let signals = jump(libc::BPF_JSET, libc::O_ASYNC.cast_unsigned(), 0, 1);
        let flags = [load(argument(2)), signals, refuse(libc::EPERM), allow()];
        body.extend(when(libc::F_SETFL.cast_unsigned(), &flags));
    }
    body.push(allow());
    body
}

/// The second argument is a process, or -1 for all; by the flags in the last one it is a control group.
fn of_own_processes() -> Vec<sock_filter> {
    /// `PERF_FLAG_PID_CGROUP`
    const OF_GROUP: u32 = 4;
    let mut body = vec![load(argument(1))];
    body.extend(when(u32::MAX, &[refuse(libc::EACCES)]));
    body.extend([load(argument(4)), jump(libc::BPF_JSET, OF_GROUP, 0, 1), refuse(libc::EACCES), allow()]);
    body
}

/// `RLIMIT_CORE`
const CORE_DUMPS: u32 = 4;

/// The first argument says what is limited. Programs that switch core dumps off go on: that is what they are.
fn other_limits() -> Vec<sock_filter> {
    let mut body = vec![load(argument(0))];
    body.extend(when(CORE_DUMPS, &[refuse(0)]));
    body.push(allow());
    body
}

/// The second argument says what is limited, the third one is where the new limits are, the fourth where the old ones are to be written.
fn other_limits_of() -> Vec<sock_filter> {
    const UPPER: u32 = 4;
    let is_null = |index: u32, otherwise: u8| {
        let half = |upper, otherwise| [load(argument(index) + upper), jump(libc::BPF_JEQ, 0, 0, otherwise)];
        [half(0, otherwise + 2), half(UPPER, otherwise)].concat()
    };
    let of_core =
        [is_null(2, 1), vec![allow()], is_null(3, 1), vec![refuse(0), refuse(libc::EPERM)]].concat();
    let mut body = vec![load(argument(1))];
    body.extend(when(CORE_DUMPS, &of_core));
    body.push(allow());
    body
}

/// `FS_IOC_ADD_ENCRYPTION_KEY`, `FS_IOC_REMOVE_ENCRYPTION_KEY` and `FS_IOC_REMOVE_ENCRYPTION_KEY_ALL_USERS`, by any file: without its key, a directory of the
/// user's is locked for everybody.
const FILE_KEYS: [u32; 3] = [0xc050_6617, 0xc040_6618, 0xc040_6619];

/// The second argument is the request, which the kernel takes as `unsigned int`.
fn ioctl(options: Options) -> Vec<sock_filter> {
    let mut body = vec![load(argument(1))];
    let signals = Some(libc::FIOASYNC).filter(|_| options.refuse_group_signals);
    let terminal = [libc::TIOCSTI, libc::TIOCLINUX, libc::TIOCSETD].into_iter().chain(signals);
    for request in terminal.map(|request| request as u32).chain(FILE_KEYS) {
        body.extend(when(request, &[refuse(libc::EPERM)]));
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

fn ask() -> sock_filter {
    statement(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_USER_NOTIF)
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
