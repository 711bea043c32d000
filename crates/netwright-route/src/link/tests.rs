use netwright_wire::{Header, MessageFlags, Request, Subject, Writer};

use super::kind::{
    Bond, BondAggregation, BondPort, Bridge, BridgePort, MacvlanMode, PortState, Vlan, VlanFlagChange,
    VlanFlags, Vxlan,
};
use super::*;

fn read(payload: &[u8]) -> Link {
    let header = Header { length: 0, kind: NEW_LINK, flags: MessageFlags::empty(), sequence: 0, port: 0 };
    LinkView::read(&Message { header, payload }).unwrap().unwrap().own().unwrap()
}

fn written(request: &impl Request) -> Vec<u8> {
    let mut writer = Writer::new();
    request.write(&mut writer);
    writer.bytes().to_vec()
}

struct Said<'a, S>(&'a S);

impl<S: Subject> fmt::Display for Said<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.describe(f)
    }
}

/// States, some of which the kernel refuses, are told and not sent back.
#[test]
fn states_are_not_sent() {
    let bridge = Bridge::default().forward_delay(400);
    let listed = bridge.clone().root_id([1; 8]).hello_timer(7).learnt(3);
    assert_eq!(written(&Create::new("b", listed.clone())), written(&Create::new("b", bridge.clone())));
    assert_eq!(LinkKind::from(listed).without_state(), bridge.into());
    let port = BridgePort::default().cost(5).maximum_multicast_groups(9);
    let listed = port.clone().hold_timer(7).state(PortState::FORWARDING).multicast_groups(3);
    let set = |port: BridgePort| written(&Set { link: LinkId::new(3), change: &Change::port(port) });
    assert_eq!(set(listed), set(port.state(PortState::FORWARDING)));
    let vxlan = |inherits: bool| Vxlan::default().id(7).ttl_inherit(inherits.into());
    assert_eq!(LinkKind::from(vxlan(false)).without_state(), Vxlan::default().id(7).into());
    assert_eq!(LinkKind::from(vxlan(true)).without_state(), vxlan(true).into());
    let bond = Bond::default().miimon(100);
    let listed = bond.clone().aggregation(BondAggregation::default().ports(2));
    assert_eq!(LinkKind::from(listed).without_state(), bond.into());
    let port = BondPort::default().queue_id(2);
    assert_eq!(PortKind::from(port.clone().state(1).failures(3)).without_state(), port.into());
}

#[test]
fn a_created_link_reads_back() {
    let change = VlanFlagChange { flags: VlanFlags::GVRP, mask: VlanFlags::all() };
    let vlan = Vlan { id: Some(0), flags: Some(change), protocol: Some(0x88a8.into()), ..Vlan::default() };
    let create = Create::new("v0", vlan.clone())
        .above(LinkId::named(3, "eth0"))
        .with(Change::mtu(1400).and(Change::alias("to all")).and(Change::group(0)));
    let link = read(&written(&create));
    assert_eq!((link.name.as_str(), link.parent, link.mtu), ("v0", Some(3), Some(1400)));
    assert_eq!((link.alias.as_deref(), link.group), (Some("to all"), Some(0)));
    assert_eq!(link.kind, Some(LinkKind::Vlan(vlan)));
    assert_eq!(*link.rest, LinkAttrs::default());
    assert_eq!(Said(&create).to_string(), "create vlan link v0 above eth0");
}

#[test]
fn an_unknown_kind_keeps_its_data() {
    let kind = LinkKind::Unknown { name: "netkit".into(), data: vec![8, 0, 1, 0, 1, 2, 3, 4] };
    let link = read(&written(&Create::new("nk0", kind.clone())));
    assert_eq!(link.kind, Some(kind));
}

#[test]
fn one_flag_changes_without_the_others() {
    let change = Change::up().and(Change::promiscuous(false)).and(Change::down());
    assert_eq!(
        (change.set_flags, change.clear_flags),
        (LinkFlags::empty(), LinkFlags::UP | LinkFlags::PROMISCUOUS)
    );
    let set = Set { link: LinkId::named(2, "eth0"), change: &change };
    let header = LinkHeader::view::<netwright_wire::Native>(&written(&set)).unwrap();
    assert_eq!((header.index, header.flags, header.change), (2, LinkFlags::empty(), change.clear_flags));
    assert_eq!(Said(&set).to_string(), "set link eth0: down, not promiscuous");
}

#[test]
fn moving_to_a_namespace() {
    let change = Change::namespace(NamespaceRef::Descriptor(0))
        .and(Change { new_index: Some(9), ..Change::default() });
    let attrs = LinkAttrs::read_attributes(&written(&Set { link: 2.into(), change: &change })[16..]).unwrap();
    assert_eq!((attrs.namespace_fd, attrs.namespace_pid, attrs.new_index), (Some(0), None, Some(9)));
    let peer = Peer::new(&Change::rename("b").and(Change::namespace(NamespaceRef::Process(77))));
    assert_eq!((peer.name(), peer.attributes().namespace_pid().unwrap()), (Some("b"), Some(77)));
}

#[test]
fn a_long_name_is_looked_for_as_an_alternative_one() {
    let place = |name| {
        let attrs = LinkAttrs::read_attributes(&written(&Get::by_name(name))[16..]).unwrap();
        (attrs.name.is_some(), attrs.alternative_name.is_some())
    };
    assert_eq!(place("fifteen-bytes--"), (true, false));
    assert_eq!(place("sixteen-bytes---"), (false, true));
}

#[test]
fn messages_of_other_families_are_not_links() {
    let header = Header { length: 0, kind: NEW_LINK, flags: MessageFlags::empty(), sequence: 0, port: 0 };
    let payload = &[7; 16];
    assert_eq!(LinkView::read(&Message { header, payload }).unwrap(), None);
    assert_eq!(MacvlanMode::from_name("bridge"), Some(MacvlanMode::BRIDGE));
}
