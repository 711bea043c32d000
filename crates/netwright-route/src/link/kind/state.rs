//! What the kernel tells of a link's kind and does not take: states, counts and timers.

use netwright_wire::{Attribute, Attributes, RawAttribute, Text, Writer};

use super::{LinkKind, PortKind};

/// `IFLA_BR_ROOT_ID` to `IFLA_BR_GC_TIMER`, `IFLA_BR_MCAST_QUERIER_STATE` and `IFLA_BR_FDB_N_LEARNED`.
const OF_BRIDGE: &[u16] = &[10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 47, 48];
/// `IFLA_BRPORT_ROOT_ID` to `IFLA_BRPORT_HOLD_TIMER`, the two `IFLA_BRPORT_MRP_*_OPEN`, `IFLA_BRPORT_MCAST_EHT_HOSTS_CNT` and
/// `IFLA_BRPORT_MCAST_N_GROUPS`.
const OF_BRIDGE_PORT: &[u16] = &[13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 35, 36, 38, 42];
/// `IFLA_BOND_AD_INFO`.
const OF_BOND: &[u16] = &[23];
/// `IFLA_VXLAN_REMCSUM_TX`, `IFLA_VXLAN_REMCSUM_RX` and `IFLA_VXLAN_TTL_INHERIT`: the kernel tells that they are off, and takes that for
/// on, or not at all.
const ONLY_ON_OF_VXLAN: &[u16] = &[21, 22, 28];
/// All that `IFLA_BOND_SLAVE_*` has but the queue and the two priorities.
const OF_BOND_PORT: &[u16] = &[1, 2, 3, 4, 6, 7, 8, 11, 12];

impl LinkKind {
    /// The same without what the kernel alone sets, such as the timers of a bridge. Requests leave that out by themselves, so that a
    /// link can be made again as it is listed.
    #[must_use]
    pub fn without_state(&self) -> Self {
        let state = match self {
            LinkKind::Bridge(_) => OF_BRIDGE,
            LinkKind::Bond(_) => OF_BOND,
            LinkKind::Vxlan(_) => ONLY_ON_OF_VXLAN,
            _ => return self.clone(),
        };
        let vxlan = matches!(self, LinkKind::Vxlan(_));
        let is_state = |attribute: &Attribute<'_>| {
            state.contains(&attribute.kind) && (!vxlan || attribute.payload == [0])
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
        let state = match self {
            PortKind::Bridge(_) => OF_BRIDGE_PORT,
            PortKind::Bond(_) => OF_BOND_PORT,
            _ => return self.clone(),
        };
        let is_state = |attribute: &Attribute<'_>| state.contains(&attribute.kind);
        let kept = without(is_state, |writer| self.write_data(writer));
        let read = |kept: Writer| PortKind::read(Text(self.name().as_bytes()), kept.bytes()).ok();
        kept.and_then(read).unwrap_or_else(|| self.clone())
    }
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
