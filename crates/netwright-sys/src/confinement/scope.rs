//! No signals to processes outside (landlock(7)).

/// `struct landlock_ruleset_attr` of `linux/landlock.h`.
#[repr(C)]
struct Ruleset {
    file_system: u64,
    network: u64,
    scoped: u64,
}

/// `LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET` and `LANDLOCK_SCOPE_SIGNAL`
const SCOPED: u64 = 1 | 2;

/// Lets the calling thread and what it starts send signals and connect abstract sockets only to each other. Kernels before 6.12, or
/// without Landlock, have no such thing: nothing is lost then but that the supervisor can be killed, which opens nothing. New
/// privileges must have been given up before. Allocates nothing.
#[allow(unsafe_code)]
pub(super) fn restrict() {
    let ruleset = Ruleset { file_system: 0, network: 0, scoped: SCOPED };
    // SAFETY: the kernel reads as many bytes of the ruleset as it is told; the other calls take numbers only. The descriptor
    // was made by the first and is used by nothing else.
    unsafe {
        let made = libc::syscall(
            libc::SYS_landlock_create_ruleset,
            std::ptr::from_ref(&ruleset),
            size_of::<Ruleset>(),
            0_u32,
        );
        if let Ok(descriptor @ 0..) = i32::try_from(made) {
            libc::syscall(libc::SYS_landlock_restrict_self, descriptor, 0_u32);
            libc::close(descriptor);
        }
    }
}
