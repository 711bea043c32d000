//! Kinds of links: what a declared one is in the kernel's terms, and what of it differs from one that is there. All of it
//! follows from the rows of [`options`](crate::options).

use netwright_route::link::kind::{self, LinkKind as Kernel, TunMode};
use netwright_route::{Link, NetworkOrder};

use crate::model::LinkKind;
use crate::options::{self, ById, ByIndex, ChangeClass, Difference, Differing, Lower, Options};

/// What the kernel calls a kind.
pub(crate) fn kernel_name(kind: &LinkKind) -> &'static str {
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
pub(crate) fn parent_attribute(kind: &LinkKind) -> Option<&str> {
    match kind {
        LinkKind::Vlan(vlan) => Some(&vlan.parent),
        LinkKind::MacVlan(link) | LinkKind::MacVtap(link) => Some(&link.parent),
        LinkKind::IpVlan(link) => Some(&link.parent),
        _ => None,
    }
}

/// Does the same with the data of a kind, whichever kind it is; of a kind without rows, the last expression is taken.
macro_rules! of_kind {
    ($kind:expr, $data:ident => $done:expr, else $other:expr) => {
        match $kind {
            Kernel::Bridge($data) => $done,
            Kernel::Veth($data) => $done,
            Kernel::Vlan($data) => $done,
            Kernel::Vxlan($data) => $done,
            Kernel::Macvlan($data) => $done,
            Kernel::Macvtap($data) => $done,
            Kernel::Ipvlan($data) => $done,
            Kernel::Dummy($data) => $done,
            Kernel::Ifb($data) => $done,
            Kernel::Tun($data) => $done,
            Kernel::Bond($data) => $done,
            Kernel::Vrf($data) => $done,
            Kernel::Gre($data) => $done,
            Kernel::GreTap($data) => $done,
            Kernel::Ip6Gre($data) => $done,
            Kernel::Ip6GreTap($data) => $done,
            Kernel::IpIp($data) => $done,
            Kernel::Sit($data) => $done,
            Kernel::Ip6Tunnel($data) => $done,
            _ => $other,
        }
    };
}

/// The kind with its data as declared, in the kernel's terms.
pub(crate) fn wanted(kind: &LinkKind, id: ById<'_>) -> Kernel {
    fn lower<M: Lower<K>, K: Options>(model: &M, id: ById<'_>) -> Kernel {
        model.lower(id).into()
    }
    match kind {
        LinkKind::Bridge(bridge) => lower::<_, kind::Bridge>(bridge, id),
        LinkKind::Veth(veth) => lower::<_, kind::Veth>(veth, id),
        LinkKind::Vlan(vlan) => lower::<_, kind::Vlan>(vlan, id),
        LinkKind::Vxlan(vxlan) => {
            let mut data: kind::Vxlan = vxlan.lower(id);
            // IANA's, where none is declared: the kernel's own default is older than that
            data.port = data.port.or(Some(NetworkOrder(4789)));
            data.into()
        }
        LinkKind::MacVlan(link) => lower::<_, kind::Macvlan>(link, id),
        LinkKind::MacVtap(link) => lower::<_, kind::Macvtap>(link, id),
        LinkKind::IpVlan(link) => lower::<_, kind::Ipvlan>(link, id),
        LinkKind::Dummy(dummy) => lower::<_, kind::Dummy>(dummy, id),
        LinkKind::Ifb(ifb) => lower::<_, kind::Ifb>(ifb, id),
        LinkKind::Tun(tun) => tun.lower(id).mode(TunMode::TUN).persist(true).into(),
        LinkKind::Tap(tap) => tap.lower(id).mode(TunMode::TAP).persist(true).into(),
        LinkKind::Bond(bond) => lower::<_, kind::Bond>(bond, id),
        LinkKind::Vrf(vrf) => lower::<_, kind::Vrf>(vrf, id),
        LinkKind::Gre(tunnel) => lower::<_, kind::Gre>(tunnel, id),
        LinkKind::GreTap(tunnel) => lower::<_, kind::GreTap>(tunnel, id),
        LinkKind::Ip6Gre(tunnel) => lower::<_, kind::Ip6Gre>(tunnel, id),
        LinkKind::Ip6GreTap(tunnel) => lower::<_, kind::Ip6GreTap>(tunnel, id),
        LinkKind::IpIp(tunnel) => lower::<_, kind::IpIp>(tunnel, id),
        LinkKind::Sit(tunnel) => lower::<_, kind::Sit>(tunnel, id),
        LinkKind::Ip6Tunnel(tunnel) => lower::<_, kind::Ip6Tunnel>(tunnel, id),
    }
}

/// What of the link that is there is not as declared.
pub(super) fn difference(kind: &LinkKind, found: &Link, id: ById<'_>, name: ByIndex<'_>) -> Difference {
    let Some(there) = &found.kind else { return Difference::default() };
    let mut difference = between(there, &wanted(kind, id), name);
    if let (Kernel::Tun(there), LinkKind::Tun(_) | LinkKind::Tap(_)) = (there, kind) {
        let mode = if matches!(kind, LinkKind::Tap(_)) { TunMode::TAP } else { TunMode::TUN };
        if there.mode.is_some_and(|found| found != mode) {
            let before = there.mode.map_or_else(String::new, |mode| mode.to_string());
            let class = ChangeClass::Anew;
            difference.options.push(Differing { key: "kind", class, before, after: mode.to_string() });
        }
    }
    if let Some(parent) = parent_attribute(kind) {
        let wanted = id(parent);
        if found.parent_namespace_id.is_none() && wanted.is_some() && found.parent != wanted {
            let before = found.parent.and_then(name).unwrap_or_else(|| "nothing".to_owned());
            let class = ChangeClass::Anew;
            difference.options.push(Differing { key: "parent", class, before, after: parent.to_owned() });
        }
    }
    difference
}

/// What of the data of a kind is not as wanted, of what is set there.
pub(crate) fn between(found: &Kernel, wanted: &Kernel, name: ByIndex<'_>) -> Difference {
    fn same<K: Options>(found: &K, wanted: &Kernel, name: ByIndex<'_>) -> Difference {
        data_of::<K>(wanted)
            .map_or_else(Difference::default, |wanted| options::difference(found, wanted, name))
    }
    of_kind!(found, data => same(data, wanted, name), else Difference::default())
}

/// What can be declared of a kind, out of all that the kernel tells of it: much of that it does not take back.
pub(crate) fn declarable(found: &Kernel) -> Kernel {
    match found {
        Kernel::Tun(tun) => options::known(tun)
            .with(|attrs| {
                attrs.mode = tun.mode;
                attrs.persist = tun.persist;
            })
            .into(),
        Kernel::Veth(_) => kind::Veth::default().into(),
        found => of_kind!(found, data => options::known(data).into(), else found.clone()),
    }
}

/// The indexes of other links in the data of a kind.
pub(crate) fn indexes_in(kind: &mut Kernel) -> Vec<&mut u32> {
    fn of<K: Options>(data: &mut K) -> Vec<&mut u32> {
        // No kind has two rows with an index, so the first that has one is the only one.
        let row = K::ROWS.iter().find_map(|row| row.index);
        row.and_then(|row| row(data)).into_iter().collect()
    }
    of_kind!(kind, data => of(data), else Vec::new())
}

/// What of the kind of `ours` is declared no longer, as it shall be then: as it was before where that is known, else as the
/// kernel has it where nobody says otherwise. The keys of those of which neither is known come first.
pub(super) fn withdrawn(
    ours: &Kernel,
    declared: &Kernel,
    before: Option<&Kernel>,
) -> (Vec<&'static str>, Option<Kernel>) {
    fn of<K: Options>(
        ours: &K,
        declared: &Kernel,
        before: Option<&Kernel>,
    ) -> (Vec<&'static str>, Option<Kernel>) {
        let Some(declared) = data_of::<K>(declared) else { return (Vec::new(), None) };
        let before = before.and_then(data_of::<K>);
        let (mut unknown, mut back, mut any) = (Vec::new(), K::default(), false);
        for row in K::ROWS {
            let is_set = |data: &K| !(row.fits)(&K::default(), data) && (row.only)(data);
            if !is_set(ours) || is_set(declared) {
                continue;
            }
            match before.filter(|before| !(row.fits)(&K::default(), before)) {
                Some(before) => {
                    (row.keep)(before, &mut back);
                    any = true;
                }
                None if (row.default)(&mut back) => any = true,
                None if unknown.contains(&row.key) => {}
                None => unknown.push(row.key),
            }
        }
        (unknown, any.then(|| back.into()))
    }
    of_kind!(ours, data => of(data, declared, before), else (Vec::new(), None))
}

/// The data of a kind, where it is of that type.
fn data_of<K: Options>(kind: &Kernel) -> Option<&K> {
    let data: &dyn std::any::Any = of_kind!(kind, data => data, else return None);
    data.downcast_ref::<K>()
}

/// Both; where both set the same, the second.
pub(super) fn merged(first: Kernel, second: Kernel) -> Kernel {
    fn of<K: Options>(first: K, second: &Kernel) -> Kernel {
        match data_of::<K>(second) {
            Some(second) => options::merged(first, second).into(),
            None => first.into(),
        }
    }
    let other = second.clone();
    of_kind!(first, data => of(data, &second), else other)
}

/// The options of a kind in the file's words, but for those that the kernel has anyway.
pub(crate) fn shown(kind: &Kernel, name: ByIndex<'_>) -> Vec<(&'static str, serde_json::Value)> {
    fn of<K: Options>(data: &K, name: ByIndex<'_>) -> Vec<(&'static str, serde_json::Value)> {
        let mut usual = K::default();
        let rows = K::ROWS.iter().filter(|row| (row.only)(data));
        let unusual = rows.filter(|row| !((row.default)(&mut usual) && (row.fits)(data, &usual)));
        unusual.filter_map(|row| Some((row.key, (row.show)(data, name)?))).collect()
    }
    of_kind!(kind, data => of(data, name), else Vec::new())
}
