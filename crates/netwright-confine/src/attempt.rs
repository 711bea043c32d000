//! System calls as numbers, for tests that try what no library offers (feature `attempt`).
//!
//! It is not for programs: whoever passes the wrong numbers or lengths breaks the process.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{FromRawFd, OwnedFd};

/// An argument of a system call.
#[derive(Debug)]
pub enum Argument<'a> {
    /// A number.
    Number(i64),
    /// Bytes that the kernel reads.
    Bytes(&'a [u8]),
    /// Room that the kernel writes to, of a length that the call knows.
    Room(&'a mut [u8]),
}

impl From<i64> for Argument<'_> {
    fn from(number: i64) -> Self {
        Argument::Number(number)
    }
}

impl From<i32> for Argument<'_> {
    fn from(number: i32) -> Self {
        Argument::Number(number.into())
    }
}

/// Makes a system call. Its arguments must be such that the kernel writes to nothing but `Room`.
pub fn call<'a, const N: usize>(number: i64, arguments: [Argument<'a>; N]) -> io::Result<i64> {
    let mut words = [0_i64; 6];
    for (word, argument) in words.iter_mut().zip(arguments) {
        *word = match argument {
            Argument::Number(number) => number,
            Argument::Bytes(bytes) => bytes.as_ptr() as i64,
            Argument::Room(room) => room.as_mut_ptr() as i64,
        };
    }
    let [a, b, c, d, e, f] = words;
    // SAFETY: pointers are to live slices, and the callers of this test tool pass their lengths.
    let result = unsafe { libc::syscall(number, a, b, c, d, e, f) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// A socket, of any numbers.
pub fn socket(family: i32, kind: i32, protocol: i32) -> io::Result<OwnedFd> {
    let fd = call(libc::SYS_socket, [family.into(), kind.into(), protocol.into()])?;
    Ok(owned(fd))
}

/// A descriptor that the kernel has just made, or that was inherited under a number.
pub fn owned(fd: i64) -> OwnedFd {
    // SAFETY: nothing else in this process owns it.
    unsafe { OwnedFd::from_raw_fd(fd as i32) }
}

/// The address of bytes, as the kernel takes it inside structures.
pub fn address(bytes: &[u8]) -> u64 {
    bytes.as_ptr() as u64
}

/// A system call by the gate of 32-bit programs; the number is one of theirs.
#[cfg(target_arch = "x86_64")]
pub fn call_32(number: u32, [a, b, c]: [u32; 3]) -> io::Result<i64> {
    let result: i32;
    // SAFETY: only calls without pointers are made so; rbx, which the compiler keeps for itself, is restored.
    unsafe {
        std::arch::asm!(
            "xchg {b:r}, rbx",
            "int 0x80",
            "xchg {b:r}, rbx",
            b = inout(reg) u64::from(a) => _,
            inout("eax") number as i32 => result,
            in("ecx") b,
            in("edx") c,
            in("esi") 0,
            in("edi") 0,
            out("r8") _, out("r9") _, out("r10") _, out("r11") _,
        );
    }
    if result < 0 { Err(io::Error::from_raw_os_error(-result)) } else { Ok(result.into()) }
}

/// A mapping of an io_uring's memory.
struct Mapping {
    at: *mut u8,
    length: usize,
}

impl Mapping {
    fn new(fd: i32, length: usize, offset: i64) -> io::Result<Self> {
        // SAFETY: a fresh mapping at an address of the kernel's choice.
        let at = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                length,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED | libc::MAP_POPULATE,
                fd,
                offset,
            )
        };
        if at == libc::MAP_FAILED {
            Err(io::Error::last_os_error())
        } else {
            Ok(Mapping { at: at.cast(), length })
        }
    }

    fn read(&self, offset: u32) -> u32 {
        assert!(offset as usize + 4 <= self.length);
        // SAFETY: within the mapping, and aligned as the kernel's offsets are.
        unsafe { self.at.add(offset as usize).cast::<u32>().read_volatile() }
    }

    fn write(&self, offset: u32, bytes: &[u8]) {
        assert!(offset as usize + bytes.len() <= self.length);
        // SAFETY: within the mapping.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), self.at.add(offset as usize), bytes.len()) };
    }
}

/// Submits one entry (64 bytes) to a fresh io_uring and returns its result.
pub fn ring(entry: &[u8; 64]) -> io::Result<i32> {
    const ENTRIES: i64 = 4;
    const RING_LENGTH: usize = 4096;
    const OFFSET_ENTRIES: i64 = 0x1000_0000;
    const OFFSET_COMPLETIONS: i64 = 0x0800_0000;
    const WAIT: i64 = 1;
    let mut parameters = [0; 120];
    let fd = call(libc::SYS_io_uring_setup, [ENTRIES.into(), Argument::Room(&mut parameters)])?;
    let owned = owned(fd);
    let offset = |at: usize| {
        let bytes = parameters.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).unwrap_or_default();
        u32::from_ne_bytes(bytes)
    };
    // struct io_uring_params: sq_off at 40 (head, tail, mask, entries, flags, dropped, array), cq_off at 80 (head, tail, mask, entries, overflow, cqes).
    let (tail, array, completions) = (offset(44), offset(64), offset(100));
    let submissions = Mapping::new(fd as i32, RING_LENGTH, 0)?;
    let completed = Mapping::new(fd as i32, RING_LENGTH, OFFSET_COMPLETIONS)?;
    let entries = Mapping::new(fd as i32, 64 * ENTRIES as usize, OFFSET_ENTRIES)?;
    entries.write(0, entry);
    submissions.write(array, &0_u32.to_ne_bytes());
    std::sync::atomic::fence(std::sync::atomic::Ordering::SeqCst);
    submissions.write(tail, &1_u32.to_ne_bytes());
    let one: i64 = 1;
    call(libc::SYS_io_uring_enter, [fd.into(), one.into(), one.into(), WAIT.into(), 0.into(), 0.into()])?;
    let result = completed.read(completions + 8) as i32;
    drop(owned);
    if result < 0 { Err(io::Error::from_raw_os_error(-result)) } else { Ok(result) }
}
