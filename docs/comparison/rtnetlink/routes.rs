//! A thousand routes in tasks of tokio, and what became of each.

use std::net::Ipv4Addr;

use futures::stream::{StreamExt, TryStreamExt, iter};
use rtnetlink::{RouteMessageBuilder, new_connection};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (connection, net, _) = new_connection()?;
    tokio::spawn(connection);
    let eth0 = net.link().get().match_name("eth0").execute().try_next().await?.ok_or("there is no eth0")?;
    let addresses = (0..1000).map(|number| Ipv4Addr::from(0x0a00_0000 + number));
    let added = iter(addresses).map(|to| {
        let route = RouteMessageBuilder::<Ipv4Addr>::new().destination_prefix(to, 32);
        let request = net.route().add(route.output_interface(eth0.header.index).build());
        async move { (to, request.execute().await) }
    });
    let results: Vec<_> = added.buffer_unordered(100).collect().await;
    for (to, result) in &results {
        if let Err(error) = result {
            println!("{to}/32: {error}");
        }
    }
    println!("{} added", results.iter().filter(|(_, result)| result.is_ok()).count());
    Ok(())
}
