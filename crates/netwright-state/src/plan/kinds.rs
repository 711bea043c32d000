//! Kinds of links: what a declared one is in the kernel's terms, and what of it differs from one that is there.

use std::fmt::Debug;
use std::net::IpAddr;

use netwright_route::link::kind::{self, LinkKind as Kernel};
use netwright_route::{Link, LinkId, NetworkOrder, Table};

use crate::model::{self, LinkKind};

/// What of a link's kind is not as declared.
#[derive(Debug, Default)]
pub(super) struct Difference {
    /// What cannot be changed: key of the host file, value that is there, value that is declared.
    pub(super) fixed: Vec<(&'static str, String, String)>,
    /// What can be changed, and the same as it was before.
    pub(super) changed: Option<Kernel>,
    pub(super) before: Option<Kernel>,
    /// The change in words.
    pub(super) text: String,
}

/// What the kernel calls a kind.
pub(super) fn kernel_name(kind: &LinkKind) -> &'static str {
    match kind {
        LinkKind::Tap(_) => "tun",
        kind => kind.name(),
    }
}

/// The kind with what makes it out.
pub(super) fn describe(kind: &LinkKind) -> String {
    match kind {
        LinkKind::Veth(veth) => format!("veth with peer {}", veth.peer),
        LinkKind::Vlan(vlan) => format!("vlan {} on {}", vlan.id, vlan.parent),
        LinkKind::Vxlan(vxlan) => format!("vxlan {}", vxlan.id),
        LinkKind::MacVlan(link) | LinkKind::MacVtap(link) => format!("{} on {}", kind.name(), link.parent),
        LinkKind::IpVlan(link) => format!("ipvlan on {}", link.parent),
        LinkKind::Vrf(vrf) => format!("vrf with table {}", vrf.table),
        kind => kind.name().to_owned(),
    }
}

/// The link below, where it is an attribute of the link and not of its kind.
pub(super) fn parent_attribute(kind: &LinkKind) -> Option<&str> {
    match kind {
        LinkKind::Vlan(vlan) => Some(&vlan.parent),
        LinkKind::MacVlan(link) | LinkKind::MacVtap(link) => Some(&link.parent),
        LinkKind::IpVlan(link) => Some(&link.parent),
        _ => None,
    }
}

type ById<'i> = &'i dyn Fn(&str) -> Option<LinkId>;

/// The kind with its data as declared, in the kernel's terms.
pub(super) fn wanted(kind: &LinkKind, id: ById<'_>) -> Kernel {
    let index = |name: &Option<String>| name.as_deref().and_then(id).map(|id| id.index);
    match kind {
        LinkKind::Bridge(bridge) => self::bridge(bridge).into(),
        LinkKind::Veth(_) => kind::Veth::default().into(),
        LinkKind::Vlan(vlan) => self::vlan(vlan).into(),
        LinkKind::Vxlan(vxlan) => self::vxlan(vxlan, index(&vxlan.parent)).into(),
        LinkKind::MacVlan(link) => kind::Macvlan { mode: macvlan_mode(link), ..Default::default() }.into(),
        LinkKind::MacVtap(link) => kind::Macvtap { mode: macvlan_mode(link), ..Default::default() }.into(),
        LinkKind::IpVlan(link) => kind::Ipvlan { mode: ipvlan_mode(link), ..Default::default() }.into(),
        LinkKind::Dummy(_) => kind::Dummy::default().into(),
        LinkKind::Ifb(_) => kind::Ifb::default().into(),
        LinkKind::Tun(tun) => self::tun(tun, kind::TunMode::TUN).into(),
        LinkKind::Tap(tap) => self::tun(tap, kind::TunMode::TAP).into(),
        LinkKind::Bond(bond) => self::bond(bond, index(&bond.primary)).into(),
        LinkKind::Vrf(vrf) => kind::Vrf { table: Some(Table(vrf.table.0)), ..Default::default() }.into(),
        LinkKind::Gre(tunnel) => gre::<kind::Gre>(tunnel, index(&tunnel.parent)).into(),
        LinkKind::GreTap(tunnel) => gre::<kind::GreTap>(tunnel, index(&tunnel.parent)).into(),
        LinkKind::Ip6Gre(tunnel) => gre::<kind::Ip6Gre>(tunnel, index(&tunnel.parent)).into(),
        LinkKind::Ip6GreTap(tunnel) => gre::<kind::Ip6GreTap>(tunnel, index(&tunnel.parent)).into(),
        LinkKind::IpIp(tunnel) => tunnel_of::<kind::IpIp>(tunnel, index(&tunnel.parent)).into(),
        LinkKind::Sit(tunnel) => tunnel_of::<kind::Sit>(tunnel, index(&tunnel.parent)).into(),
        LinkKind::Ip6Tunnel(tunnel) => tunnel_of::<kind::Ip6Tunnel>(tunnel, index(&tunnel.parent)).into(),
    }
}

/// Times of bridges are in hundredths of a second.
fn bridge(bridge: &model::Bridge) -> kind::Bridge {
    let hundredths = |seconds: u32| seconds.saturating_mul(100);
    kind::Bridge {
        spanning_tree: bridge.stp.map(u32::from),
        priority: bridge.priority,
        forward_delay: bridge.forward_delay.map(hundredths),
        ageing_time: bridge.ageing_time.map(hundredths),
        vlan_filtering: bridge.vlan_filtering,
        multicast_snooping: bridge.multicast_snooping,
        ..Default::default()
    }
}

fn vlan(vlan: &model::Vlan) -> kind::Vlan {
    let protocol = vlan.protocol.map(|protocol| match protocol {
        model::VlanProtocol::Dot1q => NetworkOrder(0x8100),
        model::VlanProtocol::Dot1ad => NetworkOrder(0x88a8),
    });
    kind::Vlan { id: Some(vlan.id), protocol, ..Default::default() }
}

/// The port is IANA's where none is declared: the kernel's own default is older than that.
fn vxlan(vxlan: &model::Vxlan, link: Option<u32>) -> kind::Vxlan {
    let (local, local6) = by_family(vxlan.local);
    let (group, group6) = by_family(vxlan.group.or(vxlan.remote));
    kind::Vxlan {
        id: Some(vxlan.id),
        group,
        group6,
        local,
        local6,
        link,
        port: Some(NetworkOrder(vxlan.port.unwrap_or(4789))),
        ttl: vxlan.ttl,
        learning: vxlan.learning,
        ..Default::default()
    }
}

fn by_family(address: Option<IpAddr>) -> (Option<std::net::Ipv4Addr>, Option<std::net::Ipv6Addr>) {
    match address {
        Some(IpAddr::V4(address)) => (Some(address), None),
        Some(IpAddr::V6(address)) => (None, Some(address)),
        None => (None, None),
    }
}

fn macvlan_mode(link: &model::MacVlan) -> Option<kind::MacvlanMode> {
    link.mode.map(|mode| match mode {
        model::MacVlanMode::Private => kind::MacvlanMode::PRIVATE,
        model::MacVlanMode::Vepa => kind::MacvlanMode::VEPA,
        model::MacVlanMode::Bridge => kind::MacvlanMode::BRIDGE,
        model::MacVlanMode::Passthru => kind::MacvlanMode::PASSTHROUGH,
        model::MacVlanMode::Source => kind::MacvlanMode::SOURCE,
    })
}

fn ipvlan_mode(link: &model::IpVlan) -> Option<kind::IpvlanMode> {
    link.mode.map(|mode| match mode {
        model::IpVlanMode::L2 => kind::IpvlanMode::L2,
        model::IpVlanMode::L3 => kind::IpvlanMode::L3,
        model::IpVlanMode::L3s => kind::IpvlanMode::L3S,
    })
}

fn tun(tun: &model::Tun, mode: kind::TunMode) -> kind::Tun {
    kind::Tun {
        owner: tun.user,
        group: tun.group,
        mode: Some(mode),
        packet_information: tun.packet_information,
        virtio_header: tun.virtio_header,
        multiple_queues: tun.multi_queue,
        persist: Some(true),
        ..Default::default()
    }
}

fn bond(bond: &model::Bond, primary: Option<u32>) -> kind::Bond {
    // The words of both are in the order of the kernel's numbers.
    fn number<T: PartialEq>(words: &[(&str, T)], word: T) -> Option<u8> {
        words.iter().position(|(_, known)| *known == word).and_then(|place| u8::try_from(place).ok())
    }
    let mode = bond.mode.and_then(|mode| number(model::BondMode::WORDS, mode)).map(kind::BondMode);
    kind::Bond {
        mode,
        carrier_interval: bond.miimon,
        transmit_hash_policy: bond.hash.and_then(|hash| number(model::BondHash::WORDS, hash)),
        lacp_rate: bond.lacp_rate.map(|rate| u8::from(rate == model::LacpRate::Fast)),
        primary,
        minimum_links: bond.min_links,
        ..Default::default()
    }
}

/// The kinds that share the tables of GRE and of IP tunnels.
trait Gre: Default {
    fn set(&mut self, tunnel: &model::Tunnel, link: Option<u32>);
}

trait IpTunnel: Default {
    fn set(&mut self, tunnel: &model::Tunnel, link: Option<u32>);
}

macro_rules! gre_kinds {
    ($($kind:ident),*) => {$(
        impl Gre for kind::$kind {
            fn set(&mut self, tunnel: &model::Tunnel, link: Option<u32>) {
                const KEY: u16 = 0x2000;
                self.link = link;
                self.local = tunnel.local;
                self.remote = tunnel.remote;
                self.ttl = tunnel.ttl;
                if let Some(key) = tunnel.key {
                    self.receive_flags = Some(NetworkOrder(KEY));
                    self.send_flags = Some(NetworkOrder(KEY));
                    self.receive_key = Some(NetworkOrder(key));
                    self.send_key = Some(NetworkOrder(key));
                }
            }
        }
    )*};
}

macro_rules! ip_tunnels {
    ($($kind:ident),*) => {$(
        impl IpTunnel for kind::$kind {
            fn set(&mut self, tunnel: &model::Tunnel, link: Option<u32>) {
                self.link = link;
                self.local = tunnel.local;
                self.remote = tunnel.remote;
                self.ttl = tunnel.ttl;
            }
        }
    )*};
}

gre_kinds!(Gre, GreTap, Ip6Gre, Ip6GreTap);
ip_tunnels!(IpIp, Sit, Ip6Tunnel);

fn gre<K: Gre>(tunnel: &model::Tunnel, link: Option<u32>) -> K {
    let mut kind = K::default();
    kind.set(tunnel, link);
    kind
}

fn tunnel_of<K: IpTunnel>(tunnel: &model::Tunnel, link: Option<u32>) -> K {
    let mut kind = K::default();
    kind.set(tunnel, link);
    kind
}

/// Compares fields that are declared with those that are there.
struct Comparison {
    fixed: Vec<(&'static str, String, String)>,
    words: Vec<String>,
}

impl Comparison {
    /// The value to set and the one that was there, where they differ.
    fn free<T: PartialEq + Clone + Debug>(
        &mut self,
        key: &'static str,
        found: &Option<T>,
        wanted: &Option<T>,
    ) -> (Option<T>, Option<T>) {
        if wanted.is_none() || found == wanted {
            return (None, None);
        }
        self.words.push(format!("{key} {} → {}", show(found), show(wanted)));
        (wanted.clone(), found.clone())
    }

    fn fixed<T: PartialEq + Debug>(&mut self, key: &'static str, found: &Option<T>, wanted: &Option<T>) {
        if wanted.is_some() && found != wanted {
            self.fixed.push((key, show(found), show(wanted)));
        }
    }
}

/// Numbers come in wrappers that tell of their byte order or meaning.
fn show<T: Debug>(value: &Option<T>) -> String {
    let Some(value) = value else { return "nothing".to_owned() };
    let text = format!("{value:?}");
    match text.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')')) {
        Some(inner) => inner.to_owned(),
        None => text,
    }
}

/// Compares field by field: those that can be changed and those that cannot, each with its key in the host file.
macro_rules! compare {
    ($type:ident, $found:expr, $wanted:expr,
        free { $($free:ident $free_key:literal),* $(,)? },
        fixed { $($fixed:ident $fixed_key:literal),* $(,)? }) => {{
        let (found, wanted) = ($found, $wanted);
        #[allow(unused_mut)] // some kinds have nothing that can be changed
        let (mut changed, mut before) = (kind::$type::default(), kind::$type::default());
        let mut comparison = Comparison { fixed: Vec::new(), words: Vec::new() };
        $( (changed.$free, before.$free) = comparison.free($free_key, &found.$free, &wanted.$free); )*
        $( comparison.fixed($fixed_key, &found.$fixed, &wanted.$fixed); )*
        let differs = !comparison.words.is_empty();
        Difference {
            fixed: comparison.fixed,
            changed: differs.then(|| changed.into()),
            before: differs.then(|| before.into()),
            text: comparison.words.join(", "),
        }
    }};
}

macro_rules! compare_gre {
    ($type:ident, $found:expr, $wanted:expr) => {
        compare!($type, $found, $wanted,
            free { local "local", remote "remote", ttl "ttl", link "parent",
                receive_flags "key", send_flags "key", receive_key "key", send_key "key" },
            fixed {})
    };
}

macro_rules! compare_tunnel {
    ($type:ident, $found:expr, $wanted:expr) => {
        compare!($type, $found, $wanted,
            free { local "local", remote "remote", ttl "ttl", link "parent" }, fixed {})
    };
}

/// What of the link that is there is not as declared. The link below it cannot be changed.
pub(super) fn difference(kind: &LinkKind, found: &Link, id: ById<'_>) -> Difference {
    let Some(there) = &found.kind else { return Difference::default() };
    let mut difference = of_data(there, &wanted(kind, id));
    if let Some(parent) = parent_attribute(kind) {
        let wanted = id(parent).map(|id| id.index);
        if found.parent_namespace_id.is_none() && found.parent != wanted {
            difference.fixed.push((
                "parent",
                format!("with index {}", show(&found.parent)),
                parent.to_owned(),
            ));
        }
    }
    difference
}

fn of_data(found: &Kernel, wanted: &Kernel) -> Difference {
    match (found, wanted) {
        (Kernel::Bridge(found), Kernel::Bridge(wanted)) => {
            // A spanning tree that user space runs is one as well.
            let on = found.spanning_tree.map(|mode| mode.min(1));
            let found = kind::Bridge { spanning_tree: on, ..found.clone() };
            compare!(Bridge, &found, wanted,
                free { spanning_tree "stp", priority "priority", forward_delay "forward-delay",
                    ageing_time "ageing-time", vlan_filtering "vlan-filtering",
                    multicast_snooping "multicast-snooping" },
                fixed {})
        }
        (Kernel::Vlan(found), Kernel::Vlan(wanted)) => {
            compare!(Vlan, found, wanted, free {}, fixed { id "id", protocol "protocol" })
        }
        (Kernel::Vxlan(found), Kernel::Vxlan(wanted)) => compare!(Vxlan, found, wanted,
            free { group "remote", group6 "remote", local "local", local6 "local", link "parent", ttl "ttl",
                learning "learning" },
            fixed { id "id", port "port" }),
        (Kernel::Macvlan(found), Kernel::Macvlan(wanted)) => {
            compare!(Macvlan, found, wanted, free { mode "mode" }, fixed {})
        }
        (Kernel::Macvtap(found), Kernel::Macvtap(wanted)) => {
            compare!(Macvtap, found, wanted, free { mode "mode" }, fixed {})
        }
        (Kernel::Ipvlan(found), Kernel::Ipvlan(wanted)) => {
            compare!(Ipvlan, found, wanted, free { mode "mode" }, fixed {})
        }
        (Kernel::Tun(found), Kernel::Tun(wanted)) => compare!(Tun, found, wanted, free {},
            fixed { mode "kind", owner "user", group "group", packet_information "packet-information",
                virtio_header "virtio-header", multiple_queues "multi-queue" }),
        (Kernel::Bond(found), Kernel::Bond(wanted)) => compare!(Bond, found, wanted,
            free { carrier_interval "miimon", transmit_hash_policy "hash", lacp_rate "lacp-rate",
                primary "primary", minimum_links "min-links" },
            fixed { mode "mode" }),
        (Kernel::Vrf(found), Kernel::Vrf(wanted)) => {
            compare!(Vrf, found, wanted, free {}, fixed { table "table" })
        }
        (Kernel::Gre(found), Kernel::Gre(wanted)) => compare_gre!(Gre, found, wanted),
        (Kernel::GreTap(found), Kernel::GreTap(wanted)) => compare_gre!(GreTap, found, wanted),
        (Kernel::Ip6Gre(found), Kernel::Ip6Gre(wanted)) => compare_gre!(Ip6Gre, found, wanted),
        (Kernel::Ip6GreTap(found), Kernel::Ip6GreTap(wanted)) => compare_gre!(Ip6GreTap, found, wanted),
        (Kernel::IpIp(found), Kernel::IpIp(wanted)) => compare_tunnel!(IpIp, found, wanted),
        (Kernel::Sit(found), Kernel::Sit(wanted)) => compare_tunnel!(Sit, found, wanted),
        (Kernel::Ip6Tunnel(found), Kernel::Ip6Tunnel(wanted)) => compare_tunnel!(Ip6Tunnel, found, wanted),
        _ => Difference::default(),
    }
}

/// Takes some fields over.
macro_rules! keep {
    ($type:ident, $found:expr, $($field:ident),*) => {
        kind::$type { $($field: $found.$field,)* ..Default::default() }.into()
    };
}

macro_rules! keep_gre {
    ($type:ident, $found:expr) => {
        keep!($type, $found, link, local, remote, ttl, receive_flags, send_flags, receive_key, send_key)
    };
}

/// What can be declared of a kind, out of all that the kernel tells of it: much of that it does not take back.
/// Kernels that lack a feature tell that it is off, but refuse to be told so.
pub(super) fn declarable(found: Kernel) -> Kernel {
    match found {
        Kernel::Bridge(found) => {
            let vlan_filtering = found.vlan_filtering.filter(|&on| on);
            let multicast_snooping = found.multicast_snooping.filter(|&on| !on);
            let found = kind::Bridge { vlan_filtering, multicast_snooping, ..found };
            keep!(
                Bridge,
                found,
                spanning_tree,
                priority,
                forward_delay,
                ageing_time,
                vlan_filtering,
                multicast_snooping
            )
        }
        Kernel::Vlan(found) => keep!(Vlan, found, id, protocol),
        Kernel::Vxlan(found) => {
            keep!(Vxlan, found, id, group, group6, local, local6, link, port, ttl, learning)
        }
        Kernel::Macvlan(found) => keep!(Macvlan, found, mode),
        Kernel::Macvtap(found) => keep!(Macvtap, found, mode),
        Kernel::Ipvlan(found) => keep!(Ipvlan, found, mode),
        Kernel::Tun(found) => {
            keep!(Tun, found, owner, group, mode, packet_information, virtio_header, multiple_queues, persist)
        }
        Kernel::Bond(found) => keep!(
            Bond,
            found,
            mode,
            carrier_interval,
            transmit_hash_policy,
            lacp_rate,
            primary,
            minimum_links
        ),
        Kernel::Vrf(found) => keep!(Vrf, found, table),
        Kernel::Gre(found) => keep_gre!(Gre, found),
        Kernel::GreTap(found) => keep_gre!(GreTap, found),
        Kernel::Ip6Gre(found) => keep_gre!(Ip6Gre, found),
        Kernel::Ip6GreTap(found) => keep_gre!(Ip6GreTap, found),
        Kernel::IpIp(found) => keep!(IpIp, found, link, local, remote, ttl),
        Kernel::Sit(found) => keep!(Sit, found, link, local, remote, ttl),
        Kernel::Ip6Tunnel(found) => keep!(Ip6Tunnel, found, link, local, remote, ttl),
        other => other,
    }
}
