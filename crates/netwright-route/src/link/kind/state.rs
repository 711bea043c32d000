//! What the kernel tells of a link's kind and does not take: states, counts and timers.

use netwright_wire::{Attribute, Attributes, RawAttribute, Row, Text, Writer};

use super::{Bond, BondPort, Bridge, BridgePort, LinkKind, Macvlan, Macvtap, PortKind, Vxlan};

/// The kernel's names of what it tells of a bridge and keeps to itself.
const OF_BRIDGE: &[&str] = &[
    "IFLA_BR_ROOT_ID",
    "IFLA_BR_BRIDGE_ID",
    "IFLA_BR_ROOT_PORT",
    "IFLA_BR_ROOT_PATH_COST",
    "IFLA_BR_TOPOLOGY_CHANGE",
    "IFLA_BR_TOPOLOGY_CHANGE_DETECTED",
    "IFLA_BR_HELLO_TIMER",
    "IFLA_BR_TCN_TIMER",
    "IFLA_BR_TOPOLOGY_CHANGE_TIMER",
    "IFLA_BR_GC_TIMER",
    "IFLA_BR_MCAST_QUERIER_STATE",
    "IFLA_BR_FDB_N_LEARNED",
];
const OF_BRIDGE_PORT: &[&str] = &[
    "IFLA_BRPORT_ROOT_ID",
    "IFLA_BRPORT_BRIDGE_ID",
    "IFLA_BRPORT_DESIGNATED_PORT",
    "IFLA_BRPORT_DESIGNATED_COST",
    "IFLA_BRPORT_ID",
    "IFLA_BRPORT_NO",
    "IFLA_BRPORT_TOPOLOGY_CHANGE_ACK",
    "IFLA_BRPORT_CONFIG_PENDING",
    "IFLA_BRPORT_MESSAGE_AGE_TIMER",
    "IFLA_BRPORT_FORWARD_DELAY_TIMER",
    "IFLA_BRPORT_HOLD_TIMER",
    "IFLA_BRPORT_MRP_RING_OPEN",
    "IFLA_BRPORT_MRP_IN_OPEN",
    "IFLA_BRPORT_MCAST_EHT_HOSTS_CNT",
    "IFLA_BRPORT_MCAST_N_GROUPS",
];
const OF_MACVLAN: &[&str] = &["IFLA_MACVLAN_MACADDR_COUNT", "IFLA_MACVLAN_BC_QUEUE_LEN_USED"];
const OF_BOND: &[&str] = &["IFLA_BOND_AD_INFO"];
/// All but the queue and the two priorities.
const OF_BOND_PORT: &[&str] = &[
    "IFLA_BOND_SLAVE_STATE",
    "IFLA_BOND_SLAVE_MII_STATUS",
    "IFLA_BOND_SLAVE_LINK_FAILURE_COUNT",
    "IFLA_BOND_SLAVE_PERM_HWADDR",
    "IFLA_BOND_SLAVE_AD_AGGREGATOR_ID",
    "IFLA_BOND_SLAVE_AD_ACTOR_OPER_PORT_STATE",
    "IFLA_BOND_SLAVE_AD_PARTNER_OPER_PORT_STATE",
    "IFLA_BOND_SLAVE_AD_CHURN_ACTOR_STATE",
    "IFLA_BOND_SLAVE_AD_CHURN_PARTNER_STATE",
];
/// What the kernel tells to be off, and takes for on, or not at all.
const ONLY_ON_OF_VXLAN: &[&str] =
    &["IFLA_VXLAN_REMCSUM_TX", "IFLA_VXLAN_REMCSUM_RX", "IFLA_VXLAN_TTL_INHERIT"];

impl LinkKind {
    /// The same without what the kernel alone sets, such as the timers of a bridge. Requests leave that out by themselves, so that a
    /// link can be made again as it is listed.
    #[must_use]
    pub fn without_state(&self) -> Self {
        let (rows, state) = match self {
            LinkKind::Bridge(_) => (Bridge::ROWS, OF_BRIDGE),
            LinkKind::Bond(_) => (Bond::ROWS, OF_BOND),
            LinkKind::Macvlan(_) => (Macvlan::ROWS, OF_MACVLAN),
            LinkKind::Macvtap(_) => (Macvtap::ROWS, OF_MACVLAN),
            LinkKind::Vxlan(_) => (Vxlan::ROWS, ONLY_ON_OF_VXLAN),
            _ => return self.clone(),
        };
        let vxlan = matches!(self, LinkKind::Vxlan(_));
        let is_state = |attribute: &Attribute<'_>| {
            is_one_of(rows, state, attribute) && (!vxlan || attribute.payload == [0])
        };
        let kept = without(is_state, |writer| self.write_data(writer));
        let read = |kept: Writer| LinkKind::read(Text(self.name().as_bytes()), kept.bytes()).ok();
        kept.and_then(read).unwrap_or_else(|| self.clone())
    }
}

impl PortKind {
    /// The same without what the kernel alone sets, such as the timers of a bridge's port. Requests leave that out by themselves.
    #[must_use]
    pub fn without_state(&self) -> Self {
        let (rows, state) = match self {
            PortKind::Bridge(_) => (BridgePort::ROWS, OF_BRIDGE_PORT),
            PortKind::Bond(_) => (BondPort::ROWS, OF_BOND_PORT),
            _ => return self.clone(),
        };
        let is_state = |attribute: &Attribute<'_>| is_one_of(rows, state, attribute);
        let kept = without(is_state, |writer| self.write_data(writer));
        let read = |kept: Writer| PortKind::read(Text(self.name().as_bytes()), kept.bytes()).ok();
        kept.and_then(read).unwrap_or_else(|| self.clone())
    }
}

/// Whether an attribute of a table has one of these names.
fn is_one_of(rows: &[Row], names: &[&str], attribute: &Attribute<'_>) -> bool {
    rows.iter().any(|row| row.kind == attribute.kind && names.contains(&row.uapi))
}

/// The attributes that are written, but for some; `None` where they cannot be sent, which is said when they are.
fn without(is_state: impl Fn(&Attribute<'_>) -> bool, write: impl Fn(&mut Writer)) -> Option<Writer> {
    let (mut all, mut kept) = (Writer::new(), Writer::new());
    write(&mut all);
    all.check().ok()?;
    let attributes = Attributes::new(all.bytes()).map_while(Result::ok);
    for attribute in attributes.filter(|attribute| !is_state(attribute)) {
        let (kind, nested, payload) = (attribute.kind, attribute.nested, attribute.payload.to_vec());
        kept.raw_attribute(&RawAttribute { kind, nested, payload });
    }
    Some(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_is_one_of_its_table() {
        let tables = [
            (Bridge::ROWS, OF_BRIDGE),
            (BridgePort::ROWS, OF_BRIDGE_PORT),
            (Macvlan::ROWS, OF_MACVLAN),
            (Macvtap::ROWS, OF_MACVLAN),
            (Bond::ROWS, OF_BOND),
            (BondPort::ROWS, OF_BOND_PORT),
            (Vxlan::ROWS, ONLY_ON_OF_VXLAN),
        ];
        for (rows, names) in tables {
            for name in names {
                assert!(rows.iter().any(|row| row.uapi == *name), "{name}");
            }
        }
    }
}
