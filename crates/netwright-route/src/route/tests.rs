use netwright_wire::{Header, MessageFlags};

use super::*;

fn round_trip(route: &Route) -> Route {
    let mut writer = Writer::new();
    route.write(Purpose::New, &mut writer);
    let header =
        Header { length: 0, kind: kind::NEW_ROUTE, flags: MessageFlags::empty(), sequence: 0, port: 0 };
    Route::read(&Message { header, payload: writer.bytes() }).unwrap().unwrap()
}

/// A route with all that the kernel would fill in.
fn complete(route: Route) -> Route {
    let (table, scope) = (route.effective_table(), route.effective_scope());
    let kind = if route.kind == RouteKind::UNSPECIFIED { RouteKind::UNICAST } else { route.kind };
    Route { table: Some(table), scope: Some(scope), protocol: Some(Protocol::BGP), kind, ..route }
}

#[test]
fn what_is_written_is_read() {
    let encapsulation =
        Box::new(Encapsulation { kind: EncapsulationKind(77), data: RawNest(vec![4, 0, 1, 0]) });
    let hop = NextHop { encapsulation: Some(encapsulation.clone()), ..NextHop::via([10, 0, 0, 1].into()) };
    let several = Route::to("198.51.100.0/24".parse().unwrap())
        .by(hop.dev(3).weight(256))
        .by(NextHop { flow: Some(0), ..NextHop::via("fe80::1".parse().unwrap()).dev(4) });
    assert_eq!(round_trip(&complete(several.clone())), complete(several));
    let mut all = Route::to("2001:db8::/32".parse().unwrap()).via("fe80::1".parse().unwrap()).dev(3);
    all.source = Some("2001:db8:1::/48".parse().unwrap());
    all.table = Some(Table(256));
    all.priority = Some(0);
    all.encapsulation = Some(encapsulation);
    all.preference = Some(RouterPreference::LOW);
    all.expires = Some(0);
    let all =
        all.metrics(Metrics { congestion_control: Some("bbr".into()), mtu: Some(0), ..Metrics::default() });
    assert_eq!(round_trip(&complete(all.clone())), complete(all));
}

#[test]
fn defaults_of_scope_and_table() {
    let to = |kind: RouteKind| Route::to("10.0.0.0/8".parse().unwrap()).of_kind(kind);
    for (route, scope, table) in [
        (to(RouteKind::UNICAST), Scope::LINK, Table::MAIN),
        (to(RouteKind::UNICAST).via([10, 0, 0, 1].into()), Scope::GLOBAL, Table::MAIN),
        (to(RouteKind::UNICAST).via("fe80::1".parse().unwrap()), Scope::GLOBAL, Table::MAIN),
        (to(RouteKind::UNICAST).nexthop(0), Scope::GLOBAL, Table::MAIN),
        (to(RouteKind::LOCAL), Scope::HOST, Table::LOCAL),
        (to(RouteKind::ANYCAST), Scope::LINK, Table::LOCAL),
        (to(RouteKind::MULTICAST), Scope::LINK, Table::MAIN),
        (to(RouteKind::BLACKHOLE), Scope::GLOBAL, Table::MAIN),
        (to(RouteKind::UNICAST).scope(Scope::HOST).table(Table(0)), Scope::HOST, Table(0)),
    ] {
        assert_eq!((route.effective_scope(), route.effective_table()), (scope, table), "{route}");
    }
}

#[test]
fn states_are_not_sent_back() {
    let mut route = complete(Route::default_via([10, 0, 0, 1].into()).on_link());
    route.flags |= RouteFlags::DEAD | RouteFlags::LINK_DOWN | RouteFlags::OFFLOAD;
    assert_eq!(round_trip(&route).flags, RouteFlags::ON_LINK);
}

#[test]
fn a_gateway_that_is_no_ip_address_is_kept() {
    let via = Via { family: 17, address: vec![2, 0, 0, 0, 0, 1] };
    let attrs = RouteAttrs { via: Some(via), ..RouteAttrs::default() };
    let header = RouteHeader { family: 2, ..RouteHeader::default() };
    let mut writer = Writer::new();
    attrs.write_attributes(&mut writer);
    let route = read::route(header, writer.bytes()).unwrap();
    assert_eq!(route.gateway, None);
    assert_eq!(route.unknown.iter().next().map(|raw| (raw.kind, raw.payload.len())), Some((18, 8)));
}

#[test]
fn a_view_reads_in_place() {
    let route =
        Route::to("198.51.100.0/24".parse().unwrap()).via("fe80::1".parse().unwrap()).table(Table(1000));
    let mut writer = Writer::new();
    route.write(Purpose::New, &mut writer);
    let header =
        Header { length: 0, kind: kind::NEW_ROUTE, flags: MessageFlags::empty(), sequence: 0, port: 0 };
    let view = RouteView::read(&Message { header, payload: writer.bytes() }).unwrap().unwrap();
    assert_eq!(view.destination().unwrap(), route.destination);
    assert_eq!((view.gateway().unwrap(), view.table().unwrap()), (route.gateway, Table(1000)));
}

#[test]
fn text() {
    let route = Route::to("0.0.0.0/0".parse().unwrap())
        .by(NextHop::via([10, 0, 0, 1].into()).weight(2).dev(LinkId::named(2, "a")))
        .by(NextHop::default().dev(3))
        .table(Table(9));
    assert_eq!(
        route.to_string(),
        "default nexthop via 10.0.0.1 dev a weight 2 nexthop dev if3 weight 1 table 9"
    );
    let route = Route::to("::/0".parse().unwrap()).of_kind(RouteKind::UNREACHABLE).table(Table::MAIN);
    assert_eq!(route.to_string(), "unreachable default");
}

/// One that has run out stays an end: it must not be made again as one that lasts.
#[test]
fn what_is_left_of_a_route_is_never_forever() {
    for (hundredths, seconds) in [(0, None), (6000, Some(60)), (99, Some(0)), (1, Some(0)), (-500, Some(0))] {
        let mut writer = Writer::new();
        let route = complete(Route::to("2001:db8::/32".parse().unwrap()).dev(3));
        route.write(Purpose::New, &mut writer);
        let info = RouteCacheInfo { expires: hundredths, ..RouteCacheInfo::default() };
        RouteAttrs { cache_info: Some(info), ..RouteAttrs::default() }.write_attributes(&mut writer);
        let header =
            Header { length: 0, kind: kind::NEW_ROUTE, flags: MessageFlags::empty(), sequence: 0, port: 0 };
        let read = Route::read(&Message { header, payload: writer.bytes() }).unwrap().unwrap();
        assert_eq!(read.expires, seconds, "{hundredths}");
    }
}
