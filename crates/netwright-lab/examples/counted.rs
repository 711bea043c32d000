//! The main paths of the library, each at a size, for `cargo xtask counts`: `counted PATH COUNT`, in a namespace of its own.

use std::net::{IpAddr, Ipv4Addr};
use std::ops::ControlFlow;

use netwright::nft::{Chain, Family, Hook, Map, Mark, Port, Priority, Rule, Set, Table, ip, prefix, tcp};
use netwright::{Net, Route};
use netwright_route::{Address, Prefix, route};

type Outcome = Result<(), Box<dyn std::error::Error>>;

fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [path, count] = arguments.as_slice() else { return Err("usage: counted PATH COUNT".into()) };
    let (net, count) = (Net::open()?, count.parse()?);
    match path.as_str() {
        "set" => set(&net, count),
        "intervals" => intervals(&net, count),
        "pairs" => pairs(&net, count),
        "map" => map(&net, count),
        "rules" => rules(&net, count),
        "elements" => is(net.nft().elements(Set::<Ipv4Addr>::new(&table(), "s").reference())?.len(), count),
        "dump" => is(net.nft().dump(Family::IPV4)?.rules.len(), count),
        "add-routes" => add_routes(&net, count),
        "routes" => is(net.routes().list()?.iter().filter(|route| is_added(route)).count(), count),
        "each-route" => each_route(&net, count),
        "add-addresses" => add_addresses(&net, count),
        "addresses" => {
            is(net.addresses().list()?.iter().filter(|one| one.prefix_length == 32).count(), count)
        }
        "links" => is(net.links().list()?.iter().filter(|link| !link.is_loopback()).count(), count),
        _ => Err(format!("there is no path `{path}`").into()),
    }
}

fn is(found: usize, wanted: usize) -> Outcome {
    if found == wanted { Ok(()) } else { Err(format!("{found} were found, and {wanted} are there").into()) }
}

fn address(index: usize) -> Ipv4Addr {
    Ipv4Addr::from(0x0a00_0000 + index as u32)
}

fn table() -> Table {
    Table::new(Family::IPV4, "t")
}

fn set(net: &Net, count: usize) -> Outcome {
    let mut batch = net.nft().batch();
    let table = batch.add(table());
    batch.add(Set::<Ipv4Addr>::new(&table, "s").elements((0..count).map(address)));
    batch.commit()?;
    Ok(())
}

fn intervals(net: &Net, count: usize) -> Outcome {
    let mut batch = net.nft().batch();
    let table = batch.add(table());
    let networks = (0..count).map(|index| prefix(Ipv4Addr::from(0x0100_0000 + 512 * index as u32), 24));
    batch.add(Set::<Ipv4Addr>::new(&table, "s").intervals().elements(networks));
    batch.commit()?;
    Ok(())
}

fn pairs(net: &Net, count: usize) -> Outcome {
    let mut batch = net.nft().batch();
    let table = batch.add(table());
    let pairs = (0..count).map(|index| (address(index), Port((index % 60_000) as u16)));
    batch.add(Set::<(Ipv4Addr, Port)>::new(&table, "s").elements(pairs));
    batch.commit()?;
    Ok(())
}

fn map(net: &Net, count: usize) -> Outcome {
    let mut batch = net.nft().batch();
    let table = batch.add(table());
    let pairs = (0..count).map(|index| (address(index), Mark(index as u32)));
    batch.add(Map::<Ipv4Addr, Mark>::new(&table, "m").elements(pairs));
    batch.commit()?;
    Ok(())
}

fn rules(net: &Net, count: usize) -> Outcome {
    let mut batch = net.nft().batch();
    let table = batch.add(table());
    let chain = batch.add(Chain::base(&table, "c", Hook::Input, Priority::FILTER));
    for index in 0..count {
        let rule = Rule::in_chain(&chain).eq(ip::SADDR, address(index));
        batch.add(rule.eq(tcp::DPORT, (1 + index % 60_000) as u16).counter().accept());
    }
    batch.commit()?;
    Ok(())
}

fn add_routes(net: &Net, count: usize) -> Outcome {
    let link = net.links().get("v0")?.id();
    let route = |index| {
        let to = Prefix { address: IpAddr::V4(address(index)), length: 32 };
        Route::to(to).via(IpAddr::V4(Ipv4Addr::new(172, 31, 0, 2))).dev(link)
    };
    is(net.routes().add_all((0..count).map(route))?.len(), 0)
}

/// Those of the main table to single addresses.
fn is_added(route: &Route) -> bool {
    route.gateway.is_some()
}

fn each_route(net: &Net, count: usize) -> Outcome {
    let mut found = 0;
    net.routes().each(route::List::default(), |route| {
        found += usize::from(route.gateway()?.is_some());
        Ok(ControlFlow::Continue(()))
    })?;
    is(found, count)
}

fn add_addresses(net: &Net, count: usize) -> Outcome {
    let link = net.links().get("v0")?.id();
    let address = |index| Address::new(IpAddr::V4(address(index)), 32).on(link);
    is(net.addresses().add_all((0..count).map(address))?.len(), 0)
}
