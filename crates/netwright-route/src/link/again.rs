//! A link as it was listed, to be made again.

use netwright_wire::Unknown;

use super::kind::{Bond, BondMode, Bridge, BridgeOptions, SourceAddressMode, VlanFlagChange, VlanFlags};
use super::{Change, Create, HardwareType, Link, LinkFlags, LinkKind, PortKind};
use crate::{HardwareAddress, LinkId};

/// The flags that a request sets, as far as they are the link's own.
const KEPT: LinkFlags = LinkFlags::UP
    .union(LinkFlags::DEBUG)
    .union(LinkFlags::NO_TRAILERS)
    .union(LinkFlags::NO_ARP)
    .union(LinkFlags::PROMISCUOUS)
    .union(LinkFlags::ALL_MULTICAST)
    .union(LinkFlags::MULTICAST)
    .union(LinkFlags::DYNAMIC);

impl Create {
    /// A link as it was listed, to be made again where it is gone: its kind with the kind's options, name, addresses, MTU, flags,
    /// place among other links, settings as a port. `None` for what cannot be made: physical links and loopback.
    ///
    /// Lists do not tell all. The other end of a veth gets the kernel's name and defaults, unless [`Peer`](super::Peer) says
    /// otherwise; keys, peers and security associations are set elsewhere; the addresses, routes and forwarding entries that went with
    /// it are objects of their own.
    #[must_use]
    pub fn again(link: &Link) -> Option<Create> {
        let mut kind = link.kind.clone()?;
        match &mut kind {
            LinkKind::Bond(bond) => only_what_its_mode_has(bond),
            LinkKind::Bridge(bridge) => only_what_is_on(bridge),
            // the kernel tells of no flags where none is set, though one is by default, and else of all bits that there could be
            LinkKind::Vlan(vlan) => {
                let flags = vlan.flags.unwrap_or_default().flags;
                vlan.flags = Some(VlanFlagChange { flags, mask: flags | VlanFlags::REORDER_HEADER });
            }
            LinkKind::Macvlan(macvlan) if macvlan.sources.is_some() => {
                macvlan.source_mode = Some(SourceAddressMode::SET);
            }
            LinkKind::Macvtap(macvtap) if macvtap.sources.is_some() => {
                macvtap.source_mode = Some(SourceAddressMode::SET);
            }
            _ => {}
        }
        let mut port = link.port.clone();
        if let Some(PortKind::Bridge(port)) = &mut port {
            port.state = None; // follows from the carrier, or is told by who speaks the spanning tree's protocol
        }
        let ethernet = link.hardware_type == HardwareType::ETHERNET;
        let own = |address: Option<HardwareAddress>| address.filter(|_| ethernet);
        let is_pair = matches!(kind, LinkKind::Veth(_));
        let has_queues = !matches!(kind, LinkKind::Tun(_)); // those of a program come and go with it
        let families = link.families().ok().flatten().unwrap_or_default();
        let settings = Change {
            set_flags: link.flags & KEPT,
            clear_flags: KEPT - link.flags,
            name: Some(link.name.clone()),
            mtu: link.mtu,
            address: own(link.address),
            broadcast: own(link.broadcast),
            master: link.master.map(LinkId::new),
            group: link.group.filter(|group| *group != 0),
            transmit_queue_length: link.transmit_queue_length,
            alias: link.alias.clone(),
            address_generation: families.ipv6.and_then(|ipv6| ipv6.address_generation),
            port,
            gso_maximum_size: link.rest.gso_maximum_size,
            gso_ipv4_maximum_size: link.rest.gso_ipv4_maximum_size,
            gro_maximum_size: link.rest.gro_maximum_size,
            gro_ipv4_maximum_size: link.rest.gro_ipv4_maximum_size,
            alternative_names: link.alternative_names.clone(),
            ..Change::default()
        };
        Some(Create {
            parent: link.parent.filter(|_| !is_pair && link.parent_namespace_id.is_none()).map(LinkId::new),
            index: None,
            transmit_queues: link.rest.transmit_queues.filter(|_| has_queues),
            receive_queues: link.rest.receive_queues.filter(|_| has_queues),
            settings,
            kind,
        })
    }
}

/// A kernel without VLANs on bridges tells that they are off, and refuses to hear it.
fn only_what_is_on(bridge: &mut Bridge) {
    bridge.vlan_filtering = bridge.vlan_filtering.filter(|on| *on);
    let options = bridge.options.map(|options| BridgeOptions { mask: options.values, ..options });
    bridge.options = options.filter(|options| options.mask != 0);
}

/// The kernel tells of all options and refuses those that are not of the mode, and what says how monitors behave that do not run.
fn only_what_its_mode_has(bond: &mut Bond) {
    let mode = bond.mode.unwrap_or_default();
    let is_lacp = mode == BondMode::LACP;
    let balances = [BondMode::TRANSMIT_LOAD, BondMode::ADAPTIVE_LOAD].contains(&mode);
    let miimon = bond.miimon.take_if(|milliseconds| *milliseconds != 0);
    // ports come later
    (bond.active_port, bond.primary) = (None, None);
    if mode != BondMode::ROUND_ROBIN {
        bond.packets_per_port = None;
    }
    if !balances {
        bond.dynamic_balancing = None;
    }
    if is_lacp {
        bond.actor_system =
            bond.actor_system.filter(|address| address.as_bytes().iter().any(|byte| *byte != 0));
    } else {
        (bond.lacp_rate, bond.lacp_active, bond.coupled_control) = (None, None, None);
        (bond.actor_system_priority, bond.actor_system, bond.user_port_key) = (None, None, None);
        (bond.broadcast_neighbours, bond.unknown) = (None, Unknown::default());
    }
    if is_lacp || balances || miimon.is_some() {
        (bond.arp_interval, bond.arp_validate) = (None, None);
        (bond.arp_targets, bond.neighbour_targets) = (None, None);
    }
    if is_lacp || balances {
        bond.missed_maximum = None;
    }
    if miimon.is_none() {
        (bond.up_delay, bond.down_delay, bond.peer_notification_delay) = (None, None, None);
    }
    bond.miimon = miimon;
}
