//! An address, a default route, and a firewall that drops one source.

use std::net::Ipv4Addr;

use nlink::netlink::addr::Ipv4Address;
use nlink::netlink::nftables::{BaseChain, Chain, Family, FilterHook, Priority, Rule};
use nlink::netlink::route::Ipv4Route;
use nlink::netlink::{Connection, Nftables, Route};

#[tokio::main]
async fn main() -> nlink::Result<()> {
    let net = Connection::<Route>::new()?;
    net.add_address(Ipv4Address::new("eth0", Ipv4Addr::new(192, 168, 1, 10), 24)).await?;
    net.set_link_up("eth0").await?;
    net.add_route(Ipv4Route::default_route().gateway(Ipv4Addr::new(192, 168, 1, 1)).dev("eth0")).await?;

    let bad = Ipv4Addr::new(192, 168, 1, 53);
    let input = BaseChain::filter(FilterHook::Input, Priority::Filter);
    let nft = Connection::<Nftables>::new()?;
    nft.transaction()
        .add_table("myFilter", Family::Ip)
        .add_chain(Chain::new("myFilter", "myChain")?.family(Family::Ip).base(input))
        .add_rule(
            Rule::new("myFilter", "myChain").family(Family::Ip).match_saddr_v4(bad, 32).counter().drop(),
        )
        .commit(&nft)
        .await
}
