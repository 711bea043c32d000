//! Names of hosts, as the C library finds them: in `/etc/hosts`, by DNS, or as nsswitch.conf(5) says.

use std::ffi::CStr;
use std::mem;
use std::net::IpAddr;

/// Bytes of the longest name (`NI_MAXHOST`).
const LONGEST: usize = 1025;

/// The name of the host with an address; `None` where none is found. May ask name servers and wait for them.
#[must_use]
#[doc(alias = "getnameinfo")]
pub fn host_name(address: IpAddr) -> Option<String> {
    let mut name = [0; LONGEST];
    let error = match address {
        IpAddr::V4(address) => {
            let socket = libc::sockaddr_in {
                sin_family: libc::AF_INET as libc::sa_family_t,
                sin_port: 0,
                sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes(address.octets()) },
                sin_zero: [0; 8],
            };
            name_of(&socket, &mut name)
        }
        IpAddr::V6(address) => {
            let socket = libc::sockaddr_in6 {
                sin6_family: libc::AF_INET6 as libc::sa_family_t,
                sin6_port: 0,
                sin6_flowinfo: 0,
                sin6_addr: libc::in6_addr { s6_addr: address.octets() },
                sin6_scope_id: 0,
            };
            name_of(&socket, &mut name)
        }
    };
    let bytes = name.map(|byte| byte as u8);
    let name = CStr::from_bytes_until_nul(&bytes).ok().filter(|_| error == 0)?;
    name.to_str().ok().map(str::to_owned)
}

/// Writes the name that belongs to a socket address; the result is an error of getaddrinfo(3), or zero.
#[allow(unsafe_code)]
fn name_of<T>(socket: &T, name: &mut [libc::c_char; LONGEST]) -> libc::c_int {
    // SAFETY: the address and the buffer are valid for the lengths that are given, and neither is kept.
    unsafe {
        libc::getnameinfo(
            std::ptr::from_ref(socket).cast(),
            mem::size_of::<T>() as libc::socklen_t,
            name.as_mut_ptr(),
            LONGEST as libc::socklen_t,
            std::ptr::null_mut(),
            0,
            libc::NI_NAMEREQD,
        )
    }
}

#[cfg(test)]
mod tests;
