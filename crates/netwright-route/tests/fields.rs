//! Whatever is set of an object or a request is sent or refused. The compiler sees to it that no field is left out here.
#![allow(clippy::unwrap_used)]

use netwright_route::address::{AddressFlags, AddressProtocol, Lifetime};
use netwright_route::link::kind::{Bridge, Dummy};
use netwright_route::link::{
    AddressGeneration, AlternativeNames, Change, Create, LinkFlags, LinkKind, NamespaceRef, PortKind, Set,
};
use netwright_route::neighbour::{NeighbourExtendedFlags, NeighbourFlags, NeighbourState};
use netwright_route::nexthop::GroupMember;
use netwright_route::route::{
    Encapsulation, EncapsulationKind, Lookup, Metrics, NextHop, NextHopFlags, RouteFlags, RouteKind,
    RouterPreference,
};
use netwright_route::rule::{Mark, PortRange, RuleAction, RuleFlags, UserRange};
use netwright_route::{
    Add, Address, Delete, Family, LinkId, Neighbour, Nexthop, Prefix, Protocol, RawNest, Route, Rule, Scope,
    Table, address, link, neighbour, nexthop, route,
};
use netwright_wire::{Attribute, Request, Unknown, Writer};

/// What a request is on the wire; `None` where it is refused before.
fn bytes(request: &impl Request) -> Option<Vec<u8>> {
    let mut writer = Writer::new();
    request.write(&mut writer);
    writer.check().ok()?;
    Some([&request.kind().to_ne_bytes(), &request.flags().bits().to_ne_bytes(), writer.bytes()].concat())
}

/// Sets each field of a value alone. It must make another message of it or none, but where it is said to be the kernel's alone
/// (`state`), or to be sent by another request (`apart`).
macro_rules! sweep {
    ($type:ident from $base:expr, $request:expr; $($field:ident: $value:expr $(, $other:ident)?;)*) => {{
        let base = $base;
        let $type { $($field: _),* } = &base;
        let plain = bytes(&$request(&base)).expect("what nothing is wrong with is sent");
        $({
            let mut changed = base.clone();
            changed.$field = $value;
            let what = concat!(stringify!($type), "::", stringify!($field));
            assert_ne!(changed, base, "{what} is not set here");
            let same = bytes(&$request(&changed)).as_ref() == Some(&plain);
            let other: &[&str] = &[$(stringify!($other))?];
            assert_eq!(same, !other.is_empty(), "{what}: {}", if same { "nothing comes of it" } else { "it is sent" });
        })*
    }};
}

fn unknown() -> Unknown {
    let mut unknown = Unknown::default();
    unknown.keep(u16::MAX, Attribute { kind: 999, nested: false, payload: &[1, 2, 3, 4] });
    unknown
}

fn nest() -> RawNest {
    RawNest(vec![8, 0, 1, 0, 7, 0, 0, 0])
}

fn encapsulation() -> Option<Box<Encapsulation>> {
    Some(Box::new(Encapsulation { kind: EncapsulationKind::IP, data: nest() }))
}

fn ip(text: &str) -> std::net::IpAddr {
    text.parse().unwrap()
}

fn prefix(text: &str) -> Prefix {
    text.parse().unwrap()
}

fn routes() -> [Route; 2] {
    [Route::to(prefix("198.51.100.0/24")), Route::to(prefix("2001:db8::/48"))].map(|route| route.dev(7))
}

#[test]
fn of_a_route() {
    for base in routes() {
        let ipv6 = base.destination.address.is_ipv6();
        sweep! { Route from base.clone(), Add;
            destination: prefix("203.0.113.0/25");
            source: Some(prefix("2001:db8:1::/64"));
            kind: RouteKind::BLACKHOLE;
            table: Some(Table(1000));
            protocol: Some(Protocol::DHCP);
            scope: Some(Scope::HOST);
            type_of_service: 16;
            gateway: Some(ip("192.0.2.1"));
            link: Some(LinkId::new(9));
            incoming: Some(LinkId::new(9)), state;
            priority: Some(5);
            preferred_source: Some(ip("192.0.2.2"));
            metrics: Some(Box::new(Metrics::default().mtu(1400)));
            next_hops: vec![NextHop::via(ip("192.0.2.1"))];
            nexthop: Some(5);
            encapsulation: encapsulation();
            preference: Some(RouterPreference::HIGH);
            expires: Some(60);
            flags: RouteFlags::ON_LINK;
            mark: Some(1), state;
            user: Some(1), state;
            flow: Some(7);
            cache_info: Some(Box::default()), state;
            unknown: unknown();
        }
        let by = |hop: &NextHop| {
            let mut route = base.clone();
            route.link = None;
            Owned(route.by(hop.clone()))
        };
        let gateway = if ipv6 { ip("2001:db8::1") } else { ip("192.0.2.1") };
        sweep! { NextHop from NextHop::via(gateway), by;
            link: Some(LinkId::new(9));
            gateway: Some(ip("192.0.2.9"));
            weight: 2;
            flags: NextHopFlags::ON_LINK;
            flow: Some(7);
            encapsulation: encapsulation();
            unknown: unknown();
        }
    }
    sweep! { Lookup from Lookup::to(ip("192.0.2.1")), Clone::clone;
        destination: ip("192.0.2.2");
        source: Some(ip("192.0.2.3"));
        incoming: Some(LinkId::new(9));
        outgoing: Some(LinkId::new(9));
        mark: Some(1);
        user: Some(1);
        type_of_service: 16;
        ip_protocol: Some(6);
        source_port: Some(1);
        destination_port: Some(1);
        as_in_table: true;
    }
    use route::List;
    sweep! { List from List::default(), Clone::clone;
        family: Family::IPV6;
        table: Some(Table(1000));
        link: Some(LinkId::new(9));
        protocol: Some(Protocol::DHCP);
        kind: Some(RouteKind::BLACKHOLE);
        cached: true;
    }
}

/// A request that owns its route.
struct Owned(Route);

impl netwright_wire::Subject for Owned {
    fn describe(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        netwright_wire::Subject::describe(&Add(&self.0), f)
    }
}

impl Request for Owned {
    const PROTOCOL: i32 = 0;

    fn kind(&self) -> u16 {
        Add(&self.0).kind()
    }

    fn write(&self, writer: &mut Writer) {
        Add(&self.0).write(writer);
    }
}

#[test]
fn of_an_address() {
    for base in ["192.0.2.1/24", "2001:db8::1/64"] {
        sweep! { Address from base.parse::<Address>().unwrap().on(7), Add;
            link: LinkId::new(9);
            address: ip("192.0.2.9");
            prefix_length: 25;
            peer: Some(ip("192.0.2.8"));
            broadcast: Some([192, 0, 2, 255].into());
            label: Some("d0:1".into());
            scope: Some(Scope::LINK);
            flags: AddressFlags::NO_PREFIX_ROUTE;
            lifetime: Some(Lifetime { preferred: Some(60), valid: Some(90) });
            route_priority: Some(5);
            protocol: Some(AddressProtocol(9));
            unknown: unknown();
        }
    }
    use address::List;
    sweep! { List from List::default(), Clone::clone;
        family: Family::IPV6;
        link: Some(LinkId::new(9));
    }
}

#[test]
fn of_a_rule() {
    let ports = || Some(PortRange { start: 80, end: 80 });
    for family in [Family::IPV4, Family::IPV6] {
        let base = Rule::lookup(Table(100)).family(family);
        macro_rules! sweep_rule {
            ($request:expr) => {
                sweep! { Rule from base.clone(), $request;
                    family: Family(99);
                    priority: Some(0);
                    from: Some(prefix("10.0.0.0/8"));
                    to: Some(prefix("2001:db8::/32"));
                    incoming: Some("d0".into());
                    outgoing: Some("d0".into());
                    mark: Some(Mark { value: 0, mask: 1 });
                    type_of_service: 16;
                    users: Some(UserRange { start: 0, end: 0 });
                    ip_protocol: Some(6);
                    source_ports: ports();
                    destination_ports: ports();
                    source_port_mask: Some(1);
                    destination_port_mask: Some(1);
                    dscp: Some(0);
                    dscp_mask: Some(1);
                    flow_label: Some(0);
                    flow_label_mask: Some(1);
                    tunnel: Some(0);
                    action: RuleAction::UNREACHABLE;
                    table: Some(Table(1000));
                    vrf: true;
                    target: Some(7);
                    suppress_prefix_length: Some(0);
                    suppress_group: Some(0);
                    flow: Some(7);
                    flags: RuleFlags::INVERT;
                    protocol: Some(Protocol::DHCP);
                    unknown: unknown();
                }
            };
        }
        sweep_rule!(Add);
        sweep_rule!(Delete);
    }
}

#[test]
fn of_a_neighbour() {
    let address = || Some([2, 0, 0, 0, 0, 1].into());
    for family in [Family::IPV4, Family::IPV6, Family::BRIDGE] {
        let base = match family {
            Family::BRIDGE => Neighbour::forwarding(7, [2, 0, 0, 0, 0, 9].into()),
            Family::IPV4 => Neighbour::new(7, ip("192.0.2.1"), [2, 0, 0, 0, 0, 9].into()),
            _ => Neighbour::new(7, ip("2001:db8::1"), [2, 0, 0, 0, 0, 9].into()),
        };
        sweep! { Neighbour from base, Add;
            family: Family(99);
            link: LinkId::new(9);
            destination: Some(ip("192.0.2.9"));
            address: address();
            state: NeighbourState::STALE;
            flags: NeighbourFlags::ROUTER;
            extended_flags: Some(NeighbourExtendedFlags::MANAGED);
            protocol: Some(Protocol::DHCP);
            vlan: Some(0);
            port: Some(0);
            vni: Some(0);
            source_vni: Some(0);
            lower_link: Some(9);
            master: Some(9), state;
            nexthop: Some(0);
            probes: Some(9), state;
            cache_info: Some(Default::default()), state;
            unknown: unknown();
        }
    }
    use neighbour::List;
    sweep! { List from List::default(), Clone::clone;
        family: Family::IPV6;
        link: Some(LinkId::new(9));
        master: Some(LinkId::new(9));
        proxies: true;
    }
}

#[test]
fn of_a_nexthop() {
    sweep! { Nexthop from Nexthop { link: Some(LinkId::new(7)), ..Nexthop::default() }, Add;
        id: Some(1);
        family: Family::IPV6;
        link: Some(LinkId::new(9));
        gateway: Some(ip("192.0.2.9"));
        group: vec![GroupMember::new(1)];
        group_kind: Some(0);
        blackhole: true;
        forwarding: true;
        encapsulation: encapsulation();
        resilient_group: Some(nest());
        hardware_statistics: Some(false);
        protocol: Some(Protocol::DHCP);
        flags: RouteFlags::ON_LINK;
        unknown: unknown();
    }
    let of_member = |member: &GroupMember| OfMember(*member);
    sweep! { GroupMember from GroupMember::new(1), of_member;
        id: 2;
        weight: 300;
    }
    use nexthop::List;
    sweep! { List from List::default(), Clone::clone;
        link: Some(LinkId::new(9));
        master: Some(LinkId::new(9));
        only_groups: true;
        family: Family::IPV6;
    }
}

struct OfMember(GroupMember);

impl netwright_wire::Subject for OfMember {
    fn describe(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("add a group")
    }
}

impl Request for OfMember {
    const PROTOCOL: i32 = 0;

    fn kind(&self) -> u16 {
        0
    }

    fn write(&self, writer: &mut Writer) {
        Add(&Nexthop { group: vec![self.0], ..Nexthop::default() }).write(writer);
    }
}

#[test]
fn of_a_change_of_a_link() {
    fn set(change: &Change) -> Set<'_> {
        Set { link: LinkId::new(7), change }
    }
    macro_rules! sweep_change {
        ($request:expr) => {
            sweep! { Change from Change::default(), $request;
                set_flags: LinkFlags::UP;
                clear_flags: LinkFlags::UP;
                name: Some("d1".into());
                mtu: Some(0);
                address: Some([2, 0, 0, 0, 0, 1].into());
                broadcast: Some([2, 0, 0, 0, 0, 1].into());
                master: Some(LinkId::new(0));
                group: Some(0);
                namespace: Some(NamespaceRef::Process(1));
                new_index: Some(0);
                transmit_queue_length: Some(0);
                alias: Some(String::new());
                carrier: Some(false);
                address_generation: Some(AddressGeneration::EUI64);
                kind: Some(LinkKind::Bridge(Bridge::default().forward_delay(0)));
                port: Some(PortKind::Vrf(Default::default()));
                gso_maximum_size: Some(0);
                gso_ipv4_maximum_size: Some(0);
                gro_maximum_size: Some(0);
                gro_ipv4_maximum_size: Some(0);
                alternative_names: vec!["other".into()];
            }
        };
    }
    sweep_change!(set);
    sweep_change!(|change: &Change| Create::bridge("d0").with(change.clone()));
    sweep_change!(|change: &Change| Create::veth("d0", change));
    sweep! { Create from Create::bridge("d0"), Clone::clone;
        kind: LinkKind::Dummy(Dummy::default());
        parent: Some(LinkId::new(9));
        index: Some(0);
        transmit_queues: Some(0);
        receive_queues: Some(0);
        settings: Change::mtu(0);
    }
    use link::List;
    sweep! { List from List::default(), Clone::clone;
        kind: Some("veth".into());
        master: Some(LinkId::new(9));
        family_statistics: true;
    }
    let names = AlternativeNames::add(LinkId::new(7), "other");
    assert_ne!(bytes(&names), bytes(&AlternativeNames::add(LinkId::new(7), "another")));
}
