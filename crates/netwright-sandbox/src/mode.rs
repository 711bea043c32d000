//! How packets get out of a sandbox.

mod cut;
mod nat;
mod obstacle;
mod relay;
mod table;

use std::fs;
use std::net::IpAddr;
use std::sync::mpsc::Sender;

use netwright_confine::Enclosure;
use netwright_sys::{Error, Result, capability, protocol};

pub(crate) use self::relay::ANYWHERE;
use crate::Event;
use crate::constants::{OWN_IPV4, OWN_IPV6};

/// The names of the interfaces that the host has for sandboxes begin so.
const PREFIX: &str = "nwrun";
/// The names of the host's tables for sandboxes begin so.
const TABLE_PREFIX: &str = "netwright_nwrun";
/// The largest packet that the kernel allows (BIG TCP), in bytes: where packets go no further, half a megabyte costs little more than 64 KiB.
const LARGEST_PACKET: u32 = 8 * 65_535;

/// How packets get out of a sandbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// As the caller's privileges allow: [`Mode::Nat`] where they suffice and no rule of the host's firewall stands against it, [`Mode::Relay`] else:
    /// rules for what the host's own processes send do not see what is routed, and those for what it forwards may drop it.
    #[default]
    Automatic,
    /// The supervisor makes the connections: needs no privileges. TCP, UDP and ping.
    Relay,
    /// The host's kernel routes and masquerades: needs root. Every protocol that the policy can tell apart, at the kernel's speed.
    Nat,
    /// There is no way out and none in but for published ports: the inside has its loopback and nothing else. What the policy allows does not
    /// matter.
    None,
}

/// How an inside is connected.
#[derive(Debug)]
pub(crate) enum Uplink {
    /// Not at all.
    None,
    /// By the relay, with these addresses inside.
    Relay(Vec<IpAddr>),
    /// By a link.
    Nat(Box<nat::Uplink>),
}

impl Uplink {
    /// Connects an inside. Where the caller left the choice, it is told why packets are not routed although the privileges suffice.
    pub(crate) fn create(wanted: Mode, enclosure: &Enclosure, ipv6: bool) -> Result<(Self, Option<Error>)> {
        let mut inside = enclosure.connection(protocol::ROUTE)?;
        let mut reason = None;
        match wanted {
            Mode::Nat => {
                return Ok((Uplink::Nat(Box::new(nat::Uplink::create(enclosure, &mut inside, ipv6)?)), None));
            }
            Mode::Automatic if nat_is_possible() => {
                match obstacle::check_by_default()
                    .and_then(|()| nat::Uplink::create(enclosure, &mut inside, ipv6))
                {
                    Ok(uplink) => return Ok((Uplink::Nat(Box::new(uplink)), None)),
                    Err(error) => reason = Some(error),
                }
            }
            Mode::None => {
                relay::configure(enclosure, &mut inside, &[], ipv6)?;
                return Ok((Uplink::None, None));
            }
            Mode::Automatic | Mode::Relay => {}
        }
        let own = [OWN_IPV4.into(), OWN_IPV6.into()];
        let own = own.into_iter().filter(|own: &IpAddr| own.is_ipv4() || ipv6).collect::<Vec<_>>();
        relay::configure(enclosure, &mut inside, &own, ipv6)?;
        Ok((Uplink::Relay(own), reason))
    }

    /// The addresses inside, besides those of the loopback.
    pub(crate) fn addresses(&self) -> Vec<IpAddr> {
        match self {
            Uplink::None => Vec::new(),
            Uplink::Relay(addresses) => addresses.clone(),
            Uplink::Nat(uplink) => uplink.addresses.clone(),
        }
    }

    /// Keeps watching that nothing of the host stands against how it is connected, and tells of what comes of it.
    pub(crate) fn watch(&mut self, events: &Sender<Event>) -> Result<()> {
        match self {
            Uplink::None | Uplink::Relay(_) => Ok(()),
            Uplink::Nat(uplink) => uplink.watch(events),
        }
    }

    pub(crate) fn mode(&self) -> Mode {
        match self {
            Uplink::None => Mode::None,
            Uplink::Relay(_) => Mode::Relay,
            Uplink::Nat(_) => Mode::Nat,
        }
    }
}

/// Whether this host has an IPv6 address besides loopback and link-local ones.
pub(crate) fn has_ipv6() -> bool {
    fs::read_to_string("/proc/thread-self/net/if_inet6").is_ok_and(|list| list.lines().any(is_global))
}

/// Whether this process may configure the host's network.
fn nat_is_possible() -> bool {
    capability::net_admin() && capability::sys_admin()
}

/// Whether a line of `/proc/net/if_inet6` is about an address of global scope.
fn is_global(line: &str) -> bool {
    const SCOPE: usize = 3;
    line.split_whitespace().nth(SCOPE) == Some("00")
}

#[cfg(test)]
mod tests;
