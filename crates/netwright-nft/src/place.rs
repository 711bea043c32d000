//! Where rules may stand: the type and the hook of the base chains that they are reached from.
//!
//! The kernel checks it when a rule is loaded, and whenever a base chain comes to lead to it.

use netwright_netfilter::{Family, Hook};

use crate::ir::{NatKind, Selector, Statement, XfrmDirection};

/// What something in a rule needs of the base chains that lead to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Need {
    /// How it is written.
    pub word: &'static str,
    /// The type of the chain, where only one will do.
    pub chain_type: Option<&'static str>,
    routed: &'static [Hook],
    bridge: &'static [Hook],
    netdev: &'static [Hook],
    /// Families of IP that do not have it.
    except: &'static [Family],
    /// Modules of the kernel without which it is nowhere.
    modules: &'static [&'static str],
}

impl Need {
    /// The hooks of a family at which it may stand.
    #[must_use]
    pub fn hooks(&self, family: Family) -> &'static [Hook] {
        match family {
            Family::BRIDGE => self.bridge,
            Family::NETDEV => self.netdev,
            Family::ARP => &[],
            family if self.except.contains(&family) => &[],
            _ => self.routed,
        }
    }

    /// In words: where it works in a family.
    #[must_use]
    pub fn describe(&self, family: Family) -> String {
        let word = self.word;
        let of = self.chain_type.map_or_else(String::new, |kind| format!(" in chains of type {kind}"));
        let kernels = match self.modules {
            [] => String::new(),
            modules => format!(", of kernels with {}", modules.join(" and ")),
        };
        let names: Vec<&str> = self.hooks(family).iter().filter_map(|hook| hook.name()).collect();
        match names.as_slice() {
            [] => format!("`{word}` does not work in the family {family}"),
            [only] => format!("`{word}` works{of} at the hook {only}{kernels}"),
            [rest @ .., last] => {
                format!("`{word}` works{of} at the hooks {} and {last}{kernels}", rest.join(", "))
            }
        }
    }

    /// Whether it may stand in a chain of a type at a hook.
    #[must_use]
    pub fn is_met(&self, family: Family, hook: Hook, chain_type: &str) -> bool {
        self.chain_type.is_none_or(|needed| needed == chain_type) && self.hooks(family).contains(&hook)
    }
}

const ANYWHERE: &[Hook] = &[Hook::Prerouting, Hook::Input, Hook::Forward, Hook::Output, Hook::Postrouting];
/// Where it is known by which device a packet came.
const RECEIVED: &[Hook] = &[Hook::Prerouting, Hook::Input, Hook::Forward];
/// Where it is known by which device a packet leaves.
const ROUTED: &[Hook] = &[Hook::Forward, Hook::Output, Hook::Postrouting];

macro_rules! needs {
    ($($(#[$note:meta])* $name:ident = $word:literal, $kind:expr, $routed:expr, $bridge:expr, $netdev:expr
        $(, except $except:expr)? $(, of $module:literal)?;)*) => {
        $(
            $(#[$note])*
            pub const $name: Need = Need {
                word: $word,
                chain_type: $kind,
                routed: $routed,
                bridge: $bridge,
                netdev: $netdev,
                except: &[$($except)?],
                modules: &[$($module)?],
            };
        )*
        /// All of them.
        pub const ALL: &[Need] = &[$($name),*];
    };
}

// What is written, in chains of which type, at which hooks of the families of IP, of bridge, and of netdev.
needs! {
    /// `snat`
    SNAT = "snat", Some("nat"), &[Hook::Postrouting, Hook::Input], &[], &[];
    /// `dnat`
    DNAT = "dnat", Some("nat"), &[Hook::Prerouting, Hook::Output], &[], &[];
    /// `masquerade`
    MASQUERADE = "masquerade", Some("nat"), &[Hook::Postrouting], &[], &[];
    /// `redirect`
    REDIRECT = "redirect", Some("nat"), &[Hook::Prerouting, Hook::Output], &[], &[];
    /// `reject`
    REJECT = "reject", None,
        &[Hook::Prerouting, Hook::Input, Hook::Forward, Hook::Output, Hook::Ingress],
        &[Hook::Prerouting, Hook::Input], &[Hook::Ingress];
    /// `tproxy`
    TPROXY = "tproxy", None, &[Hook::Prerouting], &[], &[];
    /// `synproxy`
    SYNPROXY = "synproxy", None, &[Hook::Input, Hook::Forward], &[], &[];
    /// `flow add`
    FLOW_ADD = "flow add", None, &[Hook::Forward], &[], &[];
    /// `dup to`
    DUPLICATE = "dup to", None, ANYWHERE, &[], &[Hook::Ingress, Hook::Egress], except Family::INET;
    /// `fwd to`
    FORWARD = "fwd to", None, &[], &[], &[Hook::Ingress, Hook::Egress];
    /// `meta pkttype set`
    PACKET_TYPE_SET = "meta pkttype set", None, &[Hook::Prerouting], &[Hook::Prerouting], &[Hook::Ingress];
    /// `meta broute set`
    BROUTE_SET = "meta broute set", None, &[], &[Hook::Prerouting], &[], of "nft_meta_bridge";
    /// `fib … oif`
    FIB_DEVICE = "fib … oif", None, RECEIVED, RECEIVED, &[Hook::Ingress];
    /// `fib … . iif type`
    FIB_TYPE_RECEIVED = "fib … . iif type", None, RECEIVED, RECEIVED, &[Hook::Ingress];
    /// `fib … . oif type`
    FIB_TYPE_ROUTED = "fib … . oif type", None, ROUTED, ROUTED, &[Hook::Egress];
    /// `fib … type`
    FIB_TYPE = "fib … type", None, ANYWHERE, ANYWHERE, &[Hook::Ingress, Hook::Egress];
    /// `socket`
    SOCKET = "socket", None, &[Hook::Prerouting, Hook::Input, Hook::Output], &[], &[];
    /// `osf`
    OSF = "osf", None, RECEIVED, &[], &[], except Family::IPV6;
    /// `ipsec in`
    IPSEC_IN = "ipsec in", None, RECEIVED, &[], &[];
    /// `ipsec out`
    IPSEC_OUT = "ipsec out", None, ROUTED, &[], &[];
    /// `rt mtu`
    ROUTE_MTU = "rt mtu", None, ROUTED, &[], &[];
}

/// The flags of a lookup that say which device it is for (`NFTA_FIB_F_IIF`, `NFTA_FIB_F_OIF`).
const FIB_RECEIVED: u32 = 1 << 3;
const FIB_ROUTED: u32 = 1 << 4;

/// What a statement needs, and what it loads.
#[must_use]
pub fn needs(statement: &Statement) -> Vec<Need> {
    let mut found: Vec<Need> = of_statement(statement).into_iter().collect();
    for need in statement.selectors().into_iter().filter_map(of_selector) {
        if !found.contains(&need) {
            found.push(need);
        }
    }
    found
}

fn of_statement(statement: &Statement) -> Option<Need> {
    match statement {
        Statement::Nat(nat) => Some(match nat.kind {
            NatKind::Source => SNAT,
            NatKind::Destination => DNAT,
            NatKind::Masquerade => MASQUERADE,
            NatKind::Redirect => REDIRECT,
        }),
        Statement::Reject(_) => Some(REJECT),
        Statement::Tproxy(_) => Some(TPROXY),
        Statement::Synproxy(_) => Some(SYNPROXY),
        Statement::FlowAdd(_) => Some(FLOW_ADD),
        Statement::Duplicate(_) => Some(DUPLICATE),
        Statement::Forward(_) => Some(FORWARD),
        Statement::Assign(Selector::Meta(key), _) => match key.name {
            "pkttype" => Some(PACKET_TYPE_SET),
            "broute" => Some(BROUTE_SET),
            _ => None,
        },
        Statement::Match(_)
        | Statement::Verdict(_)
        | Statement::VerdictMap(..)
        | Statement::Counter(_)
        | Statement::Quota(_)
        | Statement::Limit(_)
        | Statement::ConnectionLimit { .. }
        | Statement::Last(_)
        | Statement::Object(..)
        | Statement::Log(_)
        | Statement::Queue(_)
        | Statement::Notrack
        | Statement::Assign(..)
        | Statement::ResetTcpOption(_)
        | Statement::SetUpdate(_)
        | Statement::Extension(_)
        | Statement::Raw(_) => None,
    }
}

fn of_selector(selector: &Selector) -> Option<Need> {
    match selector {
        Selector::Fib(fib) => match fib.key.name {
            "type" if fib.flags & FIB_RECEIVED != 0 => Some(FIB_TYPE_RECEIVED),
            "type" if fib.flags & FIB_ROUTED != 0 => Some(FIB_TYPE_ROUTED),
            "type" => Some(FIB_TYPE),
            _ => Some(FIB_DEVICE),
        },
        Selector::Socket(_) => Some(SOCKET),
        Selector::Osf { .. } => Some(OSF),
        Selector::Xfrm(xfrm) => Some(match xfrm.direction {
            XfrmDirection::In => IPSEC_IN,
            XfrmDirection::Out => IPSEC_OUT,
        }),
        Selector::Rt(rt) => (rt.key.name == "mtu").then_some(ROUTE_MTU),
        Selector::Payload(_)
        | Selector::Exthdr(_)
        | Selector::Meta(_)
        | Selector::Ct(_)
        | Selector::Numgen(_)
        | Selector::Hash(_)
        | Selector::Tunnel(_) => None,
    }
}
