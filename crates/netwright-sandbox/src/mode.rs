//! How packets get out of a sandbox.

mod forwarding;
pub(crate) mod nat;
mod obstacle;
pub(crate) mod relay;
mod table;

use std::fs;

use netwright_sys::capability;

/// The names of the interfaces that the host has for sandboxes begin so.
const PREFIX: &str = "nwrun";
/// The largest packet that the kernel allows (BIG TCP), in bytes: where packets go no further, half a megabyte costs little more than 64 KiB.
const LARGEST_PACKET: u32 = 8 * 65_535;

/// How packets get out of a sandbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// As the caller's privileges allow: [`Mode::Nat`] where they suffice and the host forwards, [`Mode::Relay`] else, and where the host has a
    /// firewall of `iptables-legacy`, which may drop what is forwarded.
    #[default]
    Automatic,
    /// The supervisor makes the connections: needs no privileges. TCP, UDP and ping.
    Relay,
    /// The host's kernel routes and masquerades: needs root. Every protocol that the policy can tell apart, at the kernel's speed.
    Nat,
}

/// Whether this host has an IPv6 address besides loopback and link-local ones.
pub(crate) fn has_ipv6() -> bool {
    fs::read_to_string("/proc/thread-self/net/if_inet6").is_ok_and(|list| list.lines().any(is_global))
}

/// Whether this process may configure the host's network, and can tell that nothing there stands against it.
pub(crate) fn nat_is_possible() -> bool {
    capability::net_admin() && capability::sys_admin() && !obstacle::is_unreadable()
}

/// Whether a line of `/proc/net/if_inet6` is about an address of global scope.
fn is_global(line: &str) -> bool {
    const SCOPE: usize = 3;
    line.split_whitespace().nth(SCOPE) == Some("00")
}

#[cfg(test)]
mod tests;
