//! A monitor: tells as lines what there is (`+`), what comes (`+`) and what goes (`-`). Of nftables it tells nothing.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use futures::{StreamExt, TryStreamExt};
use rtnetlink::packet_core::NetlinkPayload;
use rtnetlink::packet_route::AddressFamily;
use rtnetlink::packet_route::RouteNetlinkMessage as Message;
use rtnetlink::packet_route::address::{AddressAttribute, AddressMessage};
use rtnetlink::packet_route::link::{LinkAttribute, LinkMessage};
use rtnetlink::packet_route::neighbour::{NeighbourAddress, NeighbourAttribute, NeighbourMessage};
use rtnetlink::packet_route::route::{RouteAddress, RouteAttribute, RouteMessage};
use rtnetlink::{MulticastGroup, RouteMessageBuilder, new_connection, new_multicast_connection};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Events are collected from before the first list on.
    let (connection, _, mut events) = new_multicast_connection(&[
        MulticastGroup::Link,
        MulticastGroup::Ipv4Ifaddr,
        MulticastGroup::Ipv6Ifaddr,
        MulticastGroup::Ipv4Route,
        MulticastGroup::Ipv6Route,
        MulticastGroup::Neigh,
    ])?;
    tokio::spawn(connection);
    let (connection, net, _) = new_connection()?;
    tokio::spawn(connection);

    let mut names = Names::default();
    let mut links = net.link().get().execute();
    while let Some(link) = links.try_next().await? {
        names.tell(&Message::NewLink(link));
    }
    let mut addresses = net.address().get().execute();
    while let Some(address) = addresses.try_next().await? {
        names.tell(&Message::NewAddress(address));
    }
    let all =
        [RouteMessageBuilder::<Ipv4Addr>::new().build(), RouteMessageBuilder::<Ipv6Addr>::new().build()];
    for family in all {
        let mut routes = net.route().get(family).execute();
        while let Some(route) = routes.try_next().await? {
            names.tell(&Message::NewRoute(route));
        }
    }
    let mut neighbours = net.neighbours().get().execute();
    while let Some(neighbour) = neighbours.try_next().await? {
        names.tell(&Message::NewNeighbour(neighbour));
    }
    println!("listed");

    while let Some((message, _)) = events.next().await {
        match message.payload {
            NetlinkPayload::InnerMessage(message) => names.tell(&message),
            NetlinkPayload::Overrun(_) => return Err("events were lost".into()),
            _ => {}
        }
    }
    Err("the connection has ended".into())
}

/// The links' names, by their index.
#[derive(Default)]
struct Names(HashMap<u32, String>);

impl Names {
    fn tell(&mut self, message: &Message) {
        match message {
            Message::NewLink(link) => self.link('+', link),
            Message::DelLink(link) => self.link('-', link),
            Message::NewAddress(address) => self.address('+', address),
            Message::DelAddress(address) => self.address('-', address),
            Message::NewRoute(route) => self.route('+', route),
            Message::DelRoute(route) => self.route('-', route),
            Message::NewNeighbour(neighbour) => self.neighbour('+', neighbour),
            Message::DelNeighbour(neighbour) => self.neighbour('-', neighbour),
            _ => {}
        }
    }

    fn name(&self, index: u32) -> &str {
        self.0.get(&index).map_or("?", String::as_str)
    }

    fn link(&mut self, sign: char, link: &LinkMessage) {
        let name = link.attributes.iter().find_map(|attribute| match attribute {
            LinkAttribute::IfName(name) => Some(name.clone()),
            _ => None,
        });
        let Some(name) = name else { return };
        println!("{sign} link {name}");
        self.0.insert(link.header.index, name);
    }

    fn address(&self, sign: char, message: &AddressMessage) {
        let mut own = None;
        for attribute in &message.attributes {
            match attribute {
                AddressAttribute::Local(address) => own = Some(address),
                AddressAttribute::Address(address) if own.is_none() => own = Some(address),
                _ => {}
            }
        }
        let Some(own) = own else { return };
        let dev = self.name(message.header.index);
        println!("{sign} address {own}/{} dev {dev}", message.header.prefix_len);
    }

    fn route(&self, sign: char, route: &RouteMessage) {
        let mut to: IpAddr = match route.header.address_family {
            AddressFamily::Inet => Ipv4Addr::UNSPECIFIED.into(),
            _ => Ipv6Addr::UNSPECIFIED.into(),
        };
        let (mut dev, mut table) = (String::new(), u32::from(route.header.table));
        for attribute in &route.attributes {
            match attribute {
                RouteAttribute::Destination(RouteAddress::Inet(address)) => to = (*address).into(),
                RouteAttribute::Destination(RouteAddress::Inet6(address)) => to = (*address).into(),
                RouteAttribute::Oif(index) => dev = format!(" dev {}", self.name(*index)),
                RouteAttribute::Table(number) => table = *number,
                _ => {}
            }
        }
        println!("{sign} route {to}/{}{dev} table {table}", route.header.destination_prefix_length);
    }

    fn neighbour(&self, sign: char, message: &NeighbourMessage) {
        for attribute in &message.attributes {
            let address: IpAddr = match attribute {
                NeighbourAttribute::Destination(NeighbourAddress::Inet(address)) => (*address).into(),
                NeighbourAttribute::Destination(NeighbourAddress::Inet6(address)) => (*address).into(),
                _ => continue,
            };
            println!("{sign} neighbour {address} dev {}", self.name(message.header.ifindex));
        }
    }
}
