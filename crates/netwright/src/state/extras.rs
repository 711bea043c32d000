//! What links have that plans only tell of: VLANs of bridge ports, and multicast groups that somebody set.

use std::collections::HashMap;
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use netwright_route::Link;
use netwright_route::link::LinkKind;
use netwright_state::Extra;
use netwright_sys::Connection;
use netwright_wire::{Attributes, Dump, Malformed, Message, MessageFlags, Request, Subject, Writer};

const BRIDGE: u8 = 7; // AF_BRIDGE

/// Lists them; of a kernel without bridges there are none.
pub(super) fn list(connection: &mut Connection, links: &[Link]) -> Vec<Extra> {
    if !links.iter().any(|link| link.kind_name() == Some("bridge")) {
        return Vec::new();
    }
    let links: HashMap<u32, &Link> = links.iter().map(|link| (link.index, link)).collect();
    let name = |index: u32| links.get(&index).map_or_else(|| format!("if{index}"), |link| link.name.clone());
    let usual = |bridge: u32| match links.get(&bridge).and_then(|bridge| bridge.kind.as_ref()) {
        Some(LinkKind::Bridge(bridge)) => bridge.vlan_default,
        _ => None,
    };
    let mut extras = Vec::new();
    for vlan in connection.dump_all(&Vlans).unwrap_or_default().into_iter().flatten() {
        // every port lets that of its bridge through
        if usual(vlan.bridge.unwrap_or(vlan.link)).unwrap_or(1) != vlan.number {
            let text = format!("VLAN {} on {}", vlan.number, name(vlan.link));
            extras.push(Extra { link: vlan.link, bridge: vlan.bridge, text });
        }
    }
    for group in connection.dump_all(&Groups).unwrap_or_default().into_iter().flatten() {
        let text = format!("multicast group {} on {}", group.address, name(group.link));
        extras.push(Extra { link: group.link, bridge: Some(group.bridge), text });
    }
    extras
}

/// The attributes in some bytes.
fn attributes(bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    Attributes::new(bytes).flatten().map(|attribute| (attribute.kind, attribute.payload))
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

#[derive(Debug)]
struct Vlan {
    link: u32,
    bridge: Option<u32>,
    number: u16,
}

/// The VLANs of all ports of bridges, and of bridges themselves.
struct Vlans;

impl Subject for Vlans {
    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("list the VLANs of bridge ports")
    }
}

impl Request for Vlans {
    const PROTOCOL: i32 = netwright_route::message::ROUTE_PROTOCOL;

    fn kind(&self) -> u16 {
        18 // RTM_GETLINK
    }

    fn flags(&self) -> MessageFlags {
        MessageFlags::empty()
    }

    fn write(&self, writer: &mut Writer) {
        const EXTENDED_MASK: u16 = 29;
        const VLANS: u32 = 2;
        let mut header = [0; 16];
        header[0] = BRIDGE;
        writer.push(&header);
        writer.push(&8_u16.to_ne_bytes());
        writer.push(&EXTENDED_MASK.to_ne_bytes());
        writer.push(&VLANS.to_ne_bytes());
    }
}

impl Dump for Vlans {
    type View<'a> = Vec<Vlan>;
    type Output = Vec<Vlan>;

    fn view<'a>(&self, message: &Message<'a>) -> Result<Option<Vec<Vlan>>, Malformed> {
        const MASTER: u16 = 10;
        const FAMILY: u16 = 26;
        const VLAN: u16 = 2;
        let (Some(link), Some(rest)) = (u32_at(message.payload, 4), message.payload.get(16..)) else {
            return Ok(None);
        };
        let bridge =
            attributes(rest).find(|(number, _)| *number == MASTER).and_then(|(_, value)| u32_at(value, 0));
        let families = attributes(rest).filter(|(number, _)| *number == FAMILY);
        let vlans = families.flat_map(|(_, value)| attributes(value)).filter(|(number, _)| *number == VLAN);
        let vlans =
            vlans.filter_map(|(_, value)| u16_at(value, 2)).map(|number| Vlan { link, bridge, number });
        Ok(Some(vlans.collect()))
    }

    fn own(&self, view: Vec<Vlan>) -> Result<Vec<Vlan>, Malformed> {
        Ok(view)
    }
}

#[derive(Debug)]
struct Group {
    link: u32,
    bridge: u32,
    address: String,
}

/// The multicast groups that somebody set; those that were asked for by hosts come again.
struct Groups;

impl Subject for Groups {
    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("list the multicast groups of bridges")
    }
}

impl Request for Groups {
    const PROTOCOL: i32 = netwright_route::message::ROUTE_PROTOCOL;

    fn kind(&self) -> u16 {
        86 // RTM_GETMDB
    }

    fn flags(&self) -> MessageFlags {
        MessageFlags::empty()
    }

    fn write(&self, writer: &mut Writer) {
        writer.push(&[BRIDGE, 0, 0, 0, 0, 0, 0, 0]);
    }
}

impl Dump for Groups {
    type View<'a> = Vec<Group>;
    type Output = Vec<Group>;

    fn view<'a>(&self, message: &Message<'a>) -> Result<Option<Vec<Group>>, Malformed> {
        // MDBA_MDB, MDBA_MDB_ENTRY, MDBA_MDB_ENTRY_INFO
        const NESTED: u16 = 1;
        let (Some(bridge), Some(rest)) = (u32_at(message.payload, 4), message.payload.get(8..)) else {
            return Ok(None);
        };
        let inner = |(number, value)| (number == NESTED).then(|| attributes(value)).into_iter().flatten();
        let entries = attributes(rest).flat_map(inner).flat_map(inner);
        let entries = entries.filter(|(number, _)| *number == NESTED);
        Ok(Some(entries.filter_map(|(_, entry)| group(bridge, entry)).collect()))
    }

    fn own(&self, view: Vec<Group>) -> Result<Vec<Group>, Malformed> {
        Ok(view)
    }
}

/// `struct br_mdb_entry`, where it is one that somebody set.
fn group(bridge: u32, entry: &[u8]) -> Option<Group> {
    const PERMANENT: u8 = 1;
    if *entry.get(4)? != PERMANENT {
        return None;
    }
    let address: [u8; 16] = entry.get(8..24)?.try_into().ok()?;
    let text = match u16::from_be_bytes(entry.get(24..26)?.try_into().ok()?) {
        0x0800 => Ipv4Addr::new(address[0], address[1], address[2], address[3]).to_string(),
        0x86dd => Ipv6Addr::from(address).to_string(),
        _ => address[..6].iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":"),
    };
    Some(Group { link: u32_at(entry, 0)?, bridge, address: text })
}
