//! Requests of ioctl(2), each with the type of its argument.

use std::ffi::c_void;
use std::marker::PhantomData;
use std::os::fd::{AsFd, AsRawFd};

use rustix::io::Result;

use crate::option::last;

/// A request whose argument is an `A`: a [`Number`], or what the kernel reads and writes in place.
pub(crate) struct Ioctl<A> {
    number: libc::Ioctl,
    argument: PhantomData<fn(A)>,
}

impl<A> Ioctl<A> {
    const fn new(number: libc::Ioctl) -> Self {
        Ioctl { number, argument: PhantomData }
    }
}

/// An argument that is handed over by its value, or not looked at.
pub(crate) struct Number(pub(crate) libc::c_ulong);

/// The part of `struct ifreq` that counts for TUN, with room for the rest of it.
#[repr(C)]
pub(crate) struct InterfaceRequest {
    pub(crate) name: [u8; libc::IFNAMSIZ],
    pub(crate) flags: u16,
    pub(crate) rest: [u8; 22],
}

// `linux/nsfs.h`, `linux/pidfd.h`, `linux/sockios.h` and `linux/if_tun.h`, in part newer than libc.
pub(crate) const NS_GET_NSTYPE: Ioctl<Number> = Ioctl::new(0xb703);
pub(crate) const PIDFD_GET_NET_NAMESPACE: Ioctl<Number> = Ioctl::new(0xff04);
pub(crate) const SIOCGSKNS: Ioctl<Number> = Ioctl::new(0x894c);
pub(crate) const TUNSETIFF: Ioctl<InterfaceRequest> = Ioctl::new(libc::TUNSETIFF);
pub(crate) const TUNSETOWNER: Ioctl<Number> = Ioctl::new(libc::TUNSETOWNER);
pub(crate) const TUNSETGROUP: Ioctl<Number> = Ioctl::new(libc::TUNSETGROUP);
pub(crate) const TUNSETPERSIST: Ioctl<Number> = Ioctl::new(libc::TUNSETPERSIST);
pub(crate) const TUNSETIFINDEX: Ioctl<u32> = Ioctl::new(0x4004_54da);

/// What is handed over for an argument.
pub(crate) trait Argument {
    fn hand_over(&mut self) -> *mut c_void;
}

impl Argument for Number {
    fn hand_over(&mut self) -> *mut c_void {
        std::ptr::without_provenance_mut(self.0 as usize)
    }
}

impl Argument for InterfaceRequest {
    fn hand_over(&mut self) -> *mut c_void {
        std::ptr::from_mut(self).cast()
    }
}

impl Argument for u32 {
    fn hand_over(&mut self) -> *mut c_void {
        std::ptr::from_mut(self).cast()
    }
}

/// Asks, and tells what the kernel returns.
#[allow(unsafe_code)]
pub(crate) fn ioctl<A: Argument>(fd: impl AsFd, request: &Ioctl<A>, argument: &mut A) -> Result<libc::c_int> {
    let fd = fd.as_fd();
    // SAFETY: the descriptor is open, and the requests, all of which are above, take their argument by value, or read and write no
    // more than it has.
    match unsafe { libc::ioctl(fd.as_raw_fd(), request.number, argument.hand_over()) } {
        -1 => Err(last()),
        result => Ok(result),
    }
}
