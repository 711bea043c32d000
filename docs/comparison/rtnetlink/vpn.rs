//! A VPN client: all traffic goes to a TUN interface but for what has the mark, and never past it. Everything is taken
//! back at the end, whichever that is.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use futures::TryStreamExt;
use rtnetlink::packet_route::AddressFamily;
use rtnetlink::packet_route::route::{RouteMessage, RouteType};
use rtnetlink::packet_route::rule::{RuleAction, RuleAttribute, RuleFlags, RuleMessage};
use rtnetlink::{Error, Handle, LinkUnspec, RouteMessageBuilder, new_connection};
use tokio::signal::unix::{SignalKind, signal};

const MARK: u32 = 51820;
const VPN: u32 = 51820;

/// What was done and does not go with the interface.
enum Done {
    Route(RouteMessage),
    Rule(RuleMessage),
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let mut hangup = signal(SignalKind::hangup())?;
    let (connection, net, _) = new_connection()?;
    tokio::spawn(connection);
    // The kernel makes no TUN interface by netlink.
    let tunnel = tun_rs::DeviceBuilder::new().name("vpn0").build_sync()?;
    let link = net.link().get().match_name("vpn0").execute().try_next().await?.ok_or("there is no vpn0")?;
    let mut done = Vec::new();
    let connected = connect(&net, link.header.index, &mut done).await;
    if connected.is_ok() {
        println!("connected");
        // A client would encrypt them and send them with the mark.
        std::thread::spawn(move || {
            let mut packet = [0; 1500];
            while let Ok(length) = tunnel.recv(&mut packet) {
                println!("a packet of {length} bytes");
            }
        });
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
    let disconnected = disconnect(&net, done).await;
    Ok(connected.and(disconnected)?)
}

async fn connect(net: &Handle, tunnel: u32, done: &mut Vec<Done>) -> Result<(), Error> {
    net.address().add(tunnel, IpAddr::V4(Ipv4Addr::new(10, 8, 0, 2)), 24).execute().await?;
    let own = Ipv6Addr::new(0xfd00, 8, 0, 0, 0, 0, 0, 2);
    net.address().add(tunnel, IpAddr::V6(own), 64).execute().await?;
    net.link().set(LinkUnspec::new_with_index(tunnel).up().build()).execute().await?;

    let into4 = RouteMessageBuilder::<Ipv4Addr>::new().table_id(VPN).output_interface(tunnel);
    let into6 = RouteMessageBuilder::<Ipv6Addr>::new().table_id(VPN).output_interface(tunnel);
    for route in [into4.build(), into6.build()] {
        net.route().add(route).execute().await?;
    }
    let blocked4 = RouteMessageBuilder::<Ipv4Addr>::new().table_id(VPN).kind(RouteType::Unreachable);
    let blocked6 = RouteMessageBuilder::<Ipv6Addr>::new().table_id(VPN).kind(RouteType::Unreachable);
    for route in [blocked4.priority(u32::MAX).build(), blocked6.priority(u32::MAX).build()] {
        net.route().add(route.clone()).execute().await?;
        done.push(Done::Route(route));
    }
    for family in [AddressFamily::Inet, AddressFamily::Inet6] {
        // Networks that the host is in stay reachable; its default route does not count.
        let mut known = net.rule().add().table_id(254).priority(99).action(RuleAction::ToTable);
        known.message_mut().attributes.push(RuleAttribute::SuppressPrefixLen(0));
        let mut others =
            net.rule().add().table_id(VPN).fw_mark(MARK).priority(100).action(RuleAction::ToTable);
        others.message_mut().header.flags = RuleFlags::Invert;
        for mut request in [known, others] {
            request.message_mut().header.family = family;
            let rule = request.message_mut().clone();
            request.execute().await?;
            done.push(Done::Rule(rule));
        }
    }
    Ok(())
}

/// Takes back all that was done, and tells the first error.
async fn disconnect(net: &Handle, done: Vec<Done>) -> Result<(), Error> {
    let mut result = Ok(());
    for step in done.into_iter().rev() {
        let undone = match step {
            Done::Route(route) => net.route().del(route).execute().await,
            Done::Rule(rule) => net.rule().del(rule).execute().await,
        };
        result = result.and(undone);
    }
    result
}
