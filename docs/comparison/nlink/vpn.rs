//! A VPN client: all traffic goes to a TUN interface but for what has the mark, and never past it. Everything is taken
//! back at the end, whichever that is.

use std::io::Read;
use std::net::{Ipv4Addr, Ipv6Addr};

use nlink::netlink::addr::{Ipv4Address, Ipv6Address};
use nlink::netlink::route::{Ipv4Route, Ipv6Route};
use nlink::netlink::rule::RuleBuilder;
use nlink::netlink::types::route::RouteType;
use nlink::netlink::{Connection, Route};
use nlink::tuntap::{Mode, TunTap};
use tokio::signal::unix::{SignalKind, signal};

const MARK: u32 = 51820;
const VPN: u32 = 51820;

/// What was done and does not go with the interface.
enum Done {
    Route4(Ipv4Route),
    Route6(Ipv6Route),
    Rule(RuleBuilder),
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let mut hangup = signal(SignalKind::hangup())?;
    let net = Connection::<Route>::new()?;
    let tunnel = TunTap::builder().name("vpn0").mode(Mode::Tun).no_pi(true).create()?;
    let mut done = Vec::new();
    let connected = connect(&net, tunnel.name(), &mut done).await;
    if connected.is_ok() {
        println!("connected");
        // A client would encrypt them and send them with the mark.
        let mut device = tunnel.into_file();
        std::thread::spawn(move || {
            let mut packet = [0; 1500];
            while let Ok(length) = device.read(&mut packet) {
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

async fn connect(net: &Connection<Route>, tunnel: &str, done: &mut Vec<Done>) -> nlink::Result<()> {
    net.add_address(Ipv4Address::new(tunnel, Ipv4Addr::new(10, 8, 0, 2), 24)).await?;
    net.add_address(Ipv6Address::new(tunnel, Ipv6Addr::new(0xfd00, 8, 0, 0, 0, 0, 0, 2), 64)).await?;
    net.set_link_up(tunnel).await?;

    net.add_route(Ipv4Route::default_route().dev(tunnel).table(VPN)).await?;
    net.add_route(Ipv6Route::default_route().dev(tunnel).table(VPN)).await?;
    let blocked = Ipv4Route::default_route().route_type(RouteType::Unreachable).table(VPN).metric(u32::MAX);
    net.add_route(blocked.clone()).await?;
    done.push(Done::Route4(blocked));
    let blocked = Ipv6Route::default_route().route_type(RouteType::Unreachable).table(VPN).metric(u32::MAX);
    net.add_route(blocked.clone()).await?;
    done.push(Done::Route6(blocked));

    for rules in [RuleBuilder::v4, RuleBuilder::v6] {
        // Networks that the host is in stay reachable; its default route does not count.
        let known = rules().table(254).suppress_prefixlen(0).priority(99);
        let others = rules().table(VPN).fwmark(MARK).invert().priority(100);
        for rule in [known, others] {
            net.add_rule(rule.clone()).await?;
            done.push(Done::Rule(rule));
        }
    }
    Ok(())
}

/// Takes back all that was done, and tells the first error.
async fn disconnect(net: &Connection<Route>, done: Vec<Done>) -> nlink::Result<()> {
    let mut result = Ok(());
    for step in done.into_iter().rev() {
        let undone = match step {
            Done::Route4(route) => net.del_route_if_exists(route).await,
            Done::Route6(route) => net.del_route_if_exists(route).await,
            Done::Rule(rule) => net.del_rule_if_exists(rule).await,
        };
        result = result.and(undone.map(drop));
    }
    result
}
