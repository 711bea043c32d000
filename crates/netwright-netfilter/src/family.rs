//! Families, hooks and policies.

netwright_wire::open_enum! {
    /// Whose packets a table sees (`NFPROTO_*`).
    pub struct Family(u8) {
        /// All families, in requests.
        #[doc(alias = "NFPROTO_UNSPEC")]
        UNSPECIFIED = 0 "unspec",
        /// IPv4 and IPv6.
        INET = 1 "inet",
        IPV4 = 2 "ip",
        ARP = 3 "arp",
        NETDEV = 5 "netdev",
        BRIDGE = 7 "bridge",
        IPV6 = 10 "ip6",
    }

    /// What becomes of packets that reach the end of a base chain.
    pub struct ChainPolicy(u32) { DROP = 0 "drop", ACCEPT = 1 "accept" }
}

/// Where in the packet's way a base chain sits. The number means different things in different families.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Hook {
    /// Before routing (`ip`, `ip6`, `inet`, `bridge`).
    Prerouting,
    /// To this host (`ip`, `ip6`, `inet`, `bridge`, `arp`).
    Input,
    /// Through this host (`ip`, `ip6`, `inet`, `bridge`).
    Forward,
    /// From this host (`ip`, `ip6`, `inet`, `bridge`, `arp`).
    Output,
    /// After routing (`ip`, `ip6`, `inet`, `bridge`).
    Postrouting,
    /// Where a device receives (`netdev`, `inet`).
    Ingress,
    /// Where a device sends (`netdev`).
    Egress,
    /// A number without a name in its family.
    Other(u32),
}

impl Hook {
    /// The hook that a number means in a family.
    #[must_use]
    pub fn from_number(family: Family, number: u32) -> Hook {
        let hooks: &[Hook] = match family {
            Family::NETDEV => &[Hook::Ingress, Hook::Egress],
            Family::ARP => &[Hook::Input, Hook::Output],
            Family::INET => &Hook::INET,
            _ => &Hook::INET[..5],
        };
        hooks.get(number as usize).copied().unwrap_or(Hook::Other(number))
    }

    /// The number in a family; `None` where the family has no such hook.
    #[must_use]
    pub fn number(self, family: Family) -> Option<u32> {
        match self {
            Hook::Other(number) => Some(number),
            _ => (0..6).find(|&number| Hook::from_number(family, number) == self),
        }
    }

    /// The name in rulesets.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        Some(match self {
            Hook::Prerouting => "prerouting",
            Hook::Input => "input",
            Hook::Forward => "forward",
            Hook::Output => "output",
            Hook::Postrouting => "postrouting",
            Hook::Ingress => "ingress",
            Hook::Egress => "egress",
            Hook::Other(_) => return None,
        })
    }

    /// The hook of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Hook> {
        Hook::INET.into_iter().chain([Hook::Egress]).find(|hook| hook.name() == Some(name))
    }

    const INET: [Hook; 6] =
        [Hook::Prerouting, Hook::Input, Hook::Forward, Hook::Output, Hook::Postrouting, Hook::Ingress];
}
