use super::*;

/// Runs the program on a call as the kernel would.
fn decide<const N: usize>(audit: u32, number: u32, arguments: [u64; N]) -> u32 {
    decide_with(Options::default(), audit, number, arguments)
}

fn decide_with<const N: usize>(options: Options, audit: u32, number: u32, arguments: [u64; N]) -> u32 {
    let program = program(options).unwrap();
    let word = |offset: u32| match offset {
        NUMBER => number,
        ARCHITECTURE => audit,
        _ => (arguments[(offset as usize - 16) / 8] >> (offset % 8 * 8)) as u32,
    };
    let (mut accumulator, mut at) = (0, 0);
    loop {
        let instruction = &program[at];
        at += 1;
        let k = instruction.k;
        let taken = |yes: bool| usize::from(if yes { instruction.jt } else { instruction.jf });
        match u32::from(instruction.code) {
            0x20 => accumulator = word(k),
            0x54 => accumulator &= k,
            0x05 => at += k as usize,
            0x15 => at += taken(accumulator == k),
            0x35 => at += taken(accumulator >= k),
            0x45 => at += taken(accumulator & k != 0),
            0x06 => return k,
            code => panic!("no such instruction: {code:#x}"),
        }
    }
}

fn socket(family: i32, kind: i32, protocol: i32) -> u32 {
    let native = native().unwrap();
    // What is above the lower half of a register is not seen by the kernel either.
    let arguments = [family, kind, protocol].map(|value| value as u64 | 7 << 40);
    let decision = decide(native.audit, native.socket, arguments);
    assert_eq!(decision, decide(native.audit, native.socketpair, arguments));
    for calls in compatible() {
        assert_eq!(decision, decide(calls.audit, calls.socket, arguments));
    }
    decision
}

const ALLOW: u32 = libc::SECCOMP_RET_ALLOW;

fn errno(number: i32) -> u32 {
    libc::SECCOMP_RET_ERRNO | number as u32
}

#[test]
fn sockets_of_the_network_are_allowed() {
    let flags = libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    for family in [libc::AF_INET, libc::AF_INET6] {
        for (kind, protocol) in [
            (libc::SOCK_STREAM, 0),
            (libc::SOCK_STREAM, libc::IPPROTO_TCP),
            (libc::SOCK_STREAM, 262),
            (libc::SOCK_DGRAM, 0),
            (libc::SOCK_DGRAM, libc::IPPROTO_UDP),
            (libc::SOCK_DGRAM, libc::IPPROTO_ICMP),
            (libc::SOCK_DGRAM, libc::IPPROTO_ICMPV6),
        ] {
            assert_eq!(socket(family, kind, protocol), ALLOW);
            assert_eq!(socket(family, kind | flags, protocol), ALLOW);
        }
    }
    assert_eq!(socket(libc::AF_UNIX, libc::SOCK_SEQPACKET, 0), ALLOW);
    assert_eq!(socket(libc::AF_NETLINK, libc::SOCK_RAW | flags, libc::NETLINK_ROUTE), ALLOW);
}

#[test]
fn other_sockets_are_refused() {
    for family in (0..64).chain([-1]) {
        if ![libc::AF_UNIX, libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK].contains(&family) {
            assert_eq!(socket(family, libc::SOCK_STREAM, 0), errno(libc::EAFNOSUPPORT), "family {family}");
        }
    }
    for kind in (0..16).filter(|kind| ![libc::SOCK_STREAM, libc::SOCK_DGRAM].contains(kind)) {
        assert_eq!(socket(libc::AF_INET, kind | libc::SOCK_CLOEXEC, 0), errno(libc::EPERM), "type {kind}");
        assert_eq!(socket(libc::AF_INET6, kind, libc::IPPROTO_RAW), errno(libc::EPERM), "type {kind}");
    }
    let unsupported = errno(libc::EPROTONOSUPPORT);
    assert_eq!(socket(libc::AF_INET, libc::SOCK_STREAM, libc::IPPROTO_SCTP), unsupported);
    assert_eq!(socket(libc::AF_INET, libc::SOCK_DGRAM, libc::IPPROTO_UDPLITE), unsupported);
    for protocol in (1..32).chain([-1]) {
        assert_eq!(socket(libc::AF_NETLINK, libc::SOCK_RAW, protocol), unsupported);
    }
}

#[test]
fn other_ways_are_refused() {
    let all: Vec<Calls> = native().into_iter().chain(compatible()).collect();
    for calls in &all {
        let call = |number: u32| decide(calls.audit, number, [0; 3]);
        assert!(IO_URING.into_iter().chain(calls.keys).all(|number| call(number) == errno(libc::ENOSYS)));
        assert!(calls.socketcall.is_none_or(|number| call(number) == errno(libc::ENOSYS)));
        assert!([calls.bpf, calls.syslog].into_iter().all(|number| call(number) == errno(libc::EPERM)));
        let ioctl = |request: u64| decide(calls.audit, calls.ioctl, [0, request, 0]);
        assert_eq!(ioctl(0x5412), errno(libc::EPERM));
        assert_eq!(ioctl(0x9_0000_541c), errno(libc::EPERM));
        assert_eq!(ioctl(0x5413), ALLOW);
        assert!((0..24).all(|number| call(number) == ALLOW));
        assert_eq!(calls.end.map(|end| call(end + 41)), calls.end.map(|_| errno(libc::ENOSYS)));
    }
    assert_eq!(decide(0x1234, 0, [0; 3]), errno(libc::ENOSYS), "an architecture that is not known");
}

/// The numbers of all architectures.
fn all() -> Vec<Calls> {
    native().into_iter().chain(compatible()).collect()
}

#[test]
fn namespaces_of_control_groups_cannot_be_made() {
    const NEW_CGROUP: u64 = libc::CLONE_NEWCGROUP as u64;
    const NEW_USER: u64 = libc::CLONE_NEWUSER as u64;
    for calls in all() {
        for number in [calls.clone, calls.unshare] {
            for flags in [NEW_CGROUP, NEW_CGROUP | NEW_USER, NEW_CGROUP | 17 | 1 << 40] {
                assert_eq!(decide(calls.audit, number, [flags, 0, 0]), errno(libc::EPERM));
            }
            for flags in [0, 17, NEW_USER, libc::CLONE_NEWNS as u64 | 17] {
                assert_eq!(decide(calls.audit, number, [flags, 0, 0]), ALLOW);
            }
        }
        assert_eq!(decide(calls.audit, CLONE3, [0; 3]), errno(libc::ENOSYS));
    }
}

#[test]
fn ones_own_group_of_processes_is_left_alone() {
    let strict = Options { refuse_group_signals: true, ..Options::default() };
    for calls in all() {
        for (number, group) in [(calls.set_priority, 1), (calls.set_io_priority, 2)] {
            assert_eq!(decide(calls.audit, number, [group, 0, 7]), errno(libc::EPERM));
            assert_eq!(decide(calls.audit, number, [group, 7 << 32, 7]), errno(libc::EPERM));
            assert_eq!(decide(calls.audit, number, [group, 5, 7]), ALLOW);
            assert_eq!(decide(calls.audit, number, [group + 1, 0, 7]), ALLOW);
            assert_eq!(decide(calls.audit, number, [group - 1, 0, 7]), ALLOW);
        }
        assert_eq!(decide(calls.audit, calls.kill, [0, 9, 0]), ALLOW);
        assert_eq!(decide_with(strict, calls.audit, calls.kill, [0, 9, 0]), errno(libc::EPERM));
        for process in [5, u64::from(-1_i32 as u32)] {
            assert_eq!(decide_with(strict, calls.audit, calls.kill, [process, 9, 0]), ALLOW);
        }
    }
}

#[test]
fn other_processes_are_not_measured() {
    const OF_GROUP: u64 = 4;
    let everybody = u64::from(u32::MAX);
    for calls in all() {
        let open = |process, flags| decide(calls.audit, calls.perf_event_open, [7, process, 0, 0, flags]);
        assert_eq!(open(everybody, 0), errno(libc::EACCES));
        assert_eq!(open(5, OF_GROUP | 8), errno(libc::EACCES));
        assert_eq!([open(0, 0), open(5, 8)], [ALLOW, ALLOW]);
    }
}

#[test]
fn input_of_a_terminal_signals_nobody() {
    let strict = Options { refuse_group_signals: true, ..Options::default() };
    let (set, asynchronous) = (libc::F_SETFL as u64, libc::O_ASYNC as u64);
    for calls in all() {
        for number in calls.fcntl {
            let decide = |arguments: [u64; 3]| decide_with(strict, calls.audit, *number, arguments);
            assert_eq!(decide([0, set, asynchronous | 2]), errno(libc::EPERM));
            assert_eq!([decide([0, set, 2]), decide([0, set + 4, asynchronous])], [ALLOW, ALLOW]);
        }
        let set = [0, u64::from(libc::FIOASYNC as u32), 7];
        assert_eq!(decide_with(strict, calls.audit, calls.ioctl, set), errno(libc::EPERM));
        assert_eq!(decide(calls.audit, calls.ioctl, set), ALLOW);
    }
}

#[test]
fn the_limit_of_core_dumps_stays() {
    const CORE: u64 = 4;
    let keeps = Options { keeps_core_limit: true, ..Options::default() };
    for calls in all() {
        let limit = |what| decide_with(keeps, calls.audit, calls.set_limit, [what, 7]);
        assert_eq!([limit(CORE), limit(CORE + 1)], [errno(0), ALLOW]);
        let limit = |what, new, old| decide_with(keeps, calls.audit, calls.set_limit_of, [0, what, new, old]);
        for place in [7, 7 << 40] {
            assert_eq!(limit(CORE, 0, place), ALLOW, "asking is");
            assert_eq!(limit(CORE, place, 0), errno(0));
            assert_eq!(limit(CORE, place, 7 << 40), errno(libc::EPERM));
            assert_eq!(limit(CORE, place, 7), errno(libc::EPERM));
            assert_eq!(limit(CORE - 1, place, place), ALLOW);
        }
        assert_eq!(decide(calls.audit, calls.set_limit, [CORE, 7]), ALLOW);
    }
}
