//! The smaller enumerations of statements and objects: levels, flags, codes and states with their kernel numbers.

use std::fmt;

use super::symbol::{self, Symbol, symbols};

symbols! {
    /// `log level` (`NFT_LOGLEVEL_*`). `warn` is the default and not listed.
    pub LOG_LEVEL {
        "emerg" = 0, "alert" = 1, "crit" = 2, "err" = 3, "warn" = 4, "notice" = 5, "info" = 6, "debug" = 7,
        "audit" = 8,
    }

    /// `log flags` (`NF_LOG_*`); `tcp sequence` and `tcp options` can be joined: `tcp sequence,options`.
    pub LOG_FLAG {
        "tcp sequence" = 0x01, "tcp options" = 0x02, "ip options" = 0x04, "skuid" = 0x08, "ether" = 0x20,
    }

    /// Flags of address translation (`NF_NAT_RANGE_*`), in the order of a listing.
    pub NAT_FLAG { "random" = 1 << 2, "fully-random" = 1 << 4, "persistent" = 1 << 3, }

    /// `queue flags` (`NFT_QUEUE_FLAG_*`).
    pub QUEUE_FLAG { "bypass" = 1, "fanout" = 2, }

    /// Words of `synproxy` without a number (`NF_SYNPROXY_OPT_*`); `mss` and `wscale` set
    /// [`SYNPROXY_MSS`] and [`SYNPROXY_WSCALE`].
    pub SYNPROXY_FLAG { "timestamp" = 0x08, "sack-perm" = 0x04, }

    /// Table flags (`NFT_TABLE_F_*`).
    pub TABLE_FLAG { "dormant" = 1, "owner" = 2, "persist" = 4, }

    /// Chain flags (`NFT_CHAIN_*`).
    pub CHAIN_FLAG { "offload" = 2, }

    /// Flow table flags (`NFT_FLOWTABLE_*`); `counter` stands on a line of its own.
    pub FLOWTABLE_FLAG { "offload" = 1, }

    /// Set flags that are written (`NFT_SET_*`), in the order of a listing.
    pub SET_FLAG { "constant" = 0x02, "dynamic" = 0x20, "interval" = 0x04, "timeout" = 0x10, }

    /// `policy` of a set (`NFT_SET_POL_*`).
    pub SET_POLICY { "performance" = 0, "memory" = 1, }

    /// `policy` of a base chain (`NF_*`).
    pub CHAIN_POLICY { "drop" = 0, "accept" = 1, }

    /// Verdicts of one word (`NF_*`, `NFT_*`) as the 32 bits of `NFTA_VERDICT_CODE`.
    pub VERDICT {
        "accept" = 1, "drop" = 0, "continue" = (-1i32).cast_unsigned(), "return" = (-5i32).cast_unsigned(),
    }

    /// Verdicts that name a chain.
    pub CHAIN_VERDICT { "jump" = (-3i32).cast_unsigned(), "goto" = (-4i32).cast_unsigned(), }

    /// Kinds of stateful objects (`NFT_OBJECT_*`).
    pub OBJECT {
        "counter" = 1, "quota" = 2, "ct helper" = 3, "limit" = 4, "tunnel" = 6, "ct timeout" = 7, "secmark" = 8,
        "ct expectation" = 9, "synproxy" = 10,
    }

    /// What `reject with` answers (`NFT_REJECT_*`): `icmp` and `icmpv6` share a number, the family tells them apart.
    pub REJECT { "icmp" = 0, "icmpv6" = 0, "tcp reset" = 1, "icmpx" = 2, }

    /// `erspan { direction … }` of a tunnel.
    pub ERSPAN_DIRECTION { "ingress" = 0, "egress" = 1, }

    /// Layer 4 protocols of ct helpers, timeouts and expectations.
    pub CT_OBJECT_PROTOCOL { "tcp" = 6, "udp" = 17, }

    /// Layer 3 protocols of ct helpers, timeouts and expectations (`NFPROTO_*`).
    pub CT_OBJECT_L3PROTO { "ip" = 2, "ip6" = 10, "inet" = 1, "arp" = 3, "bridge" = 7, "netdev" = 5, }
}

/// All log flags: `flags all`.
pub const LOG_FLAGS_ALL: u32 = 0x2f;
/// The log level that is not written.
pub const DEFAULT_LOG_LEVEL: u32 = 4;
/// `synproxy mss` is given.
pub const SYNPROXY_MSS: u32 = 0x01;
/// `synproxy wscale` is given.
pub const SYNPROXY_WSCALE: u32 = 0x02;
/// `over` of limits (`NFT_LIMIT_F_INV`), quotas (`NFT_QUOTA_F_INV`) and `ct count` (`NFT_CONNLIMIT_F_INV`).
pub const OVER: u32 = 1;
/// The code of `reject` without `with`, for `icmpx`: port unreachable.
pub const DEFAULT_REJECT_ICMPX: u8 = 1;
/// The code of `reject` without `with` in `ip` tables: port unreachable.
pub const DEFAULT_REJECT_ICMP: u8 = 3;
/// The code of `reject` without `with` in `ip6` tables: port unreachable.
pub const DEFAULT_REJECT_ICMPV6: u8 = 4;

/// Names of the flags that are set, in the order of the table, and the bits that have no name.
pub fn flags(table: &'static [Symbol], bits: u32) -> (impl Iterator<Item = &'static str>, u32) {
    let known = table.iter().fold(0, |sum, flag| sum | flag.value);
    (table.iter().filter(move |flag| bits & flag.value != 0).map(|flag| flag.name), bits & !known)
}

/// Writes flags with commas between; bits without a name follow in hexadecimal.
///
/// # Errors
/// Those of `out`.
pub fn write_flags(out: &mut impl fmt::Write, table: &'static [Symbol], bits: u32) -> fmt::Result {
    let (names, unknown) = flags(table, bits);
    let mut separator = "";
    for name in names {
        write!(out, "{separator}{name}")?;
        separator = ",";
    }
    if unknown == 0 { Ok(()) } else { write!(out, "{separator}0x{unknown:x}") }
}

/// Writes the flags of `log` as nft lists them, each group after a blank and the word `flags`.
///
/// # Errors
/// Those of `out`.
pub fn write_log_flags(out: &mut impl fmt::Write, bits: u32) -> fmt::Result {
    if bits & LOG_FLAGS_ALL == LOG_FLAGS_ALL {
        return out.write_str(" flags all");
    }
    match bits & 3 {
        0 => {}
        3 => out.write_str(" flags tcp sequence,options")?,
        one => write!(out, " flags {}", symbol::name(LOG_FLAG, one).unwrap_or_default())?,
    }
    let (names, _) = flags(LOG_FLAG, bits & !3);
    for name in names {
        write!(out, " flags {name}")?;
    }
    Ok(())
}

/// A state of a connection with a timeout of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeoutState {
    /// The name as written.
    pub name: &'static str,
    /// The kernel's attribute (`CTA_TIMEOUT_TCP_*`, `CTA_TIMEOUT_UDP_*`).
    pub number: u16,
    /// Seconds that a policy has without being told: a state with this timeout is not listed.
    pub default: u32,
}

macro_rules! timeout_states {
    ($( $(#[$doc:meta])* $table:ident { $( $number:literal $name:literal $default:literal; )* } )*) => {
        $( $(#[$doc])* pub const $table: &[TimeoutState] =
            &[$( TimeoutState { name: $name, number: $number, default: $default } ),*]; )*
    };
}

timeout_states! {
    /// States of TCP in a `ct timeout` policy.
    TCP_TIMEOUTS {
        1 "syn_sent" 120;
        2 "syn_recv" 60;
        3 "established" 432_000;
        4 "fin_wait" 120;
        5 "close_wait" 60;
        6 "last_ack" 30;
        7 "time_wait" 120;
        8 "close" 10;
        9 "syn_sent2" 120;
        10 "retrans" 300;
        11 "unack" 300;
    }
    /// States of UDP in a `ct timeout` policy.
    UDP_TIMEOUTS {
        1 "unreplied" 30;
        2 "replied" 120;
    }
}

/// The states of a layer 4 protocol in a `ct timeout` policy.
#[must_use]
pub fn timeout_states(protocol: u8) -> &'static [TimeoutState] {
    match protocol {
        6 => TCP_TIMEOUTS,
        17 => UDP_TIMEOUTS,
        _ => &[],
    }
}

#[cfg(test)]
mod tests;
