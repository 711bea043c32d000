use super::*;

const NEW: MessageFlags = MessageFlags::CREATE;
const APPEND: MessageFlags = MessageFlags::CREATE.union(MessageFlags::APPEND);
const REPLACE: MessageFlags = MessageFlags::CREATE.union(MessageFlags::REPLACE);

fn route(destination: &str, gateway: &str) -> Route {
    Route::to(destination.parse().unwrap()).via(gateway.parse().unwrap())
}

fn gateways(routes: &Routes, destination: &str) -> Vec<String> {
    let of = |route: &Route| match route.next_hops.as_slice() {
        [] => route.gateway.map(|gateway| gateway.to_string()).unwrap_or_default(),
        hops => hops
            .iter()
            .filter_map(|hop| hop.gateway)
            .map(|gateway| gateway.to_string())
            .collect::<Vec<_>>()
            .join("+"),
    };
    routes.to(Table::MAIN, destination.parse().unwrap()).iter().map(of).collect()
}

#[test]
fn routes_of_ipv4_stand_in_an_order() {
    let mut routes = Routes::default();
    let to = "192.0.2.0/24";
    for (gateway, flags) in [("10.0.0.1", NEW), ("10.0.0.2", APPEND), ("10.0.0.3", NEW)] {
        routes.apply(route(to, gateway), flags, false);
    }
    assert_eq!(gateways(&routes, to), ["10.0.0.3", "10.0.0.1", "10.0.0.2"]);
    let effect = routes.apply(route(to, "10.0.0.4"), REPLACE, false);
    assert!(matches!(effect, Effect::Update(change) if change.before().is_some()));
    assert_eq!(gateways(&routes, to), ["10.0.0.4", "10.0.0.1", "10.0.0.2"]);
    assert_eq!(routes.apply(route(to, "10.0.0.1"), NEW, false), Effect::Nothing, "told again");
    assert_eq!(routes.apply(route(to, "10.0.0.9"), NEW, true), Effect::Doubt);
    assert!(matches!(routes.apply(route(to, "10.0.0.1"), NEW, true), Effect::Update(_)));
    assert_eq!(
        (gateways(&routes, to), routes.len()),
        (vec!["10.0.0.4".to_owned(), "10.0.0.2".to_owned()], 2)
    );
    assert_eq!(routes.apply(route("198.51.100.0/24", "10.0.0.1"), NEW, true), Effect::Nothing);
}

#[test]
fn ways_of_ipv6_are_one_route() {
    let mut routes = Routes::default();
    let to = "2001:db8::/32";
    let several = |gateways: &[&str]| {
        gateways.iter().fold(Route::to(to.parse().unwrap()), |route, gateway| {
            route.by(NextHop::via(gateway.parse().unwrap()))
        })
    };
    routes.apply(route(to, "fe80::1"), NEW, false);
    routes.apply(several(&["fe80::2", "fe80::1"]), APPEND, false);
    routes.apply(Route::to(to.parse().unwrap()).dev(3), APPEND, false);
    assert_eq!(gateways(&routes, to), ["fe80::2+fe80::1", ""]);
    routes.apply(route(to, "fe80::2"), NEW, true);
    assert_eq!(gateways(&routes, to), ["fe80::1", ""]);
    routes.apply(several(&["fe80::5", "fe80::6"]), REPLACE, false);
    assert_eq!(gateways(&routes, to), ["fe80::5+fe80::6", ""]);
    assert!(matches!(routes.apply(several(&["fe80::6", "fe80::5"]), NEW, true), Effect::Update(_)));
    assert_eq!(gateways(&routes, to), [""]);
}

#[test]
fn the_longest_prefix_and_the_smallest_metric_match() {
    let mut routes = Routes::default();
    for (to, metric) in [("0.0.0.0/0", 5), ("10.0.0.0/8", 9), ("10.0.0.0/8", 7), ("10.1.0.0/16", 50)] {
        routes.push(route(to, "10.0.0.1").priority(metric));
    }
    let found = |address: &str| {
        routes.longest_match(Table::MAIN, address.parse().unwrap()).and_then(|found| found.priority)
    };
    assert_eq!(
        [found("10.1.2.3"), found("10.9.2.3"), found("192.0.2.1"), found("::1")],
        [Some(50), Some(7), Some(5), None]
    );
}

#[test]
fn differences_make_one_the_other() {
    let (mut before, mut now) = (Routes::default(), Routes::default());
    for gateway in ["10.0.0.1", "10.0.0.2"] {
        before.push(route("192.0.2.0/24", gateway));
    }
    now.push(route("192.0.2.0/24", "10.0.0.2"));
    now.push(route("192.0.2.0/24", "10.0.0.3"));
    now.push(route("198.51.100.0/24", "10.0.0.1"));
    let mut verbs = Vec::new();
    before.differences(&now, |change| verbs.push(change.verb()));
    assert_eq!(verbs, ["changed", "added"]);
    now.differences(&now.clone(), |change| panic!("{change:?}"));
}
