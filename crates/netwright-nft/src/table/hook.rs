//! Hooks, chain types and priorities of base chains, by family.

use std::fmt;

use netwright_netfilter::{Family, Hook};

/// A priority with a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PriorityName {
    /// The name as written.
    pub name: &'static str,
    /// The priority.
    pub value: i32,
    /// The hooks at which the name is allowed; none means all of the family.
    pub hooks: &'static [Hook],
}

/// How far a priority may be from a named one and still be listed by that name: `filter + 10`.
pub const PRIORITY_REACH: i32 = 10;

macro_rules! priorities {
    ($( $(#[$doc:meta])* $table:ident { $( $name:literal = $value:literal [$( $hook:ident ),*], )* } )*) => {
        $( $(#[$doc])* pub const $table: &[PriorityName] =
            &[$( PriorityName { name: $name, value: $value, hooks: &[$( Hook::$hook ),*] } ),*]; )*
    };
}

priorities! {
    /// Priorities of `ip`, `ip6` and `inet`.
    INET_PRIORITIES {
        "raw" = -300 [],
        "mangle" = -150 [],
        "dstnat" = -100 [Prerouting, Output],
        "filter" = 0 [],
        "security" = 50 [],
        "srcnat" = 100 [Postrouting, Input],
    }
    /// Priorities of `arp` and `netdev`.
    PLAIN_PRIORITIES { "filter" = 0 [], }
    /// Priorities of `bridge`.
    BRIDGE_PRIORITIES {
        "dstnat" = -300 [Prerouting],
        "filter" = -200 [],
        "out" = 100 [Output],
        "srcnat" = 300 [Postrouting],
    }
}

/// The named priorities of a family.
#[must_use]
pub fn priorities(family: Family) -> &'static [PriorityName] {
    match family {
        Family::IPV4 | Family::IPV6 | Family::INET => INET_PRIORITIES,
        Family::BRIDGE => BRIDGE_PRIORITIES,
        _ => PLAIN_PRIORITIES,
    }
}

/// The named priorities that may stand at a hook.
pub fn priorities_at(family: Family, hook: Hook) -> impl Iterator<Item = &'static PriorityName> {
    priorities(family).iter().filter(move |named| named.hooks.is_empty() || named.hooks.contains(&hook))
}

/// The priority of a name at a hook.
#[must_use]
pub fn priority(family: Family, hook: Hook, name: &str) -> Option<i32> {
    priorities_at(family, hook).find(|named| named.name == name).map(|named| named.value)
}

/// Reads `filter`, `filter + 10`, `filter - 5` or a number.
#[must_use]
pub fn parse_priority(family: Family, hook: Hook, text: &str) -> Option<i32> {
    let text = text.trim();
    if let Ok(number) = text.parse() {
        return Some(number);
    }
    let Some(sign) = text.find(['+', '-']) else { return priority(family, hook, text) };
    let (name, offset) = text.split_at(sign);
    let base = priority(family, hook, name.trim_end())?;
    let amount: i32 = offset.get(1..)?.trim_start().parse().ok().filter(|amount| *amount >= 0)?;
    if offset.starts_with('+') { base.checked_add(amount) } else { base.checked_sub(amount) }
}

/// Writes a priority as nft lists it: by the name that is at most [`PRIORITY_REACH`] away, or as a number.
///
/// # Errors
/// Those of `out`.
pub fn write_priority(
    out: &mut impl fmt::Write,
    family: Family,
    hook: Hook,
    value: i32,
    numeric: bool,
) -> fmt::Result {
    let distance = |named: &&PriorityName| value.abs_diff(named.value);
    let nearest = priorities_at(family, hook).min_by_key(distance);
    match nearest.filter(|named| !numeric && distance(named) <= PRIORITY_REACH.unsigned_abs()) {
        None => write!(out, "{value}"),
        Some(named) if named.value == value => out.write_str(named.name),
        Some(named) => {
            write!(out, "{} {} {}", named.name, if value > named.value { '+' } else { '-' }, distance(&named))
        }
    }
}

/// The hooks of a family, in the order of the packet's way.
#[must_use]
pub fn hooks(family: Family) -> &'static [Hook] {
    const IP: &[Hook] = &[Hook::Prerouting, Hook::Input, Hook::Forward, Hook::Output, Hook::Postrouting];
    const INET: &[Hook] =
        &[Hook::Ingress, Hook::Prerouting, Hook::Input, Hook::Forward, Hook::Output, Hook::Postrouting];
    match family {
        Family::INET => INET,
        Family::IPV4 | Family::IPV6 | Family::BRIDGE => IP,
        Family::ARP => &[Hook::Input, Hook::Output],
        Family::NETDEV => &[Hook::Ingress, Hook::Egress],
        _ => &[],
    }
}

/// The types of base chains.
pub const CHAIN_TYPES: &[&str] = &["filter", "nat", "route"];

/// Whether a base chain of this type may sit at this hook of this family.
#[must_use]
pub fn allows(family: Family, hook: Hook, chain_type: &str) -> bool {
    let routed = matches!(family, Family::IPV4 | Family::IPV6 | Family::INET);
    hooks(family).contains(&hook)
        && match chain_type {
            "filter" => true,
            "nat" => {
                routed && matches!(hook, Hook::Prerouting | Hook::Input | Hook::Output | Hook::Postrouting)
            }
            "route" => routed && hook == Hook::Output,
            _ => false,
        }
}

/// Whether a base chain at this hook is bound to devices.
#[must_use]
pub fn takes_devices(hook: Hook) -> bool {
    matches!(hook, Hook::Ingress | Hook::Egress)
}

#[cfg(test)]
mod tests;
