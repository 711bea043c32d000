//! Requests beside the bytes that `ip` sends for the same: iproute2 6.1, what follows the message's head, little-endian.
//! Link 2 is `d1`, link 3 is `d0`, link 4 is the bridge `br0`.
#![cfg(target_endian = "little")]
#![allow(clippy::unwrap_used, clippy::panic)]

use netwright_route::link::kind::MacvlanMode;
use netwright_route::link::{AlternativeNames, Change, Create, LinkAttrs, LinkFlags, LinkKind, Peer, Set};
use netwright_route::neighbour::NeighbourState;
use netwright_route::nexthop::GroupMember;
use netwright_route::route::{
    Lookup, MetricLocks, Metrics, NextHop, NextHopFlags, RouteKind, RouterPreference,
};
use netwright_route::rule::{Mark, PortRange, RuleAction, RuleFlags, UserRange};
use netwright_route::{
    Add, Address, Append, Delete, Family, LinkId, Neighbour, Nexthop, Object, Prefix, Protocol, Replace,
    Route, Rule, Scope, Table, address, link, neighbour, route, rule,
};
use netwright_wire::{Attributes, Request, Writer};

const D0: u32 = 3;
const D1: u32 = 2;
const BR0: u32 = 4;

/// `flags` are those of the head without `REQUEST`, `ACK` and `DUMP`.
struct Sent {
    kind: u16,
    flags: u16,
    payload: Vec<u8>,
}

fn sent(request: &impl Request) -> Sent {
    let mut writer = Writer::new();
    request.write(&mut writer);
    writer.check().unwrap();
    Sent { kind: request.kind(), flags: request.flags().bits(), payload: writer.bytes().to_vec() }
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

/// The order of attributes means nothing to the kernel.
fn sorted(payload: &[u8]) -> Vec<(u16, Vec<u8>)> {
    let walk = Attributes::new(payload).map(|attribute| attribute.unwrap());
    let mut attributes: Vec<_> = walk.map(|attribute| (attribute.kind, attribute.payload.to_vec())).collect();
    attributes.sort();
    attributes
}

fn check(command: &str, header: usize, request: &impl Request, kind: u16, flags: u16, hex: &str) {
    let sent = sent(request);
    let expected = bytes(hex);
    assert_eq!((sent.kind, sent.flags), (kind, flags), "{command}");
    assert_eq!(sent.payload[..header], expected[..header], "{command}: the header");
    assert_eq!(sorted(&sent.payload[header..]), sorted(&expected[header..]), "{command}");
}

/// Nests have the flag of nests and kinds end with a NUL with us and not with `ip`, so links are compared as what they say.
fn check_link(command: &str, request: &impl Request, kind: u16, flags: u16, hex: &str) {
    const HEADER: usize = 16;
    let sent = sent(request);
    let expected = bytes(hex);
    assert_eq!((sent.kind, sent.flags), (kind, flags), "{command}");
    assert_eq!(sent.payload[..HEADER], expected[..HEADER], "{command}: the header");
    let read = |payload: &[u8]| canonical(LinkAttrs::read_attributes(&payload[HEADER..]).unwrap());
    assert_eq!(read(&sent.payload), read(&expected), "{command}");
}

/// The attributes of a veth's peer are kept as bytes: they are read and written once more, for an order and form.
fn canonical(mut attrs: LinkAttrs) -> LinkAttrs {
    let kind = attrs.info.as_mut().and_then(|info| info.kind.as_mut());
    if let Some(LinkKind::Veth(link::kind::Veth { peer: Some(peer), .. })) = kind {
        let mut writer = Writer::new();
        LinkAttrs::read_attributes(&peer.attributes).unwrap().write_attributes(&mut writer);
        peer.attributes = writer.bytes().to_vec();
    }
    attrs
}

fn prefix(text: &str) -> Prefix {
    text.parse().unwrap()
}

#[test]
fn links_are_made() {
    let veth = Create::veth("a", Change::rename("b").and(Change::mtu(1300))).with(Change::mtu(1400));
    check_link(
        "ip link add name a mtu 1400 type veth peer name b mtu 1300",
        &veth,
        16,
        0x600,
        "000000000000000000000000000000000800040078050000060003006100000034001200080001007665746828000200240001\
         000000000000000000000000000000000008000400140500000600030062000000",
    );
    check_link(
        "ip link add link d0 name v5 type vlan id 5",
        &Create::vlan("v5", D0, 5),
        16,
        0x600,
        "00000000000000000000000000000000080005000300000007000300763500001800120008000100766c616e0c000200060001\
         0005000000",
    );
    check_link(
        "ip link add link d0 name m0 type macvlan mode bridge",
        &Create::macvlan("m0", D0, MacvlanMode::BRIDGE),
        16,
        0x600,
        "000000000000000000000000000000000800050003000000070003006d3000001c0012000b0001006d6163766c616e000c0002\
         000800010004000000",
    );
    let vxlan =
        link::kind::Vxlan::default().id(42).group([192, 0, 2, 9].into()).learning(true).port(4789.into());
    check_link(
        "ip link add x0 type vxlan id 42 remote 192.0.2.9 dstport 4789",
        &Create::new("x0", vxlan),
        16,
        0x600,
        "000000000000000000000000000000000700030078300000340012000900010076786c616e00000024000200080001002a0000\
         0008000200c0000209050007000100000006000f0012b50000",
    );
    let bridge = link::kind::Bridge::default().vlan_filtering(true).spanning_tree(1);
    check_link(
        "ip link add br1 type bridge vlan_filtering 1 stp_state 1",
        &Create::new("br1", bridge),
        16,
        0x600,
        "000000000000000000000000000000000800030062723100240012000a00010062726964676500001400020005000700010000\
         000800050001000000",
    );
}

#[test]
fn links_are_changed() {
    let set = |change: &Change, command: &str, hex: &str| {
        check_link(command, &Set { link: LinkId::new(D1), change }, 16, 0, hex);
    };
    set(
        &Change::up().and(Change::mtu(1400)),
        "ip link set d1 mtu 1400 up",
        "000000000200000001000000010000000800040078050000",
    );
    set(
        &Change::down().and(Change::promiscuous(true)).and(Change::arp(false)),
        "ip link set d1 down promisc on arp off",
        "00000000020000008001000081010000",
    );
    set(
        &Change::master(BR0),
        "ip link set d1 master br0",
        "0000000002000000000000000000000008000a0004000000",
    );
    set(
        &Change::without_master(),
        "ip link set d1 nomaster",
        "0000000002000000000000000000000008000a0000000000",
    );
    let several = Change::address([2, 0, 0, 0, 0, 7])
        .and(Change::transmit_queue_length(77))
        .and(Change::group(5))
        .and(Change::alias("hello"));
    set(
        &several,
        "ip link set d1 address 02:00:00:00:00:07 txqueuelen 77 group 5 alias hello",
        "000000000200000000000000000000000a000100020000000007000008000d004d00000008001b00050000000900140068656c\
         6c6f000000",
    );
}

#[test]
fn links_get_names_and_go() {
    let names =
        "0000000003000000000000000000000020003480190035006c6f6e676c6f6e676c6f6e676c6f6e676e616d6500000000";
    let name = "longlonglonglongname";
    check_link("ip link property add dev d0 altname …", &AlternativeNames::add(D0, name), 108, 0xe00, names);
    check_link("ip link property del dev d0 altname …", &AlternativeNames::remove(D0, name), 109, 0, names);
    check_link("ip link del m0", &link::Delete::new(7), 17, 0, "00000000070000000000000000000000");
}

#[test]
fn addresses() {
    const HEADER: usize = 8;
    let parsed = |text: &str| text.parse::<Address>().unwrap().on(D0);
    let plain = "021800000300000008000200c000020108000100c0000201";
    let address = parsed("192.0.2.1/24");
    check("ip addr add 192.0.2.1/24 dev d0", HEADER, &Add(&address), 20, 0x600, plain);
    check("ip addr del 192.0.2.1/24 dev d0", HEADER, &Delete(&address), 21, 0, plain);
    check(
        "ip addr add 127.0.0.5/8 dev lo",
        HEADER,
        &Add(&"127.0.0.5/8".parse::<Address>().unwrap().on(1)),
        20,
        0x600,
        "020800fe01000000080002007f000005080001007f000005",
    );
    let lifetime = |preferred, valid| Some(address::Lifetime { preferred, valid });
    let mut address = parsed("2001:db8::1/64");
    address.lifetime = lifetime(Some(200), None);
    check(
        "ip addr replace 2001:db8::1/64 dev d0 valid_lft forever preferred_lft 200",
        HEADER,
        &Replace(&address),
        20,
        0x500,
        "0a400000030000001400020020010db80000000000000000000000011400010020010db8000000000000000000000001140006\
         00c8000000ffffffff0000000000000000",
    );
    address.lifetime = lifetime(Some(50), Some(100));
    address.flags = address::AddressFlags::NO_DUPLICATE_DETECTION;
    check(
        "ip addr add 2001:db8::1/64 dev d0 nodad valid_lft 100 preferred_lft 50",
        HEADER,
        &Add(&address),
        20,
        0x600,
        "0a400200030000001400020020010db80000000000000000000000011400010020010db8000000000000000000000001140006\
         0032000000640000000000000000000000",
    );
    let mut address = parsed("10.1.0.1/32");
    address.peer = Some([10, 1, 0, 2].into());
    address.broadcast = Some([10, 1, 0, 255].into());
    address.label = Some("d0:x".into());
    address.flags = address::AddressFlags::NO_PREFIX_ROUTE;
    check(
        "ip addr add 10.1.0.1 peer 10.1.0.2/32 brd 10.1.0.255 label d0:x dev d0 noprefixroute",
        HEADER,
        &Add(&address),
        20,
        0x600,
        "0220000003000000080002000a010001080001000a010002080004000a0100ff0900030064303a780000000008000800000200\
         00",
    );
}

fn check_route(command: &str, request: &impl Request, flags: u16, hex: &str) {
    check(command, 12, request, 24, flags, hex);
}

#[test]
fn routes_of_every_kind_are_made() {
    let to = |text: &str| Route::to(prefix(text));
    check_route(
        "ip route add default via 10.9.9.2 dev d0",
        &Add(&Route::default_via([10, 9, 9, 2].into()).dev(D0)),
        0x600,
        "02000000fe03000100000000080005000a0909020800040003000000",
    );
    check_route(
        "ip route add 198.51.100.0/24 dev d0 proto static src 10.9.9.1",
        &Add(&to("198.51.100.0/24")
            .dev(D0)
            .protocol(Protocol::STATIC)
            .preferred_source([10, 9, 9, 1].into())),
        0x600,
        "02180000fe04fd010000000008000100c6336400080007000a0909010800040003000000",
    );
    check_route(
        "ip route add local 198.51.101.0/24 dev d0",
        &Add(&to("198.51.101.0/24").dev(D0).of_kind(RouteKind::LOCAL)),
        0x600,
        "02180000ff03fe020000000008000100c63365000800040003000000",
    );
    check_route(
        "ip route add broadcast 198.51.107.255 dev d0",
        &Add(&to("198.51.107.255").dev(D0).of_kind(RouteKind::BROADCAST)),
        0x600,
        "02200000ff03fd030000000008000100c6336bff0800040003000000",
    );
    check_route(
        "ip route add blackhole 198.51.102.0/24 table 1000",
        &Add(&to("198.51.102.0/24").of_kind(RouteKind::BLACKHOLE).table(Table(1000))),
        0x600,
        "02180000000300060000000008000100c633660008000f00e8030000",
    );
    check_route(
        "ip route add unreachable 2001:db8:2::/64 metric 7",
        &Add(&to("2001:db8:2::/64").of_kind(RouteKind::UNREACHABLE).priority(7)),
        0x600,
        "0a400000fe030007000000001400010020010db80002000000000000000000000800060007000000",
    );
}

#[test]
fn routes_with_all_that_belongs_to_them_are_made() {
    let to = |text: &str| Route::to(prefix(text));
    let second = NextHop::via([10, 9, 9, 3].into()).dev(D0);
    check_route(
        "ip route append 198.51.103.0/24 nexthop via 10.9.9.2 dev d0 weight 2 nexthop via 10.9.9.3 dev d0 onlink",
        &Append(
            &to("198.51.103.0/24")
                .by(NextHop::via([10, 9, 9, 2].into()).dev(D0).weight(2))
                .by(NextHop { flags: NextHopFlags::ON_LINK, ..second }),
        ),
        0xc00,
        "02180000fe0300010000000008000100c6336700240009001000000103000000080005000a0909021000040003000000080005\
         000a090903",
    );
    let mut route = to("2001:db8:3::/64").dev(D0);
    route.preference = Some(RouterPreference::HIGH);
    route.expires = Some(100);
    check_route(
        "ip route add 2001:db8:3::/64 dev d0 pref high expires 100",
        &Add(&route),
        0x600,
        "0a400000fe030001000000001400010020010db8000300000000000000000000050014000100000008001700640000000800\
         040003000000",
    );
    check_route(
        "ip route add 198.51.105.0/24 via 172.16.0.1 dev d0 onlink",
        &Add(&to("198.51.105.0/24").via([172, 16, 0, 1].into()).dev(D0).on_link()),
        0x600,
        "02180000fe0300010400000008000100c633690008000500ac1000010800040003000000",
    );
    check_route(
        "ip route add 198.51.106.0/24 nhid 9",
        &Add(&to("198.51.106.0/24").nexthop(9)),
        0x600,
        "02180000fe0300010000000008000100c6336a0008001e0009000000",
    );
    check(
        "ip route del unicast 198.51.104.0/24",
        12,
        &Delete(&to("198.51.104.0/24").of_kind(RouteKind::UNICAST)),
        25,
        0,
        "02180000fe00ff010000000008000100c6336800",
    );
}

/// `ip` writes the lock behind the other metrics, so this one is compared as what it says.
#[test]
fn a_gateway_of_the_other_family_and_metrics() {
    let metrics = Metrics::default().mtu(1400).lock(MetricLocks::MTU).advertised_segment_size(1300);
    let route = Route::to(prefix("198.51.104.0/24")).via("fe80::1".parse().unwrap()).dev(D0).metrics(metrics);
    // ip route replace 198.51.104.0/24 via inet6 fe80::1 dev d0 mtu lock 1400 advmss 1300
    let expected = bytes(
        "02180000fe0300010000000008000100c6336800160012000a00fe800000000000000000000000000001000008000400030000\
         001c000800080002007805000008000800140500000800010004000000",
    );
    let sent = sent(&Replace(&route));
    assert_eq!((sent.kind, sent.flags), (24, 0x500));
    assert_eq!(sent.payload[..12], expected[..12]);
    let read = |payload: &[u8]| route::RouteAttrs::read_attributes(&payload[12..]).unwrap();
    assert_eq!(read(&sent.payload), read(&expected));
}

#[test]
fn routes_are_asked_for() {
    let mut lookup = Lookup::to([10, 9, 9, 7].into());
    lookup.source = Some([10, 9, 9, 1].into());
    lookup.mark = Some(5);
    check(
        "ip route get 10.9.9.7 mark 5 from 10.9.9.1",
        12,
        &lookup,
        26,
        0,
        "022020000000000000100000080001000a090907080002000a0909010800100005000000",
    );
    let list = route::List { family: Family::IPV4, ..route::List::of_table(Table(1000)) };
    check("ip -4 route show table 1000", 12, &list, 26, 0, "02000000000000000000000008000f00e8030000");
    let list = route::List { family: Family::IPV6, link: Some(LinkId::new(D0)), ..route::List::default() };
    check("ip -6 route show table all dev d0", 12, &list, 26, 0, "0a00000000000000000000000800040003000000");
}

#[test]
fn rules() {
    const HEADER: usize = 12;
    let ours = |rule: Rule| Rule { protocol: Some(Protocol::NETWRIGHT), ..rule };
    check(
        "ip rule add from 10.0.0.0/8 fwmark 1/0xff iif d0 table 1000 pref 100 protocol 157",
        HEADER,
        &Add(&ours(
            Rule::lookup(Table(1000))
                .from(prefix("10.0.0.0/8"))
                .mark(Mark { value: 1, mask: 0xff })
                .incoming("d0")
                .priority(100),
        )),
        32,
        0x600,
        "020008000000000100000000080002000a00000008000a000100000008001000ff000000070003006430000008000f00e80300\
         000800060064000000050015009d000000",
    );
    let mut refuse = Rule::new(RuleAction::UNREACHABLE).to(prefix("10.1.0.0/16")).priority(101);
    refuse.flags = RuleFlags::INVERT;
    refuse.ip_protocol = Some(6);
    refuse.destination_ports = Some(PortRange { start: 80, end: 90 });
    refuse.users = Some(UserRange { start: 5, end: 6 });
    check(
        "ip rule add not to 10.1.0.0/16 unreachable pref 101 ipproto tcp dport 80-90 uidrange 5-6 protocol 157",
        HEADER,
        &Add(&ours(refuse)),
        32,
        0x600,
        "021000000000000702000000080001000a010000080006006500000005001600060000000800180050005a000c001400050000\
         0006000000050015009d000000",
    );
    let mut goto = Rule::new(RuleAction::GOTO).family(Family::IPV6).outgoing("d0").priority(102);
    goto.target = Some(30000);
    check(
        "ip -6 rule add oif d0 goto 30000 pref 102 protocol 157",
        HEADER,
        &Add(&ours(goto)),
        32,
        0x600,
        "0a0000000000000200000000070011006430000008000400307500000800060066000000050015009d000000",
    );
    let suppress = Rule { suppress_prefix_length: Some(0), ..Rule::lookup(Table::MAIN).priority(103) };
    check(
        "ip rule add lookup main suppress_prefixlength 0 pref 103 protocol 157",
        HEADER,
        &Add(&ours(suppress)),
        32,
        0x600,
        "02000000fe0000010000000008000e00000000000800060067000000050015009d000000",
    );
    check(
        "ip rule del pref 101",
        HEADER,
        &Delete(&Rule::default().priority(101)),
        33,
        0,
        "0200000000000000000000000800060065000000",
    );
    let list = rule::List { family: Family::IPV4 };
    check("ip rule show", HEADER, &list, 34, 0, "020000000000000000000000");
}

#[test]
fn neighbours() {
    const HEADER: usize = 12;
    let mut neighbour = Neighbour::new(D0, [10, 9, 9, 5].into(), [2, 0, 0, 0, 0, 1].into());
    check(
        "ip neigh add 10.9.9.5 lladdr 02:00:00:00:00:01 dev d0",
        HEADER,
        &Add(&neighbour),
        28,
        0x600,
        "020000000300000080000000080001000a0909050a0002000200000000010000",
    );
    neighbour.state = NeighbourState::REACHABLE;
    neighbour.address = Some([2, 0, 0, 0, 0, 2].into());
    check(
        "ip neigh replace 10.9.9.5 lladdr 02:00:00:00:00:02 dev d0 nud reachable",
        HEADER,
        &Replace(&neighbour),
        28,
        0x500,
        "020000000300000002000000080001000a0909050a0002000200000000020000",
    );
    check(
        "ip neigh add proxy 10.9.9.6 dev d0",
        HEADER,
        &Add(&Neighbour::proxy(D0, [10, 9, 9, 6].into())),
        28,
        0x600,
        "020000000300000080000800080001000a090906",
    );
    let list = neighbour::List::on(D0);
    check("ip neigh show dev d0", HEADER, &list, 30, 0, "0000000000000000000000000800080003000000");
}

#[test]
fn nexthops() {
    const HEADER: usize = 8;
    let nexthop = Nexthop {
        id: Some(9),
        gateway: Some([10, 9, 9, 2].into()),
        link: Some(LinkId::new(D0)),
        ..Nexthop::default()
    };
    check(
        "ip nexthop add id 9 via 10.9.9.2 dev d0",
        HEADER,
        &Add(&nexthop),
        104,
        0x600,
        "02000000000000000800010009000000080006000a0909020800050003000000",
    );
    let group = Nexthop { id: Some(10), group: vec![GroupMember::new(9).weight(3)], ..Nexthop::default() };
    check(
        "ip nexthop add id 10 group 9,3",
        HEADER,
        &Add(&group),
        104,
        0x600,
        "0000000000000000080001000a0000000c0002000900000002000000",
    );
}

/// What is said besides by default values, which the commands above cannot show.
#[test]
fn defaults_are_those_of_the_object() {
    assert_eq!(Route::to(prefix("2001:db8::/32")).effective_scope(), Scope::GLOBAL);
    assert_eq!(Route::to(prefix("10.0.0.0/8")).effective_scope(), Scope::LINK);
    assert_eq!(LinkFlags::UP, Change::up().set_flags);
    assert_eq!(Peer::from("b").name(), Some("b"));
    assert_eq!(<Route as Object>::NOUN, "route");
}
