//! A thousand routes in tasks of tokio, and what became of each.

use std::net::Ipv4Addr;
use std::sync::Arc;

use nlink::netlink::route::Ipv4Route;
use nlink::netlink::{Connection, Route};
use tokio::task::JoinSet;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let net = Arc::new(Connection::<Route>::new()?);
    let eth0 = net.resolve_interface(&"eth0".into()).await?;
    let mut tasks = JoinSet::new();
    for to in (0..1000).map(|number| Ipv4Addr::from(0x0a00_0000 + number)) {
        let net = Arc::clone(&net);
        tasks.spawn(async move { (to, net.add_route(Ipv4Route::new(to, 32).dev_index(eth0)).await) });
    }
    let mut added = 0;
    while let Some(done) = tasks.join_next().await {
        match done? {
            (_, Ok(())) => added += 1,
            (to, Err(error)) => println!("{to}/32: {error}"),
        }
    }
    println!("{added} added");
    Ok(())
}
